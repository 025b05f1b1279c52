"""Find the step, epoch and time columns of a log, and convert them to the form that `RawLog` requires."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from analysis.core.errors import LogError
from analysis.core.run import NOT_METRICS, Dropped
from analysis.sources._epochs import numbered_by_epoch, repeats_within_epochs
from analysis.sources.axis_names import EPOCH_NAMES, STEP_NAMES, TIME_NAMES, main_metric, metric_columns
from analysis.sources.base import Columns
from analysis.sources.clock import parse_timestamps, timestamp_losses
from analysis.sources.metric_aliases import plain
from analysis.sources.other_counters import PROGRESS, as_steps, best_counter

_LEAST_SHARE = 0.3
"""Minimum share of the rows with a value in a step column: with fewer, most of the log would have no steps."""


def find_axis(names: Iterable[str], wanted: Iterable[str]) -> str | None:
    """Return the column with the first of the wanted names that occurs, or None.

    >>> find_axis(["iter", "Global Step", "loss"], STEP_NAMES)
    'Global Step'
    """
    return next(iter(_wanted(names, wanted)), None)


def _wanted(names: Iterable[str], wanted: Iterable[str]) -> list[str]:
    """Return the columns with the wanted names, in the order of these; the first of several with one name."""
    by_name: dict[str, str] = {}
    for name in names:
        by_name.setdefault(plain(name), name)
    return [by_name[name] for name in wanted if name in by_name]


def check_columns(path: Path | str, names: Iterable[str], columns: Columns) -> None:
    """Raise `LogError` if the user's column mapping names a missing axis column or one column twice."""
    check_columns_once(path, columns)
    known = list(names)
    for standard in NOT_METRICS:
        if standard in columns and columns[standard] not in known:
            raise LogError(
                f"{path}: columns says '{standard}: {columns[standard]}', but there is no such column; "
                f"the log has {', '.join(known)}"
            )


def check_columns_once(where: Path | str, columns: Columns) -> None:
    """Raise `LogError` if a user's column mapping names one column twice; step and epoch may be the same."""
    given: dict[str, str] = {}
    for standard, column in columns.items():
        other = given.setdefault(column, standard)
        if other != standard and {other, standard} != {"step", "epoch"}:
            raise LogError(f"{where}: columns says '{column}' is both {other} and {standard}; leave one of them out")


def set_axes(
    frame: pd.DataFrame, *, columns: Columns, where: Path | str, numbered: bool = False
) -> tuple[pd.DataFrame, tuple[Dropped, ...], tuple[str, ...]]:
    """Return a table with its axes named ``step``, ``epoch`` and ``timestamp``.

    A step that restarts where the epoch rises is made continuous, unless ``numbered`` says that it is already. A log
    without steps is counted by its epochs if they are whole, else by a row index, another counter or its rows.

    Returns
    -------
    tuple
        The table; what was dropped; notes for the reader.
    """
    check_columns(where, frame.columns, columns)
    epoch = columns.get("epoch") or find_axis(numeric_columns(frame), EPOCH_NAMES)
    step = columns.get("step") or _step_column(frame, epoch)
    stamp = columns.get("timestamp") or _time_column(frame)
    taken = {name: axis for name, axis in ((step, "step"), (epoch, "epoch"), (stamp, "timestamp")) if name}
    if step is not None and step == epoch:
        taken[step] = "step"
    frame, idle = _without_idle(frame, {*taken})
    unused = {axis: f"{axis} (log)" for axis in NOT_METRICS if axis in frame and axis not in taken}
    frame = frame.rename(columns={**unused, **taken})
    notes: tuple[str, ...] = ()
    if step is not None and step == epoch:
        frame = frame.assign(epoch=frame["step"].astype(np.float64))
    elif step is None:
        frame, notes = _filled(frame, "epoch") if "epoch" in frame else (frame, ())
        values, note = _counted(frame)
        frame = frame.assign(step=values)
        notes += (note,)
    else:
        frame, notes = _filled(frame)
        frame, counted = (frame, ()) if numbered else numbered_by_epoch(frame, str(step))
        notes += counted
    frame, same = _without_copies(frame)
    notes += (*idle, *same)
    failed = 0
    if "timestamp" in frame:
        stamps, failed = parse_timestamps(frame["timestamp"])
        frame = frame.assign(timestamp=stamps)
    return frame, timestamp_losses(failed), notes


def numeric_columns(frame: pd.DataFrame) -> list[str]:
    """Return the names of the numeric columns, including axes."""
    return [name for name in frame.columns if pd.api.types.is_numeric_dtype(frame[name])]


def _step_column(frame: pd.DataFrame, epoch: str | None) -> str | None:
    """Return the step column: present on enough rows, and preferably one that does not restart; or None."""
    named_so = _wanted(numeric_columns(frame), STEP_NAMES)
    counting = [name for name in named_so if _counts(frame[name])]
    if counting:
        most = max(frame[name].count() for name in counting)
        counting = [name for name in counting if frame[name].count() > 0.95 * most]
        # If a counter restarts in each epoch, another one may be continuous.
        falls = {name: bool((np.diff(_finite(pd.Series(frame[name]))) < 0).any()) for name in counting if epoch}
        return min(counting, key=lambda name: falls.get(name, False))
    broken = [name for name in named_so if _is_broken(frame[name])]
    return broken[0] if broken and epoch is None else None


def _counts(column: pd.Series[Any]) -> bool:
    if len(column) < 2:
        return not len(column) or float(column.iloc[0]) % 1 == 0
    if column.dtype == np.int64:
        return bool(column.iloc[0] != column.iloc[-1] or column.nunique() > 1)
    values = _finite(column)
    if len(values) < max(2, _LEAST_SHARE * len(column)) or (values % 1 != 0).any():
        return False
    return bool(values.min() < values.max())


