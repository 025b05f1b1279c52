"""The comparison figure: final numbers of each run as bars from zero, or as points if zero is meaningless."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator

from analysis.core.metrics import METRICS
from analysis.core.metrics import metric as metric_of
from analysis.core.number_format import Interval, count, decimals_for, signed_minus
from analysis.report.plots.theme import (
    INK,
    MUTED,
    SMALL,
    Margins,
    grid,
    new_panels,
    say,
    short_name,
    short_number,
    style,
    title,
)

MAX_ROWS = 24


@dataclass(frozen=True)
class RunSummary:
    """Final numbers of one run. Rates and accuracies are fractions; None if unknown."""

    run: str
    oscillation_rate: Interval | None
    oscillations: int | None
    transitions: int | None
    train: Interval | None
    validation: Interval | None
    steps: int
    expected_steps: int | None


@dataclass(frozen=True)
class Bar:
    """The value of one run; ``beside`` is a count in words, ``reference`` a value to compare with."""

    value: float
    low: float = math.nan
    high: float = math.nan
    beside: str = ""
    reference: float | None = None


@dataclass(frozen=True)
class MetricPanel:
    """One metric of all runs.

    Attributes
    ----------
    bars : Mapping[str, Bar or None]
        By run ID, in the order of the report; None if the run lacks the metric.
    from_zero : bool
        True for bars that start at zero, False for points on an axis that need not.
    percent : bool
        True for fractions, which are shown in percent.
    """

    title: str
    bars: Mapping[str, Bar | None]
    from_zero: bool
    percent: bool = False
    note: str = ""


def comparison_panels(
    summaries: Sequence[RunSummary],
    *,
    train: str = "train_mean_token_accuracy",
    validation: str = "valid_mean_token_accuracy",
) -> tuple[MetricPanel, ...]:
    """Return the four panels: oscillation, training, validation, steps.

    Parameters
    ----------
    summaries : sequence of RunSummary
        In the order of the report.
    train, validation : str
        Names of the metrics in ``train`` and ``validation`` of the summaries.
    """
    rates = {s.run: _bar(s.oscillation_rate, beside=_counted(s)) for s in summaries}
    steps = {s.run: Bar(float(s.steps), beside=_expected(s), reference=s.expected_steps) for s in summaries}
    return (
        MetricPanel("Oscillation rate", rates, True, percent=True, note="steps whose loss changes by more than 1%"),
        _level_panel(train, {s.run: _bar(s.train) for s in summaries}, note="mean of the last window"),
        _level_panel(validation, {s.run: _bar(s.validation) for s in summaries}, note=_when(validation)),
        MetricPanel("Steps", steps, True, note="logged; the tick is what was expected"),
    )


def _when(validation: str) -> str:
    return "last full validation" if validation == "full_valid_loss" else "mean of the last window"


def _bar(estimate: Interval | None, *, beside: str = "") -> Bar | None:
    if estimate is None or not math.isfinite(estimate.value):
        return None
    return Bar(estimate.value, estimate.low, estimate.high, beside)


def _counted(summary: RunSummary) -> str:
    if summary.oscillations is None or summary.transitions is None:
        return ""
    return f"{summary.oscillations:,} of {summary.transitions:,}"


def _expected(summary: RunSummary) -> str:
    return "expected unknown" if summary.expected_steps is None else f"expected {summary.expected_steps:,}"


def _level_panel(metric: str, bars: Mapping[str, Bar | None], *, note: str) -> MetricPanel:
    row = metric_of(metric)
    if any(bar is not None and math.isfinite(bar.high - bar.low) for bar in bars.values()):
        note += ", 95% interval"
    label = row.label if metric in METRICS else short_name(row.label, width=40)
    return MetricPanel(label, bars, False, percent=row.unit == "fraction", note=note)


def plot_metrics_comparison(panels: Sequence[MetricPanel], *, colors: Mapping[str, str], columns: int = 2) -> Figure:
    """Return the figure ``training_metrics_comparison.png``: one panel per metric, one row per run.

    Parameters
    ----------
    panels : sequence of MetricPanel
        Such as those of `comparison_panels`.
    colors : Mapping[str, str]
        From `run_colors`, by run id.

    Returns
    -------
    matplotlib.figure.Figure
        A run without a value says so in its row; a panel without any says so in words.
    """
    rows = min(max(len(panel.bars) for panel in panels), MAX_ROWS)
    lines = -(-len(panels) // columns)
    names = max(len(short_name(run, width=14)) for panel in panels for run in panel.bars)
    margins = Margins(left=0.25 + 0.075 * names, right=1.2, top=0.66, bottom=0.42)
    height = margins.top + margins.bottom + max(0.46 * rows, 0.8)
    with style():
        figure, axes = new_panels(lines, columns, size=(9.2, lines * height), margins=margins)
        for ax, panel in zip(axes, panels, strict=False):
            _draw_panel(ax, panel, colors)
        for ax in axes[len(panels) :]:
            ax.set_axis_off()
    return figure


def _draw_panel(ax: Axes, panel: MetricPanel, colors: Mapping[str, str]) -> None:
    shown = dict(list(panel.bars.items())[:MAX_ROWS])
    hidden = len(panel.bars) - len(shown)
    note = panel.note if panel.from_zero else f"{panel.note} · axis does not start at zero"
    title(ax, panel.title, note=f"{note} · {count(hidden, 'further run')} in the table" if hidden else note)
    if not any(shown.values()):
        say(ax, "No run has a value.")
        return
    for row, (run, bar) in enumerate(shown.items()):
        if bar is None:
            ax.annotate("not logged", (0.02, row), xycoords=("axes fraction", "data"), va="center", color=MUTED)
            continue
        _draw_bar(ax, row, bar, color=colors[run], from_zero=panel.from_zero)
        value, beneath = bar_words(bar, panel)
        _beside(ax, row, value, beneath)
    ax.set_ylim(len(shown) - 0.4, -0.6)
    ax.set_yticks(range(len(shown)), [short_name(run, width=14) for run in shown], color=INK)
    if panel.from_zero:
        ax.set_xlim(0, 1) if panel.percent else ax.set_xlim(left=0)
    else:
        ax.margins(x=0.12)
    ax.xaxis.set_major_locator(MaxNLocator(4, steps=[1, 2, 2.5, 5, 10]))
    ax.xaxis.set_major_formatter(FuncFormatter(_percent_tick if panel.percent else _tick))
    grid(ax, "x")


def _draw_bar(ax: Axes, row: int, bar: Bar, *, color: str, from_zero: bool) -> None:
    if from_zero:
        ax.barh(row, bar.value, height=0.56, color=color, linewidth=0, zorder=2)
    if math.isfinite(bar.low) and math.isfinite(bar.high):
        whisker = INK if from_zero else color
        ax.plot((bar.low, bar.high), (row, row), color=whisker, linewidth=2, marker="|", markersize=7, zorder=3)
    if not from_zero:
        ax.plot(bar.value, row, color=color, marker="o", markersize=8, markeredgecolor=INK, zorder=4)
    if bar.reference is not None:
        ax.plot((bar.reference, bar.reference), (row - 0.4, row + 0.4), color=INK, linewidth=2, zorder=4)


def bar_words(bar: Bar, panel: MetricPanel) -> tuple[str, str]:
    """Format a value, and its interval and count on a second line; with equal decimals for all bars of a panel."""
    scale, unit = (100, "%") if panel.percent else (1, "")
    widths = [b.high - b.low for b in panel.bars.values() if b is not None and math.isfinite(b.high - b.low)]
    if not widths and not panel.percent:
        whole = bar.value == round(bar.value)
        return signed_minus(f"{bar.value:,.0f}" if whole else f"{bar.value:.4g}"), bar.beside
    digits = max((decimals_for(scale * width / 2) for width in widths if width > 0), default=2)
    value, low, high = (f"{scale * x:.{digits}f}" for x in (bar.value, bar.low, bar.high))
    bounds = f"[{low}, {high}]" if math.isfinite(bar.low) and math.isfinite(bar.high) else ""
    return signed_minus(value + unit), signed_minus("\n".join(x for x in (bounds, bar.beside) if x))


def _beside(ax: Axes, row: int, value: str, beneath: str) -> None:
    place: dict[str, Any] = {
        "xycoords": ("axes fraction", "data"),
        "textcoords": "offset points",
        "annotation_clip": False,
    }
    high = 5.5 if beneath else 0
    high += 4.5 * beneath.count("\n")
    ax.annotate(value, (1.02, row), xytext=(4, high), va="center", fontsize=SMALL, fontweight="bold", **place)
    if beneath:
        ax.annotate(beneath, (1.02, row), xytext=(4, high - 6), va="top", fontsize=SMALL - 1.5, color=MUTED, **place)


def _tick(value: float, _: object) -> str:
    return signed_minus(short_number(value) if abs(value) >= 10 else f"{value:.4g}")


def _percent_tick(value: float, _: object) -> str:
    return signed_minus(f"{100 * value:.4g}%")
