"""Name the axes of printed lines: take a missing one from the line before, continue a counter over epochs."""

from __future__ import annotations

import numpy as np
import pandas as pd

from analysis.sources.axis_names import main_metric

_ROUNDS = 3  # trainings of one epoch each that count as one training


def with_axis(table: pd.DataFrame, bars: bool) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """Return the rows with axes named and batch counters continued over epochs, and notes; empty if no axis varies."""
    notes: tuple[str, ...] = ()
    table = table.rename(columns={"\0step": "step", "\0epoch": "epoch"})
    if "epoch" in table and "step" in table and (main := main_metric(table)) is not None:
        rows = table[table[main].notna()]
        if 4 * rows["step"].count() < rows["epoch"].count():  # the steps belong to other lines
            table = table.drop(columns=["step", "\0total"], errors="ignore")
    for axis in ("epoch", "step"):
        if axis in table:
            bare = table[[name for name in ("step", "epoch") if name in table]].isna().all(axis=1)
            table[axis] = table[axis].where(~bare, table[axis].ffill())
    total = table.pop("\0total") if "\0total" in table else None
    metrics = [name for name in table.columns if name not in ("step", "epoch")]
    if "epoch" in table and "step" in table:
        epoch, step = table["epoch"].ffill(), table["step"]
        known = step.dropna()
        again = known.diff() < (0 if known.nunique() > 1 else 1)  # or one line per epoch, at the same batch
        if total is not None:
            again |= (known.diff() == 0) & (known == total[known.index])  # a full bar per epoch
        turns = again & (epoch[known.index].diff() > 0)
        if turns.any():
            length = total.max() if total is not None and total.notna().any() else step.max() + (step.min() == 0)
            table["step"] = (epoch - epoch.min()) * length + step
        table["step"] = table["step"].ffill()
    table = table[table[metrics].notna().any(axis=1)] if metrics else table.iloc[:0]
    uneven = "step" not in table and "epoch" in table and bool((table["epoch"].dropna() % 1 != 0).any())
    if uneven or (bars and _always_first(table)):
        main = main_metric(table)
        if main is not None:  # epochs are rounded, or each call counts from 1
            table = table.assign(step=table[main].notna().cumsum().clip(lower=1).astype(np.float64))
            notes = (f"no step is printed: steps are numbers of the lines with {main}",)
    if "step" not in table and "epoch" not in table:
        return table.iloc[:0], ()
    if "step" not in table and (table.groupby("epoch")[metrics].count() <= 1).all(axis=None):
        table = table.assign(step=table["epoch"])  # lines of one epoch, such as train and validation, are one row
    axis = "step" if "step" in table else "epoch"
    table = table[table[axis].notna()]
    return (table, notes) if table[axis].nunique() > 1 else (table.iloc[:0], ())


def _always_first(table: pd.DataFrame) -> bool:
    """True if many full bars all belong to the first epoch, as if each call trains for one epoch."""
    main = main_metric(table) if len(table) else None
    if main is None or table[main].count() < _ROUNDS:
        return False
    constant = all(table[axis].nunique() < 2 for axis in ("step", "epoch") if axis in table)
    return constant and ("epoch" not in table or bool(table["epoch"].max() <= 1))
