"""`Estimate`, a number with its uncertainty, and the operations on it that every comparison uses."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import exp, hypot, inf, isfinite, nan

import numpy as np
import numpy.typing as npt
from scipy.special import ndtri, stdtr, stdtrit

FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]
Steps = npt.NDArray[np.float64] | npt.NDArray[np.int64]
"""Positions of values: whole steps as in the run table, or any numbers."""

LEVEL = 0.95
"""Default coverage of intervals."""

DETECTABLE = float(ndtri(0.975) + ndtri(0.80))
"""1.96 + 0.84 = 2.8 standard errors: the difference found with 80% power at 5%."""


@dataclass(frozen=True)
class Estimate:
    """A value with its interval, and how both were computed.

    Attributes
    ----------
    definition : str
        ID in `analysis.findings.definitions.DEFINITIONS`.
    value, low, high : float
        Estimate and interval; NaN if unknown (``reason`` says why).
    se, df : float
        Standard error and its degrees of freedom; for a ratio those of its logarithm.
    n : int
        Number of points used.
    p : float
        Two-sided p of "no difference"; NaN for a level, which is not tested.
    n_eff : float
        Effective sample size: independent points that the n are worth.
    reason : str or None
        Why there is no interval, in words for a reader.
    """

    definition: str
    value: float
    low: float = nan
    high: float = nan
    se: float = nan
    df: float = nan
    n: int = 0
    p: float = nan
    n_eff: float = nan
    reason: str | None = None

    @property
    def known(self) -> bool:
        """True if there is an interval."""
        return isfinite(self.low) and isfinite(self.high)

    @property
    def detectable(self) -> float:
        """Smallest difference found with 80% power (power.mdd); for a ratio that of its logarithm."""
        return DETECTABLE * self.se

    @property
    def half_width(self) -> float:
        """Half the width of the interval, as printed after ±."""
        return (self.high - self.low) / 2

    def negated(self) -> Estimate:
        """Return the difference with baseline and candidate swapped.

        Examples
        --------
        >>> e = Estimate("loss.window_diff", 2.0, 1.0, 4.0).negated()
        >>> e.value, e.low, e.high
        (-2.0, -4.0, -1.0)
        """
        return self.scaled(-1.0)

    def scaled(self, factor: float) -> Estimate:
        """Return the estimate in another unit, such as a share in percent: value, bounds and error times a factor."""
        low, high = sorted((self.low * factor, self.high * factor))
        return replace(self, value=self.value * factor, low=low, high=high, se=self.se * abs(factor))


def t_quantile(probability: float, df: float) -> float:
    """Return Student's t quantile; the normal one for infinite ``df``.

    Examples
    --------
    >>> round(t_quantile(0.975, 10), 3), round(t_quantile(0.975, float("inf")), 3)
    (2.228, 1.96)
    """
    return float(ndtri(probability)) if df == inf else float(stdtrit(df, probability))


def t_tail(t: float, df: float) -> float:
    """Return P(T > t) for Student's t.

    Examples
    --------
    >>> round(t_tail(2.228, 10), 3)
    0.025
    """
    return float(stdtr(1e12 if df == inf else df, -t))


def estimate(
    definition: str,
    value: float,
    se: float,
    df: float,
    n: int,
    *,
    n_eff: float = nan,
    level: float = LEVEL,
    tested: bool = False,
) -> Estimate:
    """Return an estimate with its t interval; ``tested`` adds the two-sided p of zero.

    A standard error of exactly zero (a constant series) gives an interval of zero width, and p = 1 or 0.
    """
    if not (isfinite(value) and isfinite(se) and df > 0):
        return Estimate(definition, value, n=n, n_eff=n_eff, reason="too few points for an interval")
    half = t_quantile(0.5 + level / 2, df) * se
    p = nan
    if tested and se > 0:
        p = min(1.0, 2 * t_tail(abs(value) / se, df))
    elif tested:
        p = 1.0 if value == 0 else 0.0
    return Estimate(definition, value, value - half, value + half, se, df, n, p, n_eff)


def unknown(definition: str, reason: str, *, value: float = nan, n: int = 0, n_eff: float = nan) -> Estimate:
    """Return an estimate without an interval, for a reason."""
    return Estimate(definition, value, n=n, n_eff=n_eff, reason=reason)


def difference(definition: str, baseline: Estimate, candidate: Estimate) -> Estimate:
    """Subtract two independent estimates (candidate − baseline) by Welch's t.

    Parameters
    ----------
    definition : str
        ID of the difference.
    baseline, candidate : Estimate
        Independent estimates of the same kind.

    Notes
    -----
    Degrees of freedom by Welch and Satterthwaite (1947).

    Examples
    --------
    >>> a = estimate("seeds.mean", 1.0, 0.1, 10, 11)
    >>> b = estimate("seeds.mean", 1.3, 0.1, 10, 11)
    >>> d = difference("seeds.diff", a, b)
    >>> round(d.value, 3), round(d.df, 1), round(d.p, 3)
    (0.3, 20.0, 0.047)
    """
    value = candidate.value - baseline.value
    n = baseline.n + candidate.n
    for side in (baseline, candidate):
        if side.reason is not None:
            return unknown(definition, side.reason, value=value, n=n)
    return estimate(definition, value, *_joint_error((baseline, candidate)), n, tested=True)


def mean_of(definition: str, parts: Sequence[Estimate], *, tested: bool = False) -> Estimate:
    """Return the unweighted mean of independent estimates; without an interval if one of them has none.

    Examples
    --------
    >>> e = mean_of("examples.mean_of_tasks", [estimate("x", 0.1, 0.03, 50, 51), estimate("x", 0.3, 0.04, 50, 51)])
    >>> round(e.value, 3), round(e.se, 3), round(e.df, 1)
    (0.2, 0.025, 92.7)
    """
    value, n = float(np.mean([part.value for part in parts])), sum(part.n for part in parts)
    for part in parts:
        if part.reason is not None:
            return unknown(definition, part.reason, value=value, n=n)
    se, df = _joint_error(parts)
    return estimate(definition, value, se / len(parts), df, n, tested=tested)


def _joint_error(parts: Sequence[Estimate]) -> tuple[float, float]:
    """Return the standard error of a sum of independent estimates, and its degrees of freedom by Satterthwaite."""
    se = hypot(*(part.se for part in parts))
    if se == 0:
        return 0.0, inf
    # Shares of the variance, since fourth powers of ``se`` itself may overflow or underflow in some units.
    inverse = sum(((part.se / se) ** 2) ** 2 / part.df for part in parts)
    return se, 1 / inverse if inverse > 0 else inf


def as_ratio(log_estimate: Estimate, definition: str | None = None) -> Estimate:
    """Convert an estimate of a logarithm to one of the ratio; ``se``, ``df`` and ``p`` stay those of the logarithm.

    Examples
    --------
    >>> as_ratio(estimate("noise.ratio", 0.0, 0.1, 50, 52)).value
    1.0
    """
    return replace(
        log_estimate,
        definition=definition or log_estimate.definition,
        value=exp(log_estimate.value),
        low=exp(log_estimate.low),
        high=exp(log_estimate.high),
    )


def holm(p_values: Sequence[float]) -> list[float]:
    """Return p-values adjusted by Holm's step-down method (1979); NaN stays NaN and does not count (multi.holm).

    Parameters
    ----------
    p_values : sequence of float
        All tests of the report, in any order.

    Returns
    -------
    list of float
        Adjusted p, in the same order.

    Examples
    --------
    >>> holm([0.01, 0.04, 0.03])
    [0.03, 0.06, 0.06]
    """
    p = np.asarray(p_values, dtype=np.float64)
    tested = np.flatnonzero(~np.isnan(p))
    order = tested[np.argsort(p[tested], kind="stable")]
    adjusted = np.full(p.shape, nan)
    factors = np.arange(order.size, 0, -1)
    adjusted[order] = np.minimum(np.maximum.accumulate(p[order] * factors), 1.0)
    return [float(value) for value in adjusted]


def equivalence_p(diff: Estimate, margin: float) -> float:
    """Return the p of two one-sided t tests for a difference within ±margin (equiv.tost).

    Equivalence is shown at 5% if p is at most 0.05. NaN if the difference has no interval.

    Examples
    --------
    >>> round(equivalence_p(estimate("loss.window_diff", 0.0, 0.01, 1e9, 100), 0.02), 4)
    0.0228
    """
    if not diff.known:
        return nan
    if diff.se == 0:
        return 0.0 if abs(diff.value) < margin else 1.0
    return t_tail((margin - abs(diff.value)) / diff.se, diff.df)


def required_size(spread: float, effect: float, *, paired: bool = False) -> int | None:
    """Return the number of units (seeds, examples) per arm that shows ``effect`` with 80% power at 5%.

    ``ceil(2 (2.8 spread/effect)²)``, at least 2, without the leading 2 if paired (seeds.required, fullval.required).
    None for an effect of 0 or an unknown spread.

    Examples
    --------
    >>> required_size(spread=0.01, effect=0.01)
    16
    """
    if not (isfinite(spread) and isfinite(effect)) or effect == 0 or spread < 0:
        return None
    arms = 1 if paired else 2
    return max(2, int(np.ceil(round(arms * (DETECTABLE * spread / effect) ** 2, 9))))
