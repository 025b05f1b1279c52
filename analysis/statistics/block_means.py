"""Long series in blocks: what is worked on at once stays in the processor's cache."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from analysis.statistics.estimate import FloatArray, Steps

BLOCK = 65_536
"""Rows that are worked on at once: what they need stays in the processor's cache."""
np.empty(8 * BLOCK)  # once so much has been freed, glibc keeps what a block takes for the next one
COUNT = np.arange(BLOCK, dtype=np.float64)
"""The numbers of a block's rows."""
_DOT = 8192
"""Numbers that BLAS multiplies by itself: for more it starts threads, which cost more than they gain."""


def blocks(size: int, *, overlap: int = 0, block: int = BLOCK) -> Iterator[slice]:
    """Cut rows into slices of ``block``, each with the first ``overlap`` rows of the next; none if there are no more.

    Examples
    --------
    >>> [(piece.start, piece.stop) for piece in blocks(150_000, overlap=1)]
    [(0, 65537), (65536, 131073), (131072, 150000)]
    """
    return (slice(start, min(start + block + overlap, size)) for start in range(0, size - overlap, block))


def consecutive(t: Steps) -> bool:
    """Tell whether positions, which ascend, are whole numbers without a gap: their ends tell.

    Examples
    --------
    >>> consecutive(np.array([4, 5, 6])), consecutive(np.array([4, 6])), consecutive(np.array([4.0, 5.0]))
    (True, False, False)
    """
    return t.dtype.kind == "i" and int(t[-1]) - int(t[0]) == t.size - 1


def dot(a: FloatArray, b: FloatArray) -> float:
    """Multiply two series and sum.

    Examples
    --------
    >>> dot(np.array([1.0, 2.0]), np.array([3.0, 4.0]))
    11.0
    """
    return sum((float(a[at : at + _DOT] @ b[at : at + _DOT]) for at in range(0, a.size, _DOT)), start=0.0)


@dataclass(frozen=True)
class Computed:
    """A series that is computed where it is looked at, so that a long one is never held: slice it to get rows.

    Examples
    --------
    >>> Computed(10, lambda rows: np.arange(rows.start, rows.stop) ** 2.0)[-3:]
    array([49., 64., 81.])
    """

    size: int
    rows: Callable[[slice], FloatArray]

    def __getitem__(self, wanted: slice) -> FloatArray:
        start, stop, _ = wanted.indices(self.size)
        return self.rows(slice(start, stop))
