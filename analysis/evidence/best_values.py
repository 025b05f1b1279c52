"""First, best and last logged value of each metric, without any test."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from analysis.core.deciding import REWARDS
from analysis.core.metrics import METRICS
from analysis.core.metrics import metric as metric_of
from analysis.core.run import Run
from analysis.core.run_facts import ended_nonfinite


@dataclass(frozen=True)
class BestValue:
    """One metric of one run (rule.best_value); ``place`` is the index of the best value among the n logged, from 1."""

    metric: str
    n: int
    first: float
    best: float
    best_step: int
    place: int
    last: float
    last_step: int

    @property
    def lost_since_best(self) -> float:
        """How much worse the last value is than the best, in the unit of the metric; 0 if it is the best."""
        return abs(self.last - self.best)


def shown_metrics(run: Run) -> list[str]:
    """Return the logged metrics with a direction: rewards, then those on validation data, standard names first.

    Metrics without a standard name are left out beside others, unless they or their counterpart are validation metrics.
    """
    known = list(METRICS)
    logged = [name for name in run.metrics if metric_of(name).direction != "none" and run.series(name).size]
    pairs = {name for name in logged if "train" in name and name.replace("train", "val") in logged}
    sure = [name for name in logged if name in METRICS or metric_of(name).validates or name in pairs]
    return sorted(
        sure or logged,
        key=lambda m: (
            m not in REWARDS,
            not metric_of(m).validates,
            m not in METRICS,
            known.index(m) if m in METRICS else logged.index(m),
        ),
    )


def best_value(run: Run, name: str) -> BestValue:
    """Return the first, best and last finite value of a metric that the run logged."""
    values, steps = run.series(name), run.steps_of(name)
    at = int(np.argmax(values) if metric_of(name).direction == "higher" else np.argmin(values))
    return BestValue(
        name,
        int(values.size),
        float(values[0]),
        float(values[at]),
        int(steps[at]),
        at + 1,
        float(values[-1]),
        int(steps[-1]),
    )


def ended(run: Run, name: str) -> bool:
    """True if the last logged value of a metric is finite."""
    return not ended_nonfinite(run, name)
