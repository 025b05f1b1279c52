"""Kinds of log rows: one step, a mean over steps, an epoch. Noise can only be compared among rows of one kind."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from analysis import statistics as st
from analysis.core.metrics import metric as metric_of
from analysis.core.run import Run
from analysis.core.run_facts import is_per_epoch

Kind = Literal["step", "mean of steps", "epoch", "unknown"]

_AVERAGING = {"hf trainer": "logging_steps", "llama-factory": "logging_steps"}
"""Sources whose training loss is the mean over the steps since the last row, with the setting for their number."""

SMOOTHER = 0.5
"""Difference of lag-1 correlations above which one log is taken for a moving average and the other is not."""


@dataclass(frozen=True)
class LogKind:
    """Kind of the rows of one metric; ``steps`` is their median distance in steps, 1 for a single row."""

    kind: Kind
    steps: float

    @property
    def words(self) -> str:
        """The kind in words, for a sentence."""
        if self.kind == "epoch":
            return "the mean of an epoch"
        if self.kind == "mean of steps":
            return f"the mean of {self.steps:g} steps"
        return "one minibatch" if self.kind == "step" and self.steps == 1 else "one logged value"


def log_kind(run: Run, metric: str) -> LogKind:
    """Return the kind of the rows of a metric.

    The Hugging Face Trainer and tools built on it average over the steps between two rows. For other sparse logs a row
    may be a step or a mean: "unknown".
    """
    steps = run.steps_of(metric)
    if steps.size < 2:
        return LogKind("unknown", 1.0)  # the result of a run, as in a table of runs, or the rest of a log
    distance = float(np.median(np.diff(steps)))
    if is_per_epoch(run, metric):
        return LogKind("epoch", distance)
    if metric.startswith("train") and run.provenance.source in _AVERAGING:
        return LogKind("mean of steps" if distance > 1 else "step", distance)
    known = distance == 1 and not _validates_each_row(run, steps.size)
    return LogKind("step" if known else "unknown", distance)


def _validates_each_row(run: Run, rows: int) -> bool:
    """True if the whole validation set was measured on nearly every row, which is too costly for each minibatch."""
    held_out = [name for name in run.metrics if metric_of(name).split == "full validation"]
    return any(run.series(name).size > 0.9 * rows for name in held_out)


def noise_differs_by_kind(first: Run, second: Run, metric: str) -> str:
    """Return why the noise of two logs cannot be compared; empty if it can."""
    one, two = log_kind(first, metric), log_kind(second, metric)
    if "epoch" in (one.kind, two.kind):
        return "a row is an epoch, whose values show no noise of steps"
    if max(one.steps, two.steps) > 1.5 * min(one.steps, two.steps):
        return f"the logs have a row every {one.steps:g} and every {two.steps:g} steps"
    if one.kind != two.kind:
        return f"a row is {one.words} in one log and {two.words} in the other"
    lags = [st.local_lag(run.series(metric)) for run in (first, second)]
    if None not in lags and abs(lags[0] - lags[1]) > SMOOTHER:  # type: ignore[operator]
        return "one log is smoothed and the other is not"
    return ""
