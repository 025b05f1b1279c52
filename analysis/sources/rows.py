"""Turn rows that are dicts (JSON lines, a trainer's history) into a table of float64 columns."""

from __future__ import annotations

import array
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from analysis.core.errors import LogError
from analysis.core.run import Dropped
from analysis.sources.cells import number
from analysis.sources.limits import check_cells

_NUMBERS = frozenset({int, float})
_MOST_KINDS = 50
"""Sets of names that rows may have and still be read column by column."""
_LONGEST = 1000
"""Characters of a text that are kept: the names and times of a log have fewer, what a model wrote may have more."""
_ORDINARY = 1e300
"""What is larger, infinite or NaN may not fit a column as it stands."""


@dataclass
class RowTable:
    """Columns collected from dict rows.

    ``numbers`` holds float64 columns (NaN: not logged; infinity: logged as NaN or infinite), ``texts`` text
    columns, both of length ``rows``; a column is of the kind of its first value.
    """

    path: Path
    rows: int = 0
    numbers: dict[str, array.array[float]] = field(default_factory=dict)
    texts: dict[str, list[str | None]] = field(default_factory=dict)
    skipped: dict[str, int] = field(default_factory=dict)

    def add(self, row: Mapping[str, Any], line: int | None = None) -> None:
        """Append a row; nested mappings become ``outer/inner`` columns.

        Raises
        ------
        LogError
            For text in a column of numbers, with the line.
        """
        self.rows += 1
        columns = len(self.numbers) + len(self.texts)
        self._add(row, "", line)
        if self.rows % 4096 == 0 or len(self.numbers) + len(self.texts) > columns:
            self._check_size()

    def add_numbers(self, rows: Sequence[Mapping[str, Any]]) -> bool:
        """Append rows that hold nothing but numbers, column by column; change nothing and return False for others.

        It does what `add` does for each of them, several times as fast.
        """
        alike: dict[tuple[str, ...], list[int]] = {}
        for place, row in enumerate(rows):
            alike.setdefault(tuple(row), []).append(place)
        if len(alike) > _MOST_KINDS:
            return False
        columns: dict[str, Any] = {}
        for names, places in alike.items():
            for name in names:
                cells = [rows[place][name] for place in places]
                if name in self.texts or not set(map(type, cells)) <= _NUMBERS:
                    return False
                try:
                    values = np.array(cells, dtype=np.float64)
                except OverflowError:
                    return False
                whole = columns.setdefault(name, np.full(len(rows), np.nan))
                whole[places] = np.where(np.isfinite(values), values, np.inf)
        for name, values in columns.items():
            column = self.numbers.setdefault(name, array.array("d"))
            column.extend([np.nan] * (self.rows - len(column)))
            column.frombytes(values.tobytes())
        self.rows += len(rows)
        self._check_size()
        return True

    def frame(self, *, texts: bool = False) -> pd.DataFrame:
        """Return the columns of numbers, and of text if wanted, each in the order in which they first occurred."""
        padded = {}
        for name, column in self.numbers.items():
            values = np.full(self.rows, np.nan)
            values[: len(column)] = column
            padded[name.encode(errors="replace").decode()] = values  # JSON can escape half a letter, no table holds it
        frame = pd.DataFrame(padded, index=range(self.rows))
        for name in self.texts if texts else ():
            frame[name.encode(errors="replace").decode()] = pd.array(self.text(name), dtype="str")
        return frame

    def text(self, name: str) -> list[str | None]:
        """Return a column of text, padded to all rows."""
        column = self.texts[name]
        return column + [None] * (self.rows - len(column))

    def left_out(self, *, texts: bool = True) -> tuple[Dropped, ...]:
        """Return the record of values that are neither numbers nor text, and of texts if they are not taken."""
        lists = tuple(Dropped(name, count, "lists are not read") for name, count in self.skipped.items())
        names = () if texts else tuple(self.texts)
        counts = {name: sum(cell is not None for cell in self.texts[name]) for name in names}
        return (*lists, *(Dropped(name, count, "text, no number") for name, count in counts.items() if count))

    def _add(self, row: Mapping[str, Any], prefix: str, line: int | None) -> None:
        before = self.rows - 1
        for key, value in row.items():
            name = f"{prefix}{key}"
            # Nearly every value of a long log is a number in a column that is up to date.
            if type(value) in _NUMBERS:
                column = self.numbers.get(name)
                if column is not None and len(column) == before and abs(value) < _ORDINARY:
                    column.append(value)
                else:
                    self._add_number(name, value)
                continue
            if value is None:
                continue
            if isinstance(value, bool) and name not in self.numbers:
                self._put(self.texts.setdefault(name, []), None, str(value).lower())  # a flag is no measurement
            elif isinstance(value, Mapping) and prefix.count("/") < 5:
                self._add(value, f"{name}/", line)
            elif isinstance(value, str):
                self._add_text(name, value, line)
            elif isinstance(value, int | float):
                self._add_number(name, value)
            else:
                self.skipped[name] = self.skipped.get(name, 0) + 1

    def _add_number(self, name: str, value: float) -> None:
        if name in self.texts:
            self._put(self.texts[name], None, str(value))
            return
        try:
            number = float(value)
        except OverflowError:
            number = np.inf
        column = self.numbers.get(name)
        if column is None:
            column = self.numbers[name] = array.array("d")
        self._put(column, np.nan, number if np.isfinite(number) else np.inf)

    def _add_text(self, name: str, value: str, line: int | None) -> None:
        if name in self.numbers or name not in self.texts:
            read = number(value)
            if read is None and name in self.numbers:
                where = f"{self.path}:{line}" if line else str(self.path)
                raise LogError(f"{where}: '{name}' must be a number, got {value[:40]!r}; correct or clear it")
            if read is not None and not np.isnan(read):
                self._add_number(name, read)
                return
            if read is not None:
                return  # a word for "not logged"
        self._put(self.texts.setdefault(name, []), None, value[:_LONGEST])

    def _put(self, column: Any, blank: Any, value: Any) -> None:
        """Set the value of the current row, with blanks for the rows before it that lack the column."""
        missing = self.rows - 1 - len(column)
        if missing > 0:
            column.extend([blank] * missing)
        if len(column) == self.rows:
            column[-1] = value  # the same key twice in one row
        else:
            column.append(value)

    def _check_size(self) -> None:
        check_cells(self.path, self.rows, len(self.numbers) + len(self.texts))


