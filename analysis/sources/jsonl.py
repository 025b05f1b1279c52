"""Read JSON lines: one dict a row, with run names and hyperparameters possibly on every row."""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

import pandas as pd

from analysis.core.errors import LogError
from analysis.core.plain_data import loads
from analysis.core.run import Dropped
from analysis.sources.arrange import arrange
from analysis.sources.axes import find_axis
from analysis.sources.axis_names import EPOCH_NAMES, STEP_NAMES
from analysis.sources.base import Columns, bare_name
from analysis.sources.raw_log import RawLog
from analysis.sources.rows import RowTable
from analysis.sources.streams import open_lines, text_head

NAME = "jsonl"
SCHEME = ""

_SUFFIXES = (".jsonl", ".ndjson", ".json", ".log", ".txt")


def recognises(path: Path) -> bool:
    """True for a text file whose first line is a JSON object; one of messages alone is no log of steps."""
    name = bare_name(path)
    if not path.is_file() or not (name.endswith(_SUFFIXES) or ".jsonl" in name):
        return False
    text = text_head(path)
    lines = [line for line in text.lstrip("\ufeff").splitlines() if line.strip()]
    rows = ".jsonl" in name or name.endswith(".ndjson")
    if not lines or not all(line.startswith("{") for line in lines[: 1 if rows else 2]):
        return False
    if name.endswith(".json") and len(lines) == 1:
        return False  # a JSON file of one line is one object, not a row
    try:
        first = loads(lines[0])
    except (ValueError, RecursionError):
        return rows
    return isinstance(first, dict) and (rows or any(isinstance(value, int | float) for value in first.values()))


def load(path: Path, *, columns: Columns) -> list[RawLog]:
    """Read a file of JSON lines; one run for each run name in it."""
    table = RowTable(path)
    dropped: tuple[Dropped, ...] = ()
    line = 0
    begun = 0
    with open_lines(path) as stream:
        while block := stream.readlines(_BLOCK):
            rows = _objects(block)
            if rows is not None:
                table.add_all(rows, begun + 1)
                line = begun + len(block)
            else:
                for number, row, cut in _rows(path, block, begun):
                    line = number
                    if cut:
                        dropped = (Dropped("row", 1, "the last line is cut off"),)
                    else:
                        table.add(row, number)
            begun += len(block)
    if not table.rows:
        raise LogError(f"{path}: the file is empty; a log needs at least one row")
    return [replace(log, lines=line) for log in logs_of(table, columns=columns, dropped=dropped)]


def logs_of(table: RowTable, *, columns: Columns, dropped: tuple[Dropped, ...] = ()) -> list[RawLog]:
    """Make logs of collected rows, one a run; settings that stand on every row are the configuration."""
    frame, files = table.frame(texts=True), (str(table.path),)
    frame, config, notes = _without_head(frame)
    lost = (*dropped, *table.left_out())
    return arrange(RawLog(frame, NAME, files, table.rows, config=config, dropped=lost, notes=notes), columns)


def _without_head(frame: pd.DataFrame) -> tuple[pd.DataFrame, dict[str, Any], tuple[str, ...]]:
    """Take a first row that counts nothing, and shares no name with the others, for the configuration."""
    axis = find_axis(frame.columns, (*STEP_NAMES, *EPOCH_NAMES))
    if axis is None or len(frame) < 3:
        return frame, {}, ()
    given = frame.iloc[0].dropna()
    if axis in given.index or frame[list(given.index)].iloc[1:].notna().any(axis=None):
        return frame, {}, ()
    config = {
        re.sub(r"^(?:config|args|params|hparams|hyperparameters)/", "", str(name)): int(value)
        if isinstance(value, float) and value.is_integer()
        else value
        for name, value in given.items()
    }
    note = "the first row counts nothing: it is the configuration"
    return frame.drop(columns=list(given.index)).iloc[1:].reset_index(drop=True), config, (note,)


def json_lines(path: Path) -> Iterator[tuple[int, Mapping[str, Any], bool]]:
    """Yield (line number, object, whether it is a cut-off last line) of each line that is not blank.

    Raises
    ------
    LogError
        For a line that is no JSON object, with its number.
    """
    begun = 0
    with open_lines(path) as stream:
        while block := stream.readlines(_BLOCK):
            rows = _objects(block)
            if rows is None:
                yield from _rows(path, block, begun)
            else:
                yield from ((number, row, False) for number, row in enumerate(rows, start=begun + 1))
            begun += len(block)


_BLOCK = 1 << 17
"""Characters that are parsed at once, to the end of a line, where all lines are rows."""


@cache
def _parser() -> Callable[[str | bytes], Any]:
    """Return Python's parser, behind orjson's if that is installed: it takes a third of the time, but knows no NaN."""
    try:
        orjson = import_module("orjson")
    except ImportError:
        return json.loads

    def parse(text: str | bytes) -> Any:
        try:
            return orjson.loads(text)
        except ValueError:
            return json.loads(text)

    return parse


def _objects(lines: list[str]) -> list[dict[str, Any]] | None:
    """Return the objects of lines that hold just one each; None if one of them does not."""
    try:
        found = loads(f"[{','.join(lines)}]", _parser())
    except (ValueError, RecursionError):
        return None
    whole = len(found) == len(lines) and set(map(type, found)) == {dict}
    return found if whole else None


def _rows(path: Path, lines: Iterable[str], before: int) -> Iterator[tuple[int, Mapping[str, Any], bool]]:
    """Yield what `json_lines` does of lines that stand behind ``before`` others."""
    for number, line in enumerate(lines, start=before + 1):
        content = line.strip().removeprefix(codecs.BOM_UTF8.decode())
        if not content:
            continue
        try:
            row = loads(content)
        except (ValueError, RecursionError):
            if not line.endswith("\n"):
                yield number, {}, True
                return
            raise LogError(f"{path}:{number}: not a JSON object; correct or remove the line") from None
        if not isinstance(row, dict):
            raise LogError(f"{path}:{number}: a row must be a JSON object, got {type(row).__name__}")
        yield number, row, False
