"""Numeric criteria of goals and gates: parsed from text, then tested one-sided over the seeds of a configuration."""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np

from analysis import statistics as st
from analysis.core.deciding import deciding_order
from analysis.core.errors import UsageError
from analysis.core.metrics import match_metric
from analysis.core.metrics import metric as metric_of
from analysis.core.number_format import interval, number, p_words
from analysis.core.run import FloatArray, Run
from analysis.core.run_names import metric_name
from analysis.core.settings import Settings
from analysis.evidence.comparability import Gate, requirements
from analysis.evidence.comparisons import Comparison
from analysis.evidence.configurations import preferred_metrics
from analysis.evidence.run_evidence import RunEvidence
from analysis.evidence.seed_groups import SeedGroup, group_levels, group_of, seed_groups
from analysis.evidence.seed_spread import SeedSpread
from analysis.evidence.verdict import precedence
from analysis.statistics import Estimate

State = Literal["met", "not met", "cannot tell"]

_NUMBER = r"(?P<number>[-+−]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)\s*(?P<unit>%|pp|percent)?"
_METRIC = r"(?P<metric>[^\s<>=≤≥]+(?:\s+[^\s<>=≤≥]+){0,3}?)"
VERBS = re.compile(
    r"(?:\s*\b(?:to|a|an|the|reach|get|achieve|bring|push|keep|hold|improve|reduce|lower|raise|increase|have|with)\b)*\s*",
    re.I,
)
"""Words before the metric of a criterion that add nothing to it."""

_FORMS: tuple[tuple[str, re.Pattern[str]], ...] = (
    ("threshold", re.compile(rf"{_METRIC}\s*(?P<op><=|>=|<|>|≤|≥)\s*{_NUMBER}", re.I)),
    ("improve", re.compile(rf"improve(?:\s+{_METRIC})??\s+by\s+(?:at\s+least\s+)?{_NUMBER}", re.I)),
    (
        "no worse",
        re.compile(
            rf"(?:{_METRIC}\s+)??no\s+worse(?:\s+than\s+(?:the\s+)?baseline)?\s+by(?:\s+more\s+than)?\s+{_NUMBER}", re.I
        ),
    ),
    ("worse", re.compile(rf"(?:{_METRIC}\s+)?worse\s+by(?:\s+more\s+than)?\s+{_NUMBER}", re.I)),
)
"""Forms of a criterion, most specific first."""

FORMS = (
    "'full_valid_loss <= 3.28', 'improve full_valid_loss by 0.005' or 'full_valid_loss no worse than baseline by 2 %'"
)
GATES = "'full_valid_loss > 3.28' or 'full_valid_loss worse by more than 0.01'"


@dataclass(frozen=True)
class Facts:
    """Input for testing criteria: the runs, their evidence, and the comparability of the two of interest."""

    runs: tuple[Run, ...]
    evidence: Mapping[str, RunEvidence]
    candidate: Run
    baseline: Run | None
    gate: Gate | None
    curve: str
    settings: Settings
    spread: SeedSpread = field(default_factory=SeedSpread)
    between: Sequence[Comparison] = ()
    """Comparisons of the two runs, or of their groups."""


@dataclass(frozen=True)
class Criterion:
    """One parsed criterion. ``sign`` is 1 if small values meet it, -1 if large ones do.

    ``bound`` is a level or, if ``against``, the allowed change from the baseline (a share of it if ``relative``).
    """

    text: str
    metric: str
    sign: int
    bound: float
    against: bool
    relative: bool = False


@dataclass(frozen=True)
class CriterionResult:
    """The result of testing a criterion.

    ``estimate`` is the level, or candidate minus baseline, with its two-sided 95% interval; ``p`` the one-sided p
    of "not met". ``scope`` is "models" if it is about one run only, "configurations" if it accounts for seeds;
    ``takes`` is what would settle it.
    """

    asked: Criterion
    estimate: Estimate | None
    p: float | None
    state: State
    scope: Literal["models", "configurations", ""]
    seeds: int
    takes: str

    def words(self) -> str:
        """Return number, interval, p and what would settle it in one sentence."""
        shown, p, scope_words = self.shown(), p_words(self.p) if self.p is not None else "", self.scope_words()
        details = ", ".join(filter(None, (p, scope_words))) if shown else ""
        return "; ".join(filter(None, (shown + (f" ({details})" if details else ""), self.takes)))

    def shown(self) -> str:
        """Return the number with its interval; empty without a number."""
        e = self.estimate
        if e is None or not math.isfinite(e.value):
            return ""
        what = "difference " if self.asked.against else ""
        return what + (interval(e, sign=self.asked.against) if e.known else number(e.value))

    def scope_words(self) -> str:
        """Return what the test is about, in words."""
        seeds = f"over {self.seeds} seeds" if self.seeds > 1 else "with the spread between seeds"
        return {"models": "this model alone", "configurations": seeds, "": ""}[self.scope]


