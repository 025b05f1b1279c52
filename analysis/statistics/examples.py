"""Scores by example: their mean, and the difference of two models on the same examples.

Error bars follow Miller (2024), Adding Error Bars to Evals: A Statistical Approach to Language Model Evaluations.
"""

from __future__ import annotations

from dataclasses import replace
from math import inf, nan, sqrt

import numpy as np
import numpy.typing as npt
from scipy.special import bdtr, ndtr

from analysis.statistics.counts import wilson
from analysis.statistics.estimate import LEVEL, Estimate, FloatArray, estimate, t_quantile, unknown
from analysis.statistics.seeds import RESAMPLES, bootstrapped, sign_flip_p
from analysis.statistics.validation import SMALL_SET

MOST_RESAMPLED = 20_000
"""Examples, or clusters, above which no bootstrap is drawn, since its interval agrees with the normal one."""

FEW = 16
"""Examples, or clusters, up to which the p-value is at least that of the exact sign-flip test."""

Labels = npt.NDArray[np.intp]
"""Index of the cluster of each example, from 0."""


def example_mean(
    definition: str,
    scores: FloatArray,
    *,
    clusters: Labels | None = None,
    weights: FloatArray | None = None,
    tested: bool = False,
) -> Estimate:
    """Return the mean of scores by example, with a cluster-robust standard error.

    Parameters
    ----------
    definition : str
        ID of the mean.
    scores : ndarray, shape (n,)
        Scores, or differences of scores.
    clusters : ndarray of int, shape (n,), optional
        Examples of one cluster need not be independent.
    weights : ndarray, shape (n,), optional
        Positive; all 1 by default.
    tested : bool
        Whether to test a mean of zero; for up to `FEW` units p is at least that of the exact sign-flip test.

    Returns
    -------
    Estimate
        ``SE² = G/(G − 1) Σ_c (Σ_{i∈c} w_i (x_i − x̄))² / (Σ w)²`` over G clusters, with G − 1 degrees of freedom: the
        linearised, cluster-robust variance (Liang and Zeger 1986), or the textbook one without clusters.

    Examples
    --------
    >>> e = example_mean("examples.level", np.array([1.0, 0.0, 1.0, 1.0]))
    >>> e.value, e.se, e.df
    (0.75, 0.25, 3)
    >>> round(example_mean("examples.level", np.array([1.0, 1.0, 0.0, 0.0]), clusters=np.array([0, 0, 1, 1])).se, 3)
    0.5
    """
    n = int(scores.size)
    if n == 0:
        return unknown(definition, "no example")
    w = np.ones(n) if weights is None else weights
    value = float(np.average(scores, weights=w))
    sums = _by_cluster(w * (scores - value), clusters)
    units = int(sums.size)
    if units < 2:
        what = "one example has no spread" if n == 1 else "all examples belong together, which shows no spread"
        return unknown(definition, what, value=value, n=n)
    se = sqrt(units / (units - 1) * float((sums**2).sum())) / float(w.sum())
    result = estimate(definition, value, se, units - 1, n, n_eff=float(units), tested=tested)
    if tested and units <= FEW:
        result = replace(result, p=max(result.p, sign_flip_p(_by_cluster(w * scores, clusters))))
    return result


def share_of_examples(scores: FloatArray, *, clusters: Labels | None = None) -> Estimate:
    """Estimate a share of right answers with Wilson's interval, at the effective sample size (examples.share).

    The design effect is the cluster-robust variance over that of independent examples, at least 1 (Kish 1965).

    Examples
    --------
    >>> e = share_of_examples(np.array([1.0] * 90 + [0.0] * 10))
    >>> round(e.low, 3), round(e.high, 3)
    (0.826, 0.945)
    """
    n, right = int(scores.size), float(scores.sum())
    deff = 1.0
    if clusters is not None and 0 < right < n:
        clustered = example_mean("examples.share", scores, clusters=clusters)
        if not clustered.known:
            return clustered
        deff = max(1.0, clustered.se**2 / (right / n * (1 - right / n) / n))
    return replace(wilson(right, n, deff=deff), definition="examples.share")


def paired_difference(
    baseline: FloatArray,
    candidate: FloatArray,
    *,
    clusters: Labels | None = None,
    weights: FloatArray | None = None,
    definition: str = "fullval.paired",
) -> Estimate:
    """Compare two models on the same examples by Student's t of the differences; cluster-robust with ``clusters``.

    Parameters
    ----------
    baseline, candidate : ndarray, shape (examples,)
        In the same order of examples; examples without two finite scores are left out.
    """
    d = np.asarray(candidate, dtype=np.float64) - np.asarray(baseline, dtype=np.float64)
    scored = np.isfinite(d)
    if not scored.all():
        d = d[scored]
        clusters = clusters[scored] if clusters is not None else None
        weights = weights[scored] if weights is not None else None
    return example_mean(definition, d, clusters=clusters, weights=weights, tested=True)


