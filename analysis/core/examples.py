"""Scores by example: the score of every question of an evaluation, and the join of two evaluations by ID."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from analysis.core.metrics import metric, stated_name

OVERALL = stated_name("mean of tasks", direction="higher", split="examples", unit="fraction")
"""The mean over the tasks of a run, each with the same weight."""


@dataclass(frozen=True)
class LeftOut:
    """Counts of the examples of a file that cannot be compared, or were merged.

    Attributes
    ----------
    unnamed, unscored : int
        Without an ID; without a finite score.
    repeated : int
        Further answers to an ID with the same text; the score of the ID is the mean of its answers.
    ambiguous : int
        Examples whose ID occurs with different texts.
    """

    unnamed: int = 0
    unscored: int = 0
    repeated: int = 0
    ambiguous: int = 0


@dataclass(frozen=True, eq=False)
class Examples:
    """The scores of one run in one metric of one task; equal only to itself.

    Attributes
    ----------
    metric : str
        Name with task, metric and direction (`analysis.core.metrics.stated_name`).
    ids : ndarray of str, shape (n,)
        Without repetition.
    scores : ndarray, shape (n,)
        Finite.
    clusters : ndarray of int, shape (n,), or None
        Cluster of each example, such as the passage that several questions are about.
    weights : ndarray, shape (n,), or None
        Positive.
    questions : ndarray of uint64, shape (n,), or None
        Hash of the question; 0 where it is unknown.
    texts : tuple of sequences of str
        Questions, expected answers and answers, each of n texts or empty; not yet redacted.
    leads : bool
        True for the first metric of its task, which enters the mean of tasks.
    """

    metric: str
    ids: npt.NDArray[Any] = field(repr=False)
    scores: npt.NDArray[np.float64] = field(repr=False)
    clusters: npt.NDArray[np.intp] | None = field(default=None, repr=False)
    weights: npt.NDArray[np.float64] | None = field(default=None, repr=False)
    questions: npt.NDArray[np.uint64] | None = field(default=None, repr=False)
    texts: tuple[Sequence[str], Sequence[str], Sequence[str]] = field(default=((), (), ()), repr=False)
    leads: bool = True
    left_out: LeftOut = LeftOut()

    @property
    def mean(self) -> float:
        """Mean score, weighted if there are weights."""
        return float(np.average(self.scores, weights=self.weights))

    @property
    def is_share(self) -> bool:
        """True if every score is 0 or 1 and there are no weights."""
        return self.weights is None and bool(np.isin(self.scores, (0.0, 1.0)).all())

    @property
    def may_be_averaged(self) -> bool:
        """True if the mean of tasks includes this one: two scores or more, all from 0 to 1, higher is better."""
        bounded = self.ids.size > 1 and bool(self.scores.min() >= 0 and self.scores.max() <= 1)
        return bounded and self.leads and metric(self.metric).direction == "higher"


@dataclass(frozen=True, eq=False)
class Joined:
    """Two evaluations side by side: indices of the common examples in each, and counts of the others.

    Attributes
    ----------
    places : tuple of two ndarrays of int, each of shape (common,)
    only : tuple of two ints
        Number of examples in the first alone and in the second alone.
    changed : int
        Number of common IDs whose questions differ; they are not compared.
    """

    places: tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]] = field(repr=False)
    only: tuple[int, int]
    changed: int

    @property
    def n(self) -> int:
        """Number of common examples."""
        return int(self.places[0].size)


@lru_cache(maxsize=8)
def joined(one: Examples, two: Examples) -> Joined:
    """Return the examples that two evaluations have in common, by ID; the order of neither matters.

    Examples
    --------
    >>> a = Examples("m", np.array(["x", "y", "z"], dtype=object), np.array([1.0, 0.0, 1.0]))
    >>> b = Examples("m", np.array(["z", "w", "x"], dtype=object), np.array([0.0, 0.0, 1.0]))
    >>> both = joined(a, b)
    >>> both.places[0].tolist(), both.places[1].tolist(), both.only
    ([0, 2], [2, 0], (1, 1))
    """
    second = pd.Index(two.ids).get_indexer(pd.Index(one.ids))
    first = np.flatnonzero(second >= 0)
    second = second[first]
    common, changed = first.size, 0
    if one.questions is not None and two.questions is not None:
        asked = one.questions[first], two.questions[second]
        alike = (asked[0] == asked[1]) | (asked[0] == 0) | (asked[1] == 0)
        changed = int((~alike).sum())
        first, second = first[alike], second[alike]
    return Joined((first, second), (one.ids.size - common, two.ids.size - common), changed)
