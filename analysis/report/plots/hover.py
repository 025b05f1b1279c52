"""Data for what a page shows under the pointer: positions of panels, and numbers of named curves."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from analysis.report.plots.thin import Trace

_POINTS = 120
"""Most points of a curve that can be pointed at."""


def hover(
    figure: Figure, panels: Mapping[int, tuple[bool, Mapping[str, tuple[str, Trace]]]], unit: str = "step"
) -> str:
    """Return panels as JSON for the script of the page.

    Parameters
    ----------
    figure : Figure
        The drawn figure; positions are fractions of it.
    panels : Mapping[int, tuple[bool, Mapping[str, tuple[str, Trace]]]]
        Index of the axes -> whether its values are fractions, and its curves: name -> colour and values.
    unit : str
        Unit of the horizontal axis.

    Returns
    -------
    str
        A list of ``{"box": [left, top, right, bottom], "x": [first, last], "percent": bool, "unit": str,
        "curves": [...]}``, each curve ``[name, colour, [[step, value], ...]]``.
    """
    axes = figure.get_axes()
    found = [
        _panel(axes[index], percent, [[name, colour, _points(trace)] for name, (colour, trace) in curves.items()])
        | {"x": [float(x) for x in axes[index].get_xlim()], "unit": unit}
        for index, (percent, curves) in panels.items()
        if curves
    ]
    return _written(found)


def hover_named(figure: Figure, panels: Sequence[tuple[bool, str, Sequence[tuple[float, float, str]]]]) -> str:
    """Return panels as JSON whose points have texts instead of steps.

    Parameters
    ----------
    figure : Figure
        The drawn figure.
    panels : sequence of tuple[bool, str, Sequence[tuple[float, float, str]]]
        For each axes in order: whether its values are fractions, the colour, and the points: position, value, text.
    """
    found = []
    for ax, (percent, colour, points) in zip(figure.get_axes(), panels, strict=False):
        to_axes = ax.transData + ax.transAxes.inverted()
        placed = [[round(float(to_axes.transform((x, y))[0]), 4), float(f"{y:.4g}"), words] for x, y, words in points]
        found.append(_panel(ax, percent, [["", colour, placed]]) | {"x": [0.0, 1.0], "unit": ""})
    return _written(found)


def _written(panels: Sequence[Mapping[str, Any]]) -> str:
    return json.dumps(panels, ensure_ascii=False, separators=(",", ":")) if panels else ""


def _panel(ax: Axes, percent: bool, curves: Sequence[Any]) -> dict[str, Any]:
    place = ax.get_position()
    box = [round(x, 4) for x in (place.x0, 1 - place.y1, place.x1, 1 - place.y0)]
    return {"box": box, "percent": percent, "curves": curves}


def _points(trace: Trace) -> Sequence[Sequence[float]]:
    known = ~np.isnan(trace.values)
    steps, values = trace.steps[known], trace.values[known]
    chosen = np.unique(np.linspace(0, max(steps.size - 1, 0), min(_POINTS, steps.size)).astype(int))
    return [[int(steps[i]), float(f"{values[i]:.4g}")] for i in chosen]
