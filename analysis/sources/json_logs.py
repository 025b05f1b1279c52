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
from analysis.sources.axis_names import AXIS_NAMES
from analysis.sources.base import Columns
from analysis.sources.jsonl import logs_of
from analysis.sources.limits import MB, limit, too_large
from analysis.sources.metric_aliases import plain
from analysis.sources.phases import phase_of
from analysis.sources.raw_log import RawLog
from analysis.sources.rows import table_of
from analysis.sources.sidecar import run_stem
from analysis.sources.streams import open_text, text_head

NAME = "json log"
SCHEME = ""

_SUFFIXES = (".json", ".log", ".txt", "")
_INSIDE = (
    *("log_history", "history", "iterations", "metrics", "log", "logs", "evals_result", "results", "runs"),
    *("experiments", "trials", "records", "epochs", "steps", "data"),
)
_SETTINGS = ("config", "args", "arguments", "params", "parameters", "hparams", "hyperparameters", "settings")
_NAMES = ("run_name", "run", "run_id", "name", "id", "model", "experiment", "label", "seed", "fold")
"""What a run in a list of runs goes by."""
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
        return _rows_of(_called_after(path, content)) is not None
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
    content = _called_after(path, _content(path))
    try:
        rows = _rows_of(content)
    except LogError as problem:
        raise LogError(f"{path}: {problem}") from None
    if rows is None:
        raise LogError(f"{path}: no list of rows in this JSON; write an object a line, and call the file .jsonl")
    last = [name for row in rows[-1:] for name in row if _NUMBERED.match(name)]
    stated = _settings_in(content) if isinstance(content, Mapping) else {}
    results = _results_among(stated, rows)
    if results:
        rows = [*rows[:-1], {**rows[-1], **results}]
    config = {name: value for name, value in stated.items() if name not in results}
    notes = tuple(f"{name} stands beside the steps: taken for a measurement at their end" for name in results)
    logs = logs_of(table_of(path, rows), columns=columns)
    best = last[-1] if last else None  # of several sets XGBoost's early stopping goes by the last
    return [
        replace(log, source=NAME, config={**log.config, **config}, best_metric=best, notes=(*log.notes, *notes))
        for log in logs
    ]


def _called_after(path: Path, content: Any) -> Any:
    """Return a bare list of numbers under the name of its file, if that is a metric's: train_losses.json."""
    name = run_stem(path)
    bare = isinstance(content, list) and len(content) > 1 and _is_listed(content)
    return {name: content} if bare and metric(plain(name)).direction != "none" else content


def _settings_in(content: Mapping[str, Any]) -> dict[str, Any]:
    """Return what stands beside the rows: single values, and those in a mapping of settings."""
    own = {key: value for key, value in content.items() if isinstance(value, str | int | float)}
    inside = (content[key] for key in _SETTINGS if isinstance(content.get(key), Mapping))
    return {**own, **{key: value for part in inside for key, value in part.items()}}


def _results_among(stated: Mapping[str, Any], rows: Rows) -> dict[str, float]:
    """Return the single values that were measured on held-out data, once, beside the rows of one run."""
    logged = {plain(name) for row in rows for name in row}
    if "run" in logged:
        return {}
    return {
        name: value
        for name, value in stated.items()
        if is_number(value)
        and metric(plain(name)).direction != "none"
        and phase_of(plain(name).split("_")[0]) in ("val", "test")
        and plain(name) not in logged
        and "best" not in name.lower()
    }


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
        return _from_series(content) or _histories(content) or _from_list(content)
    if not isinstance(content, Mapping):
        return None
    names, cells = content.get("columns"), content.get("data")
    if isinstance(names, list) and isinstance(cells, list) and all(isinstance(row, list) for row in cells):
        content = {"data": [dict(zip(map(str, names), row, strict=False)) for row in cells]}  # pandas' split
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
    """Return the rows of several runs under their names: a history each, or lists of rows; those of each set alike."""
    phases = [phase_of(key.lower()) for key in content]
    if not content or any(metric(plain(key)).direction != "none" for key in content):
        return None  # a loss of several sets
    if None not in phases and all(isinstance(part, list) for part in content.values()):
        sets = [(key, _from_list(part)) for key, part in content.items()]
        known = all(rows is not None for _, rows in sets)
        counted = [(key, at, row) for key, rows in sets for at, row in enumerate(rows or (), start=1)]
        bare = not any(plain(name) in AXIS_NAMES for _, _, row in counted for name in row)
        return [{"phase": key, **({"step": at} if bare else {}), **row} for key, at, row in counted] if known else None
    if any(phases) or not all(isinstance(part, Mapping | list) for part in content.values()):
        return None
    found = [(key, _history_in(part)) for key, part in content.items()]
    runs = [(key, *one) for key, one in found if one is not None]
    names = {tuple(sorted(rows[0])) for _, rows, _ in runs}
    return _rows_of_runs(runs) if len(runs) == len(found) and len(names) == 1 else None


