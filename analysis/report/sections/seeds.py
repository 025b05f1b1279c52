"""The seeds one by one: the level of each run, and paired differences."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from analysis.core.blocks import Block, Cell, Column, Details, Table
from analysis.core.number_format import cell, decimals_for, signed_minus
from analysis.core.rich_text import text
from analysis.core.run_names import metric_name
from analysis.evidence.seed_groups import SeedGroup, level_by_run
from analysis.findings.analysis_result import Analysis
from analysis.report.sections.configuration_rows import Row, configuration_rows, level_scale

_MOST = 6
"""Most configurations in the table."""


def seeds(a: Analysis) -> list[Block]:
    """Show the level of every seed, folded; nothing unless a configuration ran with several stated seeds."""
    rows = [row for row in configuration_rows(a) if len(row.runs) > 1 and math.isfinite(row.configuration.mean)]
    if not rows or any(a.run(run_id).factor("seed") is None for row in rows for run_id in row.runs):
        return []
    rows.sort(key=lambda row: not (row.is_baseline or row.is_candidate))
    return [Details(text("The seeds one by one"), (_table(a, rows[:_MOST]),))]


def _table(a: Analysis, rows: list[Row]) -> Table:
    """Return a table with a row per seed and a column per configuration, and candidate minus baseline last."""
    (scale, unit), metric = level_scale(rows[0].configuration), rows[0].configuration.metric
    levels = {row.name: _by_seed(a, row) for row in rows}
    digits = decimals_for(scale * float(np.mean([np.std([*found.values()], ddof=1) for found in levels.values()])) / 2)

    def written(value: float | None, form: str = "") -> Cell:
        return cell("–" if value is None else signed_minus(f"{scale * value:{form}.{digits}f}"))

    base = next((levels[row.name] for row in rows if row.is_baseline), {})
    candidate = next((levels[row.name] for row in rows if row.is_candidate), {})
    paired = {seed: candidate[seed] - base[seed] for seed in base if seed in candidate} if candidate is not base else {}
    order = sorted({seed for found in levels.values() for seed in found}, key=lambda s: (isinstance(s, str), s))
    body = [
        (cell(str(seed)), *(written(found.get(seed)) for found in levels.values()))
        + ((written(paired.get(seed), "+"),) if len(paired) > 1 else ())
        for seed in order
    ]
    difference = [Column("Candidate − baseline", "right")] if len(paired) > 1 else []
    columns = (Column("Seed"), *(Column(name, "right") for name in levels), *difference)
    return Table("seeds", f"{metric_name(metric)}{f', in {unit}' if unit else ''}, by seed", columns, tuple(body))


def _by_seed(a: Analysis, row: Row) -> dict[Any, float]:
    levels = level_by_run(SeedGroup(row.name, row.runs), row.configuration.metric, a.evidence)
    return {a.run(run_id).factor("seed"): level for run_id, level in levels.items()}
