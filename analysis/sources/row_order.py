"""The order of rows where no single column tells it: counters that restart, phases in rows, set-backs."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from analysis.schema import Dropped
from analysis.sources.names import plain

PHASE_NAMES = ("phase", "split", "mode", "stage", "subset", "set", "part")
"""Text columns that may say on which data a row was measured."""

_PHASES: Mapping[str, str] = {
    **dict.fromkeys(("train", "training", "tr", "fit", "learn"), "train"),
    **dict.fromkeys(("val", "valid", "validation", "eval", "evaluation", "dev", "test", "testing"), "val"),
}
LEAST_REPEATED = 3
"""Rows that must come again before a log counts as set back: fewer are late rows of another metric."""

MOST_RESTARTS = 20
"""Backward moves beyond which a log is out of order, not restarted."""


def phase_column(texts: Mapping[str, Sequence[str | None]]) -> str | None:
    """Return the text column whose values are all words for training or held-out data, both of them there.

    >>> phase_column({"note": ["x", "y"], "split": ["train", "val"]})
    'split'
    """
    for wanted in PHASE_NAMES:
        for name, values in texts.items():
            said = {_phase(value) for value in values if value is not None}
            if plain(name) == wanted and None not in said and len(said) > 1:
                return name
    return None


def by_phase(frame: pd.DataFrame, phases: Sequence[str | None]) -> pd.DataFrame:
    """Give each metric one column a phase, such as ``train_loss`` and ``val_loss``; axes stay as they are.

    Parameters
    ----------
    frame : pandas.DataFrame
        One row a row of the log.
    phases : sequence of str or None, shape (rows,)
    """
    said = np.array([_phase(value) or "" for value in phases])
    columns: dict[str, pd.Series[float]] = {}
    for name in frame.columns:
        if plain(name) in _COUNTERS:
            columns[name] = frame[name]
            continue
        for phase in ("train", "val"):
            values = frame[name].where(said == phase)
            if values.notna().any():
                columns[f"{phase}_{re.sub(r'^(train|val)_', '', name)}"] = values
    return pd.DataFrame(columns, index=frame.index)


def numbered_through(
    counter: npt.NDArray[np.float64], epoch: npt.NDArray[np.float64]
) -> npt.NDArray[np.float64] | None:
    """Number a counter through that starts again in every epoch; None if it is none of that kind.

    Returns
    -------
    ndarray, shape (rows,), or None
        The counter plus what all epochs before counted.

    Examples
    --------
    >>> numbered_through(np.array([0.0, 10, 0, 10]), np.array([1.0, 1, 2, 2]))
    array([ 0., 10., 20., 30.])
    """
    if counter.size < 4 or np.isnan(counter).any() or np.isnan(epoch).any() or (np.diff(epoch) < 0).any():
        return None
    falls = np.flatnonzero(np.diff(counter) < 0) + 1
    rises = set((np.flatnonzero(np.diff(epoch) > 0) + 1).tolist())
    if not falls.size or not set(falls.tolist()) <= rises:
        return None
    forward = np.diff(counter)[np.diff(counter) > 0]
    stride = float(np.median(forward)) if forward.size else 1.0
    through = counter.copy()
    for fall in falls:
        through[fall:] += through[fall - 1] - through[fall] + stride
    return through


@dataclass(frozen=True)
class Ordered:
    """A table whose restarts are resolved: ``seams`` are the steps at which it starts again."""

    frame: pd.DataFrame
    seams: tuple[int, ...] = ()
    dropped: tuple[Dropped, ...] = ()
    notes: tuple[str, ...] = ()


def without_abandoned(frame: pd.DataFrame) -> Ordered:
    """Leave out what a restart from a checkpoint abandoned, and number a counter through that began anew.

    A log that goes back to step s and goes on from there has replaced everything from s on, as TensorBoard shows it.
    Where it goes back to its very start while the loss goes on from where it was, the counter alone was reset.

    Parameters
    ----------
    frame : pandas.DataFrame
        Rows as they were written, with a column ``step``.
    """
    steps = pd.to_numeric(frame["step"], errors="coerce").to_numpy(dtype=np.float64, na_value=np.nan)
    falls = (np.flatnonzero(np.diff(steps) < 0) + 1).tolist()
    if not 0 < len(falls) <= MOST_RESTARTS or not np.isfinite(steps).all():
        return Ordered(frame)
    keep, steps = np.ones(len(frame), dtype=bool), steps.copy()
    notes: list[str] = []
    seams: list[int] = []
    for fall, end in zip(falls, [*falls[1:], len(frame)], strict=True):
        start = float(steps[fall])
        again = int(np.isin(np.unique(steps[fall:end]), steps[:fall][keep[:fall]]).sum())
        if again < LEAST_REPEATED:
            continue
        if _goes_on(frame, steps, fall):
            offset = float(steps[:fall].max()) + 1 - start
            steps[fall:] += offset
            notes.append(f"the counter started again while the loss went on: numbered through from {start + offset:g}")
        else:
            gone = (np.arange(len(frame)) < fall) & keep & (steps >= start)
            keep &= ~gone
            notes.append(f"set back to step {start:g}: {int(gone.sum())} rows from there on were replaced")
        seams.append(int(steps[fall]))
    if not notes:
        return Ordered(frame)
    lost = int((~keep).sum())
    dropped = (Dropped("step", lost, "abandoned by a restart from an earlier step"),) if lost else ()
    return Ordered(frame.assign(step=steps).loc[keep], tuple(seams), dropped, tuple(notes))


_COUNTERS = frozenset({"step", "epoch", "iter", "iteration", "batch", "global_step", "timestamp", "time", "date", "lr"})


def _phase(value: str | None) -> str | None:
    return _PHASES.get(str(value).strip().lower())


def _goes_on(frame: pd.DataFrame, steps: npt.NDArray[np.float64], fall: int) -> bool:
    """Return True if a log that begins anew from its first step continues the loss that it had."""
    if steps[fall] > steps[:fall].min():
        return False
    name = next((c for c in frame.columns if "loss" in plain(str(c))), None)
    if name is None:
        return False
    values = frame[name].to_numpy(dtype=np.float64)
    old, new = values[:fall][~np.isnan(values[:fall])], values[fall:][~np.isnan(values[fall:])]
    if old.size < 5 or new.size < 5:
        return False
    first, last, begins = float(np.median(old[:5])), float(np.median(old[-5:])), float(np.median(new[:5]))
    return abs(begins - last) < 0.5 * abs(begins - first)
