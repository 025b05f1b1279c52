"""Where the curves are going: overfitting, plateau, under-training, and the checkpoints worth keeping."""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite, nan, sqrt

import numpy as np
from scipy.special import ndtri

from analysis.statistics.detectors.observed import LEAST_EVALUATIONS, Curve, Observed, Seen, as_is
from analysis.statistics.estimate import Estimate, estimate, t_quantile, t_tail
from analysis.statistics.levels import Settled, trend
from analysis.statistics.longrun import averaged, corrected_lag, lag_sums
from analysis.statistics.series import resolution, scatter_about_course

ONE_SIDED = 0.05
STRICT = 0.01
MARGIN_SHARE = 0.01

CUBIC_LEAST = 20
"""Points through which the cubic goes that shows how steep a curve is at its end; all of a shorter one."""

MANY_EVALUATIONS = 20
"""Evaluations from which on their own scatter is the error that a rise is held against."""

LEAST_FEW = 5
LEAST_RISES = 5
LEAST_RISE = 0.01
"""Rise that matters, as a share of the level."""

ASSUMED_SPREAD = 2.0
"""Standard deviation of one example's loss as a multiple of the mean, where nothing shows it."""


def overfitting(seen: Observed) -> Seen:
    """Say that validation gets worse while the training loss goes on falling."""
    if seen.overlap:
        return Seen("cannot tell", "validation overlaps the training data, so it cannot show overfitting")
    rise = rise_of(seen)
    if rise is not None and isfinite(rise.needed):
        return _overfitting_full(seen, rise)
    curve = seen.valid if seen.valid.n >= LEAST_EVALUATIONS else seen.full
    if curve.n < LEAST_EVALUATIONS:
        text = f"{curve.n} validations are too few for a trend: {LEAST_EVALUATIONS} are needed"
        return Seen("cannot tell", text)
    return _overfitting_trend(seen, curve)


def _overfitting_full(seen: Observed, rise: Rise) -> Seen:
    """Full validation above its best by more than its error, while the train loss falls."""
    numbers = {"rise": rise.size, "needed": rise.needed}
    where = (int(seen.full.steps[rise.best]), int(seen.full.steps[-1]))
    if not rise.shown:
        text = "the last full validation is the best"
        if rise.size > 0:
            text = f"full validation is {rise.size:.3g} above its best; chance alone gives up to {rise.needed:.3g}"
        return Seen("not raised", text, numbers)
    fell = _train_fell(seen, where[0])
    if fell is None:
        return Seen("cannot tell", f"full validation rose by {rise.size:.3g}; no train loss beside it", numbers, where)
    if not fell:
        return Seen("not raised", f"full validation rose by {rise.size:.3g}, and so did the train loss", numbers)
    luck = f"chance alone: up to {rise.needed:.3g}"
    text = f"full validation rose by {rise.size:.3g} from its best ({luck}) as train loss fell"
    return Seen("raised", text, numbers, where)


def _train_fell(seen: Observed, since: int) -> bool | None:
    """True if the train loss fell over the run and has not risen since a step; None without losses there."""
    train = seen.train
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
    """How far the last evaluations lie above the best; ``needed`` is what chance alone makes, ``best`` its place."""

    size: float
    needed: float
    best: int

    @property
    def shown(self) -> bool:
        """True if the rise is more than chance makes."""
        return self.size > self.needed


