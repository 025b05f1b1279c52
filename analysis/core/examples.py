"""Scores by example: what every question of one evaluation scored, and how two evaluations are joined by ID."""

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
"""The metric in which several tasks of one run are taken together, each with the same weight."""


@dataclass(frozen=True)
class LeftOut:
    """Examples of a file that cannot be compared, or were taken together; counts.

    Attributes
    ----------
    unnamed, unscored : int
        Without an ID; without a finite score.
    repeated : int
        Further answers to an ID that came before with the same text: the mean of them is the score.
    ambiguous : int
        Of an ID that stands for different texts.
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
        Name that says task, metric and direction (`analysis.core.metrics.stated_name`).
    ids : ndarray of str, shape (n,)
        Without repetition.
    scores : ndarray, shape (n,)
        Finite.
    clusters : ndarray of int, shape (n,), or None
        What examples belong together, such as the passage of a question: a number for each of these.
    weights : ndarray, shape (n,), or None
        Positive.
    questions : ndarray of uint64, shape (n,), or None
        Hash of what was asked; 0 where it is not known.
    texts : tuple of sequences of str
        What was asked, what was wanted, what was answered, each of n texts or empty; not redacted yet.
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
        """True if every example is right or wrong, and all count the same."""
        return self.weights is None and bool(np.isin(self.scores, (0.0, 1.0)).all())

    @property
    def may_be_averaged(self) -> bool:
        """True if the mean of tasks takes this one in: two scores or more from 0 to 1, of which more is better."""
        bounded = self.ids.size > 1 and bool(self.scores.min() >= 0 and self.scores.max() <= 1)
        return bounded and self.leads and metric(self.metric).direction == "higher"


@dataclass(frozen=True, eq=False)
class Joined:
    """Two evaluations side by side: places of the common examples in each, and what has no partner.

    Attributes
    ----------
    places : tuple of ndarray of int, each of shape (common,)
    only : tuple of int
        Examples of the first and of the second alone.
    changed : int
        Examples of one ID whose texts differ: they are others, and are not compared.
    """

    places: tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]] = field(repr=False)
    only: tuple[int, int]
    changed: int

    @property
    def n(self) -> int:
        """Examples that both have."""
        return int(self.places[0].size)


@lru_cache(maxsize=8)
def joined(one: Examples, two: Examples) -> Joined:
    """Find the examples that two evaluations have in common, by ID; the order of either does not matter.

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
