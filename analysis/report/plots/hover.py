"""What a page shows under the pointer: the places of a figure's panels, and the numbers of its named curves."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from analysis.report.plots.thin import Trace

_POINTS = 120
"""Points of a curve that can be pointed at, at most."""


def hover(figure: Figure, panels: Mapping[int, tuple[bool, Mapping[str, tuple[str, Trace]]]]) -> str:
    """Describe panels as JSON for the page's script.

    Parameters
    ----------
    figure : Figure
        As drawn; positions are fractions of it.
    panels : Mapping[int, tuple[bool, Mapping[str, tuple[str, Trace]]]]
        Index of the axes -> whether its values are shares, and its curves: name -> colour and values.

    Returns
    -------
    str
        A list of ``{"box": [left, top, right, bottom], "x": [first, last], "percent": bool, "curves": [...]}``,
        each curve ``[name, colour, [[step, value], ...]]``.
    """
    axes = figure.get_axes()
    found = [_panel(axes[index], percent, curves) for index, (percent, curves) in panels.items() if curves]
    return json.dumps(found, ensure_ascii=False, separators=(",", ":")) if found else ""


def _panel(ax: Axes, percent: bool, curves: Mapping[str, tuple[str, Trace]]) -> dict[str, Any]:
    place = ax.get_position()
    return {
        "box": [round(x, 4) for x in (place.x0, 1 - place.y1, place.x1, 1 - place.y0)],
        "x": [float(x) for x in ax.get_xlim()],
        "percent": percent,
        "curves": [[name, colour, _points(trace)] for name, (colour, trace) in curves.items()],
    }


def _points(trace: Trace) -> Sequence[Sequence[float]]:
    known = ~np.isnan(trace.values)
    steps, values = trace.steps[known], trace.values[known]
    chosen = np.unique(np.linspace(0, max(steps.size - 1, 0), min(_POINTS, steps.size)).astype(int))
    return [[int(steps[i]), float(f"{values[i]:.4g}")] for i in chosen]
