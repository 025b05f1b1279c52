"""Settle what a log means that goes back in its steps: a rollback, a counter that starts again, or no order."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from analysis.core.run import Dropped
from analysis.sources.axis_names import main_metric, metric_columns, step_text

Floats = npt.NDArray[np.float64]
Kind = Literal["continued", "again", "rolled back"]

_MOST = 200
"""Restarts that a run has at most; what goes back more often is in no order."""


@dataclass(frozen=True)
class Settled:
    """A table whose later rows have replaced what they took back, with what is to be told."""

    frame: pd.DataFrame
    seams: tuple[int, ...] = ()
    dropped: tuple[Dropped, ...] = ()
    notes: tuple[str, ...] = ()


def settle(frame: pd.DataFrame) -> Settled:
    """Settle the rows of a log that go back in their steps.

    A restart at step s replaces what was logged before it at s or later. A counter that starts again while the
    values go on where they were is numbered on. Where the values start again too, the later training counts.

    Parameters
    ----------
    frame : pandas.DataFrame
        In the order of writing, with a numeric ``step``.
    """
    steps = frame["step"].to_numpy(dtype=np.float64).copy()
    if not (steps[1:] < steps[:-1]).any():
        return Settled(frame)
    main = main_metric(frame)
    if main is None:
        return Settled(frame)
    values = frame[main].to_numpy(dtype=np.float64)
    rows = np.flatnonzero(~np.isnan(values) & np.isfinite(steps))  # a NaN that was written stands as infinite
    falls = np.flatnonzero(np.diff(steps[rows]) < 0)
    if not falls.size:
        return Settled(frame)
    newest_first = len(falls) == len(rows) - 1 > 1
    if newest_first or len(falls) > min(_MOST, max(3, len(rows) / 10)):
        return Settled(frame, notes=(f"the rows are in no order of step ({len(falls)} go back): they are sorted",))
    return _replay(frame, steps, values, rows, falls)


def _replay(
    frame: pd.DataFrame,
    steps: Floats,
    values: Floats,
    rows: npt.NDArray[np.int64],
    falls: npt.NDArray[np.int64],
) -> Settled:
    """Go through the places at which the log goes back, in order."""
    kept = np.ones(len(frame), dtype=bool)
    epochs = frame["epoch"].to_numpy(dtype=np.float64).copy() if "epoch" in frame else None
    seams: list[int] = []
    dropped: list[Dropped] = []
    notes: list[str] = []
    begun = 0  # row at which the current counter began
    ends = [*rows[falls[1:]].tolist(), int(rows[-1])]
    for fall, end in zip(falls, ends, strict=True):
        last, first = int(rows[fall]), int(rows[fall + 1])
        # An evaluation on resuming may stand before the first training row.
        start = next((row for row in range(last + 1, first) if steps[row] <= steps[first]), first)
        earlier = rows[(rows >= begun) & (rows <= last)]
        later = rows[(rows >= start) & (rows <= end)]
        at = float(np.nanmin(steps[start : first + 1]))
        if _is_late(steps, earlier, later):
            continue
        if _is_recap(frame, steps, earlier, later):
            kept[later] = False
            dropped.append(Dropped("row", len(later), "rows that are repeated at the end, as those of the best step"))
            continue
        what = restart_kind(steps[earlier], values[earlier], steps[later], values[later])
        if what == "continued":
            shift = steps[earlier].max() - at + usual_spacing(steps[later])
            notes.append(numbered_on(at, at + shift))
            steps[start:] += shift
            if epochs is not None and epochs[first] <= epochs[last] and np.isfinite(epochs[[first, last]]).all():
                epochs[start:] += epochs[last] - epochs[first] + 1
            seams.append(int(at + shift))
        else:
            gone = kept & (np.arange(len(frame)) < start) & (steps >= at)
            kept &= ~gone
            seams.append(int(at))
            again = "; the values start again too: an earlier training" if what == "again" else ""
            reason = f"rows replaced by a restart at step {step_text(at)}{again}"
            dropped.append(Dropped("row", int(gone.sum()), reason))
        begun = start
    frame = frame.assign(step=steps) if epochs is None else frame.assign(step=steps, epoch=epochs)
    return Settled(frame[kept].reset_index(drop=True), tuple(sorted(set(seams))), tuple(dropped), tuple(notes))


def settle_points(
    tag: npt.NDArray[np.int64], step: npt.NDArray[np.int64], seconds: Floats, value: Floats
) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.int64], tuple[int, ...], tuple[str, ...]]:
    """Settle points whose main tag goes back in its steps, by the time at which they were logged.

    Parameters
    ----------
    tag, step, seconds, value : numpy.ndarray
        Points, all of shape (points,), as `analysis.sources._points.points_table` takes them.

    Returns
    -------
    tuple
        Which points are kept; the steps; those at which the log starts again; notes.
    """
    kept = np.ones(len(tag), dtype=bool)
    members = np.flatnonzero(tag == int(np.argmax(np.bincount(tag)))) if len(tag) else np.empty(0, dtype=np.int64)
    if len(members) < 2 or not (np.diff(step[members]) < 0).any() or (seconds[members] <= 0).any():
        return kept, step, (), ()
    members = members[np.argsort(seconds[members], kind="stable")]
    falls = np.flatnonzero(np.diff(step[members]) < 0) + 1
    if not falls.size or len(falls) > min(_MOST, max(3, len(members) / 10)):
        return kept, step, (), ()
    step, seams, notes = step.copy(), [], []
    ends = [*falls[1:].tolist(), len(members)]
    begun = 0
    for fall, end in zip(falls.tolist(), ends, strict=True):
        earlier, later = members[begun:fall], members[fall:end]
        at, moment = int(step[later[0]]), seconds[later[0]]
        if _is_late(step.astype(np.float64), earlier, later):
            continue
        kind = restart_kind(
            step[earlier].astype(np.float64), value[earlier], step[later].astype(np.float64), value[later]
        )
        if kind == "continued":
            shift = int(step[earlier].max() - at + usual_spacing(step[later].astype(np.float64)))
            step[seconds >= moment] += shift
            notes.append(numbered_on(at, at + shift))
            seams.append(at + shift)
        else:
            kept &= ~((seconds < moment) & (step >= at))
            seams.append(at)
        begun = fall
    return kept, step, tuple(sorted(set(seams))), tuple(notes)


def numbered_on(at: float, on: float) -> str:
    """Return the sentence for a counter that starts again at one step and is numbered on from another."""
    return f"the counter starts again at {step_text(at)} while the values go on: numbered on from {step_text(on)}"


def restart_kind(before: Floats, values: Floats, after: Floats, values_after: Floats) -> Kind:
    """Tell what a log that goes back does, by its steps and a metric, both in the order of writing.

    It begins anew if it goes back to where it began; then the values say whether the training went on.
    """
    if after[0] > max(before.min(), 1):
        return "rolled back"
    return "continued" if _goes_on(values, values_after) else "again"


def _goes_on(values: Floats, values_after: Floats) -> bool:
    """True if values go on nearer to where they ended than to where they began, beyond their scatter."""
    values, values_after = values[np.isfinite(values)], values_after[np.isfinite(values_after)]
    if not len(values) or not len(values_after):
        return False
    few = max(1, min(10, len(values) // 5))
    began, end = float(np.median(values[:few])), float(np.median(values[-few:]))
    new = float(np.median(values_after[: max(1, min(few, len(values_after) // 5))]))
    scatter = float(np.median(np.abs(np.diff(values)))) if len(values) > 2 * few else 0.0
    return abs(began - end) > 2 * scatter and abs(new - end) < abs(new - began)


def usual_spacing(steps: Floats) -> float:
    """Return the median distance of consecutive steps, 1 where there is none."""
    apart = np.diff(steps)
    apart = apart[apart > 0]
    return float(np.median(apart)) if apart.size else 1.0


def _is_recap(frame: pd.DataFrame, steps: Floats, earlier: npt.NDArray[np.int64], later: npt.NDArray[np.int64]) -> bool:
    """True for last rows that repeat values of earlier ones of the same steps."""
    if later[-1] != len(frame) - 1 or len(later) > 3:
        return False
    names = metric_columns(frame)
    before = frame.iloc[earlier].drop_duplicates("step", keep="last").set_index("step")[names]
    again = frame.iloc[later].set_index("step")[names]
    return bool(again.index.isin(before.index).all()) and bool(
        (again.isna() | (again == before.reindex(again.index))).all(axis=None)
    )


def _is_late(steps: Floats, earlier: npt.NDArray[np.int64], later: npt.NDArray[np.int64]) -> bool:
    """True for one row written late: its step is new, and the log goes on behind where it was."""
    back, top = steps[later[0]], steps[earlier].max()
    return bool(len(later) > 1 and steps[later[1]] > top and back not in steps[earlier] and back > steps[earlier].min())
