"""What stands in a log for everyone to see: first, best and last value of each metric, without judgement."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from analysis.core.deciding import REWARDS
from analysis.core.metrics import METRICS
from analysis.core.metrics import metric as metric_of
from analysis.core.run import Run
from analysis.core.run_facts import ended_nonfinite


@dataclass(frozen=True)
class Seen:
    """One metric of one run (rule.best_value); steps and ``place`` (the best value's, from 1) are those logged."""

    metric: str
    n: int
    first: float
    best: float
    best_step: int
    place: int
    last: float
    last_step: int

    @property
    def lost(self) -> float:
        """How much worse the last value is than the best; 0 where it is the best."""
        return abs(self.last - self.best)


def shown_metrics(run: Run) -> list[str]:
    """List the metrics that have a better and a worse: rewards, then those on validation data, known before others.

    What only its name tells to be good or bad is left out beside known ones, unless it has to do with validation.
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


def seen(run: Run, name: str) -> Seen:
    """Read first, best and last finite value of a metric that the run logged."""
    values, steps = run.series(name), run.steps_of(name)
    at = int(np.argmax(values) if metric_of(name).direction == "higher" else np.argmin(values))
    return Seen(
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
    """Tell whether the last value of a metric is a number."""
    return not ended_nonfinite(run, name)
