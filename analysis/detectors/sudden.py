"""Problems that show in single losses or as a sudden change: non-finite, divergence, spikes."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from scipy.special import ndtr

from analysis.detectors.observed import Observed, Seen
from analysis.statistics.estimate import t_quantile
from analysis.statistics.longrun import averaged, fit_line
from analysis.statistics.series import find_spikes

DIVERGED_SD = 5.0
DIVERGED_SHARE = 0.10


def nonfinite(seen: Observed) -> Seen:
    steps = seen.nonfinite
    if steps:
        text = f"{len(steps)} losses are NaN or infinite, the first at step {steps[0]}"
        return "raised", text, {"count": len(steps), "first_step": steps[0]}, steps
    if max(seen.train.n, seen.valid.n, seen.full.n) == 0:
        return "cannot tell", "no losses logged", {}, ()
    return "not raised", "every logged loss is finite", {"count": 0}, ()


def divergence(seen: Observed) -> Seen:
    curve = seen.train if seen.train.n else seen.valid
    x = curve.values
    if x.size < 12:
        return "cannot tell", f"{x.size} losses are too few: 12 are needed", {}, ()
    parts = np.array_split(x, min(10, x.size // 3))
    means = np.array([part.mean() for part in parts])
    lowest = int(means[:-1].argmin())
    tail = x[-max(x.size // 5, 3) :]
    end, best = float(tail.mean()), float(means[lowest])
    # Noise around a line in each quarter: blind to where the loss starts to rise, not to autocorrelation.
    ends = np.cumsum([0, *(quarter.size for quarter in np.array_split(x, 4))])
    quarters = [fit_line(x[a:b], sums=curve.sums[a:b] if curve.sums else None).s for a, b in pairwise(ends)]
    s = float(np.median(quarters))
    start = sum(part.size for part in parts[:lowest])
    slope = fit_line(*averaged(x[start:], curve.steps[start:])).slope
    rise = end - best
    numbers = {"end": end, "lowest": best, "rise": rise, "noise": s, "slope_per_100": 100 * slope}
    # Five sd for a long run; for a short one the t quantile of the same probability, as s is less sure.
    sds = t_quantile(float(ndtr(DIVERGED_SD)), x.size - 8)
    if rise > max(sds * s, DIVERGED_SHARE * abs(best)) and slope > 0:
        first = int(curve.steps[min(start + parts[lowest].size, x.size - 1)])
        text = f"the loss ends at {end:.3g}, {rise:.3g} above its lowest tenth ({best:.3g}), and rises"
        return "raised", text, numbers, (first, int(curve.steps[-1]))
    return "not raised", f"the loss ends at {end:.3g}; its lowest tenth is {best:.3g}", numbers, ()


def spikes(seen: Observed) -> Seen:
    run = seen.train.settled
    if run is None or run.n < 20:
        return "cannot tell", "fewer than 20 train losses after burn-in", {}, ()
    spikes = find_spikes(run.x)
    numbers = {"count": float(len(spikes.index)), "threshold": spikes.threshold}
    if not spikes.index:
        return "not raised", f"no loss stands out by more than {spikes.threshold:.1f} sd", numbers, ()
    steps = tuple(int(run.steps[i]) for i in spikes.index)
    top = int(np.argmax(spikes.height))
    numbers |= {"largest": spikes.height[top], "largest_z": spikes.z[top]}
    text = (
        f"{len(steps)} loss{'es stand' if len(steps) > 1 else ' stands'} out, "
        f"the highest at step {steps[top]} by {spikes.height[top]:.3g} ({spikes.z[top]:.1f} sd)"
    )
    return "raised", text, numbers, steps