def paired_shares(baseline: FloatArray, candidate: FloatArray) -> Estimate:
    """Compare the shares of right answers of two models on the same examples (examples.mcnemar).

    Parameters
    ----------
    baseline, candidate : ndarray of 0 and 1, shape (examples,)
        In the same order of examples.

    Returns
    -------
    Estimate
        p of McNemar's test: exact (binomial) for fewer than 200 examples on which the models differ, else
        ``z = (c − b)/√(b + c)``. Interval of Newcombe (1998), Improved confidence intervals for the difference
        between binomial proportions based on paired data, method 10.

    Examples
    --------
    >>> one, two = np.array([1.0] * 20 + [0.0] * 20), np.array([1.0] * 19 + [0.0] * 12 + [1.0] * 9)
    >>> e = paired_shares(one, two)
    >>> round(e.value, 3), round(e.p, 4), round(e.low, 3), round(e.high, 3)
    (0.2, 0.0215, 0.047, 0.337)
    """
    n = int(baseline.size)
    if n == 0:
        return unknown("examples.mcnemar", "no example")
    both = int((baseline * candidate).sum())
    lost, won = int(baseline.sum()) - both, int(candidate.sum()) - both
    d = (won - lost) / n
    low, high = _newcombe_paired(both, lost, won, n - both - lost - won)
    p = _mcnemar_p(lost, won)
    # If the models never differ the plain standard error is 0: then it is taken from the interval.
    se = sqrt(max(won + lost - n * d * d, 0.0)) / n or (high - low) / 2 / t_quantile(0.5 + LEVEL / 2, inf)
    return Estimate("examples.mcnemar", d, low, high, se, inf, n, p, float(n))


def bootstrap_difference(
    baseline: FloatArray,
    candidate: FloatArray,
    *,
    rng: np.random.Generator,
    clusters: Labels | None = None,
    weights: FloatArray | None = None,
) -> Estimate:
    """Compare two models on the same examples by resampling examples, or clusters of them (examples.bootstrap).

    Percentile interval, without p. Unknown above `MOST_RESAMPLED` units, where it agrees with that of t.
    """
    name, n = "examples.bootstrap", int(baseline.size)
    w = np.ones(n) if weights is None else weights
    sums, sizes = _by_cluster(w * (candidate - baseline), clusters), _by_cluster(w, clusters)
    if not 2 <= sums.size <= MOST_RESAMPLED:
        why = "fewer than 2 units" if sums.size < 2 else f"more than {MOST_RESAMPLED:,} units: as by t"
        return unknown(name, why, value=float(sums.sum() / sizes.sum()) if n else nan, n=n)
    draws = np.empty(RESAMPLES)
    for place in range(RESAMPLES):  # one by one, so that memory stays proportional to the examples
        drawn = rng.integers(0, sums.size, sums.size)
        draws[place] = sums[drawn].sum() / sizes[drawn].sum()
    return bootstrapped(name, float(sums.sum() / sizes.sum()), draws, n)


def _by_cluster(values: FloatArray, clusters: Labels | None) -> FloatArray:
    if clusters is None:
        return values
    sums = np.bincount(clusters, weights=values).astype(np.float64)
    return sums[np.bincount(clusters) > 0]


def _mcnemar_p(lost: int, won: int) -> float:
    """Return the two-sided p of "both directions of difference are equally frequent" (McNemar 1947)."""
    differ = lost + won
    if differ == 0:
        return 1.0
    if differ < SMALL_SET:
        return min(1.0, 2 * float(bdtr(min(lost, won), differ, 0.5)))
    return float(2 * ndtr(-abs(won - lost) / sqrt(differ)))


def _newcombe_paired(both: int, lost: int, won: int, neither: int) -> tuple[float, float]:
    """Return Newcombe's interval of a difference of paired shares: Wilson's limits, combined by the correlation phi."""
    n = both + lost + won + neither
    one, two = wilson(both + lost, n), wilson(both + won, n)
    margins = (both + lost) * (won + neither) * (both + won) * (lost + neither)
    product = float(both * neither - lost * won)
    if product > 0:
        product = max(product - n / 2, 0.0)  # his continuity correction
    phi = product / sqrt(margins) if margins else 0.0
    below = two.value - two.low, one.high - one.value
    above = two.high - two.value, one.value - one.low
    d = two.value - one.value
    return d - _joint(*below, phi), d + _joint(*above, phi)


def _joint(first: float, second: float, phi: float) -> float:
    return sqrt(max(first**2 - 2 * phi * first * second + second**2, 0.0))
