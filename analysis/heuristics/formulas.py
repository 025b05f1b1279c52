"""The formulas of the rules of thumb: oscillations, volatility, changes in percent."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from analysis.core.run import FloatArray
from analysis.statistics import oscillates, rolling_sd

OSCILLATION_THRESHOLD = 0.01

VOLATILITY_WINDOW = 20


def count_oscillations(
    values: FloatArray, breaks: npt.NDArray[np.bool_] | None = None, *, threshold: float = OSCILLATION_THRESHOLD
) -> int | None:
    """Return the number of transitions whose relative change exceeds ``threshold`` (rule.oscillations).

    Parameters
    ----------
    values : ndarray, shape (n,)
        A series in step order, without NaN.
    breaks : ndarray of bool, shape (n,), optional
        True for a value that must not be compared with the one before it (a seam or a gap).
    threshold : float
        Relative change that counts; the rules of thumb use 1%.

    Returns
    -------
    int or None
        None for fewer than two values. Transitions from zero are skipped, since they have no relative change.

    Examples
    --------
    >>> count_oscillations(np.array([1.0, 1.02, 1.02, 0.0, 5.0]))
    2
    >>> count_oscillations(np.array([1.0])) is None
    True
    """
    return int(np.count_nonzero(oscillates(values, breaks, threshold=threshold))) if values.size > 1 else None


def mean_volatility(values: FloatArray, *, window: int = VOLATILITY_WINDOW) -> float | None:
    """Return the mean of the rolling standard deviation, ddof 1 (rule.volatility); None below one full window.

    Examples
    --------
    >>> f"{mean_volatility(np.arange(20.0)):.4f}"
    '5.9161'
    >>> mean_volatility(np.arange(19.0)) is None
    True
    """
    return float(rolling_sd(values, window=window).mean()) if values.size >= window else None


def improvement_pct(first: float, last: float) -> float | None:
    """Return the fall from the first to the last value in percent of the size of the first; None if that is zero.

    Examples
    --------
    >>> improvement_pct(0.5, 0.25), improvement_pct(-0.5, -1.0)
    (50.0, 100.0)
    """
    if first == 0:
        return None
    return float((first - last) / abs(first) * 100)


def change_pct(before: float | None, after: float | None) -> float | None:
    """Return the relative change in percent (rule.change_pct); None if either is missing or the first is zero.

    Examples
    --------
    >>> change_pct(200, 210), change_pct(-4, -2)
    (5.0, 50.0)
    """
    if before is None or after is None or before == 0:
        return None
    return float((after - before) / abs(before) * 100)
