"""Find the tables in printed text: Markdown, box-drawing or ``+---+`` borders, and columns aligned by spaces.

A table is a header line that names a step or an epoch, and the rows below it, perhaps with other lines between them.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import pandas as pd

from analysis.sources import other_languages
from analysis.sources.axes import find_axis
from analysis.sources.axis_names import EPOCH_NAMES, STEP_NAMES
from analysis.sources.cells import BLANK, number, of_total
from analysis.sources.metric_aliases import plain
from analysis.sources.phases import phase_column
from analysis.sources.printed_frames import frames_in
from analysis.sources.printed_pairs import values_of
from analysis.sources.result_lines import with_results
from analysis.sources.table_layout import is_numeric

STEPS = frozenset(
    {
        *("step", "steps", "s", "global_step", "train_step", "iter", "iters", "it", "iteration", "iterations"),
        *("update", "updates", "num_updates", "up", "batch", "batch_id", "batch_idx", "round", "episode"),
        *("timestep", "timesteps", "total_timesteps", "num_timesteps", "步"),
    }
)
"""Names of counters in printed text, in the form of `metric_aliases.plain`."""

EPOCHS = frozenset({"epoch", "epochs", "ep", "train_epoch"}) | other_languages.EPOCHS

_AXES = {
    **{"#": "step", "e": "epoch", "ep": "epoch", "it": "iter", "%iter": "iter"},
    **{"counter": "step", "example_counter": "step", "number_of_trees": "step"},
}
"""Short names of step and epoch columns, as spaCy and others print them."""
_COMMENT = re.compile(r"\s*[#%;]+\s+(?=\w)")
_COUNTER = re.compile(r"step|epoch|episode|\bep?\b|iter|\bit\b|batch|round|\bup|counter|trees|#", re.IGNORECASE)
_BAR_MARKS = frozenset("|│┃║┆")
_BARS = re.compile(f"[{''.join(sorted(_BAR_MARKS))}]")
_RULE = re.compile(r"[\s|+:=\-─-╿.]+")
_BAR_BEHIND = re.compile(r"(?::\s*|\s{2,})\d+%\s*\|.*$")
_MARKS = re.compile(r"^[*`_]+(?=\S)|(?<=\S)\s?[*`_+✓✔↑↓]+$")
_GAP = 200
"""Lines without a row after which a table ends."""

Cells = tuple[str, ...]


def tables_in(lines: Sequence[str], wordings: Sequence[str]) -> list[pd.DataFrame]:
    """Return the tables of a text in order: columns of numbers or text, one row per line, indexed by line number.

    Parameters
    ----------
    lines : sequence of str
    wordings : sequence of str
        The lines with a NUL in place of each number: only a line without one may head a table.
    """
    named = (place for place, wording in enumerate(wordings) if "\0" not in wording and _counts(wording))
    heads = [place for place in named if _table(lines, wordings, place, min(place + 6, len(lines)))[1]]
    found: list[tuple[Cells, dict[int, Cells]]] = []
    for head, end in pairwise([*heads, len(lines)]):
        names, rows = _table(lines, wordings, head, end)
        if not rows:
            continue
        if found and found[-1][0] == names and _goes_on(names, found[-1][1], rows):
            found[-1][1].update(rows)  # a repeated header
        else:
            found.append((names, rows))
    tables = [with_results(_frame(names, rows), lines) for names, rows in found if _is_log(names, rows)]
    taken = {row for table in tables for row in table.index}
    for printed in frames_in(lines, wordings):
        if taken.isdisjoint(printed.rows):
            table = _frame(printed.names, printed.rows)
            table.attrs["notes"] = tuple(printed.notes)
            tables.append(table)
    return sorted(tables, key=lambda table: int(table.index[0])) or _records(lines)


def is_header(lines: Sequence[str]) -> bool:
    """True if lines start with the header of a delimited table, not of a Markdown one with bars at both ends."""
    first, second = [*(line.strip() for line in lines if line.strip() and line.lstrip()[0] != "#"), "", ""][:2]
    barred = "|" in first and not (first.startswith("|") and second.startswith("|"))
    return re.search(r"[,;\t]", first) is not None or (barred and first.count("|") == second.count("|"))


def is_delimited(line: str) -> bool:
    """True if a line is the header of a table delimited by commas, semicolons or tabs."""
    if "%|" in line:  # a progress bar, perhaps drawn with #
        return False
    return re.search(r"[,;\t]", line) is not None and _counts(line) and not any(map(_is_number, _cells(line) or ()))


def _records(lines: Sequence[str]) -> list[pd.DataFrame]:
    """Return a table of repeated boxes of names and values (Stable-Baselines3), one row per box; else an empty list.

    ``attrs["lines"]`` is the number of lines that hold a value.
    """
    rows: dict[int, dict[str, float]] = {}
    start, last, section = 0, -2, ""
    for place in [place for place, line in enumerate(lines) if line.lstrip()[:1] in _BAR_MARKS]:
        cells = _cells(lines[place], 2)
        if cells is None or not cells[0]:
            continue
        if place > last + 1:
            start, section = place, ""
        last = place
        value = number(cells[1])
        if not cells[1]:
            section = cells[0] if cells[0].endswith("/") else ""
        elif value is not None:
            rows.setdefault(start, {})[section + cells[0]] = value
    frame = pd.DataFrame.from_dict(rows, orient="index", dtype="float64")
    step = find_axis(frame.columns, (*STEP_NAMES, *EPOCH_NAMES))
    rises = step is not None and len(frame) > 1 and bool((frame[step].diff().dropna() > 0).any())
    if step is None or not rises:
        return []
    frame.attrs["lines"] = int(frame.notna().to_numpy().sum())
    return [frame[frame[step].notna()]]


def _counts(line: str) -> bool:
    """True if a line of several names includes a step or epoch."""
    return (
        len(line) < 2000
        and _COUNTER.search(line) is not None
        and _axis(_cells(_COMMENT.sub("", line, count=1) if _COMMENT.match(line) else line) or ()) is not None
    )


def _axis(names: Cells) -> int | None:
    """Return the index of the first step column, else of the first epoch column, else None."""
    keys = [plain(_AXES.get(plain(name), name)) for name in names]
    places = [place for wanted in (STEPS - {"s"}, EPOCHS) for place, key in enumerate(keys) if key in wanted]
    return places[0] if places and len(names) > 1 else None


def _cells(line: str, count: int | None = None) -> Cells | None:
    """Split a line at bars, else at commas, wide gaps or spaces; None if there are not ``count`` cells."""
    if _BARS.search(line):
        text = line.strip()
        parts = [part.strip() for part in _BARS.split(text)]
        parts = parts[bool(_BARS.match(text)) : len(parts) - bool(_BARS.match(text[-1]))]
        return tuple(parts) if count in (None, len(parts)) else None
    text = line.strip()
    for gap in (r"\s*[,;]\s*", r"\s{2,}|\t", r"\s+"):
        parts = re.split(gap, text)
        if count == len(parts) or (count is None and len(parts) > 1):
            return tuple(parts)
    return None


def _table(lines: Sequence[str], wordings: Sequence[str], head: int, end: int) -> tuple[Cells, dict[int, Cells]]:
    """Return the names, and the rows by line number, of the table with the header ``head``; no rows if it is none."""
    header = _COMMENT.sub("", lines[head], count=1) if _COMMENT.match(lines[head]) else lines[head]
    barred = bool(_BARS.search(header))
    start, names = head + 1, _cells(header) or ()
    if barred:  # names may continue on the next line
        while start < end and "\0" not in wordings[start] and not _RULE.fullmatch(lines[start]):
            more = _cells(lines[start], len(names))
            if more is None:
                break
            names, start = tuple(" ".join(both).strip() for both in zip(names, more, strict=True)), start + 1
    elif (
        head
        and not _RULE.fullmatch(lines[head - 1])
        and "\0" not in wordings[head - 1]
        and (above := _above(lines[head - 1], header))
    ):
        names = above
    spans, axis = _spans(header), _axis(names)
    rows: dict[int, Cells] = {}
    last = start
    for place in range(start, end):
        if place - last > _GAP or (not rows and place - start > 3):
            break
        if "\0" not in wordings[place]:
            continue
        line, bars = lines[place], 0
        if not barred and "%" in line:
            line, bars = _BAR_BEHIND.subn("", line)
        if (_BARS.search(line) is not None) != barred:
            continue
        cells = _cells(line, len(names))
        if cells is None and not barred and place - last < 2 and len(spans) == len(names):
            cells = _by_place(line, spans)
        if cells is None and not rows and not barred:  # a header of single words
            words = tuple(header.split())
            cells = _cells(line, len(words))
            names, axis = (words, _axis(words)) if cells is not None else (names, axis)
        if cells is None or axis is None:
            continue
        counted = _is_number(cells[axis]) or (place == last + 1 and rows and cells[axis] in BLANK)
        if counted and sum(map(_is_number, cells)) > _is_number(cells[axis]):
            if bars and last in rows and rows[last][axis] == cells[axis]:
                del rows[last]  # running values: the last is the epoch's
            rows[place], last = cells, place
    return names, rows


def _above(line: str, header: str) -> Cells | None:
    """Return the joined names of a header of two lines with aligned words; None if they are not aligned."""
    if _RULE.fullmatch(line):
        return None
    upper, lower = _spans(line, r"\S+"), _spans(header, r"\S+")
    if len(upper) != len(lower) or len(lower) < 3:
        return None
    if not all(a[0] == b[0] or a[1] == b[1] for a, b in zip(upper, lower, strict=True)):
        return None
    return tuple(f"{line[a:b]} {header[c:d]}" for (a, b), (c, d) in zip(upper, lower, strict=True))


def _spans(line: str, word: str = r"\S+(?: \S+)*") -> list[tuple[int, int]]:
    return [found.span() for found in re.finditer(word, line)]


def _by_place(line: str, spans: Sequence[tuple[int, int]]) -> Cells | None:
    """Return the cells of a line by the name above each; None if a cell has no single name or a name two cells."""
    cells = [""] * len(spans)
    for start, end in _spans(line):
        under = [place for place, (a, b) in enumerate(spans) if start < b and a < end]
        if len(under) != 1 or cells[under[0]]:
            return None
        cells[under[0]] = line[start:end]
    return tuple(cells)


def _is_number(cell: str) -> bool:
    if is_numeric(cell):
        return True
    cell = _MARKS.sub("", cell)
    return cell not in BLANK and (number(cell) is not None or of_total(cell) is not None or bool(values_of(cell)))


def _counted(cell: str) -> float:
    cell = _MARKS.sub("", cell)
    value = of_total(cell) or number(cell)
    return value if value is not None and value == value else 0.0


def _goes_on(names: Cells, rows: dict[int, Cells], later: dict[int, Cells]) -> bool:
    axis = _axis(names) or 0
    return _counted(next(reversed(rows.values()))[axis]) < _counted(next(iter(later.values()))[axis])


def _is_log(names: Cells, rows: dict[int, Cells]) -> bool:
    """True if rows are those of a training: the axis rises, and the first column does not hold names."""
    axis = _axis(names) or 0
    counted = (_counted(cells[axis]) for cells in rows.values())
    first = {cells[0] for cells in rows.values()}
    words = len(first) > 1 and not any(re.match(r"\W*\d", cell) for cell in first)
    named = words and phase_column(["0"], {"0": sorted(first)}) is None
    return not named and (len(rows) == 1 or any(a < b for a, b in pairwise(counted)))


def _frame(names: Cells, rows: dict[int, Cells]) -> pd.DataFrame:
    """Return a table with columns of numbers as float64 and columns of text as printed, without empty ones."""
    columns: dict[str, pd.Series[Any]] = {}
    for place, name in enumerate(names):
        own = _AXES.get(plain(name), name.strip("*`_") or f"column {place + 1}")
        own = own if own not in columns else f"{own} ({place + 1})"
        cells = [cells[place] for cells in rows.values()]
        values = pd.to_numeric(pd.Series(cells, dtype="str"), errors="coerce").astype("float64")
        if values.isna().any():  # or written otherwise: a mark, a percent sign, a blank
            shown = [_MARKS.sub("", cell) for cell in cells]
            shown = ["" if cell in BLANK else cell for cell in shown]
            if not any(shown):
                continue
            read = [number(cell) for cell in shown]
            text = any(value is None for value in read)
            values = pd.Series([c or None for c in shown] if text else read, dtype="str" if text else "float64")
        if name or place or not (values.diff().dropna() == 1).all():  # not the nameless index of a data frame
            columns[own] = values
    return pd.DataFrame(columns).set_axis(list(rows), axis="index")
