"""Training steps of a W&B run, whose own counter ``_step`` counts calls of ``log``."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pandas as pd

from analysis.core.run import NOT_METRICS, Dropped
from analysis.sources.base import Columns
from analysis.sources.metric_aliases import plain
from analysis.sources.rows import merge_rows

_COUNTERS = ("train_global_step", "trainer_global_step", "global_step", "iter", "iteration", "iterations", "step")
"""Names under which training loops log their own steps, most reliable first, as `names.plain` writes them."""

_LEAST_SHARE = 0.5  # of the rows must have a counter's value


def training_steps(
    frame: pd.DataFrame, columns: Columns, defined: Iterable[str] = ()
) -> tuple[pd.DataFrame, tuple[Dropped, ...], tuple[str, ...]]:
    """Return the rows under the training loop's own steps, if it logs them, with the rows of a step merged.

    Parameters
    ----------
    frame : pandas.DataFrame
        One row per call of ``log``; ``step`` is W&B's counter.
    columns : Columns
        The user's column names; ``step`` takes precedence.
    defined : iterable of str
        Metrics that others are plotted against (``define_metric``), most used first.

    Returns
    -------
    tuple
        The table; what was dropped; notes.
    """
    named = columns.get("step")
    if named == "_step" or (named is not None and named not in frame):
        return frame, (), ()
    metrics = [str(name) for name in frame.columns if name not in NOT_METRICS]
    own = {plain(name.removesuffix(" (log)")): name for name in metrics}
    candidates = [*defined, *(own[name] for name in _COUNTERS if name in own)]
    chosen = named or next((name for name in candidates if name in frame and _counts(frame[name])), None)
    if chosen is None:
        return frame, (), ()
    steps = frame[chosen].replace(np.inf, np.nan).ffill()
    known = steps.notna()
    dropped = (Dropped(chosen, int((~known).sum()), "rows before the first step"),) if not known.all() else ()
    frame = frame.drop(columns=["step", chosen]).assign(step=steps)[known]
    frame = frame[["step", *(c for c in frame.columns if c != "step")]].reset_index(drop=True)
    frame, merged = merge_rows(frame)
    return (
        frame,
        (*dropped, *merged),
        (f"steps are '{chosen.removesuffix(' (log)')}'; W&B's _step counts calls of log",),
    )


def _counts(column: pd.Series[float]) -> bool:
    """True if a column counts steps: whole numbers in at least half the rows that never fall and rise overall."""
    values = column.to_numpy(dtype=np.float64)
    values = values[np.isfinite(values)]
    if len(values) < max(2, _LEAST_SHARE * len(column)):
        return False
    return bool((values == np.floor(values)).all() and (np.diff(values) >= 0).all() and values[-1] > values[0])
