"""Comparisons of configurations with several seeds: the unit is the run, not the step."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from math import inf, isfinite, nan, pi, sqrt

import numpy as np
from scipy.special import ndtr

from analysis.statistics.estimate import Estimate, FloatArray, difference, estimate, t_quantile, unknown

RESAMPLES = 2_000
LEAST_RESAMPLED = 8
"""Runs per side from which a percentile bootstrap covers about 95%: it misses 29% with two runs, 7% with 8."""

_TOO_FEW = f"a bootstrap of fewer than {LEAST_RESAMPLED} runs a side is too narrow"
NORMAL = t_quantile(0.975, inf)


def seed_mean(values: FloatArray) -> Estimate:
    """Estimate the mean of one value per run, with Student's interval (seeds.mean).

    Examples
    --------
    >>> e = seed_mean(np.array([0.30, 0.31, 0.29]))
    >>> round(e.value, 3), round(e.half_width, 3), e.df
    (0.3, 0.025, 2)
    """
    values = values[np.isfinite(values)]
    n = int(values.size)
    if n < 2:
        value = float(values[0]) if n else float("nan")
        return unknown("seeds.mean", "one run per configuration shows no seed spread", value=value, n=n)
    return estimate("seeds.mean", float(values.mean()), float(values.std(ddof=1)) / sqrt(n), n - 1, n)


def seed_difference(baseline: FloatArray, candidate: FloatArray) -> Estimate:
    """Compare two configurations by Welch's t, one value per run (seeds.diff); needs two runs per arm."""
    return difference("seeds.diff", seed_mean(baseline), seed_mean(candidate))


def paired_seed_difference(baseline: FloatArray, candidate: FloatArray) -> Estimate:
    """Compare two configurations that ran with the same seeds, pair by pair (seeds.paired).

    Student's t on the differences. For 6 to 16 pairs p is at least that of the exact sign-flip test, and if that test
    decides, the standard error is widened to match, so that interval and p agree.

    Parameters
    ----------
    baseline, candidate : ndarray, shape (seeds,)
        In the same order of seeds.
    """
    d = candidate - baseline
    mean = seed_mean(d)
    if not mean.known:
        return replace(mean, definition="seeds.paired")
    result = estimate("seeds.paired", mean.value, mean.se, mean.df, int(2 * d.size), tested=True)
    if not 6 <= d.size <= 16 or (p := sign_flip_p(d)) <= result.p:
        return result
    wider = abs(mean.value) / t_quantile(1 - p / 2, mean.df) if p < 1 else mean.se
    return estimate("seeds.paired", mean.value, max(mean.se, wider), mean.df, int(2 * d.size), tested=True)


def one_against_group(group: FloatArray, one: float) -> Estimate:
    """Compare one run with a group of k seeds: ``t = (x - mean)/(s sqrt(1 + 1/k))``, df k - 1 (seeds.one_against).

    Crawford and Howell (1998), comparing an individual's test score against norms derived from small samples.

    Examples
    --------
    >>> e = one_against_group(np.array([0.30, 0.31, 0.29]), 0.20)
    >>> round(e.value, 3), e.df, round(e.p, 3)
    (-0.1, 2, 0.013)
    """
    group = group[np.isfinite(group)]
    k = int(group.size)
    if k < 2:
        return unknown("seeds.one_against", "one run per configuration shows no seed spread", n=k + 1)
    se = float(group.std(ddof=1)) * sqrt(1 + 1 / k)
    return estimate("seeds.one_against", one - float(group.mean()), se, k - 1, k + 1, tested=True)


def pooled_sd(groups: Sequence[FloatArray]) -> tuple[float, int]:
    """Return the pooled standard deviation within groups of seeds and its degrees of freedom (seeds.pooled).

    NaN and 0 if no group has two runs.
    """
    usable = [group for group in groups if group.size > 1]
    df = sum(group.size - 1 for group in usable)
    squares = sum(float(((group - group.mean()) ** 2).sum()) for group in usable)
    return (sqrt(squares / df), df) if df else (nan, 0)


def tipping_point(difference: float, se: float, *, runs: tuple[int, int] = (1, 1)) -> float:
    """Return the standard deviation between seeds above which a difference is not significant (seeds.tipping).

    ``sqrt((d/1.96)² - SE²) / sqrt(1/k1 + 1/k2)``; 0 if the difference is within its own error already.

    Examples
    --------
    >>> round(tipping_point(2.77, 0.0), 2), tipping_point(1.0, 1.0)
    (1.0, 0.0)
    """
    beyond = (difference / NORMAL) ** 2 - (se if isfinite(se) else 0.0) ** 2
    return sqrt(max(beyond, 0.0) / (1 / runs[0] + 1 / runs[1]))


def expected_lead(k: int) -> float:
    """Return the expected maximum of k independent standard normal values, the lead of the best of k by chance.

    Examples
    --------
    >>> round(expected_lead(2), 2), round(expected_lead(20), 2)
    (0.56, 1.87)
    """
    if k < 2:
        return 0.0
    x = np.linspace(-8, 8, 4001)
    density = k * np.exp(-(x**2) / 2) / sqrt(2 * pi) * ndtr(x) ** (k - 1)
    return float((x * density).sum() * (x[1] - x[0]))


