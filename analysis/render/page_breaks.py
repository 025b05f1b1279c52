"""Where a drawing that is taller than a page can be cut: between its lines of text."""

from __future__ import annotations

import re
from itertools import pairwise

_VIEW_BOX = re.compile(r'<svg\b[^>]*\sviewBox="[\d.-]+ [\d.-]+ ([\d.]+) ([\d.]+)"')
_TEXT = re.compile(r"<text\b[^>]*>")
_SHIFT = re.compile(r"translate\([\d.-]+[ ,]+([\d.-]+)\)")
_LEVEL = re.compile(r'\sy="([\d.-]+)"')
_DESCENT = 0.3


def slices(svg: str, *, tallest: float) -> list[float]:
    """Cut a drawing into parts that fit a page, each at the widest gap between lines of text.

    Parameters
    ----------
    svg : str
        A drawing with a view box, and its text as text.
    tallest : float
        Greatest height of a part, as a multiple of the drawing's width.

    Returns
    -------
    list of float
        Ends of the parts as fractions of the height, ascending, the last 1. A part without such a
        gap is cut at its greatest height.

    Examples
    --------
    >>> rows = "".join(f'<text y="{y}">a</text>' for y in (10, 20, 90, 100, 110))
    >>> slices(f'<svg viewBox="0 0 100 120">{rows}</svg>', tallest=1.0)
    [0.4166666666666667, 1.0]
    """
    box = _VIEW_BOX.search(svg)
    if box is None:
        return [1.0]
    width, height = float(box[1]), float(box[2])
    levels = sorted({level for tag in _TEXT.findall(svg) if (level := _height_of(tag)) is not None})
    ends, start, limit = [], 0.0, tallest * width
    while height - start > limit:
        start = _cut(levels, low=start + limit / 2, high=start + limit)
        ends.append(start / height)
    return [*ends, 1.0]


def _cut(levels: list[float], *, low: float, high: float) -> float:
    gaps = [(below - above, above, below) for above, below in pairwise(levels) if low < below and above < high]
    if not gaps:
        return high
    gap, above, _ = max(gaps)
    # Letters stand on their line: what is free lies nearer to the line above.
    return min(high, max(low, above + _DESCENT * gap))


def _height_of(tag: str) -> float | None:
    found = _SHIFT.search(tag) or _LEVEL.search(tag)
    return float(found[1]) if found else None
