"""The stated goal, split into criteria that the numbers meet or miss."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from analysis.core.errors import UsageError
from analysis.core.number_format import loss, percent, signed
from analysis.core.redact import redact_text
from analysis.core.rich_text import Rich, plain, rich, text
from analysis.core.settings import Settings
from analysis.evidence.criteria import FORMS, VERBS, CriterionResult, Facts, check_criterion, read_criterion, split_goal
from analysis.heuristics.run_numbers import RuleNumbers
from analysis.heuristics.verdict import RuleVerdict, rule_verdict


@dataclass(frozen=True)
class Criterion:
    """One criterion of a goal, and whether the numbers meet it (None: undecided)."""

    name: str
    asked: str
    shown: Rich
    met: bool | None
    tested: CriterionResult | None = None


@dataclass(frozen=True)
class Goal:
    """The stated goal and its criteria."""

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
"""The criteria of a goal by words in it. Shown in Methodology."""


def read_goal(
    goal: str | None,
    results: Mapping[str, RuleNumbers],
    candidate: str,
    baseline: str | None,
    settings: Settings,
    facts: Facts | None = None,
) -> Goal | None:
    """Return a goal with each of its criteria checked; None if no goal was stated.

    Criteria with numbers are tested on ``facts``, if given; prose is checked against the baseline.

    Raises
    ------
    UsageError
        If a criterion with a number cannot be read, or its metric was not logged.
    """
    if not goal:
        return None
    goal = redact_text(goal)
    numbers, prose = split_goal(in_symbols(goal, facts)) if facts is not None else ((), goal)
    tested = tuple(
        numeric(check_criterion(read_criterion(part, facts), facts)) for part in numbers if facts is not None
    )
    wanted = [name for name, words in _ASKED if words.search(prose)]
    if baseline is None:
        shown = rich("there is no run to compare with")
        return Goal(goal, (*tested, *(Criterion(name, _WORDS[name], shown, None) for name in wanted)))
    before, after = results[baseline], results[candidate]
    verdict = rule_verdict(after, before, settings)
    checks = {
        "performance": lambda: _validation_criterion(before, after, verdict),
        "stability": lambda: _stability_criterion(verdict, settings),
        "efficiency": lambda: _efficiency_criterion(before, after),
        "training": lambda: _training_criterion(before, after),
    }
    return Goal(goal, (*tested, *(checks[name]() for name in wanted)))


_BOUNDS = {
    "<=": r"at\s+most|(?:no|not)\s+(?:more|higher|greater|larger|worse)\s+than|up\s+to|max(?:imum|\.)?(?:\s+of)?",
    ">=": r"at\s+least|(?:no|not)\s+(?:less|lower|smaller)\s+than|min(?:imum|\.)?(?:\s+of)?",
    "<": r"below|under|beneath|(?:less|lower|smaller)\s+than",
    ">": r"above|over|(?:more|higher|greater|larger)\s+than|exceed(?:s|ing)?",
}
"""Words for a bound by its sign; "not more than" must come before "more than"."""

_IN_WORDS = re.compile(
    r"(?P<lead>.*?)\s*(?:\b(?:is|be|to|of|at|stays?|falls?|drops?|gets?|rises?|comes?|goes)\s+)*\b(?:"
    + "|".join(f"(?P<op{n}>{words})" for n, words in enumerate(_BOUNDS.values()))
    + r")\s+(?P<number>[-+−]?(?:\d+\.?\d*|\.\d+)(?:e[-+]?\d+)?(?:\s*(?:%|pp\b|percent\b))?)(?P<rest>.*)",
    re.I,
)
_BY_MORE = re.compile(r"(\bimprove\b.*\bby\s+)(?:more\s+than|over|(?:no|not)\s+less\s+than)\b", re.I)


def in_symbols(goal: str, facts: Facts) -> str:
    """Replace bounds in words by signs in a goal; other text is unchanged.

    A part that ends with a bound is a criterion whatever it is about, and so is a part with a bound of a logged metric:
    neither is taken for prose.

    Raises
    ------
    UsageError
        If something follows the bound of a logged metric, since it would be ignored.
    """
    return " and ".join(_in_symbols(part.strip(" ."), facts) for part in re.split(r"\s+and\s+|;", goal))


def _in_symbols(part: str, facts: Facts) -> str:
    part = _BY_MORE.sub(r"\1at least", part)
    found = _IN_WORDS.fullmatch(part)
    if found is None or split_goal(part)[0] or re.search(r"\b(?:by|baseline|than)$", found["lead"]):
        return part
    words, rest = re.sub(rf"^{VERBS.pattern}", "", found["lead"], flags=re.I).split(), found["rest"].strip()
    spans = [" ".join(words[-n:]) for n in range(min(3, len(words)), 0, -1)]
    metric = next((name for name in spans if _logged(name, facts)), None)
    if rest and metric is None:
        return part  # "over 300 steps" and the like
    if rest:
        raise UsageError(f"goal: '{part}': '{rest}' after the bound cannot be tested; leave it out")
    if not words:
        raise UsageError(f"goal: '{part}' names no metric; write it like {FORMS}")
    lead = " ".join(words[: -(len(spans) - spans.index(metric)) if metric else -1])
    op = next(sign for n, sign in enumerate(_BOUNDS) if found[f"op{n}"])
    bound = f"{metric or words[-1]} {op} {found['number']}"
    return bound if VERBS.fullmatch(lead) else f"{lead} and {bound}"


def _logged(name: str, facts: Facts) -> bool:
    """True if a criterion can use this name for a metric."""
    try:
        return bool(read_criterion(f"{name} < 0", facts))
    except UsageError:
        return False


def numeric(tested: CriterionResult) -> Criterion:
    """Return a tested criterion as one of a goal."""
    met = {"met": True, "not met": False, "cannot tell": None}[tested.state]
    return Criterion(tested.asked.metric, tested.asked.text, text(tested.words()), met, tested)


_WORDS = {
    "performance": "better validation performance",
    "stability": "oscillations not much higher",
    "efficiency": "no more steps",
    "training": "better training performance",
}


_VALIDATED: tuple[tuple[str, str, Callable[[float | None], str]], ...] = (
    ("final_valid_accuracy", "validation accuracy", percent),
    ("final_full_valid_accuracy", "full validation accuracy", percent),
    ("final_valid_loss", "validation loss", loss),
    ("final_full_valid_loss", "full validation loss", loss),
)
"""Numbers that the performance criterion uses: the first that both runs have."""


def _validation_criterion(before: RuleNumbers, after: RuleNumbers, verdict: RuleVerdict) -> Criterion:
    pairs = [(words, write, getattr(after, name), getattr(before, name)) for name, words, write in _VALIDATED]
    found = next(((words, write(a), write(b)) for words, write, a, b in pairs if None not in (a, b)), None)
    shown = rich("no validation was logged")
    if found is not None:
        shown = rich("last {words} {a} against {b}", words=found[0], a=found[1], b=found[2])
    met = None if verdict.performance_change is None else verdict.performance_better is True
    return Criterion("performance", _WORDS["performance"], shown, met)


def _stability_criterion(verdict: RuleVerdict, settings: Settings) -> Criterion:
    change = verdict.oscillation_change_pct
    if change is None:
        return Criterion("stability", _WORDS["stability"], rich("oscillations cannot be counted"), None)
    shown = rich(
        "{change} oscillations (allowed: {limit})",
        change=signed(change, 0, "%"),
        limit=signed(settings.more_oscillations_pct, 0, "%"),
    )
    return Criterion("stability", _WORDS["stability"], shown, change <= settings.more_oscillations_pct)


def _efficiency_criterion(before: RuleNumbers, after: RuleNumbers) -> Criterion:
    shown = rich("{a} steps against {b}", a=after.total_steps, b=before.total_steps)
    return Criterion("efficiency", _WORDS["efficiency"], shown, after.total_steps <= before.total_steps)


def _training_criterion(before: RuleNumbers, after: RuleNumbers) -> Criterion:
    if before.final_train_loss is None or after.final_train_loss is None:
        return Criterion("training", _WORDS["training"], rich("no train loss was logged"), None)
    shown = rich("last train loss {a} against {b}", a=loss(after.final_train_loss), b=loss(before.final_train_loss))
    return Criterion("training", _WORDS["training"], shown, after.final_train_loss < before.final_train_loss)


def goal_json(goal: Goal | None) -> dict[str, object] | None:
    """Return the goal in the form of the results JSON."""
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


def tested_json(tested: CriterionResult) -> dict[str, object]:
    """Return a tested criterion as plain JSON values, with None for unknown numbers."""
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
