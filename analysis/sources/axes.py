"""Find the step, epoch and time columns of a log, and bring them into the form that `RawLog` promises."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from analysis.errors import LogError
from analysis.schema import Dropped
from analysis.sources.base import Columns
from analysis.sources.clock import parse_timestamps, timestamp_losses
from analysis.sources.names import plain
from analysis.sources.row_order import numbered_through

STEP_NAMES = (
    *("step", "global_step", "train_global_step", "_step", "current_steps", "steps", "iteration", "iter"),
    *(
        "iterations",
        "time_total_timesteps",
        "total_timesteps",
        "num_timesteps",
        "timestep",
        "update",
        "batch",
    ),
)
"""Names of step columns in the order in which they are preferred; compared in the form of `names.plain`."""

EPOCH_NAMES = ("epoch", "epochs", "train_epoch")
TIME_NAMES = ("timestamp", "_timestamp", "time", "datetime", "date", "created_at", "wall_time", "ts")


def find_axis(names: Iterable[str], wanted: Iterable[str]) -> str | None:
    """Return the column that goes by the first of the wanted names that occurs, or None.

    >>> find_axis(["iter", "Global Step", "loss"], STEP_NAMES)
    'Global Step'
    """
    by_name: dict[str, str] = {}
    for name in names:
        by_name.setdefault(plain(name), name)
    return next((by_name[name] for name in wanted if name in by_name), None)


def check_columns(path: Path | str, names: Iterable[str], columns: Columns) -> None:
    """Raise `LogError` where the user's column mapping names an axis column that is not there."""
    known = list(names)
    for standard in ("step", "epoch", "timestamp"):
        if standard in columns and columns[standard] not in known:
            raise LogError(
                f"{path}: columns says '{standard}: {columns[standard]}', but there is no such column; "
                f"the log has {', '.join(known)}"
            )


def set_axes(
    frame: pd.DataFrame, *, columns: Columns, where: Path | str
) -> tuple[pd.DataFrame, tuple[Dropped, ...], tuple[str, ...]]:
    """Name the step, epoch and timestamp columns of a table as the schema does.

    A log without a step column is counted by its epochs if those are whole, else by its rows.

    Returns
    -------
    tuple
        The table; what was dropped; notes for the reader.
    """
    check_columns(where, frame.columns, columns)
    notes: tuple[str, ...] = ()
    step = columns.get("step") or find_axis([c for c in frame.columns if _counts(frame[c])], STEP_NAMES)
    epoch = columns.get("epoch") or find_axis(frame.columns, EPOCH_NAMES)
    stamp = columns.get("timestamp") or _time_column(frame)
    taken = {name: axis for name, axis in ((step, "step"), (epoch, "epoch"), (stamp, "timestamp")) if name}
    if step is not None and step == epoch:
        taken[step] = "step"
    clashes = {a: f"{a} (log)" for a in ("step", "epoch", "timestamp") if a in frame and a not in taken}
    frame = frame.rename(columns={**clashes, **taken})
    if step is not None and step == epoch:
        frame = frame.assign(epoch=frame["step"].astype(np.float64))
    elif step is None:
        values, note = _counted(frame)
        frame = frame.assign(step=values)
        notes = (note,)
    elif epoch is not None:
        counter, epochs = (pd.to_numeric(frame[c], errors="coerce").to_numpy(np.float64) for c in ("step", "epoch"))
        if (through := numbered_through(counter, epochs)) is not None:
            frame = frame.assign(step=through)
            notes = (f"{step} starts again in every epoch: steps are numbered through",)
    words = [c for c in frame.columns if c != "timestamp" and not pd.api.types.is_numeric_dtype(frame[c])]
    if words:
        frame = frame.drop(columns=words)
        notes += (f"text columns left out: {', '.join(map(str, words[:10]))}",)
    failed = 0
    if "timestamp" in frame:
        stamps, failed = parse_timestamps(frame["timestamp"])
        frame = frame.assign(timestamp=stamps)
    return frame, timestamp_losses(failed), notes


def _counts(column: pd.Series[Any]) -> bool:
    """Return True if a column can count the rows: most have a number, and not all the same one of many."""
    if not pd.api.types.is_numeric_dtype(column):
        return True
    values = column.to_numpy(dtype=np.float64, na_value=np.nan)
    there = values[~np.isnan(values)]
    if there.size == 0 or 2 * there.size < values.size:
        return False
    return there.size < 3 or bool((there != there[0]).any())


def _counted(frame: pd.DataFrame) -> tuple[pd.Series[float], str]:
    if "epoch" in frame:
        epochs = frame["epoch"]
        values = epochs.to_numpy(dtype=np.float64)
        whole = bool(np.isfinite(values).all() and (values == np.floor(values)).all())
        if whole and ((np.diff(values) > 0).all() or ((np.diff(values) >= 0).all() and _once_each(frame))):
            return epochs, "no step column: steps are the log's epochs"
    first = frame.columns[0] if len(frame.columns) else ""
    if first.startswith("column 1") and frame[first].notna().all() and (frame[first].diff().dropna() == 1).all():
        return frame.pop(first), "no step column: steps are the log's row index"
    rows = pd.Series(np.arange(1, len(frame) + 1, dtype=np.float64), index=frame.index)
    return rows, "no step column: steps are row numbers; name one with columns: {step: <column>}"


def _once_each(frame: pd.DataFrame) -> bool:
    """Return True if no metric has two values in one epoch, so that its rows are parts of one."""
    return int(frame.drop(columns="epoch").groupby(frame["epoch"]).count().max().max()) <= 1


def _time_column(frame: pd.DataFrame) -> str | None:
    """Return the column of wall-clock times: text, or numbers that lie after 2001 as seconds since 1970."""
    for name in TIME_NAMES:
        found = find_axis(frame.columns, (name,))
        if found is None:
            continue
        column = frame[found]
        if not pd.api.types.is_numeric_dtype(column):
            return found
        smallest = column.min()
        if name == "timestamp" or (pd.notna(smallest) and smallest > 1e9):
            return found
    return None
