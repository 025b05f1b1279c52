"""The forest plot: all comparisons with the baseline, with intervals, in one figure."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator

from analysis.core.metrics import Direction
from analysis.core.number_format import Interval, interval_parts, signed_minus
from analysis.report.plots.theme import FONT_SIZE, INK, MUTED, OTHER, SMALL, grid, short_name, style

Outcome = Literal["better", "worse", "no evidence of a difference", "equivalent", "cannot tell"]

_LEFT, _RIGHT, _WIDTH = 1.35, 2.75, 9.2
_ROW, _HEAD, _FOOT = 0.38, 0.42, 0.56
_REASON = 40
_SIGN: Mapping[Outcome, str] = {
    "better": "▲ ",
    "worse": "▼ ",
    "equivalent": "= ",
    "no evidence of a difference": "○ ",
    "cannot tell": "? ",
}


@dataclass(frozen=True)
class ForestRow:
    """One run compared with the baseline; ``reason`` says why it is not ``comparable``."""

    run: str
    estimate: Interval
    outcome: Outcome
    comparable: bool = True
    reason: str = ""


@dataclass(frozen=True)
class ForestGroup:
    """The comparisons of one metric, on one axis in its own unit.

    Attributes
    ----------
    margin : float or None
        Differences within ``null`` ± ``margin`` are too small to matter.
    scale, unit
        Factor and unit in which differences are displayed (100 and `` pp`` for fractions).
    null : float
        Value of no difference: 0, or 1 for a ratio.
    """

    label: str
    direction: Direction
    rows: tuple[ForestRow, ...]
    margin: float | None = None
    scale: float = 1.0
    unit: str = ""
    null: float = 0.0


def plot_forest(groups: Sequence[ForestGroup], *, baseline: str, colors: Mapping[str, str]) -> Figure:
    """Return a figure of all comparisons with the baseline, grouped by metric.

    Parameters
    ----------
    groups : sequence of ForestGroup
        At least one, each with at least one row.
    baseline : str
        Run ID, for the headings.
    colors : Mapping[str, str]
        From `run_colors`, by run id.
    """
    heights = [_HEAD + _FOOT + _ROW * len(group.rows) for group in groups]
    total = sum(heights)
    with style():
        figure = Figure(figsize=(_WIDTH, total))
        top = total
        for group, height in zip(groups, heights, strict=True):
            box = (
                _LEFT / _WIDTH,
                (top - height + _FOOT) / total,
                (_WIDTH - _LEFT - _RIGHT) / _WIDTH,
                _ROW * len(group.rows) / total,
            )
            draw_group(figure.add_axes(box), group, baseline=short_name(baseline), colors=colors)
            top -= height
    return figure


def draw_group(ax: Axes, group: ForestGroup, *, baseline: str, colors: Mapping[str, str]) -> None:
    """Draw the comparisons in one metric, one row per run; ``baseline`` is the name in the heading."""
    _frame(ax, group, baseline=baseline)
    for row, item in enumerate(group.rows):
        value, low, high = (group.scale * x for x in (item.estimate.value, item.estimate.low, item.estimate.high))
        color = colors.get(item.run, OTHER)
        clear = item.comparable and item.outcome in ("better", "worse")
        if math.isfinite(low) and math.isfinite(high):
            line = "-" if item.comparable else (0, (2, 1.5))
            ax.plot((low, high), (row, row), color=color, linewidth=2.2, linestyle=line, zorder=3)
        if math.isfinite(value):
            ax.plot(
                value,
                row,
                marker="D" if clear else "o",
                markersize=8,
                markeredgewidth=1.6,
                color=color,
                markerfacecolor=color if item.comparable else "none",
                zorder=4,
            )
        _words(ax, row, item, group)
    ax.margins(x=0.06)


def _frame(ax: Axes, group: ForestGroup, *, baseline: str) -> None:
    null = group.scale * group.null
    ax.axvline(null, color=INK, linewidth=1.1, zorder=2)
    if group.margin is not None:
        reach = group.scale * group.margin
        ax.axvspan(null - reach, null + reach, color=MUTED, alpha=0.16, linewidth=0, zorder=1)
    ax.set_ylim(len(group.rows) - 0.5, -0.5)
    ax.set_yticks(range(len(group.rows)), [short_name(r.run, width=16) for r in group.rows], color=INK)
    sns.despine(ax=ax, left=True)
    ax.patch.set_visible(False)
    ax.xaxis.set_major_locator(MaxNLocator(6, steps=[1, 2, 2.5, 5, 10]))
    ax.xaxis.set_major_formatter(FuncFormatter(lambda x, _: signed_minus(f"{x:.4g}")))
    grid(ax, "x")
    beside: dict[str, Any] = {"xycoords": "axes fraction", "textcoords": "offset points", "annotation_clip": False}
    ax.annotate(group.label, (0, 1), xytext=(-_LEFT * 72 + 14, 13), fontsize=FONT_SIZE + 1, fontweight="bold", **beside)
    ax.annotate(
        f"run minus {baseline}{_in_unit(group)}" if group.null == 0 else f"run divided by {baseline}",
        (1, 1),
        xytext=(0, 13),
        ha="right",
        fontsize=SMALL - 0.5,
        color=MUTED,
        **beside,
    )
    for word, edge, align in zip(direction_words(group.direction), (0, 1), ("left", "right"), strict=True):
        ax.annotate(word, (edge, 0), xytext=(0, -27), ha=align, fontsize=SMALL, color=INK, **beside)
    if group.margin is not None:
        ax.annotate(
            f"band: ± {group.scale * group.margin:g}{group.unit} makes no practical difference",
            (0.5, 0),
            xytext=(0, -27),
            ha="center",
            fontsize=SMALL - 1,
            color=MUTED,
            **beside,
        )


def _in_unit(group: ForestGroup) -> str:
    return f", in{group.unit}" if group.unit else ""


def direction_words(direction: Direction) -> tuple[str, str]:
    """Return the words for the left and the right side of "no difference"."""
    if direction == "lower":
        return "← better", "worse →"
    return ("← worse", "better →") if direction == "higher" else ("← less", "more →")


def _words(ax: Axes, row: int, item: ForestRow, group: ForestGroup) -> None:
    place: dict[str, Any] = {
        "xycoords": ("axes fraction", "data"),
        "textcoords": "offset points",
        "annotation_clip": False,
    }
    value, bounds = difference_words(item, group)
    ax.annotate(f"{value} {bounds}".strip(), (1.02, row), xytext=(4, 6), va="center", fontsize=SMALL, **place)
    ax.annotate(outcome_words(item), (1.02, row), xytext=(4, -6), va="center", fontsize=SMALL - 1, color=MUTED, **place)


def difference_words(item: ForestRow, group: ForestGroup) -> tuple[str, str]:
    """Format a difference and its interval in the unit of its group."""
    return interval_parts(item.estimate, scale=group.scale, unit=group.unit, sign=group.null == 0)


def outcome_words(item: ForestRow) -> str:
    """Return the result of a comparison in words; if it is not attributable, why."""
    if item.comparable:
        return _SIGN[item.outcome] + item.outcome
    reason = item.reason if len(item.reason) <= _REASON else item.reason[: _REASON - 1] + "…"
    return "? not attributable" + (f": {reason}" if reason else "")
