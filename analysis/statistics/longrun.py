"""The long-run variance of a dependent series, and the trend line that it is measured around."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import sqrt

import numpy as np
from scipy.fft import dct

from analysis.statistics.estimate import FloatArray

RHO_MAX = 0.98


@dataclass(frozen=True)
class Line:
    """A least-squares line through a series, and the noise around it.

    Attributes
    ----------
    slope, mean, centre : float
        The line is ``mean + slope * (t - centre)``.
    spread : float
        ``sum((t - centre)**2)``.
    residual : ndarray, shape (n,)
    s : float
        Standard deviation of the residual, ddof 2 (noise.s); 0 below 3 points.
    rho : float
        Bias-corrected lag-1 correlation of the residual, clipped to [0, 0.98] (noise.rho).
    """

    slope: float
    mean: float
    centre: float
    spread: float
    s: float
    rho: float
    residual: FloatArray = field(repr=False)

    def at(self, t: FloatArray) -> FloatArray:
        """Give the line's height at positions ``t``."""
        return self.mean + self.slope * (t - self.centre)


def fit_line(x: FloatArray, t: FloatArray, *, curved: bool = False) -> Line:
    """Fit a line by least squares and measure the noise around it.

    Parameters
    ----------
    x, t : ndarray, shape (n,)
        Values without NaN, and their positions (steps); n at least 1.
    curved : bool
        Take a parabola out of the residual too: a bend is then no noise. For pieces of a curve whose mean
        slope is asked for.

    Examples
    --------
    >>> line = fit_line(np.array([1.0, 3.0, 5.0, 7.0]), np.arange(4.0))
    >>> round(line.slope, 9), round(line.mean, 9), line.s
    (2.0, 4.0, 0.0)
    """
    n = x.size
    centre, mean = float(t.mean()), float(x.mean())
    u = t - centre
    spread = float(u @ u)
    y = x - mean
    slope = float(u @ y) / spread if spread > 0 else 0.0
    residual = y - slope * u
    degree = 1
    if curved and n > 4 and spread > 0:
        degree = 2
        bend = u * u - spread / n
        bend -= float(bend @ u) / spread * u
        residual = residual - float(bend @ residual) / float(bend @ bend) * bend
    total = float(residual @ residual)
    # What is left of an exact line is rounding, not noise.
    if total <= n * (1e-13 * float(np.abs(x).max())) ** 2:
        residual, total = np.zeros(n), 0.0
    s = sqrt(total / (n - 1 - degree)) if n > 2 else 0.0
    return Line(slope, mean, centre, spread, s, lag_one(residual, degree=degree), residual)


def lag_one(residual: FloatArray, *, degree: int = 1) -> float:
    """Estimate the lag-1 correlation of a detrended series, corrected for bias and clipped to [0, 0.98].

    ``r + (2 + 4r)/T``: the bias of r after removing a line (Kendall 1954; Marriott and Pope 1954);
    ``r + (3 + 5r)/T`` after a parabola (``degree=2``).

    Examples
    --------
    >>> lag_one(np.array([1.0, -1.0] * 10))
    0.0
    """
    total = float(residual @ residual)
    if residual.size < 3 or total == 0:
        return 0.0
    r = float(residual[:-1] @ residual[1:]) / total
    return min(max(r + (degree + 1 + (degree + 3) * r) / residual.size, 0.0), RHO_MAX)


def cosine_variance(e: FloatArray) -> tuple[float, float]:
    """Estimate the long-run variance of a centred series by equal-weighted cosines.

    Parameters
    ----------
    e : ndarray, shape (T,)

    Returns
    -------
    tuple of float
        The variance and its degrees of freedom ``nu = floor(0.4 T^(2/3))``, at least 1.

    Notes
    -----
    ``L_j = sqrt(2/T) sum e_t cos(pi j (t - 1/2)/T)``, mean of L_j² over j = 1..nu: Lazarus, Lewis, Stock
    and Watson (2018). One cosine transform gives all of them.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> variance, df = cosine_variance(rng.normal(size=1000))
    >>> df, 0.5 < variance < 2
    (40.0, True)
    """
    size = e.size
    nu = max(1, int(0.4 * size ** (2 / 3) + 1e-9))
    block = size // (16 * nu)
    if block > 1:
        # Even the fastest of the cosines hardly changes within a sixteenth of its half period: sums over such
        # blocks have the same projections, and of a long run only a few hundred thousand are left to transform.
        length = size // block
        size = block * length
        e = e[:size].reshape(length, block).sum(axis=1)
    projections = dct(e, type=2)[1 : nu + 1] / sqrt(2 * size)
    return float(np.mean(projections**2)), float(nu)


def batch_variance(e: FloatArray, batches: int = 8) -> tuple[float, float]:
    """Estimate the long-run variance of a detrended series from the means of ``batches`` equal parts.

    Returns the variance and its degrees of freedom, ``batches - 2`` (a line was removed); (0, 1) for a
    series shorter than two points a batch.
    """
    length = e.size // batches
    if length < 2:
        return 0.0, 1.0
    means = e[e.size - batches * length :].reshape(batches, length).mean(axis=1)
    return float(length * np.sum((means - means.mean()) ** 2) / (batches - 2)), float(batches - 2)
