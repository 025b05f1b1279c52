"""The sweep: the deciding metric against each varied setting, which may be best, and how much of a lead is luck."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from analysis.core.blocks import Block, Column, Details, Heading, Prose, Table
from analysis.core.config_factors import changed_factors
from analysis.core.number_format import cell, count, decimals_for, listed, signed_minus
from analysis.core.rich_text import Rich, text
from analysis.core.run_names import factor_short, metric_name, metric_words, short_value
from analysis.evidence.configurations import Lead, lead
from analysis.evidence.seed_groups import SeedGroup, level_by_run
from analysis.findings.analysis_result import Analysis
from analysis.report import plots
from analysis.report.plots.sweep import Factor, Point, Sweep, places_of
from analysis.report.sections.configuration_rows import level_scale

_LEAST_VALUES, _LEAST_CONFIGURATIONS, _MOST_VALUES = 3, 4, 20
"""Least values of a setting and least configurations for a sweep, and most values on an axis or in a table."""


def sweep(a: Analysis) -> list[Block]:
    """Show the deciding metric against each setting with three or more values; nothing if there is none."""
    scene = scene_of(a)
    if scene is None:
        return []
    drawing = plots.plot_sweep(scene)
    figure = plots.to_figure(
        drawing,
        id="figure-sweep",
        name="training_sweep.png",
        caption=plots.sweep_caption(scene),
        alt=plots.sweep_alt(scene),
        hover=plots.sweep_hover(drawing, scene),
    )
    return [
        Heading("The Sweep", 3, "sweep"),
        Prose(text(" ".join(filter(None, (_best(a, scene), _luck(a)))))),
        figure,
        Details(text("The sweep in numbers"), (_table(a, scene),)),
    ]


def scene_of(a: Analysis) -> Sweep | None:
    """Return the content of the figure; None if no setting has enough values."""
    ranked = [c for c in a.configurations if math.isfinite(c.mean)]
    runs = [a.run(run_id) for c in ranked for run_id in c.runs]
    changed = {name: row for name, row in changed_factors(runs).items() if name != "seed"} if len(runs) > 1 else {}
    order = {name: _ordered(row.values()) for name, row in changed.items()}
    wide = [name for name, values in order.items() if _LEAST_VALUES <= len(values) <= _MOST_VALUES]
    if not wide or (len(ranked) < _LEAST_CONFIGURATIONS and len(changed) > 1):
        return None
    metric = ranked[0].metric
    factors = tuple(
        Factor(factor_short(n).replace("_", " "), tuple(map(short_value, order[n])), places_of(order[n])) for n in wide
    )
    points = []
    for c in ranked:
        for run_id, level in level_by_run(SeedGroup(c.name, c.runs), metric, a.evidence).items():
            at = tuple([repr(v) for v in order[n]].index(repr(changed[n][run_id])) for n in wide)
            points.append(Point(run_id, level, at, c.may_be_best))
    return Sweep(metric, factors, tuple(points), level_scale(ranked[0])[0] != 1)


def _ordered(values: Any) -> list[Any]:
    """Return the distinct values of a setting, numbers in ascending order."""
    unique = list({repr(value): value for value in values}.values())
    return sorted(unique, key=float) if places_of(unique) else unique


def _best(a: Analysis, scene: Sweep) -> str:
    """Return which values of the settings the configurations have that may be the best, in a sentence."""
    ranked = [c for c in a.configurations if math.isfinite(c.mean)]
    may = sum(c.may_be_best for c in ranked)
    if may == len(ranked):
        return f"Any of the {may} configurations may be the best."
    parts = []
    for index, factor in enumerate(scene.factors):
        kept = sorted({point.at[index] for point in scene.points if point.may_be_best})
        if len(kept) < len(factor.values):
            between = len(kept) > 2 and factor.places is not None and kept[-1] - kept[0] == len(kept) - 1
            values = [factor.values[k] for k in kept]
            words = f"{values[0]} to {values[-1]}" if between else " or ".join(values)
            parts.append(f"{factor.name} {words}")
    having = f" {'It has' if may == 1 else 'They have'} {listed(parts)}." if parts else " Every value is among them."
    if may == 1:
        return f"The best configuration{having.replace('It has', 'has')}"
    return f"{count(may, 'configuration')} of {len(ranked)} may be the best in {metric_words(scene.metric)}.{having}"


def lead_of(a: Analysis) -> Lead | None:
    """Return the lead of the best configuration and the part of it that is luck; None if unknown."""
    primary = a.verdict.primary
    usual = primary.usual_seed_sd if primary is not None and primary.metric == _metric(a) else None
    return lead(a.configurations, a.seed_spread, usual=usual)


def _metric(a: Analysis) -> str:
    return a.configurations[0].metric if a.configurations else ""


def lead_words(a: Analysis) -> tuple[Rich, ...]:
    """Return how much of the lead of the best is luck, in a sentence; empty if only one may be the best."""
    found = lead_of(a)
    if found is None or sum(c.may_be_best for c in a.configurations) < 2:
        return ()
    by, luck, expected, _ = _written(a, found)
    return (
        text(
            f"The best is {by} ahead of the mean of all {found.count}; luck alone would put the best of "
            f"{found.count} equal ones {luck} ahead. Trained again, expect about {expected} of it."
        ),
    )


def _luck(a: Analysis) -> str:
    """Return the assumption about seeds behind the share of luck, in a sentence."""
    found = lead_of(a)
    if found is None:
        return ""
    sd, how = _written(a, found)[3], "as measured here" if found.measured else "as is usual; it was not measured here"
    return f"What luck gives is reckoned with seeds that scatter by {sd} ({how})."


def _written(a: Analysis, found: Lead) -> tuple[str, str, str, str]:
    """Format lead, share of luck, expected level and spread between seeds in the unit of the metric."""
    scale, unit = level_scale(a.configurations[0])
    points = " pp" if unit else ""
    by, luck, sd = (f"{scale * x:.2g}{points}" for x in (abs(found.best - found.mean), found.luck, found.sd))
    expected = signed_minus(f"{scale * found.expected:.{decimals_for(scale * found.sd)}f}{unit}")
    return by, luck, expected, sd


def _table(a: Analysis, scene: Sweep) -> Table:
    """Return a table of each value of each setting: runs, mean and sd, and how many runs may be the best."""
    scale, unit = (100.0, "%") if scene.percent else (1.0, "")
    digits = decimals_for(scale * float(np.std([point.level for point in scene.points])) / 3)
    rows = []
    for index, factor in enumerate(scene.factors):
        for value, words in enumerate(factor.values):
            levels = scene.of(index, value)
            best = sum(point.may_be_best for point in scene.points if point.at[index] == value)
            spread = f" ± {scale * float(np.std(levels, ddof=1)):.{digits}f}" if len(levels) > 1 else ""
            mean = signed_minus(f"{scale * float(np.mean(levels)):.{digits}f}{unit}")
            rows.append(
                (cell(f"{factor.name} {words}"), cell(str(len(levels))), cell(mean + spread),
                 cell(str(best)))
            )  # fmt: skip
    label = f"{metric_name(scene.metric)}, mean ± sd"
    columns = (Column("Setting"), Column("Runs", "right"), Column(label, "right"), Column("May be best", "right"))
    note = text("The spread within a value is that of seeds and of the other settings.")
    return Table("sweep-table", "Every value of every setting", columns, tuple(rows), notes=(note,))
