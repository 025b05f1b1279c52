"""Name metrics whose columns give only the phase (``train``, ``val``) or only the score (``accuracy``)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from analysis.core.metrics import metric
from analysis.sources.metric_aliases import plain
from analysis.sources.phases import phase_of
from analysis.sources.printed_phases import HELD_OUT

_SHORT = {"va": "val", "vl": "val", "te": "test", "ts": "test"}
"""Words for a phase that are accepted only as a whole column name."""
_FEWEST = 3
"""Fewest values that show whether a curve falls."""


def bare_losses(frame: pd.DataFrame, names: Sequence[str]) -> tuple[dict[str, str], list[str]]:
    """Return names of losses or scores for columns such as ``train`` and ``val``, by column, and notes.

    They count as losses if that of the training falls and the log has no other metric with a direction (or ``val`` is
    near the only loss); as scores if it rises beside losses, within 0 to 100. Otherwise the user has to name them.

    Parameters
    ----------
    frame : pandas.DataFrame
        Rows in the order of writing.
    names : sequence of str
        Metric columns.
    """
    bare = {name: phase for name in names if (phase := phase_of(name) or _SHORT.get(plain(name))) is not None}
    if not bare or len(set(bare.values())) < len(bare):
        return {}, []
    others = [name for name in names if metric(name).direction != "none" and name not in bare]
    first = next((name for name, phase in bare.items() if phase == "train"), next(iter(bare)))
    values = frame[first].dropna().to_numpy(dtype=np.float64)
    few = max(1, len(values) // 5)
    if len(values) < _FEWEST:
        return {}, []
    change = np.median(values[-few:]) - np.median(values[:few])
    beside = [name for name in others if metric(name).direction == "lower"]
    alone = set(bare.values()) == {"val"} and [plain(name) for name in beside] in (["loss"], ["train_loss"])
    if change < 0 and (not others or (alone and _is_near(values, frame[beside[0]]))):
        kind, shown, moves = "loss", "losses" if len(bare) > 1 else "a loss", "falls"
    elif (
        others
        and change > 0
        and _is_score(frame[list(bare)])
        and {metric(name).direction for name in others} == {"lower"}
    ):
        kind, shown, moves = "score", "scores" if len(bare) > 1 else "a score", "rises"
    else:
        return {}, []
    said = {name: f"{phase}_{kind}" for name, phase in bare.items()}
    other = "eval_score" if kind == "loss" else "eval_loss"
    note = (
        f"{', '.join(bare)}: nothing says what was measured; taken for {shown}, as "
        f"{first} {moves} (if not, say so: columns: {{{other}: {next(iter(bare))}}})"
    )
    return said, [note]


def _is_near(values: np.ndarray[Any, np.dtype[np.float64]], losses: pd.Series[float]) -> bool:
    """True if the median of the values is within 0.5 to 4 times that of the losses, as for a validation loss."""
    middle, usual = float(np.median(values)), float(losses.median())
    return usual > 0 and 0.5 < middle / usual < 4


def _is_score(frame: pd.DataFrame) -> bool:
    """True if all values are between 0 and 100, as fractions and percentages are."""
    return bool(np.nanmin(frame.to_numpy(dtype=np.float64)) >= 0 and np.nanmax(frame.to_numpy(dtype=np.float64)) <= 100)


def bare_scores(frame: pd.DataFrame, names: Sequence[str]) -> tuple[dict[str, str], list[str]]:
    """Return validation names for scores that do not name their data, by column, and notes.

    This requires a training and a validation loss, no other column of the same score, and values on exactly the rows of
    the validation loss (tables of fastai and Hugging Face).
    """
    phases = {name: _phase(name) for name in names}
    losses = {phases[name]: name for name in names if phases[name] and metric(name).direction == "lower"}
    if not {"train", "val"} <= set(losses):
        return {}, []
    rows = frame[losses["val"]].notna()
    said = {}
    for name in (name for name, phase in phases.items() if phase is None and _is_bare_score(name)):
        others = (other for other in names if phases[other] and plain(other).endswith(plain(name)))
        if next(others, None) is None and (frame[name].notna() == rows).all():
            said[name] = f"val_{name}"
    if not said:
        return {}, []
    return said, [
        f"{', '.join(said)}: nothing says on which data; taken for the validation's, as on just the rows of "
        f"{losses['val']} (if not, say so: columns: {{train_score: {next(iter(said))}}})"
    ]


def _phase(name: str) -> str | None:
    return next((phase for word in plain(name).split("_") if (phase := phase_of(word))), None)


def _is_bare_score(name: str) -> bool:
    row = metric(plain(name))
    if plain(name) in HELD_OUT:
        return False
    return row.direction == "higher" or (row.direction == "lower" and "error" in plain(name))
