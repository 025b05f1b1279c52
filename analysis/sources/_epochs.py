"""Number the steps of a log whose counter starts again in each epoch."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

from analysis.core.metrics import metric
from analysis.sources.axis_names import main_metric, metric_columns, step_text
from analysis.sources.own_axis import around


def numbered_by_epoch(frame: pd.DataFrame, counter: str) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """Number rows by epoch and counter where the counter goes back just where the epoch rises.

    A negative counter stands for the end of its epoch.

    Parameters
    ----------
    frame : pandas.DataFrame
        In the order of writing, with ``step`` and, if the log has one, ``epoch``.
    counter : str
        What the log calls the step, for the note.
    """
    if "epoch" not in frame or len(frame) < 2:
        return frame, ()
    step = frame["step"].to_numpy(dtype=np.float64, na_value=np.nan)
    if not (step[1:] <= step[:-1]).any():  # nearly every log: nothing more to look at
        return frame, ()
    epoch = frame["epoch"].ffill().to_numpy(dtype=np.float64)
    main = main_metric(frame)
    on_main = np.isfinite(step) & np.isfinite(epoch)
    if main is not None:
        on_main &= frame[main].notna().to_numpy()
    length = _epoch_length(step[on_main], epoch[on_main])
    if length is None:
        return frame, ()
    rows = np.flatnonzero(on_main)
    numbered = np.full(len(frame), np.nan)
    begun = (epoch - epoch[rows].min()) * length
    numbered[rows] = np.where(step[rows] < 0, begun[rows] + length, begun[rows] + step[rows])
    # Rows of evaluations: by the same count if that puts them where they stand in the log, else where they stand.
    others = np.flatnonzero(~on_main)
    before, after = around(others, rows, numbered)
    own = begun[others] + step[others]
    fits = (step[others] >= 0) & (step[others] <= length) & ~(own < before) & ~(own > after)
    numbered[others] = np.where(fits, own, np.where(np.isnan(before), after, before))
    each = f"{step_text(length)} an epoch"
    note = f"'{counter}' starts again in each epoch: steps are numbered by epoch and '{counter}' ({each})"
    return frame.assign(step=numbered), (note,)


def _epoch_length(step: npt.NDArray[np.float64], epoch: npt.NDArray[np.float64]) -> float | None:
    """Return how many steps an epoch has, None if the counter does not start again with the epochs."""
    if len(step) < 2 or (epoch % 1 != 0).any():
        return None
    counted = step >= 0
    place = np.where(counted, step, np.inf)  # a negative counter is the end of its epoch
    same, rises, ahead = np.diff(epoch) == 0, np.diff(epoch) > 0, place[1:] > place[:-1]
    if ((place[1:] < place[:-1]) & same).any() or not counted.any():
        return None  # it goes back within an epoch: a resumed log
    again = rises & ~ahead
    if again.sum() <= rises.sum() / 2:
        return None
    apart = np.diff(step)[same & counted[1:] & counted[:-1]]
    spacing = float(np.median(apart[apart > 0])) if (apart > 0).any() else 0.0
    first, last = float(step[counted].min()), float(step.max())
    if not counted.all():
        return last + max(spacing, 1.0)
    return max(last - first + spacing, last + (first == 0), 1.0)


def repeats_within_epochs(frame: pd.DataFrame) -> bool:
    """True if a metric was logged more than once in one stretch of rows of an epoch.

    Counts, times and settings that stand on every row make no row of an epoch another step.
    """
    epoch = frame["epoch"].to_numpy(dtype=np.float64)
    stretch = np.concatenate(([0], np.cumsum(np.diff(epoch) != 0)))
    if stretch[-1] == len(frame) - 1:
        return False
    metrics = metric_columns(frame)
    judged = [name for name in metrics if metric(str(name)).direction != "none"] or metrics
    return bool((frame[judged].notna().groupby(stretch).sum() > 1).any(axis=None))