_BOUND = re.compile(r"\s*[\w/.@-]+\s*(<|>|≤|≥)=?\s*[\w.+−-]+\s*%?\s*|.*\w\s*(<|>|≤|≥)=?\s*[-+−]?[\d.].*")
"""Text that looks like a bound and so must be a criterion: prose may have a sign, but not before a number."""


def split_goal(text: str) -> tuple[tuple[str, ...], str]:
    """Split a goal into numeric criteria and the remaining prose.

    Examples
    --------
    >>> split_goal("train_loss < 0.5 and better stability")
    (('train_loss < 0.5',), 'better stability')
    """
    parts = [part.strip(" .") for part in re.split(r"\s+and\s+|;", text)]
    numbers = tuple(part for part in parts if _form(part) is not None or _BOUND.fullmatch(part))
    return numbers, " and ".join(part for part in parts if part and part not in numbers) if numbers else text


def read_criterion(text: str, facts: Facts, where: str = "goal") -> Criterion:
    """Parse one criterion.

    Raises
    ------
    UsageError
        If it has no known form, names a metric that the candidate did not log or that has no direction, or has a
        negative margin.
    """
    form = _form(text)
    wrong = ("worse",) if where == "goal" else ("improve", "no worse")  # a gate states what makes it fail
    if form is None or form[0] in wrong:
        raise UsageError(f"{where}: '{text}' is no criterion; write it like {FORMS if where == 'goal' else GATES}")
    kind, found = form
    name = _metric(found["metric"], facts, where)
    value, unit = float(found["number"].replace("−", "-")), (found["unit"] or "").lower()
    percent = unit in ("%", "percent")
    if kind == "threshold":
        if percent and (metric_of(name).unit == "fraction" or _is_share(name, facts)):
            value /= 100
        return Criterion(text, name, 1 if found["op"] in ("<", "<=", "≤") else -1, value, False)
    direction = metric_of(name).direction
    if direction == "none":
        raise UsageError(f"{where}: '{text}': nothing says which way '{name}' is better; give a bound, '{name} <= 1'")
    if value < 0:
        raise UsageError(f"{where}: '{text}': a margin must be 0 or more, got {found['number']}")
    sign = 1 if direction == "lower" else -1
    points = unit == "pp" and (metric_of(name).unit == "fraction" or _is_share(name, facts))
    margin = value / 100 if percent or points else value
    if kind == "worse":  # what fails the gate: the change in the bad direction exceeds the margin
        return Criterion(text, name, -sign, sign * margin, True, percent)
    return Criterion(text, name, sign, sign * (margin if kind == "no worse" else -margin), True, percent)


def check_criterion(asked: Criterion, facts: Facts) -> CriterionResult:
    """Test a criterion one-sided at ``settings.alpha``.

    A level is tested by z with a stated ``seed_sd``; by Student's t with k - 1 degrees of freedom for k seeds; for one
    run by the spread between seeds of other groups, else by the error of its own level. A change from the baseline is
    tested by the comparison that the verdict uses; a relative margin adds its own error.
    """
    if not asked.against:
        ours = group_of(seed_groups(facts.runs), facts.candidate.id)
        level, speaks_of = _level(ours, asked.metric, facts)
        return _decided(asked, level, level, asked.bound, speaks_of, _seeds(ours, asked.metric, facts), facts)
    if facts.baseline is None:
        return untestable(asked, "there is no baseline to compare with")
    needed = requirements(asked.metric)
    if facts.gate is not None and needed and facts.gate.state(*needed) != "same":
        return untestable(asked, f"cannot be compared: {facts.gate.reason(*needed)}")
    found = [c for c in facts.between if c.metric == asked.metric]
    if not found:
        return untestable(asked, f"the baseline has no {metric_name(asked.metric)}")
    c = max(found, key=precedence)
    result = c.result if c.known else replace(c.result, se=math.nan)
    scope: Literal["models", "configurations"] = "models" if c.seed_source == "none" else "configurations"
    seeds = c.seeds[1] if c.seeds else 1
    if not asked.relative:
        return _decided(asked, result, result, asked.bound, scope, seeds, facts)
    group = group_of(seed_groups(facts.runs), c.baseline) if c.seeds else SeedGroup(c.baseline, (c.baseline,))
    base, _ = _level(group, asked.metric, facts)
    wider = result.se + abs(asked.bound) * (base.se if base.known else 0.0)
    return _decided(asked, result, replace(result, se=wider), asked.bound * abs(base.value), scope, seeds, facts)


def deciding(facts: Facts) -> str:
    """Return the metric of a criterion that names none: the one that ranks the candidate."""
    preferred = preferred_metrics([facts.candidate], facts.settings.primary, None)
    return next(iter(deciding_order(facts.candidate.metrics, preferred)), facts.curve)


def _form(text: str) -> tuple[str, re.Match[str]] | None:
    found = ((kind, pattern.fullmatch(text.strip())) for kind, pattern in _FORMS)
    return next(((kind, match) for kind, match in found if match), None)


