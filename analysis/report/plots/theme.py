"""Theme of all figures, and one colour, line style and marker per run."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Literal

import matplotlib as mpl
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator

from analysis.core.run_names import name_among

INK, MUTED, GRID = "#1f2430", "#6b7280", "#e5e7eb"
"""Text and axes, secondary text, grid lines. The page swaps exactly these three in its dark mode."""

PALETTE = ("#0072b2", "#d55e00", "#009e73", "#8c5a2b", "#993df5", "#d75af6", "#ab8e49", "#e0245d")
"""Baseline, candidate, then the others; contrast of at least 3 to 1 against white and against #14171f."""

OTHER = "#8a909c"
"""Grey for runs beyond the number that a reader can distinguish."""

_DASHES: tuple[Any, ...] = (
    (0, (6, 1.5)),
    "-",
    (0, (2, 1.2)),
    (0, (6, 1.5, 1.5, 1.5)),
    (0, (3.5, 1, 1, 1, 1, 1)),
    (0, (10, 2)),
    (0, (1, 1)),
    (0, (8, 1.5, 3, 1.5)),
)
_MARKERS = ("o", "s", "^", "v", "P", "X", "<", ">")

FONT_SIZE, SMALL = 9.5, 8.5


@dataclass(frozen=True)
class RunStyle:
    """Style of one run in all figures."""

    color: str
    dash: Any
    marker: str
    named: bool = True
    """False for one of many grey runs."""


def run_colors(run_ids: Sequence[str], *, candidate: str | None = None, baseline: str | None = None) -> dict[str, str]:
    """Return one colour per run ID, the same in every figure and on the page.

    Parameters
    ----------
    run_ids : sequence of str
        In the order of the report. With more than eight, all except candidate and baseline are grey.
    candidate, baseline : str, optional
        Default to the last and the first.

    Examples
    --------
    >>> run_colors(["a", "b", "c"], candidate="c", baseline="b")
    {'a': '#009e73', 'b': '#0072b2', 'c': '#d55e00'}
    """
    styles = run_styles(run_ids, candidate=candidate, baseline=baseline)
    return {run: style.color for run, style in styles.items()}


def run_styles(
    run_ids: Sequence[str], *, candidate: str | None = None, baseline: str | None = None
) -> dict[str, RunStyle]:
    """Return colour, line style and marker per run ID, so that no two differ by colour alone."""
    candidate = candidate if candidate is not None else run_ids[-1]
    if baseline is None or baseline == candidate:
        baseline = next((run for run in run_ids if run != candidate), None)
    order = [*((baseline,) if baseline in run_ids else ()), candidate]
    order += [run for run in run_ids if run not in order]
    if baseline not in run_ids:
        order.insert(0, "")
    crowded = len(run_ids) > len(PALETTE)
    ranks = {run: rank for rank, run in enumerate(order)}
    return {run: _style(ranks[run], crowded=crowded) for run in run_ids}


def _style(rank: int, *, crowded: bool) -> RunStyle:
    if crowded and rank > 1:
        return RunStyle(OTHER, "-", ".", named=False)
    return RunStyle(PALETTE[rank], _DASHES[rank], _MARKERS[rank])


def short_name(run_id: str, *, width: int = 18) -> str:
    """Return the name of a run to fit beside a curve: printable, and shortened in the middle.

    Examples
    --------
    >>> short_name("run_4"), short_name("experiment-with-a-long-name-seed-7")
    ('Run 4', 'experimen…e-seed-7')
    """
    name = printable(name_among(run_id))
    if columns(name) <= width:
        return name
    width = width * len(name) // columns(name)
    tail = (width - 1) // 2
    return f"{name[: width - 1 - tail]}…{name[-tail:]}"


def columns(text: str) -> int:
    """Return the number of columns of a text; wide East Asian characters take two.

    Examples
    --------
    >>> columns("run"), columns("\u5b66\u4e60")
    (3, 4)
    """
    return len(text) + sum(unicodedata.east_asian_width(letter) in "WF" for letter in text)


def printable(text: str) -> str:
    """Replace control characters and line breaks, which are invalid in labels and XML, by spaces."""
    return "".join(" " if unicodedata.category(c)[0] in "CZ" else c for c in text).strip()


def style() -> AbstractContextManager[None]:
    """Return a context in which the theme applies; global settings are restored afterwards."""
    ours: Any = {**sns.axes_style("ticks"), **sns.plotting_context("paper"), **_SETTINGS}
    kept = {name: value for name, value in mpl.rcParamsDefault.items() if name not in _OF_THE_PROCESS}
    return mpl.rc_context({**kept, **ours})  # from the defaults, so that no matplotlibrc of a user has an effect


