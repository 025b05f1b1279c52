"""What a single series shows by itself: oscillation, direction changes, rolling noise, spikes, burn-in."""

from __future__ import annotations

from dataclasses import dataclass
from math import nan, sqrt

import numpy as np
from scipy.ndimage import median_filter, percentile_filter
from scipy.special import ndtr, ndtri

from analysis.statistics.estimate import BoolArray, Estimate, FloatArray, estimate, t_quantile, unknown
from analysis.statistics.longrun import cosine_variance, fit_line

OSCILLATION = 0.01
BURN_IN_Z = 3.5
SPIKE_Z = 4.5
SPIKE_REACH = 10
"""Points on either side with which a point is compared to be called a spike."""
SPIKE_NEAR = 151
"""Points around it that tell the spread; more in a long run, where chance needs a surer one."""


def oscillates(x: FloatArray, breaks: BoolArray | None = None, *, threshold: float = OSCILLATION) -> FloatArray:
    """Mark the transitions that change by more than ``threshold``, as 0.0 and 1.0 in step order.

    Parameters
    ----------
    x : ndarray, shape (n,)
        A series without NaN.
    breaks : ndarray of bool, shape (n,), optional
        True where a value must not be compared with the one before it (a seam or a gap).

    Returns
    -------
    ndarray, shape (usable transitions,)
        Transitions from zero or across a break are left out.
    """
    usable = x[:-1] != 0
    if breaks is not None:
        usable &= ~breaks[1:]
    before, after = x[:-1], x[1:]
    if not usable.all():
        before, after = before[usable], after[usable]
    return (np.abs(after / before - 1) > threshold).astype(np.float64)


def oscillation_rate(x: FloatArray, breaks: BoolArray | None = None, *, threshold: float = OSCILLATION) -> Estimate:
    """Estimate the share of transitions that change by more than ``threshold`` (osc.rate).

    The standard error comes from the cosine estimator on the 0/1 indicator, which sees its dependence,
    and is never below the binomial one.

    Examples
    --------
    >>> oscillation_rate(np.array([1.0, 1.02] * 50)).value
    1.0
    """
    hits = oscillates(x, breaks, threshold=threshold)
    n = hits.size
    if n < 5:
        return unknown("osc.rate", "fewer than 5 transitions", value=float(hits.mean()) if n else nan, n=n)
    rate = float(hits.mean())
    variance, df = cosine_variance(hits - rate)
    # A rate of 0 or 1 has no spread of its own: half an event keeps the error above zero.
    p = min(max(rate, 0.5 / n), 1 - 0.5 / n)
    result = estimate("osc.rate", rate, sqrt(max(variance, p * (1 - p)) / n), df, n)
    return Estimate("osc.rate", rate, max(result.low, 0.0), min(result.high, 1.0), result.se, df, n)


def oscillation_rate_of_noise(relative_noise: float, *, threshold: float = OSCILLATION) -> float:
    """Give the oscillation rate of white noise with coefficient of variation ``s/mean`` (osc.expected).

    Examples
    --------
    >>> round(oscillation_rate_of_noise(0.08), 2)
    0.93
    """
    if not relative_noise > 0:
        return 0.0
    return float(2 - 2 * ndtr(threshold / (sqrt(2) * relative_noise)))


def direction_change_rate(x: FloatArray, breaks: BoolArray | None = None) -> Estimate:
    """Estimate the share of inner points at which the curve turns (dir.rate).

    ``p`` tests white noise: two thirds turn, Var(count) = (16n − 29)/90. A flat step is no turn.

    Examples
    --------
    >>> direction_change_rate(np.array([0.0, 1.0] * 20)).value
    1.0
    """
    n = x.size
    if n < 5:
        return unknown("dir.rate", "fewer than 5 points", n=n)
    steps = np.diff(x)
    inner = np.ones(n - 2, dtype=bool)
    if breaks is not None:
        inner = ~(breaks[1:-1] | breaks[2:])
    count = int(inner.sum())
    if count < 3:
        return unknown("dir.rate", "fewer than 3 points with both neighbours", n=count)
    rate = float((steps[:-1] * steps[1:] < 0)[inner].mean())
    spread = sqrt((16 * (count + 2) - 29) / 90) / count
    result = estimate("dir.rate", rate, spread, float("inf"), count)
    z = abs(rate - 2 / 3) / spread
    return Estimate(
        "dir.rate",
        rate,
        max(result.low, 0.0),
        min(result.high, 1.0),
        spread,
        result.df,
        count,
        p=float(2 * ndtr(-z)),
    )


