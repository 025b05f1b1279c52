"""Input and result types of detectors."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from math import nan
from typing import Literal

import numpy as np

from analysis.statistics.estimate import FloatArray, Steps
from analysis.statistics.levels import Settled, settle
from analysis.statistics.longrun import fit_line

LEAST_EVALUATIONS = 8
"""Least number of points for a trend."""

DetectionStatus = Literal["raised", "not raised", "cannot tell", "muted"]


@dataclass(frozen=True)
class DetectorResult:
    """Result of a detector: a sentence, its numbers by name, and the steps where it shows."""

    status: DetectionStatus
    statement: str
    numbers: Mapping[str, float] = field(default_factory=dict)
    steps: tuple[int, ...] = ()


@dataclass(frozen=True)
class Curve:
    """A logged series without NaN: ``steps`` and ``values``, both shape (n,)."""

    steps: Steps = field(default_factory=lambda: np.empty(0), repr=False)
    values: FloatArray = field(default_factory=lambda: np.empty(0), repr=False)

    @property
    def n(self) -> int:
        """Number of points."""
        return int(self.values.size)

    @cached_property
    def settled(self) -> Settled | None:
        """The series after burn-in; fitted once for all detectors."""
        return settle(self.values, self.steps)

    @cached_property
    def ending(self) -> Settled | None:
        """The last window of the series after burn-in, at most half of it; None below 16 points."""
        run = self.settled
        if run is None or run.n < 2 * LEAST_EVALUATIONS:
            return None
        size = min(run.window, run.n // 2)
        return as_is(run.x[-size:], run.steps[-size:])


def as_is(values: FloatArray, steps: Steps) -> Settled:
    """Fit a piece of a run without a burn-in, with a parabola so that its bend is not noise."""
    return Settled(0, fit_line(values, steps, curved=True), values, steps)


@dataclass(frozen=True)
class Observed:
    """The curves and facts of one run that detectors use.

    Attributes
    ----------
    train, valid, full : Curve
        Train loss (without that of a partial last batch), minibatch validation loss, full validation loss.
    full_se : float
        Standard error of one full validation from its finite set; NaN if unknown.
    nonfinite : tuple of int
        Steps at which a loss was logged as NaN or infinite.
    remaining_steps : int or None
        Steps over which a trend is extrapolated; None: as many as the last window has.
    margin : float or None
        Change of loss that does not matter; None: 1% of the level.
    overlap : bool
        True if the validation set overlaps the training data and cannot show overfitting.
    n_valid : int or None
        Number of examples in the whole validation set.
    rewarded : bool
        True if the run is judged by a reward, so that its loss may rise.
    per_epoch : bool
        True if a row of the train loss is an epoch, not a step.
    bad_gradients : tuple of int
        Steps at which the norm of the gradient was NaN or infinite.
    """

    train: Curve = Curve()
    valid: Curve = Curve()
    full: Curve = Curve()
    full_se: float = nan
    nonfinite: tuple[int, ...] = ()
    remaining_steps: int | None = None
    margin: float | None = None
    overlap: bool = False
    n_valid: int | None = None
    rewarded: bool = False
    per_epoch: bool = False
    bad_gradients: tuple[int, ...] = ()
