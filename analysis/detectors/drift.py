"""Where the curves are going: overfitting, plateau, under-training, and the checkpoints worth keeping."""

from __future__ import annotations

from math import isfinite, nan

import numpy as np
from scipy.special import ndtri

from analysis.detectors.observed import LEAST_EVALUATIONS, Curve, Observed, Seen, as_is
from analysis.statistics.estimate import Estimate, t_quantile, t_tail
from analysis.statistics.levels import Settled, trend
from analysis.statistics.longrun import averaged

ONE_SIDED = 0.05
STRICT = 0.01
MARGIN_SHARE = 0.01


def overfitting(seen: Observed) -> Seen:
    if seen.overlap:
        return "cannot tell", "validation overlaps the training data, so it cannot show overfitting", {}, ()
    by_full = seen.full.n >= 2 and isfinite(seen.full_se) and seen.full_se > 0
    if by_full:
        return _overfitting_full(seen)
    curve = seen.valid if seen.valid.n >= LEAST_EVALUATIONS else seen.full
    if curve.n < LEAST_EVALUATIONS:
        text = f"{curve.n} validations are too few for a trend: {LEAST_EVALUATIONS} are needed"
        return "cannot tell", text, {}, ()
    return _overfitting_trend(seen, curve)


def _overfitting_full(seen: Observed) -> Seen:
    """Full validation above its best by more than its sampling error, while the train loss falls."""
    values = seen.full.values
    best = int(values.argmin())
    rise = float(values[-1] - values[best])
    # The best of many is low by chance: the error allowed for grows with the number of evaluations.
    needed = float(-ndtri(0.025 / (values.size - 1))) * seen.full_se
    train = trend(seen.train.settled)
    falls = _one_sided(train, -1)
    numbers = {"rise": rise, "needed": needed, "train_slope": train.value, "train_p": falls}
    where = (int(seen.full.steps[best]), int(seen.full.steps[-1]))
    if rise > needed and falls < ONE_SIDED:
        text = f"full validation rose by {rise:.3g} from its best (more than {needed:.3g}) as train loss fell"
        return "raised", text, numbers, where
    if rise > needed and not isfinite(falls):
        return "cannot tell", f"full validation rose by {rise:.3g}; no train trend beside it", numbers, where
    text = f"full validation is {rise:.3g} above its best, within its error of {needed:.3g}"
    if rise == 0:
        text = "the last full validation is the best"
    return "not raised", text, numbers, ()


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
        return "cannot tell", "the validation losses are worth fewer than 5 independent ones", {}, ()
    score, numbers, start = best
    numbers["detectable_rise"] = detectable
    if score < 1:
        fell = "train loss fell" if numbers["train_p"] < ONE_SIDED else "train loss did not rise"
        chance = "< .001" if numbers["p"] < 0.001 else f"{numbers['p']:.3f}"[1:]
        text = f"validation loss rose by {numbers['rise']:.3g} (p {chance}) while {fell}"
        return "raised", text, numbers, (start, int(curve.steps[-1]))
    text = f"no rise of the validation loss; {detectable:.2g} would be found four times out of five"
    return "not raised", text, numbers, ()


def plateau(seen: Observed) -> Seen:
    run = seen.train.ending
    slope = trend(run, level=0.90)
    if run is None or not slope.known:
        return "cannot tell", _no_end(slope), {}, ()
    ahead, margin = _ahead(seen, run), _margin(seen, run)
    low, high = slope.low * ahead, slope.high * ahead
    numbers = {"low": low, "high": high, "margin": margin, "steps_ahead": 100 * ahead}
    inside = -margin <= low and high <= margin
    text = f"{100 * ahead:.0f} more steps would change the loss by {low:.3g} to {high:.3g} (margin {margin:.2g})"
    return ("raised" if inside else "not raised"), text, numbers, ()


def undertraining(seen: Observed) -> Seen:
    run = seen.train.ending
    slope = trend(run)
    if run is None or not slope.known:
        return "cannot tell", _no_end(slope), {}, ()
    upper = slope.value + t_quantile(1 - STRICT, slope.df) * slope.se
    fall = -slope.value * _ahead(seen, run)
    numbers = {"slope_per_100": slope.value, "upper": upper, "fall": fall, "margin": _margin(seen, run)}
    text = f"slope of the last {run.n} points {slope.value:.3g} per 100 steps, at most {upper:.3g} (99%)"
    if upper >= 0:
        return "not raised", text, numbers, ()
    if fall < numbers["margin"]:
        return "not raised", f"{text}: as many steps again would gain {fall:.2g}, too little", numbers, ()
    if overfitting(seen)[0] == "raised":
        return "not raised", f"{text}, but validation gets worse", numbers, ()
    return "raised", text, numbers, (int(run.steps[0]), int(run.steps[-1]))


def _no_end(slope: Estimate) -> str:
    few = f"fewer than {2 * LEAST_EVALUATIONS} train losses after burn-in"
    return few if slope.n == 0 else slope.reason or few


def _ahead(seen: Observed, run: Settled) -> float:
    """Give the steps to judge the trend over, in hundreds: what remains, else one more window."""
    return (seen.remaining_steps or float(run.steps[-1] - run.steps[0])) / 100


def _margin(seen: Observed, run: Settled) -> float:
    return seen.margin if seen.margin is not None else MARGIN_SHARE * abs(run.line.mean)


def early_stopping(seen: Observed) -> Seen:
    if seen.full.n < 2:
        return "cannot tell", "fewer than 2 full validations", {}, ()
    if not isfinite(seen.full_se):
        return "cannot tell", "the sampling error of the full validations is unknown", {}, ()
    values, steps = seen.full.values, seen.full.steps
    best = int(values.argmin())
    within = np.flatnonzero(values <= values[best] + seen.full_se)
    chosen = tuple(int(steps[i]) for i in within)
    numbers = {"best": float(values[best]), "best_step": float(steps[best]), "se": seen.full_se}
    if int(steps[-1]) in chosen:
        return "not raised", "the last checkpoint is among the best", numbers, chosen
    text = f"the last checkpoint is more than 1 SE above the best, at step {int(steps[best])}"
    return "raised", text, numbers, chosen


def _one_sided(slope: Estimate, sign: int) -> float:
    """Give the p of "the slope does not have this sign"; NaN where there is no slope."""
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
