"""The event files of one run, read in order; damage and restarts are handled here."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from analysis.core.errors import LogError
from analysis.core.run import Dropped
from analysis.sources.base import head
from analysis.sources.restarts import numbered_on, restart_kind
from analysis.sources.streams import mapped_bytes
from analysis.sources.tensorboard.event_message import About
from analysis.sources.tensorboard.events import Floats, Points, decode
from analysis.sources.tensorboard.tfrecord import Index, intact, records

_LFS_POINTER = b"version https://git-lfs"


@dataclass
class EventLog:
    """Points of a run in the order of writing, one array per file, with the damage, restarts and notes of its files."""

    tags: dict[str, int] = field(default_factory=dict)
    tag: list[Index] = field(default_factory=list)
    step: list[Index] = field(default_factory=list)
    seconds: list[Floats] = field(default_factory=list)
    value: list[Floats] = field(default_factory=list)
    about: About = field(default_factory=About)
    files: list[str] = field(default_factory=list)
    skipped: dict[str, int] = field(default_factory=dict)
    dropped: list[Dropped] = field(default_factory=list)
    restarts: set[int] = field(default_factory=set)
    notes: list[str] = field(default_factory=list)
    _counts: Counter[int] = field(default_factory=Counter)
    _last_steps: dict[int, int] = field(default_factory=dict)
    """Number of points and highest step of each tag in the part that is being read."""

    @property
    def points(self) -> int:
        """Number of scalar points."""
        return sum(map(len, self.tag))

    def read_part(self, files: list[Path], prefix: str) -> list[Path]:
        """Append the files of one folder, in the order of writing; ``prefix`` is put before the tags.

        A restart removes the points logged before it at its step or later, as TensorBoard does. If a file restarts the
        step counter while its values continue the curve, its steps are shifted to follow the earlier ones.

        Returns
        -------
        list of pathlib.Path
            The unread files, from the first one in which another training begins.
        """
        first = len(self.tag)
        self._counts.clear()
        self._last_steps.clear()
        for place, path in enumerate(files):
            notes_before, dropped_before = len(self.notes), len(self.dropped)
            points = self.decode_file(path)
            shift = self._shift(points, prefix, first) if points.value and not points.restarts else 0
            if shift is None:
                del self.notes[notes_before:], self.dropped[dropped_before:]
                return files[place:]
            self.files.append(str(path))
            for tag, count in points.skipped.items():
                self.skipped[prefix + tag] = self.skipped.get(prefix + tag, 0) + count
            if points.value:
                points.step = [step + shift for step in points.step]
                self._append(points, prefix, first)
            for _, restart in [] if points.value else points.restarts:
                self._remove_from(first, restart)
        return []

    def _shift(self, points: Points, prefix: str, first: int) -> int | None:
        """Return the shift of the steps of a further file; None if another training begins in it.

        The decision is made by the tag with the most earlier points among those that occur in both.
        """
        shared = {code: self.tags.get(_tag_name(name, prefix), -1) for name, code in points.tags.items()}
        own = max(shared, key=lambda code: self._counts[shared[code]], default=-1)
        if own < 0 or self._counts[shared[own]] < 2:
            return 0
        order = np.argsort(np.concatenate(points.order), kind="stable")
        here = order[np.concatenate(points.tag)[order] == own]
        after, values_after = np.concatenate(points.step)[here], np.concatenate(points.value)[here]
        if len(after) < 2 or after[0] > self._last_steps[shared[own]]:
            return 0
        steps, values = self._earlier_points(first, shared[own])
        floats = steps.astype(np.float64), values, after.astype(np.float64), values_after
        kind = restart_kind(*floats)
        if kind == "again":
            return None
        at = int(after[0])
        if kind == "rolled back":
            self._remove_from(first, at)
            return 0
        shift = int(floats[0].max()) - at + int(np.median(np.diff(floats[2])))
        self.notes.append(numbered_on(at, at + shift))
        self.restarts.add(at + shift)
        return shift

    def _earlier_points(self, first: int, tag: int) -> tuple[Index, Floats]:
        """Return steps and values of one tag in the part that starts at piece ``first``, shape (points,) each."""
        kept = [tags == tag for tags in self.tag[first:]]
        steps = [step[own] for step, own in zip(self.step[first:], kept, strict=True)]
        return np.concatenate(steps), np.concatenate([v[own] for v, own in zip(self.value[first:], kept, strict=True)])

    def _count(self, tags: Index, steps: Index) -> None:
        """Update the number of points and the highest step of each tag with those of a piece."""
        counts = np.bincount(tags)
        tops = np.full(len(counts), np.iinfo(np.int64).min)
        np.maximum.at(tops, tags, steps)
        for tag in np.flatnonzero(counts).tolist():
            self._counts[tag] += int(counts[tag])
            self._last_steps[tag] = max(self._last_steps.get(tag, int(tops[tag])), int(tops[tag]))

    def decode_file(self, path: Path) -> Points:
        """Decode one event file and record its damage.

        Raises
        ------
        LogError
            If the file cannot be opened, is too large, or does not start with an event record.
        """
        data = mapped_bytes(path)
        starts, lengths, ended = records(data)
        if len(data) and not len(starts):
            lfs = head(path, len(_LFS_POINTER)) == _LFS_POINTER
            hint = "a Git LFS pointer, fetch it with: git lfs pull" if lfs else ended
            raise LogError(f"{path}: not an event file ({hint}); check that it was copied whole")
        if ended:
            self.notes.append(f"{path.name}: {ended}; {len(starts):,} records before it were read")
        good = intact(data, starts, lengths)
        points = decode(data, starts[good], lengths[good], self.about)
        bad = int((~good).sum())
        if bad:
            self.dropped.append(Dropped("record", bad, f"damaged (checksum) in {path.name}"))
        if points.malformed:
            self.dropped.append(Dropped("record", points.malformed, f"no event message in {path.name}"))
        return points

    def _append(self, points: Points, prefix: str, first: int) -> None:
        order = np.concatenate(points.order)
        by_order = np.argsort(order, kind="stable")
        order = order[by_order]
        tag = np.concatenate(points.tag)[by_order]
        names, codes = list(points.tags), np.zeros(len(points.tags), dtype=np.int64)
        used, occurs = np.unique(tag, return_index=True)
        for local in used[np.argsort(occurs)]:  # columns in the order of first writing
            codes[local] = self.tags.setdefault(_tag_name(names[local], prefix), len(self.tags))
        step = np.concatenate(points.step)[by_order]
        kept = np.ones(len(step), dtype=bool)
        for record, restart in sorted(points.restarts):
            self._remove_from(first, restart)
            gone = kept & (order < record) & (step >= restart)
            self._note_restart(restart, int(gone.sum()))
            kept &= ~gone
        self.tag.append(codes[tag][kept])
        self.step.append(step[kept])
        self._count(self.tag[-1], self.step[-1])
        self.seconds.append(np.concatenate(points.wall)[by_order][kept])
        self.value.append(np.concatenate(points.value)[by_order][kept])

    def _remove_from(self, first: int, restart: int) -> None:
        """Remove points at step ``restart`` or later from the part that starts at piece ``first``."""
        taken = 0
        for i in range(first, len(self.tag)):
            kept = self.step[i] < restart
            taken += int((~kept).sum())
            self.tag[i], self.step[i] = self.tag[i][kept], self.step[i][kept]
            self.seconds[i], self.value[i] = self.seconds[i][kept], self.value[i][kept]
        if taken:
            self._counts.clear()
            self._last_steps.clear()
            for tags, steps in zip(self.tag[first:], self.step[first:], strict=True):
                self._count(tags, steps)
        self._note_restart(restart, taken)

    def _note_restart(self, restart: int, taken_back: int) -> None:
        if taken_back:
            self.restarts.add(restart)
            self.dropped.append(Dropped("step", taken_back, f"points taken back by a restart at step {restart}"))


def _tag_name(tag: str, prefix: str) -> str:
    return tag if tag.startswith(prefix) else prefix + tag
