"""The learning rate a schedule is built on, where what was logged shows it beyond doubt."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from analysis.core.run import FloatArray

_PLATEAU = 3  # equal values; a falling or rising schedule has no two, a cycle at most two


def base_rate(steps: npt.NDArray[np.int64], rates: FloatArray) -> tuple[float, str] | None:
    """Return the learning rate from which a schedule starts or up to which it warms, and how that is known.

    It is known where the highest logged value is held (a constant rate, also after a warm-up or before a decay),
    or where each step around a single peak was logged. The first of values that only fall says nothing: the
    peak may lie before it.

    Parameters
    ----------
    steps : ndarray of int, shape (n,)
        Ascending.
    rates : ndarray, shape (n,)

    Examples
    --------
    >>> base_rate(np.array([10, 20, 30, 40]), np.array([0.1, 0.2, 0.2, 0.2]))
    (0.2, 'held at 3 logged steps')
    >>> base_rate(np.array([1, 2, 3]), np.array([0.1, 0.2, 0.15]))
    (0.2, 'the peak of a schedule logged at every step')
    >>> base_rate(np.array([10, 20, 30]), np.array([0.3, 0.2, 0.1])) is None
    True
    """
    if rates.size < _PLATEAU or not (peak := float(rates.max())) > 0:
        return None
    at = np.flatnonzero(rates == peak)
    if at.size >= _PLATEAU:
        return peak, f"held at {at.size} logged steps"
    place = int(at[0])
    inner = at.size == 1 and 0 < place < rates.size - 1
    if inner and steps[place + 1] - steps[place - 1] == 2:
        return peak, "the peak of a schedule logged at every step"
    return None
