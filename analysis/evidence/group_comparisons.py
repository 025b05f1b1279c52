"""Comparisons of configurations, one value per run: several seeds on both sides, or one run against a group."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import combinations

import numpy as np

from analysis import statistics as st
from analysis.core.deciding import judged_metrics
from analysis.core.metrics import metric as metric_of
from analysis.core.run import FloatArray, Run
from analysis.core.run_facts import curve_metric
from analysis.evidence.comparability import gate
from analysis.evidence.comparisons import Comparison, gated, level_ratio
from analysis.evidence.log_kind import noise_differs_by_kind
from analysis.evidence.run_evidence import RunEvidence
from analysis.evidence.seed_groups import SeedGroup, group_levels, paired_levels
from analysis.evidence.seed_spread import SeedSource, SeedSpread, Spread, clipped_difference
from analysis.statistics import Estimate

_ROUNDING = 1e-12  # relative rounding error of the mean of equal numbers


def between_groups(
    groups: Sequence[SeedGroup],
    runs: Sequence[Run],
    evidence: Mapping[str, RunEvidence],
    spread: SeedSpread,
    *,
    baseline: str | None = None,
    candidate: str | None = None,
) -> tuple[Comparison, ...]:
    """Compare pairs of configurations, at least one of which was run with several seeds, one value per run.

    A comparison names the baseline or the candidate of a group, else its first run.
    """
    by_id = {run.id: run for run in runs}
    named = (baseline, candidate)
    ordered = [replace(g, runs=tuple(sorted(g.runs, key=lambda run_id: run_id not in named))) for g in groups]
    found: list[Comparison] = []
    for one, two in combinations(ordered, 2):
        first, second = (two, one) if baseline in two.runs else (one, two)
        if max(len(first.runs), len(second.runs)) > 1:
            found += _group_pair(first, second, by_id, evidence, spread)
    return tuple(found)


def _group_pair(
    first: SeedGroup,
    second: SeedGroup,
    runs: Mapping[str, Run],
    evidence: Mapping[str, RunEvidence],
    spread: SeedSpread,
) -> Iterable[Comparison]:
    pair = gate(runs[first.runs[0]], runs[second.runs[0]])
    curve = curve_metric(list(runs.values()))
    logged = {m for group in (first, second) for run_id in group.runs for m in evidence[run_id].window}
    preferred = next((run.primary or run.best_metric for run in runs.values()), None)
    for metric in judged_metrics(logged, preferred):
        before, after = (group_levels(group, metric, evidence) for group in (first, second))
        sizes = int(before.size), int(after.size)
        if max(before.size, after.size) < 2 or not min(before.size, after.size):
            continue
        paired = paired_levels(first, second, metric, runs, evidence)
        source, result = _over_seeds(before, after, spread.of(metric))
        if paired is not None and float(np.ptp(paired[1] - paired[0])) > _ROUNDING * abs(float(before.mean())):
            source, result = "paired seeds", st.paired_seed_difference(*paired)
        if result.known and result.se <= _ROUNDING * abs(float(before.mean())):
            # Rounded values, or a seed without effect, must not make any difference, however small, certain.
            result = st.unknown(result.definition, "all seeds have one value", value=result.value, n=result.n)
        result = clipped_difference(result, metric, float(before.mean()))
        found = Comparison(
            first.runs[0],
            second.runs[0],
            metric,
            result.definition,
            result,
            metric_of(metric).direction,
            scope=f"{sizes[0]} and {sizes[1]} seeds",
            seeds=sizes,
            seed_source=source,
            level=float(before.mean()),
        )
        yield gated(found, pair)
    noise = _noise_over_seeds(first, second, runs, evidence, curve)
    if noise is not None:
        yield gated(noise, pair)


def _noise_over_seeds(
    first: SeedGroup, second: SeedGroup, runs: Mapping[str, Run], evidence: Mapping[str, RunEvidence], curve: str
) -> Comparison | None:
    """Compare the noise of the curves of two groups, one value per run; None without two on either side."""
    if any(evidence[r].per_epoch for g in (first, second) for r in g.runs):
        return None
    curves = [[s for r in g.runs if (s := evidence[r].settled.get(curve)) is not None] for g in (first, second)]
    block = st.noise_block(*curves[0], *curves[1]) if all(curves) else None
    if block is None:
        return None
    logs = [np.asarray([e.value for s in side if (e := st.local_log_noise(s, block)).known]) for side in curves]
    if min(log.size for log in logs) < 2:
        return None
    log_ratio = st.seed_difference(logs[0], logs[1])
    result = st.as_ratio(log_ratio, "seeds.diff") if log_ratio.known else log_ratio
    unlike = noise_differs_by_kind(runs[first.runs[0]], runs[second.runs[0]], curve)
    return Comparison(
        first.runs[0],
        second.runs[0],
        "noise",
        result.definition,
        result,
        "lower",
        ratio=True,
        comparable=not unlike,
        reason=unlike,
        scope=f"{len(first.runs)} and {len(second.runs)} seeds",
        seeds=(len(first.runs), len(second.runs)),
        seed_source="seeds",
        level=float(np.exp(logs[0].mean())),
        level_ratio=level_ratio(evidence[first.runs[0]], evidence[second.runs[0]], curve),
    )


def _over_seeds(before: FloatArray, after: FloatArray, spread: Spread | None) -> tuple[SeedSource, Estimate]:
    """Compare two groups of values, one of which may have a single run; return also the source of the error."""
    if min(before.size, after.size) > 1:
        return "seeds", st.seed_difference(before, after)
    group = before if before.size > 1 else after
    # Two seeds show next to nothing of a spread: other groups of the same metric show more.
    if group.size < 3 and spread is not None and spread.df > group.size - 1:
        se = spread.sd * math.sqrt(1 / before.size + 1 / after.size)
        d = float(after.mean() - before.mean())
        return spread.source, st.estimate(
            f"seeds.{spread.source}", d, se, spread.df, before.size + after.size, tested=True
        )
    if before.size > 1:
        return "one against seeds", st.one_against_group(before, float(after[0]))
    return "one against seeds", st.one_against_group(after, float(before[0])).negated()
