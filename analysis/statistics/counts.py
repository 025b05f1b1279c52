"""Accuracies as counts of correct predictions: their denominator, interval and difference."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf, lcm, sqrt

import numpy as np
from scipy.special import ndtr, ndtri

from analysis.statistics.estimate import Estimate, FloatArray, unknown
from analysis.statistics.longrun import fit_line

TOLERANCE = 1e-6
LARGEST_PART = 2_000
LARGEST_BATCH = 100_000


@dataclass(frozen=True)
class Tokens:
    """Number of predictions behind the accuracy of a full batch; if None, ``reason`` says why."""

    per_batch: int | None
    reason: str | None = None

    def correct(self, accuracy: float) -> int | None:
        """Return the number of correct predictions for an accuracy; None if it is not a fraction of ``per_batch``."""
        if self.per_batch is None or not 0 <= accuracy <= 1:
            return None
        count = round(accuracy * self.per_batch)
        return count if abs(accuracy - count / self.per_batch) < TOLERANCE else None


def smallest_denominators(accuracy: FloatArray) -> FloatArray:
    """Return the smallest denominator of each accuracy as a fraction, to 1e-6, shape (n,); NaN above 2000.

    Examples
    --------
    >>> smallest_denominators(np.array([0.875, 0.8333333, 1.0]))
    array([8., 6., 1.])
    """
    k = np.arange(1, LARGEST_PART + 1, dtype=np.float64)
    products = accuracy[:, None] * k
    exact = np.abs(accuracy[:, None] - np.round(products) / k) < TOLERANCE
    return np.where(exact.any(axis=1), k[exact.argmax(axis=1)], np.nan)


def tokens_per_batch(accuracy: FloatArray, *, batch: int | None = None) -> Tokens:
    """Infer the number of predictions behind a minibatch accuracy (acc.counts).

    Parameters
    ----------
    accuracy : ndarray, shape (n,)
        Minibatch accuracies between 0 and 1, without that of a partial last batch.
    batch : int, optional
        Examples in a batch; the result must be a multiple of it.

    Returns
    -------
    Tokens
        The least common multiple of all smallest denominators.

    Examples
    --------
    >>> tokens_per_batch(np.array([168, 166, 155, 171, 173]) / 192, batch=64).per_batch
    192
    """
    different = np.unique(accuracy[(accuracy >= 0) & (accuracy <= 1)])
    tokens = 1
    for start in range(0, different.size, 64):  # the first few may already rule out counts
        parts = smallest_denominators(different[start : start + 64])
        if np.isnan(parts).any():
            return Tokens(None, "accuracies are not fractions of one batch size")
        tokens = lcm(tokens, *(int(k) for k in parts))
        if tokens > LARGEST_BATCH:
            return Tokens(None, "the number of predictions per batch varies")
    if different.size < 3:
        return Tokens(None, "fewer than 3 different accuracies")
    if batch is not None and tokens % batch:
        return Tokens(None, f"{tokens} predictions per batch do not fit {batch} examples")
    return Tokens(tokens)


def design_effect(accuracy: FloatArray, tokens: int) -> float:
    """Return the design effect of minibatch accuracies: their variance over that of independent predictions (acc.deff).

    Detrended variance over ``p(1-p)/tokens``, at least 1, since a smaller value is chance.

    Examples
    --------
    >>> design_effect(np.array([0.5, 0.5, 0.5, 0.5]), 100)
    1.0
    """
    p = float(accuracy.mean())
    if accuracy.size < 5 or not 0 < p < 1:
        return 1.0
    line = fit_line(accuracy, np.arange(accuracy.size, dtype=np.float64))
    return max(1.0, line.s**2 / (p * (1 - p) / tokens))


def wilson(successes: float, n: int, *, deff: float = 1.0, level: float = 0.95) -> Estimate:
    """Return a proportion with Wilson's interval (1927) at ``n / deff`` independent predictions (acc.interval).

    Examples
    --------
    >>> e = wilson(168, 192)
    >>> round(e.low, 3), round(e.high, 3)
    (0.821, 0.915)
    """
    if n <= 0:
        return unknown("acc.interval", "no predictions")
    p, size = successes / n, n / deff
    z = float(ndtri(0.5 + level / 2))
    centre = (p + z**2 / (2 * size)) / (1 + z**2 / size)
    half = z / (1 + z**2 / size) * sqrt(p * (1 - p) / size + z**2 / (4 * size**2))
    se = sqrt(p * (1 - p) / size)
    low, high = min(max(centre - half, 0.0), p), max(min(centre + half, 1.0), p)
    return Estimate("acc.interval", p, low, high, se, inf, n, n_eff=size)


def proportion_difference(baseline: Estimate, candidate: Estimate) -> Estimate:
    """Compare two proportions from `wilson` (acc.diff).

    Returns
    -------
    Estimate
        p of the pooled z test; Newcombe's hybrid score interval (1998, method 10).

    Examples
    --------
    >>> d = proportion_difference(wilson(166, 192), wilson(168, 192))
    >>> round(d.value, 4), round(d.p, 2)
    (0.0104, 0.76)
    """
    if not (baseline.known and candidate.known):
        return unknown("acc.diff", "one side has no predictions")
    p1, p2, n1, n2 = baseline.value, candidate.value, baseline.n_eff, candidate.n_eff
    d = p2 - p1
    pooled = (p1 * n1 + p2 * n2) / (n1 + n2)
    se = sqrt(pooled * (1 - pooled) * (1 / n1 + 1 / n2))
    low = d - sqrt((p2 - candidate.low) ** 2 + (baseline.high - p1) ** 2)
    high = d + sqrt((candidate.high - p2) ** 2 + (p1 - baseline.low) ** 2)
    p_value = float(2 * ndtr(-abs(d) / se)) if se > 0 else 1.0
    return Estimate("acc.diff", d, low, high, se, inf, baseline.n + candidate.n, p_value)
