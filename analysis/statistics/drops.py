"""Where the level of a curve drops, as it does where the learning rate does: that is no noise."""

from __future__ import annotations

from statistics import NormalDist

import numpy as np

from analysis.statistics.estimate import FloatArray, Steps
from analysis.statistics.longrun import dot

BESIDE, ABRUPT, MOST_DROPS, CHANCE, CLIPPED = 20, 4.0, 4, 0.01, 3.0
"""Points on either side between which the level jumps; how far beyond the usual jump a drop is at least; the most
drops; the chance that the largest jump of a long series without a drop is taken for one; and at how many standard
deviations a point is clipped: one spike is no drop."""


def without_drops(x: FloatArray, t: Steps) -> tuple[FloatArray, list[int]]:
    """Take the drops of the level out of a series, and return the places of the first points after them.

    A drop is a jump between the means of 20 points before and 20 after that stands out among all such jumps of the
    series by `ABRUPT` of their standard deviations, or by what the largest of so many reaches by chance: dependent
    noise has large ones everywhere. Sizes are fitted beside the parabola.
    """
    abrupt = max(ABRUPT, -NormalDist().inv_cdf(CHANCE / x.size))
    u = (t - t[0]) / max(float(t[-1] - t[0]), 1.0)
    terms = [np.ones(x.size), u, u * u]
    level, places = x, list[int]()
    while len(terms) < 3 + MOST_DROPS:
        found, *_ = np.linalg.lstsq(*_normal(terms, x))
        level = x - sum((c * drop for c, drop in zip(found[3:], terms[3:], strict=True)), start=np.zeros(x.size))
        rest = level - sum((c * term for c, term in zip(found[:3], terms[:3], strict=True)), start=np.zeros(x.size))
        most = CLIPPED * float(np.median(np.abs(rest))) / 0.6745
        left = np.cumsum(np.concatenate([[0.0], np.clip(rest, -most, most)]))
        middle = left[BESIDE:-BESIDE]
        jumps = np.abs(left[2 * BESIDE :] + left[: -2 * BESIDE] - 2 * middle)
        usual = float(np.median(jumps)) / 0.6745
        if not jumps.max() > abrupt * usual:
            break
        places.append(BESIDE + int(jumps.argmax()))
        terms.append((np.arange(x.size) >= places[-1]).astype(np.float64))
    return level, places


def _normal(terms: list[FloatArray], x: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return the normal equations of a fit of a few terms, shapes (k, k) and (k,)."""
    return np.array([[dot(a, b) for b in terms] for a in terms]), np.array([dot(a, x) for a in terms])
