"""Read a delimited text log into float64 columns: fast by pandas, line by line only to name what is wrong."""

from __future__ import annotations

import array
import csv
import io
import re
import sys
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd

from analysis.core.errors import LogError
from analysis.core.run import Dropped
from analysis.sources.axis_names import EPOCH_NAMES, STEP_NAMES
from analysis.sources.base import head
from analysis.sources.cells import BLANK, DECIMAL_COMMA, has_decimal_commas, has_points_in_thousands, number
from analysis.sources.limits import check_cells
from analysis.sources.metric_aliases import plain
from analysis.sources.streams import GZIP, count_lines, open_lines, open_text, text_head

SAMPLE_ROWS = 500
_SKIPPED = re.compile(r"\s*#|\ufeff?\"?sep=.\"?\s*$")
"""Lines above the header: comments, and what tells a spreadsheet the delimiter."""
_SUMMARY = re.compile(
    r"(?:mean|avg|average|std|stdev|total|sum|best|final|min(?:imum)?|max(?:imum)?|median|overall|summary|all)\b",
    re.IGNORECASE,
)
_TIME = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d")


@dataclass(frozen=True)
class Delimited:
    """A delimited log: float64 columns; text columns as str or, where they are times, as datetimes."""

    frame: pd.DataFrame
    lines: int
    dropped: tuple[Dropped, ...]


@dataclass(frozen=True)
class Layout:
    """What the first lines of a delimited log show.

    ``header`` has the names stripped and made unique, ``written`` as they stand in the file; ``sample`` the
    first rows as text. ``cut``: the header is longer than what was looked at.
    """

    header: tuple[str, ...]
    written: tuple[str, ...]
    delimiter: str
    sample: tuple[tuple[str, ...], ...]
    first_line: int = 1
    cut: bool = False

    def column(self, name: str) -> list[str]:
        """Values of a column in the sample, without blanks."""
        index = self.header.index(name)
        cells = (row[index].strip() for row in self.sample if index < len(row))
        return [cell for cell in cells if cell not in BLANK]

    def is_time(self, name: str) -> bool:
        """True if every value of a column in the sample is a date with a time."""
        cells = self.column(name)
        return bool(cells) and all(_TIME.match(cell) for cell in cells)

    def is_text(self, name: str) -> bool:
        """True if no value of a column in the sample is a plain number (False for an empty column)."""
        cells = self.column(name)
        return bool(cells) and (
            not any(is_numeric(cell) for cell in cells) or has_decimal_commas(cells) or name in self.grouped
        )

    @cached_property
    def has_commas(self) -> bool:
        """True if the table has decimal commas: one can be nothing else, or it is no delimiter and no point is one."""
        commas = [cells for cells in map(self.column, self.header) if any("," in cell for cell in cells)]
        if any(map(has_decimal_commas, commas)):
            return True
        cells = [cell for row in self.sample for cell in row] if commas and self.delimiter == ";" else []
        return bool(cells) and not any(re.fullmatch(r"[+-]?(?:0?|\d+)\.(?!\d{3}$)\d+", cell.strip()) for cell in cells)

    @cached_property
    def grouped(self) -> frozenset[str]:
        """Columns whose points part thousands: ``1.000`` where other columns have decimal commas."""
        columns = {name: self.column(name) for name in self.header}
        dotted = {name: cells for name, cells in columns.items() if any("." in cell for cell in cells)}
        commas = bool(dotted) and self.has_commas
        return frozenset(n for n, cells in dotted.items() if has_points_in_thousands(cells, beside_commas=commas))


def sniff(path: Path, *, delimiter: str | None = None) -> Layout | None:
    """Look at the start of a file; None if it is no delimited text with a header.

    Lines that start with ``#`` before the header are skipped, but for one that names the numbers below it.
    """
    text = text_head(path)
    lines = text.splitlines()
    skipped = 0
    while skipped < len(lines) and (not lines[skipped].strip() or _SKIPPED.match(lines[skipped])):
        skipped += 1
    if skipped == len(lines):
        return None
    if len(text) >= 32768 and len(lines) > skipped + 1:
        lines = lines[:-1]  # the last one may be cut off
    if delimiter is None:
        delimiter = max(",\t;|", key=lines[skipped].count)
    if skipped and _heads(lines[skipped - 1], lines[skipped], delimiter):
        skipped -= 1  # the comment right above the rows names their columns
    start = lines[skipped : skipped + SAMPLE_ROWS + 1]
    rows = [tuple(row) for row in csv.reader(start, delimiter=delimiter, skipinitialspace=True)]
    sample, cut = tuple(row for row in rows[1:] if row), len(text) >= 32768 and len(lines) == skipped + 1
    return Layout(_unique(rows[0]), rows[0], delimiter, sample, skipped + 1, cut)


def _heads(comment: str, row: str, delimiter: str) -> bool:
    """True if a comment has a name for each of the numbers in the row below it."""
    names, cells = comment.split(delimiter), row.split(delimiter)
    return len(names) == len(cells) > 1 and all(map(is_numeric, cells)) and not any(map(is_numeric, names))


