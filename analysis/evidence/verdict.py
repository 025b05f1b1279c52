"""The overall result of a candidate against its baseline: a pure function of comparisons, never of single points."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any, Literal

from analysis.core.blocks import Tone
from analysis.core.deciding import REWARDS, deciding_order, deciding_rank, held_out, is_loss
from analysis.core.metrics import METRICS, match_metric
from analysis.core.metrics import metric as metric_of
from analysis.core.run import Run
from analysis.core.run_facts import CURVES, died, same_log
from analysis.core.run_names import display_name, is_random
from analysis.core.settings import Settings
from analysis.evidence import verdict_words as words
from analysis.evidence.comparability import Gate, other_quantity
from analysis.evidence.comparisons import COMPANIONS, Comparison
from analysis.evidence.seed_outcomes import SeedOutcomes

RESULTS: Mapping[str, Tone] = {
    "improved": "good",
    "regressed": "bad",
    "mixed": "warning",
    "equivalent": "neutral",
    "stability-only change": "warning",
    "no evidence of a difference": "neutral",
    "not comparable": "unknown",
    "insufficient data": "unknown",
}
"""The possible results with their tone. Insufficient data: the runs have no metric in common."""

_DECIDED = ("improved", "regressed", "mixed")

SECOND_LOOK = 0.2
"""Share of alpha at which another metric decides if the first one shows no difference."""

DESCRIBED = "ONE CONFIGURATION"
"""Headline for runs that are described but not compared."""

Scope = Literal["", "models", "configurations"]
"""Whether a result holds only for these trained models, or also for new runs of their configurations."""


@dataclass(frozen=True)
class Verdict:
    """The overall result with the comparisons behind it.

    ``sentence`` is the result for a reader in a hurry, ``numbers`` its basis, ``condition`` what it depends on,
    ``attribution`` what cannot be concluded from it.

    Attributes
    ----------
    scope : str
        What the result is about; "" if no comparison decided.
    seed_sd_limit : float or None
        For one run each: the standard deviation between seeds up to which the result also holds for configurations.
    opposed : Comparison or None
        A metric of the same rank as the deciding one that shows the opposite.
    choice : str
        What the reader of a mixed result has to choose between.
    """

    result: str
    headline: str
    sentence: str
    tone: Tone
    numbers: str = ""
    condition: str = ""
    attribution: str = ""
    primary: Comparison | None = None
    stability: Comparison | None = None
    opposed: Comparison | None = None
    choice: str = "performance or noise"
    attributable: str = "cannot tell"
    reason: str = ""

    @property
    def scope(self) -> Scope:
        """Whether the result applies to the two models or to their configurations; empty without a decision."""
        if self.primary is None or not self.primary.decides:
            return ""
        return "models" if self.primary.seed_source == "none" else "configurations"

    @property
    def seed_sd_limit(self) -> float | None:
        """The tipping point; None if the error includes the seeds, or nothing was compared."""
        return self.primary.seed_sd_limit if self.primary is not None else None

    def to_json(self) -> dict[str, Any]:
        """Return the details of the verdict in the form of the results JSON."""
        return {
            "result": self.result,
            "scope": self.scope or None,
            "seed_source": self.primary.seed_source or None if self.primary else None,
            "seed_sd_limit": self.seed_sd_limit,
            "sentence": self.sentence,
            "numbers": self.numbers,
            "condition": self.condition,
            "attribution": self.attribution,
            "primary": self.primary.to_json() if self.primary else None,
            "stability": self.stability.to_json() if self.stability else None,
            "attributable": self.attributable,
            "reason": self.reason,
        }


def decide(
    candidate: Run,
    baseline: Run | None,
    compared: Sequence[Comparison],
    pair: Gate | None,
    settings: Settings,
    *,
    preferred: Sequence[str] = (),
    estimated: Collection[str] = (),
    matched: Comparison | None = None,
    diverged: Mapping[str, str] = MappingProxyType({}),
    broken: Mapping[str, str] = MappingProxyType({}),
    config_names: Mapping[str, str] = MappingProxyType({}),
    repeated: str = "",
    ends: tuple[SeedOutcomes, SeedOutcomes] | None = None,
    past_best: Collection[str] = (),
) -> Verdict:
    """Decide the overall result of the candidate against the baseline.

    Parameters
    ----------
    compared : sequence of Comparison
        Comparisons of this pair, those that decide with an unadjusted p (`analysis.evidence.comparisons.adjusted`).
    preferred : sequence of str
        Metrics that decide if they can: stated, or those by which the tool chose its best model.
    estimated : collection of str
        Metrics whose error is known from single runs; of metrics of one rank these decide first.
    matched : Comparison, optional
        The comparison with both runs cut at the last step of the shorter one.
    diverged : Mapping[str, str]
        How runs diverged, by run ID, which decides if no comparison can.
    broken : Mapping[str, str]
        Why the training loss of a run is broken, by run ID; it has no level and decides nothing.
    config_names : Mapping[str, str]
        Name of the configuration of each run, by run ID, for sentences about several seeds.
    repeated : str
        Summary of runs that all have one configuration, in which case nothing is compared.
    ends : tuple of SeedOutcomes, optional
        Dead and outlying seeds of candidate and baseline.
    past_best : collection of str
        IDs of runs that are shown to have been better before their end.
    """
    if baseline is None or pair is None:
        sentence = f"There is nothing to compare {display_name(candidate.id)} with; the report describes one run."
        return Verdict("insufficient data", "SINGLE RUN", sentence, "unknown")
    primary, stability = deciding_comparison(compared, preferred, estimated), stability_comparison(compared)
    if repeated and primary is not None:
        return Verdict("no evidence of a difference", DESCRIBED, repeated, "neutral")
    names = _name(candidate, config_names), _name(baseline, config_names)
    ended = [_ended_nonfinite(run) for run in (candidate, baseline)]
    if (ended[0] is None) == (ended[1] is None) and (primary is None or not primary.known):
        ended = [_divergence(run, diverged) for run in (candidate, baseline)]
    if (ended[0] is None) != (ended[1] is None):
        result, comparative = ("improved", "better") if ended[0] is None else ("regressed", "worse")
        sentence = f"{names[0]} is {comparative} than {names[1]}: {ended[0] or ended[1]}."
        return Verdict(result, result.upper(), sentence, RESULTS[result], attribution=words.attribution(pair, None))
    if primary is None and (why_broken := "; ".join(broken[r.id] for r in (candidate, baseline) if r.id in broken)):
        sentence = f"{names[0]} and {names[1]} cannot be compared: {why_broken}."
        return Verdict("not comparable", "NOT COMPARABLE", sentence, RESULTS["not comparable"], reason=why_broken)
    if primary is None:
        why = "both ended as NaN or infinite" if ended[0] is not None else _nothing_shared(candidate, baseline)
        sentence = f"The logs do not suffice to compare {names[0]} with {names[1]}: {why}."
        return Verdict("insufficient data", "INSUFFICIENT DATA", sentence, "unknown", reason=why)
    asked, primary = primary, _second_look(primary, compared, settings, preferred)
    called_as = tuple(config_names.get(run.id) or display_name(run.group or run.id) for run in (candidate, baseline))
    if primary.seeds is not None:
        names = (
            _group_name(candidate, primary.seeds[1], config_names),
            _group_name(baseline, primary.seeds[0], config_names),
        )
    result = _result(primary, stability, compared, settings)
    fatal = ends is not None and {"improved": 1, "regressed": -1}.get(result, 0) * (ends[0].died - ends[1].died) > 0
    others = _disagreeing(primary, compared, settings, preferred)
    against = next(iter(others), None)
    opposed = next((c for c in others if _is_peer(c, primary, settings, preferred)), None)
    result, reason = ("mixed" if fatal or opposed is not None else result), ""
    if primary.comparable is False and (result in _DECIDED or other_quantity(primary.metric, pair)):
        result, reason = "not comparable", primary.reason
    elif primary.comparable is False and result == "equivalent":
        result = "no evidence of a difference"
    if against is not None and result == "equivalent":
        result = "no evidence of a difference"
    conditions = (
        "Their logs are identical: one is a copy, no second measurement." if same_log(candidate, baseline) else "",
        " ".join(filter(None, (end.words(name) for end, name in zip(ends or (), called_as, strict=False)))),
        words.length(candidate, baseline, matched, settings),
        words.shows_none(asked) if asked is not primary else words.disagreement(opposed or against, settings),
        words.at_best(candidate, baseline, primary) if {candidate.id, baseline.id} & {*past_best} else "",
        words.undecided_metric(primary, compared, candidate, baseline) if opposed is None else words.NAME_ONE,
        words.seed_condition(primary, result),
        words.comparability_condition(primary, stability, result),
    )
    alike = pair.attributable == "same" and primary.seed_source != "none"
    return Verdict(
        result,
        result.upper(),
        words.fewer_survive(names, primary, settings)
        if fatal
        else words.sentence(result, names, primary, settings, opposed=opposed),
        RESULTS[result],
        words.numbers(primary, stability, result),
        " ".join(filter(None, conditions)),
        words.attribution(pair, primary),
        primary,
        stability,
        opposed,
        words.choice(primary, opposed, fatal=fatal),
        "no" if pair.attributable == "different" else "yes" if alike else "cannot tell",
        reason or pair.reason(),
    )


def deciding_comparison(
    compared: Sequence[Comparison], preferred: Sequence[str] = (), estimated: Collection[str] = ()
) -> Comparison | None:
    """Return the comparison that decides on performance: in the best metric that can, of seeds before single runs.

    No training metric decides if both runs have a metric of held-out data. Metrics are ordered by
    `deciding.deciding_rank`; ``estimated`` are those whose error is known from single runs. None if the runs share no
    metric with a direction.
    """
    usable = [c for c in compared if c.metric not in COMPANIONS and math.isfinite(c.result.value)]
    of_metric = {c.metric: c for c in sorted(usable, key=precedence)}
    order = deciding_order(of_metric, preferred)
    if not order:
        return None
    stated = [name for name in preferred[:1] if name in of_metric]
    allowed = held_out(order, preferred)

    rewarded = bool({*REWARDS} & {*of_metric})

    def key(name: str) -> tuple[bool, bool, tuple[int, bool, bool], int]:
        c = of_metric[name]
        known = name in estimated or (c.seeds is None and c.known)
        rank = deciding_rank(name, known=known, rewarded=rewarded, preferred=preferred)
        return name not in stated, not c.decides, rank, order.index(name)

    return of_metric[min(allowed, key=key)]


def _second_look(
    primary: Comparison, compared: Sequence[Comparison], settings: Settings, preferred: Sequence[str]
) -> Comparison:
    """Return another comparison on the same data that clearly shows a difference if the primary one does not.

    Its p must be at most a fifth of alpha, so that both looks together name a winner between equals in at most six of a
    hundred cases. A preferred metric gets no second look.
    """
    if primary.metric in preferred or primary.verdict(settings.alpha) != "no difference":
        return primary
    alone = [c if c.p is None else replace(c, p_adjusted=c.p) for c in compared]  # of one family with the first
    others = _disagreeing(primary, alone, settings, preferred)
    agreed = len({c.verdict(settings.alpha) for c in others}) == 1
    clear = [c for c in others if c.p is not None and c.p <= SECOND_LOOK * settings.alpha]
    return clear[0] if agreed and clear else primary


def _disagreeing(
    primary: Comparison, compared: Sequence[Comparison], settings: Settings, preferred: Sequence[str] = ()
) -> list[Comparison]:
    """Return the comparisons on the same kind of held-out data that show a difference which the primary does not."""
    own, found = primary.verdict(settings.alpha), metric_of(primary.metric)
    others = [
        c
        for c in sorted(compared, key=precedence)  # of one metric the last counts
        if c.metric not in (primary.metric, *preferred[:1]) and c.comparable is not False
        if found.validates and metric_of(c.metric).split == found.split and not metric_of(c.metric).by_example
    ]
    latest = {c.metric: c for c in others}.values()
    return [c for c in latest if c.verdict(settings.alpha) in {"better", "worse"} - {own}]


def _is_peer(other: Comparison, primary: Comparison, settings: Settings, preferred: Sequence[str]) -> bool:
    """True if another metric shows the opposite, and only the order in the log made the deciding one come first."""
    own = other.metric not in METRICS and primary.metric not in METRICS and primary.metric not in preferred
    alike = is_loss(other.metric) == is_loss(primary.metric) and other.direction == primary.direction
    return own and alike and {other.verdict(settings.alpha), primary.verdict(settings.alpha)} == {"better", "worse"}


def precedence(c: Comparison) -> int:
    """Return the rank of a comparison in its metric: 2 for seeds with an interval, 1 for single runs, else 0."""
    if c.seeds is None:
        return 1
    return 2 if c.known else 0


def stability_comparison(compared: Sequence[Comparison]) -> Comparison | None:
    """Return the comparison of noise: of seeds before single runs, per example before plain; None if none is known."""
    wanted = {"noise": 1, "noise_per_example": 0}
    known = [c for c in compared if c.known and c.metric in wanted and c.comparable is not False]
    return min(known, key=lambda c: (c.seeds is None, wanted[c.metric]), default=None)


def _nothing_shared(candidate: Run, baseline: Run) -> str:
    both = [name for name in candidate.metrics if name in baseline.metrics]
    if not both:
        units = _other_unit(candidate, baseline) or _other_unit(baseline, candidate)
        return f"no shared metric{units}"
    return f"nobody says which way is better in {', '.join(both[:4])}"


def _other_unit(percent: Run, fraction: Run) -> str:
    """Return a hint that one run may have in percent what the other has as a fraction; such a column is not renamed."""
    names = (name for name in percent.metrics if metric_of(name).unit != "fraction" and percent.series(name).max() > 1)
    own = next((name for name in names if match_metric(name, fraction.metrics)), None)
    return (
        f": {own} of {display_name(percent.id)} is above 1; if that is in percent, write both as fractions"
        if own
        else ""
    )


def _ended_nonfinite(run: Run) -> str | None:
    return f"the loss of {display_name(run.id)} ended as NaN or infinite" if died(run) else None


def _divergence(run: Run, diverged: Mapping[str, str]) -> str | None:
    """Return how a run diverged; None if it did not, or logs a reward, so that its loss may rise."""
    if run.id not in diverged or {*REWARDS} & {*run.metrics}:
        return None
    return f"{display_name(run.id)} diverged; {diverged[run.id]}"


def _name(run: Run, config_names: Mapping[str, str]) -> str:
    """Return the name of a run; for a random ID its label, else its configuration."""
    spoken = (run.label or config_names.get(run.id)) if is_random(run.id) else ""
    return spoken or display_name(run.id)


def _group_name(run: Run, seeds: int, config_names: Mapping[str, str]) -> str:
    name = config_names.get(run.id) or display_name(run.group or run.id)
    return f"{name} ({seeds} {'seeds' if seeds > 1 else 'seed'})"


def _dwarfs(primary: Comparison, stability: Comparison, compared: Sequence[Comparison]) -> bool:
    """True if the difference exceeds the noise of the curve, so that no change of the noise can outweigh it.

    If a share of examples decides, which has another unit, the difference of the curve is compared instead.
    """
    alike = primary.result.value * metric_of(primary.metric).sign
    changes = [c for c in compared if c.metric in CURVES and c.result.value * metric_of(c.metric).sign * alike > 0]
    changes = changes if metric_of(primary.metric).bounded else [primary]
    return stability.level is not None and any(abs(c.result.value) > stability.level for c in changes)


def _result(
    primary: Comparison, stability: Comparison | None, compared: Sequence[Comparison], settings: Settings
) -> str:
    p = primary.verdict(settings.alpha)
    s = stability.verdict(settings.alpha) if stability is not None else "no difference"
    if stability is not None and _dwarfs(primary, stability, compared):
        s = "no difference"
    if p == "better":
        return "mixed" if s == "worse" else "improved"
    if p == "worse":
        return "mixed" if s == "better" else "regressed"
    if s in ("better", "worse"):
        return "stability-only change"
    tests = [primary.equivalence_p, stability.equivalence_p if stability is not None else 0.0]
    passed = all(value is not None and value <= settings.alpha for value in tests)
    return "equivalent" if passed else "no evidence of a difference"
