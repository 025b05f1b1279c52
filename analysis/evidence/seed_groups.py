"""Runs that differ by chance alone form a group of seeds: between groups the run, not the step, is the unit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from analysis.core.config_factors import without_seed
from analysis.core.run import FloatArray, Run
from analysis.evidence.run_evidence import RunEvidence

LEAST_PAIRS = 4
"""Pairs below which pairing costs more in degrees of freedom than it can gain."""


@dataclass(frozen=True)
class SeedGroup:
    """Runs of one configuration. ``name`` is the group from the sidecars, else that of the first run."""

    name: str
    runs: tuple[str, ...]


def seed_groups(runs: Sequence[Run]) -> tuple[SeedGroup, ...]:
    """Group runs by their stated ``group``, else by configurations that are equal but for the seed."""
    groups: list[list[Run]] = []
    stated = {run.id: without_seed(run) for run in runs}
    for run in runs:
        home = next((group for group in groups if _together(group[0], run, stated)), None)
        if home is None:
            groups.append([run])
        else:
            home.append(run)
    return tuple(SeedGroup(group[0].group or group[0].id, tuple(run.id for run in group)) for group in groups)


def group_of(groups: Sequence[SeedGroup], run_id: str) -> SeedGroup:
    """Return the group that a run belongs to."""
    return next(group for group in groups if run_id in group.runs)


def level_by_run(group: SeedGroup, metric: str, curve: str, evidence: Mapping[str, RunEvidence]) -> Mapping[str, float]:
    """Return the level of a metric for each run of a group that has a finite one, by run ID.

    ``noise`` is the standard deviation of the curve's residuals; a log of one row an epoch has none.
    """
    levels: dict[str, float] = {}
    for run_id in group.runs:
        e = evidence[run_id]
        if metric == "noise":
            series = e.settled.get(curve)
            if series is not None and not e.per_epoch and series.line.s > 0:
                levels[run_id] = series.line.s
        elif metric in e.window:
            levels[run_id] = e.window[metric].value
    return {run_id: value for run_id, value in levels.items() if np.isfinite(value)}


def group_levels(group: SeedGroup, metric: str, curve: str, evidence: Mapping[str, RunEvidence]) -> FloatArray:
    """Return the levels of `level_by_run` as an array, shape (runs,)."""
    return np.asarray(list(level_by_run(group, metric, curve, evidence).values()), dtype=np.float64)


def paired_levels(
    one: SeedGroup, two: SeedGroup, metric: str, runs: Mapping[str, Run], evidence: Mapping[str, RunEvidence]
) -> tuple[FloatArray, FloatArray] | None:
    """Return the levels of two groups seed by seed; None unless both ran with the same four or more."""
    by_seed = []
    for group in (one, two):
        levels = level_by_run(group, metric, "", evidence)
        seeds = {runs[r].factor("seed"): value for r, value in levels.items()}
        if None in seeds or len(seeds) < max(LEAST_PAIRS, len(group.runs)):
            return None
        by_seed.append(seeds)
    if by_seed[0].keys() != by_seed[1].keys():
        return None
    order = sorted(by_seed[0], key=repr)
    first, second = (np.array([seeds[seed] for seed in order]) for seeds in by_seed)
    return first, second


def _together(one: Run, two: Run, stated: Mapping[str, Mapping[str, Any]]) -> bool:
    if one.group or two.group:
        return one.group == two.group
    same = bool(stated[one.id]) and stated[one.id] == stated[two.id] and one.parent == two.parent
    return same and one.data == two.data and one.factor("seed") != two.factor("seed")
