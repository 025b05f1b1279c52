"""Separate printed series of the same name: the loss of a training and an evaluation, a score of each class."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import pandas as pd

from analysis.sources.cells import scale_of
from analysis.sources.metric_aliases import plain
from analysis.sources.printed_phases import PHASE, of_model
from analysis.sources.printed_sections import Kind
from analysis.sources.text_tables import EPOCHS, STEPS

_AXES = ["\0step", "\0epoch", "\0total"]
_SAY_NOTHING = (
    STEPS | EPOCHS | {"for", "at", "of", "on", "the", "global", "info", "debug", "warning", "result", "results"}
)


_MOST_LABELS, _MOST_KINDS = 200, 100
_RANKS = {"rank", "gpu", "device", "worker", "process", "node"}

Lines: TypeAlias = npt.NDArray[np.signedinteger[Any]]
"""Line numbers, ascending."""


def apart(blocks: Sequence[tuple[str, pd.DataFrame]]) -> list[pd.DataFrame]:
    """Return the blocks, with names prefixed by words of their line if another block has them at the same steps.

    Lines of one series with different wordings (``loss 2`` and ``loss 1 (best)``) are at different steps.
    A number that distinguishes the lines of one step (``Class 0 IoU: 0.5``) becomes part of their names.

    Parameters
    ----------
    blocks : sequence of (str, pandas.DataFrame)
        Wording of each kind of line, and its values indexed by line number.
    """
    blocks = _as_one(blocks)
    blocks = [(wording, _without_count(wording, block, blocks)) for wording, block in blocks]
    counted = [block.index.to_numpy() for _, block in blocks if _axes(block)]
    heads = np.sort(np.concatenate(counted)) if counted else np.empty(0, dtype=np.int64)
    blocks = _by_words([(wording, one) for wording, block in blocks for one in _by_label(block, heads)], heads)
    kept: list[pd.DataFrame | None] = [None] * len(blocks)
    order = sorted(range(len(blocks)), key=lambda place: (not _axes(blocks[place][1]), -len(blocks[place][1]), place))
    for place in order:
        wording, block = blocks[place]
        said_before = False
        for other in (other for other in kept if other is not None):
            common = [name for name in block.columns if name in other.columns and name not in _AXES]
            if common and _beside(block, other):
                said_before = said_before or _repeats(block, other, common)
                words = _words(wording, common[0])
                block = block.rename(columns={name: f"{words} {name}" for name in common})
        kept[place] = None if said_before else block
    return [block for block in kept if block is not None]


def as_one_kind(kinds: Sequence[Kind], apart: str) -> list[Kind]:
    """Return the kinds, with those joined whose numbers have the same meaning if there are too many wordings of them.

    This is so if each line contains a text: a sample, a file name. Wordings with the word ``apart`` are not joined.
    """
    alike: dict[tuple[Any, ...], list[Kind]] = {}
    for kind in kinds:
        pieces = kind[0].split("\0")
        scales = tuple(scale_of(pieces[at + 1]) for at in sorted(kind[2].slots))
        alike.setdefault((kind[2], len(pieces), scales, apart in kind[0] and kind[0]), []).append(kind)
    joined = {id(same[0]): same for same in alike.values() if len(same) > _MOST_KINDS}
    left_out = {id(kind) for same in joined.values() for kind in same[1:]}
    return [
        (kind[0], sorted(place for _, places, _ in joined.get(id(kind), [kind]) for place in places), kind[2])
        for kind in kinds
        if id(kind) not in left_out
    ]


def _as_one(blocks: Sequence[tuple[str, pd.DataFrame]]) -> list[tuple[str, pd.DataFrame]]:
    """Return the blocks, with those of the same columns joined if they are too many, as with a file name per line."""
    alike: dict[tuple[str, ...], list[tuple[str, pd.DataFrame]]] = {}
    for wording, block in blocks:
        alike.setdefault(tuple(map(str, block.columns)), []).append((wording, block))
    joined = []
    for kinds in alike.values():
        many = len(kinds) > _MOST_KINDS
        joined += [(kinds[0][0], pd.concat([block for _, block in kinds]).sort_index())] if many else kinds
    return joined


def _by_words(blocks: Sequence[tuple[str, pd.DataFrame]], heads: Lines) -> list[tuple[str, pd.DataFrame]]:
    """Return the blocks, with names extended by the words in front if only these differ: ``Class car: AP 0.5``."""
    own = [_in_front(wording) if not _axes(block) else "" for wording, block in blocks]
    steps = {
        place: np.searchsorted(heads, blocks[place][1].index.to_numpy(), side="right")
        for place, words in enumerate(own)
        if words
    }
    of_name: dict[str, list[int]] = {}
    for place in steps:
        for name in blocks[place][1].columns:
            of_name.setdefault(str(name), []).append(place)
    renamed: dict[int, dict[str, str]] = {}
    for name, places in ((name, places) for name, places in of_name.items() if 1 < len(places) <= _MOST_LABELS):
        for place in places:
            others = [steps[other] for other in places if own[other] != own[place]]
            if others and 2 * int(np.isin(steps[place], np.concatenate(others)).sum()) > len(steps[place]):
                renamed.setdefault(place, {})[name] = f"{name} ({own[place]})"
    return [
        (wording, block.rename(columns=renamed[place]) if place in renamed else block)
        for place, (wording, block) in enumerate(blocks)
    ]


def _in_front(wording: str) -> str:
    """Return the words before the first number, without its name, phases and words without meaning."""
    words = re.findall(r"[^\W\d][\w-]*", PHASE.sub("", wording.partition("\0")[0]))
    return " ".join(word for word in words if not of_model(word) and word.lower() not in _SAY_NOTHING)


def _repeats(block: pd.DataFrame, other: pd.DataFrame, common: Sequence[str]) -> bool:
    """True if lines only repeat the same values at the same steps, as with two loggers."""
    names = [name for name in block.columns if name not in common]
    if len(block) != len(other) or any(name not in other for name in names):
        return False
    return bool((block[[*names, *common]].to_numpy() == other[[*names, *common]].to_numpy()).all())


def _axes(block: pd.DataFrame) -> list[str]:
    return [name for name in _AXES[:2] if name in block]


def _without_count(wording: str, block: pd.DataFrame, blocks: Sequence[tuple[str, pd.DataFrame]]) -> pd.DataFrame:
    """Return a block whose step is renamed if it is a count (``Steps: 98``) printed once per step of another line."""
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


def _by_label(block: pd.DataFrame, heads: Lines) -> list[pd.DataFrame]:
    """Return a block for each value of a leading number that distinguishes the lines of one step."""
    scores = [name for name in block.columns if name not in _AXES and of_model(str(name))]
    if not scores or len(block) < 4:
        return [block.drop(columns="rank", errors="ignore")]
    front = list(block.columns)[: list(block.columns).index(scores[0])]
    step = [block[name].to_numpy() for name in _axes(block)]
    step = step or [np.searchsorted(heads, block.index.to_numpy(), side="right")]
    for name in (name for name in front if name not in _AXES):
        labels = block[name]
        known = labels.nunique()
        if not 2 <= known <= min(_MOST_LABELS, len(block) // 2) or (labels % 1 != 0).any():
            continue
        if int((labels.diff().iloc[1:] != 0).sum()) == known - 1:
            continue  # consecutive, as folds
        steps = block.groupby([*step], sort=False)[name]
        if (steps.nunique() == steps.size()).all() and 2 * int((steps.size() == known).sum()) > steps.ngroups:
            named = [column for column in block.columns if column not in (*_AXES, name)]
            first = labels.min() if plain(str(name)).rsplit("_", 1)[-1] in _RANKS else None
            return [
                block[labels == label].drop(columns=name)
                if label == first  # the first process represents all
                else block[labels == label]
                .drop(columns=name)
                .rename(columns={column: f"{column} ({name} {label:.0f})" for column in named})
                for label in np.unique(labels)
            ]
    return [block.drop(columns="rank", errors="ignore")]


def _beside(block: pd.DataFrame, other: pd.DataFrame) -> bool:
    """True if most lines of one kind follow a line of the other at the same step, or have no step at all."""
    axis = next((name for name in _axes(block) if name in other), None)
    if axis is None:
        return not _axes(block) and bool(_axes(other))
    before = np.searchsorted(other.index.to_numpy(), block.index.to_numpy()) - 1
    same = (before >= 0) & (other[axis].to_numpy()[before] == block[axis].to_numpy())
    return bool(2 * same.sum() > len(block))


def _words(wording: str, name: str) -> str:
    before = wording.partition(name)[0]
    words = re.findall(r"[A-Za-z][\w-]*", before)
    words = [word for word in words if word.lower() not in _SAY_NOTHING and not of_model(word)]
    return " ".join(words[-2:]) or "other"
