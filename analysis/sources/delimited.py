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
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from analysis.core.errors import LogError
from analysis.core.run import Dropped
from analysis.sources.axis_names import EPOCH_NAMES, STEP_NAMES
from analysis.sources.base import head
from analysis.sources.cells import BLANK, DECIMAL_COMMA, number
from analysis.sources.limits import check_cells
from analysis.sources.metric_aliases import plain
from analysis.sources.streams import GZIP, count_lines, open_lines, open_text
from analysis.sources.table_layout import Layout, is_numeric

_SUMMARY = re.compile(
    r"(?:mean|avg|average|std|stdev|total|sum|best|final|min(?:imum)?|max(?:imum)?|median|overall|summary|all)\b",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Delimited:
    """A delimited log: float64 columns; text columns as str or, where they are times, as datetimes.

    ``below``: lines of text behind the last row.
    """

    frame: pd.DataFrame
    lines: int
    dropped: tuple[Dropped, ...]
    below: tuple[str, ...] = ()


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
    if frame is None and not texts:
        frame = _with_words(path, layout, numbers)
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
    places = [place_of[name] for name in names]
    written = {name: layout.written[place_of[name]] for name in texts}
    times = [written[name] for name in texts if layout.is_time(name)]
    kinds: defaultdict[str, type] = defaultdict(lambda: np.float64)
    kinds.update({name: str for name in written.values() if name not in times})
    if step is not None:
        kinds[layout.written[layout.header.index(step)]] = np.int64
    # Skipping initial spaces or naming columns in the call costs a third more time; this is three times as fast as
    # reading times as text and parsing that.
    frame = _parsed(
        path, layout, places, dtype=kinds, parse_dates=times or False, date_format="ISO8601", na_values=[""]
    )
    if frame is None:
        return None
    frame = frame.set_axis(names, axis="columns")
    return frame.copy() if len(names) > _WIDE else frame  # read_csv leaves each column by itself: slow to add to


_WIDE = 90


def _parsed(path: Path, layout: Layout, places: Sequence[int], **how: Any) -> pd.DataFrame | None:
    """Return the columns at some places as pandas reads them; None where it refuses."""
    if any(len(row) > len(layout.header) for row in layout.sample):
        return None  # with usecols pandas would pass over what is too many
    with open_text(path) as (stream, encoding), np.errstate(invalid="ignore"):
        check_cells(path, count_lines(path), len(places))
        try:
            frame: pd.DataFrame = pd.read_csv(  # type: ignore[call-overload]
                path if isinstance(getattr(stream, "raw", None), io.FileIO) else stream,  # a path is read ahead
                compression=None,
                sep=layout.delimiter,
                skiprows=layout.first_line - 1 or None,
                usecols=None if len(places) == len(layout.header) else places,
                keep_default_na=False,
                index_col=False,
                engine="c",
                encoding=encoding,
                encoding_errors="replace",
                **how,
            )
        except (ValueError, OverflowError, pd.errors.ParserError, csv.Error):
            return None
        return frame


_NAN = ("nan", "NaN", "NAN", "-nan", "-NaN")
"""What writers make of NaN."""


def _with_words(path: Path, layout: Layout, numbers: Sequence[str]) -> pd.DataFrame | None:
    """Read numbers among which stand words for NaN and "not logged", as row by row; None where other text does."""
    names = [name for name in layout.header if name in set(numbers)]
    places = [layout.header.index(name) for name in names]
    frame = _parsed(path, layout, places, dtype=np.float64, na_values=[*BLANK, *_NAN], skipinitialspace=True)
    lines = count_lines(path) - layout.first_line
    if frame is None or not len(frame) or not 0 <= lines - len(frame) <= 1 or frame.isna().all(axis=1).any():
        return None  # rows of blanks are passed over
    frame = frame.set_axis(names, axis="columns")
    gaps = [name for name in names if frame[name].isna().any()]
    words = _parsed(path, layout, [layout.header.index(name) for name in gaps], dtype=str, na_filter=False)
    if words is None:
        return None
    read = {name: np.where(np.isinf(frame[name]), np.inf, frame[name]) for name in names}
    for name, cells in zip(gaps, words, strict=True):
        read[name][words[cells].str.strip().isin(_NAN)] = np.inf
    return pd.DataFrame(read)


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
    below: list[str] = []
    header, repeated, between = [name.strip().lstrip("\ufeff") for name in layout.written], 0, 0
    counter = next((place for name, place in places if plain(name) in (*STEP_NAMES, *EPOCH_NAMES)), None)
    summaries = 0
    for line, row, is_last in _rows(path, layout):
        if row[0].strip() == header[0] and [cell.strip() for cell in row] == header:
            repeated += 1
            continue
        if len(row) > len(layout.header) and not _ends_with_comma(row, len(layout.header)):
            raise _too_many(path, line, row, layout)
        if len(row) < len(layout.header) and counted and not any(map(is_numeric, row)):
            between += 1  # what was printed into the table, such as "saved the best model"
            below.append(layout.delimiter.join(row))
            continue
        if is_last and len(row) < len(layout.header):
            dropped.append(_CUT)
            break
        if counter is not None and _SUMMARY.match(row[counter].strip() if counter < len(row) else ""):
            summaries += 1
            continue
        below.clear()
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
    return Delimited(frame, line, tuple(dropped), tuple(below))


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
