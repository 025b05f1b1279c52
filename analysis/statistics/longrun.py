"""Long-run variance of an autocorrelated series, and the trend line about which it is measured."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property
from math import sqrt

import numpy as np
from scipy.fft import dct

from analysis.statistics.estimate import BoolArray, FloatArray, Steps

RHO_MAX = 0.98
_DOT = 8192


@dataclass(frozen=True)
class Line:
    """A least-squares line through a series, and the noise about it, which is computed on demand.

    Attributes
    ----------
    slope, mean, centre : float
        The line is ``mean + slope * (t - centre)``.
    spread : float
        ``sum((t - centre)**2)``.
    x : ndarray, shape (n,)
        The series; not copied.
    t : ndarray, shape (n,)
        The positions of its values; not copied.
    degree : int
        1, or 2 if a parabola was removed too: ``bend * (u**2 - spread/n - skew * u)`` with ``u = t - centre``; plus the
        number of other terms removed from the series before.
    """

    slope: float
    mean: float
    centre: float
    spread: float
    x: FloatArray = field(repr=False)
    t: Steps = field(repr=False)
    degree: int = 1
    bend: float = 0.0
    skew: float = 0.0

    def at(self, t: Steps) -> FloatArray:
        """Return the height of the line at positions ``t``, shape of ``t``."""
        return np.asarray(self.mean + self.slope * (t - self.centre), dtype=np.float64)

    @property
    def s(self) -> float:
        """Standard deviation of the residual, ddof 1 + ``degree`` (noise.s); 0 below 3 points."""
        n = self.x.size
        return sqrt(self._noise[0] / (n - 1 - self.degree)) if n > 2 else 0.0

    @property
    def rho(self) -> float:
        """Bias-corrected lag-1 correlation of the residual, clipped to [0, 0.98] (noise.rho)."""
        return corrected_lag(*self._noise, self.x.size, degree=self.degree)

    @property
    def residual(self) -> FloatArray:
        """Residual of the series about the line, shape (n,); not cached, to save memory."""
        return np.zeros(self.x.size) if self._noise[0] == 0 else self._residual()

    @property
    def scores(self) -> FloatArray:
        """The residual times ``t - centre``, shape (n,), whose sum is the score of the slope."""
        return self.residual * _centred(self.t)

    def variance(self, start: int = 0) -> float:
        """Return the variance (ddof 1) of the residual from row ``start`` on; needs two rows or more."""
        left = self.residual[start:]
        left = left - left.mean()
        return dot(left, left) / (self.x.size - start - 1)

    @cached_property
    def tails(self) -> tuple[float, float]:
        """Variance and lag-1 correlation of ``(residual / s)**2``: heaviness and clustering of the tails."""
        total, lagged = lag_sums((self.residual / self.s) ** 2 - self._noise[0] / self.x.size / self.s**2)
        return total / self.x.size, lagged / total if total > 0 else 0.0

    @cached_property
    def _noise(self) -> tuple[float, float]:
        """Sums of the squares and of the lagged products of the residual; zero for an exact line."""
        total, lagged = lag_sums(self._residual())
        # The residual of an exact line is rounding, not noise.
        largest = max(float(self.x.max()), -float(self.x.min()))
        return (0.0, 0.0) if total <= self.x.size * (1e-13 * largest) ** 2 else (total, lagged)

    def _residual(self) -> FloatArray:
        u = _centred(self.t)
        bent = self.bend * (u * u - self.spread / self.x.size - self.skew * u) if self.degree > 1 else None
        u *= -self.slope
        u += self.x - self.mean  # subtract the level first: a large one would cost digits of the rest
        return u if bent is None else u - bent


def fit_line(x: FloatArray, t: Steps | None = None, *, curved: bool = False) -> Line:
    """Fit a line by least squares.

    Parameters
    ----------
    x : ndarray, shape (n,)
        Values without NaN; n at least 1.
    t : ndarray, shape (n,), optional
        Their positions (steps), strictly ascending; 0, 1, … by default.
    curved : bool
        Remove a parabola from the residual too, so that a bend is not noise; for a piece of a curve whose mean
        slope is wanted.

    Examples
    --------
    >>> line = fit_line(np.array([1.0, 3.0, 5.0, 7.0]), np.arange(4.0))
    >>> round(line.slope, 9), round(line.mean, 9), line.s
    (2.0, 4.0, 0.0)
    """
    n, t = x.size, np.arange(x.size) if t is None else t
    u, mean = _centred(t), float(x.mean())
    spread = dot(u, u)
    slope = dot(u, x - mean) / spread if spread > 0 else 0.0
    line = Line(slope, mean, float(t[0]) - float(u[0]), spread, x, t)
    if not (curved and n > 4 and spread > 0):
        return line
    skew = dot(u, u * u) / spread
    parabola = u * u - spread / n - skew * u
    bend = dot(parabola, x - mean - slope * u) / dot(parabola, parabola)
    return replace(line, degree=2, bend=bend, skew=skew)


def _centred(t: Steps) -> FloatArray:
    """Return positions minus their mean, shape (n,); subtracting the first one before is exact for large steps."""
    apart = t - t[0]
    return np.asarray(apart - apart.mean(), dtype=np.float64)


def dot(a: FloatArray, b: FloatArray) -> float:
    """Return the dot product of two series, summed in pieces too short for BLAS to start threads.

    Examples
    --------
    >>> dot(np.array([1.0, 2.0]), np.array([3.0, 4.0]))
    11.0
    """
    return sum((float(a[at : at + _DOT] @ b[at : at + _DOT]) for at in range(0, a.size, _DOT)), start=0.0)


def averaged(x: FloatArray, t: Steps, *, most: int = 50_000) -> tuple[FloatArray, FloatArray]:
    """Return a series and its positions, averaged over blocks of ``n // most`` points if there are so many.

    The trend of the means is that of the series, and so is nearly its error, which comes from slow changes.

    Examples
    --------
    >>> averaged(np.array([1.0, 3.0, 5.0, 7.0, 9.0]), np.arange(5), most=2)
    (array([4., 8.]), array([1.5, 3.5]))
    """
    size = max(1, x.size // most)
    means, places = (rows[rows.size % size :].reshape(-1, size).mean(axis=1) for rows in (x, t))
    return means, places


def lag_sums(x: FloatArray) -> tuple[float, float]:
    """Return the sum of the squares of a series, and of the products of its neighbours.

    Examples
    --------
    >>> lag_sums(np.array([1.0, 2.0, 3.0]))
    (14.0, 8.0)
    """
    return dot(x, x), dot(x[:-1], x[1:])


def corrected_lag(total: float, lagged: float, n: int, *, degree: int = 1) -> float:
    """Return the lag-1 correlation of a detrended series of n points, corrected for bias and clipped to [0, 0.98].

    ``r + (2 + 4r)/n``: the bias of r after removing a line (Kendall 1954; Marriott and Pope 1954);
    ``r + (3 + 5r)/n`` after a parabola (``degree=2``).

    Parameters
    ----------
    total, lagged : float
        From `lag_sums`.

    Examples
    --------
    >>> corrected_lag(*lag_sums(np.array([1.0, -1.0] * 10)), 20)
    0.0
    """
    if n < 3 or total == 0:
        return 0.0
    r = lagged / total
    return min(max(r + (degree + 1 + (degree + 3) * r) / n, 0.0), RHO_MAX)


def cosine_variance(e: FloatArray | BoolArray) -> tuple[float, float]:
    """Estimate the long-run variance of a series by equal-weighted cosines, which ignore its mean.

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
    # Even the fastest cosine hardly changes within a sixteenth of its half period: sums over such blocks have the
    # same projections, and leave fewer values to transform.
    block = max(1, size // (16 * nu))
    size -= size % block
    # For short rows einsum is several times as fast as sum.
    sums = np.einsum("ij->i", e[:size].reshape(-1, block).astype(np.float64, copy=False))
    projections = dct(sums, type=2)[1 : nu + 1] / sqrt(2 * size)
    return float(np.mean(projections**2)), float(nu)


def batch_variance(e: FloatArray, batches: int = 8) -> tuple[float, float]:
    """Estimate the long-run variance of a detrended series by the method of batch means.

    Return the variance and its degrees of freedom, ``batches - 2`` (a line was removed); (0, 1) if a batch would
    have fewer than two points.
    """
    length = e.size // batches
    if length < 2:
        return 0.0, 1.0
    means = e[e.size - batches * length :].reshape(batches, length).mean(axis=1)
    return float(length * np.sum((means - means.mean()) ** 2) / (batches - 2)), float(batches - 2)
