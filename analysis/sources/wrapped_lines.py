"""Read printed lines that a service stores one by one in JSON (Docker, Google Cloud, CloudWatch, Kaggle) or CSV."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from analysis.core.errors import LogError
from analysis.core.plain_data import is_number
from analysis.sources.base import Columns, bare_name
from analysis.sources.cells import number
from analysis.sources.metric_aliases import plain
from analysis.sources.printed import MOST, holds_values, logs_of
from analysis.sources.printed_phases import of_model
from analysis.sources.raw_log import RawLog
from analysis.sources.streams import text_head, whole_text

NAME = "printed, line by line"
SCHEME = ""

_SUFFIXES = ("", ".json", ".jsonl", ".ndjson", ".log", ".txt", ".csv")
_MESSAGES = ("log", "message", "@message", "msg", "textpayload", "jsonpayload", "data", "event", "line", "content")
"""Keys and columns that hold a line, in the form of `metric_aliases.plain`."""
_TIMES = ("timestamp", "@timestamp", "time", "date")
_LISTS = ("events", "entries", "logs", "messages", "hits", "data")
_BETWEEN = re.compile(r"[\s,\[\]]*")
_FEW = 200  # rows used to recognise a file


def recognises(path: Path) -> bool:
    """True if the lines stored in a file are a printed log, and no other field of its rows is a metric."""
    if not path.is_file() or Path(bare_name(path)).suffix not in _SUFFIXES:
        return False
    start = text_head(path, 1 << 18).lstrip("\ufeff \r\n")
    if not start.startswith(("{", "[")) and not _message_column(start.partition("\n")[0]):
        return False
    rows = [row for _, row in zip(range(_FEW), _rows(start), strict=False)]
    text = _text(rows)
    return bool(text) and not any(map(_measures, rows)) and holds_values(text, path)


def load(path: Path, *, columns: Columns) -> list[RawLog]:
    """Return the logs of the stored lines, read as if they had been printed to a file."""
    logs = logs_of(_text(_rows(whole_text(path, MOST).lstrip("\ufeff \r\n"))), path, columns)
    if not logs:
        raise LogError(f"{path}: no lines with a step and values; write a table with step,train_loss and give that")
    return [replace(log, source=NAME) for log in logs]


def _rows(text: str) -> Iterator[Mapping[str, Any]]:
    """Yield the rows of a CSV, or the objects of JSON lines, of a list or of a list in an object."""
    if not text.startswith(("{", "[")):
        yield from csv.DictReader(text.splitlines())
        return
    place, decoder, found = 0, json.JSONDecoder(), False
    while (place := _BETWEEN.match(text, place).end()) < len(text):  # type: ignore[union-attr]
        try:
            row, place = decoder.raw_decode(text, place)
        except (ValueError, RecursionError):  # another line between, or an outer object that is cut off
            end = text.find("\n", place)
            end = text.find("[", place) if end < 0 and not found else end
            if end < 0:
                return
            place = end + 1
            continue
        if isinstance(row, dict):
            found = True
            listed = next((row[key] for key in _LISTS if isinstance(row.get(key), list)), [row])
            yield from (one for one in listed if isinstance(one, dict))


def _text(rows: Iterable[Mapping[str, Any]]) -> str:
    """Return the lines joined to a text; an object in place of a line becomes JSON."""
    parts: list[str] = []
    given = list(rows)
    times = [str(row[key]) for row in given for key in row if plain(str(key)) in _TIMES]
    if times and times[0] > times[-1]:
        given.reverse()  # newest first, as exported by Google and CloudWatch Insights
    for row in given:
        keys = {plain(str(key)): key for key in row}
        value = next((row[keys[name]] for name in _MESSAGES if name in keys), None)
        if isinstance(value, Mapping):
            inner = {plain(str(key)): key for key in value}
            said = next((value[inner[name]] for name in _MESSAGES if name in inner), None)
            value = said if isinstance(said, str) else json.dumps(value)
        parts += [value] if isinstance(value, str) else []
    ended = sum(part.endswith("\n") for part in parts)  # a part may then be less than a line
    return ("" if 4 * ended > len(parts) else "\n").join(parts)


def _measures(row: Mapping[str, Any]) -> bool:
    return any(of_model(str(key)) and (is_number(value) or _is_number_text(value)) for key, value in row.items())


def _is_number_text(value: Any) -> bool:
    return isinstance(value, str) and bool(value.strip()) and number(value) is not None


def _message_column(header: str) -> bool:
    cells: Sequence[str] = next(csv.reader([header]), [])
    return len(cells) > 1 and any(plain(cell) in _MESSAGES for cell in cells)
