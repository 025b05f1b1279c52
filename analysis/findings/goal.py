"""The stated goal, taken apart into criteria that the numbers meet or miss."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass

from analysis.core.number_format import loss, percent, signed
from analysis.core.redact import redact_text
from analysis.core.rich_text import Rich, plain, rich, text
from analysis.core.settings import Settings
from analysis.evidence.criteria import Facts, Tested, hold_criterion, read_criterion, split_goal
from analysis.heuristics.run_numbers import DocumentResult
from analysis.heuristics.verdict import DocumentVerdict, document_verdict


@dataclass(frozen=True)
class Criterion:
    """One thing a goal asks for, and whether the rule-of-thumb numbers meet it (None: cannot be told)."""

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
