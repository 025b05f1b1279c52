"""The sweep figure: the deciding metric against each setting that was varied, one point per run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator, NullLocator

from analysis.core.number_format import in_unit, listed, signed_minus
from analysis.core.rich_text import Rich, rich
from analysis.core.run import FloatArray
from analysis.core.run_names import metric_name, metric_words
from analysis.report.plots.hover import hover_named
from analysis.report.plots.theme import INK, MUTED, PALETTE, Margins, grid, new_panels, short_name, style, title

_WIDTH, _HEIGHT, _MOST = 9.6, 2.4, 4
"""Size in inches of a row of panels, and most panels."""

_LOG_RATIO, _ROOM, _WORD = 10.0, 0.08, 12
"""Ratio of the largest to the smallest value from which an axis is logarithmic; least distance of two values, as a
share of the axis; most letters of a value."""


@dataclass(frozen=True)
class Factor:
    """A setting that was varied: its values in order, as text, and as numbers if they are."""

    name: str
    values: tuple[str, ...]
    places: tuple[float, ...] | None


@dataclass(frozen=True)
class Point:
    """A run: its level, the index of its value for each factor, and whether its configuration may be the best."""

    run: str
    level: float
    at: tuple[int, ...]
    may_be_best: bool


@dataclass(frozen=True)
class Sweep:
    """The content of the figure, of which at most four factors are drawn; levels are fractions if ``percent``."""

    metric: str
    factors: tuple[Factor, ...]
    points: tuple[Point, ...]
    percent: bool = False

    def of(self, factor: int, value: int) -> list[float]:
        """Return the levels of the runs with a value of a factor, both by index."""
        return [point.level for point in self.points if point.at[factor] == value]


def plot_sweep(sweep: Sweep) -> Figure:
    """Return the figure: one panel per factor, with a common vertical axis."""
    shown = sweep.factors[:_MOST]
    with style():
        margins = Margins(left=0.62, right=0.15, top=0.5, bottom=0.34)
        figure, panels = new_panels(1, len(shown), size=(_WIDTH, _HEIGHT), margins=margins)
        for index, (ax, factor) in enumerate(zip(panels, shown, strict=True)):
            _draw(ax, sweep, index, factor)
        limits = [panel.get_ylim() for panel in panels]
        for ax in panels:
            ax.set_ylim(min(low for low, _ in limits), max(high for _, high in limits))
    return figure


def _draw(ax: Axes, sweep: Sweep, index: int, factor: Factor) -> None:
    places, scale = _axis(factor)
    ax.set_xscale(scale)
    for may in (False, True):
        points = [p for p in sweep.points if p.may_be_best == may]
        ax.plot([places[p.at[index]] for p in points], [p.level for p in points], linestyle="none", marker="o",
                markersize=4.5, color=PALETTE[0], alpha=0.75, markerfacecolor=PALETTE[0] if may else "none",
                zorder=3)  # fmt: skip
    means = [float(np.mean(sweep.of(index, value))) for value in range(len(places))]
    ax.plot(places, means, color=INK if factor.places is not None else "none", linewidth=1.2, marker="_",
            markersize=13, markeredgewidth=2, markeredgecolor=INK, zorder=4)  # fmt: skip
    title(ax, short_name(factor.name, width=26), note=metric_name(sweep.metric) if index == 0 else "")
    ax.xaxis.set_major_locator(FixedLocator(list(places)))
    ax.xaxis.set_minor_locator(NullLocator())
    words = [value if len(value) <= _WORD else f"{value[: _WORD - 1]}…" for value in factor.values]
    ax.set_xticks(list(places), words)
    ax.margins(x=0.12)
    ax.yaxis.set_major_locator(MaxNLocator(4, steps=[1, 2, 2.5, 5, 10]))
    times, unit = (100, "%") if sweep.percent else (1, "")
    ax.yaxis.set_major_formatter(FuncFormatter(lambda y, _: signed_minus(f"{times * y:.4g}{unit}")))
    grid(ax, "y")
    ax.tick_params(axis="x", colors=MUTED)


def _axis(factor: Factor) -> tuple[FloatArray, Literal["linear", "log"]]:
    """Return positions and scale of the values: to scale if there is room between them, else side by side in order."""
    places = np.array(factor.places or [], dtype=np.float64)
    if places.size and places.min() > 0 and places.max() / places.min() >= _LOG_RATIO:
        if _apart(np.log(places)):
            return places, "log"
    elif places.size and _apart(places):
        return places, "linear"
    return np.arange(len(factor.values), dtype=np.float64), "linear"


def _apart(places: FloatArray) -> bool:
    return bool(np.diff(places).min() >= _ROOM * np.ptp(places))


def _to_scale(factor: Factor) -> bool:
    return factor.places is not None and bool(np.array_equal(_axis(factor)[0], factor.places))


def sweep_hover(figure: Figure, sweep: Sweep) -> str:
    """Return what a page shows under the pointer, as JSON: the mean over the runs with the nearest value."""
    panels = []
    for index, factor in enumerate(sweep.factors[:_MOST]):
        levels = [sweep.of(index, value) for value in range(len(factor.values))]
        points = [
            (float(x), float(np.mean(of)), f"{factor.name} {value}, {_runs(len(of))}")
            for x, value, of in zip(_axis(factor)[0], factor.values, levels, strict=True)
        ]
        panels.append((sweep.percent, INK, points))
    return hover_named(figure, panels)


def _runs(number: int) -> str:
    return "1 run" if number == 1 else f"mean of {number:,} runs"


def sweep_caption(sweep: Sweep) -> Rich:
    """Return the caption: how to read the figure."""
    more = len(sweep.factors) - _MOST
    left = f" {more} more settings varied." if more > 0 else ""
    crowded = [f.name for f in sweep.factors[:_MOST] if f.places is not None and not _to_scale(f)]
    order = f" The values of {listed(crowded)} stand in order, not to scale." if crowded else ""
    several = " Other settings vary too within a value." if len(sweep.factors) > 1 else ""
    return rich(
        "Each point is a run, filled where its configuration may be the best; the dash is the mean."
        "{several}{order}{left}",
        several=several,
        order=order,
        left=left,
    )


def sweep_alt(sweep: Sweep) -> str:
    """Return the alt text, from the means that are drawn."""
    parts = []
    for index, factor in enumerate(sweep.factors[:_MOST]):
        means = [_written(sweep, float(np.mean(sweep.of(index, k)))) for k in range(len(factor.values))]
        parts.append(f"{factor.name}: " + ", ".join(f"{v} {m}" for v, m in zip(factor.values, means, strict=True)))
    return f"Mean {metric_words(sweep.metric)} by setting. " + ". ".join(parts) + "."


def _written(sweep: Sweep, value: float) -> str:
    return f"{100 * value:.2f}%" if sweep.percent else in_unit(sweep.metric, value)


def places_of(values: Sequence[object]) -> tuple[float, ...] | None:
    """Return values as positions on an axis; None if one of them is not a number."""
    numbers = [float(v) for v in values if isinstance(v, int | float) and not isinstance(v, bool)]
    return tuple(numbers) if len(numbers) == len(values) else None
