"""Detectors of sudden problems: non-finite or broken losses, divergence, spikes."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from scipy.special import ndtr

from analysis.statistics.detectors.observed import Curve, DetectorResult, Observed
from analysis.statistics.estimate import t_quantile
from analysis.statistics.longrun import averaged, fit_line
from analysis.statistics.spikes import find_spikes

DIVERGED_SD = 5.0
DIVERGED_SHARE = 0.10

LEAST_VALUES = 5
SHORT_SHARE = 0.20
"""Relative rise of a short log that counts as divergence, as a too large learning rate causes in a few epochs."""

LEAST_CONSTANT = 5
"""Equal losses in a row that are not a coincidence of rounding."""


def nonfinite(logs: Observed) -> DetectorResult:
    """Detect losses that were logged as NaN or infinite."""
    steps = logs.nonfinite
    if steps:
        one = len(steps) == 1
        text = (
            f"one loss is NaN or infinite, at step {steps[0]}"
            if one
            else (f"{len(steps)} losses are NaN or infinite, the first at step {steps[0]}")
        )
        return DetectorResult("raised", text, {"count": len(steps), "first_step": steps[0]}, steps)
    if max(logs.train.n, logs.valid.n, logs.full.n) == 0:
        return DetectorResult("cannot tell", "no losses logged")
    return DetectorResult("not raised", "every logged loss is finite", {"count": 0})


def broken(logs: Observed) -> DetectorResult:
    """Detect a broken loss: constant (such as 0) to the end of the run, or gradients that are not finite."""
    if logs.bad_gradients:
        first, count = logs.bad_gradients[0], len(logs.bad_gradients)
        text = f"the norm of the gradient is NaN or infinite at {count} logged steps, the first at step {first}"
        return DetectorResult("raised", text, {"count": count, "first_step": first}, logs.bad_gradients)
    x, steps = logs.train.values, logs.train.steps
    if x.size < LEAST_CONSTANT:
        return DetectorResult("cannot tell", f"{x.size} train losses are too few: {LEAST_CONSTANT} are needed")
    same = x.size - int(np.argmax(x[::-1] != x[-1])) if (x != x[-1]).any() else 0
    run = x.size - same
    if run < max(LEAST_CONSTANT, x.size // 10):
        return DetectorResult("not raised", "the train loss goes on changing", {"constant": float(run)})
    where = f"from step {int(steps[same])} on" if same else "throughout"
    text = f"the train loss is exactly {x[-1]:g} {where} ({run} rows)"
    return DetectorResult(
        "raised", text, {"constant": float(run), "value": float(x[-1])}, (int(steps[same]), int(steps[-1]))
    )


def divergence(logs: Observed) -> DetectorResult:
    """Detect a loss that ends well above its lowest level and is rising."""
    curve = logs.train if logs.train.n else logs.valid if logs.valid.n else logs.full
    x = curve.values
    if x.size < 12:
        return _short_divergence(curve)
    parts = np.array_split(x, min(10, x.size // 3))
    means = np.array([part.mean() for part in parts])
    lowest = int(means[:-1].argmin())
    tail = x[-max(x.size // 5, 3) :]
    end, best = float(tail.mean()), float(means[lowest])
    # Noise about a line in each quarter, which does not depend on where the rise starts.
    ends = np.cumsum([0, *(quarter.size for quarter in np.array_split(x, 4))])
    quarters = [fit_line(x[a:b]) for a, b in pairwise(ends)]
    # A line through an autocorrelated quarter absorbs most of its wandering: its noise may be half of the whole.
    s = float(np.median([line.s for line in quarters])) * (1 + float(np.median([line.rho for line in quarters])))
    start = sum(part.size for part in parts[:lowest])
    slope = fit_line(*averaged(x[start:], curve.steps[start:])).slope
    rise = end - best
    numbers = {"end": end, "lowest": best, "rise": rise, "noise": s, "slope_per_100": 100 * slope}
    # Five sd for a long run; the t quantile of the same probability for a short one, where s is less certain.
    sds = t_quantile(float(ndtr(DIVERGED_SD)), x.size - 8)
    # A moving average starts at its first value, whatever that is: it must still rise in its later half.
    still = lowest > 0 or end - float(means[means.size // 2]) > sds * s
    if rise > max(sds * s, DIVERGED_SHARE * abs(best)) and slope > 0 and still:
        first = int(curve.steps[min(start + parts[lowest].size, x.size - 1)])
        text = f"the loss ends at {end:.3g}, {rise:.3g} above its lowest tenth ({best:.3g}), and rises"
        return DetectorResult("raised", text, numbers, (first, int(curve.steps[-1])))
    above = (
        f", {rise:.3g} above its lowest tenth, no more than its noise and drift" if rise > 0 else ", its lowest level"
    )
    return DetectorResult("not raised", f"the loss ends at {end:.3g}{above}", numbers)


def _short_divergence(curve: Curve) -> DetectorResult:
    """Detect divergence in 5 to 11 values: three final rises, to the highest value and a fifth above the lowest.

    For independent noise the order alone has probability 1/24.
    """
    x = curve.values
    if x.size < LEAST_VALUES:
        return DetectorResult("cannot tell", f"{x.size} losses are too few: {LEAST_VALUES} are needed")
    best = float(x.min())
    rise = float(x[-1]) - best
    numbers = {"end": float(x[-1]), "lowest": best, "rise": rise}
    if (np.diff(x[-4:]) > 0).all() and rise > SHORT_SHARE * abs(best) and x[-1] >= x.max():
        lowest = int(x.argmin())
        text = f"the loss ends at {x[-1]:.3g}, {rise:.3g} above its lowest value ({best:.3g}), and rises"
        return DetectorResult("raised", text, numbers, (int(curve.steps[lowest]), int(curve.steps[-1])))
    return DetectorResult("not raised", f"the loss ends at {x[-1]:.3g}; its lowest value is {best:.3g}", numbers)


def spikes(logs: Observed) -> DetectorResult:
    """Detect single losses that exceed both of their sides by more than noise and rounding of the run explain."""
    if logs.per_epoch:
        return DetectorResult("cannot tell", "a row is an epoch, in which single losses do not show")
    run = logs.train.settled
    if run is None or run.n < 20:
        return DetectorResult("cannot tell", "fewer than 20 train losses after burn-in")
    spikes = find_spikes(run.x)
    numbers = {"count": float(len(spikes.index)), "threshold": spikes.threshold}
    if not spikes.index:
        return DetectorResult("not raised", f"no loss stands out by more than {spikes.threshold:.1f} sd", numbers)
    steps = tuple(int(run.steps[i]) for i in spikes.index)
    top = int(np.argmax(spikes.height))
    numbers |= {"largest": spikes.height[top], "largest_z": spikes.z[top]}
    text = (
        f"{len(steps)} loss{'es stand' if len(steps) > 1 else ' stands'} out, "
        f"the highest at step {steps[top]} by {spikes.height[top]:.3g} ({spikes.z[top]:.1f} sd)"
    )
    return DetectorResult("raised", text, numbers, steps)