def rise_of(seen: Observed) -> Rise | None:
    """Measure the rise of full validation from its best; None where no error is known.

    Many evaluations carry their own scatter: the mean of the last w = max(3, E/10) against the best mean of w. The
    best of E is low by chance, so the error that is allowed for grows with E. Of few the error is the set's: known
    from minibatches, else ``k loss/sqrt(n_valid)`` with k = 2 as an assumption. Without either, five rises in a row
    to the end count, which chance makes once in 720 orders.
    """
    values = seen.full.values
    size = values.size
    if size >= MANY_EVALUATIONS:
        w = max(3, size // 10)
        sigma = scatter_about_course(values)
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
    error = seen.full_se if isfinite(seen.full_se) and seen.full_se > 0 else nan
    if not isfinite(error) and seen.n_valid and size >= LEAST_FEW:
        error = ASSUMED_SPREAD * abs(float(values[best])) / sqrt(seen.n_valid)
    if isfinite(error):
        return Rise(rise, float(-ndtri(0.05 / (size - 1))) * sqrt(2) * error, best)
    rises = size - 1 - best
    if rises >= LEAST_RISES and (np.diff(values[best:]) > 0).all():
        return Rise(rise, LEAST_RISE * abs(float(values[best])), best)
    return Rise(rise, float("inf"), best) if size >= LEAST_FEW else None


def _overfitting_trend(seen: Observed, curve: Curve) -> Seen:
    """Validation rises over the whole run or its second half, while train falls or is flat there."""
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
        train = _train_trend(seen.train, int(steps[0]))
        falls, climbs = _one_sided(train, -1), _one_sided(train, +1)
        allowed = share * (ONE_SIDED if falls < ONE_SIDED else STRICT)
        found = rises < allowed and not climbs < ONE_SIDED
        numbers = {"rise": valid.value * span, "p": rises, "train_slope": train.value, "train_p": falls}
        score = rises / allowed if found else 2 + rises
        if best is None or score < best[0]:
            best = (score, numbers, int(steps[0]))
    if best is None:
        return Seen("cannot tell", "the validation losses count as fewer than 5 independent ones")
    score, numbers, start = best
    numbers["detectable_rise"] = detectable
    if score < 1:
        fell = "train loss fell" if numbers["train_p"] < ONE_SIDED else "train loss did not rise"
        chance = "< .001" if numbers["p"] < 0.001 else f"{numbers['p']:.3f}"[1:]
        text = f"validation loss rose by {numbers['rise']:.3g} (p {chance}) while {fell}"
        return Seen("raised", text, numbers, (start, int(curve.steps[-1])))
    text = "no rise of the validation loss"
    if detectable > 0:  # a curve without any scatter leaves no chance to miss one
        text += f"; {detectable:.2g} would show with 80% power"
    return Seen("not raised", text, numbers)


def plateau(seen: Observed) -> Seen:
    """Say that the loss has settled: it does not fall, and as many steps again would change it by less than matters."""
    run = seen.train.ending
    slope = trend(run, level=0.90)
    if run is None or not slope.known:
        return Seen("cannot tell", _no_end(slope))
    if run.line.s == 0:
        return Seen("cannot tell", "the loss is constant or an exact line")
    ahead, margin = _ahead(seen, run), _margin(seen, run)
    low, high = slope.low * ahead, slope.high * ahead
    numbers = {"low": low, "high": high, "margin": margin, "steps_ahead": 100 * ahead}
    falls = _one_sided(slope, -1) < ONE_SIDED
    inside = -margin <= low and high <= margin and not falls
    text = f"{100 * ahead:.0f} more steps would change the loss by {low:.3g} to {high:.3g} (margin {margin:.2g})"
    return Seen("raised" if inside else "not raised", text, numbers)


def undertraining(seen: Observed) -> Seen:
    """Say that a run ended while its loss, and validation with it, still fell by more than matters."""
    run = seen.train.ending
    slope = trend(run)
    if run is None or not slope.known:
        return Seen("cannot tell", _no_end(slope))
    upper = slope.value + t_quantile(1 - STRICT, slope.df) * slope.se
    # A curve that levels off within its last window gains by its slope at the end, not by the mean slope.
    at_end = _end_slope(seen.train, run.line.rho)
    ahead = _ahead(seen, run)
    fall = min(max(0.0, -at_end.value * ahead), _levelling_off(seen.train, 100 * ahead))
    numbers = {"slope_per_100": slope.value, "upper": upper, "fall": fall, "margin": _margin(seen, run)}
    text = f"slope of the last {run.n} points {slope.value:.3g} per 100 steps, at most {upper:.3g} (99%)"
    if upper >= 0:
        return Seen("not raised", text, numbers)
    if not _one_sided(at_end, -1) < ONE_SIDED:
        return Seen("not raised", f"{text}, but it is not shown to fall at its end: it levels off", numbers)
    if fall < numbers["margin"]:
        return Seen("not raised", f"{text}: as many steps again would gain {fall:.2g}, too little", numbers)
    if overfitting(seen).status == "raised" or _validation_stands(seen):
        return Seen("not raised", f"{text}, but validation does not follow", numbers)
    return Seen("raised", text, numbers, (int(run.steps[0]), int(run.steps[-1])))


def _end_slope(train: Curve, rho: float) -> Estimate:
    """Return the slope per 100 steps at the last step: of a cubic through the latter half, 20 points at least.

    A schedule that ends flat falls through its last window and yet gains nothing more. ``rho``, or the correlation that
    the cubic leaves if that is larger, inflates the standard error of least squares by ``(1 + rho)/(1 - rho)``.
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
    """Return what ``ahead`` more steps gain if the loss goes on levelling off as it did; infinite if it does not.

    The means of its last three quarters fall by f and then by q f, as an exponential does: what is left after the last
    is ``q² f/(1 - q)``, from which it goes on.
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


def _ahead(seen: Observed, run: Settled) -> float:
    """Return the steps to judge the trend over, in hundreds: what remains, else one more window."""
    return (seen.remaining_steps or float(run.steps[-1] - run.steps[0])) / 100


def _margin(seen: Observed, run: Settled) -> float:
    return seen.margin if seen.margin is not None else MARGIN_SHARE * abs(run.line.mean)


def early_stopping(seen: Observed) -> Seen:
    """Say that an earlier checkpoint validates better than the last one, beyond what the best of many gains by luck."""
    if seen.full.n < 2:
        return Seen("cannot tell", "fewer than 2 full validations")
    rise = rise_of(seen)
    if rise is None or not isfinite(rise.needed):
        return Seen("cannot tell", "the error of the full validations is unknown")
    values, steps = seen.full.values, seen.full.steps
    chosen = tuple(int(steps[i]) for i in np.flatnonzero(values <= values[rise.best] + rise.needed / 2))
    numbers = {"best": float(values[rise.best]), "best_step": float(steps[rise.best]), "rise": rise.size}
    numbers["needed"] = rise.needed
    if not rise.shown:
        return Seen("not raised", "the last checkpoint is not shown to be worse than any before it", numbers, chosen)
    text = f"the last checkpoint is {rise.size:.3g} worse than that of step {int(steps[rise.best]):,}"
    return Seen("raised", f"{text} (chance alone: up to {rise.needed:.3g})", numbers, chosen)


def _validation_stands(seen: Observed) -> bool:
    """Return True where there is validation and its latest half is not shown to fall: more training would not help."""
    curve = seen.full if seen.full.n >= 2 else seen.valid
    if curve.n < 2:
        return False
    if curve.n < LEAST_EVALUATIONS:
        return bool(curve.values[-1] > curve.values.min())
    half = curve.values[curve.n // 2 :]
    m = half.size // 2
    fall = float(half[:m].mean() - half[-m:].mean())
    return not fall > float(-ndtri(ONE_SIDED)) * scatter_about_course(curve.values) * sqrt(2 / m)


def _one_sided(slope: Estimate, sign: int) -> float:
    """Return the p of "the slope does not have this sign"; NaN where there is no slope."""
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