def _histories(items: list[Any]) -> Rows | None:
    """Return the rows of a list of runs, each with its history, and settings beside it."""
    if len(items) < 2 or not all(isinstance(item, Mapping) for item in items):
        return None
    if any(plain(key) in AXIS_NAMES and is_number(value) for item in items for key, value in item.items()):
        return None  # rows of one run
    found = [_history_in(item) for item in items]
    by = next((key for key in _NAMES if len({str(item.get(key)) for item in items}) == len(items)), None)
    named = [f"{by}_{item[by]}" if by and is_number(item[by]) else str(item[by]) if by else "" for item in items]
    runs = [
        (name or f"run_{place}", *one) for place, (name, one) in enumerate(zip(named, found, strict=True), 1) if one
    ]
    return _rows_of_runs(runs) if len(runs) == len(items) else None


def _rows_of_runs(runs: list[tuple[str, Rows, dict[str, Any]]]) -> Rows:
    for _, rows, said in runs:
        results = _results_among(said, rows)
        rows[-1] = {**rows[-1], **results}
        for name in results:
            del said[name]
    return [
        {
            **row,
            "run": "_".join(filter(None, (name, row.get("run")))),
            **{f"config/{key}": one for key, one in said.items()},
        }
        for name, rows, said in runs
        for row in rows
    ]


def _history_in(part: Any) -> tuple[Rows, dict[str, Any]] | None:
    """Return the rows of one run, or of several below it, and the settings beside them."""
    if isinstance(part, list):
        rows = _from_list(part)
        return (rows, {}) if rows else None
    inside = next((part[key] for key in _INSIDE if isinstance(part.get(key), list | Mapping)), None)
    rows = _rows_of(inside) if inside is not None else _by_number(part) or _by_run(part) or _columns(part)
    return (rows, _settings_in(part)) if rows else None


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
    """Return rows of lists of one length, or that each have their steps beside them; other lists are no columns."""
    lists = dict(_lists(content, ""))
    bare = {name.rpartition("/")[2]: values for name, values in lists.items()}
    if len(bare) == len(lists) and all(_is_whole(plain(name)) for name in bare):
        lists = bare  # the group says nothing more
    if not lists:
        return None
    if len({len(values) for values in lists.values()}) > 1:
        return _with_own_steps(lists)
    rows = [dict(zip(lists, cells, strict=True)) for cells in zip(*lists.values(), strict=True)]
    axis = {"epoch", "epochs", "step", "steps", "iteration"} & set(lists)
    metrics = any(_SPLIT.match(name) or "loss" in name.lower() or axis for name in lists)
    return rows if len(rows) > 1 and metrics else None


def _is_whole(name: str) -> bool:
    """True if a name says what was measured, and on what."""
    return metric(name).direction != "none" and any(map(phase_of, name.split("_")))


def _with_own_steps(lists: Mapping[str, list[Any]]) -> Rows | None:
    """Return rows of lists of several lengths, each of which one list of steps fits: ``steps``, ``val_steps``."""
    axes = {name: values for name, values in lists.items() if plain(name).rsplit("_", 1)[-1] in _STEPS}
    rows: dict[float, dict[str, Any]] = {}
    for name, values in lists.items():
        fit = [axis for axis, steps in axes.items() if len(steps) == len(values) and None not in steps]
        own = [axis for axis in fit if phase_of(plain(axis).split("_")[0]) == phase_of(plain(name).split("_")[0])]
        if name in axes:
            continue
        if not fit or len(fit) > 1 != len(own):
            return None
        for step, value in zip(axes[own[0] if own else fit[0]], values, strict=True):
            rows.setdefault(step, {"step": step})[name] = value
    return [rows[step] for step in sorted(rows)] if len(rows) > 1 else None


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