def _without_idle(frame: pd.DataFrame, taken: Collection[str]) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """Return a table without counters of one constant negative number ("at the end" for some tools), and notes."""
    counters = [name for name in numeric_columns(frame) if plain(name) in STEP_NAMES and name not in taken]
    finite = {name: _finite(frame[name]) for name in counters}
    idle = {name: one for name, one in finite.items() if len(one) and one.max() < 0 and one.max() == one.min()}
    notes = tuple(
        f"'{name}' is {values[0]:g} on all {len(values)} rows: it counts nothing" for name, values in idle.items()
    )
    return frame.drop(columns=list(idle)), notes


_EVALUATED = re.compile(r"(?:eval|val|valid|validation|test)_(\w+)")


def _without_copies(frame: pd.DataFrame) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """Return a table without redundant columns (copies or percentages of the step, repeated scores), and notes."""
    step, told = frame["step"], {}
    evaluated = {found[1]: name for name in frame.columns if (found := _EVALUATED.fullmatch(plain(str(name))))}
    for name in numeric_columns(frame):
        key = plain(name)
        if name in NOT_METRICS:
            continue
        own = frame[name].dropna()
        if key in PROGRESS and own.is_monotonic_increasing:
            told[name] = f"'{name}' says how far the run is, and is no metric"
        elif name.endswith("_timestamp") and name.removesuffix("_timestamp") in frame:
            told[name] = f"'{name}' is when '{name.removesuffix('_timestamp')}' was logged"
        elif key in STEP_NAMES and len(own) and (own == step[own.index]).all():
            told[name] = f"'{name}' repeats the step"
        elif key in evaluated and len(own) > 1 and _same(own, frame[evaluated[key]].dropna(), step):
            told[name] = f"'{name}' repeats '{evaluated[key]}'"
        elif name == "column 1" and len(own) == len(frame) and (own.diff().dropna() == 1).all():
            told[name] = "the first column has no name and numbers the rows"
    return frame.drop(columns=list(told)), tuple(told.values())


def _same(column: pd.Series[Any], other: pd.Series[Any], step: pd.Series[Any]) -> bool:
    """True if two columns have the same values at the same steps, on any rows."""
    return column.tolist() == other.tolist() and step[column.index].tolist() == step[other.index].tolist()


def _is_broken(column: pd.Series[Any]) -> bool:
    """True if a step column on enough rows has fractions: it is still used, so that the user gets an error."""
    values = _finite(column)
    return len(values) >= _LEAST_SHARE * len(column) and bool((values % 1 != 0).any())


def _finite(column: pd.Series[Any]) -> npt.NDArray[np.float64]:
    values: npt.NDArray[np.float64] = column.to_numpy(dtype=np.float64)
    finite: npt.NDArray[np.float64] = values[np.isfinite(values)]
    return finite


def _filled(frame: pd.DataFrame, axis: str = "step") -> tuple[pd.DataFrame, tuple[str, ...]]:
    """Return a table with missing steps of evaluations filled from the previous row, and a note.

    A row without a step that has the main metric is not filled.
    """
    if frame[axis].dtype == np.int64:
        return frame, ()
    steps = pd.to_numeric(frame[axis], errors="coerce")
    missing = ~np.isfinite(steps.to_numpy(dtype=np.float64, na_value=np.nan))
    metrics, main = metric_columns(frame), main_metric(frame)
    if not missing.any() or main is None or missing.all():
        return frame, ()
    placed = missing & frame[main].isna().to_numpy() & frame[metrics].notna().any(axis=1).to_numpy()
    steps = steps.where(~placed, steps.mask(pd.Series(missing, index=steps.index)).ffill())
    count = int((placed & steps.notna().to_numpy()).sum())
    if not count:
        return frame, ()
    return frame.assign(**{axis: steps}), (f"{count} rows have no {axis}: placed at that of the row before",)


def _counted(frame: pd.DataFrame) -> tuple[pd.Series[float], str]:
    if "epoch" in frame and len(frame):
        epochs = frame["epoch"]
        values = epochs.to_numpy(dtype=np.float64)
        if np.isfinite(values).all() and (values % 1 == 0).all() and not repeats_within_epochs(frame):
            return epochs, "no step column: steps are the log's epochs"
    first = frame.columns[0] if len(frame.columns) else ""
    counts = first.startswith(("column 1", "Unnamed: 0")) and frame[first].notna().all()
    if counts and (frame[first].diff().dropna() == 1).all():
        return frame.pop(first), "no step column: steps are the log's row index"
    for name in best_counter(numeric_columns(frame)) if "epoch" not in frame else ():
        found = as_steps(name, frame[name].ffill().to_numpy(dtype=np.float64))
        if found is not None:
            steps, unit = found
            return pd.Series(steps, index=frame.pop(name).index), f"no step column: steps are {unit}, by '{name}'"
    rows = pd.Series(np.arange(1, len(frame) + 1, dtype=np.float64), index=frame.index)
    return rows, "no step column: steps are row numbers; name one with columns: {step: <column>}"


def _time_column(frame: pd.DataFrame) -> str | None:
    """Return the column of wall-clock times: text that can be parsed, or seconds since 1970 after 2001; or None."""
    for name in TIME_NAMES:
        for found in (column for column in frame.columns if plain(column) == name):
            column = frame[found]
            if not pd.api.types.is_numeric_dtype(column):
                given = column.dropna().head(100)
                if pd.api.types.is_datetime64_any_dtype(column) or parse_timestamps(given)[1] < len(given):
                    return str(found)
                continue
            smallest = column.min()
            if name == "timestamp" or (pd.notna(smallest) and smallest > 1e9):
                return str(found)
    return None
