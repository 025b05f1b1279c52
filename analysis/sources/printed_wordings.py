"""Reduce printed lines to their wordings; match those that repeat, and read their numbers, by a pattern made of one."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from analysis.sources.cells import is_ambiguous
from analysis.sources.printed_lines import NUMBER, form_of

_FIRST, _CHUNK = 500, 5000  # lines processed at once
_MOST_PATTERNS, _MOST_NUMBERS = 8, 100
_SELDOM = 0.02
"""Share of the lines above which a wording gets a pattern."""
_FIGURE = r"[-+]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][-+]?\d+)?"
_CLOSED = re.compile(r"$|[^\d.,_:/eE-]|[,_:-](?!\d)|[eE](?![-+\d])|/(?!\d)|/\d(?![-/\d]| \d)")
"""Text that cannot continue a date, duration or thousands: the number before it is a plain one."""
_UNSURE = re.compile(r"(?<![A-Za-z0-9_.@\u00c0-\u024f])[-+]$|\d[-/:]$|^.{0,2}-\.?\d")
"""Text that may be part of a number, depending on the numbers beside it."""

Floats: TypeAlias = npt.NDArray[np.float64]
Places: TypeAlias = npt.NDArray[np.signedinteger[Any]]


@dataclass
class _Pattern:
    """Pattern that matches lines of one wording and captures their numbers in some slots."""

    wording: str
    expression: re.Pattern[str]
    slots: tuple[int, ...]
    lines: int = 0
    """Number of lines that it matched last."""


class Wordings(list[str]):
    """Lines with a NUL in place of each number; lines of one wording share the string."""

    def __init__(self, lines: Sequence[str]) -> None:
        super().__init__(lines)
        self.lines = lines
        self._read: dict[str, list[tuple[Places, dict[int, Floats]]]] = {}
        known: dict[str, str] = {}
        patterns: list[_Pattern] = []
        for start, end in pairwise([0, *range(_FIRST, len(lines), _CHUNK), len(lines)]):
            rest = list(range(start, end))
            for pattern in patterns:
                rest = self._take(pattern, rest)
            found = NUMBER.sub("\0", "\n".join([lines[place] for place in rest])).split("\n")
            for place, wording in zip(rest, found, strict=False):
                self[place] = known.setdefault(wording, wording)
            counts = Counter(found)
            last = {self[place]: place for place in rest}
            often = [word for word, count in counts.most_common(_MOST_PATTERNS // 2) if count > _SELDOM * (end - start)]
            made = [_pattern_of(lines[last[wording]], counts[wording]) for wording in often if "\0" in wording]
            patterns += [pattern for pattern in made if pattern is not None]
            patterns = sorted(patterns, key=lambda pattern: -pattern.lines)[:_MOST_PATTERNS]

    def numbers(self, wording: str, places: Sequence[int], slots: Collection[int]) -> dict[int, Floats]:
        """Return the numbers in some slots of lines of one wording, by slot; NaN becomes infinity.

        Parameters
        ----------
        wording : str
        places : sequence of int
            Line numbers, ascending.
        slots : collection of int
            Indices among the numbers of a line.
        """
        wanted = np.array(places)
        values = {slot: np.empty(len(wanted)) for slot in slots}
        left = np.ones(len(wanted), dtype=bool)
        for own, read in self._read.get(wording, ()):
            if read.keys() >= values.keys():
                at = np.searchsorted(wanted, own).clip(max=len(wanted) - 1)
                same = wanted[at] == own
                left[at[same]] = False
                for slot, cells in values.items():
                    cells[at[same]] = read[slot][same]
        others = wanted[left].tolist()
        for start in range(0, len(others), _CHUNK):
            text = "\n".join([self.lines[place] for place in others[start : start + _CHUNK]])
            found = NUMBER.findall(text)
            each = len(found) // (text.count("\n") + 1)
            for slot, cells in values.items():
                cells[np.flatnonzero(left)[start : start + _CHUNK]] = _floats(found[slot::each])
        return values

    def is_ambiguous(self, places: Sequence[int], slot: int, values: Floats) -> bool:
        """True if each number in a slot, read as ``values``, may have thousands or decimals (``2,971``)."""
        if not ((np.abs(values) >= 1000) & (np.abs(values) < 1_000_000)).all():
            return False  # the text of most numbers need not be examined
        return all(is_ambiguous([NUMBER.findall(self.lines[place])[slot]]) for place in places)

    def _take(self, pattern: _Pattern, places: list[int]) -> list[int]:
        """Read the lines that match a pattern; return the numbers of the others."""
        tell, lines = pattern.expression.fullmatch, self.lines
        matches = [tell(lines[place]) for place in places]
        own = [place for place, match in zip(places, matches, strict=True) if match]
        pattern.lines = len(own)
        if own:
            for place in own:
                self[place] = pattern.wording
            cells = [match.groups() for match in matches if match]
            with suppress(ValueError):  # a date where the pattern's own line has a number
                read = {slot: _floats([row[at] for row in cells]) for at, slot in enumerate(pattern.slots)}
                self._read.setdefault(pattern.wording, []).append((np.array(own), read))
        return [place for place, match in zip(places, matches, strict=True) if not match]


def _pattern_of(line: str, lines: int) -> _Pattern | None:
    """Return a pattern for the wording of a line; None if `NUMBER` might find other numbers in matching lines.

    In a matching line `NUMBER` finds the same numbers, several times as slowly.
    """
    slots = list(NUMBER.finditer(line))
    starts, ends = [slot.start() for slot in slots], [slot.end() for slot in slots]
    pieces = [line[start:end] for start, end in zip([0, *ends], [*starts, len(line)], strict=True)]
    if len(slots) > _MOST_NUMBERS or "\0" in line or any(map(_UNSURE.search, pieces)):
        return None
    form = form_of(line)
    wanted = form.slots if form else frozenset()
    expression, behind = re.escape(pieces[-1]), pieces[-1]
    for at, slot in reversed([*enumerate(slots)]):
        before = pieces[at]
        plain = (before or not at) and not before.endswith("-") and _CLOSED.match(behind)
        plain = plain and re.fullmatch(_FIGURE, slot.group())
        number = f"(?>{_FIGURE if plain else NUMBER.pattern})"
        expression = f"{re.escape(before)}{f'({number})' if at in wanted else number}{expression}"
        behind = f"{before}{'0' if plain else '0/'}{behind}"
    return _Pattern("\0".join(pieces), re.compile(expression), tuple(sorted(wanted)), lines)


def _floats(cells: list[str]) -> Floats:
    known = cells[:1] if cells.count(cells[0]) == len(cells) else cells  # a total, a constant rate
    try:
        values = np.array([float(cell) for cell in known])
    except ValueError:
        values = np.array([float(cell.replace(",", "")) for cell in known])
    return np.broadcast_to(np.where(np.isnan(values), np.inf, values), len(cells))
