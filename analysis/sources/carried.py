"""Remove values on rows without an evaluation: the last value repeated, or a placeholder such as -1."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

from analysis.core.metrics import metric
from analysis.core.run import NOT_METRICS, Dropped

Floats = npt.NDArray[np.float64]

_LEAST_ROWS = 3
"""Average number of rows with one value above which it counts as carried forward."""
_LEAST_CHANGES = 2


_PLACEHOLDERS = (-1.0, 0.0, -99.0, -100.0, -999.0, -9999.0)


def without_placeholders(frame: pd.DataFrame) -> tuple[pd.DataFrame, tuple[Dropped, ...]]:
    """Return a table without placeholders (0, -1, -999) for "not evaluated" in validation metrics, and dropped values.

    It is the lowest value, on at least half the rows, and also after an evaluation; all other values are positive.

    Parameters
    ----------
    frame : pandas.DataFrame
        Standard names, in order of step.
    """
    dropped: list[Dropped] = []
    for name in (name for name in frame.columns if name not in NOT_METRICS and metric(name).validates):
        row, values = metric(name), frame[name].to_numpy(dtype=np.float64)
        given = values[~np.isnan(values)]
        low = float(given.min()) if len(given) else np.nan
        blank = given == low
        if low not in _PLACEHOLDERS or not (row.bounded or row.direction == "lower") or 2 * blank.sum() < len(given):
            continue
        others = given[~blank]
        between = len(others) > 1 and np.flatnonzero(blank)[-1] > np.flatnonzero(~blank)[0]
        if (
            between
            and others.min() > 0
            and (low < 0 or (row.direction == "lower" and others.min() > 0.01 * others.max()))
        ):
            frame = frame.assign(**{name: np.where(values == low, np.nan, values)})
            dropped.append(Dropped(name, int(blank.sum()), f"{low:g} between the evaluations stands for none"))
    return frame, tuple(dropped)


def without_carried(frame: pd.DataFrame) -> tuple[pd.DataFrame, tuple[Dropped, ...], tuple[str, ...]]:
    """Return a table with only the first of validation values carried forward, the dropped values, and a note.

    A metric is carried forward if its values last several rows and change at regular intervals, or exactly where
    another validation metric changes, while a training metric changes from row to row.

    Parameters
    ----------
    frame : pandas.DataFrame
        With standard names, in order of step.
    """
    metrics = [name for name in frame.columns if name not in NOT_METRICS]
    held = {name: changes for name in metrics if (changes := _changes(frame, name)) is not None}
    if not held or not any(_moves(frame[name]) for name in metrics if name not in held and not metric(name).validates):
        return frame, (), ()
    # A metric logged on the same rows as one that changes from row to row is measured on each of them.
    beside = [name for name in metrics if name not in held and metric(name).validates and _moves(frame[name])]
    fresh = [frame[name].notna() for name in beside]
    shared = [changes.tobytes() for changes in held.values()]
    dropped: list[Dropped] = []
    for name, changes in held.items():
        if any((rows | frame[name].isna()).all() for rows in fresh):
            continue
        if shared.count(changes.tobytes()) < 2 and not _is_regular(changes):
            continue
        values = frame[name].to_numpy(dtype=np.float64)
        rows = np.flatnonzero(~np.isnan(values))
        kept = np.full(len(values), np.nan)
        kept[rows[changes]] = values[rows[changes]]
        frame = frame.assign(**{name: kept})
        reason = f"the last evaluation repeated until the next; {int(changes.sum())} evaluations are kept"
        dropped.append(Dropped(name, int((~changes).sum()), reason))
    if not dropped:
        return frame, (), ()
    names = ", ".join(lost.column for lost in dropped)
    return frame, tuple(dropped), (f"{names}: carried forward from row to row in the log; each evaluation counts once",)


def _changes(frame: pd.DataFrame, name: str) -> npt.NDArray[np.bool_] | None:
    """Return a mask of the logged values that differ from the previous one; None if values do not last several rows."""
    if not metric(name).validates or len(frame) < 4:
        return None
    values = frame[name].to_numpy(dtype=np.float64)
    values = values[~np.isnan(values)]
    if len(values) < len(frame) / 2:
        return None
    changes = np.concatenate(([True], values[1:] != values[:-1]))
    count = int(changes.sum())
    return changes if count > _LEAST_CHANGES and (count - 1) * _LEAST_ROWS < len(values) else None


def _moves(column: pd.Series[float]) -> bool:
    """True if a metric has values on most rows and nearly always changes between them."""
    values = column.to_numpy(dtype=np.float64)
    values = values[~np.isnan(values)]
    return bool(len(values) > len(column) / 2 and (np.diff(values) != 0).mean() > 0.9)


def _is_regular(changes: npt.NDArray[np.bool_]) -> bool:
    """True if nearly all values last equally long, apart from the last, and the first if there are several."""
    lengths = np.diff(np.flatnonzero(changes))
    lengths = lengths[1:] if len(lengths) > 2 else lengths
    usual = float(np.median(lengths))
    return bool((np.abs(lengths - usual) <= max(1.0, 0.1 * usual)).mean() >= 0.9)
