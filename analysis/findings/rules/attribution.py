"""Rules about attribution to factors, the result by rules of thumb, and comparability."""

from __future__ import annotations

import math

from analysis import statistics as st
from analysis.core.blocks import Status
from analysis.core.config_factors import changed_factors
from analysis.core.number_format import listed
from analysis.core.rich_text import Rich, rich
from analysis.core.run_names import factor_title, short_value
from analysis.evidence.comparability import ATTRIBUTION, gate, remedy
from analysis.evidence.comparisons import Comparison
from analysis.evidence.verdict_words import LEAST_SEEDS, MOST_SEEDS, shown_scale
from analysis.findings.analysis_result import Analysis
from analysis.findings.finding import Finding
from analysis.findings.rules.build import difference_words, sentence


def factors(a: Analysis) -> list[Finding]:
    """Check every claim "factor X had an effect" by the comparability gate and the primary comparison."""
    if a.baseline is None or a.gate is None:
        return []
    found = []
    for factor, values in changed_factors([a.baseline, a.candidate]).items():
        if factor == "seed":
            continue
        before, after = values[a.baseline.id], values[a.candidate.id]
        others = [f for f in a.gate.factors if f != factor]
        unknown = [name for name in ATTRIBUTION if name not in a.gate.factors]  # changed factors are named already
        reasons = a.gate.reason(*unknown)
        if others:
            changed = listed([factor_title(f).lower() for f in others])
            reasons = "; ".join(filter(None, [f"{changed} changed too", reasons]))
        status: Status
        primary = a.verdict.primary
        if others or a.gate.attributable != "same":
            status, so = "cannot tell", f"what it did cannot be told: {reasons}"
        elif primary is None:
            why = a.verdict.sentence.rstrip(".")
            status, so = "cannot tell", f"with one run each it may be chance; {why}"
        else:
            status, so = _judged(a, primary, too_high=_too_high(a, factor), raised=_raised(before, after))
        found.append(
            Finding(
                f"attribution.{factor}",
                "attribution",
                f"impact-{factor}",
                sentence(so),
                status,
                _claim(a, factor, before, after),
                definition="gate.comparability",
                runs=(a.baseline.id, a.candidate.id),
                remedy=remedy(a.gate.failed(*ATTRIBUTION)),
            )
        )
    return found


def rules_result(a: Analysis) -> list[Finding]:
    """Check the result by rules of thumb by that of the evidence."""
    if a.baseline is None or a.rule_verdict.outcome == "not assessed":
        return []
    alike = {
        "improved": ("improved",),
        "regressed": ("regressed",),
        "mixed": ("mixed",),
        "unchanged": ("equivalent",),
        "less stable": ("stability-only change",),
        "more stable": ("stability-only change",),
    }
    opposite = {"improved": "regressed", "regressed": "improved"}
    outcome, result = a.rule_verdict.outcome, a.verdict.result
    status: Status
    if result == "insufficient data" or (outcome, result) == ("unchanged", "no evidence of a difference"):
        status = "cannot tell"  # no evidence of a difference is not evidence of equality
    elif result in alike.get(outcome, ()):
        status = "supported"
    elif opposite.get(outcome) == result or result == "equivalent":
        status = "contradicted"
    else:
        status = "not supported"
    return [
        Finding(
            "rule.result",
            "rule.result",
            "summary",
            rich("{sentence} {numbers}", sentence=a.verdict.sentence, numbers=a.verdict.numbers),
            status,
            rich("{headline}", headline=a.rule_verdict.headline.capitalize()),
            definition="verdict.evidence",
            runs=(a.baseline.id, a.candidate.id),
        )
    ]


def comparability(a: Analysis) -> list[Finding]:
    """State whether each run is comparable with the baseline."""
    found = []
    reference = a.run(a.reference_id)
    for run in a.runs:
        if run.id == reference.id or (run.only_evaluated and reference.only_evaluated):
            continue  # evaluations are compared on common examples, so nothing is open
        pair = gate(reference, run)
        failed = pair.failed()
        status: Status = "supported"
        if failed:
            different = any(check.state == "different" for check in failed)
            status = "not supported" if different else "cannot tell"
        text = rich(
            "Comparing {run} with {base} like for like: {why}.",
            run=a.name(run.id),
            base=a.name(reference.id),
            why="; ".join(check.text for check in failed) or "they agree in all that must agree",
        )
        found.append(
            Finding(
                f"gate:{run.id}",
                "gate",
                "data-quality",
                text,
                status,
                definition="gate.comparability",
                runs=(reference.id, run.id),
                remedy=remedy(failed) if run.id == a.candidate.id else "",
            )
        )
    return found


def _judged(a: Analysis, primary: Comparison, *, too_high: bool, raised: bool) -> tuple[Status, str]:
    """Return status and reason of a claim about the one factor that changed."""
    scale, unit = shown_scale(primary)
    numbers = difference_words(primary, scale=scale, unit=unit)
    verdict = primary.verdict(a.settings.alpha)
    if too_high and not raised:
        return "not tested", f"no run here raised it alone; {numbers}"
    if too_high and verdict == "better":
        return "contradicted", f"the run with the higher one is better; {numbers}"
    if primary.seed_source in ("", "none"):
        return "not tested", f"one seed each cannot tell a setting from chance; {numbers}{_seeds_needed(a, primary)}"
    if not primary.known or verdict == "no difference":
        return "not supported", f"it is the one factor that changed; {numbers}"
    return "supported", f"it is the one factor that changed; {numbers}"


def _seeds_needed(a: Analysis, primary: Comparison) -> str:
    """Return how many seeds would show a difference of the observed size; empty if unknown."""
    usual, size = primary.usual_seed_sd, abs(primary.result.value)
    if not usual or not math.isfinite(size) or size == 0 or primary.ratio:
        return ""
    seeds = st.required_size(usual, size)
    if seeds is None or seeds > MOST_SEEDS:
        return f"; a difference of this size would take more than {MOST_SEEDS} seeds a side"
    return f"; with the usual scatter of seeds, {max(LEAST_SEEDS, seeds)} a side would show a difference of this size"


def _too_high(a: Analysis, factor: str) -> bool:
    return factor == "learning_rate" and any(r.id == "rule.reduce_learning_rate" for r in a.recommendations)


def _raised(before: object, after: object) -> bool:
    numbers = [value for value in (before, after) if isinstance(value, int | float)]
    return len(numbers) == 2 and numbers[1] > numbers[0]


def _claim(a: Analysis, factor: str, before: object, after: object) -> Rich:
    if _too_high(a, factor):
        return rich("Learning rate {rate} is too high", rate=short_value(after))
    return rich(
        "{factor} ({before} → {after}) had an effect on the results",
        factor=factor_title(factor),
        before=short_value(before),
        after=short_value(after),
    )
