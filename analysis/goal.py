"""The document's overall result and whether the stated goal was met: rules over the document's numbers."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from analysis.criteria import Facts, Tested, hold_criterion, read_criterion, split_goal
from analysis.document import DocumentResult
from analysis.metrics import change_pct
from analysis.rich import Rich, plain, rich, text
from analysis.settings import Settings
from analysis.sources.redact import redact_text
from analysis.tables import loss, percent, signed

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
class DocumentVerdict:
    """The document's overall result, from the last validation value and the oscillation count."""

    outcome: Outcome
    headline: str
    performance_change: float | None
    performance_better: bool | None
    oscillation_change_pct: float | None


@dataclass(frozen=True)
class Criterion:
    """One thing a goal asks for, and whether the document's numbers meet it (None: cannot be told)."""

    name: str
    asked: str
    shown: Rich
    met: bool | None
    tested: Tested | None = None


@dataclass(frozen=True)
class Goal:
    """The stated goal, taken apart."""

    text: str
    criteria: tuple[Criterion, ...]

    @property
    def achieved(self) -> bool | None:
        """True if every criterion is met, False if one is missed, None if none decides."""
        met = [criterion.met for criterion in self.criteria]
        if any(value is False for value in met):
            return False
        return True if met and all(met) else None


def document_verdict(candidate: DocumentResult, baseline: DocumentResult | None, settings: Settings) -> DocumentVerdict:
    """Decide as the document does: better validation with many more oscillations is mixed, and so on."""
    if baseline is None:
        return DocumentVerdict("not assessed", HEADLINES["not assessed"], None, None, None)
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
    return DocumentVerdict(outcome, HEADLINES[outcome], change, better, oscillations)


def _performance(candidate: DocumentResult, baseline: DocumentResult) -> tuple[float | None, bool | None]:
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


_ASKED: tuple[tuple[str, re.Pattern[str]], ...] = (
    ("performance", re.compile(r"perform|accura|quality|better result|improve|generali[sz]|valid", re.I)),
    ("stability", re.compile(r"stab|smooth|oscillat|noise|volatil", re.I)),
    ("efficiency", re.compile(r"effici|faster|fewer steps|cheap|shorter|less time|speed", re.I)),
    ("training", re.compile(r"train(ing)? (loss|accuracy)|fit the training", re.I)),
)
"""Which criterion a goal asks for, by the words in it. Shown in Methodology."""


def read_goal(
    goal: str | None,
    results: Mapping[str, DocumentResult],
    candidate: str,
    baseline: str | None,
    settings: Settings,
    facts: Facts | None = None,
) -> Goal | None:
    """Take a goal apart and check each criterion; None if no goal was stated.

    Criteria with numbers are tested on ``facts``, where given; prose is checked against the baseline.

    Raises
    ------
    UsageError
        If a criterion with a number cannot be read, or its metric was not logged.
    """
    if not goal:
        return None
    goal = redact_text(goal)
    numbers, prose = split_goal(goal) if facts is not None else ((), goal)
    tested = tuple(numeric(hold_criterion(read_criterion(part, facts), facts)) for part in numbers if facts is not None)
    wanted = [name for name, words in _ASKED if words.search(prose)]
    if baseline is None:
        shown = rich("there is no run to compare with")
        return Goal(goal, (*tested, *(Criterion(name, _WORDS[name], shown, None) for name in wanted)))
    before, after = results[baseline], results[candidate]
    verdict = document_verdict(after, before, settings)
    checks = {
        "performance": lambda: _validation_criterion(before, after, verdict),
        "stability": lambda: _stability_criterion(verdict, settings),
        "efficiency": lambda: _efficiency_criterion(before, after),
        "training": lambda: _training_criterion(before, after),
    }
    return Goal(goal, (*tested, *(checks[name]() for name in wanted)))


def numeric(tested: Tested) -> Criterion:
    """Arrange a tested criterion as one of a goal."""
    met = {"met": True, "not met": False, "cannot tell": None}[tested.state]
    return Criterion(tested.asked.metric, tested.asked.text, text(tested.words()), met, tested)


_WORDS = {
    "performance": "better validation performance",
    "stability": "oscillations not much higher",
    "efficiency": "no more steps",
    "training": "better training performance",
}


def _validation_criterion(before: DocumentResult, after: DocumentResult, verdict: DocumentVerdict) -> Criterion:
    if before.final_valid_accuracy is not None and after.final_valid_accuracy is not None:
        shown = rich(
            "last validation accuracy {a} against {b}",
            a=percent(after.final_valid_accuracy),
            b=percent(before.final_valid_accuracy),
        )
    elif verdict.performance_change is not None:
        shown = rich("last validation value changed by {d}", d=signed(verdict.performance_change, 4))
    else:
        shown = rich("no validation was logged")
    met = None if verdict.performance_change is None else verdict.performance_better is True
    return Criterion("performance", _WORDS["performance"], shown, met)


def _stability_criterion(verdict: DocumentVerdict, settings: Settings) -> Criterion:
    change = verdict.oscillation_change_pct
    if change is None:
        return Criterion("stability", _WORDS["stability"], rich("oscillations cannot be counted"), None)
    shown = rich(
        "{change} oscillations (allowed: {limit})",
        change=signed(change, 0, "%"),
        limit=signed(settings.more_oscillations_pct, 0, "%"),
    )
    return Criterion("stability", _WORDS["stability"], shown, change <= settings.more_oscillations_pct)


def _efficiency_criterion(before: DocumentResult, after: DocumentResult) -> Criterion:
    shown = rich("{a} steps against {b}", a=after.total_steps, b=before.total_steps)
    return Criterion("efficiency", _WORDS["efficiency"], shown, after.total_steps <= before.total_steps)


def _training_criterion(before: DocumentResult, after: DocumentResult) -> Criterion:
    if before.final_train_loss is None or after.final_train_loss is None:
        return Criterion("training", _WORDS["training"], rich("no train loss was logged"), None)
    shown = rich("last train loss {a} against {b}", a=loss(after.final_train_loss), b=loss(before.final_train_loss))
    return Criterion("training", _WORDS["training"], shown, after.final_train_loss < before.final_train_loss)


def goal_json(goal: Goal | None) -> dict[str, object] | None:
    """Give the goal as the results JSON holds it."""
    if goal is None:
        return None
    return {
        "text": goal.text,
        "achieved": goal.achieved,
        "criteria": [
            {
                "name": c.name,
                "asked": c.asked,
                "shown": plain(c.shown),
                "met": c.met,
                "numbers": tested_json(c.tested) if c.tested else None,
            }
            for c in goal.criteria
        ],
    }


def tested_json(tested: Tested) -> dict[str, object]:
    """Return a tested criterion as plain JSON values; null where a number is not known."""
    e = tested.estimate
    values = {name: getattr(e, name) if e is not None else math.nan for name in ("value", "low", "high", "se")}
    return {
        "metric": tested.asked.metric,
        "bound": tested.asked.bound,
        **{name: value if math.isfinite(value) else None for name, value in values.items()},
        "p": tested.p,
        "state": tested.state,
        "scope": tested.scope,
        "seeds": tested.seeds,
        "takes": tested.takes,
    }
