"""One metric of one run on one axes: the raw curve faint, the smoothed one strong, and marks on them."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullLocator

from analysis.core.metrics import METRICS
from analysis.core.number_format import signed_minus
from analysis.core.run import FloatArray, Run
from analysis.core.run_facts import counted_from_0
from analysis.heuristics.formulas import VOLATILITY_WINDOW
from analysis.report.plots.labels import End
from analysis.report.plots.theme import INK, RunStyle, grid, short_name, short_number, step_axis
from analysis.report.plots.thin import Trace, joined, segments, thin, thin_and_smooth
from analysis.statistics.estimate import Steps
from analysis.statistics.series import rolling_sd

LOG_RATIO = 20.0
"""A positive metric whose maximum exceeds its median by this factor is drawn on a logarithmic axis."""


@dataclass(frozen=True)
class Curve:
    """A metric ready to be drawn: ``raw`` is thinned (empty if nothing was smoothed), ``strong`` smoothed."""

    raw: Trace
    strong: Trace

    @property
    def logged(self) -> Trace:
        """The trace with the logged extremes: the raw one, or the strong one if nothing was smoothed."""
        return self.strong if self.raw.empty else self.raw


def metric_curve(run: Run, metric: str, *, window: int) -> Curve:
    """Return the curve of a logged metric; a stretch shorter than two windows is smoothed over half its length."""
    return _curve(segments(run, metric), window=window)


def volatility_curve(run: Run, metric: str, *, window: int) -> Curve:
    """Return the curve of the rolling standard deviation over `VOLATILITY_WINDOW` consecutive values.

    Each value is drawn at the last step of its window.
    """
    before = VOLATILITY_WINDOW - 1
    return _curve(
        [(s[before:], rolling_sd(v, window=VOLATILITY_WINDOW)) for s, v in segments(run, metric) if v.size > before],
        window=window,
    )


def _curve(parts: Sequence[tuple[Steps, FloatArray]], *, window: int) -> Curve:
    if window < 2:
        return Curve(joined([]), joined([thin(steps, values) for steps, values in parts]))
    traces = [thin_and_smooth(s, v, window=min(window, max(1, v.size // 2))) for s, v in parts]
    return Curve(joined([raw for raw, _ in traces]), joined([strong for _, strong in traces]))


def draw_curve(ax: Axes, curve: Curve, *, style: RunStyle, front: bool = False) -> None:
    """Draw a curve; one with ``front`` is above the others and a little stronger."""
    few = curve.strong.values.size <= 20
    if not curve.raw.empty:
        faint = 0.26 if front else 0.2 if style.named else 0.1
        ax.plot(curve.raw.steps, curve.raw.values, color=style.color, alpha=faint, linewidth=0.7, zorder=1)
    ax.plot(
        curve.strong.steps,
        curve.strong.values,
        color=style.color,
        linestyle=style.dash if style.named else "-",
        linewidth=2.1 if front else 1.7 if style.named else 0.9,
        marker=style.marker if few else None,
        markersize=4,
        zorder=4 if front else 3 if style.named else 2,
    )


def draw_points(ax: Axes, run: Run, metric: str) -> int:
    """Mark a minibatch validation metric by small open circles; return the number of points."""
    trace = joined([thin(steps, values) for steps, values in segments(run, metric)])
    if not trace.empty:
        ax.plot(
            trace.steps,
            trace.values,
            linestyle="none",
            marker="o",
            markersize=3.4,
            markerfacecolor="none",
            markeredgecolor=INK,
            markeredgewidth=0.8,
            zorder=5,
        )
    return int(np.count_nonzero(~np.isnan(trace.values)))


_BIG = 15
"""Number of full validations up to which the diamonds are big; more would overlap."""


def draw_full_validation(
    ax: Axes, run: Run, metric: str, *, style: RunStyle, intervals: Mapping[int, tuple[float, float]]
) -> int:
    """Mark full validations by diamonds, with a bar if an interval is known; return their number."""
    trace = joined([thin(steps, values) for steps, values in segments(run, metric)])
    if trace.empty:
        return 0
    later = counted_from_0(run)
    known = [(step + later, *intervals[step]) for step in run.steps_of(metric).tolist() if step in intervals]
    if known:
        steps, low, high = zip(*known, strict=True)
        ax.vlines(steps, low, high, color=INK, linewidth=1.6, zorder=6)
    ax.plot(
        trace.steps,
        trace.values,
        linestyle="none",
        marker="D",
        markersize=6.5 if trace.steps.size <= _BIG else 3.5,
        markerfacecolor=style.color,
        markeredgecolor=INK,
        markeredgewidth=0.9 if trace.steps.size <= _BIG else 0.4,
        clip_on=False,
        zorder=7,
    )
    return int(np.count_nonzero(~np.isnan(trace.values)))


def draw_nonfinite(ax: Axes, run: Run, metric: str, *, style: RunStyle) -> None:
    """Mark the steps at which a metric was NaN or infinite at the top edge."""
    steps = np.array(run.nonfinite.get(metric, ()), dtype=np.float64) + counted_from_0(run)
    if steps.size:
        shown = steps[:: -(-steps.size // 60)]
        ax.plot(
            shown,
            np.full(shown.size, 0.985),
            transform=ax.get_xaxis_transform(),
            linestyle="none",
            marker="x",
            markersize=5,
            markeredgewidth=1.2,
            color=style.color,
            zorder=6,
        )


def end_of(run: Run, curve: Curve, *, style: RunStyle) -> End:
    """Return the end of the strong curve, for the label with the run's name."""
    return End(float(curve.strong.steps[-1]), float(curve.strong.values[-1]), short_name(run.id), style)


def finish_axes(ax: Axes, metric: str, unit: str = "step") -> None:
    """Set ticks and grid for a metric, after everything has been drawn."""
    step_axis(ax, unit)
    grid(ax)
    ax.yaxis.set_major_locator(MaxNLocator(5, steps=[1, 2, 2.5, 5, 10]))
    if metric in METRICS and METRICS[metric].unit == "fraction":
        ax.yaxis.set_major_formatter(FuncFormatter(lambda y, _: signed_minus(f"{100 * y:.4g}%")))


def fit_scale(ax: Axes, curves: Iterable[Curve]) -> bool:
    """Set a logarithmic axis if the curves need one; return True if so."""
    values = np.concatenate([curve.logged.values for curve in curves])
    values = values[~np.isnan(values)]
    if not wants_log(values):
        return False
    decades = math.log10(values.max() / values.min())
    ax.set_yscale("log")
    ax.yaxis.set_major_locator(LogLocator(subs=(1.0,) if decades > 2.5 else (1.0, 2.0, 5.0)))
    ax.yaxis.set_minor_locator(NullLocator())
    ax.yaxis.set_major_formatter(FuncFormatter(lambda y, _: short_number(y) if y >= 1e4 else f"{y:g}"))
    ax.set_ylabel("logarithmic axis")
    return True


def wants_log(values: FloatArray) -> bool:
    """True if a linear axis would squash most of the values into a flat line.

    Examples
    --------
    >>> wants_log(np.array([9.0, 0.3, 0.2, 0.2])), wants_log(np.array([0.5, 0.3, 0.2]))
    (True, False)
    """
    return bool(values.size > 1 and values.min() > 0 and values.max() > LOG_RATIO * np.median(values))
