"""Bring the two counts of Keras onto one axis: ``batch_*`` is logged by batch, ``epoch_*`` by epoch."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np

from analysis.sources._points import Floats, Ints

_BATCH = re.compile(r"(.*/)?batch_(?!\d)\w+")
_EPOCH = re.compile(r"(.*/)?epoch_\w+")
_ITERATIONS = re.compile(r"(.*/)?evaluation_\w+_vs_iterations")


def one_axis(names: Sequence[str], *, tag: Ints, step: Ints, seconds: Floats) -> tuple[Ints, set[str], tuple[str, ...]]:
    """Choose one count of steps for the points of a Keras run; others come back as they are.

    Where batches are logged, a value of an epoch is placed at the last batch logged before it; where they are
    not, the evaluations counted in batches are left out: Keras logs the same values by epoch.

    Parameters
    ----------
    names : Sequence[str]
        Names of the tags.
    tag, step, seconds : numpy.ndarray
        Points, shape (points,): index into ``names``, step as logged, Unix time (s).

    Returns
    -------
    tuple
        The steps, shape (points,); names to leave out; notes.
    """
    kinds = np.array([_kind(name) for name in names])[tag]
    batches, epochs, counted = kinds == "batch", kinds == "epoch", kinds == "iterations"
    if not epochs.any():
        return step, set(), ()
    if not batches.any():
        return step, {name for name in names if _kind(name) == "iterations"} if counted.any() else set(), ()
    order = np.argsort(seconds[batches], kind="stable")
    place = np.searchsorted(seconds[batches][order], seconds[epochs], side="right") - 1
    steps = step.copy()
    steps[epochs] = step[batches][order][np.maximum(place, 0)]
    return steps, set(), ("values of an epoch are placed at the last batch logged before them",)


def _kind(name: str) -> str:
    if _BATCH.fullmatch(name):
        return "batch"
    if _EPOCH.fullmatch(name):
        return "epoch"
    return "iterations" if _ITERATIONS.fullmatch(name) else ""
