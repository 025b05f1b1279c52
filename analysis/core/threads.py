"""Do independent work on long series side by side, which numpy counts through outside the interpreter's lock."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

LONG = 1_000_000
"""Rows of a log from which on two threads take less time than they cost."""
_THREADS = 2


def side_by_side(*calls: Callable[[], Any], rows: int) -> list[Any]:
    """Call functions that do not depend on each other; return what they give, in order.

    Parameters
    ----------
    *calls : callable
    rows : int
        Of the longest log they work on: below `LONG` one is called after the other.

    Examples
    --------
    >>> side_by_side(lambda: 1, lambda: 2, rows=LONG)
    [1, 2]
    """
    if rows < LONG:
        return [call() for call in calls]
    work: list[Future[Any]] = []
    with ThreadPoolExecutor(_THREADS) as pool:
        try:
            work += (pool.submit(call) for call in calls)
        except RuntimeError:  # no more threads are to be had
            return [one.result() for one in work] + [call() for call in calls[len(work) :]]
        try:
            return [one.result() for one in work]
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
