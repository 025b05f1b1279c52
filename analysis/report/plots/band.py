"""Window means with their intervals on the curves that they summarise, one panel a run."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from analysis.core.number_format import Interval, interval_parts, loss
from analysis.core.run import Run
from analysis.report.plots.curves import Curve, draw_curve, draw_nonfinite, finish_axes, metric_curve
from analysis.report.plots.theme import (
    INK,
    MUTED,
    SMALL,
    Margins,
    RunStyle,
    new_panels,
    run_styles,
    say,
    short_name,
    style,
    title,
)
from analysis.report.plots.training import figure_window, metric_label

MAX_PANELS = 6


@dataclass(frozen=True)
class WindowMean:
    """The mean of a metric over the steps from ``start`` to ``end``, with its interval."""

    run: str
    start: int
    end: int
    mean: Interval


def plot_loss_with_band(
    runs: Sequence[Run],
    *,
    windows: Sequence[WindowMean],
    candidate: str,
    baseline: str | None = None,
    metric: str = "train_loss",
) -> Figure:
    """Draw each run's curve with the means of its windows as bands, on one common vertical axis.

    Parameters
    ----------
    runs : sequence of Run
        More than six: the candidate, the baseline and the first of the others get a panel.
    windows : sequence of WindowMean
        Any number a run, such as one an epoch or the last window alone.
    candidate, baseline : str
        Run ids. The baseline's last window mean is drawn through all panels.
    metric : str
        The metric of the windows.
    """
    styles = run_styles([run.id for run in runs], candidate=candidate, baseline=baseline)
    first = [run for run in runs if run.id in (candidate, baseline)]
    chosen = (first + [run for run in runs if run not in first])[:MAX_PANELS]
    chosen = [run for run in runs if run in chosen]
    columns = min(len(chosen), 3)
    window = figure_window(runs, metric=metric)
    with style():
        margins = Margins(left=0.6, right=0.15, top=0.8, bottom=0.45)
        lines = -(-len(chosen) // columns)
        figure, panels = new_panels(lines, columns, size=(9.2, 3.1 * lines), margins=margins)
        curves = {run.id: metric_curve(run, metric, window=window) for run in chosen}
        limits = _limits(list(curves.values()), windows)
        level = next((w for w in reversed(windows) if w.run == baseline), None)
        for ax, run in zip(panels, chosen, strict=False):
            own = [w for w in windows if w.run == run.id]
            curve = curves[run.id]
            title(ax, short_name(run.id, width=24), note=_note(own, level))
            if curve.strong.empty:
                say(ax, f"{short_name(run.id)} logs no\n{metric_label(metric).lower()}.")
                continue
            draw_curve(ax, curve, style=styles[run.id])
            draw_nonfinite(ax, run, metric, style=styles[run.id])
            _draw_windows(ax, own, look=styles[run.id])
            finish_axes(ax, metric)
            _frame(ax, curve, limits=limits, level=None if level in own else level)
        for ax in panels[len(chosen) :]:
            ax.set_axis_off()
    return figure


def _note(windows: Sequence[WindowMean], level: WindowMean | None) -> str:
    if not windows:
        return "no window mean"
    last = windows[-1]
    note = f"steps {last.start:,}–{last.end:,}: {window_words(last)}"
    if level is None:
        return note
    dashed = "this mean is dashed in the others" if level in windows else f"dashed: mean of {short_name(level.run)}"
    return f"{note}\n{dashed}"


def window_words(window: WindowMean) -> str:
    """Write a window's mean and interval."""
    value, bounds = interval_parts(window.mean)
    return f"{value} {bounds}" if bounds else f"{loss(window.mean.value)} (no interval)"


def _draw_windows(ax: Axes, windows: Sequence[WindowMean], *, look: RunStyle) -> None:
    for window in windows:
        across, mean = (window.start, window.end), window.mean
        if math.isfinite(mean.low) and math.isfinite(mean.high):
            ax.fill_between(across, mean.low, mean.high, color=look.color, alpha=0.45, linewidth=0, zorder=5)
        if math.isfinite(mean.value):
            ax.plot(across, (mean.value, mean.value), color=INK, linewidth=1.8, zorder=6)


def _limits(curves: Sequence[Curve], windows: Sequence[WindowMean]) -> tuple[float, float]:
    """Choose the range that holds the bands and the middle 94% of all points, with some air."""
    logged = np.concatenate([c.logged.values for c in curves])
    logged = logged[~np.isnan(logged)]
    middle = np.quantile(logged, (0.03, 0.97)).tolist() if logged.size else [0.0, 1.0]
    bounds = [x for w in windows for x in (w.mean.low, w.mean.high, w.mean.value) if math.isfinite(x)]
    low, high = min(middle + bounds), max(middle + bounds)
    air = 0.12 * (high - low) or 0.05 * abs(high) or 1.0
    return low - air, high + air


def _frame(ax: Axes, curve: Curve, *, limits: tuple[float, float], level: WindowMean | None) -> None:
    ax.set_ylim(*limits)
    if level is not None and math.isfinite(level.mean.value):
        ax.axhline(level.mean.value, color=MUTED, linewidth=1.1, linestyle=(0, (4, 3)), zorder=2)
    trace = curve.logged
    for beyond, at, sign, place in (
        (trace.values > limits[1], np.nanargmax, "↑", 0.96),
        (trace.values < limits[0], np.nanargmin, "↓", 0.015),
    ):
        if beyond.any():
            extreme = int(at(trace.values))
            ax.annotate(
                f"{sign} {loss(float(trace.values[extreme]))} at step {trace.steps[extreme]:,.0f}",
                (0.98, place),
                xycoords="axes fraction",
                ha="right",
                va="top" if place > 0.5 else "bottom",
                fontsize=SMALL - 1.5,
            )
