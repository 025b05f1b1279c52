"""Several seeds of one configuration form an arm; between arms the seed, not the step, is the unit."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Any

import numpy as np

from analysis import statistics as st
from analysis.comparability import gate, requirements
from analysis.compare import Comparison
from analysis.document import curve_metric
from analysis.evidence import RunEvidence
from analysis.factors import without_seed
from analysis.metrics import judged
from analysis.metrics import metric as metric_of
from analysis.schema import FloatArray, Run


@dataclass(frozen=True)
class Arm:
    """Runs of one configuration. ``name`` is the group from the sidecars, else that of the first run."""

    name: str
    runs: tuple[str, ...]


def arms(runs: Sequence[Run]) -> tuple[Arm, ...]:
    """Group runs by their stated ``group``, else by configurations that are equal but for the seed."""
    groups: list[list[Run]] = []
    stated = {run.id: without_seed(run) for run in runs}
    for run in runs:
        home = next((group for group in groups if _together(group[0], run, stated)), None)
        if home is None:
            groups.append([run])
        else:
            home.append(run)
    return tuple(Arm(group[0].group or group[0].id, tuple(run.id for run in group)) for group in groups)


def arm_of(found: Sequence[Arm], run_id: str) -> Arm:
    """Find the arm that a run belongs to."""
    return next(arm for arm in found if run_id in arm.runs)


def seed_comparisons(
    runs: Sequence[Run],
    evidence: Mapping[str, RunEvidence],
    *,
    baseline: str | None = None,
    candidate: str | None = None,
) -> tuple[Comparison, ...]:
    """Compare arms that have two seeds or more each, one value a run (seeds.diff).

    The comparison carries the baseline or the candidate of an arm, else its first run; p-values are adjusted
    over all of them.
    """
    named = (baseline, candidate)
    replicated = [
        replace(arm, runs=tuple(sorted(arm.runs, key=lambda run_id: run_id not in named)))
        for arm in arms(runs)
        if len(arm.runs) > 1
    ]
    by_id = {run.id: run for run in runs}
    found: list[Comparison] = []
    for one, two in combinations(replicated, 2):
        first, second = (two, one) if baseline in two.runs else (one, two)
        found += _arm_pair(first, second, by_id, evidence)
    adjusted = st.holm([c.result.p for c in found])
    return tuple(replace(c, p_adjusted=p if math.isfinite(p) else None) for c, p in zip(found, adjusted, strict=True))


def _arm_pair(
    first: Arm, second: Arm, runs: Mapping[str, Run], evidence: Mapping[str, RunEvidence]
) -> list[Comparison]:
    pair = gate(runs[first.runs[0]], runs[second.runs[0]])
    curve = curve_metric(list(runs.values()))
    scope = f"{len(first.runs)} and {len(second.runs)} seeds"
    found = []
    logged = {m for arm in (first, second) for run_id in arm.runs for m in evidence[run_id].window}
    for metric in (*judged(logged), "noise"):
        values = [arm_levels(arm, metric, curve, evidence) for arm in (first, second)]
        if values[0].size < 2 or values[1].size < 2:
            continue
        ratio = metric == "noise"
        result = st.seed_difference(*((np.log(v) for v in values) if ratio else values))
        state = pair.state(*requirements(metric)) if requirements(metric) else "same"
        found.append(
            Comparison(
                first.runs[0],
                second.runs[0],
                metric,
                "seeds.diff",
                st.as_ratio(result, "seeds.diff") if ratio and result.known else result,
                "lower" if ratio else metric_of(metric).direction,
                ratio=ratio,
                comparable={"same": True, "different": False, "cannot tell": None}[state],
                reason=pair.reason(*requirements(metric)) if requirements(metric) else "",
                scope=scope,
                seeds=(len(first.runs), len(second.runs)),
            )
        )
    return found


def arm_levels(arm: Arm, metric: str, curve: str, evidence: Mapping[str, RunEvidence]) -> FloatArray:
    """Give one value for each run of an arm that has it."""
    values = []
    for run_id in arm.runs:
        e = evidence[run_id]
        if metric == "noise":
            series = e.settled.get(curve)
            if series is not None and not e.per_epoch and series.line.s > 0:
                values.append(series.line.s)
        elif metric == "full_valid_loss":
            if e.full_valid_loss is not None:
                values.append(e.full_valid_loss.value)
        elif metric in e.window:
            values.append(e.window[metric].value)
    return np.asarray([value for value in values if math.isfinite(value)], dtype=np.float64)


def _together(one: Run, two: Run, stated: Mapping[str, Mapping[str, Any]]) -> bool:
    if one.group or two.group:
        return one.group == two.group
    same = bool(stated[one.id]) and stated[one.id] == stated[two.id] and one.parent == two.parent
    return same and one.data == two.data and one.factor("seed") != two.factor("seed")
