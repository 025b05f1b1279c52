"""Keep apart what several kinds of printed lines call by one name: a training's loss, an evaluation's, the best."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
import pandas as pd

from analysis.sources.text_tables import EPOCHS, STEPS

_AXES = ["\0step", "\0epoch", "\0total"]
_SAY_NOTHING = (
    STEPS | EPOCHS | {"for", "at", "of", "on", "the", "global", "info", "debug", "warning", "result", "results"}
)


def apart(blocks: Sequence[tuple[str, pd.DataFrame]]) -> list[pd.DataFrame]:
    """Put its own words in front of the names in a kind of line that stands beside another one of the same names.

    Lines of one series that differ in their wording (``loss 2`` and ``loss 1 (best)``) do not stand at one step.

    Parameters
    ----------
    blocks : sequence of (str, pandas.DataFrame)
        The wording of each kind of line, and its values by the number of the line.
    """
    kept: list[tuple[int, pd.DataFrame]] = []
    order = sorted(range(len(blocks)), key=lambda place: (not _axes(blocks[place][1]), -len(blocks[place][1]), place))
    for place in order:
        wording, block = blocks[place]
        for _, other in kept:
            common = [name for name in block.columns if name in other.columns and name not in _AXES]
            if common and _beside(block, other):
                words = _words(wording, common[0])
                block = block.rename(columns={name: f"{words} {name}" for name in common})
        kept.append((place, block))
    return [block for _, block in sorted(kept, key=lambda one: one[0])]


def _axes(block: pd.DataFrame) -> list[str]:
    return [name for name in _AXES[:2] if name in block]


def _beside(block: pd.DataFrame, other: pd.DataFrame) -> bool:
    """True if most lines of one kind follow a line of the other at the same step, or have no step at all."""
    axis = next((name for name in _axes(block) if name in other), None)
    if axis is None:
        return not _axes(block) and bool(_axes(other))
    before = np.searchsorted(other.index.to_numpy(), block.index.to_numpy()) - 1
    same = (before >= 0) & (other[axis].to_numpy()[before] == block[axis].to_numpy())
    return bool(same.mean() > 0.5)


def _words(wording: str, name: str) -> str:
    before = wording.partition(name)[0]
    words = [word for word in re.findall(r"[A-Za-z][\w-]*", before) if word.lower() not in _SAY_NOTHING]
    return " ".join(words[-2:]) or "other"
