"""The overall result by rules of thumb."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from analysis.core.settings import Settings
from analysis.heuristics.formulas import change_pct
from analysis.heuristics.run_numbers import RuleNumbers

Outcome = Literal["improved", "regressed", "mixed", "unchanged", "less stable", "more stable", "not assessed"]

HEADLINES: Mapping[Outcome, str] = {
    "improved": "IMPROVED",
    "regressed": "REGRESSED",
    "mixed": "MIXED RESULTS - NOT OPTIMAL",
    "unchanged": "NO CHANGE",
    "less stable": "LESS STABLE - PERFORMANCE UNCHANGED",
    "more stable": "MORE STABLE - PERFORMANCE UNCHANGED",
    "not assessed": "NOT ASSESSED",
}


@dataclass(frozen=True)
class RuleVerdict:
    """The overall result by rules of thumb, from the last validation value and the oscillation count."""

    outcome: Outcome
    headline: str
    performance_change: float | None
    performance_better: bool | None
    oscillation_change_pct: float | None


def rule_verdict(candidate: RuleNumbers, baseline: RuleNumbers | None, settings: Settings) -> RuleVerdict:
    """Return the result by rules of thumb: better validation with many more oscillations is mixed, and so on."""
    if baseline is None:
        return RuleVerdict("not assessed", HEADLINES["not assessed"], None, None, None)
    change, better = _performance(candidate, baseline)
    oscillations = change_pct(baseline.oscillations, candidate.oscillations)
    limit = settings.more_oscillations_pct
    shakier = oscillations is not None and oscillations > limit
    calmer = oscillations is not None and oscillations < -limit
    outcome: Outcome
    if change is None:
        outcome = "not assessed"
    elif better is None:
        outcome = "less stable" if shakier else "more stable" if calmer else "unchanged"
    elif better:
        outcome = "mixed" if shakier else "improved"
    else:
        outcome = "mixed" if calmer else "regressed"
    return RuleVerdict(outcome, HEADLINES[outcome], change, better, oscillations)


def _performance(candidate: RuleNumbers, baseline: RuleNumbers) -> tuple[float | None, bool | None]:
    pairs = (
        (candidate.final_valid_accuracy, baseline.final_valid_accuracy, 1),
        (candidate.final_full_valid_accuracy, baseline.final_full_valid_accuracy, 1),
        (candidate.final_valid_loss, baseline.final_valid_loss, -1),
        (candidate.final_full_valid_loss, baseline.final_full_valid_loss, -1),
    )
    for after, before, sign in pairs:
        if after is not None and before is not None:
            change = after - before
            return change, None if change == 0 else sign * change > 0
    return None, None
