"""The figure of the first page: the deciding metric over steps, beside the differences to the baseline."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator

from analysis.core.blocks import Column, Table
from analysis.core.metrics import Direction
from analysis.core.metrics import metric as metric_of
from analysis.core.number_format import Interval, cell, in_unit, interval_parts, percent, signed_minus
from analysis.core.rich_text import Rich, rich
from analysis.core.run import FloatArray, Run
from analysis.report.plots.curves import Curve, draw_curve, finish_axes, fit_scale, metric_curve
from analysis.report.plots.forest import direction_words
from analysis.report.plots.labels import End, label_ends
from analysis.report.plots.theme import INK, MUTED, SMALL, RunStyle, columns, grid, printable, say, style, title
from analysis.report.plots.thin import Trace

_WIDTH, _CURVES, _FOREST = 9.6, 4.0, 3.1
"""Widths in inches: of the figure, of the curves without their labels, of the forest plot."""

_LEFT, _TOP, _BOTTOM, _ROW, _LEAST = 0.62, 0.46, 0.46, 0.36, 1.3
_LABEL, _HEAD, _FEW, _THIN = 24, 46, 4, 0.01
"""Most columns of a label and of the heading of the forest plot; points below which the axis starts at step 0;
share of the axis below which a band is not drawn."""


@dataclass(frozen=True)
class Difference:
    """One configuration compared with the baseline; ``settled`` if the interval excludes zero."""

    name: str
    estimate: Interval
    style: RunStyle
    settled: bool


@dataclass(frozen=True)
class Line:
    """The curve of a configuration: one run as logged, or the mean and the range of several seeds.

    ``best`` is step and value of the best point drawn, ``seeds`` the number of runs.
    """

    name: str
    style: RunStyle
    curve: Curve
    low: FloatArray
    high: FloatArray
    best: tuple[float, float]
    seeds: int


@dataclass(frozen=True)
class Overview:
    """The content of the figure.

    ``metric`` is that of the differences, ``curve_metric`` that of the curves, in percent if ``percent``, over the unit
    ``axis`` (step or epoch); ``margin`` is the difference that is too small to matter. If nothing was logged twice the
    ``levels`` are drawn instead of curves.
    """

    metric: str
    lines: tuple[Line, ...]
    differences: tuple[Difference, ...]
    baseline: str = ""
    margin: float | None = None
    scale: float = 1.0
    unit: str = ""
    window: int = 1
    curve_metric: str = ""
    percent: bool = False
    axis: str = "step"
    levels: tuple[Difference, ...] = ()

    @property
    def band(self) -> float | None:
        """The margin in display units; None if it is too narrow to be seen."""
        ends = [x for d in self.differences for x in (d.estimate.low, d.estimate.value, d.estimate.high, 0.0)]
        known = [x for x in ends if math.isfinite(x)]
        seen = self.margin is not None and known and 2 * self.margin >= _THIN * (max(known) - min(known))
        return self.margin * self.scale if seen and self.margin is not None else None


def configuration_line(name: str, runs: Sequence[Run], metric: str, *, look: RunStyle, window: int) -> Line | None:
    """Return the curve of a configuration; None if no run logs the metric.

    Seeds are averaged over the range of steps that all of them cover, at every step that any of them logged.
    """
    curves = [c for run in runs if not (c := metric_curve(run, metric, window=window)).strong.empty]
    if not curves:
        return None
    if len(curves) == 1:
        curve, low, high = curves[0], np.empty(0), np.empty(0)
    else:
        steps, values = _aligned([curve.strong for curve in curves])
        curve = Curve(Trace(np.empty(0), np.empty(0)), Trace(steps, values.mean(axis=0)))
        low, high = values.min(axis=0), values.max(axis=0)
    # For full validations the best logged value is a checkpoint; for minibatches it is chance: use the smoothed curve.
    drawn = curve.logged if metric_of(metric).split == "full validation" else curve.strong
    at = int(np.nanargmax(drawn.values) if metric_of(metric).direction == "higher" else np.nanargmin(drawn.values))
    return Line(name, look, curve, low, high, (float(drawn.steps[at]), float(drawn.values[at])), len(curves))


def _aligned(traces: Sequence[Trace]) -> tuple[FloatArray, FloatArray]:
    """Return curves at common steps: steps, shape (n,), and values, shape (curves, n)."""
    known = [(t.steps[~np.isnan(t.values)], t.values[~np.isnan(t.values)]) for t in traces]
    first, last = max(steps[0] for steps, _ in known), min(steps[-1] for steps, _ in known)
    grid_ = np.unique(np.concatenate([steps for steps, _ in known]))
    inside = grid_[(grid_ >= first) & (grid_ <= last)]
    steps = inside if inside.size else grid_[-1:]
    return steps, np.array([np.interp(steps, s, v) for s, v in known])


def plot_overview(scene: Overview) -> Figure:
    """Return the figure; with one panel if there is nothing to compare with."""
    forest = bool(scene.differences)
    height = _height(scene) + _TOP + _BOTTOM
    named = [line for line in scene.lines if line.style.named] if not scene.levels else []
    labels = 0.4 + 0.073 * max([columns(_short(line.name)) for line in named] or [0])
    with style():
        figure = Figure(figsize=(_WIDTH, height))
        wide = _WIDTH - _LEFT - labels - (_FOREST + 0.35 if forest else 0.1)
        box = (_LEFT / _WIDTH, _BOTTOM / height, wide / _WIDTH, (height - _TOP - _BOTTOM) / height)
        if scene.levels:
            _levels(_panel(figure, box), scene)
        else:
            _curves(_panel(figure, box), scene)
        if forest:
            box = ((_WIDTH - _FOREST - 0.1) / _WIDTH, box[1], _FOREST / _WIDTH, box[3])
            _forest(_panel(figure, box), scene)
    return figure


def _height(scene: Overview) -> float:
    return max(_LEAST, _ROW * max(len(scene.differences), len(scene.levels)))


def _panel(figure: Figure, box: tuple[float, float, float, float]) -> Axes:
    ax = figure.add_axes(box)
    ax.patch.set_visible(False)
    for side in ("top", "right"):
        ax.spines[side].set_visible(False)
    return ax


def _short(name: str) -> str:
    """Return a name that fits; a name of several settings is shortened setting by setting.

    Examples
    --------
    >>> _short("lr 0.0003, dropout 0.1, weight decay 0.01"), _short("lr 0.75, 2 epochs")
    ('lr 0.0003, drop 0.1, wd 0.01', 'lr 0.75, 2 epochs')
    """
    name = printable(name)
    if columns(name) > _LABEL and ", " in name:
        name = ", ".join(map(_initials, name.split(", ")))
    return name if columns(name) <= _LABEL + 4 else f"{name[: _LABEL - 1]}…"


def _initials(setting: str) -> str:
    *words, value = setting.split(" ")
    name = "".join(word[0] for word in words) if len(words) > 1 else "".join(words)[:4]
    return f"{name} {value}".strip()


def _curves(ax: Axes, scene: Overview) -> None:
    label = metric_of(scene.curve_metric).label
    if not scene.lines:
        title(ax, label)
        say(ax, "No run logs it more than once.")
        return
    ends: list[End] = []
    for place, line in enumerate(reversed(scene.lines)):
        front = line.style.named and place == len(scene.lines) - 1
        if line.low.size:
            steps = line.curve.strong.steps
            ax.fill_between(steps, line.low, line.high, color=line.style.color, alpha=0.18, linewidth=0, zorder=1)
        draw_curve(ax, line.curve, style=line.style, front=front)
        if line.style.named:
            if scene.curve_metric == scene.metric:
                ax.plot(*line.best, marker="*", markersize=10, color=line.style.color, markeredgecolor=INK,
                    markeredgewidth=0.7, linestyle="none", clip_on=False, zorder=8)  # fmt: skip
            end = line.curve.strong
            ends.append(End(float(end.steps[-1]), float(end.values[-1]), _short(line.name), line.style))
    title(ax, label, note=_reading(scene))
    finish_axes(ax, scene.curve_metric, scene.axis)
    if scene.percent:
        ax.yaxis.set_major_formatter(FuncFormatter(lambda y, _: signed_minus(f"{100 * y:.4g}%")))
    if max(line.curve.strong.values.size for line in scene.lines) < _FEW:
        ax.set_xlim(left=0)
    logarithmic = fit_scale(ax, [line.curve for line in scene.lines])
    if not logarithmic:
        _look_at_the_end(ax, scene)
    label_ends(ax, ends)


def _reading(scene: Overview) -> str:
    parts = ["★ best"] if scene.curve_metric == scene.metric else []
    if any(line.low.size for line in scene.lines):
        parts.insert(0, "line: mean of the seeds, band: their range")
    elif scene.window > 1:
        parts.insert(0, f"faint: as logged, strong: mean of {scene.window:,}")
    if grey := sum(not line.style.named for line in scene.lines):
        parts.append(f"grey: {grey} more")
    return " · ".join(parts)


def _look_at_the_end(ax: Axes, scene: Overview) -> None:
    """Limit the vertical axis to the later part of the curves if a steep start would flatten it."""
    named = [line.curve.strong.values for line in scene.lines if line.style.named]
    values = np.concatenate([v[~np.isnan(v)] for v in named] or [np.zeros(1)])
    late = np.concatenate([v[~np.isnan(v)][v.size // 4 :] for v in named] or [np.zeros(1)])
    late = late if late.size else values
    spread, whole = float(np.ptp(late)), float(np.ptp(values))
    if not (0 < spread < whole / 3):
        return
    low, high = float(late.min()) - 0.12 * spread, float(late.max()) + 0.12 * spread
    ax.set_ylim(low, high)
    rises = float(np.median(late)) > float(np.median([v[~np.isnan(v)][0] for v in named]))
    place: dict[str, Any] = {"xy": (0, 1), "xytext": (4, -9)} if rises else {"xy": (0, 0), "xytext": (4, 3)}
    ax.annotate("steep start not shown", xycoords="axes fraction", textcoords="offset points",
                fontsize=SMALL - 1.5, color=MUTED, **place)  # fmt: skip


def _forest(ax: Axes, scene: Overview) -> None:
    rows = scene.differences
    what = metric_of(scene.metric).label
    head = f"{what}: difference to {_short(scene.baseline)}"
    title(
        ax,
        head if columns(head) <= _HEAD else "Difference to baseline",
        note="with 95% interval · filled: clear of zero" if _any_known(rows) else "single values, without an interval",
    )
    if scene.band is not None:
        ax.axvspan(-scene.band, scene.band, color=MUTED, alpha=0.16, linewidth=0, zorder=1)
    point = (len(rows) + 0.4) / (72 * _height(scene))  # in rows
    for row in range(len(rows)):
        ax.plot((0, 0), (row - 3 * point, row + 1 - 13 * point), color=INK, linewidth=1.0, zorder=2)  # spares the words
    _rows(ax, scene, rows, sign=True)
    ax.xaxis.set_major_formatter(FuncFormatter(lambda x, _: signed_minus(f"{x:.4g}")))
    direction: Direction = metric_of(scene.metric).direction
    for word, edge, align in zip(direction_words(direction), (0, 1), ("left", "right"), strict=True):
        ax.annotate(word, (edge, 0), xycoords="axes fraction", xytext=(0, -25), textcoords="offset points", ha=align,
                    fontsize=SMALL, color=INK)  # fmt: skip
    if scene.unit:
        ax.annotate(f"in{scene.unit}", (0.5, 0), xycoords="axes fraction", xytext=(0, -25), ha="center",
                    textcoords="offset points", fontsize=SMALL, color=MUTED)  # fmt: skip


def _levels(ax: Axes, scene: Overview) -> None:
    """Draw the level of each configuration, if there are no curves."""
    title(ax, metric_of(scene.metric).label, note="with 95% interval" if _any_known(scene.levels) else "single values")
    _rows(ax, scene, scene.levels, sign=False)
    unit = "%" if scene.unit else ""
    ax.xaxis.set_major_formatter(FuncFormatter(lambda x, _: signed_minus(f"{x:.4g}{unit}")))


def _rows(ax: Axes, scene: Overview, rows: Sequence[Difference], *, sign: bool) -> None:
    """Draw one estimate per row, with its name above on the left and its number on the right."""
    ax.set_ylim(len(rows) - 0.35, -0.75)
    ax.set_yticks([])
    ax.spines["left"].set_visible(False)
    for row, item in enumerate(rows):
        value, low, high = (scene.scale * x for x in (item.estimate.value, item.estimate.low, item.estimate.high))
        color = item.style.color
        if math.isfinite(low) and math.isfinite(high):
            ax.plot((low, high), (row, row), color=color, linewidth=2.2, zorder=3)
        face = color if item.settled else "none"
        ax.plot(value, row, marker="D" if item.settled else "o", markersize=7, markeredgewidth=1.5, color=color,
                markerfacecolor=face, zorder=4)  # fmt: skip
        words = {"xycoords": ("axes fraction", "data"), "textcoords": "offset points", "fontsize": SMALL - 0.5}
        ax.annotate(_short(item.name), (0, row), xytext=(0, 8), va="center", color=INK, **words)  # type: ignore[arg-type]
        shown = _shown(scene, item, sign=sign)
        ax.annotate(shown, (1, row), xytext=(0, 8), va="center", ha="right", color=MUTED, **words)  # type: ignore[arg-type]
    ax.xaxis.set_major_locator(MaxNLocator(4, steps=[1, 2, 2.5, 5, 10]))
    grid(ax, "x")
    ax.margins(x=0.08)


def _any_known(rows: Sequence[Difference]) -> bool:
    return any(math.isfinite(x) for item in rows for x in (item.estimate.low, item.estimate.high))


def overview_caption(scene: Overview) -> Rich:
    """Return the caption: how to read the figure, as far as it does not say so itself."""
    sentences = []
    if scene.curve_metric != scene.metric and not scene.levels:
        sentences.append(f"{metric_of(scene.metric).label} itself was logged too seldom for a curve.")
    if scene.band is not None:
        size = f"{scene.band:.3g}{scene.unit}"
        sentences.append(f"Grey band: differences within ±{size} are too small to matter.")
    return rich("{words}", words=" ".join(sentences) or f"{metric_of(scene.curve_metric).label} over {scene.axis}s.")


def _written(scene: Overview, value: float) -> str:
    return percent(value) if scene.percent else in_unit(scene.curve_metric, value)


def _at(scene: Overview, step: float) -> str:
    """Return the name of a position on the horizontal axis."""
    return f"{scene.axis} {step:,.0f}"


def overview_alt(scene: Overview) -> str:
    """Return the alt text, from the numbers that are drawn."""
    named = [line for line in scene.lines if line.style.named and not scene.levels]
    courses = [
        f"{line.name} is best at {_at(scene, line.best[0])} with {_written(scene, line.best[1])} "
        f"and ends at {_written(scene, float(line.curve.strong.values[-1]))}"
        for line in named
    ]
    sentences = [f"{metric_of(scene.curve_metric).label} over {scene.axis}s: {'; '.join(courses)}"] if courses else []
    levels = [f"{item.name} {_shown(scene, item, sign=False)}" for item in scene.levels]
    sentences += [f"{metric_of(scene.metric).label}: {'; '.join(levels)}"] if levels else []
    apart = [f"{d.name} {_shown(scene, d)}" for d in scene.differences]
    sentences += [f"Differences to {scene.baseline}: {'; '.join(apart)}"] if apart else []
    return ". ".join(sentences) + "." if sentences else "No run logs the deciding metric more than once."


def _shown(scene: Overview, item: Difference, *, sign: bool = True) -> str:
    unit = scene.unit if sign else "%" * bool(scene.unit)
    if not _any_known([item]):
        return signed_minus(f"{scene.scale * item.estimate.value:{'+' if sign else ''}.3g}") + unit
    return " ".join(interval_parts(item.estimate, scale=scene.scale, unit=unit, sign=sign)).strip()


def overview_data_table(scene: Overview, *, id: str) -> Table | None:
    """Return a table of the curves with best and last values; None without curves."""
    rows = tuple(
        (
            cell(line.name),
            cell(str(line.seeds)),
            cell(_written(scene, line.best[1]), _at(scene, line.best[0])),
            cell(_written(scene, float(line.curve.strong.values[-1])), _at(scene, float(line.curve.strong.steps[-1]))),
        )
        for line in scene.lines
    )
    columns = (Column("Configuration"), Column("Runs", "right"), Column("Best", "right"), Column("Last", "right"))
    return Table(id, f"{metric_of(scene.curve_metric).label}, as drawn", columns, rows) if rows else None
