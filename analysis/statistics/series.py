"""Properties of a single series: oscillation, direction changes, rolling noise, scatter, burn-in."""

from __future__ import annotations

from math import frexp, nan, sqrt

import numpy as np
import numpy.typing as npt
from scipy.special import ndtr

from analysis.statistics.estimate import BoolArray, Estimate, FloatArray, Steps, estimate, t_quantile, unknown
from analysis.statistics.longrun import cosine_variance, fit_line

OSCILLATION = 0.01
BURN_IN_Z = 3.5
BURN_IN_PLACES = 20_000
"""Largest number of places at which a burn-in may end; in longer series these are several points apart."""
_NEAR = 8192
"""Rows whose rolling deviations are computed relative to one level."""
_SQUARED_SAFELY = 400
"""Binary exponent up to which values can be squared and summed within the range of a double."""


def oscillates(x: FloatArray, breaks: BoolArray | None = None, *, threshold: float = OSCILLATION) -> BoolArray:
    """Return True for each transition whose relative change exceeds ``threshold``, in step order.

    Parameters
    ----------
    x : ndarray, shape (n,)
        A series without NaN.
    breaks : ndarray of bool, shape (n,), optional
        True for a value that must not be compared with the one before it (a seam or a gap).

    Returns
    -------
    ndarray of bool, shape (usable transitions,)
        Transitions from zero or across a break are left out.

    Examples
    --------
    >>> oscillates(np.array([1.0, 1.02, 1.02, 0.0, 5.0]))
    array([ True, False,  True])
    """
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        marks = np.abs(x[1:] / x[:-1] - 1) > threshold
    usable = x[:-1] != 0
    if breaks is not None:
        usable &= ~breaks[1:]
    return np.asarray(marks[usable])


def oscillation_rate(x: FloatArray, breaks: BoolArray | None = None, *, threshold: float = OSCILLATION) -> Estimate:
    """Estimate the share of transitions whose relative change exceeds ``threshold`` (osc.rate).

    The standard error is that of the cosine estimator on the 0/1 indicator, which accounts for autocorrelation,
    and at least the binomial one.

    Examples
    --------
    >>> oscillation_rate(np.array([1.0, 1.02] * 50)).value
    1.0
    """
    hits = oscillates(x, breaks, threshold=threshold)
    n = hits.size
    if n < 5:
        return unknown("osc.rate", "fewer than 5 transitions", value=int(np.count_nonzero(hits)) / n if n else nan, n=n)
    rate = int(np.count_nonzero(hits)) / n
    variance, df = cosine_variance(hits)
    # A rate of 0 or 1 has no spread: half an event keeps the error above zero.
    p = min(max(rate, 0.5 / n), 1 - 0.5 / n)
    result = estimate("osc.rate", rate, sqrt(max(variance, p * (1 - p)) / n), df, n)
    return Estimate("osc.rate", rate, max(result.low, 0.0), min(result.high, 1.0), result.se, df, n)


def oscillation_rate_of_noise(relative_noise: float, *, threshold: float = OSCILLATION) -> float:
    """Return the oscillation rate of white noise whose coefficient of variation is ``s/mean`` (osc.expected).

    Examples
    --------
    >>> round(oscillation_rate_of_noise(0.08), 2)
    0.93
    """
    if not relative_noise > 0:
        return 0.0
    return float(2 - 2 * ndtr(threshold / (sqrt(2) * relative_noise)))


def direction_change_rate(x: FloatArray, breaks: BoolArray | None = None) -> Estimate:
    """Estimate the share of inner points that are turning points (dir.rate).

    ``p`` tests white noise (turning point test): two thirds turn, Var(count) = (16n − 29)/90. A flat step is no turn.

    Examples
    --------
    >>> direction_change_rate(np.array([0.0, 1.0] * 20)).value
    1.0
    """
    n = x.size
    if n < 5:
        return unknown("dir.rate", "fewer than 5 points", n=n)
    steps = np.diff(x)
    turns = steps[:-1] * steps[1:] < 0
    if breaks is not None:
        turns = turns[~(breaks[1:-1] | breaks[2:])]
    turned, count = int(np.count_nonzero(turns)), turns.size
    if count < 3:
        return unknown("dir.rate", "fewer than 3 points with both neighbours", n=count)
    rate = turned / count
    spread = sqrt((16 * (count + 2) - 29) / 90) / count
    result = estimate("dir.rate", rate, spread, float("inf"), count)
    z = abs(rate - 2 / 3) / spread
    return Estimate(
        "dir.rate", rate, max(result.low, 0.0), min(result.high, 1.0), spread, result.df, count, p=float(2 * ndtr(-z))
    )