def sign_flip_p(d: FloatArray) -> float:
    """Return the exact two-sided p of a mean of differences over all 2^n assignments of signs."""
    signs = 1 - 2 * ((np.arange(2**d.size)[:, None] >> np.arange(d.size)) & 1)
    sums = np.abs(signs @ d)
    return float((sums >= abs(float(d.sum())) * (1 - 1e-12)).mean())


def interquartile_mean(values: FloatArray) -> float:
    """Return the mean of the middle half: ``n // 4`` values are cut off at either end.

    Examples
    --------
    >>> interquartile_mean(np.array([0.0, 1.0, 2.0, 100.0]))
    1.5
    """
    return float(_iqm(np.sort(values)[None, :])[0])


def seed_iqm(values: FloatArray, *, rng: np.random.Generator, resamples: int = RESAMPLES) -> Estimate:
    """Estimate the interquartile mean over runs with a percentile bootstrap interval (seeds.iqm)."""
    values = values[np.isfinite(values)]
    n = int(values.size)
    if n < 3:
        return unknown("seeds.iqm", "fewer than 3 runs", n=n)
    draws = _iqm(np.sort(values[rng.integers(0, n, (resamples, n))], axis=1))
    return bootstrapped("seeds.iqm", interquartile_mean(values), draws, n)


def iqm_difference(
    baseline: FloatArray, candidate: FloatArray, *, rng: np.random.Generator, resamples: int = RESAMPLES
) -> Estimate:
    """Compare interquartile means by a stratified bootstrap over the runs of each configuration.

    Without an interval for fewer than `LEAST_RESAMPLED` runs in either.
    """
    a, b = baseline[np.isfinite(baseline)], candidate[np.isfinite(candidate)]
    n = int(a.size + b.size)
    if min(a.size, b.size) < 3:
        return unknown("seeds.iqm", "fewer than 3 runs in a configuration", n=n)
    value = interquartile_mean(b) - interquartile_mean(a)
    if min(a.size, b.size) < LEAST_RESAMPLED:
        return unknown("seeds.iqm", _TOO_FEW, value=value, n=n)
    draws_a = _iqm(np.sort(a[rng.integers(0, a.size, (resamples, a.size))], axis=1))
    draws_b = _iqm(np.sort(b[rng.integers(0, b.size, (resamples, b.size))], axis=1))
    return bootstrapped("seeds.iqm", value, draws_b - draws_a, n)


def probability_of_improvement(
    baseline: FloatArray,
    candidate: FloatArray,
    *,
    lower_is_better: bool,
    rng: np.random.Generator,
    resamples: int = RESAMPLES,
) -> Estimate:
    """Estimate the probability that a run of the candidate beats one of the baseline (seeds.prob_improvement).

    Ties count one half, as in rliable (Agarwal et al. 2021); stratified percentile bootstrap over runs, without an
    interval for fewer than `LEAST_RESAMPLED` runs per side.

    Examples
    --------
    >>> a, b = np.array([0.3, 0.31, 0.32]), np.array([0.2, 0.21, 0.22])
    >>> probability_of_improvement(a, b, lower_is_better=True, rng=np.random.default_rng(0)).value
    1.0
    """
    a, b = baseline[np.isfinite(baseline)], candidate[np.isfinite(candidate)]
    n = int(a.size + b.size)
    if min(a.size, b.size) < 2:
        return unknown("seeds.prob_improvement", "fewer than 2 runs in a configuration", n=n)
    sign = -1.0 if lower_is_better else 1.0
    wins = 0.5 + 0.5 * np.sign(sign * (b[:, None] - a[None, :]))
    value = float(wins.mean())
    if min(a.size, b.size) < LEAST_RESAMPLED or value in (0.0, 1.0):
        why = _TOO_FEW if min(a.size, b.size) < LEAST_RESAMPLED else "all pairs go one way: resampling shows no scatter"
        return unknown("seeds.prob_improvement", why, value=value, n=n)
    rows = rng.integers(0, b.size, (resamples, b.size))
    columns = rng.integers(0, a.size, (resamples, a.size))
    # The mean over the resampled grid is weights of rows times wins times weights of columns.
    draws = np.einsum("ri,ij,rj->r", _weights(rows, b.size), wins, _weights(columns, a.size))
    return bootstrapped("seeds.prob_improvement", value, draws, n)


def _iqm(ordered: FloatArray) -> FloatArray:
    cut = ordered.shape[1] // 4
    return np.asarray(ordered[:, cut : ordered.shape[1] - cut].mean(axis=1))


def _weights(draws: np.ndarray[tuple[int, int], np.dtype[np.int64]], size: int) -> FloatArray:
    return np.asarray((draws[:, :, None] == np.arange(size)).mean(axis=1))


def bootstrapped(definition: str, value: float, draws: FloatArray, n: int) -> Estimate:
    low, high = np.quantile(draws, (0.025, 0.975))
    return Estimate(definition, value, float(low), float(high), float(draws.std(ddof=1)), inf, n)
