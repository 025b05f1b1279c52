"""Detectors of training problems that stay quiet on noise: each looks at the curves of one run."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from math import isfinite, nan
from typing import Literal

import numpy as np
from scipy.special import ndtr, ndtri

from analysis.statistics.estimate import Estimate, FloatArray, t_quantile, t_tail
from analysis.statistics.levels import Settled, settle, trend
from analysis.statistics.longrun import fit_line
from analysis.statistics.series import find_spikes

DetectionStatus = Literal["raised", "not raised", "cannot tell", "muted"]

ONE_SIDED = 0.05
STRICT = 0.01
DIVERGED_SD = 5.0
DIVERGED_SHARE = 0.10
LEAST_EVALUATIONS = 8
MARGIN_SHARE = 0.01


@dataclass(frozen=True)
class Curve:
    """A logged series without NaN: ``steps`` and ``values``, both shape (n,)."""

    steps: FloatArray = field(default_factory=lambda: np.empty(0), repr=False)
    values: FloatArray = field(default_factory=lambda: np.empty(0), repr=False)

    @property
    def n(self) -> int:
        """Number of points."""
        return int(self.values.size)


@dataclass(frozen=True)
class Observed:
    """What the detectors look at.

    Attributes
    ----------
    train, valid, full : Curve
        Train loss (a partial last batch left out), minibatch validation loss, full validation loss.
    full_se : float
        Sampling error of one full validation; NaN where unknown.
    nonfinite : tuple of int
        Steps at which a loss was logged as NaN or infinite.
    remaining_steps : int or None
        Steps a plateau is judged over; the length of the last window where None.
    margin : float or None
        Change of loss that does not matter; 1 % of the level where None.
    overlap : bool
        The validation set overlaps the training data: overfitting cannot be seen there.
    """

    train: Curve = Curve()
    valid: Curve = Curve()
    full: Curve = Curve()
    full_se: float = nan
    nonfinite: tuple[int, ...] = ()
    remaining_steps: int | None = None
    margin: float | None = None
    overlap: bool = False


@dataclass(frozen=True)
class Detection:
    """What one detector says of one run.

    ``statement`` is the sentence with its numbers; ``numbers`` the same by name; ``steps`` where it shows;
    ``problem`` whether "raised" is bad news.
    """

    id: str
    status: DetectionStatus
    problem: bool
    statement: str
    numbers: Mapping[str, float] = field(default_factory=dict)
    steps: tuple[int, ...] = ()


@dataclass(frozen=True)
class Detector:
    """A detector: ``cause`` and ``remedy`` are to be shown only where it is raised."""

    id: str
    title: str
    problem: bool
    cause: str
    remedy: str
    look: Callable[[Observed], tuple[DetectionStatus, str, Mapping[str, float], tuple[int, ...]]]


_Seen = tuple[DetectionStatus, str, Mapping[str, float], tuple[int, ...]]


def detect(observed: Observed, *, muted: Collection[str] = ()) -> tuple[Detection, ...]:
    """Ask every detector about a run, in the order of `DETECTORS`; a muted one is listed as such.

    Examples
    --------
    >>> [d.status for d in detect(Observed(nonfinite=(7,))) if d.id == "det.nonfinite"]
    ['raised']
    """
    found = []
    for detector in DETECTORS.values():
        if detector.id in muted:
            found.append(Detection(detector.id, "muted", detector.problem, "muted in the run set"))
            continue
        status, statement, numbers, steps = detector.look(observed)
        found.append(Detection(detector.id, status, detector.problem, statement, numbers, steps))
    return tuple(found)


def _nonfinite(seen: Observed) -> _Seen:
    steps = seen.nonfinite
    if steps:
        text = f"{len(steps)} losses are NaN or infinite, the first at step {steps[0]}"
        return "raised", text, {"count": len(steps), "first_step": steps[0]}, steps
    if max(seen.train.n, seen.valid.n, seen.full.n) == 0:
        return "cannot tell", "no losses logged", {}, ()
    return "not raised", "every logged loss is finite", {"count": 0}, ()


def _divergence(seen: Observed) -> _Seen:
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
    quarters = [fit_line(q, np.arange(q.size, dtype=np.float64)).s for q in np.array_split(x, 4)]
    s = float(np.median(quarters))
    start = sum(part.size for part in parts[:lowest])
    slope = fit_line(x[start:], curve.steps[start:]).slope
    rise = end - best
    numbers = {"end": end, "lowest": best, "rise": rise, "noise": s, "slope_per_100": 100 * slope}
    # Five sd for a long run; for a short one the t quantile of the same probability, as s is less sure.
    sds = t_quantile(float(ndtr(DIVERGED_SD)), x.size - 8)
    if rise > max(sds * s, DIVERGED_SHARE * abs(best)) and slope > 0:
        first = int(curve.steps[min(start + parts[lowest].size, x.size - 1)])
        text = f"the loss ends at {end:.3g}, {rise:.3g} above its lowest tenth ({best:.3g}), and rises"
        return "raised", text, numbers, (first, int(curve.steps[-1]))
    return "not raised", f"the loss ends at {end:.3g}; its lowest tenth is {best:.3g}", numbers, ()


def _spikes(seen: Observed) -> _Seen:
    run = settle(seen.train.values, seen.train.steps)
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


def _overfitting(seen: Observed) -> _Seen:
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


def _overfitting_full(seen: Observed) -> _Seen:
    """Full validation above its best by more than its sampling error, while the train loss falls."""
    values = seen.full.values
    best = int(values.argmin())
    rise = float(values[-1] - values[best])
    # The best of many is low by chance: the error allowed for grows with the number of evaluations.
    needed = float(-ndtri(0.025 / (values.size - 1))) * seen.full_se
    train = trend(settle(seen.train.values, seen.train.steps))
    falls = _one_sided(train, -1)
    numbers = {"rise": rise, "needed": needed, "train_slope": train.value, "train_p": falls}
    where = (int(seen.full.steps[best]), int(seen.full.steps[-1]))
    if rise > needed and falls < ONE_SIDED:
        text = f"full validation rose by {rise:.3g} from its best (more than {needed:.3g}) as train loss fell"
        return "raised", text, numbers, where
    if rise > needed and not isfinite(falls):
        return "cannot tell", f"full validation rose by {rise:.3g}; no train trend beside it", numbers, where
    text = f"full validation is {rise:.3g} above its best; {needed:.3g} would be needed"
    return "not raised", text, numbers, ()


def _overfitting_trend(seen: Observed, curve: Curve) -> _Seen:
    """Validation rises over the whole run or its second half, while train falls or is flat there."""
    best: tuple[float, dict[str, float], int] | None = None
    detectable = nan
    for part, share in ((curve.n, 0.8), ((curve.n + 1) // 2, 0.2)):
        if part < LEAST_EVALUATIONS:
            continue
        steps, values = curve.steps[-part:], curve.values[-part:]
        valid = trend(_as_is(values, steps))
        rises = _one_sided(valid, +1)
        if not isfinite(rises):
            continue
        span = float(steps[-1] - steps[0]) / 100
        detectable = min(detectable, 2.5 * valid.se * span) if isfinite(detectable) else 2.5 * valid.se * span
        train = _train_trend(seen.train, float(steps[0]))
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
        text = f"validation loss rose by {numbers['rise']:.3g} (p {numbers['p']:.2g}) while {fell}"
        return "raised", text, numbers, (start, int(curve.steps[-1]))
    text = f"no rise of the validation loss; {detectable:.2g} would be found four times out of five"
    return "not raised", text, numbers, ()


def _plateau(seen: Observed) -> _Seen:
    run = _last_window(seen.train)
    slope = trend(run, level=0.90)
    if run is None or not slope.known:
        return "cannot tell", slope.reason or "no trend of the last window", {}, ()
    ahead, margin = _ahead(seen, run), _margin(seen, run)
    low, high = slope.low * ahead, slope.high * ahead
    numbers = {"low": low, "high": high, "margin": margin, "steps_ahead": 100 * ahead}
    inside = -margin <= low and high <= margin
    text = (
        f"{100 * ahead:.0f} more steps would change the loss by {low:.3g} to {high:.3g} (margin {margin:.2g})"
    )
    return ("raised" if inside else "not raised"), text, numbers, ()


def _undertraining(seen: Observed) -> _Seen:
    run = _last_window(seen.train)
    slope = trend(run)
    if run is None or not slope.known:
        return "cannot tell", slope.reason or "no trend of the last window", {}, ()
    upper = slope.value + t_quantile(1 - STRICT, slope.df) * slope.se
    fall = -slope.value * _ahead(seen, run)
    numbers = {"slope_per_100": slope.value, "upper": upper, "fall": fall, "margin": _margin(seen, run)}
    text = f"slope of the last {run.n} points {slope.value:.3g} per 100 steps, at most {upper:.3g} (99 %)"
    if upper >= 0:
        return "not raised", text, numbers, ()
    if fall < numbers["margin"]:
        return "not raised", f"{text}: as many steps again would gain {fall:.2g}, too little", numbers, ()
    if _overfitting(seen)[0] == "raised":
        return "not raised", f"{text}, but validation gets worse", numbers, ()
    return "raised", text, numbers, (int(run.steps[0]), int(run.steps[-1]))


def _ahead(seen: Observed, run: Settled) -> float:
    """Give the steps to judge the trend over, in hundreds: what remains, else one more window."""
    return (seen.remaining_steps or float(run.steps[-1] - run.steps[0])) / 100


def _margin(seen: Observed, run: Settled) -> float:
    return seen.margin if seen.margin is not None else MARGIN_SHARE * abs(run.line.mean)


def _early_stopping(seen: Observed) -> _Seen:
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


def _as_is(values: FloatArray, steps: FloatArray) -> Settled:
    """Take a piece of a run whole: its start is no burn-in."""
    return Settled(0, fit_line(values, steps), values, steps)


def _train_trend(train: Curve, since: float) -> Estimate:
    inside = train.steps >= since
    if int(inside.sum()) < LEAST_EVALUATIONS:
        return trend(None)
    return trend(_as_is(train.values[inside], train.steps[inside]))


def _last_window(train: Curve) -> Settled | None:
    run = settle(train.values, train.steps)
    if run is None or run.n < LEAST_EVALUATIONS:
        return None
    return _as_is(run.x[-run.window :], run.steps[-run.window :])


DETECTORS: Mapping[str, Detector] = {
    detector.id: detector
    for detector in (
        Detector(
            "det.nonfinite",
            "Non-finite loss",
            True,
            "A NaN or infinite loss comes from overflow in half precision, a division by zero or a log of "
            "zero in the loss, or weights that have already diverged.",
            "Go back to the last checkpoint before it; look at the batch of the first such step; lower the "
            "learning rate or scale the loss, and clip gradients.",
            _nonfinite,
        ),
        Detector(
            "det.divergence",
            "Divergence",
            True,
            "The updates grow faster than the loss can follow: too large a learning rate, too short a "
            "warm-up, or data that change on the way.",
            "Resume from before the rise with a lower learning rate or a longer warm-up; check the order of "
            "the data.",
            _divergence,
        ),
        Detector(
            "det.spikes",
            "Loss spikes",
            True,
            "Single batches with an unusual loss: damaged or mislabelled examples, or a very large gradient.",
            "Look at the batches of the named steps; clip gradients if they return.",
            _spikes,
        ),
        Detector(
            "det.overfitting",
            "Overfitting",
            True,
            "The model goes on learning its training data while it gets worse on data it has not seen.",
            "Use a checkpoint of the early-stopping set; train for fewer epochs, with more data or more "
            "regularisation.",
            _overfitting,
        ),
        Detector(
            "det.undertraining",
            "Under-training",
            True,
            "The run ended while its loss was still falling.",
            "Train for longer, if the validation loss is falling too.",
            _undertraining,
        ),
        Detector(
            "det.plateau",
            "Plateau",
            False,
            "The loss has settled: more of the same training would not change it by a margin that matters.",
            "Stop here, or change something: data, learning rate or model.",
            _plateau,
        ),
        Detector(
            "det.early_stopping",
            "Early-stopping set",
            False,
            "An earlier checkpoint validates better than the last one, by more than one standard error.",
            "Prefer the earliest checkpoint of the set.",
            _early_stopping,
        ),
    )
}
"""Every detector by ID, problems first."""
