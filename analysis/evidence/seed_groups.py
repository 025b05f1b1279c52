"""Groups of runs that differ only by chance, such as by the seed; between groups the unit is the run, not the step."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from analysis.core.config_factors import without_seed
from analysis.core.run import FloatArray, Run
from analysis.core.run_facts import total_steps
from analysis.evidence.run_evidence import RunEvidence

LEAST_PAIRS = 4
"""Number of pairs below which pairing costs more degrees of freedom than it gains."""


@dataclass(frozen=True)
class SeedGroup:
    """Runs of one configuration. ``name`` is the group stated in the sidecars, else the ID of the first run."""

    name: str
    runs: tuple[str, ...]


def seed_groups(runs: Sequence[Run]) -> tuple[SeedGroup, ...]:
    """Group runs by their stated ``group``, else by configurations that are equal except for the seed.

    A seed that occurs twice in one configuration shows that something unstated differs. The configuration is then
    split by the run names without the seed, if there are as many of them as occurrences of a seed; in any case no group
    has a seed twice.
    """
    stated = {run.id: without_seed(run) for run in runs}
    alike = _first_fit(runs, lambda group, run: _alike(group[0], run, stated))
    groups = [part for group in alike for part in ([group] if group[0].group else _by_seed(group))]
    place = {run.id: i for i, run in enumerate(runs)}
    groups.sort(key=lambda group: place[group[0].id])
    return tuple(SeedGroup(group[0].group or group[0].id, tuple(run.id for run in group)) for group in groups)


def group_of(groups: Sequence[SeedGroup], run_id: str) -> SeedGroup:
    """Return the group that a run belongs to."""
    return next(group for group in groups if run_id in group.runs)


def level_by_run(group: SeedGroup, metric: str, evidence: Mapping[str, RunEvidence]) -> Mapping[str, float]:
    """Return the level of a metric for each run of a group that has a finite one, by run ID."""
    known = {run_id: evidence[run_id].window.get(metric) for run_id in group.runs}
    return {run_id: e.value for run_id, e in known.items() if e is not None and np.isfinite(e.value)}


def group_levels(group: SeedGroup, metric: str, evidence: Mapping[str, RunEvidence]) -> FloatArray:
    """Return the levels of `level_by_run` as an array, shape (runs,)."""
    return np.asarray(list(level_by_run(group, metric, evidence).values()), dtype=np.float64)


def paired_levels(
    one: SeedGroup, two: SeedGroup, metric: str, runs: Mapping[str, Run], evidence: Mapping[str, RunEvidence]
) -> tuple[FloatArray, FloatArray] | None:
    """Return the levels of two groups in the order of their seeds; None unless both have the same, at least four."""
    by_seed = []
    for group in (one, two):
        levels = level_by_run(group, metric, evidence)
        seeds = {runs[r].factor("seed"): value for r, value in levels.items()}
        if None in seeds or len(seeds) < max(LEAST_PAIRS, len(group.runs)):
            return None
        by_seed.append(seeds)
    if by_seed[0].keys() != by_seed[1].keys():
        return None
    order = sorted(by_seed[0], key=repr)
    first, second = (np.array([seeds[seed] for seed in order]) for seeds in by_seed)
    return first, second


def _first_fit(runs: Iterable[Run], fits: Callable[[list[Run], Run], bool]) -> list[list[Run]]:
    """Return groups of runs, each run in the first group that it fits, else in a new one."""
    groups: list[list[Run]] = []
    for run in runs:
        home = next((group for group in groups if fits(group, run)), None)
        if home is None:
            groups.append([run])
        else:
            home.append(run)
    return groups


def _alike(one: Run, two: Run, stated: Mapping[str, Mapping[str, Any]]) -> bool:
    if one.group or two.group:
        return one.group == two.group
    same = bool(stated[one.id]) and stated[one.id] == stated[two.id] and one.parent == two.parent
    return same and one.data == two.data and _of_one_length(one, two)


def _of_one_length(one: Run, two: Run) -> bool:
    """True unless one of two runs without a stated number of epochs is clearly longer, so that something differs."""
    steps = sorted((total_steps(one), total_steps(two)))
    return one.factor("n_epochs") is not None or steps[1] <= 1.25 * steps[0]


def _by_seed(alike: Sequence[Run]) -> list[list[Run]]:
    """Split the runs of one stated configuration so that each part has a seed only once."""
    often = max(Counter(repr(run.factor("seed")) for run in alike).values())
    named: dict[str, list[Run]] = defaultdict(list)
    for run in alike:
        named[name_without_seed(run)].append(run)
    parts = list(named.values()) if len(named) == often else [list(alike)]
    return [group for part in parts for group in _first_fit(part, _lacks_seed_of)]


def _lacks_seed_of(group: list[Run], run: Run) -> bool:
    return run.factor("seed") not in [other.factor("seed") for other in group]


def name_without_seed(run: Run) -> str:
    """Return the ID of a run without the seed in it; the ID itself if the seed is not in it."""
    return re.sub(rf"(?:[_\W]?(?:seed|s)[_\W]?|[_\W]){re.escape(str(run.factor('seed')))}(?!\d)", "", run.id, count=1)
