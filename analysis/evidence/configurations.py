"""Ranking of configurations: comparisons with the best that account for its selection."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from math import inf
from typing import Any

import numpy as np

from analysis import statistics as st
from analysis.core.config_factors import changed_factors
from analysis.core.deciding import REWARDS, deciding_order, deciding_rank, held_out
from analysis.core.metrics import metric as metric_of
from analysis.core.run import Run
from analysis.core.run_names import display_name, setting_words
from analysis.evidence.comparability import gate, requirements
from analysis.evidence.comparisons import Comparison
from analysis.evidence.run_evidence import RunEvidence
from analysis.evidence.seed_groups import SeedGroup, level_by_run, name_without_seed
from analysis.evidence.seed_spread import SeedSpread


@dataclass(frozen=True)
class Configuration:
    """One configuration in a ranking.

    Attributes
    ----------
    name : str
        What distinguishes it from the others, for sentences and tables.
    runs : tuple[str, ...]
        IDs of its runs, one per seed.
    mean, sd : float
        Of the deciding metric over its runs; sd is NaN for one run, mean is NaN if no run has the metric.
    may_be_best : bool
        True unless the best one is shown to be better, at a level that accounts for the selection of the best.
    behind : Comparison or None
        Its comparison with the best one; None for the best, or without a comparison.
    """

    name: str
    runs: tuple[str, ...]
    metric: str
    mean: float
    sd: float
    may_be_best: bool
    behind: Comparison | None = None


def preferred_metrics(runs: Sequence[Run], primary: str, goal: str | None) -> tuple[str, ...]:
    """Return the metrics that decide first: stated, named by the goal, then those by which tools kept the best model.

    Of several that the goal names, metrics of held-out data come first.
    """
    stated = [name for run in runs if primary and (name := run.metric_named(primary))]
    stated += [run.primary for run in reversed(runs) if run.primary]
    words = [word.strip(".") for word in re.split(r"[^\w/.@-]+", goal or "")]
    named = deciding_order(word for run in runs for word in words if word in run.metrics)
    best = [run.best_metric for run in reversed(runs) if run.best_metric]
    return tuple(dict.fromkeys([*stated, *named, *best]))


def deciding_metric(
    runs: Sequence[Run], evidence: Mapping[str, RunEvidence], preferred: Sequence[str] = ()
) -> str | None:
    """Return the metric that ranks a set of runs, preferably one that most of them have; None if there is none.

    As in a verdict, no training metric ranks runs if any of them was validated, and metrics are ordered by
    `deciding.deciding_rank`.
    """
    logged = [set(run.metrics) | set(run.nonfinite) for run in runs]
    order = deciding_order(dict.fromkeys(m for run in runs for m in run.metrics), preferred)
    allowed = held_out(order, preferred)
    rewarded = bool({*REWARDS} & {*order})

    def key(metric: str) -> tuple[bool, tuple[int, bool, bool], int]:
        levels = [level for run in runs if (level := evidence[run.id].window.get(metric)) is not None]
        known = 2 * sum(level.known for level in levels) > len(runs)
        seldom = 2 * sum(metric in names for names in logged) <= len(runs)
        rank = deciding_rank(metric, known=known, rewarded=rewarded, preferred=preferred)
        return seldom, rank, allowed.index(metric)

    return min(allowed, key=key, default=None)


def best_run(others: Sequence[Run], candidate: Run, metric: str, evidence: Mapping[str, RunEvidence]) -> Run | None:
    """Return the best run in a metric among those comparable with the candidate; None if there is none."""
    sign = metric_of(metric).sign
    levels = {
        run.id: sign * evidence[run.id].window[metric].value
        for run in others
        if metric in evidence[run.id].window and gate(run, candidate).state(*requirements(metric)) != "different"
    }
    known = [run for run in others if math.isfinite(levels.get(run.id, math.nan))]
    return min(known, key=lambda run: levels[run.id], default=None)


def configurations(
    groups: Sequence[SeedGroup],
    runs: Sequence[Run],
    metric: str,
    evidence: Mapping[str, RunEvidence],
    compared: Sequence[Comparison],
    alpha: float,
) -> tuple[Configuration, ...]:
    """Rank configurations by a metric, best first, and mark those that may be the best.

    Each of the K is compared with the best at level ``alpha/(K - 1)``: multiple comparisons with the best (Hsu 1984),
    which account for the selection of the best.
    """
    by_id = {run.id: run for run in runs}
    names = configuration_names(groups, by_id)
    sign = metric_of(metric).sign
    rows = []
    for group in groups:
        values = np.array(list(level_by_run(group, metric, evidence).values()))
        mean = float(values.mean()) if values.size else math.nan
        sd = float(values.std(ddof=1)) if values.size > 1 else math.nan
        rows.append((group, Configuration(names[group.name], group.runs, metric, mean, sd, False)))
    rows.sort(key=lambda row: sign * row[1].mean if math.isfinite(row[1].mean) else math.inf)
    if not rows or not math.isfinite(rows[0][1].mean):
        return tuple(row for _, row in rows)
    best = rows[0][0]
    level = alpha / max(len([row for _, row in rows if math.isfinite(row.mean)]) - 1, 1)
    placed = [replace(rows[0][1], may_be_best=True)]
    for group, row in rows[1:]:
        behind = between(best.runs, group.runs, metric, compared)
        beaten = not math.isfinite(row.mean) or (behind is not None and _is_behind(behind, level))
        placed.append(replace(row, may_be_best=not beaten, behind=behind))
    return tuple(placed)


@dataclass(frozen=True)
class Lead:
    """Lead of the best of many configurations over their mean, and the part of it that is luck (winner's curse).

    Attributes
    ----------
    luck : float
        Expected lead of the best of ``count`` equal configurations.
    expected : float
        Expected level of the best one if it is trained again: ``mean + max(0, 1 - s²/S²)(best - mean)``, with s the
        error of the mean of a configuration and S the standard deviation of all means (Efron and Morris 1973).
    sd : float
        Standard deviation between seeds that was used: known if ``measured``, else the usual one.
    """

    count: int
    best: float
    mean: float
    luck: float
    expected: float
    sd: float
    measured: bool


def lead(found: Sequence[Configuration], spread: SeedSpread, *, usual: float | None = None) -> Lead | None:
    """Split the lead of the best configuration into merit and luck; None for fewer than three, or an unknown spread."""
    ranked = [row for row in found if math.isfinite(row.mean)]
    if len(ranked) < 3:
        return None
    known = spread.of(ranked[0].metric)
    sd = known.sd if known is not None else usual
    if not sd:
        return None
    error = sd * math.sqrt(float(np.mean([1 / len(row.runs) for row in ranked])))
    means = np.array([row.mean for row in ranked])
    mean, best = float(means.mean()), ranked[0].mean
    worth = max(0.0, 1 - error**2 / float(means.var(ddof=1))) if means.var() > 0 else 0.0
    luck = error * st.expected_lead(len(ranked))
    return Lead(len(ranked), best, mean, luck, mean + worth * (best - mean), sd, known is not None)


def between(one: Sequence[str], two: Sequence[str], metric: str, compared: Sequence[Comparison]) -> Comparison | None:
    """Return the comparison of two groups of runs, else of two of their runs; None if there is none."""
    found = [
        c
        for c in compared
        if c.metric == metric
        and ((c.baseline in one and c.candidate in two) or (c.baseline in two and c.candidate in one))
    ]
    return next((c for c in found if c.seeds is not None), next(iter(found), None))


def _is_behind(comparison: Comparison, level: float) -> bool:
    """True if a comparison shows a difference at a stricter level than that of the verdict."""
    if comparison.comparable is False or not comparison.decides:
        return False
    if comparison.known and not (comparison.p is not None and comparison.p <= level):
        return False
    if comparison.seed_sd_limit is None:
        return True
    stricter = st.t_quantile(1 - level / 2, inf) / st.t_quantile(0.975, inf)
    return comparison.seed_sd_limit > stricter * (comparison.usual_seed_sd or 0.0)


_MOST_SETTINGS, _TRIED = 3, 12
"""Most settings in a name (more are a table, not a name), and settings that are tried."""


def configuration_names(groups: Sequence[SeedGroup], runs: Mapping[str, Run]) -> dict[str, str]:
    """Return a name for each group: the fewest settings that distinguish all, else that of its runs without seed."""
    first = {group.name: runs[group.runs[0]] for group in groups}
    own = {group.name: _own_name(group, first[group.name]) for group in groups}
    if len(groups) < 2 or any(run.group for run in first.values()):
        return own
    factors = {name: row for name, row in changed_factors(list(first.values())).items() if name != "seed"}
    by_settings = {
        name: ", ".join(setting_words(f, row[run.id]) for f, row in _distinguishing(factors).items())
        for name, run in first.items()
    }
    shared = Counter(by_settings.values())
    if 2 * len(shared) < len(by_settings):
        return own  # the settings distinguish few of them
    return {name: words if words and shared[words] == 1 else own[name] for name, words in by_settings.items()}


def _distinguishing(factors: Mapping[str, Mapping[str, Any]]) -> Mapping[str, Mapping[str, Any]]:
    """Return the settings for names: all if they are few, else the fewest that distinguish as many groups as all do."""
    if len(factors) <= _MOST_SETTINGS:
        return factors
    kinds = len({tuple(map(repr, values)) for values in zip(*(row.values() for row in factors.values()), strict=True)})
    for size in range(1, _MOST_SETTINGS + 1):
        for names in combinations(list(factors)[:_TRIED], size):
            if len({tuple(repr(factors[f][run_id]) for f in names) for run_id in factors[names[0]]}) == kinds:
                return {name: factors[name] for name in names}
    return {}


def _own_name(group: SeedGroup, first: Run) -> str:
    """Return the name of the runs of a group, for several runs without the seed in it."""
    if first.group or len(group.runs) == 1:
        return display_name(first.group or first.id)
    return name_without_seed(first) or display_name(first.id)
