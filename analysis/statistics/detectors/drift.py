"""Detectors of trends: overfitting, plateau, under-training, and better earlier checkpoints."""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite, nan, sqrt

import numpy as np
from scipy.special import ndtri

from analysis.statistics.detectors.observed import LEAST_EVALUATIONS, Curve, DetectorResult, Observed, as_is
from analysis.statistics.estimate import Estimate, estimate, t_quantile, t_tail
from analysis.statistics.levels import Settled, trend
from analysis.statistics.longrun import averaged, corrected_lag, lag_sums
from analysis.statistics.series import resolution, scatter_about_curve

ONE_SIDED = 0.05
STRICT = 0.01
MARGIN_SHARE = 0.01

CUBIC_LEAST = 20
"""Least number of points of the cubic that gives the slope at the end of a curve; all points of a shorter curve."""

MANY_EVALUATIONS = 20
"""Evaluations from which their own scatter is the error that a rise is compared with."""

LEAST_FEW = 5
LEAST_RISES = 5
LEAST_RISE = 0.01
"""Rise that matters, as a share of the level."""

ASSUMED_SPREAD = 2.0
"""Assumed standard deviation of the loss of one example, as a multiple of the mean, if it is unknown."""


def overfitting(logs: Observed) -> DetectorResult:
    """Detect a validation loss that rises while the training loss keeps falling."""
    if logs.overlap:
        return DetectorResult("cannot tell", "validation overlaps the training data, so it cannot show overfitting")
    rise = rise_of(logs)
    if rise is not None and isfinite(rise.needed):
        return _overfitting_full(logs, rise)
    curve = logs.valid if logs.valid.n >= LEAST_EVALUATIONS else logs.full
    if curve.n < LEAST_EVALUATIONS:
        text = f"{curve.n} validations are too few for a trend: {LEAST_EVALUATIONS} are needed"
        return DetectorResult("cannot tell", text)
    return _overfitting_trend(logs, curve)


def _overfitting_full(logs: Observed, rise: Rise) -> DetectorResult:
    """Detect a full validation above its best by more than its error, while the train loss falls."""
    numbers = {"rise": rise.size, "needed": rise.needed}
    where = (int(logs.full.steps[rise.best]), int(logs.full.steps[-1]))
    if not rise.shown:
        text = "the last full validation is the best"
        if rise.size > 0:
            text = f"full validation is {rise.size:.3g} above its best; chance alone gives up to {rise.needed:.3g}"
        return DetectorResult("not raised", text, numbers)
    fell = _train_fell(logs, where[0])
    if fell is None:
        return DetectorResult(
            "cannot tell", f"full validation rose by {rise.size:.3g}; no train loss beside it", numbers, where
        )
    if not fell:
        return DetectorResult(
            "not raised", f"full validation rose by {rise.size:.3g}, and so did the train loss", numbers
        )
    luck = f"chance alone: up to {rise.needed:.3g}"
    text = f"full validation rose by {rise.size:.3g} from its best ({luck}) as train loss fell"
    return DetectorResult("raised", text, numbers, where)


def _train_fell(logs: Observed, since: int) -> bool | None:
    """True if the train loss falls over the run and does not rise from a step on; None without two losses there."""
    train = logs.train
    start = int(np.searchsorted(train.steps, since))
    if train.n - start < 2:
        return None
    whole, slope = _train_trend(train, int(train.steps[0])), _train_trend(train, since)
    if whole.known and not _one_sided(whole, -1) < ONE_SIDED:
        return False
    if slope.known:
        return not _one_sided(slope, +1) < ONE_SIDED
    return bool(train.values[-1] <= train.values[start])


@dataclass(frozen=True)
class Rise:
    """Rise of the last evaluations above the best; ``needed`` is what chance alone makes, ``best`` an index."""

    size: float
    needed: float
    best: int

    @property
    def shown(self) -> bool:
        """True if the rise exceeds what chance makes."""
        return self.size > self.needed