def rolling_sd(x: FloatArray, *, window: int = 20) -> FloatArray:
    """Return the standard deviation (ddof 1) of each window of consecutive values.

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
    found = [np.empty(0)]
    # In pieces, each relative to one of its values: a constant gives exactly zero, and a large level costs no digits.
    # A jump does cost digits within its piece, so pieces are small.
    for start in range(0, x.size - window + 1, _NEAR):
        part = x[start : start + _NEAR + window - 1]
        exponent = frexp(max(float(part.max()), -float(part.min())))[1]
        # Scale values whose squares would overflow or underflow by a power of two, which is exact.
        shift = 0 if abs(exponent) < _SQUARED_SAFELY else exponent
        part = np.ldexp(part, -shift)
        y = part - part[part.size // 2]
        total, squares = (np.convolve(v, np.ones(window), "valid") for v in (y, y * y))
        variance = (squares * window - total * total) / (window * (window - 1))
        found.append(np.ldexp(np.sqrt(np.maximum(variance, 0.0)), shift))
    return np.concatenate(found)


def spacings(steps: npt.NDArray[np.int64]) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Return the distinct distances between neighbouring steps, ascending, and the count of each.

    Examples
    --------
    >>> [found.tolist() for found in spacings(np.array([1, 2, 3, 5, 6]))]
    [[1, 2], [3, 1]]
    """
    return np.unique(np.diff(steps), return_counts=True)


def burn_in(x: FloatArray, steps: Steps | None = None) -> int:
    """Return the number of rows at the start that belong to another regime (data.burn_in).

    The trend of the last three quarters is extrapolated over the first quarter. While the cumulative departure
    from it exceeds 3.5 standard errors (with autocorrelation and the error of the line), the burn-in extends to
    the point of the most significant departure, and the search continues after it. A run that falls steadily
    therefore has none. Beyond 80,000 points it ends at one of 20,000 places.

    Parameters
    ----------
    x : ndarray, shape (n,)
    steps : ndarray, shape (n,), optional
        Positions; equally spaced by default.

    Returns
    -------
    int
        Number of rows, at most n // 4; 0 for fewer than 20 points.
    """
    n = x.size
    if n < 20:
        return 0
    quarter = n // 4
    t = np.arange(n) if steps is None else steps
    line = fit_line(x[quarter:], t[quarter:])
    if line.spread == 0:
        return 0  # steps so large that they are equal as floats
    sigma = line.s * sqrt((1 + line.rho) / (1 - line.rho))
    if sigma == 0:
        apart = np.flatnonzero(np.abs(x[:quarter] - line.at(t[:quarter])) > 1e-12 * max(abs(line.mean), 1e-300))
        return int(apart[-1]) + 1 if apart.size else 0
    # With few independent points sigma is uncertain: use the t quantile of the same probability.
    independent = (n - quarter) * (1 - line.rho) / (1 + line.rho)
    needed = t_quantile(float(ndtr(BURN_IN_Z)), max(independent - 2, 1.0))
    size = -(-quarter // BURN_IN_PLACES)
    count = quarter // size
    levels, places = (rows[: count * size].reshape(count, size).mean(axis=1) for rows in (x, t))
    departure = levels - line.at(places)
    start = 0
    while start < count:
        k = np.arange(1, count - start + 1)
        total = size * np.cumsum(departure[start:])
        centre = np.cumsum(places[start:]) / k - line.centre
        k *= size
        variance = k * (1 + k * (1 / (n - quarter) + centre**2 / line.spread))
        z = np.abs(total) / (sigma * np.sqrt(variance))
        best = int(z.argmax())
        if z[best] < needed:
            break
        start += best + 1
    return start * size


def scatter_about_curve(x: FloatArray) -> float:
    """Return the standard deviation of single values about a smooth curve; x of shape (n,), n at least 3.

    From second differences, which a bend hardly affects: ``sigma² = median(d²) / (0.4549 * 6)``; 0.4549 is the median
    of a chi-square with one degree of freedom, 6 the variance of a second difference of noise of variance 1.

    Examples
    --------
    >>> noise = np.random.default_rng(0).normal(size=10_000)
    >>> round(scatter_about_curve(np.linspace(5, 0, 10_000) ** 2 + noise), 1)
    1.0
    """
    return sqrt(np.median(np.diff(x, n=2) ** 2) / (0.4549 * 6))


def resolution(x: FloatArray) -> float:
    """Return the smallest difference between distinct values of x, shape (n,): the unit in which they were logged.

    It is tiny for values that were not rounded. Differences of relative size below 1e-9 count as rounding errors.

    Examples
    --------
    >>> round(resolution(np.array([0.2762, 0.2541, 0.2542, 0.2541])), 9)
    0.0001
    """
    values = np.unique(x)
    if not values.size:
        return 0.0
    floor = 1e-9 * max(float(values[-1]), -float(values[0]))
    apart = np.diff(values)
    apart = apart[apart > floor]
    return float(apart.min()) if apart.size else floor
