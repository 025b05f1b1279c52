"""Keep apart what printed lines call by one name: a training's loss and an evaluation's, a score of each class."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd

from analysis.sources.printed_phases import of_model
from analysis.sources.text_tables import EPOCHS, STEPS

_AXES = ["\0step", "\0epoch", "\0total"]
_SAY_NOTHING = (
    STEPS | EPOCHS | {"for", "at", "of", "on", "the", "global", "info", "debug", "warning", "result", "results"}
)


_MOST_LABELS = 200


def apart(blocks: Sequence[tuple[str, pd.DataFrame]]) -> list[pd.DataFrame]:
    """Put its own words in front of the names in a kind of line that stands beside another one of the same names.

    Lines of one series that differ in their wording (``loss 2`` and ``loss 1 (best)``) do not stand at one step.
    A number that tells the lines of one step apart (``Class 0 IoU: 0.5``) becomes part of their names.

    Parameters
    ----------
    blocks : sequence of (str, pandas.DataFrame)
        The wording of each kind of line, and its values by the number of the line.
    """
    blocks = [(wording, _without_count(wording, block, blocks)) for wording, block in blocks]
    heads = np.unique(np.concatenate([block.index for _, block in blocks if _axes(block)] or [np.empty(0, np.int64)]))
    blocks = [(wording, one) for wording, block in blocks for one in _by_label(block, heads)]
    kept: list[tuple[int, pd.DataFrame]] = []
    squeezed = ["".join(wording.split()) for wording, _ in blocks]  # lines that differ in padding are of one kind
    order = sorted(range(len(blocks)), key=lambda place: (not _axes(blocks[place][1]), -len(blocks[place][1]), place))
    for place in order:
        wording, block = blocks[place]
        for before, other in kept:
            common = [name for name in block.columns if name in other.columns and name not in _AXES]
            if common and squeezed[before] != squeezed[place] and _beside(block, other, heads):
                words = _words(wording, common[0])
                block = block.rename(columns={name: f"{words} {name}" for name in common})
        kept.append((place, block))
    return [block for _, block in sorted(kept, key=lambda one: one[0])]


def _axes(block: pd.DataFrame) -> list[str]:
    return [name for name in _AXES[:2] if name in block]


def _without_count(wording: str, block: pd.DataFrame, blocks: Sequence[tuple[str, pd.DataFrame]]) -> pd.DataFrame:
    """Take a count that stands once in each of the steps that another line counts (``Steps: 98``) for no step."""
    if _axes(block) != ["\0step"] or (block["\0step"].diff().dropna() >= 0).all():
        return block
    for _, head in blocks:
        axes = _axes(head)
        if axes and head is not block and len(head) in (len(block), len(block) + 1):
            above = np.searchsorted(head.index.to_numpy(), block.index.to_numpy())
            if (np.diff(above) == 1).all() and (head[axes[0]].diff().dropna() > 0).all():
                words = re.search(r"([A-Za-z][\w ]*)\W*\0", wording)
                return block.rename(columns={"\0step": f"{words[1].strip() if words else 'number'} counted"})
    return block


def _by_label(block: pd.DataFrame, heads: npt.NDArray[np.int64]) -> list[pd.DataFrame]:
    """Return a block for each value of the number in front that tells lines of one step apart."""
    scores = [name for name in block.columns if name not in _AXES and of_model(str(name))]
    if not scores or len(block) < 4:
        return [block]
    front = block.columns[: block.columns.get_loc(scores[0])]  # type: ignore[misc]
    step = [block[name] for name in _axes(block)] or [np.searchsorted(heads, block.index.to_numpy(), side="right")]
    for name in (name for name in front if name not in _AXES):
        labels = block[name]
        known = labels.nunique()
        if not 2 <= known <= min(_MOST_LABELS, len(block) // 2) or (labels % 1 != 0).any():
            continue
        steps = block.groupby(step, sort=False)[name]
        if (steps.nunique() == steps.size()).all() and 2 * int((steps.size() == known).sum()) > steps.ngroups:
            named = [column for column in block.columns if column not in (*_AXES, name)]
            return [
                own.drop(columns=name).rename(columns={column: f"{column} ({name} {int(label)})" for column in named})
                for label, own in block.groupby(name)
            ]
    return [block]


def _beside(block: pd.DataFrame, other: pd.DataFrame, heads: npt.NDArray[np.int64]) -> bool:
    """True if most lines of one kind follow a line of the other at the same step, or have no step at all."""
    axis = next((name for name in _axes(block) if name in other), None)
    if axis is None and not _axes(block) and not _axes(other):
        steps = [np.searchsorted(heads, one.index.to_numpy(), side="right") for one in (block, other)]
        return bool(2 * np.isin(*steps).sum() > len(block))
    if axis is None:
        return not _axes(block) and bool(_axes(other))
    before = np.searchsorted(other.index.to_numpy(), block.index.to_numpy()) - 1
    same = (before >= 0) & (other[axis].to_numpy()[before] == block[axis].to_numpy())
    return bool(2 * same.sum() > len(block))


def _words(wording: str, name: str) -> str:
    before = wording.partition(name)[0]
    words = [word for word in re.findall(r"[A-Za-z][\w-]*", before) if word.lower() not in _SAY_NOTHING]
    return " ".join(words[-2:]) or "other"
