"""Which configuration to keep: one row a configuration, best first, with those that may be best marked."""

from __future__ import annotations

import math

from analysis.core.blocks import Block, Cell, Column, Prose, Table
from analysis.core.metrics import metric as metric_of
from analysis.core.number_format import cell, interval, listed, number, signed_minus
from analysis.core.rich_text import rich, text
from analysis.core.run_names import metric_words
from analysis.evidence.configurations import Configuration, lead_by_luck
from analysis.findings.analysis_result import Analysis

_SHOWN = 12


def which_to_keep(a: Analysis) -> list[Block]:
    """Answer which configuration is best, and which ones cannot be told from it; empty for one, or for two runs."""
    ranked = [row for row in a.configurations if math.isfinite(row.mean)]
    if len(ranked) < 2 or (len(ranked) < 3 and not any(len(row.runs) > 1 for row in ranked)):
        return []
    return [Prose(rich("{answer}", answer=answer(a, ranked)), id="keep"), _table(a, ranked[:_SHOWN])]


def answer(a: Analysis, ranked: list[Configuration]) -> str:
    """Say in one sentence or two which configuration to keep."""
    best, rivals = ranked[0], [row for row in ranked[1:] if row.may_be_best]
    scale, unit = _scale(best)
    level = f"{number(scale * best.mean)}{unit}"
    kind = "mean of its seeds" if len(best.runs) > 1 else "one run"
    first = f"Of {len(ranked)} configurations {best.name} is best in {metric_words(best.metric)} ({level}, {kind})"
    if not rivals:
        return f"{first}, and better than all others even though it was chosen as the best."
    names = [row.name for row in rivals]
    told = listed(names) if len(names) <= 4 else f"{len(names)} others"
    luck = lead_by_luck(ranked, a.seed_spread)
    lucky = f" The best of {len(ranked)} equal ones would lead by {number(scale * luck)}{unit} by luck." if luck else ""
    return f"{first}; {told} may be as good.{lucky}"


def _table(a: Analysis, ranked: list[Configuration]) -> Table:
    metric = ranked[0].metric
    scale, unit = _scale(ranked[0])
    rows = tuple(
        (
            Cell(text(row.name), text(_runs(a, row))),
            cell(str(len(row.runs))),
            cell(
                f"{number(scale * row.mean)}{unit}" + (f" ± {number(scale * row.sd)}" if math.isfinite(row.sd) else "")
            ),
            cell(_behind(row, scale)),
            Cell(text("may be best" if row.may_be_best else "worse"), tone="good" if row.may_be_best else "neutral"),
        )
        for row in ranked
    )
    columns = (
        Column("Configuration"),
        Column("Runs"),
        Column(f"{metric_words(metric).capitalize()} (mean ± sd)"),
        Column("Difference to the best"),
        Column("Best?"),
    )
    return Table("configurations", "Which configuration to keep", columns, rows)


def _runs(a: Analysis, row: Configuration) -> str:
    """Name the runs of a configuration where its own name does not."""
    names = [a.name(run_id) for run_id in row.runs]
    return "" if names == [row.name] else listed(names) if len(names) <= 4 else f"{len(names)} runs from {names[0]}"


def _behind(row: Configuration, scale: float) -> str:
    """Write the difference to the best one: positive where this configuration has the larger value."""
    if row.behind is None:
        return "–"
    result, unit = row.behind.result, " pp" if scale != 1 else ""
    if row.behind.baseline in row.runs:  # it is the best minus this one
        result = result.negated()
    if row.behind.known:
        return interval(result, scale=scale, unit=unit, sign=True)
    return f"{signed_minus(f'{scale * result.value:+.3g}')}{unit}, no interval"


def _scale(row: Configuration) -> tuple[float, str]:
    fraction = metric_of(row.metric).unit == "fraction" and row.mean <= 1
    return (100.0, "%") if fraction else (1.0, "")
