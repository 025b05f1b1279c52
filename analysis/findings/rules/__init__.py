"""`RULES`: everything a report can state, each a pure function from an `Analysis` to findings."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from analysis import statistics as st
from analysis.findings.analysis_result import Analysis
from analysis.findings.finding import Finding
from analysis.findings.rules import (
    advice,
    attribution,
    data,
    epochs,
    goal,
    performance,
    problems,
    seeds,
    seen,
    stability,
)

RULES: Mapping[str, Callable[[Analysis], list[Finding]]] = {
    "rule.result": attribution.rules_result,
    "goal.achieved": goal.achieved,
    "seen.best": seen.best_values,
    "stability.oscillation_count": stability.oscillation_count,
    "stability.cause": stability.least_stable,
    "stability.noise": stability.noise_change,
    "stability.white_noise": stability.white_noise,
    "stability.volatility": stability.volatility,
    "performance.final_training": performance.final_training,
    "performance.step_matched": performance.matched_steps,
    "performance.final_validation": performance.final_validation,
    "performance.primary": performance.full_validation,
    "seeds.improvement": seeds.improvement,
    "performance.trade_off": performance.trade_off,
    "efficiency.expected_steps": data.expected_steps,
    "epochs.change": epochs.epoch_change,
    "epochs.overfitting": epochs.more_epochs,
    "coverage.full": advice.coverage,
    "curves.shape": epochs.curve_shape,
    "problems": problems.problems,
    "gap.risk": epochs.gap_sign,
    "gap.rounding": data.rounding,
    "attribution": attribution.factors,
    "ranking.first": performance.ranking,
    "advice.patience": advice.patience,
    "advice.noise": advice.sampling_noise,
    "gate": attribution.comparability,
    "data.identical": data.identical_logs,
    "data.logged_steps": data.logged_steps,
    "data.complete": data.complete_steps,
    "data.cadence": data.validation_cadence,
    "data.missing": data.missing_values,
    "data.timestamps": data.timestamps,
}
"""Stable rule ID -> rule, in the order of the report. Detectors keep their own IDs under ``problems``."""


RENAMED = {"document.result": "rule.result"}
"""Current rule IDs by their former ones, which run sets may still mute."""


def find_all(analysis: Analysis) -> tuple[Finding, ...]:
    """Return the findings of every rule that is not muted."""
    muted = {RENAMED.get(rule_id, rule_id) for rule_id in analysis.parameters.mute}
    found = [
        finding
        for rule_id, rule in RULES.items()
        if rule_id not in muted
        for finding in rule(analysis)
        if finding.rule not in muted
    ]
    return tuple(_one_family(found, analysis.settings.alpha))


def _one_family(found: list[Finding], alpha: float) -> list[Finding]:
    """Adjust the p-values of claims that are outside the families of comparisons as one more family (multi.holm)."""
    tested = [n for n, f in enumerate(found) if f.claim and f.p is not None and f.p_adjusted is None]
    adjusted = st.holm([p for n in tested if (p := found[n].p) is not None])
    for n, p in zip(tested, adjusted, strict=True):
        lost = found[n].status == "supported" and p > alpha
        found[n] = replace(found[n], p_adjusted=p, status="not supported" if lost else found[n].status)
    return found