_OF_THE_PROCESS = {"backend", "backend_fallback", "interactive", "toolbar", "timezone"}


_SETTINGS: dict[str, Any] = {
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans", "Verdana", "sans-serif"],
    "font.size": FONT_SIZE,
    "axes.labelsize": SMALL,
    "axes.titlesize": FONT_SIZE + 1,
    "xtick.labelsize": SMALL,
    "ytick.labelsize": SMALL,
    "text.color": INK,
    "text.parse_math": False,
    "axes.labelcolor": MUTED,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "axes.edgecolor": MUTED,
    "axes.facecolor": "none",
    "figure.facecolor": "none",
    "axes.linewidth": 0.8,
    "axes.grid": False,
    "axes.unicode_minus": True,
    "axes.formatter.useoffset": False,
    "axes.xmargin": 0.01,
    "xtick.major.size": 3,
    "ytick.major.size": 3,
    "lines.solid_capstyle": "butt",
    "svg.fonttype": "none",
    "svg.image_inline": True,
    "path.simplify": True,
}


def new_panels(rows: int, columns: int, *, size: tuple[float, float], margins: Margins) -> tuple[Figure, list[Axes]]:
    """Return a figure and its equal panels, laid out in inches; a layout engine would draw everything twice."""
    figure = Figure(figsize=size)
    width, height = size[0] / columns, size[1] / rows
    panels = []
    for index in range(rows * columns):
        row, column = divmod(index, columns)
        left, bottom = column * width + margins.left, size[1] - (row + 1) * height + margins.bottom
        box = (width - margins.left - margins.right, height - margins.top - margins.bottom)
        ax = figure.add_axes((left / size[0], bottom / size[1], box[0] / size[0], box[1] / size[1]))
        sns.despine(ax=ax)
        ax.patch.set_visible(False)
        panels.append(ax)
    return figure, panels


@dataclass(frozen=True)
class Margins:
    """Space around each panel, in inches."""

    left: float = 0.62
    right: float = 0.25
    top: float = 0.62
    bottom: float = 0.45


def title(ax: Axes, text: str, *, note: str = "") -> None:
    """Write the title of a panel and, smaller beneath, a note on how to read it."""
    lines = note.count("\n") + 1 if note else 0
    ax.annotate(
        text,
        (0, 1),
        xytext=(-0.42 * 72, 10 + 11 * lines),
        xycoords="axes fraction",
        textcoords="offset points",
        fontweight="bold",
        fontsize=FONT_SIZE + 1,
        annotation_clip=False,
    )
    if note:
        ax.annotate(
            note,
            (0, 1),
            xytext=(-0.42 * 72, 8),
            xycoords="axes fraction",
            textcoords="offset points",
            color=MUTED,
            fontsize=SMALL - 0.5,
            linespacing=1.25,
            annotation_clip=False,
        )


def say(ax: Axes, text: str) -> None:
    """Write a text in place of a drawing."""
    ax.set_axis_off()
    ax.text(0.5, 0.5, text, transform=ax.transAxes, ha="center", va="center", color=MUTED)


def grid(ax: Axes, axis: Literal["x", "y"] = "y") -> None:
    """Draw faint grid lines behind everything, instead of tick marks."""
    ax.set_axisbelow(True)
    ax.grid(visible=True, axis=axis, color=GRID, linewidth=0.8)
    ax.tick_params(axis="both" if axis == "x" else "y", left=False, bottom=axis != "x")


def step_axis(ax: Axes, unit: str = "step") -> None:
    """Label the horizontal axis in steps or epochs, with short numbers."""
    ax.xaxis.set_major_locator(MaxNLocator(5, integer=True, steps=[1, 2, 2.5, 5, 10]))
    ax.xaxis.set_major_formatter(FuncFormatter(lambda value, _: short_number(value)))
    ax.set_xlabel(unit, labelpad=2)


def short_number(value: float) -> str:
    """Format a count in few characters.

    Examples
    --------
    >>> short_number(700), short_number(9_500), short_number(25_000), short_number(2_500_000)
    ('700', '9,500', '25 k', '2.5 M')
    """
    for limit, unit in ((1e9, " G"), (1e6, " M"), (1e4, " k")):
        if abs(value) >= limit:
            divisor = 1e3 if unit == " k" else limit
            return f"{value / divisor:.4g}{unit}"
    return f"{value:,.0f}" if value == round(value) else f"{value:g}"
