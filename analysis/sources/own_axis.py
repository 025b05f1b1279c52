"""Find evaluations with a counter of their own (epochs, or a constant) and place them at training steps."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

from analysis.core.run import NOT_METRICS, Dropped
from analysis.sources.axis_names import main_metric, metric_columns, step_text
from analysis.sources.rows import merge_rows

Floats = npt.NDArray[np.float64]

_RATIO = 1.5
"""Two counters whose speeds differ by this factor or more are not the same counter."""


def counts_alone(own: Floats, before: Floats, after: Floats) -> bool:
    """True if evaluations are counted on an axis of their own.

    Parameters
    ----------
    own : numpy.ndarray
        Steps of the evaluations as logged, in the order of writing, shape (n,).
    before, after : numpy.ndarray
        Last training step logged before and first after each, shape (n,); NaN if there is none.

    Notes
    -----
    On a common axis each is between the training steps around it. A late evaluation (of an earlier checkpoint) is
    not, but then both counters advance at the same speed.
    """
    outside = (own < before) | (own > after)
    if outside.sum() <= len(own) / 2 or np.isnan(own).any():
        return False
    places = np.where(np.isnan(before), after, before)
    if len(own) == 1:
        return bool(own[0] in (-1, 0) and places[0] > 0)
    if (np.diff(own) < 0).any():
        return False
    moved, advanced = places[-1] - places[0], own[-1] - own[0]
    if moved <= 0:
        return False
    return bool(moved >= _RATIO * advanced or advanced >= _RATIO * moved)


def place_rows(frame: pd.DataFrame) -> tuple[pd.DataFrame, tuple[str, ...], tuple[Dropped, ...]]:
    """Return a table with evaluations on an axis of their own moved to preceding training steps, notes, dropped values.

    Other values on their rows get the prefix ``val_``.

    Parameters
    ----------
    frame : pandas.DataFrame
        Rows in the order of writing, with a numeric ``step``.
    """
    steps = frame["step"].to_numpy(dtype=np.float64).copy()
    if not (steps[1:] < steps[:-1]).any():
        return frame, (), ()
    metrics, main = metric_columns(frame), main_metric(frame)
    logged = {name: frame[name].notna().to_numpy() for name in metrics}
    if main is None or len(logged) < 2:
        return frame, (), ()
    on_main = logged[main] & np.isfinite(steps)
    groups: dict[bytes, list[str]] = {}
    for name in metrics:
        if not (logged[name] & on_main).any() and logged[name].any():
            groups.setdefault(logged[name].tobytes(), []).append(name)
    notes: list[str] = []
    for names in groups.values():
        rows = np.flatnonzero(logged[names[0]])
        before, after = around(rows, np.flatnonzero(on_main), steps)
        own = steps[rows]
        if not counts_alone(own, before, after):
            continue
        steps[rows] = np.where(np.isnan(before), np.fmin(after, own), before)
        notes.append(note(names, own, steps[rows]))
        alone = np.isin(np.arange(len(frame)), rows)
        beside = (c for c in frame.columns if c not in (*NOT_METRICS, *names) and frame[c].dtype.kind in "fi")
        moved: dict[str, pd.Series[float]] = {}
        for name in [name for name in beside if (frame[name].notna().to_numpy() & alone).any()]:
            # A column on both kinds of rows (a time) belongs to the evaluation on its rows.
            values = frame[name].where(alone)
            kept = frame[f"val_{name}"].combine_first(values) if f"val_{name}" in frame else values
            moved |= {name: frame[name].where(~alone), f"val_{name}": kept}
        frame = pd.concat([frame.drop(columns=[*moved], errors="ignore"), pd.DataFrame(moved)], axis=1)[
            list(dict.fromkeys([*frame.columns, *moved]))
        ]
    if not notes:
        return frame, (), ()
    frame, lost = merge_rows(frame.assign(step=steps))
    return frame, tuple(notes), lost


def around(rows: npt.NDArray[np.int64], main: npt.NDArray[np.int64], steps: Floats) -> tuple[Floats, Floats]:
    """Return the steps of the main rows before and after each of ``rows``; NaN if there is none."""
    place = np.searchsorted(main, rows)
    padded = np.concatenate(([np.nan], steps[main], [np.nan]))
    return padded[place], padded[place + 1]


def place_points(
    names: list[str], tag: npt.NDArray[np.int64], step: npt.NDArray[np.int64], seconds: Floats
) -> tuple[npt.NDArray[np.int64], tuple[str, ...]]:
    """Return steps with evaluations on an axis of their own moved to the last training step before each in time.

    Parameters
    ----------
    names : list of str
    tag, step, seconds : numpy.ndarray
        Points, all of shape (points,): index into ``names``, step, Unix time (s).

    Returns
    -------
    tuple
        The steps; notes.
    """
    counts = np.bincount(tag, minlength=len(names))
    main = int(np.argmax(counts))
    members = np.flatnonzero(tag == main)
    if len(names) < 2 or counts[main] < 2 or (seconds[members] <= 0).any() or np.ptp(seconds[members]) <= 0:
        return step, ()
    members = members[np.argsort(seconds[members], kind="stable")]
    clock, training = seconds[members], step[members].astype(np.float64)
    if (np.diff(training) < 0).any():
        return step, ()
    placed = step
    told: dict[tuple[int, ...], list[str]] = {}
    last = np.zeros(len(names))
    np.maximum.at(last, tag, step)
    # Tags that end near the end of the training share its steps: this skips the search in time for nearly all tags.
    apart = (last * _RATIO <= training[-1]) | (last >= training[-1] * _RATIO)
    for one in np.flatnonzero((counts > 0) & (counts < counts[main]) & apart):
        rows = np.flatnonzero(tag == one)
        rows = rows[np.argsort(seconds[rows], kind="stable")]
        own = step[rows].astype(np.float64)
        padded = np.concatenate(([np.nan], training, [np.nan]))
        # Points logged at the same moment share one step, whichever was written first.
        before = padded[np.searchsorted(clock, seconds[rows], side="right")]
        after = padded[np.searchsorted(clock, seconds[rows], side="left") + 1]
        if (seconds[rows] <= 0).any() or not counts_alone(own, before, after):
            continue
        placed = placed.copy() if placed is step else placed
        placed[rows] = np.where(np.isnan(before), np.fmin(after, own), before).astype(np.int64)
        told.setdefault((int(own[0]), int(own[-1]), int(placed[rows][-1])), []).append(names[one])
    notes = tuple(
        f"{_listed(group)}: counted by itself ({first} to {last}), placed at the training steps logged last before it"
        for (first, last, _), group in told.items()
    )
    return placed, notes


def note(names: list[str], own: Floats, placed: Floats) -> str:
    """Return the note on evaluations that were moved, with their first and last steps before and after."""
    (first, last), (begin, end) = (map(step_text, (steps[0], steps[-1])) for steps in (own, placed))
    return (
        f"{_listed(names)}: counted by itself ({first} to {last}), placed at the training steps before it in the log "
        f"({begin} to {end})"
    )


def _listed(names: list[str]) -> str:
    return ", ".join(names[:6]) + (f" and {len(names) - 6} more" if len(names) > 6 else "")