def table_of(path: Path, rows: Iterable[Mapping[str, Any]]) -> RowTable:
    """Collect rows that have no lines of their own."""
    table = RowTable(path)
    for row in rows:
        table.add(row)
    return table


def as_axis(frame: pd.DataFrame, own: str, axis: str) -> pd.DataFrame:
    """Call a column by the name of an axis; another one that has it already becomes ``<axis> (log)``."""
    clash = {axis: f"{axis} (log)"} if axis in frame and own != axis else {}
    return frame.rename(columns={**clash, own: axis})


def merge_rows(frame: pd.DataFrame) -> tuple[pd.DataFrame, tuple[Dropped, ...]]:
    """Merge the rows next to each other that share a step, as a train and an eval row do.

    Where two of them have the same column, the later value is kept and the loss recorded.

    >>> merge_rows(pd.DataFrame({"step": [1, 1, 2], "a": [5.0, None, 6.0], "b": [None, 7.0, None]}))[0]
       step    a    b
    0     1  5.0  7.0
    1     2  6.0  NaN
    """
    steps = frame["step"].to_numpy(dtype=np.float64)
    same = np.concatenate(([False], steps[1:] == steps[:-1]))
    if not same.any():
        return frame, ()
    groups = np.cumsum(~same)
    merged = frame.groupby(groups, sort=False).last().reset_index(drop=True)
    lost = frame.count() - merged.count()
    dropped = tuple(
        Dropped(str(name), int(count), "logged more than once at one step; the last is kept")
        for name, count in lost.items()
        if count > 0 and name not in {"step", "epoch", "timestamp"}
    )
    return merged, dropped


def constant_settings(frame: pd.DataFrame, names: Iterable[str]) -> dict[str, float | int]:
    """Return the columns among ``names`` that hold one value on every row, as settings."""
    found: dict[str, float | int] = {}
    for name in names:
        values = frame[name].to_numpy(dtype=np.float64) if name in frame else np.empty(0)
        if values.size and np.isfinite(values[0]) and (values == values[0]).all():
            found[name] = int(values[0]) if values[0] == int(values[0]) else float(values[0])
    return found
