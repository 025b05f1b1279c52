"""Comparisons of two runs, metric by metric: interval, adjusted p and minimum detectable difference."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations, pairwise
from typing import Any

import numpy as np

from analysis import statistics as st
from analysis.core.deciding import judged_metrics
from analysis.core.metrics import Direction
from analysis.core.metrics import metric as metric_of
from analysis.core.run import Run
from analysis.core.run_facts import breaks_of, curve_metric, ended_nonfinite
from analysis.core.settings import Settings
from analysis.evidence.comparability import Gate, gate, other_quantity, requirements
from analysis.evidence.evaluations import paired_evaluation, paired_losses
from analysis.evidence.log_kind import noise_differs_by_kind
from analysis.evidence.run_evidence import RunEvidence
from analysis.evidence.seed_spread import SeedSource, SeedSpread, clipped_difference, usual_seed_sd
from analysis.statistics import Estimate

COMPANIONS = ("oscillation_rate", "noise", "noise_per_example", "valid_accuracy_counts")
"""Quantities that are compared besides logged metrics; never the measure of performance."""

EVALUATED = ("fullval.share", "fullval.level", "loss.last")
"""Definitions of levels that are a single evaluation, or the mean of one epoch."""

RATIOS = ("noise", "noise_per_example")
"""Metrics that are compared by their ratio; 1 means no difference."""

ALL_PAIRS = 30
"""Number of runs up to which all pairs are compared."""


@dataclass(frozen=True)
class Comparison:
    """Comparison of candidate and baseline in one metric.

    ``result`` is candidate minus baseline, or candidate over baseline if ``ratio``. ``comparable`` is None if the
    logs do not say whether both measured the same quantity; ``reason`` says what is missing or differs. ``seeds`` are
    the numbers of runs of baseline and candidate if a configuration was run with several.

    Attributes
    ----------
    seed_source : str
        Source of the between-seed part of the error; "none": the comparison is about these two models only.
    seed_sd_limit : float or None
        If that part is unknown: the standard deviation between seeds above which the difference is not significant.
    usual_seed_sd : float or None
        Usual standard deviation between seeds; with a limit below it no difference is shown.
    p_any_overlap : float or None
        For two shares: a p that is valid however many errors both models share.
    equivalence_ratio : float
        Factor within which noises count as equal: a difference needs the whole interval of the ratio beyond it.
    level_ratio : float
        For a ratio of noises: the ratio of the levels of the two curves, since noise is proportional to level.
    level : float or None
        Level of the baseline, which scales the equivalence margin; for a ratio of noises the noise of the baseline.
    """

    baseline: str
    candidate: str
    metric: str
    definition: str
    result: Estimate
    direction: Direction
    ratio: bool = False
    p_adjusted: float | None = None
    equivalence_p: float | None = None
    comparable: bool | None = True
    reason: str = ""
    scope: str = "whole"
    seeds: tuple[int, int] | None = None
    seed_source: SeedSource = ""
    seed_sd_limit: float | None = None
    usual_seed_sd: float | None = None
    p_any_overlap: float | None = None
    level: float | None = None
    equivalence_ratio: float = 1.25
    level_ratio: float = 1.0

    @property
    def p(self) -> float | None:
        """Two-sided p of no difference; None if it was not tested."""
        return self.result.p if math.isfinite(self.result.p) else None

    @property
    def mdd(self) -> float | None:
        """Smallest difference (for a ratio: of its logarithm) that is found with 80% power (power.mdd)."""
        return self.result.detectable if math.isfinite(self.result.se) else None

    @property
    def known(self) -> bool:
        """True if there is an interval."""
        return self.result.known

    def as_interval(self) -> Estimate | None:
        """Return the estimate for display; None without an interval."""
        return self.result if self.result.known else None

    @property
    def decides(self) -> bool:
        """True if a difference could be shown: by an interval, or relative to the usual scatter of seeds."""
        return self.known or (self.seed_sd_limit is not None and self.usual_seed_sd is not None)

    def shown(self, alpha: float) -> bool:
        """True if a difference is shown: beyond its own error, and larger than seeds usually make."""
        if self.known and (self.p_adjusted is None or self.p_adjusted > alpha):
            return False
        if self.seed_sd_limit is None:
            return self.known
        return self.decides and self.seed_sd_limit > (self.usual_seed_sd or 0.0)

    @property
    def within_margin(self) -> bool:
        """True if the interval of a ratio of noises overlaps the range that counts as equal."""
        low, high = (
            min(1.0, self.level_ratio) / self.equivalence_ratio,
            max(1.0, self.level_ratio) * self.equivalence_ratio,
        )
        return self.result.low <= high and self.result.high >= low

    def verdict(self, alpha: float) -> str:
        """Return how the candidate compares: "better", "worse", "different" (no direction) or "no difference"."""
        if not self.shown(alpha) or (self.ratio and self.within_margin):
            return "no difference"
        change = self.result.value - (1.0 if self.ratio else 0.0)
        if self.direction == "none" or change == 0:
            return "different"
        return "better" if (change < 0) == (self.direction == "lower") else "worse"

    def to_json(self) -> dict[str, Any]:
        """Return the comparison in the form of the results JSON."""
        r = self.result
        return {
            "baseline": self.baseline,
            "candidate": self.candidate,
            "metric": self.metric,
            "definition": self.definition,
            "scale": "ratio" if self.ratio else "difference",
            "scope": self.scope,
            "estimate": _finite(r.value),
            "low": _finite(r.low),
            "high": _finite(r.high),
            "p": self.p,
            "p_adjusted": self.p_adjusted,
            "equivalence_p": self.equivalence_p,
            "mdd": self.mdd,
            "n": r.n,
            "seed_source": self.seed_source or None,
            "seed_sd_limit": self.seed_sd_limit,
            "usual_seed_sd": self.usual_seed_sd,
            "p_any_overlap": self.p_any_overlap,
            "comparable": self.comparable,
            "reason": self.reason or r.reason,
        }


def comparisons(
    runs: Sequence[Run],
    evidence: Mapping[str, RunEvidence],
    spread: SeedSpread,
    *,
    baseline: str | None = None,
    candidate: str | None = None,
) -> tuple[Comparison, ...]:
    """Compare pairs of runs in all metrics; `adjusted` adds what depends on all comparisons.

    For more than `ALL_PAIRS` runs, whose pairs would be too many to read and to adjust for, only pairs with the
    baseline or the candidate and neighbours by level in a metric are compared. In a pair with ``baseline`` it comes
    first; else the order is that of ``runs``.
    """
    curve = curve_metric(runs)
    named = {baseline, candidate}
    beside = _neighbours(runs, evidence) if len(runs) > ALL_PAIRS else None
    found: list[Comparison] = []
    for one, two in combinations(runs, 2):
        if beside is not None and not ({one.id, two.id} & named or frozenset((one.id, two.id)) in beside):
            continue
        first, second = (two, one) if two.id == baseline else (one, two)
        pair = gate(first, second)
        found += [gated(c, pair) for c in _pair(first, second, evidence, curve, spread)]
    return tuple(found)


def adjusted(
    found: Sequence[Comparison], settings: Settings, deciding: Collection[Comparison], ranking: Collection[Comparison]
) -> tuple[Comparison, ...]:
    """Add p-values adjusted for multiple testing, and tests of equivalence.

    The comparisons that decide the verdict are tested at full level, and those that rank the configurations are a
    family of their own, so that comparisons of other runs and metrics do not dilute them. All others form one more
    family (multi.holm).
    """
    first, second = ({id(c) for c in family} for family in (deciding, ranking))
    families = [c for c in found if id(c) in second - first], [c for c in found if id(c) not in first | second]
    by_holm = {id(c): p for f in families for c, p in zip(f, st.holm([c.result.p for c in f]), strict=True)}
    return tuple(
        replace(
            c,
            p_adjusted=p if math.isfinite(p := by_holm.get(id(c), c.result.p)) else None,
            equivalence_p=_equivalence(c, settings),
            equivalence_ratio=settings.noise_equivalence_ratio,
        )
        for c in found
    )


def _neighbours(runs: Sequence[Run], evidence: Mapping[str, RunEvidence]) -> set[frozenset[str]]:
    """Return the pairs of runs that are neighbours by level in a metric; gaps between groups of runs show there."""
    levels: dict[str, list[tuple[float, str]]] = defaultdict(list)
    for run in runs:
        found = evidence[run.id]
        for metric, level in found.window.items():
            if math.isfinite(level.value):
                levels[metric].append((level.value, run.id))
    ordered = [sorted(levels[metric]) for metric in judged_metrics(levels)]
    return {frozenset((one, two)) for line in ordered for (_, one), (_, two) in pairwise(line)}


def step_matched(first: Run, second: Run, evidence: Mapping[str, RunEvidence], metric: str) -> Comparison | None:
    """Compare window means up to the last step of the shorter run (loss.step_matched); None if both are as long."""
    last = min(int(first.steps[-1]), int(second.steps[-1]))
    if int(first.steps[-1]) == int(second.steps[-1]) or any(ended_nonfinite(r, metric) for r in (first, second)):
        return None
    levels = []
    for run in (first, second):
        series = evidence[run.id].settled.get(metric)
        if series is None:
            return None
        end = int(np.searchsorted(series.steps, last, side="right"))
        levels.append(st.window_mean(st.settle(series.x[:end], series.steps[:end])))
    result = replace(st.difference("loss.window_diff", *levels), definition="loss.step_matched")
    matched = Comparison(
        first.id,
        second.id,
        metric,
        "loss.step_matched",
        result,
        metric_of(metric).direction,
        scope=f"first {last} steps",
    )
    return gated(matched, gate(first, second))


def _pair(
    first: Run, second: Run, evidence: Mapping[str, RunEvidence], curve: str, spread: SeedSpread
) -> Iterable[Comparison]:
    one, two = evidence[first.id], evidence[second.id]

    for metric in judged_metrics(one.window, second.primary or second.best_metric):
        if metric not in two.window:
            continue
        accuracy = metric.replace("error_rate", "mean_token_accuracy")
        if accuracy != metric and accuracy in one.window and accuracy in two.window:
            continue  # the complement of a metric that is compared already
        yield _level_difference(first, second, metric, one.window[metric], two.window[metric], spread)
    if one.valid_counts is not None and two.valid_counts is not None:
        result = st.proportion_difference(one.valid_counts.interval, two.valid_counts.interval)
        yield Comparison(first.id, second.id, "valid_accuracy_counts", result.definition, result, "higher")
    unlike = noise_differs_by_kind(first, second, curve)
    for c in _companions(first, second, evidence, curve):
        yield replace(c, comparable=False, reason=unlike) if unlike else c


def _companions(first: Run, second: Run, evidence: Mapping[str, RunEvidence], curve: str) -> Iterable[Comparison]:
    """Compare oscillation rates and noises of the curves of two runs."""
    one, two = evidence[first.id], evidence[second.id]

    def compared(metric: str, result: Estimate | None) -> Iterable[Comparison]:
        if result is None:
            return
        found = Comparison(first.id, second.id, metric, result.definition, result, "lower")
        if metric in RATIOS:
            level = one.noise.value if one.noise is not None else None
            found = replace(found, ratio=True, level=level, level_ratio=level_ratio(one, two, curve))
        yield found

    yield from compared("oscillation_rate", _rate_difference(first, second, evidence, curve))
    if one.per_epoch or two.per_epoch:
        return
    yield from compared("noise", _noise_ratio(one, two, curve, 0.0))
    batches = [run.factor("batch_size") for run in (first, second)]
    if all(isinstance(b, int) and b > 0 for b in batches) and batches[0] != batches[1]:
        factor = 0.5 * math.log(batches[1] / batches[0])
        yield from compared("noise_per_example", _noise_ratio(one, two, curve, factor))


def _level_difference(
    first: Run, second: Run, metric: str, one: Estimate, two: Estimate, spread: SeedSpread
) -> Comparison:
    """Compare two single runs in one metric: as configurations if the spread of seeds is known, else as models."""
    row = metric_of(metric)
    overlap = None
    pair = paired_evaluation(first, second, metric) if row.by_example else None
    if one.definition == two.definition == "fullval.share" and one.known and two.known:
        scale = 100.0 if max(one.value, two.value) > 1 else 1.0
        shares = one.scaled(1 / scale), two.scaled(1 / scale)
        result = st.share_difference(*shares).scaled(scale)
        overlap = st.p_any_overlap(*shares)
    elif pair is not None:
        result = pair.result
    else:
        result = paired_losses(first, second, metric) or st.difference(
            "fullval.diff" if row.split == "full validation" else "loss.window_diff", one, two
        )
    if not result.known:
        # The scatter of the curves is a lower bound of the error.
        floors = [e.se for e in (one, two) if math.isfinite(e.se)]
        result = replace(result, se=math.hypot(*floors) if floors else math.nan)
    found = Comparison(
        *(first.id, second.id, metric, result.definition, result, row.direction),
        comparable=pair is None or pair.comparable,
        reason=pair.reason if pair is not None else "",
        p_any_overlap=overlap,
        seed_source="none",
        level=one.value if math.isfinite(one.value) else None,
    )
    if not math.isfinite(result.value):
        return found
    known = spread.between(first, second, metric)
    if known is not None:
        own = result.se if known.source == "stated" and math.isfinite(result.se) else 0.0
        se = math.hypot(own, known.sd * math.sqrt(2))
        wider = st.estimate(f"seeds.{known.source}", result.value, se, known.df, max(result.n, 2), tested=True)
        wider = clipped_difference(wider, metric, one.value)
        return replace(found, definition=wider.definition, result=wider, seed_source=known.source)
    sizes = [one.n, two.n] if row.by_example else [run.n_valid for run in (first, second) if run.n_valid]
    usual = usual_seed_sd(metric, one, two, min(sizes, default=None))
    if first.only_evaluated and second.only_evaluated:
        usual = None  # no training to repeat: the comparison is about these two models only
    if usual is not None and one.definition in EVALUATED:
        usual = max(usual, *(st.seed_luck(run.series(metric), row.sign) for run in (first, second)))
    if usual is None and not result.known:
        return found
    return replace(found, seed_sd_limit=st.tipping_point(result.value, result.se), usual_seed_sd=usual)


def level_ratio(one: RunEvidence, two: RunEvidence, curve: str) -> float:
    """Return the ratio of the levels of a curve, second over first; 1 if one is unknown or not positive."""
    levels = [e.window[curve].value for e in (one, two) if curve in e.window]
    return levels[1] / levels[0] if len(levels) == 2 and min(levels) > 0 else 1.0


def _noise_ratio(one: RunEvidence, two: RunEvidence, curve: str, log_factor: float) -> Estimate | None:
    series = one.settled.get(curve), two.settled.get(curve)
    if series[0] is None or series[1] is None:
        return None
    name = "noise.s_batch" if log_factor else "noise.ratio"
    return st.as_ratio(st.log_noise_difference(*series, log_factor=log_factor, definition=name))


def _rate_difference(first: Run, second: Run, evidence: Mapping[str, RunEvidence], curve: str) -> Estimate | None:
    """Compare oscillation rates, with the denser log thinned to the spacing of the coarser one."""
    if evidence[first.id].oscillation_rate is None or evidence[second.id].oscillation_rate is None:
        return None
    strides = st.common_stride(first.steps_of(curve), second.steps_of(curve))
    rates = [
        st.oscillation_rate(run.series(curve)[::stride], breaks_of(run, curve)[::stride])
        for run, stride in zip((first, second), strides, strict=True)
    ]
    return st.difference("osc.diff", *rates)


def gated(comparison: Comparison, pair: Gate) -> Comparison:
    """Return a comparison with the result of a gate: whether both sides measured the same quantity."""
    if comparison.comparable is not True:
        return comparison
    if other := other_quantity(comparison.metric, pair):
        return replace(comparison, comparable=False, reason=other)
    needed = requirements(comparison.metric)
    state = pair.state(*needed) if needed else "same"
    comparable = {"same": True, "different": False, "cannot tell": None}[state]
    return replace(comparison, comparable=comparable, reason=pair.reason(*needed) if needed else "")


def _equivalence(comparison: Comparison, settings: Settings) -> float | None:
    """Return the p of equivalence within the declared margin, for ratios on the logarithm (equiv.tost)."""
    if not comparison.known:
        return None
    if comparison.ratio:
        r = comparison.result
        on_log = replace(r, value=math.log(r.value), low=math.log(r.low), high=math.log(r.high)) if r.low > 0 else None
        p = st.equivalence_p(on_log, math.log(settings.noise_equivalence_ratio)) if on_log else math.nan
    elif comparison.metric not in COMPANIONS:
        level = comparison.level if comparison.level is not None else math.inf
        p = st.equivalence_p(comparison.result, settings.margin_of(comparison.metric, level))
    else:
        return None
    return p if math.isfinite(p) else None


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
