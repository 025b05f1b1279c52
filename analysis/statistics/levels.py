"""Level, trend and noise of a run, each with an interval."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property
from math import log, nan, sqrt

import numpy as np

from analysis.statistics.drops import without_drops
from analysis.statistics.estimate import Estimate, FloatArray, Steps, as_ratio, difference, estimate, unknown
from analysis.statistics.longrun import RHO_MAX, Line, batch_variance, corrected_lag, cosine_variance, fit_line
from analysis.statistics.series import burn_in

WINDOW_SHARE = 0.2
WINDOW_LEAST = 20
LEAST_EFFECTIVE = 5.0

LEAST_DF = 2.0

END_WINDOWS = 2.5
END_LEAST = 120
"""Length of the end of a run over which the error of a level is measured: in windows, and in points at least."""

NOISE_BLOCK = 60
"""Points over which a bent curve counts as straight when its noise is measured."""

LEAST_BLOCK = 15
"""Points of the shortest stretch over which noise is measured."""

LOUD = 2.5
"""Multiple of the median sum of squares of a stretch above which a drop of the level in it is considered."""

LEAST_PART = 5
"""Least number of points on either side of a drop of the level."""

TOO_DEPENDENT = 0.6
"""Lag-1 correlation within short stretches above which a bend cannot be distinguished from autocorrelation."""

BENT = 0.9
"""Ratio of the noise about short lines to that about one line below which the curve is bent."""


@dataclass(frozen=True)
class Settled:
    """A series after its burn-in, with its trend line; levels, trends and noises are computed from it.

    Attributes
    ----------
    burn_in : int
        Number of rows left out at the start.
    x, steps : ndarray, shape (n,)
        Values and steps of the rest.
    line : Line
        Trend, noise ``s`` and autocorrelation ``rho`` of the rest.
    """

    burn_in: int
    line: Line
    x: FloatArray = field(repr=False)
    steps: Steps = field(repr=False)

    @property
    def n(self) -> int:
        """Number of points after burn-in."""
        return int(self.x.size)

    @property
    def window(self) -> int:
        """Number of points in the last window: a fifth of the points, but at least 20, or all if there are fewer."""
        return min(self.n, max(WINDOW_LEAST, int(WINDOW_SHARE * self.n)))

    @property
    def end(self) -> Line | None:
        """Parabola through the end of the run, which gives the error of the level; None for a short run."""
        return self._end[0] if self._end is not None else None

    @property
    def drops_late(self) -> bool:
        """True if the level drops within the last window, so that the mean of the window is not a level."""
        return self._end is not None and self._end[1]

    @cached_property
    def _end(self) -> tuple[Line, bool] | None:
        """Parabola through the end of the run, with drops of the level removed; True if one is in the last window."""
        points = max(int(END_WINDOWS * self.window), END_LEAST)
        if self.n < points:
            return None
        level, drops = without_drops(self.x[-points:], self.steps[-points:])
        line = fit_line(level, self.steps[-points:], curved=True)
        late = any(place > points - self.window for place in drops)
        return replace(line, degree=line.degree + len(drops)), late

    @cached_property
    def local_residual(self) -> FloatArray:
        """Residual of lines through stretches of 60 points, except those with a drop, shape (at most n - n % 60,)."""
        return _residual_of_short_lines(self.x, NOISE_BLOCK)

    @property
    def bent(self) -> bool:
        """True if noise about short lines is smaller than about one line, by more than autocorrelation explains."""
        if self.n < 2 * NOISE_BLOCK or self.line.s == 0:
            return False
        e = self.local_residual
        rho = _local_rho(e, NOISE_BLOCK)
        if rho > TOO_DEPENDENT:
            return False
        # Autocorrelated noise also loses variance to the level and slope of each stretch.
        left = max(0.1, 1 - 3 * (1 + rho) / ((1 - rho) * NOISE_BLOCK))
        return _local_sd(e, NOISE_BLOCK) < BENT * sqrt(left) * self.line.s

    def effective(self, points: int) -> float:
        """Return the number of independent points that ``points`` of this series are worth (loss.n_eff)."""
        return points * (1 - self.line.rho) / (1 + self.line.rho)


def settle(x: FloatArray, steps: Steps | None = None) -> Settled | None:
    """Remove the burn-in and fit the trend; None for an empty series.

    Parameters
    ----------
    x : ndarray, shape (n,)
        Logged values, without NaN and without the value of a partial last batch.
    steps : ndarray, shape (n,), optional
        Step of each value; 1, 2, … by default.
    """
    if x.size == 0:
        return None
    t = np.arange(1, x.size + 1) if steps is None else steps
    start = burn_in(x, t)
    return Settled(start, fit_line(x[start:], t[start:]), x[start:], t[start:])


def window_mean(run: Settled | None, *, strict: bool = False) -> Estimate:
    """Estimate the level at the end of a run: the mean of the last window (loss.window_mean).

    Parameters
    ----------
    run : Settled or None
    strict : bool
        Use at least the standard error of 8 batch means, which includes slow drift hidden under noise.

    Returns
    -------
    Estimate
        The larger of two standard errors, ``sd/sqrt(n_eff)`` and that of the cosine estimator, on the residual of a
        parabola through the last 2.5 windows (at least 120 points), so that a bend is not noise; on the residual of
        a line for a shorter run. Without an interval for fewer than 5 independent points, or a drop in the window.
    """
    name = "loss.window_mean"
    if run is None:
        return unknown(name, "no values")
    w = run.window
    value, n_eff = float(run.x[-w:].mean()), run.effective(w)
    if run.drops_late:
        return unknown(
            name, "the level drops within the last window, as where the learning rate does", value=value, n=w
        )
    if run.end is not None:
        return _about_parabola(run.end, value, w, strict=strict)
    if n_eff < LEAST_EFFECTIVE:
        reason = f"at the end are {n_eff:.1f} independent points; 5 are needed"
        return unknown(name, reason, value=value, n=w, n_eff=n_eff)
    candidates = [(run.line.variance(run.n - w) / n_eff, n_eff - 1)]
    variance, df = cosine_variance(run.line.residual)
    candidates.append((variance / w, df))
    if strict:
        variance, df = batch_variance(run.line.residual)
        candidates.append((variance / w, df))
    variance, df = max(candidates)
    return estimate(name, value, sqrt(variance), df, w, n_eff=n_eff)


def _about_parabola(end: Line, value: float, w: int, *, strict: bool) -> Estimate:
    """Return the level of the last w points, with the error that follows from the noise about a parabola."""
    name, points = "loss.window_mean", end.x.size
    # A strong autocorrelation leaves few independent points to estimate it from: add one standard error to it.
    rho = min(end.rho * (1 + sqrt((1 - end.rho**2) / points)), RHO_MAX)
    worth = points * (1 - rho) / (1 + rho)
    df = worth - 1 - end.degree
    if df < LEAST_DF:
        reason = f"the last {points} points are worth {worth:.1f} independent points; {LEAST_DF + 3:.0f} are needed"
        return unknown(name, reason, value=value, n=w, n_eff=worth * w / points)
    residual = end.residual
    n_eff = worth * w / points
    candidates = [(end.s**2 / n_eff, df)]
    variance, nu = cosine_variance(residual)
    candidates.append((variance / w, max(nu - 2, 1.0)))
    if strict:
        variance, nu = batch_variance(residual)
        candidates.append((variance / w, nu))
    variance, df = max(candidates)
    return estimate(name, value, sqrt(variance), df, w, n_eff=n_eff)


def local_lag(x: FloatArray) -> float | None:
    """Return the lag-1 correlation of the noise about lines through stretches of 60 points; None below 120 points."""
    if x.size < 2 * NOISE_BLOCK:
        return None
    e = _residual_of_short_lines(x, NOISE_BLOCK)
    return _local_rho(e, NOISE_BLOCK) if float(e @ e) > 0 else None


def _residual_of_short_lines(x: FloatArray, block: int) -> FloatArray:
    """Return the residual of lines through stretches of ``block`` points of a series, shape (block k,).

    An incomplete stretch at the start is left out, and so are stretches that are noisy only because the level drops
    in them, as at a step of the learning rate.
    """
    blocks = x[x.size % block :].reshape(-1, block)
    u = np.arange(block) - (block - 1) / 2
    centred = blocks - blocks.mean(axis=1, keepdims=True)
    e = np.asarray(centred - np.outer(centred @ u / (u @ u), u))
    squares = np.einsum("ij,ij->i", e, e)
    usual = LOUD * float(np.median(squares))
    loud = np.flatnonzero(squares > usual)
    drops = loud[_squares_of_two_lines(centred[loud]) <= usual]
    return np.delete(e, drops, axis=0).ravel()


def _squares_of_two_lines(blocks: FloatArray) -> FloatArray:
    """Return the least residual sum of squares of two lines, before and after a break, by row, shape (rows,)."""
    before, after = _squares_of_first_points(blocks), _squares_of_first_points(blocks[:, ::-1])[:, ::-1]
    # The first part ends at point i, the second starts at the next; a single outlier is not a part.
    return np.asarray((before[:, LEAST_PART - 1 : -LEAST_PART] + after[:, LEAST_PART : 1 - LEAST_PART]).min(axis=1))


def _squares_of_first_points(x: FloatArray) -> FloatArray:
    """Return the residual sum of squares of a line through the first i + 1 points of each row, shape of ``x``."""
    u = np.arange(x.shape[1], dtype=np.float64)
    n = u + 1
    uu, ux, xx = (np.cumsum(v, axis=-1) for v in (u * u, x * u, x * x))
    su, sx = np.cumsum(u), np.cumsum(x, axis=1)
    spread = np.maximum(uu - su**2 / n, 1.0)
    return np.asarray(np.maximum(xx - sx**2 / n - (ux - sx * su / n) ** 2 / spread, 0.0))


def _local_rho(e: FloatArray, block: int) -> float:
    """Return the lag-1 correlation of residuals about lines through stretches of ``block`` points."""
    return corrected_lag(float(e @ e), float(e[:-1] @ e[1:]), block)


def _local_sd(e: FloatArray, block: int) -> float:
    """Return the standard deviation of residuals about lines through blocks, with ddof 2 per block."""
    return sqrt(float(e @ e) / (e.size * (1 - 2 / block)))


def trend(run: Settled | None, *, level: float = 0.95) -> Estimate:
    """Estimate the slope per 100 steps after burn-in; ``p`` tests "no trend" (loss.trend).

    The standard error is the larger of the least-squares one, inflated for autocorrelation, and that of the cosine
    estimator on the scores ``e_t (t - mean t)``.
    """
    name = "loss.trend"
    if run is None or run.line.spread == 0:
        return unknown(name, "no values" if run is None else "one point has no trend")
    line, n_eff = run.line, run.effective(run.n)
    value = 100 * line.slope
    if n_eff < LEAST_EFFECTIVE:
        reason = f"{run.n} points are worth {n_eff:.1f} independent points; 5 are needed"
        return unknown(name, reason, value=value, n=run.n, n_eff=n_eff)
    # The last factor is for the uncertainty of rho: Var(rho) = (1 - rho²)/T, to second order.
    inflation = (1 + line.rho) / (1 - line.rho) * (1 + 2 / (run.n * (1 - line.rho)))
    inflated = line.s * sqrt(inflation / line.spread)
    variance, df = cosine_variance(line.scores)
    se = max(inflated, sqrt(run.n * variance) / line.spread)
    # The larger of two errors is conservative already: the smaller degrees of freedom on top of it would only
    # cost power (the cosine estimator has 3 for 30 points).
    return estimate(name, value, 100 * se, max(df, n_eff - 2), run.n, n_eff=n_eff, level=level, tested=True)


def noise_block(*runs: Settled | None) -> int | None:
    """Return the stretch for comparing noises: an eighth of the shortest run, 15 to 60 points; None below 30 points."""
    n = min(0 if run is None else run.n for run in runs)
    return min(max(n // 8, LEAST_BLOCK), NOISE_BLOCK) if n >= 2 * LEAST_BLOCK else None


def local_log_noise(run: Settled, block: int) -> Estimate:
    """Estimate log s, the noise of a curve that may bend, about lines through stretches of ``block`` points."""
    e = run.local_residual if block == NOISE_BLOCK else _residual_of_short_lines(run.x, block)
    s = _local_sd(e, block)
    if s <= 1e-12 * float(np.abs(run.x).max()):  # rounding errors of an exact line
        return unknown("noise.s", "the series is constant or made of exact lines", n=run.n)
    squares = (e / s) ** 2
    rho = _local_rho(e, block)
    centred = squares - squares.mean()
    burst = float(centred[:-1] @ centred[1:]) / float(centred @ centred)
    phi = min(max(rho**2, burst), RHO_MAX)
    n_eff = e.size * (1 - 2 / block) * (1 - phi) / (1 + phi)
    if n_eff < LEAST_EFFECTIVE:
        return unknown("noise.s", f"{run.n} points are worth {n_eff:.1f} independent points; 5 are needed", n=run.n)
    kappa = max(float(squares.var()), 2.0)
    return estimate("noise.s", log(s), 0.5 * sqrt(kappa / n_eff), n_eff - 1, run.n, n_eff=n_eff)


def log_noise(run: Settled | None) -> Estimate:
    """Estimate log s, the logarithm of the noise around the trend.

    ``SE = ½ sqrt(kappa / (m (1-phi)/(1+phi)))`` with ``kappa = Var(e²/s²)``, at least the 2 of normal noise
    (a short dependent series shows too little of its own tails), and ``phi`` the larger of rho² and the lag-1
    correlation of e², so that bursts widen it. A line takes more than two degrees of freedom from an
    autocorrelated series: ``m = T - 2 (1+rho)/(1-rho)``, at least T/2, in s too. The noise of a bent curve is taken
    about lines through 60 points.
    """
    name = "noise.s"
    if run is not None and run.bent:
        return local_log_noise(run, NOISE_BLOCK)
    if run is None or run.n < 5:
        return unknown(name, "fewer than 5 points", n=0 if run is None else run.n)
    if run.line.s == 0:
        return unknown(name, "the series is constant or an exact line", n=run.n)
    heaviness, burst = run.line.tails
    kappa = max(heaviness, 2.0)
    phi = min(max(run.line.rho**2, burst), RHO_MAX)
    free = max(run.n - 2 * (1 + run.line.rho) / (1 - run.line.rho), run.n / 2)
    n_eff = free * (1 - phi) / (1 + phi)
    value = log(run.line.s) - 0.5 * log(free / (run.n - 2))
    least = min(n_eff, run.effective(run.n))
    if least < LEAST_EFFECTIVE:
        reason = f"{run.n} points are worth {least:.1f} independent points; 5 are needed"
        return unknown(name, reason, value=value, n=run.n, n_eff=least)
    return estimate(name, value, 0.5 * sqrt(kappa / n_eff), n_eff - 1, run.n, n_eff=n_eff)


def noise(run: Settled | None, *, relative: bool = False) -> Estimate:
    """Estimate s, or ``s/mean`` with ``relative`` (noise.s, noise.s_rel), with its interval.

    The error of the mean is neglected, since it is much smaller than that of s.
    """
    name = "noise.s_rel" if relative else "noise.s"
    base = log_noise(run)
    if not base.known or run is None:
        value = nan if run is None else run.line.s / (abs(run.line.mean) or nan if relative else 1.0)
        return replace(base, definition=name, value=value)
    scale = abs(run.line.mean) if relative else 1.0
    if scale == 0:
        return unknown(name, "the mean is zero", n=base.n)
    return as_ratio(
        replace(base, value=base.value - log(scale), low=base.low - log(scale), high=base.high - log(scale)), name
    )


def log_noise_difference(
    baseline: Settled | None, candidate: Settled | None, *, log_factor: float = 0.0, definition: str = "noise.ratio"
) -> Estimate:
    """Estimate the log of the noise ratio, candidate over baseline; `as_ratio` of the result is the ratio.

    Both noises are taken about lines through stretches of `noise_block` points, so that bends and drops in one of the
    curves are not noise.

    Parameters
    ----------
    log_factor : float
        Added to the logarithm of the ratio: ``0.5 * log(B2/B1)`` compares ``s * sqrt(B)`` instead of s
        (noise.s_batch); for the excess noise of train over minibatch validation (noise.excess)
        ``0.5 * log(train batch / validation batch)``, with validation as the baseline.
    """
    block = noise_block(baseline, candidate)
    if baseline is None or candidate is None or block is None:
        return unknown(definition, f"a noise takes {2 * LEAST_BLOCK} points")
    raw = difference(definition, local_log_noise(baseline, block), local_log_noise(candidate, block))
    if not raw.known or log_factor == 0:
        return replace(raw, value=raw.value + log_factor)
    return estimate(definition, raw.value + log_factor, raw.se, raw.df, raw.n, tested=True)


def log_level(level: Estimate) -> Estimate:
    """Return the logarithm of a positive level, with its error by the delta method."""
    if not level.value > 0:
        return unknown(level.definition, "a ratio needs positive values", n=level.n)
    if not level.known:
        return replace(level, value=log(level.value))
    return estimate(level.definition, log(level.value), level.se / level.value, level.df, level.n)


def window_ratio(baseline: Estimate, candidate: Estimate) -> Estimate:
    """Estimate the ratio of two window means, candidate over baseline (loss.window_ratio)."""
    return as_ratio(difference("loss.window_ratio", log_level(baseline), log_level(candidate)))


def common_stride(steps_a: Steps, steps_b: Steps) -> tuple[int, int]:
    """Return the strides by which to thin two logs so that both have the spacing of the coarser one.

    Examples
    --------
    >>> common_stride(np.arange(0.0, 100.0), np.arange(0.0, 100.0, 10.0))
    (10, 1)
    """
    if steps_a.size < 2 or steps_b.size < 2:
        return 1, 1
    a, b = float(np.median(np.diff(steps_a))), float(np.median(np.diff(steps_b)))
    coarse = max(a, b)
    return max(1, round(coarse / a)), max(1, round(coarse / b))
