"""A section: a function from an `Analysis` to blocks, under a heading."""

from __future__ import annotations

from analysis import Analysis
from analysis.core.blocks import Block, Cell, Column, Table
from analysis.core.rich_text import text
from analysis.report.sections import Section


def logs(a: Analysis) -> list[Block]:
    """List how many rows each log has, and what read it."""
    columns = (Column("Run"), Column("Rows", "right"), Column("Read as"))
    rows = ((run.name, f"{len(run.frame):,}", run.provenance.source) for run in a.runs)
    return [Table("table-logs", "Logs", columns, tuple(tuple(Cell(text(value)) for value in row) for row in rows))]


LOGS = Section(2, "Where the Numbers Come From", logs)
