"""RULES: everything the report can claim, each a pure function from an `Analysis` to findings."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from analysis.findings import Finding
from analysis.model import Analysis
from analysis.rules import advice, attribution, data, epochs, goal, performance, problems, seeds, seen, stability

RULES: Mapping[str, Callable[[Analysis], list[Finding]]] = {
    "document.result": attribution.document_result,
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
    "data.logged_steps": data.logged_steps,
    "data.complete": data.complete_steps,
    "data.cadence": data.validation_cadence,
    "data.missing": data.missing_values,
    "data.timestamps": data.timestamps,
}
"""Stable rule ID -> rule, in the order of the report. Detectors keep their own IDs under ``problems``."""


def find_all(analysis: Analysis) -> tuple[Finding, ...]:
    """Apply every rule that is not muted."""
    muted = set(analysis.parameters.mute)
    return tuple(
        finding
        for rule_id, rule in RULES.items()
        if rule_id not in muted
        for finding in rule(analysis)
        if finding.rule not in muted
    )
