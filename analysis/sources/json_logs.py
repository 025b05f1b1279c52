"""Read a log kept as one JSON value: a list of rows, columns of equal length, series with steps, or rows by epoch."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

from analysis.core.errors import LogError
from analysis.core.metrics import metric
from analysis.core.plain_data import is_number, loads
from analysis.sources.base import Columns
from analysis.sources.jsonl import logs_of
from analysis.sources.limits import MB, limit, too_large
from analysis.sources.phases import phase_of
from analysis.sources.raw_log import RawLog
from analysis.sources.rows import table_of
from analysis.sources.streams import open_text, text_head

NAME = "json log"
SCHEME = ""

_SUFFIXES = (".json", ".log", ".txt", "")
_INSIDE = ("log_history", "history", "iterations", "metrics", "log", "logs", "evals_result")
_STEPS = ("steps", "step", "x", "iterations", "iteration", "iters", "epochs", "epoch")
_VALUES = ("values", "value", "y")
_TITLES = ("name", "metric", "tag", "series", "title")
_MACHINE = re.compile(r":monitor:|system[/.]|gpu[/.:]", re.IGNORECASE)  # counted in seconds by trackers
_SPLIT = re.compile(r"(train|training|learn|eval|val|valid|valid_\d+|validation(_\d+)?|test|dev)/", re.IGNORECASE)
_NUMBERED = re.compile(r"validation_\d+/")
_COUNTED = re.compile(r"(?:(?P<axis>epoch|step|iteration|round|episode)[ _-]?)?(?P<number>\d+)", re.IGNORECASE)
Rows = list[dict[str, Any]]


def recognises(path: Path) -> bool:
    """True for a JSON file that holds two rows of numbers at least, in a form that is known."""
    if not path.is_file() or Path(path.name.lower().removesuffix(".gz")).suffix not in _SUFFIXES:
        return False
    if not is_one_value(text_head(path)):
        return False
    try:
        content = _content(path)
    except LogError:
        return False
    try:
        return _rows_of(content) is not None
    except LogError:
        return True  # to be said on loading


def is_one_value(text: str) -> bool:
    """True if a text, or the start of one, is a single JSON object or list, whole or cut off."""
    text = text.lstrip("\ufeff \r\n\t")
    if not text.startswith(("{", "[")):
        return False
    try:
        json.loads(text)  # its error says how far it came
    except json.JSONDecodeError as problem:
        return problem.msg != "Extra data" and problem.pos > len(text) / 2
    except RecursionError:
        return False
    return True


def load(path: Path, *, columns: Columns) -> list[RawLog]:
    """Read the rows of one JSON value; settings beside them are the configuration."""
    content = _content(path)
    try:
        rows = _rows_of(content)
    except LogError as problem:
        raise LogError(f"{path}: {problem}") from None
    if rows is None:
        raise LogError(f"{path}: no list of rows in this JSON; write an object a line, and call the file .jsonl")
    last = [name for row in rows[-1:] for name in row if _NUMBERED.match(name)]
    stated = content.get("config") if isinstance(content, Mapping) else None
    config = stated if isinstance(stated, Mapping) else {}
    logs = logs_of(table_of(path, rows), columns=columns)
    best = last[-1] if last else None  # of several sets XGBoost's early stopping goes by the last
    return [replace(log, source=NAME, config={**log.config, **config}, best_metric=best) for log in logs]


def _content(path: Path) -> Any:
    most = "RUN_REPORTS_MAX_JSON_MB"
    try:
        with open_text(path, by_lines=False) as (stream, encoding):
            text = stream.read(limit(most) * MB + 1)  # a packed file may hold any amount
            if len(text) > limit(most) * MB:
                raise too_large(path, len(text) / MB, most)
            return loads(text.decode(encoding, errors="replace"))
    except json.JSONDecodeError:
        raise LogError(f"{path}: not one JSON value; correct it, or write an object a line") from None
    except ValueError as problem:
        raise LogError(f"{path}: JSON that cannot be read ({problem}); write an object a line") from None


def _rows_of(content: Any) -> Rows | None:
    if isinstance(content, list):
        return _from_series(content) or _from_list(content)
    if not isinstance(content, Mapping):
        return None
    for key in _INSIDE:
        if isinstance(content.get(key), list | Mapping) and (rows := _rows_of(content[key])):
            names = _catboost_names(content)
            return [_named(row, names) for row in rows] if names else rows
    return _by_number(content) or _from_series(content) or _by_run(content) or _columns(content)


def _from_list(items: list[Any]) -> Rows | None:
    """Return a list of rows, or the ``[[wall time, step, value], ...]`` of a TensorBoard download."""
    if len(items) < 2:
        return None
    if all(isinstance(item, dict) for item in items):
        widest = max(map(len, items))
        return (
            items
            if all(map(_has_number, items)) and len(set().union(*items)) < 2 * max(len(items), widest) + 20
            else None
        )
    if all(isinstance(item, list) and len(item) == 3 and all(map(is_number, item)) for item in items):
        return [{"wall_time": wall, "step": step, "Value": value} for wall, step, value in items]
    return None


def _has_number(row: Mapping[str, Any]) -> bool:
    """True if a row holds a number, a list of numbers, or a loss as text."""
    return any(is_number(value) or _is_listed(value) for value in row.values()) or any(
        "loss" in name.lower() and isinstance(value, str) and re.search(r"(?i)\d|nan|inf", value)
        for name, value in row.items()
    )


def _by_number(content: Mapping[str, Any]) -> Rows | None:
    """Return rows under their epoch: ``{"1": {...}, "2": {...}}``, ``{"epoch_1": {...}, ...}``."""
    counted = [_COUNTED.fullmatch(key) for key in content]
    if len(counted) < 2 or not all(isinstance(row, dict) for row in content.values()):
        return None
    axes = {(found["axis"] or "epoch").lower() for found in counted if found}
    if None in counted or len(axes) > 1:
        return None
    (axis,) = axes
    numbers = [int(found["number"]) for found in counted if found]
    return [row if axis in row else {axis: at, **row} for at, row in zip(numbers, content.values(), strict=True)]


def _by_run(content: Mapping[str, Any]) -> Rows | None:
    """Return the rows of several runs under their names, whose lists have the same names: a history a model."""
    if len(content) < 2 or not all(isinstance(part, Mapping) for part in content.values()):
        return None
    parts = {key: _columns(part) for key, part in content.items() if phase_of(key.lower()) is None}
    names = {tuple(sorted(rows[0])) for rows in parts.values() if rows}
    if len(parts) < len(content) or None in parts.values() or len(names) > 1:
        return None
    return [{"run": key, **row} for key, rows in parts.items() for row in rows or ()]


def _from_series(content: Any) -> Rows | None:
    """Return the rows of series that have each its steps, one a step: by name, nested, or listed with their names.

    Raises
    ------
    LogError
        If a series has not as many values as steps.
    """
    rows: dict[tuple[float, int], dict[str, Any]] = {}
    for name, series in _series(content, ""):
        steps, values = _lists_of(series) or ([], [])
        if len(steps) != len(values):
            raise LogError(f"'{name}' has {len(steps)} steps and {len(values)} values; write as many of each")
        times = series.get("timestamps") if isinstance(series, Mapping) else None
        times = times if isinstance(times, list) and len(times) == len(steps) else [None] * len(steps)
        seen: Counter[float] = Counter()
        for step, value, time in zip(steps, values, times, strict=True):
            row = rows.setdefault((step, seen[step]), {"step": step})
            seen[step] += 1
            row[name] = value
            if isinstance(time, str | int | float):
                row.setdefault("timestamp", time)
    return [rows[key] for key in sorted(rows)] or None


def _series(content: Any, prefix: str) -> Iterator[tuple[str, Any]]:
    """Yield each series by its place and name; of what a tracker measures at the machine none."""
    if isinstance(content, list):
        if content and all(isinstance(item, Mapping) and _lists_of(item) for item in content):
            for place, item in enumerate(content, start=1):
                name = next((str(item[key]) for key in _TITLES if key in item), f"series {place}")
                yield prefix + name, item
        return
    for key, value in content.items() if isinstance(content, Mapping) else ():
        name = f"{prefix}{key}"
        if _MACHINE.match(name):
            continue
        if _lists_of(value) and (_has_names(value) or metric(key).direction != "none"):
            yield name, value
        else:
            yield from _series(value, f"{name}/")


def _has_names(series: Any) -> bool:
    """True if a series says what its steps are; of one that does not only the name tells that it is one."""
    return isinstance(series, Mapping) and not all(key.isdecimal() for key in series)


def _lists_of(series: Any) -> tuple[list[Any], list[Any]] | None:
    """Return steps and values: of two lists, of ``[[step, value], ...]``, of ``{"100": value, ...}``; else None."""
    if isinstance(series, list):
        pairs = len(series) > 1 and all(isinstance(pair, list) and len(pair) in (2, 3) for pair in series)
        if not pairs or not all(map(is_number, (number for pair in series for number in pair))):
            return None
        at = [pair[-2] for pair in series]  # a wall time may stand before
        rises = len({len(pair) for pair in series}) == 1 and all(a < b for a, b in pairwise(at))
        return (at, [pair[-1] for pair in series]) if rises and all(step % 1 == 0 for step in at) else None
    if not isinstance(series, Mapping):
        return None
    if len(series) > 1 and all(key.isdecimal() and (series[key] is None or is_number(series[key])) for key in series):
        return [int(key) for key in series], list(series.values())
    found = [next((series[key] for key in keys if key in series), None) for keys in (_STEPS, _VALUES)]
    steps, values = found
    listed = isinstance(steps, list) and isinstance(values, list) and all(map(is_number, steps))
    return (steps, values) if listed else None  # type: ignore[return-value]


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
        elif isinstance(value, list) and _is_listed([one for one in value if one is not None]):
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
    return isinstance(value, list) and bool(value) and all(map(is_number, value))
