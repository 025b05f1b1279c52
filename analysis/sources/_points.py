"""Turn points (tag, step, time, value), as event files and tracking stores keep them, into a run table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from analysis.core.run import Dropped
from analysis.sources.clock import parse_timestamps
from analysis.sources.limits import check_cells
from analysis.sources.own_axis import place_points
from analysis.sources.restarts import settle_points

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

_OWN = ("step", "timestamp")


@dataclass(frozen=True)
class Table:
    """A run table with what was left out of it, the steps at which it starts again, and what is to be told."""

    frame: pd.DataFrame
    dropped: tuple[Dropped, ...]
    seams: tuple[int, ...]
    notes: tuple[str, ...] = ()


def points_table(where: Path, names: Sequence[str], *, tag: Ints, step: Ints, seconds: Floats, value: Floats) -> Table:
    """Lay points out as one row a step and one column a tag.

    Parameters
    ----------
    where : Path
        What was read, for messages.
    names : Sequence[str]
        Names of the tags.
    tag, step, seconds, value : numpy.ndarray
        Points in the order of writing, all of shape (points,): index into ``names``, step, Unix time (s, 0
        where unknown), value. A tag with several points at one step keeps the last; the time of a step is
        that of its earliest point.

    Raises
    ------
    LogError
        If the table would be larger than allowed.
    """
    dropped: list[Dropped] = []
    kept, step, begun, notes = settle_points(tag, step, seconds, value)
    if not kept.all():
        reason = f"points replaced by a restart at step {', '.join(map(str, begun))}"
        dropped.append(Dropped("step", int((~kept).sum()), reason))
        tag, step, seconds, value = tag[kept], step[kept], seconds[kept], value[kept]
    step, placed = place_points(list(names), tag, step, seconds)
    steps = np.unique(step)
    check_cells(where, len(steps), len(names) + 2)
    row = np.searchsorted(steps, step)
    seams = set(begun)
    columns: dict[str, Any] = {"step": steps}
    times = np.full(len(steps), np.inf)
    by_tag = np.argsort(tag, kind="stable")
    bounds = np.searchsorted(tag[by_tag], np.arange(len(names) + 1))
    for i, name in enumerate(names):
        members = by_tag[bounds[i] : bounds[i + 1]]
        own, rows = step[members], row[members]
        moves = np.diff(own)
        repeated = 0
        if (moves <= 0).any():
            seams.update(own[1:][moves < 0].tolist())
            repeated = len(own) - len(np.unique(own))
        if repeated:
            dropped.append(Dropped(name, repeated, "repeated steps; the last value of each is kept"))
        column = np.full(len(steps), np.nan)
        column[rows] = np.where(np.isnan(value[members]), np.inf, value[members])
        columns[f"{name} (logged)" if name in _OWN else name] = column
        own_times = np.full(len(steps), np.inf)
        own_times[rows] = np.where(seconds[members] > 0, seconds[members], np.inf)
        np.minimum(times, own_times, out=times)
    if np.isfinite(times).any():
        columns = {"step": columns.pop("step"), "timestamp": timestamps(times), **columns}
    frame = pd.DataFrame(dict(enumerate(columns.values())), copy=False)
    # Names as plain objects: for an index of strings pandas imports pyarrow, where that is installed, which takes
    # a third as long as reading a small run.
    frame.columns = pd.Index([*columns], dtype=object)
    return Table(frame, tuple(dropped), tuple(sorted(seams)), (*notes, *placed))


def timestamps(seconds: Floats) -> pd.DatetimeIndex:
    """Convert Unix times (s) to UTC timestamps; what is no time between 1970 and 2200 becomes NaT.

    >>> timestamps(np.array([1.5, -1.0])).tolist()
    [Timestamp('1970-01-01 00:00:01.500000+0000', tz='UTC'), NaT]
    """
    sane = (seconds > 0) & (seconds < 7_258_118_400)
    nanos = np.round(np.where(sane, seconds, 0) * 1e6).astype(np.int64) * 1000
    return pd.DatetimeIndex(np.where(sane, nanos, np.iinfo(np.int64).min).view("datetime64[ns]"), tz="UTC")


def choose_columns(frame: pd.DataFrame, columns: Mapping[str, str]) -> pd.DataFrame:
    """Take step, epoch and timestamp from the columns a user named, if they exist."""
    for standard in ("step", "epoch", "timestamp"):
        own = columns.get(standard)
        if own is None or own == standard or own not in frame:
            continue
        frame = frame.drop(columns=standard, errors="ignore").rename(columns={own: standard})
        if standard == "timestamp":
            frame = frame.assign(timestamp=parse_timestamps(frame["timestamp"])[0])
    return frame