def _metric(name: str | None, facts: Facts, where: str) -> str:
    if name is None:
        return deciding(facts)
    logged = (*facts.candidate.metrics, *(m for m in facts.candidate.nonfinite if m not in facts.candidate.metrics))
    words = name.split()
    for first in range(len(words)):
        spoken = " ".join(words[first:])
        standard = facts.candidate.metric_named(spoken) or match_metric(spoken, logged)
        if standard in logged and VERBS.fullmatch(" ".join(words[:first])):
            return str(standard)
    near = difflib.get_close_matches(name, logged, 1)
    hint = f" (did you mean '{near[0]}'?)" if near else ""
    raise UsageError(f"{where}: metric '{name}' was not logged{hint}; logged metrics: {', '.join(logged)}")


def _is_share(name: str, facts: Facts) -> bool:
    values = facts.candidate.series(name)
    return bool(values.size) and float(values.min()) >= 0 and float(values.max()) <= 1


def _values(group: SeedGroup, metric: str, facts: Facts) -> FloatArray:
    if metric in facts.evidence[group.runs[0]].window:
        return group_levels(group, metric, facts.evidence)
    last = [run.series(metric) for run in facts.runs if run.id in group.runs]
    return np.asarray([values[-1] for values in last if values.size], dtype=np.float64)


def _seeds(group: SeedGroup, metric: str, facts: Facts) -> int:
    return int(_values(group, metric, facts).size)


def _level(group: SeedGroup, metric: str, facts: Facts) -> tuple[Estimate, Literal["models", "configurations"]]:
    if any(metric in run.nonfinite and run.nonfinite[metric][-1] > _last(run, metric) for run in _runs(group, facts)):
        return st.unknown("seeds.diff", "it ended as NaN or infinite"), "models"
    values, sd = _values(group, metric, facts), facts.spread.stated.get(metric)
    k = values.size
    if sd is not None and k:
        own = facts.evidence[group.runs[0]].window.get(metric)
        sampling = own.se if own is not None and own.known else 0.0
        se = math.hypot(sd / math.sqrt(k), sampling)
        return st.estimate("seeds.diff", float(values.mean()), se, math.inf, k), "configurations"
    if k > 1:
        se = float(values.std(ddof=1)) / math.sqrt(k)
        return st.estimate("seeds.diff", float(values.mean()), se, k - 1, k), "configurations"
    pooled = facts.spread.pooled.get(metric)
    if pooled is not None and k:
        return st.estimate("seeds.diff", float(values[0]), pooled.sd, pooled.df, k), "configurations"
    evidence = facts.evidence[group.runs[0]]
    single = evidence.window.get(metric)
    if single is None:
        single = st.unknown("seeds.diff", "one value without an error", value=float(values[0]) if k else math.nan)
    return single, "models"


def _runs(group: SeedGroup, facts: Facts) -> Sequence[Run]:
    return [run for run in facts.runs if run.id in group.runs]


def _last(run: Run, metric: str) -> int:
    steps = run.steps_of(metric) if metric in run.metrics else np.zeros(0)
    return int(steps[-1]) if steps.size else -1


def untestable(asked: Criterion, why: str) -> CriterionResult:
    """Return the result for a criterion that cannot be tested, with the reason."""
    return CriterionResult(asked, None, None, "cannot tell", "", 0, why)


def _decided(
    asked: Criterion,
    shown: Estimate,
    tested: Estimate,
    bound: float,
    scope: Literal["models", "configurations"],
    seeds: int,
    facts: Facts,
) -> CriterionResult:
    distance = asked.sign * (bound - tested.value)  # positive: on the side that meets it
    if not (math.isfinite(tested.se) and tested.df > 0 and math.isfinite(distance)):
        why = tested.reason or shown.reason or "its error is not known"
        return CriterionResult(
            asked, shown, None, "cannot tell", scope, seeds, f"{why}; run more seeds, or state seed_sd"
        )
    # Without scatter a value equal to the bound meets it.
    p = st.t_tail(distance / tested.se, tested.df) if tested.se > 0 else float(distance < 0)
    alpha = facts.settings.alpha
    state: State = "met" if p <= alpha else "not met" if 1 - p <= alpha else "cannot tell"
    takes = "" if state != "cannot tell" else _takes(distance, tested, seeds, alpha, scope)
    return CriterionResult(asked, shown, p, state, scope, seeds, takes)


def _takes(distance: float, tested: Estimate, seeds: int, alpha: float, scope: str) -> str:
    """Return how many more seeds would settle it with 80% power, if the observed values are the true ones."""
    if scope == "models":
        return "run it with two or more seeds, or state seed_sd, to speak of the configuration"
    scatter = tested.se * math.sqrt(seeds)
    for k in range(max(seeds + 1, 2), 1001):
        reach = (st.t_quantile(1 - alpha, k - 1) + st.t_quantile(0.8, k - 1)) * scatter / math.sqrt(k)
        if reach <= abs(distance):
            return f"about {number(k - seeds)} more seeds would settle it"
    return "more than 1,000 seeds would not settle it: the level lies at the bound"
