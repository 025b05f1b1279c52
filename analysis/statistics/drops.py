"""Drops in the level of a curve, as at steps of the learning rate, which are not noise."""

from __future__ import annotations

from statistics import NormalDist

import numpy as np

from analysis.statistics.estimate import FloatArray, Steps
from analysis.statistics.longrun import dot

DROP_REACH, DROP_SDS, MOST_DROPS, CHANCE, CLIPPED = 20, 4.0, 4, 0.01, 3.0
"""Points averaged on either side of a jump; least size of a drop, in standard deviations of the jumps; largest number
of drops; chance that the largest jump of a long series without a drop is taken for one; standard deviations at which
points are clipped, so that one spike is not a drop."""


def without_drops(x: FloatArray, t: Steps) -> tuple[FloatArray, list[int]]:
    """Return a series with the drops of its level removed, and the index of the first point after each.

    A drop is a jump between the means of the 20 points before and after it that exceeds `DROP_SDS` standard deviations
    of all such jumps of the series, or what the largest of so many reaches by chance if that is more: autocorrelated
    noise has large jumps everywhere. Sizes of drops are fitted together with a parabola.
    """
    abrupt = max(DROP_SDS, -NormalDist().inv_cdf(CHANCE / x.size))
    u = (t - t[0]) / max(float(t[-1] - t[0]), 1.0)
    terms = [np.ones(x.size), u, u * u]
    level, places = x, list[int]()
    while len(terms) < 3 + MOST_DROPS:
        found, *_ = np.linalg.lstsq(*_normal(terms, x))
        level = x - sum((c * drop for c, drop in zip(found[3:], terms[3:], strict=True)), start=np.zeros(x.size))
        rest = level - sum((c * term for c, term in zip(found[:3], terms[:3], strict=True)), start=np.zeros(x.size))
        most = CLIPPED * float(np.median(np.abs(rest))) / 0.6745
        left = np.cumsum(np.concatenate([[0.0], np.clip(rest, -most, most)]))
        middle = left[DROP_REACH:-DROP_REACH]
        jumps = np.abs(left[2 * DROP_REACH :] + left[: -2 * DROP_REACH] - 2 * middle)
        usual = float(np.median(jumps)) / 0.6745
        if not jumps.max() > abrupt * usual:
            break
        places.append(DROP_REACH + int(jumps.argmax()))
        terms.append((np.arange(x.size) >= places[-1]).astype(np.float64))
    return level, places


def _normal(terms: list[FloatArray], x: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return the normal equations of a fit of a few terms, shapes (k, k) and (k,)."""
    return np.array([[dot(a, b) for b in terms] for a in terms]), np.array([dot(a, x) for a in terms])