def rise_of(logs: Observed) -> Rise | None:
    """Return the rise of full validation above its best; None for too few evaluations without a known error.

    With E >= 20 evaluations, the mean of the last w = max(3, E/10) is compared with the best mean of w, and the error
    comes from their scatter; since the best of E is low by chance, the allowance grows with E. With fewer, it is the
    sampling error of the set: known from minibatches, else assumed as ``2 loss/sqrt(n_valid)``. Without either
    ``needed`` is infinite unless the run ends with five rises in a row, which chance makes once in 720 orders.
    """
    values = logs.full.values
    size = values.size
    if size >= MANY_EVALUATIONS:
        w = max(3, size // 10)
        sigma = scatter_about_curve(values)
        means = np.convolve(values, np.full(w, 1 / w), mode="valid")
        best = int(means[:-w].argmin())
        needed = float(-ndtri(0.025 / (size - w))) * sigma * sqrt(2 / w)
        floor = max(resolution(values), LEAST_RISE * abs(float(means[best])))
        lowest = best + int(values[best : best + w].argmin())
        return Rise(float(means[-1] - means[best]), max(needed, floor), lowest)
    if size < 2:
        return None
    best = int(values.argmin())
    rise = float(values[-1] - values[best])
    error = logs.full_se if isfinite(logs.full_se) and logs.full_se > 0 else nan
    if not isfinite(error) and logs.n_valid and size >= LEAST_FEW:
        error = ASSUMED_SPREAD * abs(float(values[best])) / sqrt(logs.n_valid)
    if isfinite(error):
        return Rise(rise, float(-ndtri(0.05 / (size - 1))) * sqrt(2) * error, best)
    rises = size - 1 - best
    if rises >= LEAST_RISES and (np.diff(values[best:]) > 0).all():
        return Rise(rise, LEAST_RISE * abs(float(values[best])), best)
    return Rise(rise, float("inf"), best) if size >= LEAST_FEW else None


def _overfitting_trend(logs: Observed, curve: Curve) -> DetectorResult:
    """Detect a validation loss that rises over the whole run or its second half, while train falls or is flat there."""
    best: tuple[float, dict[str, float], int] | None = None
    detectable = nan
    for part, share in ((curve.n, 0.8), ((curve.n + 1) // 2, 0.2)):
        if part < LEAST_EVALUATIONS:
            continue
        steps, values = curve.steps[-part:], curve.values[-part:]
        valid = trend(as_is(values, steps))
        rises = _one_sided(valid, +1)
        if not isfinite(rises):
            continue
        span = float(steps[-1] - steps[0]) / 100
        detectable = min(detectable, 2.5 * valid.se * span) if isfinite(detectable) else 2.5 * valid.se * span
        train = _train_trend(logs.train, int(steps[0]))
        falls, climbs = _one_sided(train, -1), _one_sided(train, +1)
        allowed = share * (ONE_SIDED if falls < ONE_SIDED else STRICT)
        found = rises < allowed and not climbs < ONE_SIDED
        numbers = {"rise": valid.value * span, "p": rises, "train_slope": train.value, "train_p": falls}
        score = rises / allowed if found else 2 + rises
        if best is None or score < best[0]:
            best = (score, numbers, int(steps[0]))
    if best is None:
        return DetectorResult("cannot tell", "the validation losses count as fewer than 5 independent ones")
    score, numbers, start = best
    numbers["detectable_rise"] = detectable
    if score < 1:
        fell = "train loss fell" if numbers["train_p"] < ONE_SIDED else "train loss did not rise"
        chance = "< .001" if numbers["p"] < 0.001 else f"{numbers['p']:.3f}"[1:]
        text = f"validation loss rose by {numbers['rise']:.3g} (p {chance}) while {fell}"
        return DetectorResult("raised", text, numbers, (start, int(curve.steps[-1])))
    text = "no rise of the validation loss"
    if detectable > 0:  # in a curve without scatter no rise can be missed
        text += f"; {detectable:.2g} would show with 80% power"
    return DetectorResult("not raised", text, numbers)


def plateau(logs: Observed) -> DetectorResult:
    """Detect a settled loss: it does not fall, and its change over the steps ahead is within the margin."""
    run = logs.train.ending
    slope = trend(run, level=0.90)
    if run is None or not slope.known:
        return DetectorResult("cannot tell", _no_end(slope))
    if run.line.s == 0:
        return DetectorResult("cannot tell", "the loss is constant or an exact line")
    ahead, margin = _ahead(logs, run), _margin(logs, run)
    low, high = slope.low * ahead, slope.high * ahead
    numbers = {"low": low, "high": high, "margin": margin, "steps_ahead": 100 * ahead}
    falls = _one_sided(slope, -1) < ONE_SIDED
    inside = -margin <= low and high <= margin and not falls
    text = f"{100 * ahead:.0f} more steps would change the loss by {low:.3g} to {high:.3g} (margin {margin:.2g})"
    return DetectorResult("raised" if inside else "not raised", text, numbers)


def undertraining(logs: Observed) -> DetectorResult:
    """Detect a run that ended while its loss, and validation with it, was still falling by more than the margin."""
    run = logs.train.ending
    slope = trend(run)
    if run is None or not slope.known:
        return DetectorResult("cannot tell", _no_end(slope))
    upper = slope.value + t_quantile(1 - STRICT, slope.df) * slope.se
    # What a curve that levels off would still gain follows from its slope at the end, not from the mean slope.
    at_end = _end_slope(logs.train, run.line.rho)
    ahead = _ahead(logs, run)
    fall = min(max(0.0, -at_end.value * ahead), _levelling_off(logs.train, 100 * ahead))
    numbers = {"slope_per_100": slope.value, "upper": upper, "fall": fall, "margin": _margin(logs, run)}
    text = f"slope of the last {run.n} points {slope.value:.3g} per 100 steps, at most {upper:.3g} (99%)"
    if upper >= 0:
        return DetectorResult("not raised", text, numbers)
    if not _one_sided(at_end, -1) < ONE_SIDED:
        return DetectorResult("not raised", f"{text}, but it is not shown to fall at its end: it levels off", numbers)
    if fall < numbers["margin"]:
        return DetectorResult("not raised", f"{text}: as many steps again would gain {fall:.2g}, too little", numbers)
    if overfitting(logs).status == "raised" or _validation_stalls(logs):
        return DetectorResult("not raised", f"{text}, but validation does not follow", numbers)
    return DetectorResult("raised", text, numbers, (int(run.steps[0]), int(run.steps[-1])))


def _end_slope(train: Curve, rho: float) -> Estimate:
    """Return the slope per 100 steps at the last step, of a cubic through the second half, at least 20 points.

    A loss may fall through its last window and yet be flat at the end of its schedule. The least-squares variance is
    inflated by ``(1 + rho)/(1 - rho)``, where rho is at least the lag-1 correlation of the residual of the cubic.
    """
    values, steps = averaged(train.values, train.steps)
    half = min(max(CUBIC_LEAST, values.size // 2), values.size)
    t = 2 * (steps[-half:] - steps[-1]) / float(steps[-1] - steps[-half]) + 1
    terms = np.polynomial.legendre.legvander(t, 3)
    found, *_ = np.linalg.lstsq(terms, values[-half:])
    residual = values[-half:] - terms @ found
    rho = max(rho, corrected_lag(*lag_sums(residual), half, degree=2))
    at_end = np.array([0.0, 1.0, 3.0, 6.0]) * 200 / float(steps[-1] - steps[-half])  # P_k'(1) = k (k + 1)/2
    variance = float(residual @ residual) / (half - 4) * (1 + rho) / (1 - rho)
    se = sqrt(variance * float(at_end @ np.linalg.pinv(terms.T @ terms) @ at_end))
    return estimate("loss.trend", float(at_end @ found), se, half - 4, half)


def _levelling_off(train: Curve, ahead: float) -> float:
    """Return the gain of ``ahead`` more steps if the loss keeps levelling off exponentially; infinite if it does not.

    The means of the last three quarters fall by f and then by q f. An exponential with that ratio has ``q² f/(1 - q)``
    left to fall after the middle of the last quarter, ``sqrt(q)`` of it after its end.
    """
    values, steps = averaged(train.values, train.steps)
    quarter = values.size // 4
    if quarter < LEAST_FEW:
        return float("inf")
    one, two, three = (float(part.mean()) for part in np.split(values[-3 * quarter :], 3))
    if not 0 < two - three < one - two:
        return float("inf")
    q = (two - three) / (one - two)
    parts = ahead / (float(steps[-1] - steps[-3 * quarter]) / 3)
    return (two - three) * q / (1 - q) * sqrt(q) * float(1 - q**parts)


def _no_end(slope: Estimate) -> str:
    few = f"fewer than {2 * LEAST_EVALUATIONS} train losses after burn-in"
    return few if slope.n == 0 else slope.reason or few


def _ahead(logs: Observed, run: Settled) -> float:
    """Return the number of steps to extrapolate the trend over, in hundreds: what remains, else one more window."""
    return (logs.remaining_steps or float(run.steps[-1] - run.steps[0])) / 100


def _margin(logs: Observed, run: Settled) -> float:
    return logs.margin if logs.margin is not None else MARGIN_SHARE * abs(run.line.mean)


def early_stopping(logs: Observed) -> DetectorResult:
    """Detect an earlier checkpoint that validates better than the last one, by more than the best of many by chance."""
    if logs.full.n < 2:
        return DetectorResult("cannot tell", "fewer than 2 full validations")
    rise = rise_of(logs)
    if rise is None or not isfinite(rise.needed):
        return DetectorResult("cannot tell", "the error of the full validations is unknown")
    values, steps = logs.full.values, logs.full.steps
    chosen = tuple(int(steps[i]) for i in np.flatnonzero(values <= values[rise.best] + rise.needed / 2))
    numbers = {"best": float(values[rise.best]), "best_step": float(steps[rise.best]), "rise": rise.size}
    numbers["needed"] = rise.needed
    if not rise.shown:
        return DetectorResult(
            "not raised", "the last checkpoint is not shown to be worse than any before it", numbers, chosen
        )
    text = f"the last checkpoint is {rise.size:.3g} worse than that of step {int(steps[rise.best]):,}"
    return DetectorResult("raised", f"{text} (chance alone: up to {rise.needed:.3g})", numbers, chosen)


def _validation_stalls(logs: Observed) -> bool:
    """True if the second half of the validation curve is not shown to fall; False without validation."""
    curve = logs.full if logs.full.n >= 2 else logs.valid
    if curve.n < 2:
        return False
    if curve.n < LEAST_EVALUATIONS:
        return bool(curve.values[-1] > curve.values.min())
    half = curve.values[curve.n // 2 :]
    m = half.size // 2
    fall = float(half[:m].mean() - half[-m:].mean())
    return not fall > float(-ndtri(ONE_SIDED)) * scatter_about_curve(curve.values) * sqrt(2 / m)


def _one_sided(slope: Estimate, sign: int) -> float:
    """Return the one-sided p of "the slope does not have this sign"; NaN without a slope."""
    if not slope.known:
        return nan
    if slope.se == 0:
        return 0.0 if slope.value * sign > 0 else 1.0
    return t_tail(sign * slope.value / slope.se, slope.df)


def _train_trend(train: Curve, since: int) -> Estimate:
    start = int(np.searchsorted(train.steps, since))
    if train.n - start < LEAST_EVALUATIONS:
        return trend(None)
    return trend(as_is(*averaged(train.values[start:], train.steps[start:])))
