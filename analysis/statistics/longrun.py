"""The long-run variance of a dependent series, and the trend line that it is measured around."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property
from math import sqrt

import numpy as np
from scipy.fft import dct

from analysis.statistics.block_means import BLOCK, COUNT, Computed, blocks, consecutive, dot
from analysis.statistics.block_sums import Sums
from analysis.statistics.estimate import BoolArray, FloatArray, Steps

RHO_MAX = 0.98


class Positions:
    """The positions of a series, t, as distances from their mean; consecutive steps are counted, not looked up.

    Parameters
    ----------
    t : ndarray, shape (n,), or None
        Ascending, none twice; None for the rows' own numbers.
    size : int
        n, at least 1.

    Attributes
    ----------
    centre : float
        Mean of t.

    Examples
    --------
    >>> Positions(np.array([4, 5, 6, 7]), 4).apart(slice(1, 3))
    array([-0.5,  0.5])
    """

    def __init__(self, t: Steps | None, size: int) -> None:
        self._middle = (size - 1) / 2
        self._t = t
        if t is None:
            self.centre = self._middle
        elif consecutive(t):
            self._t, self.centre = None, int(t[0]) + self._middle
        else:
            self.centre = float(t.mean())

    @property
    def consecutive(self) -> bool:
        """Whether they are numbers of rows, but for where these begin."""
        return self._t is None

    def apart(self, rows: slice) -> FloatArray:
        """Give ``t - centre`` of a slice of rows, as an array of its own."""
        if self._t is not None:
            return np.asarray(self._t[rows] - self.centre, dtype=np.float64)
        count = rows.stop - rows.start
        counted = COUNT[:count] if count <= BLOCK else np.arange(count, dtype=np.float64)
        return np.asarray(counted + (rows.start - self._middle))


@dataclass(frozen=True)
class Line:
    """A least-squares line through a series, and the noise around it.

    Attributes
    ----------
    slope, mean : float
        The line is ``mean + slope * (t - centre)``.
    spread : float
        ``sum((t - centre)**2)``.
    x : ndarray, shape (n,)
        The series; not copied.
    t : Positions
        Where its values stand.
    sums : Sums or None
        Those of a long series, where they are there to take the noise from.
    degree : int
        1, or 2 where a parabola was taken out too: ``bend * (u**2 - spread/n - skew * u)``, ``u = t - centre``.
    """

    slope: float
    mean: float
    spread: float
    x: FloatArray = field(repr=False)
    t: Positions = field(repr=False)
    degree: int = 1
    bend: float = 0.0
    skew: float = 0.0
    sums: Sums | None = field(default=None, repr=False)

    def at(self, t: Steps) -> FloatArray:
        """Give the line's height at positions ``t``."""
        return np.asarray(self.mean + self.slope * (t - self.t.centre), dtype=np.float64)

    @property
    def s(self) -> float:
        """Standard deviation of the residual, ddof 2, 3 beside a parabola (noise.s); 0 below 3 points."""
        n = self.x.size
        return sqrt(self._noise[0] / (n - 1 - self.degree)) if n > 2 else 0.0

    @property
    def rho(self) -> float:
        """Bias-corrected lag-1 correlation of the residual, clipped to [0, 0.98] (noise.rho)."""
        return corrected_lag(*self._noise, self.x.size, degree=self.degree)

    @property
    def residual(self) -> Computed:
        """What the line leaves of the series, shape (n,)."""
        exact = self._noise[0] == 0
        return Computed(self.x.size, lambda rows: np.zeros(rows.stop - rows.start) if exact else self._left(rows))

    @property
    def scores(self) -> Computed:
        """The residual times ``t - centre``, shape (n,): what the slope is a sum of."""
        residual = self.residual
        return Computed(residual.size, lambda rows: residual[rows] * self.t.apart(rows))

    def variance(self, start: int = 0) -> float:
        """Variance (ddof 1) of the residual from row ``start`` on, of which there are at least two."""
        n = self.x.size - start
        if self._noise[0] == 0:
            return 0.0
        if self.sums and (sums := self.sums[start:].stretch.around(self.mean, self.slope, ahead=start / 2)):
            squares = sums.squares - sums.total**2 / n
            if squares > 1e-6 * sums.squares:  # enough digits are left
                return squares / (n - 1)
        places = [slice(start + piece.start, start + piece.stop) for piece in blocks(n)]
        mean = sum(float(self.residual[place].sum()) for place in places) / n
        apart = (self.residual[place] - mean for place in places)
        return sum(dot(part, part) for part in apart) / (n - 1)

    @cached_property
    def tails(self) -> tuple[float, float]:
        """Variance and lag-1 correlation of ``(residual / s)**2``: how heavy its tails are, and how they cluster."""
        s, mean = self.s, self._noise[0] / self.x.size / self.s**2
        total, lagged = lag_sums((self.residual[piece] / s) ** 2 - mean for piece in blocks(self.x.size))
        return total / self.x.size, lagged / total if total > 0 else 0.0

    @cached_property
    def _noise(self) -> tuple[float, float]:
        """Sums of the squares and of the lagged products of the residual; zero for an exact line."""
        n = self.x.size
        known = self.sums.stretch.around(self.mean, self.slope) if self.sums else None
        total, lagged = (known.squares, known.lagged) if known else lag_sums(self._left(piece) for piece in blocks(n))
        # What is left of an exact line is rounding, not noise. No value is beyond this, and mostly that will do.
        beyond = abs(self.mean) + abs(self.slope) * sqrt(self.spread) + sqrt(total)
        if total > n * (1e-13 * beyond) ** 2 and self.degree == 1:
            return total, lagged
        largest = max(float(self.x.max()), -float(self.x.min()))
        return (0.0, 0.0) if total <= n * (1e-13 * largest) ** 2 else (total, lagged)

    def _left(self, piece: slice) -> FloatArray:
        u = self.t.apart(piece)
        bent = self.bend * (u * u - self.spread / self.x.size - self.skew * u) if self.degree == 2 else None
        u *= -self.slope
        u += self.x[piece] - self.mean  # the level goes first, and takes no digits of the rest with it
        return u if bent is None else u - bent


