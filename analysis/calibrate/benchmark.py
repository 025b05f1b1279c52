"""The detector benchmark: simulated runs with one known problem or none."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from analysis.calibrate.logs import EVERY, LEVEL, STEPS, VALID_SD, ar_noise
from analysis.statistics.detectors import Curve, Observed, detect
from analysis.statistics.estimate import FloatArray

RHOS = (0.0, 0.6)

KINDS: Mapping[str, str] = {
    "divergence": "det.divergence",
    "overfitting": "det.overfitting",
    "spike": "det.spikes",
    "NaN": "det.nonfinite",
}
"""The detector that must find each synthetic problem, by name of the problem."""

WANTED: Mapping[str, float] = {"divergence": 0.99, "overfitting": 0.90, "spike": 0.95, "NaN": 1.00}
FALSE_ALARMS_WANTED = 0.05


def synthetic(kind: str | None, rho: float, *, runs: int, rng: np.random.Generator) -> list[Observed]:
    """Simulate runs of 300 steps with one problem, or without any for ``kind=None``.

    Divergence: train and validation rise from .3 to .9 from step 150. Overfitting: train falls by .10 and
    validation rises by .05. Spike: +.20 on a random step. NaN: from a random step of the second half on.
    """
    steps = np.arange(1.0, STEPS + 1)
    train = ar_noise(rng, runs, STEPS, rho)
    valid = LEVEL + VALID_SD * rng.normal(size=(runs, STEPS // EVERY))
    at = slice(EVERY - 1, None, EVERY)
    share = (steps - 1) / (STEPS - 1)
    ends = np.full(runs, STEPS)
    if kind == "divergence":
        ramp = 0.6 * np.clip((steps - STEPS / 2) / (STEPS / 2), 0, 1)
        train, valid = train + ramp, valid + ramp[at]
    elif kind == "overfitting":
        train, valid = train - 0.10 * share, valid + 0.05 * share[at]
    elif kind == "spike":
        train[np.arange(runs), rng.integers(0, STEPS, runs)] += 0.20
    elif kind == "NaN":
        ends = rng.integers(STEPS // 2, STEPS, runs)
    return [_observed(steps, train[i], valid[i], int(ends[i])) for i in range(runs)]


def _observed(steps: FloatArray, train: FloatArray, valid: FloatArray, end: int) -> Observed:
    evaluated = steps[EVERY - 1 :: EVERY]
    alive = evaluated <= end
    return Observed(
        train=Curve(steps[:end], train[:end]),
        valid=Curve(evaluated[alive], valid[alive]),
        nonfinite=tuple(range(end + 1, STEPS + 1)),
    )


def alarm_rate(kind: str | None, rho: float, *, runs: int, rng: np.random.Generator) -> float:
    """Return the share of runs for which the right detector is raised, or any problem for ``kind=None``."""
    hits = 0
    for observed in synthetic(kind, rho, runs=runs, rng=rng):
        raised = {d.id for d in detect(observed) if d.status == "raised" and d.problem}
        hits += bool(raised) if kind is None else KINDS[kind] in raised
    return hits / runs
