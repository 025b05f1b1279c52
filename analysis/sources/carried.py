"""Find what stands on the rows between evaluations and is none: the last one repeated, or a placeholder such as -1."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

from analysis.core.metrics import metric
from analysis.core.run import NOT_METRICS, Dropped

Floats = npt.NDArray[np.float64]

_LEAST_ROWS = 3
"""Rows for which a value must stand on average to count as carried forward."""
_LEAST_CHANGES = 2


_PLACEHOLDERS = (-1.0, 0.0, -99.0, -100.0, -999.0, -9999.0)


def without_placeholders(frame: pd.DataFrame) -> tuple[pd.DataFrame, tuple[Dropped, ...]]:
    """Leave out what stands for "not evaluated" on most rows of a validation loss or score: 0, -1, -999.

    The other values lie above zero, and the placeholder stands between them too: a score that begins at 0 is one.

    Parameters
    ----------
    frame : pandas.DataFrame
        With standard names, in order of step.
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
    """Keep of validation values that are carried forward the first of each.

    A value is taken as carried forward if it stands for several rows and changes at regular intervals, or just
    where another validation metric changes, while a training metric changes from row to row.

    Parameters
    ----------
    frame : pandas.DataFrame
        With standard names, in order of step.
    """
    metrics = [name for name in frame.columns if name not in NOT_METRICS]
    held = {name: changes for name in metrics if (changes := _changes(frame, name)) is not None}
    if not held or not any(_moves(frame[name]) for name in metrics if name not in held and not metric(name).validates):
        return frame, (), ()
    # What is measured beside a metric that changes from row to row is measured on each row.
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
    """Return which logged values differ from the one before; None if they are not held for several rows."""
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
    """True for a metric on most rows that nearly always changes from one to the next."""
    values = column.to_numpy(dtype=np.float64)
    values = values[~np.isnan(values)]
    return bool(len(values) > len(column) / 2 and (np.diff(values) != 0).mean() > 0.9)


def _is_regular(changes: npt.NDArray[np.bool_]) -> bool:
    """True if values stand equally long, but for the last, and the first of many."""
    lengths = np.diff(np.flatnonzero(changes))
    lengths = lengths[1:] if len(lengths) > 2 else lengths
    usual = float(np.median(lengths))
    return bool((np.abs(lengths - usual) <= max(1.0, 0.1 * usual)).mean() >= 0.9)