def fit_line(x: FloatArray, t: Steps | None = None, *, curved: bool = False, sums: Sums | None = None) -> Line:
    """Fit a line by least squares; the noise around it is measured when it is asked for.

    Parameters
    ----------
    x : ndarray, shape (n,)
        Values without NaN; n at least 1.
    t : ndarray, shape (n,), optional
        Their positions (steps), ascending, none twice; the rows' own numbers without.
    curved : bool
        Take a parabola out of the residual too: a bend is then no noise. For pieces of a curve whose mean
        slope is asked for.
    sums : Sums, optional
        Of x, where there are some: then a series at consecutive steps need not be gone through again.

    Examples
    --------
    >>> line = fit_line(np.array([1.0, 3.0, 5.0, 7.0]), np.arange(4.0))
    >>> round(line.slope, 9), round(line.mean, 9), line.s
    (2.0, 4.0, 0.0)
    """
    n = x.size
    positions = Positions(t, n)
    if sums is not None and n > 1 and positions.consecutive and not curved:
        mean, slope = sums.stretch.line()
        return Line(slope, mean, n * (n * n - 1.0) / 12, x, positions, sums=sums)
    mean = float(x.mean())
    spread = product = cubes = 0.0
    for piece in blocks(n):
        u = positions.apart(piece)
        spread += dot(u, u)
        product += dot(u, x[piece] - mean)
        cubes += dot(u, u * u) if curved else 0.0
    slope = product / spread if spread > 0 else 0.0
    if not (curved and n > 4 and spread > 0):
        return Line(slope, mean, spread, x, positions)
    skew = cubes / spread
    above = weight = 0.0
    for piece in blocks(n):
        u = positions.apart(piece)
        parabola = u * u - spread / n - skew * u
        above += dot(parabola, x[piece] - mean - slope * u)
        weight += dot(parabola, parabola)
    return Line(slope, mean, spread, x, positions, 2, above / weight, skew)


