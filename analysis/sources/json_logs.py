"""Read a log kept as one JSON value: a list of rows, columns of equal length, or rows by epoch."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from analysis.core.errors import LogError
from analysis.sources.base import Columns
from analysis.sources.jsonl import logs_of
from analysis.sources.limits import MB, limit, too_large
from analysis.sources.raw_log import RawLog
from analysis.sources.rows import table_of
from analysis.sources.streams import open_text

NAME = "json log"
SCHEME = ""

_INSIDE = ("log_history", "history", "iterations", "metrics", "log", "logs", "evals_result")
_SPLIT = re.compile(r"(train|training|learn|eval|val|valid|valid_\d+|validation(_\d+)?|test|dev)/", re.IGNORECASE)
Rows = list[dict[str, Any]]


def recognises(path: Path) -> bool:
    """Return True for a JSON file that holds two rows of numbers at least, in a form that is known."""
    if not path.is_file() or not path.name.lower().removesuffix(".gz").endswith(".json"):
        return False
    try:
        return _rows_of(_content(path)) is not None
    except LogError:
        return False


def load(path: Path, *, columns: Columns) -> list[RawLog]:
    """Read the rows of one JSON value; settings beside them are the configuration."""
    content = _content(path)
    rows = _rows_of(content)
    if rows is None:
        raise LogError(f"{path}: no list of rows in this JSON; write an object a line, and call the file .jsonl")
    stated = content.get("config") if isinstance(content, Mapping) else None
    config = stated if isinstance(stated, Mapping) else {}
    logs = logs_of(table_of(path, rows), columns=columns)
    return [replace(log, source=NAME, config={**log.config, **config}) for log in logs]


def _content(path: Path) -> Any:
    most = "RUN_REPORTS_MAX_JSON_MB"
    try:
        with open_text(path) as (stream, encoding):
            text = stream.read(limit(most) * MB + 1)
            if len(text) > limit(most) * MB:
                raise too_large(path, len(text) / MB, most)
            return json.loads(text.decode(encoding, errors="replace"))
    except (ValueError, RecursionError):
        raise LogError(f"{path}: not one JSON value; correct it, or write an object a line") from None


def _rows_of(content: Any) -> Rows | None:
    if isinstance(content, list):
        return _from_list(content)
    if not isinstance(content, Mapping):
        return None
    for key in _INSIDE:
        if isinstance(content.get(key), list | Mapping) and (rows := _rows_of(content[key])):
            names = _catboost_names(content)
            return [_named(row, names) for row in rows] if names else rows
    return _by_number(content) or _sacred(content) or _columns(content)


def _from_list(items: list[Any]) -> Rows | None:
    """Return a list of rows, or the ``[[wall time, step, value], ...]`` of a TensorBoard download."""
    if len(items) < 2:
        return None
    if all(isinstance(item, dict) for item in items):
        numbers = [item for item in items if any(_is_number(value) or _is_listed(value) for value in item.values())]
        return items if len(numbers) == len(items) and len(set().union(*items)) < 2 * len(items) + 20 else None
    if all(isinstance(item, list) and len(item) == 3 and all(map(_is_number, item)) for item in items):
        return [{"wall_time": wall, "step": step, "Value": value} for wall, step, value in items]
    return None


def _by_number(content: Mapping[str, Any]) -> Rows | None:
    """Return rows under their epoch: ``{"1": {...}, "2": {...}}``."""
    rows = list(content.values())
    if len(rows) < 2 or not all(key.isdecimal() for key in content) or not all(isinstance(r, dict) for r in rows):
        return None
    return [row if "epoch" in row else {"epoch": int(key), **row} for key, row in content.items()]


def _sacred(content: Mapping[str, Any]) -> Rows | None:
    """Return rows of ``{metric: {"steps": [...], "values": [...]}}``, one a step."""
    rows: dict[float, dict[str, Any]] = {}
    for name, series in content.items():
        if not isinstance(series, Mapping) or not {"steps", "values"} <= set(series):
            return None
        for step, value in zip(series["steps"], series["values"], strict=False):
            rows.setdefault(step, {"step": step})[name] = value
    return [rows[step] for step in sorted(rows)] or None


def _columns(content: Mapping[str, Any]) -> Rows | None:
    """Return rows of lists of one length, nested or not; other lists and settings are no columns."""
    lists = dict(_lists(content, ""))
    if not lists or len({len(values) for values in lists.values()}) > 1:
        return None
    rows = [dict(zip(lists, cells, strict=True)) for cells in zip(*lists.values(), strict=True)]
    axis = {"epoch", "epochs", "step", "steps", "iteration"} & set(lists)
    metrics = any(_SPLIT.match(name) or "loss" in name.lower() or axis for name in lists)
    return rows if len(rows) > 1 and metrics else None


def _lists(content: Mapping[str, Any], prefix: str) -> Iterator[tuple[str, list[Any]]]:
    for key, value in content.items():
        if isinstance(value, Mapping):
            yield from _lists(value, f"{prefix}{key}/")
        elif _is_listed(value):
            yield f"{prefix}{key}", value


def _catboost_names(content: Mapping[str, Any]) -> list[str]:
    meta = content.get("meta")
    listed = meta.get("learn_metrics", []) if isinstance(meta, Mapping) else []
    return [str(entry.get("name")) for entry in listed if isinstance(entry, Mapping)]


def _named(row: Mapping[str, Any], names: list[str]) -> dict[str, Any]:
    """Return a CatBoost row with its lists of values under the names of the metrics."""
    named: dict[str, Any] = {}
    for key, value in row.items():
        if isinstance(value, list):
            named.update({f"{key}/{name}": one for name, one in zip(names, value, strict=False)})
        else:
            named[key] = value
    return named


def _is_listed(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(map(_is_number, value))


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