def read_delimited(
    path: Path,
    layout: Layout,
    *,
    numbers: Sequence[str],
    texts: Sequence[str] = (),
    step: str | None = None,
    lenient: Collection[str] = (),
) -> Delimited:
    """Read columns of a delimited log.

    Parameters
    ----------
    path : Path
    layout : Layout
        What `sniff` found.
    numbers, texts : sequence of str
        Names in ``layout.header`` to read as float64 (blank is NaN, a written nan or inf is infinity) and
        as text (times as such where they are ISO 8601).
    step : str, optional
        The one of ``numbers`` to read as int64 where every row has a whole number in it.
    lenient : collection of str
        Those of ``numbers`` whose text is left out, and recorded; in the others it is an error.

    Raises
    ------
    LogError
        For text where a number belongs, a row with too many fields, and files `open_text` refuses; with the
        file's own line number.
    """
    if layout.cut:
        raise LogError(
            f"{path}: its header has more than {len(layout.header):,} columns, more than are read; leave some out"
        )
    cut = _cut_off(path, layout)
    whole = step is not None and all(map(str.isdecimal, layout.column(step)))
    frame = _fast(path, layout, numbers, texts, step if whole else None)
    if frame is None and whole:
        frame = _fast(path, layout, numbers, texts, None)
    if frame is None or (len(numbers) + len(texts) < len(layout.header) and _is_ragged(path, layout, len(frame))):
        return _slow(path, layout, (numbers, texts), lenient)
    dropped: tuple[Dropped, ...] = ()
    if cut and len(frame):
        frame, dropped = frame.iloc[:-1], (_CUT,)
    return Delimited(frame, len(frame) + layout.first_line + len(dropped), dropped)


_CUT = Dropped("row", 1, "the last line is cut off")


def _fast(
    path: Path, layout: Layout, numbers: Sequence[str], texts: Sequence[str], step: str | None
) -> pd.DataFrame | None:
    """Read by pandas; None for a log that needs to be read row by row."""
    wanted, place_of = {*numbers, *texts}, {name: place for place, name in enumerate(layout.header)}
    names = [name for name in layout.header if name in wanted]
    if any(len(row) > len(layout.header) for row in layout.sample):
        return None  # with usecols pandas would pass over what is too many
    places = [place_of[name] for name in names]
    written = {name: layout.written[place_of[name]] for name in texts}
    times = [written[name] for name in texts if layout.is_time(name)]
    kinds: defaultdict[str, type] = defaultdict(lambda: np.float64)
    kinds.update({name: str for name in written.values() if name not in times})
    if step is not None:
        kinds[layout.written[layout.header.index(step)]] = np.int64
    with open_text(path) as (stream, encoding), np.errstate(invalid="ignore"):
        check_cells(path, count_lines(path), len(names))
        try:
            # Skipping initial spaces or naming columns in the call costs a third more time.
            frame = pd.read_csv(
                stream,
                sep=layout.delimiter,
                skiprows=layout.first_line - 1 or None,
                usecols=None if len(names) == len(layout.header) else places,
                dtype=kinds,
                parse_dates=times or False,  # three times as fast as reading text and parsing that
                date_format="ISO8601",
                keep_default_na=False,
                na_values=[""],
                index_col=False,
                engine="c",
                encoding=encoding,
                encoding_errors="replace",
            )
        except (ValueError, OverflowError, pd.errors.ParserError, csv.Error):
            return None
    frame = frame.set_axis(names, axis="columns")
    return frame.copy() if len(names) > _WIDE else frame  # read_csv leaves each column by itself: slow to add to


_WIDE = 90


def _is_ragged(path: Path, layout: Layout, rows: int) -> bool:
    """True if a log without quotes has more delimiters than its rows account for.

    Where pandas leaves columns out it passes over rows that are too long, and would misread them.
    """
    count = 0
    with open_text(path) as (stream, encoding):
        if encoding == "utf-16":
            return True
        while block := stream.read(1 << 20):
            if b'"' in block:
                return False
            count += block.count(layout.delimiter.encode())
    return count > (rows + layout.first_line) * (len(layout.header) - 1)


