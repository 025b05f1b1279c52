"""Turn rows that are dicts (JSON lines, a trainer's history) into a table of float64 columns."""

from __future__ import annotations

import array
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
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
_DEEPEST = 5
"""Mappings within each other whose values become columns."""
_WIDE = 90
"""Columns above which a table is made in one piece: one of columns by themselves is slow to add to."""
_ORDINARY = 1e300
"""What is larger, infinite or NaN may not fit a column as it stands."""

_Places: TypeAlias = npt.NDArray[np.signedinteger[Any]]
_Values: TypeAlias = npt.NDArray[Any]


@dataclass
class _Column:
    """Values of some rows: float64, or str and None; of lists 1 for each. ``first`` is the place of the first one."""

    kind: type
    first: int
    values: _Values


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

    def add_all(self, rows: Sequence[dict[str, Any]], line: int) -> None:
        """Append rows, the first of which stands on ``line``, as `add` does one by one and several times as fast.

        They are taken by columns, unless one holds values of several kinds.
        """
        columns: dict[str, _Column] = {}
        if not self._collect(rows, np.arange(len(rows)), "", columns, len(rows)):
            for number, row in enumerate(rows, start=line):
                self.add(row, number)
            return
        for name, column in sorted(columns.items(), key=lambda item: item[1].first):
            if column.kind is list:
                self.skipped[name] = self.skipped.get(name, 0) + int(np.isfinite(column.values).sum())
            elif column.kind is str:
                texts = self.texts.setdefault(name, [])
                texts.extend([None] * (self.rows - len(texts)))
                texts.extend(column.values.tolist())
            else:
                numbers = self.numbers.setdefault(name, array.array("d"))
                numbers.extend([np.nan] * (self.rows - len(numbers)))
                numbers.frombytes(column.values.data.cast("B"))
        self.rows += len(rows)
        self._check_size()

    def frame(self, *, texts: bool = False) -> pd.DataFrame:
        """Return the columns of numbers, and of text if wanted, each in the order in which they first occurred."""
        padded = {}
        for name, column in self.numbers.items():
            values = np.frombuffer(column)
            if len(values) < self.rows:
                values = np.concatenate((values, np.full(self.rows - len(values), np.nan)))
            padded[name.encode(errors="replace").decode()] = values  # JSON can escape half a letter, no table holds it
        frame = pd.DataFrame(padded, index=range(self.rows), copy=len(padded) > _WIDE)
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

    def _collect(
        self, rows: Sequence[dict[str, Any]], places: _Places, prefix: str, columns: dict[str, _Column], size: int
    ) -> bool:
        """Take rows, which stand at ``places`` among ``size``, apart into columns; False where `add` has to decide."""
        first = list(rows[0])
        alike = {tuple(first): (rows, places)}
        if list(chain.from_iterable(rows)) != first * len(rows):
            own: dict[tuple[str, ...], list[int]] = {}
            for at, names in enumerate(map(tuple, rows)):
                own.setdefault(names, []).append(at)
            alike = {names: ([rows[at] for at in its], places[its]) for names, its in own.items()}
        if len(alike) > _MOST_KINDS:
            return False
        for names, (its, own_places) in alike.items():
            cells = list(chain.from_iterable(map(dict.values, its)))
            for at, name in enumerate(names):
                if not self._collect_cells(f"{prefix}{name}", cells[at :: len(names)], own_places, columns, size):
                    return False
        return True

    def _collect_cells(
        self, name: str, cells: Sequence[Any], places: _Places, columns: dict[str, _Column], size: int
    ) -> bool:
        """Put the values of one name into its column; False where `add` has to decide."""
        kinds = set(map(type, cells))
        if type(None) in kinds:
            places = places[[cell is not None for cell in cells]]
            cells = [cell for cell in cells if cell is not None]
            kinds.discard(type(None))
        if kinds == {dict} and name.count("/") < _DEEPEST:
            return self._collect(cells, places, f"{name}/", columns, size)
        kind, values = self._values_of(name, cells, kinds)
        if values is None:
            return False
        given = pd.notna(values)
        if not given.any():  # None, and words for "not logged", make no column
            return True
        first = int(places[given.argmax()])
        column = columns.get(name)
        if column is None and len(values) == size:
            columns[name] = _Column(kind, first, values)
            return True
        if column is None:
            blank, dtype = (None, object) if kind is str else (np.nan, np.float64)
            column = columns[name] = _Column(kind, first, np.full(size, blank, dtype=dtype))
        elif column.kind is not kind or pd.notna(column.values[places]).any():  # the same key twice in one row
            return False
        elif first < column.first:
            column.first, columns[name] = first, columns.pop(name)
        column.values[places] = values
        return True

    def _values_of(self, name: str, cells: Sequence[Any], kinds: set[type]) -> tuple[type, _Values | None]:
        """Return what `add` makes of cells, none of them None: the kind of column and its values.

        The values are None where that depends on more than this.
        """
        values: list[Any] | None = None
        if kinds <= _NUMBERS and name not in self.texts:
            try:
                numbers = np.array(cells, dtype=np.float64)
            except OverflowError:
                return float, None
            numbers[~np.isfinite(numbers)] = np.inf
            return float, numbers
        if kinds == {list}:
            return list, np.ones(len(cells))
        if kinds == {bool} and name not in self.numbers:
            values = [str(cell).lower() for cell in cells]
        elif kinds == {str} and (name in self.texts or (name not in self.numbers and number(cells[0]) is None)):
            values = [cell[:_LONGEST] for cell in cells]
        elif kinds == {str}:
            read = np.array([number(cell) for cell in cells])
            # A word for "not logged" is a text where the column turns out to be one.
            unsure = read.dtype == object or (name not in self.numbers and np.isnan(read).any())
            return float, None if unsure else read
        return str, None if values is None else np.array(values, dtype=object)

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
            elif isinstance(value, Mapping) and prefix.count("/") < _DEEPEST:
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
