"""Spikes: single values far above their neighbours on both sides."""

from __future__ import annotations

from dataclasses import dataclass
from math import nan

import numpy as np
import numpy.typing as npt
from numpy.lib.stride_tricks import sliding_window_view
from scipy.ndimage import median_filter, minimum_filter, percentile_filter
from scipy.special import ndtri, stdtrit

from analysis.statistics.estimate import FloatArray
from analysis.statistics.series import resolution

SPIKE_Z = 4.5

SPIKE_REACH = 10
"""Points on either side that a point is compared with."""

SPIKE_NEAR = 151
"""Points around a point that give its local spread; more in a long run, where the estimate must be more precise."""

SPIKE_SAMPLE = 100_000
"""Points from which the spread of a run is estimated; of a run n times as long, every n-th point."""

_NEAR_SHARE, _FAR = 0.25, 0.01
"""Tail probabilities of the two quantiles that measure how heavy the tails are."""

_FREEDOM = 1 / np.linspace(1 / 2, 1 / 100, 60)
"""Degrees of freedom that a tail may have, ascending: up to 2 the variance is infinite, 100 is about normal."""


@dataclass(frozen=True)
class Spikes:
    """Points far above their neighbours on both sides.

    ``index`` are positions in the series, ``z`` their height in local robust standard deviations,
    ``height`` the same in units of the series, ``threshold`` the z that was needed.
    """

    index: tuple[int, ...]
    z: tuple[float, ...]
    height: tuple[float, ...]
    threshold: float


def find_spikes(x: FloatArray, *, family_error: float = 0.01) -> Spikes:
    """Return the single values far above their neighbours on both sides (definition ``spikes``).

    A point is compared with the higher of the medians of the ten points before and after it, so that a
    steep fall, a step or a ramp is not a spike. The difference is divided by its local robust spread,
    at least the unit in which the values were logged. The threshold is at least 4.5 and grows with the
    length and the tails of the run, so that noise shows a spike with a probability of about
    ``family_error``.

    Parameters
    ----------
    x : ndarray, shape (n,)
    family_error : float
        Probability of a spike in a whole run of noise.

    Notes
    -----
    The usual ``(x − median21)/(1.4826·MAD21) > 5`` finds one in every tenth noise-only run of 300 steps,
    because a spread from 21 points is itself uncertain: here it comes from 151 points or more, as their 80th
    percentile. In a run of more than 200,000 points these are every second, third, ... one, so that they span one
    per cent of it as in a shorter run; every point is still judged, except the first three.
    """
    n = x.size
    if n < 20:
        return Spikes((), (), (), nan)
    stride = max(1, n // SPIKE_SAMPLE)
    sample = np.arange(0, n, stride)
    height = _heights(x, sample)
    near = min(sample.size, max(SPIKE_NEAR, 2 * (min(n, 50_000) // 100) + 1))
    level = median_filter(height, near, mode="reflect")
    spread = percentile_filter(np.abs(height - level), 80, near, mode="reflect") / ndtri(0.9)
    least = 0.0 if spread.any() else 1e-9 * max(float(x.max()), -float(x.min()))
    spread = np.maximum(spread, max(resolution(x[sample]), 1e-300))
    z = np.where((sample < 3) | (height <= least) & (least > 0), 0.0, (height - level) / spread)
    threshold = max(SPIKE_Z, _tail_quantile(z, family_error / n))
    at = _above(x, sample, np.maximum(level + threshold * spread, least))
    at = at[at >= 3]
    height, of = _heights(x, at), at // stride
    z = (height - level[of]) / spread[of]
    found = (z > threshold) & (height > least)
    return Spikes(tuple(at[found].tolist()), tuple(z[found].tolist()), tuple(height[found].tolist()), threshold)


def _tail_quantile(z: FloatArray, p: float) -> float:
    """Return the value that noise with the tails of ``z``, shape (n,), exceeds with probability ``p``.

    The noise is modelled by Student's t, whose degrees of freedom follow from the ratio of a far quantile of ``|z|``
    to a near one. At least three points are beyond the far one, since those may be spikes.
    """
    size = np.abs(z - np.median(z))
    far = max(_FAR, 3 / z.size)
    near_at, far_at = np.quantile(size, (1 - _NEAR_SHARE, 1 - far))
    if near_at == 0:
        return SPIKE_Z
    ratios = stdtrit(_FREEDOM, 1 - far / 2) / stdtrit(_FREEDOM, 1 - _NEAR_SHARE / 2)
    df = np.interp(far_at / near_at, ratios[::-1], _FREEDOM[::-1])
    return float(stdtrit(df, 1 - p) * near_at / stdtrit(df, 1 - _NEAR_SHARE / 2))


def _heights(x: FloatArray, at: npt.NDArray[np.int64]) -> FloatArray:
    """Return the height of points above the higher of the medians of the `SPIKE_REACH` points before and after."""
    reach, n = SPIKE_REACH, x.size
    higher = np.full(at.size, -np.inf)
    windows = sliding_window_view(x, reach)
    for first, whole in ((at - reach, at >= reach), (at + 1, at < n - reach)):
        around = np.partition(windows[first[whole]], reach // 2, axis=1)
        higher[whole] = np.maximum(higher[whole], around[:, reach // 2])
    for i in np.flatnonzero((at < reach) & (at > 0)):
        higher[i] = max(higher[i], np.median(x[: at[i]]))
    for i in np.flatnonzero((at >= n - reach) & (at < n - 3)):
        higher[i] = max(higher[i], np.median(x[at[i] + 1 :]))
    return np.asarray(x[at] - higher)


def _above(x: FloatArray, starts: npt.NDArray[np.int64], bar: FloatArray) -> npt.NDArray[np.int64]:
    """Return all points that can exceed the bar of their stretch, and few others; indices, ascending.

    A median is at least the lowest of its points: a point that exceeds the lowest one around by less than the bar is
    not a spike, and most stretches of a long run are skipped by their highest point alone.
    """
    stride = int(starts[1] - starts[0])
    lowest = minimum_filter(np.minimum.reduceat(x, starts), 2 * -(-SPIKE_REACH // stride) + 1, mode="nearest")
    bar = lowest + bar
    hot = np.flatnonzero(np.maximum.reduceat(x, starts) > bar)
    points = (starts[hot][:, None] + np.arange(stride)).ravel()
    points = points[points < x.size]
    return np.asarray(points[x[points] > bar[points // stride]])
