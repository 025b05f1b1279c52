"""What nobody stated but a log shows: the size of its validation set, its base learning rate."""

from __future__ import annotations

from dataclasses import replace
from math import log2

import numpy as np
import numpy.typing as npt

from analysis import statistics as st
from analysis.core.metrics import metric as metric_of
from analysis.core.run import FloatArray, Run

CERTAIN = 10.0
"""Bits of evidence that accuracies lie on a grid coarser than their printed digits: chance is 1 in 1,000."""

_DIGITS = 6


def with_validation_size(run: Run) -> Run:
    """Add the size of the validation set that a log shows to a run whose data do not state it."""
    if run.data.n_valid is not None:
        return run
    for found, how in ((_from_speed(run), "evaluation time times examples a second"), _from_shares(run)):
        if found:
            note = f"validation set of {found:,} examples ({how}); state data.n_valid if this is wrong"
            return replace(run, n_valid_seen=found, notes=(*run.notes, note))
    return run


def _from_speed(run: Run) -> int | None:
    """Multiply what the Hugging Face Trainer logs: both are rounded, so the median over evaluations is taken."""
    seconds, speed = (run.series(f"eval_{name}") for name in ("runtime", "samples_per_second"))
    if not seconds.size or seconds.size != speed.size:
        return None
    sizes = seconds * speed
    size = float(np.median(sizes))
    # Three digits after the point of a small speed, or of a short time, are too few to tell.
    rounding = np.median(0.0005 / np.maximum(speed, 1e-9) + 0.00005 / np.maximum(seconds, 1e-9))
    spread = float(np.ptp(sizes)) / max(size, 1.0)
    return round(size) if size >= 1 and spread < 0.05 and rounding < 0.05 else None


def _from_shares(run: Run) -> tuple[int | None, str]:
    """Return k where all values of a validation accuracy are multiples of 1/k, which their digits do not explain."""
    for name in run.metrics:
        row = metric_of(name)
        if row.share and row.split == "full validation" and (k := grid(run.series(name))) is not None:
            return k, f"all values of {name} are multiples of 1/{k}"
    return None, ""


def grid(values: FloatArray) -> int | None:
    """Return the k of which all values are multiples of 1/k, None if it cannot be told.

    Values printed with d digits are all multiples of 1/10^d: a k that divides 10^d needs many of them.

    Examples
    --------
    >>> grid(np.array([328, 331, 340, 342, 351]) / 360)
    360
    >>> grid(np.array([0.91, 0.92, 0.94])) is None
    True
    """
    if values.size == 0 or values.min() < 0 or values.max() > 1:
        return None
    tokens = st.tokens_per_batch(values)
    k = tokens.per_batch
    if k is None or k < 10:
        return None
    digits = next((d for d in range(1, _DIGITS + 1) if np.abs(values - np.round(values, d)).max() < 1e-9), None)
    if digits is None or 10**digits % k:
        return k
    different = np.unique(values).size
    return k if k < 10**digits and different * log2(10**digits / k) >= CERTAIN else None


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