def rolling_sd(x: FloatArray, *, window: int = 20) -> FloatArray:
    """Give the standard deviation (ddof 1) of every window of consecutive values.

    Works in blocks that stay in the processor's cache, each centred on one of its own values, so that a
    constant gives exactly zero and large levels lose no digits.

    Parameters
    ----------
    x : ndarray, shape (n,)
    window : int
        At least 2.

    Returns
    -------
    ndarray, shape (max(n - window + 1, 0),)

    Examples
    --------
    >>> rolling_sd(np.array([1.0, 2.0, 3.0, 5.0]), window=3)
    array([1.        , 1.52752523])
    """
    count = max(x.size - window + 1, 0)
    out = np.empty(count)
    block = 8192
    for start in range(0, count, block):
        part = x[start : start + block + window - 1]
        y = part - part[part.size // 2]
        total, squares = _window_sum(y, window), _window_sum(y * y, window)
        variance = (squares - total * total / window) / (window - 1)
        np.sqrt(np.maximum(variance, 0.0), out=out[start : start + block])
    return out


def _window_sum(y: FloatArray, window: int) -> FloatArray:
    """Sum every window by doubling: log2(window) additions, none of which mixes distant values."""
    size = y.size - window + 1
    result: FloatArray | None = None
    offset, power, doubled = 0, 1, y
    while power <= window:
        if window & power:
            piece = doubled[offset : offset + size]
            result = piece.copy() if result is None else result + piece
            offset += power
        doubled = doubled[:-power] + doubled[power:] if doubled.size > power else doubled
        power *= 2
    assert result is not None
    return result


def burn_in(x: FloatArray, steps: FloatArray | None = None) -> int:
    """Count the rows at the start that belong to another regime (data.burn_in).

    The trend of the last three quarters is drawn back over the first quarter. As long as the sum of the
    departures from it is beyond 3.5 standard errors (autocorrelation and the error of the line included),
    the point of largest departure closes the burn-in and the search goes on behind it. A run that falls
    steadily all the way therefore has none.

    Parameters
    ----------
    x : ndarray, shape (n,)
    steps : ndarray, shape (n,), optional
        Positions; equal spacing without.

    Returns
    -------
    int
        Rows to leave out, at most n // 4; 0 for fewer than 20 points.
    """
    n = x.size
    if n < 20:
        return 0
    quarter = n // 4
    t = np.arange(n, dtype=np.float64) if steps is None else steps
    line = fit_line(x[quarter:], t[quarter:])
    sigma = line.s * sqrt((1 + line.rho) / (1 - line.rho))
    head = t[:quarter]
    departure = x[:quarter] - line.at(head)
    if sigma == 0:
        apart = np.flatnonzero(np.abs(departure) > 1e-12 * max(abs(line.mean), 1e-300))
        return int(apart[-1]) + 1 if apart.size else 0
    # Few independent points leave sigma unsure: then as many of them as make the same chance.
    independent = (n - quarter) * (1 - line.rho) / (1 + line.rho)
    needed = t_quantile(float(ndtr(BURN_IN_Z)), max(independent - 2, 1.0))
    start = 0
    while start < quarter:
        k = np.arange(1, quarter - start + 1)
        total = np.cumsum(departure[start:])
        centre = np.cumsum(head[start:]) / k - line.centre
        variance = k * (1 + k * (1 / (n - quarter) + centre**2 / line.spread))
        z = np.abs(total) / (sigma * np.sqrt(variance))
        best = int(z.argmax())
        if z[best] < needed:
            break
        start += best + 1
    return start


@dataclass(frozen=True)
class Spikes:
    """Points far above what stands on both sides of them.

    ``index`` are positions in the series, ``z`` their height in local robust standard deviations,
    ``height`` in units of the series, ``threshold`` the z that was needed.
    """

    index: tuple[int, ...]
    z: tuple[float, ...]
    height: tuple[float, ...]
    threshold: float


def find_spikes(x: FloatArray, *, family_error: float = 0.01) -> Spikes:
    """Find single values far above both of their sides (spikes).

    A point is compared with the higher of the medians of the ten points before and after it, so that a
    steep fall, a step and a ramp are no spikes. The difference is divided by its local robust spread.
    The threshold is at least 4.5, grows with the length so that normal noise shows a spike with a
    probability below ``family_error``, and widens with the run's own 90th and 97.5th percentile where its
    noise has a heavier tail than that.

    Parameters
    ----------
    x : ndarray, shape (n,)
    family_error : float
        Chance of a spike in a whole run of normal noise.

    Notes
    -----
    The usual ``(x − median21)/(1.4826·MAD21) > 5`` finds one in every tenth noise-only run of 300 steps,
    because a spread from 21 points is itself so uncertain: here it comes from 151 points, as their 80th
    percentile.
    The first three points cannot be judged.
    """
    n = x.size
    if n < 20:
        return Spikes((), (), (), nan)
    reach = SPIKE_REACH
    height = x - _higher_side(x, reach)
    near = min(n, max(SPIKE_NEAR, 2 * (min(n, 50_000) // 100) + 1))
    level = median_filter(height, near, mode="reflect")
    spread = percentile_filter(np.abs(height - level), 80, near, mode="reflect") / ndtri(0.9)
    floor = 1e-9 * float(np.abs(x).max())
    z = (height - level) / np.maximum(spread, max(floor, 1e-300))
    z[:3] = 0.0
    if not spread.any():
        z[height <= floor] = 0.0
    q50, q90, q975 = np.quantile(z, (0.5, 0.9, 0.975))
    inner, outer = (q90 - q50) / ndtri(0.9), (q975 - q50) / ndtri(0.975)
    # How much wider the tail is than a normal one, and as much again as it still widens outwards.
    heavier = max(1.0, inner, outer) * max(1.0, outer / inner if inner > 0 else 1.0)
    threshold = float(heavier * max(SPIKE_Z, -ndtri(family_error / n)))
    found = np.flatnonzero((z > threshold) & (height > 0))
    return Spikes(
        tuple(int(i) for i in found),
        tuple(float(v) for v in z[found]),
        tuple(float(v) for v in height[found]),
        threshold,
    )


def _higher_side(x: FloatArray, reach: int) -> FloatArray:
    """Give the higher of the medians of the ``reach`` points before and after each point."""
    n = x.size
    centred = median_filter(x, reach, mode="nearest", origin=0)
    # median_filter with an even size covers t − reach/2 … t + reach/2 − 1.
    half = reach // 2
    before = np.full(n, -np.inf)
    after = np.full(n, -np.inf)
    before[reach:] = centred[half : n - half]
    after[: n - reach] = centred[half + 1 : n - half + 1]
    for t in range(1, min(reach, n)):
        before[t] = np.median(x[:t])
        if t >= 3:
            after[n - 1 - t] = np.median(x[n - t :])
    return np.asarray(np.maximum(before, after))
