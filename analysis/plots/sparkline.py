"""A curve of the size of a word, as bare SVG."""

from __future__ import annotations

from html import escape

import numpy as np
import numpy.typing as npt

from analysis.plots.thin import thin


def sparkline(values: npt.ArrayLike, *, width: int = 120, height: int = 24, label: str = "") -> str:
    """Draw values as a small SVG line in the colour of the text around it.

    Parameters
    ----------
    values : array_like, shape (n,)
        NaN and infinities lift the pen. A long series is drawn by the extremes of its buckets, so that a
        spike stays.
    width, height : int
        In CSS pixels.
    label : str
        What a screen reader says; without it the line is decoration.

    Examples
    --------
    >>> svg = sparkline([1.0, 2.0, float("nan"), 0.0], width=30, height=10)
    >>> svg[svg.index(" d=") :].split('"')[1]
    'M2 5L10.7 2M28 8'
    """
    data = np.asarray(values, dtype=np.float64)
    finite = np.isfinite(data)
    meaning = f'role="img" aria-label="{escape(label)}"' if label else 'aria-hidden="true"'
    head = f'<svg class="sparkline" viewBox="0 0 {width} {height}" width="{width}" height="{height}" {meaning}>'
    if not finite.any():
        return head + "</svg>"
    low, high = float(data[finite].min()), float(data[finite].max())
    across = (width - 4) / max(data.size - 1, 1)
    down = (height - 4) / (high - low) if high > low else 0.0
    base = height - 2 if high > low else height / 2
    cuts = np.flatnonzero(np.diff(finite.astype(np.int8))) + 1
    buckets = max(width // (cuts.size // 2 + 1), 4)
    path = []
    for place, part in zip(np.split(np.arange(float(data.size)), cuts), np.split(data, cuts), strict=True):
        if np.isfinite(part[0]):
            trace = thin(place, part, buckets=buckets)
            points = zip(2 + across * trace.steps, base - down * (trace.values - low), strict=True)
            path.append("M" + "L".join(f"{x:.1f} {y:.1f}".replace(".0", "") for x, y in points))
    last = path[-1].replace("M", "L").rsplit("L", 1)[1].split()
    return (
        f'{head}<path d="{"".join(path)}" fill="none" stroke="currentColor" stroke-width="1.2" '
        f'stroke-linejoin="round"/><circle cx="{last[0]}" cy="{last[1]}" r="1.8" fill="currentColor"/></svg>'
    )