def averaged(x: FloatArray, t: Steps, *, most: int = 50_000) -> tuple[FloatArray, FloatArray]:
    """Average a series of more than twice ``most`` points over as few neighbours as leave that many.

    The trend of the averages is that of the series, and its error, which rests on slow changes, is too.

    Examples
    --------
    >>> averaged(np.array([1.0, 3.0, 5.0, 7.0, 9.0]), np.arange(5), most=2)
    (array([4., 8.]), array([1.5, 3.5]))
    """
    size = max(1, x.size // most)
    means, places = (rows[rows.size % size :].reshape(-1, size).mean(axis=1) for rows in (x, t))
    return means, places


def lag_sums(pieces: Iterable[FloatArray]) -> tuple[float, float]:
    """Sum the squares of a series, and the products of its neighbours, from its consecutive pieces.

    Examples
    --------
    >>> lag_sums([np.array([1.0, 2.0]), np.array([3.0])])
    (14.0, 8.0)
    """
    total = lagged = before = 0.0
    for piece in pieces:
        total += dot(piece, piece)
        lagged += dot(piece[:-1], piece[1:]) + before * float(piece[0])
        before = float(piece[-1])
    return total, lagged


def corrected_lag(total: float, lagged: float, n: int, *, degree: int = 1) -> float:
    """Estimate the lag-1 correlation of a detrended series of n points, corrected for bias, clipped to [0, 0.98].

    ``r + (2 + 4r)/n``: the bias of r after removing a line (Kendall 1954; Marriott and Pope 1954);
    ``r + (3 + 5r)/n`` after a parabola (``degree=2``).

    Parameters
    ----------
    total, lagged : float
        From `lag_sums`.

    Examples
    --------
    >>> corrected_lag(*lag_sums([np.array([1.0, -1.0] * 10)]), 20)
    0.0
    """
    if n < 3 or total == 0:
        return 0.0
    r = lagged / total
    return min(max(r + (degree + 1 + (degree + 3) * r) / n, 0.0), RHO_MAX)


def cosine_variance(e: FloatArray | BoolArray | Computed) -> tuple[float, float]:
    """Estimate the long-run variance of a series by equal-weighted cosines, which do not see its mean.

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
    # Even the fastest of the cosines hardly changes within a sixteenth of its half period: sums over such
    # blocks have the same projections, and of a long run only a few hundred thousand are left to transform.
    block = max(1, size // (16 * nu))
    size -= size % block
    rows = block * -(-BLOCK // block)
    pieces = (e[start : min(start + rows, size)].reshape(-1, block) for start in range(0, size, rows))
    # Of short rows several times as fast as their `sum`.
    sums = np.concatenate([np.einsum("ij->i", piece.astype(np.float64, copy=False)) for piece in pieces])
    projections = dct(sums, type=2)[1 : nu + 1] / sqrt(2 * size)
    return float(np.mean(projections**2)), float(nu)


def batch_variance(e: FloatArray | Computed, batches: int = 8) -> tuple[float, float]:
    """Estimate the long-run variance of a detrended series from the means of ``batches`` equal parts.

    Returns the variance and its degrees of freedom, ``batches - 2`` (a line was removed); (0, 1) for a
    series shorter than two points a batch.
    """
    length = e.size // batches
    if length < 2:
        return 0.0, 1.0
    means = e[e.size - batches * length :].reshape(batches, length).mean(axis=1)
    return float(length * np.sum((means - means.mean()) ** 2) / (batches - 2)), float(batches - 2)
