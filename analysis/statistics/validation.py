"""Metrics of the whole validation set: their sampling error, and differences between two of them."""

from __future__ import annotations

from dataclasses import replace
from math import isfinite, nan, sqrt

import numpy as np
from scipy.special import gammaln, ndtr

from analysis.statistics.counts import proportion_difference, wilson
from analysis.statistics.estimate import Estimate, FloatArray, estimate, required_size, unknown
from analysis.statistics.levels import Settled
from analysis.statistics.series import scatter_about_curve

SMALL_SET = 200
"""Examples below which a difference of shares is tested exactly."""

LEAST_EVALUATIONS = 8
"""Evaluations from which the scatter of a curve can be estimated."""

MOVING = 0.1
"""Seed-to-seed standard deviation of a moving curve, as a share of its last change."""


def full_validation(value: float, minibatches: Settled | None, *, batch: int, n_valid: int) -> Estimate:
    """Estimate the loss of a full validation, with the sampling error of its finite set.

    Parameters
    ----------
    value : float
        Logged full validation loss.
    minibatches : Settled or None
        Minibatch validation losses of the same run, whose scatter gives the spread per example.
    batch, n_valid : int
        Number of examples in a minibatch and in the whole set.

    Returns
    -------
    Estimate
        ``SE = sd(minibatch losses) * sqrt(batch) / sqrt(n_valid)``, ``df = evaluations - 2``. The sd is taken
        about the trend of the run, since a falling loss is not a sampling error.
    """
    name = "fullval.level"
    if not np.isfinite(value):
        return unknown(name, "no full validation")
    if minibatches is None or minibatches.n < 5:
        reason = "its error is known only from scores by example, or from at least 5 minibatch validations"
        return unknown(name, reason, value=value, n=n_valid)
    if batch <= 0 or n_valid <= 0:
        return unknown(name, "batch size or validation set size unknown", value=value)
    se = minibatches.line.s * sqrt(batch / n_valid)
    return estimate(name, value, se, minibatches.n - 2, n_valid)


def least_error(score: float, n_valid: int | None) -> float:
    """Return a lower bound of the standard error of a score such as F1 or AUC: that of a share; NaN if n is unknown.

    A macro average, or few positives among the examples, makes the error larger.
    """
    whole = 100.0 if score > 1 else 1.0
    return sqrt(max(score * (whole - score), 0.0) / n_valid) if n_valid else nan


def seed_luck(values: FloatArray, sign: int) -> float:
    """Return how far the last value of a curve of evaluations may depend on the seed, judged by the curve alone.

    The larger of a tenth of the last change (by which seeds of a moving curve are ahead or behind) and its scatter:
    `evaluation_scatter`, or for fewer than 8 evaluations their largest step back. Between seeds of real trainings the
    standard deviation was .07 to .14 times the last change while that was large, and .8 to 1.4 times the step back of
    wavering curves.

    Parameters
    ----------
    values : ndarray, shape (n,)
        Evaluations in their order.
    sign : int
        1 if smaller is better, else -1.
    """
    steps = sign * np.diff(values)
    if not steps.size:
        return 0.0
    scatter = evaluation_scatter(values)
    wavering = max(float(steps.max()), 0.0) if np.isnan(scatter) else scatter
    return max(MOVING * abs(float(steps[-1])), wavering)


def evaluation_scatter(values: FloatArray) -> float:
    """Return the standard deviation of single evaluations about a smooth curve; NaN for fewer than 8.

    It is `scatter_about_curve` of the second half, but at least of the last 8 evaluations.

    Parameters
    ----------
    values : ndarray, shape (n,)
        Evaluations in their order.

    Notes
    -----
    This is a lower bound of the error, since all evaluations share the validation set and the seed.
    """
    if values.size < LEAST_EVALUATIONS:
        return nan
    return scatter_about_curve(values[-max(LEAST_EVALUATIONS, values.size // 2) :])


def share_level(value: float, n_valid: int, *, scatter: float = nan) -> Estimate:
    """Estimate a share of ``n_valid`` examples: Wilson's interval, widened to the scatter of the curve (fullval.share).

    Examples
    --------
    >>> e = share_level(0.9, 1000)
    >>> round(e.low, 3), round(e.high, 3)
    (0.88, 0.917)
    """
    name = "fullval.share"
    if not 0 <= value <= 1:
        return unknown(name, "not a share between 0 and 1", value=value)
    sampling = value * (1 - value) / n_valid
    deff = max(1.0, scatter**2 / sampling) if sampling > 0 and isfinite(scatter) else 1.0
    return replace(wilson(value * n_valid, n_valid, deff=deff), definition=name)


def share_difference(baseline: Estimate, candidate: Estimate) -> Estimate:
    """Compare two shares of independent sets of examples (fullval.share_diff).

    Newcombe's interval; p of the pooled z test, below 200 examples the larger of that and Fisher's exact test.
    Conservative for two models on one validation set, which tend to err on the same examples.
    """
    result = proportion_difference(baseline, candidate)
    if not result.known:
        return result
    p = result.p
    if min(baseline.n, candidate.n) < SMALL_SET:
        counts = [round(side.value * side.n) for side in (baseline, candidate)]
        p = max(p, _fisher(counts[0], baseline.n, counts[1], candidate.n))
    return replace(result, definition="fullval.share_diff", p=p)


def p_any_overlap(baseline: Estimate, candidate: Estimate) -> float:
    """Return a two-sided p of two shares of the same examples that is valid however many errors both models share.

    ``Var(d) <= (e1 + e2 - d²)/n`` with the error rates e; equal if no example is wrong in both.
    """
    n = min(baseline.n_eff, candidate.n_eff)
    d = candidate.value - baseline.value
    variance = max(2 - baseline.value - candidate.value - d**2, 0.0) / n
    return float(2 * ndtr(-abs(d) / sqrt(variance))) if variance > 0 else (1.0 if d == 0 else 0.0)


def _fisher(x1: int, n1: int, x2: int, n2: int) -> float:
    """Return the two-sided p of Fisher's exact test: the probability of all tables at most as likely as the given."""
    total = x1 + x2
    k = np.arange(max(0, total - n2), min(total, n1) + 1, dtype=np.float64)

    def log_choose(n: int, r: FloatArray) -> FloatArray:
        return np.asarray(gammaln(n + 1) - gammaln(r + 1) - gammaln(n - r + 1))

    logs = log_choose(n1, k) + log_choose(n2, total - k)
    weights = np.exp(logs - logs.max())
    seen = weights[int(x1 - k[0])]
    return float(min(1.0, weights[weights <= seen * (1 + 1e-7)].sum() / weights.sum()))


def spread_per_example(minibatches: Settled | None, *, batch: int) -> float:
    """Return the standard deviation of the loss of one example, from the scatter of minibatch validations."""
    if minibatches is None or minibatches.n < 5:
        return float("nan")
    return minibatches.line.s * sqrt(batch)


def required_examples(minibatches: Settled | None, *, batch: int, effect: float) -> int | None:
    """Return the number of validation examples per run that shows ``effect`` (fullval.required)."""
    return required_size(spread_per_example(minibatches, batch=batch), effect)
