"""Cuts of a drawing that is taller than a page, between its lines of text."""

from __future__ import annotations

import re
from itertools import pairwise

_VIEW_BOX = re.compile(r'<svg\b[^>]*\sviewBox="[\d.-]+ [\d.-]+ ([\d.]+) ([\d.]+)"')
_TEXT = re.compile(r"<text\b[^>]*>")
_SHIFT = re.compile(r"translate\([\d.-]+[ ,]+([\d.-]+)\)")
_LEVEL = re.compile(r'\sy="([\d.-]+)"')
_DESCENT, _AS_WIDE = 0.3, 0.9
_LEAST = 0.15
"""Least height of a part, as a share of the greatest."""


def slices(svg: str, *, tallest: float) -> list[float]:
    """Return where to cut a drawing that is taller than a page, at the widest gaps between lines of text.

    The widest gaps are those between panels; a part ends after as many panels as fit.

    Parameters
    ----------
    svg : str
        A drawing with a view box and with text as text.
    tallest : float
        Greatest height of a part, as a multiple of the drawing's width.

    Returns
    -------
    list of float
        Ends of the parts as fractions of the height, ascending, the last 1. A part without such a gap is cut at the
        greatest height.

    Examples
    --------
    >>> rows = "".join(f'<text y="{y}">a</text>' for y in (10, 20, 90, 100, 110))
    >>> slices(f'<svg viewBox="0 0 100 120">{rows}</svg>', tallest=1.0)
    [0.3416666666666667, 1.0]
    """
    box = _VIEW_BOX.search(svg)
    if box is None:
        return [1.0]
    width, height = float(box[1]), float(box[2])
    levels = sorted({level for tag in _TEXT.findall(svg) if (level := _height_of(tag)) is not None})
    ends, start, limit = [], 0.0, tallest * width
    gaps = list(pairwise(levels))
    widest = max((below - above for above, below in gaps), default=0.0)
    panels = [_between(above, below) for above, below in gaps if below - above >= _AS_WIDE * widest]
    while height > limit and start < height - _LEAST * limit:
        fitting = (end for end in panels if start + _LEAST * limit < end <= min(start + limit, height - _LEAST * limit))
        end = next(fitting, height)
        start = end if end - start <= limit else _cut(gaps, low=start + limit / 2, high=start + limit)
        ends.append(start / height)
    return [*ends[:-1], 1.0]


def _cut(gaps: list[tuple[float, float]], *, low: float, high: float) -> float:
    fitting = [(below - above, above, below) for above, below in gaps if low < below and above < high]
    return min(high, max(low, _between(*max(fitting)[1:]))) if fitting else high


def _between(above: float, below: float) -> float:
    # Letters are above their baseline, so the free space is nearer to the line above.
    return above + _DESCENT * (below - above)


def _height_of(tag: str) -> float | None:
    found = _SHIFT.search(tag) or _LEVEL.search(tag)
    return float(found[1]) if found else None
