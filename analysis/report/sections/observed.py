"""First, best and last values of each run's metrics."""

from __future__ import annotations

from analysis.core.blocks import Block, Cell, Column, Table
from analysis.core.metrics import metric as metric_of
from analysis.core.number_format import cell, in_unit
from analysis.core.rich_text import Rich, rich, text
from analysis.core.run import Run
from analysis.core.run_facts import place
from analysis.evidence.best_values import best_value, ended, shown_metrics
from analysis.findings.analysis_result import Analysis
from analysis.findings.rules.seen import worse_by
from analysis.report.sections.assessments import left_out, shown_runs

_MOST_ROWS, _FEW_ROWS = 12, 6
"""Rows of the table, divided among the runs; each shows at least one metric."""


def observed(a: Analysis, *, brief: bool = False) -> list[Block]:
    """Show first, best and last values of each run's metrics."""
    runs = shown_runs(a)
    each = max(1, (_FEW_ROWS if brief else _MOST_ROWS) // len(runs))
    rows = tuple(_row(a, run, name) for run in runs for name in shown_metrics(run)[:each])
    if not rows:
        return []
    columns = (
        *([Column("Run")] if len(a.runs) > 1 else []),
        Column("Metric"),
        Column("Values", "right"),
        Column("First", "right"),
        Column("Best", "right", "rule.best_value"),
        Column("Last", "right"),
        Column("Last against best", "right"),
    )
    note = rich("Single values, without a judgement: the best of many is partly luck.")
    return [Table("seen", "First, best and last values", columns, rows, notes=(note, *left_out(a)))]


def _row(a: Analysis, run: Run, name: str) -> tuple[Cell, ...]:
    value = best_value(run, name)
    since = (
        "not a number"
        if not ended(run, name)
        else "is the best"
        if value.lost_since_best == 0
        else f"{worse_by(value)} worse"
    )
    return (
        *([cell(a.name(run.id))] if len(a.runs) > 1 else []),
        cell(metric_of(name).label),
        cell(f"{value.n:,}"),
        cell(in_unit(name, value.first)),
        cell(in_unit(name, value.best), place(run, name, value.best_step)),
        cell(in_unit(name, value.last), place(run, name, value.last_step)),
        Cell(_linked(a, run, name, "–" if value.n == 1 else since)),
    )


def _linked(a: Analysis, run: Run, name: str, words: str) -> Rich:
    """Return words as a link to the finding about a run's first metric; plain for other metrics."""
    found = next((f for f in a.findings if f.rule == "seen.best" and f.runs == (run.id,)), None)
    linked = found is not None and shown_metrics(run)[:1] == [name]
    return rich("[{words}](#finding-{id})", words=words, id=found.id) if found and linked else text(words)
