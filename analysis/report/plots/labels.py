"""Labels beside the ends of curves, moved apart so that they do not overlap."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from analysis.core.run import FloatArray
from analysis.report.plots.theme import INK, SMALL, RunStyle

_TURN, _PLACE = 7.0, 13.0
"""Positions of the bend of the leader and of the label's marker, in points beyond the axes."""

_NEAR = 0.9
"""A curve that ends beyond this share of the width is next to its label and needs no marker at its end."""


@dataclass(frozen=True)
class End:
    """The last point of a curve, in data coordinates, and its label."""

    x: float
    y: float
    text: str
    style: RunStyle


def label_ends(ax: Axes, ends: Sequence[End]) -> None:
    """Write each label at the right edge, at the height of the end of its curve; to be called last."""
    if not ends:
        return
    ax.get_xlim(), ax.get_ylim()  # matplotlib computes autoscaled limits only when they are read
    to_fraction = ax.transScale + ax.transLimits
    points = to_fraction.transform(np.array([(end.x, end.y) for end in ends], dtype=np.float64))
    box, page = ax.get_position(), ax.figure.get_size_inches()  # type: ignore[union-attr]
    width, height = box.width * page[0] * 72, box.height * page[1] * 72
    turn, place = 1 + _TURN / width, 1 + _PLACE / width
    levels = dodge(points[:, 1], gap=1.3 * SMALL / height, low=0.0, high=1.0)
    for end, (x, y), level in zip(ends, points, levels, strict=True):
        ax.add_artist(
            Line2D(
                (x, turn, place),
                (y, level, level),
                transform=ax.transAxes,
                color=end.style.color,
                linewidth=0.8,
                linestyle=(0, (1, 2)),
                marker=end.style.marker,
                markersize=5.5,
                markevery=[0, 2] if x < _NEAR else [2],
                clip_on=False,
            )
        )
        ax.annotate(
            end.text,
            (place, level),
            xycoords="axes fraction",
            xytext=(5, 0),
            textcoords="offset points",
            va="center_baseline",
            fontsize=SMALL,
            color=INK,
            annotation_clip=False,
        )


def dodge(wanted: FloatArray, *, gap: float, low: float, high: float) -> FloatArray:
    """Return positions moved apart as little as needed, in the same order.

    Labels that touch become a block around the mean of the wanted positions of its members.

    Parameters
    ----------
    wanted : ndarray, shape (n,)
        Wanted positions.
    gap : float
        Least distance; smaller if n labels do not fit between ``low`` and ``high``.

    Examples
    --------
    >>> dodge(np.array([0.5, 0.5, 0.0]), gap=0.2, low=0.0, high=1.0).round(2).tolist()
    [0.4, 0.6, 0.0]
    """
    count = wanted.size
    gap = min(gap, (high - low) / max(count - 1, 1))
    order = np.argsort(wanted, kind="stable")
    blocks: list[list[float]] = []  # [sum of (wanted - offset), members]
    for value in wanted[order]:
        blocks.append([float(value), 1])
        while len(blocks) > 1 and _start(blocks[-1], gap, low, high) < (
            _start(blocks[-2], gap, low, high) + gap * blocks[-2][1]
        ):
            total, members = blocks.pop()
            blocks[-1][0] += total - members * gap * blocks[-1][1]
            blocks[-1][1] += members
    placed = np.empty(count)
    flat = [_start(b, gap, low, high) + gap * k for b in blocks for k in range(int(b[1]))]
    placed[order] = flat
    return placed


def _start(block: list[float], gap: float, low: float, high: float) -> float:
    total, members = block
    return float(np.clip(total / members, low, high - gap * (members - 1)))
