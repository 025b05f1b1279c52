"""The detector benchmark: runs with one known problem or none, and what other tools made of the same kind."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from analysis.calibrate.noise import EVERY, LEVEL, STEPS, VALID_SD, ar_noise
from analysis.statistics.detectors import Curve, Observed, detect
from analysis.statistics.estimate import FloatArray

RHOS = (0.0, 0.6)

KINDS: Mapping[str, str] = {
    "divergence": "det.divergence",
    "overfitting": "det.overfitting",
    "spike": "det.spikes",
    "NaN": "det.nonfinite",
}
"""Each synthetic problem and the one detector that counts as having found it."""

WANTED: Mapping[str, float] = {"divergence": 0.99, "overfitting": 0.90, "spike": 0.95, "NaN": 1.00}
FALSE_ALARMS_WANTED = 0.05


@dataclass(frozen=True)
class Peer:
    """Published row of another tool, in percent; None where it refuses the input."""

    tool: str
    false_alarms: tuple[float, float]
    detected: tuple[float | None, float | None, float | None, float | None]


PEERS_SOURCE = (
    "Other tools: measured once on runs of this kind (200 without a problem at each autocorrelation, "
    "100 with each), versions as listed."
)
PEERS: tuple[Peer, ...] = (
    Peer("losslint 0.4.1", (1, 2.5), (100, 7, 0, 100)),
    Peer("runmedic 0.1.1", (74, 86.5), (100, 100, 54, 100)),
    Peer("gradsnitch 0.1.0", (36, 37.5), (100, 98, 0, 100)),
    Peer("sk-autod 0.1.1", (100, 100), (0, 58, 0, None)),
    Peer("runwise 0.4.0", (0, 0), (0, 0, 0, 100)),
    Peer("epokio 0.9.5", (80, 79.5), (100, 0, 0, 100)),
    Peer("epochix 0.7.36", (29.5, 36.5), (0, 66, 0, 100)),
    Peer("pytscope 0.2.1", (20, 38), (100, 0, 0, 100)),
)


def synthetic(kind: str | None, rho: float, *, runs: int, rng: np.random.Generator) -> list[Observed]:
    """Draw runs of 300 steps with one problem, or with none for ``kind=None``.

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
    """Give the share of runs with the right detection, or with any problem raised for ``kind=None``."""
    hits = 0
    for observed in synthetic(kind, rho, runs=runs, rng=rng):
        raised = {d.id for d in detect(observed) if d.status == "raised" and d.problem}
        hits += bool(raised) if kind is None else KINDS[kind] in raised
    return hits / runs