def _slow(
    path: Path, layout: Layout, wanted: tuple[Sequence[str], Sequence[str]], lenient: Collection[str]
) -> Delimited:
    """Read row by row: for written nan values and to name the line of what is wrong."""
    numbers, texts = wanted
    places = [(name, layout.header.index(name)) for name in numbers]
    columns = {name: array.array("d") for name in numbers}
    strings: dict[str, list[str | None]] = {name: [] for name in texts}
    text_places = [(name, layout.header.index(name)) for name in texts]
    line, dropped = layout.first_line, []
    refused: dict[str, tuple[int, int]] = {}
    counted = layout.header[0] in numbers
    header, repeated, between = [name.strip().lstrip("\ufeff") for name in layout.written], 0, 0
    counter = next((place for name, place in places if plain(name) in (*STEP_NAMES, *EPOCH_NAMES)), None)
    summaries = 0
    for line, row, is_last in _rows(path, layout):
        if row[0].strip() == header[0] and [cell.strip() for cell in row] == header:
            repeated += 1
            continue
        if len(row) > len(layout.header) and not _ends_with_comma(row, len(layout.header)):
            raise _too_many(path, line, row, layout)
        if is_last and len(row) < len(layout.header):
            dropped.append(_CUT)
            break
        if len(row) < len(layout.header) and counted and not any(map(is_numeric, row)):
            between += 1  # what was printed into the table, such as "saved the best model"
            continue
        if counter is not None and _SUMMARY.match(row[counter].strip() if counter < len(row) else ""):
            summaries += 1
            continue
        for name, place in places:
            cell = row[place].strip() if place < len(row) else ""
            value = number(cell)
            if value is None and name not in lenient:
                raise _not_a_number(cell, f"{path}:{line}", name)
            if value is None:
                first, count = refused.get(name, (line, 0))
                refused[name] = first, count + 1
            columns[name].append(np.nan if value is None else value)
        for name, place in text_places:
            strings[name].append((row[place].strip() or None) if place < len(row) else None)
    if repeated:
        dropped.append(Dropped("row", repeated, "the header once more, as where a restarted run appends to its log"))
    if summaries:
        dropped.append(Dropped("row", summaries, f"a summary, which says so in '{layout.header[counter or 0]}'"))
    if between:
        dropped.append(Dropped("row", between, "lines of text between the rows of the table"))
    dropped += [Dropped(name, n, f"text where numbers are, first in line {at}") for name, (at, n) in refused.items()]
    read = {name: np.frombuffer(column, dtype=np.float64) for name, column in columns.items()}
    frame = pd.DataFrame({**read, **{name: pd.array(cells, dtype="str") for name, cells in strings.items()}})
    return Delimited(frame, line, tuple(dropped))


def _rows(path: Path, layout: Layout) -> Iterator[tuple[int, list[str], bool]]:
    """Yield (line number, fields, whether the file ends within this line) of each data row."""
    csv.field_size_limit(min(sys.maxsize, 2**31 - 1))
    with open_lines(path, newline="") as lines:
        ended: list[str] = [""]
        reader = csv.reader(_remembering(lines, ended), delimiter=layout.delimiter, skipinitialspace=True)
        pending: tuple[int, list[str]] | None = None
        for row in reader:
            if reader.line_num <= layout.first_line or not any(cell.strip() for cell in row):
                continue
            if pending is not None:
                yield *pending, False
            pending = (reader.line_num, row)
        if pending is not None:
            yield *pending, not ended[0].endswith(("\n", "\r"))


def _remembering(lines: Iterable[str], last: list[str]) -> Iterator[str]:
    for line in lines:
        last[0] = line
        yield line


def _not_a_number(cell: str, where: str, name: str) -> LogError:
    remedy = "write decimals with a point" if DECIMAL_COMMA.fullmatch(cell) else "correct or clear it"
    shown = cell if len(cell) <= 40 else cell[:40] + "…"
    return LogError(f"{where}: '{name}' must be a number, got {shown!r}; {remedy}")


def _ends_with_comma(row: Sequence[str], columns: int) -> bool:
    """True for a full row with one delimiter more at its end; one with blanks may have decimal commas instead."""
    return len(row) == columns + 1 and not row[-1].strip() and all(map(str.strip, row[:-1]))


def _too_many(path: Path, line: int, row: list[str], layout: Layout) -> LogError:
    hint = " (decimal commas? write decimals with a point)" if layout.delimiter == "," else ""
    return LogError(
        f"{path}:{line}: {len(row)} fields where the header has {len(layout.header)}{hint}; correct the line"
    )


def _cut_off(path: Path, layout: Layout) -> bool:
    """True if the file ends in the middle of a row, as a killed writer leaves it."""
    if head(path, 2) == GZIP:
        return False
    with open_text(path) as (stream, encoding):
        size = stream.seek(0, io.SEEK_END)
        stream.seek(max(0, size - 65536))
        tail = stream.read()
    if encoding == "utf-16" or tail.endswith((b"\n", b"\r")):
        return False
    last = re.split(rb"[\r\n]", tail)[-1].decode("utf-8", errors="replace")
    if not last.strip() or '"' in last:
        return False
    return last.count(layout.delimiter) + 1 < len(layout.header)


def is_numeric(cell: str) -> bool:
    """True for text that is a number as it stands."""
    try:
        float(cell)
    except ValueError:
        return False
    return True


def _unique(names: Sequence[str]) -> tuple[str, ...]:
    """Strip names; number the repeated and the unnamed."""
    seen: dict[str, int] = {}
    unique = []
    for place, name in enumerate(names):
        clean = name.strip().strip('"').lstrip("\ufeff")
        clean = (clean if place else re.sub(r"^#+\s*(?=\w)", "", clean)) or f"column {place + 1}"
        seen[clean] = seen.get(clean, 0) + 1
        unique.append(clean if seen[clean] == 1 else f"{clean} ({seen[clean]})")
    return tuple(unique)
