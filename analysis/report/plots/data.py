"""The numbers behind each figure as short tables, for readers who cannot see the drawing."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from analysis.core.blocks import Cell, Column, Table
from analysis.core.number_format import cell, in_unit, loss
from analysis.core.rich_text import rich
from analysis.core.run_facts import logged_at
from analysis.core.run_names import name_among
from analysis.report.plots.bars import MetricPanel, bar_words
from analysis.report.plots.curves import Curve
from analysis.report.plots.forest import ForestGroup, difference_words, outcome_words
from analysis.report.plots.training import TrainingCurves, metric_label


def training_analysis_data_table(curves: TrainingCurves, *, id: str) -> Table:
    """Return a table of the drawn curves: start, end, extremes of the loss; ends of accuracy and volatility."""
    name = metric_label(curves.shown.loss)
    columns = (
        Column("Run"),
        *(
            Column(label, "right")
            for label in (f"{name} at the start", "at the end", f"lowest {curves.unit}", f"highest {curves.unit}")
        ),
        Column(f"{metric_label(curves.shown.accuracy)} at the end", "right"),
        Column("Volatility at the end", "right"),
        Column("Last full validation", "right"),
    )
    rows = []
    for run in curves.runs:
        full, at = run.series(curves.shown.full_valid), run.steps_of(curves.shown.full_valid)
        rows.append(
            (
                cell(name_among(run.id)),
                *_course(curves.loss.get(run.id), curves.unit),
                cell(in_unit(curves.shown.accuracy, _end(curves.accuracy.get(run.id)))),
                cell(loss(_end(curves.volatility.get(run.id)))),
                cell(loss(float(full[-1])), logged_at(run, int(at[-1]))) if full.size else cell(loss(None)),
            )
        )
    note = rich(
        "Start and end are those of the smoothed curve (mean of {n} logged {unit}s).", n=curves.window, unit=curves.unit
    )
    return Table(id, "Numbers of the training figure", columns, tuple(rows), notes=(note,))


def _end(curve: Curve | None) -> float | None:
    return None if curve is None else float(curve.strong.values[-1])


def _course(curve: Curve | None, unit: str) -> tuple[Cell, ...]:
    if curve is None:
        return (cell(loss(None)),) * 4
    logged = curve.logged
    places = (int(np.nanargmin(logged.values)), int(np.nanargmax(logged.values)))
    strong = curve.strong
    return (
        cell(loss(float(strong.values[0])), f"{unit} {strong.steps[0]:,.0f}"),
        cell(loss(float(strong.values[-1])), f"{unit} {strong.steps[-1]:,.0f}"),
        *(cell(loss(float(logged.values[at])), f"{unit} {logged.steps[at]:,.0f}") for at in places),
    )


def metrics_comparison_data_table(panels: Sequence[MetricPanel], *, id: str) -> Table:
    """Return a table of the bars: one row per run, one column per panel."""
    runs = dict.fromkeys(run for panel in panels for run in panel.bars)
    columns = (Column("Run"), *(Column(panel.title, "right") for panel in panels))
    rows = []
    for run in runs:
        bars = ((panel, panel.bars.get(run)) for panel in panels)
        cells = (cell(*_flat(bar_words(bar, panel))) if bar else cell("not logged") for panel, bar in bars)
        rows.append((cell(name_among(run)), *cells))
    return Table(id, "Numbers of the comparison figure", columns, tuple(rows))


def _flat(words: tuple[str, str]) -> tuple[str, str]:
    return words[0], words[1].replace("\n", ", ")


def forest_data_table(groups: Sequence[ForestGroup], *, id: str, baseline: str) -> Table:
    """Return a table of the forest plot: one row per comparison."""
    columns = (Column("Metric"), Column("Run"), Column(f"Against {name_among(baseline)}", "right"), Column("Result"))
    rows = tuple(
        (cell(group.label), cell(name_among(item.run)), cell(*difference_words(item, group)), cell(outcome_words(item)))
        for group in groups
        for item in group.rows
    )
    return Table(id, "Numbers of the forest plot", columns, rows)
