"""Decoder from the records of an event file to points: one record of each kind is parsed, numpy reads the others."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from analysis.sources._protobuf import WireError
from analysis.sources.tensorboard.event_message import FLOATS, About, Event, parse_event
from analysis.sources.tensorboard.tfrecord import Bytes, Index, windows

_WINDOW = 1 << 16  # records decoded at a time
_LONGEST = 1024  # longer records are images, histograms or merged summaries: parsed one by one
_LAYOUTS = 4  # layouts tried on records of one length before the rest are parsed one by one

Floats = npt.NDArray[np.float64]


@dataclass
class Points:
    """Points of one event file, in arrays per group of records; ``order`` is the number of each point's record."""

    order: list[Index] = field(default_factory=list)
    step: list[Index] = field(default_factory=list)
    wall: list[Floats] = field(default_factory=list)
    tag: list[Index] = field(default_factory=list)
    value: list[Floats] = field(default_factory=list)
    tags: dict[str, int] = field(default_factory=dict)
    skipped: dict[str, int] = field(default_factory=dict)
    restarts: list[tuple[int, int]] = field(default_factory=list)
    malformed: int = 0

    def add(self, event: Event, rows: Bytes, order: Index) -> None:
        """Add the points of payloads ``rows``, shape (records, bytes), with the layout and tags of ``event``."""
        steps = _varints(rows, event.step, event.step_size)
        walls = np.zeros(len(rows)) if event.wall < 0 else _column(rows, event.wall, "<f8")
        for scalar in event.scalars:
            code = self.tags.setdefault(scalar.tag, len(self.tags))
            constant = np.full(len(rows), scalar.value)
            self.order.append(order)
            self.step.append(steps)
            self.wall.append(walls)
            self.tag.append(np.full(len(rows), code, dtype=np.int64))
            self.value.append(constant if scalar.at < 0 else _column(rows, scalar.at, scalar.kind))
        for tag in event.skipped:
            self.skipped[tag] = self.skipped.get(tag, 0) + len(rows)
        if event.restart:
            self.restarts += zip(order.tolist(), steps.tolist(), strict=True)


def decode(data: Bytes, starts: Index, lengths: Index, about: About) -> Points:
    """Decode the records of one event file.

    Records of one length are compared with the bytes that vary (wall time, step, values) masked out; one record of
    each kind is parsed, and the numbers of the others are read at the same offsets.

    Parameters
    ----------
    data : numpy.ndarray
        The file, shape (bytes,).
    starts, lengths : numpy.ndarray
        Offsets and lengths of the payloads, shape (records,).
    about : About
        Texts, plugins and hyperparameters are added to it.
    """
    points = Points()
    for first in range(0, len(starts), _WINDOW):
        part = slice(first, first + _WINDOW)
        order = np.arange(first, first + len(starts[part]), dtype=np.int64)
        by_length = np.argsort(lengths[part], kind="stable")
        bounds = np.flatnonzero(np.diff(lengths[part][by_length])) + 1
        for same in np.split(by_length, bounds):
            length = int(lengths[part][same[0]])
            step = len(same) if length <= _LONGEST else 1
            for at in range(0, len(same), step):
                chosen = same[at : at + step]
                _decode_equal(points, windows(data, starts[part][chosen], length), order[chosen], about)
    return points


def _decode_equal(points: Points, rows: Bytes, order: Index, about: About) -> None:
    """Decode records of one length, shape (records, length)."""
    for _ in range(_LAYOUTS):
        sample = _parsed(points, rows[0], about) if len(rows) > 8 else None
        if sample is None:
            break
        kept = rows & _mask(sample, rows.shape[1])
        _, first, group = np.unique(_keys(kept), return_index=True, return_inverse=True)
        rest = (kept != kept[first[group]]).any(axis=1)
        by_group = np.argsort(group, kind="stable")
        bounds = np.flatnonzero(np.diff(group[by_group])) + 1
        for one, members in zip(first, np.split(by_group, bounds), strict=True):
            event = _parsed(points, rows[one], about)
            if event is not None and event.layout == sample.layout:
                equal = members[~rest[members]]
                points.add(event, rows[equal], order[equal])
            else:
                rest[members] = True
        rows, order = rows[rest], order[rest]
    for i in range(len(rows)):
        event = _parsed(points, rows[i], about)
        if event is None:
            points.malformed += 1
        else:
            points.add(event, rows[i : i + 1], order[i : i + 1])


def _parsed(points: Points, row: Bytes, about: About) -> Event | None:
    try:
        return parse_event(row.tobytes(), about)
    except WireError:
        return None


def _mask(event: Event, length: int) -> Bytes:
    """Return a byte mask, shape (length,), that blanks what varies between records of one kind.

    The step keeps the continuation bit of each varint byte, so that steps of other lengths do not match.
    """
    mask = np.full(length, 0xFF, dtype=np.uint8)
    if event.wall >= 0:
        mask[event.wall : event.wall + 8] = 0
    if event.step >= 0:
        mask[event.step : event.step + event.step_size] = 0x80
    for scalar in event.scalars:
        if scalar.at >= 0:
            mask[scalar.at : scalar.at + FLOATS[scalar.kind]] = 0
    return mask


def _keys(rows: Bytes) -> npt.NDArray[np.uint64]:
    """Return a hash of each row, shape (rows,); collisions are harmless, as the caller compares rows."""
    width = -(-rows.shape[1] // 8)
    padded = np.zeros((len(rows), width * 8), dtype=np.uint8)
    padded[:, : rows.shape[1]] = rows
    words = padded.view(np.uint64)
    odd = np.random.default_rng(0).integers(0, 2**63, width, dtype=np.uint64) * np.uint64(2) + np.uint64(1)
    keys: npt.NDArray[np.uint64] = ((words ^ (words >> np.uint64(29))) * odd).sum(axis=1, dtype=np.uint64)
    return keys


def _column(rows: Bytes, at: int, kind: str) -> Floats:
    return rows[:, at : at + FLOATS[kind]].copy().view(kind).ravel().astype(np.float64)


def _varints(rows: Bytes, at: int, size: int) -> Index:
    total = np.zeros(len(rows), dtype=np.uint64)
    for i in range(size):
        total |= (rows[:, at + i] & np.uint8(0x7F)).astype(np.uint64) << np.uint64(7 * i)
    return total.view(np.int64)
