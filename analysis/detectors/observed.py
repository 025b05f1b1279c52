"""What detectors look at, and what one of them sees."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from math import nan
from typing import Literal

import numpy as np

from analysis.statistics.estimate import FloatArray, Steps
from analysis.statistics.levels import Settled, settle

DetectionStatus = Literal["raised", "not raised", "cannot tell", "muted"]

Seen = tuple[DetectionStatus, str, Mapping[str, float], tuple[int, ...]]
"""Status, sentence, numbers by name, and the steps where it shows."""


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
        """The series after burn-in, fitted once for all detectors."""
        return settle(self.values, self.steps)


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
        Change of loss that does not matter; 1% of the level where None.
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
