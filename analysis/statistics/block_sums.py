"""Sums over the blocks of a long series: a line through any stretch of it follows from them, and its noise."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from analysis.statistics.block_means import BLOCK, COUNT, blocks, dot
from analysis.statistics.estimate import FloatArray

LONG = 4 * BLOCK
"""Rows from which on a series is worth it."""
_DIGITS = 1e-8
"""Part of its terms below which a sum has lost too many digits."""


@dataclass(frozen=True)
class Around:
    """Sums of what a line leaves of a stretch: of the values, of their squares, of the products of neighbours."""

    total: float
    squares: float
    lagged: float


@dataclass(frozen=True)
class Stretch:
    """Consecutive rows of a series as sums over its pieces, arrays of shape (pieces,).

    Attributes
    ----------
    rows : ndarray
        Length of each piece.
    first, last : ndarray
        Its first value and its last.
    total, moment, squares, lagged : ndarray
        Sums of ``y``, ``k y``, ``y²`` and ``y_i y_(i+1)`` over a piece, with ``y = x - first`` and ``k`` the
        row's distance from the middle of the piece.
    """

    rows: FloatArray
    first: FloatArray
    last: FloatArray
    total: FloatArray
    moment: FloatArray
    squares: FloatArray
    lagged: FloatArray

    @property
    def size(self) -> int:
        """Rows in all."""
        return int(self.rows.sum())

    @property
    def middles(self) -> FloatArray:
        """The middle of each piece, as a distance in rows from that of the stretch."""
        return np.asarray(np.cumsum(self.rows) - self.rows / 2 - self.rows.sum() / 2)

    def line(self) -> tuple[float, float]:
        """Fit a line by least squares; return its mean and its slope per row."""
        n = self.size
        mean = float((self.total + self.rows * self.first).sum()) / n
        products = self.moment + self.middles * (self.total + self.rows * (self.first - mean))
        return mean, float(products.sum()) * 12 / (n * (n * n - 1.0))

    def around(self, mean: float, slope: float, *, ahead: float = 0.0) -> Around | None:
        """Sum what is left of the stretch by a line ``mean + slope * u``; None where rounding would show.

        Parameters
        ----------
        ahead : float
            ``u`` at the middle of the stretch, in rows.
        """
        # Within a piece the residual is e = y - a - slope * k.
        m, end = self.rows, (self.rows - 1) / 2
        a = mean + slope * (self.middles + ahead) - self.first
        spread = m * (m * m - 1) / 12
        last = self.last - self.first
        total = self.total - m * a
        own = self.squares + m * a * a + slope * slope * spread
        squares = float((own - 2 * a * self.total - 2 * slope * self.moment).sum())
        lagged = (
            self.lagged
            - a * (2 * self.total - last)
            - slope * (2 * self.moment - (end + 1) * last)
            + (m - 1) * a * a
            + slope * slope * (spread - end * end - end)
        )
        seams = (last - a - slope * end)[:-1] @ (slope * end - a)[1:]
        if squares < _DIGITS * float(own.sum()):
            return None
        return Around(float(total.sum()), squares, float(lagged.sum() + seams))


@dataclass(frozen=True)
class BlockSums:
    """A whole series, with the sums of each of its blocks, which are made when they are first asked for."""

    x: FloatArray = field(repr=False)

    @cached_property
    def sums(self) -> FloatArray:
        """Those of whole blocks, shape (blocks, 7)."""
        return np.array([_sums(self.x[piece]) for piece in blocks(self.x.size // BLOCK * BLOCK)])


@dataclass(frozen=True)
class Sums:
    """Rows ``start`` up to ``stop`` of a series; sliced like one, and then shares the sums of its blocks.

    Examples
    --------
    >>> mean, slope = Sums.of(np.arange(10.0) ** 2)[2:].stretch.line()
    >>> round(mean, 9), round(slope, 9)
    (35.5, 11.0)
    """

    series: BlockSums
    start: int
    stop: int

    @classmethod
    def of(cls, x: FloatArray) -> Sums:
        """Give all of a series."""
        return cls(BlockSums(x), 0, x.size)

    def __getitem__(self, rows: slice) -> Sums:
        start, stop, _ = rows.indices(self.stop - self.start)
        return Sums(self.series, self.start + start, self.start + stop)

    @cached_property
    def stretch(self) -> Stretch:
        """Its sums: of whole blocks as they are, of the rows before and after them made anew."""
        first, last = -(-self.start // BLOCK), self.stop // BLOCK
        begin = min(first * BLOCK, self.stop)
        end = max(last * BLOCK, begin)
        edges = [
            [_sums(self.series.x[start:stop])] if start < stop else []
            for start, stop in ((self.start, begin), (end, self.stop))
        ]
        return Stretch(*np.array([*edges[0], *self.series.sums[first:last], *edges[1]]).T)


def _sums(x: FloatArray) -> tuple[float, ...]:
    y = x - x[0]
    k = COUNT[: y.size] - (y.size - 1) / 2
    return float(y.size), float(x[0]), float(x[-1]), float(y.sum()), dot(k, y), dot(y, y), dot(y[:-1], y[1:])
