"""Find printed pandas data frames: names over right-aligned columns, and an index without a name."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from analysis.core.metrics import metric
from analysis.sources.axis_names import AXIS_NAMES
from analysis.sources.metric_aliases import plain
from analysis.sources.printed_phases import of_model, phase_word

_WORDS, _GAPS = re.compile(r"\S+"), re.compile(r"\S+(?: \S+)*")
_LEFT_OUT = frozenset({"...", "…"})
_SETTINGS = frozenset({"lr", "learning_rate", "train_time", "duration", "seconds", "elapsed", "grad_norm"})

Cells = tuple[str, ...]


@dataclass
class PrintedFrame:
    """Printed data frame: column names, the index first, and the cells of each row by line number."""

    names: Cells
    rows: dict[int, Cells]
    last: int
    wraps: bool
    notes: list[str]


def frames_in(lines: Sequence[str], wordings: Sequence[str]) -> Iterator[PrintedFrame]:
    """Yield each printed frame that holds the values of a training, with the blocks of a wrapped frame joined.

    The index is called ``step`` if no column is an axis.

    Parameters
    ----------
    lines : sequence of str
    wordings : sequence of str
        The lines with a NUL in place of each number.
    """
    end = 0
    for place in [place for place, wording in enumerate(wordings[:-1]) if wording and "\0" not in wording]:
        found = _block(lines, place) if place >= end and _may_head(wordings, place) else None
        if found is None:
            continue
        while found.wraps and (more := _next_block(lines, found)):
            found = _beside(found, more)
        end = found.last + 1
        if _is_log(found.names):
            yield _counted(found)


def _may_head(wordings: Sequence[str], place: int) -> bool:
    """True if a row of numbers follows directly or below the name of the index."""
    return any(wording.lstrip(" |").startswith("\0") for wording in wordings[place + 1 : place + 3])


def _block(lines: Sequence[str], head: int) -> PrintedFrame | None:
    """Return the frame below one line of names; None if the names are not right-aligned with the columns."""
    header = lines[head].rstrip()
    wraps, header = header.endswith("\\"), header.removesuffix("\\").rstrip()
    barred = header.lstrip().startswith("|")
    start, index = head + 1, ""
    given = _cells(lines[start], barred) if start < len(lines) else []
    if given and (not any(given[1:]) if barred else len(given) == 1) and re.fullmatch(r"[A-Za-z_]\w*", given[0]):
        start, index = start + 1, given[0]
    for word in (_WORDS, _GAPS):
        names = _cells(header, barred) if barred else [found[0] for found in word.finditer(header)]
        if barred and names:
            index, names = names[0] or index, names[1:]
        rows: dict[int, Cells] = {}
        count, gap, last = -1, False, start
        for place in range(start, len(lines)):
            cells = _cells(lines[place], barred) if barred else [found[0] for found in word.finditer(lines[place])]
            if len(cells) == len(names) + 1 and re.fullmatch(r"\.{2,3}|…", cells[0]):
                gap, last = True, place
                continue
            if len(cells) != len(names) + 1 or not cells[0].isdecimal():
                break
            number = int(cells[0])
            if rows and (number <= count or (number > count + 1 and not gap)):
                break
            if not rows and not barred and not _aligned(header, lines[place], word):
                break
            rows[place], count, last = tuple(cells), number, place
        if len(rows) > 1 and (names or index):
            notes = ["rows in its middle were not printed"] if gap else []
            return PrintedFrame((index, *names), rows, last, wraps, notes)
    return None


def _cells(line: str, barred: bool) -> list[str]:
    if not barred:
        return line.split()
    text = line.strip()
    return [cell.strip() for cell in text.strip("|").split("|")] if text.startswith("|") and text.endswith("|") else []


def _aligned(header: str, row: str, word: re.Pattern[str]) -> bool:
    ends = [found.end() for found in word.finditer(header)]
    return [found.end() for found in word.finditer(row)][1:] == ends


def _next_block(lines: Sequence[str], found: PrintedFrame) -> PrintedFrame | None:
    """Return the next block of a wrapped frame, or None if its rows differ."""
    head = found.last + 1
    while head < len(lines) and not lines[head].strip():
        head += 1
    more = _block(lines, head) if head < len(lines) else None
    same = more is not None and [cells[0] for cells in more.rows.values()] == [c[0] for c in found.rows.values()]
    return more if same else None


def _beside(found: PrintedFrame, more: PrintedFrame) -> PrintedFrame:
    rows = {
        place: (*cells, *others[1:])
        for (place, cells), others in zip(found.rows.items(), more.rows.values(), strict=True)
    }
    return PrintedFrame((*found.names, *more.names[1:]), rows, more.last, more.wraps, found.notes)


def _is_log(names: Sequence[str]) -> bool:
    """True if most columns are those of a training log, and at least one is a metric of the model."""
    shown = [name for name in names if name and name not in _LEFT_OUT]
    known = [of_model(name) or plain(name) in AXIS_NAMES | _SETTINGS for name in shown]
    # Scores alone may be per class: a phase, an axis or a loss is required.
    told = [phase_word(name) or plain(name) in AXIS_NAMES or metric(plain(name)).direction == "lower" for name in shown]
    return any(told) and any(map(of_model, shown)) and 2 * sum(known) > len(known)


def _counted(found: PrintedFrame) -> PrintedFrame:
    """Return a frame with its index named, without the columns printed as ``...`` and without blank NaN."""
    names, notes = list(found.names), found.notes
    left_out = {place for place, name in enumerate(names) if name in _LEFT_OUT}
    if left_out:
        notes = [*notes, "columns in its middle were not printed"]
    if any(plain(name) in AXIS_NAMES for name in names):
        left_out |= set() if names[0] else {0}
    else:
        names[0], notes = "step", ["steps are the index of the data frame that was printed", *notes]
    columns = [
        _without_blanks(column)
        for place, column in enumerate(zip(*found.rows.values(), strict=True))
        if place not in left_out
    ]
    kept = tuple(name for place, name in enumerate(names) if place not in left_out)
    rows = dict(zip(found.rows, zip(*columns, strict=True), strict=True))
    return PrintedFrame(kept, rows, found.last, found.wraps, notes)


def _without_blanks(cells: Cells) -> Cells:
    """Return cells with NaN as blanks if numbers follow a NaN, which then means "not logged"."""
    given = [place for place, cell in enumerate(cells) if cell != "NaN"]
    blank = any(cell == "NaN" for cell in cells[: given[-1]]) if given else False
    return tuple("" if blank and cell == "NaN" else cell for cell in cells)
