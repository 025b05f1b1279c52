"""Count the numbers of a log with csv and json alone, and those that a run neither keeps nor accounts for."""

from __future__ import annotations

import codecs
import csv
import gzip
import io
import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from analysis.core.run import Run

AXES = re.compile(
    r".*(step|steps|epoch|epochs|iter|iters|iteration|iterations|timesteps?|batch|batch_idx|update|round"
    r"|timestamp|time|date|datetime|wall_time|ts|created_at|runtime|column \d+)",
    re.IGNORECASE,
)


def numbers_in(path: Path) -> Counter[str]:
    """Return how many numbers each column of a text log holds; empty for what is no such log."""
    content = path.read_bytes()
    content = gzip.decompress(content) if path.suffix == ".gz" else content
    encoding = "utf-16" if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) else "utf-8"
    text = content.decode(encoding, errors="replace").lstrip("\ufeff")
    if text.lstrip().startswith("{") or ".json" in path.suffixes:
        return _of_objects(text)
    lines = [line for line in text.splitlines(keepends=True) if line.strip() and not line.lstrip().startswith("#")]
    if not lines:
        return Counter()
    delimiter = max(",\t;|", key=lines[0].count)
    rows = csv.reader(io.StringIO("".join(lines)), delimiter=delimiter, skipinitialspace=True)
    header = [name.strip() or f"column {place}" for place, name in enumerate(next(rows), start=1)]
    found: Counter[str] = Counter()
    for row in rows:
        found.update(name for name, cell in zip(header, row, strict=False) if is_number(cell))
    return found


def is_number(cell: str) -> bool:
    """Return True for a number, as Python reads one."""
    try:
        float(cell)
    except ValueError:
        return False
    return True


def _of_objects(text: str) -> Counter[str]:
    found: Counter[str] = Counter()
    for row in _objects(text):
        found.update(_names(row, ""))
    return found


def _objects(text: str) -> Iterator[Mapping[str, Any]]:
    try:
        whole = json.loads(text)
    except ValueError:
        for line in text.splitlines():
            if line.strip():
                try:
                    row = json.loads(line)
                except ValueError:
                    continue
                if isinstance(row, dict):
                    yield row
        return
    if isinstance(whole, dict):
        whole = next((whole[key] for key in ("log_history", "history", "iterations") if key in whole), whole)
    if isinstance(whole, dict):
        yield from _of_series(whole)
    elif isinstance(whole, list):
        yield from (row for row in whole if isinstance(row, dict))


def _of_series(content: Mapping[str, Any], prefix: str = "") -> Iterator[dict[str, float]]:
    """Yield the numbers of lists, nested by name, one by one; of a series those of its values, not its steps."""
    series = next((content[key] for key in ("values", "y") if {key, *_STEPS} & set(content) > {key}), None)
    if series is not None:
        yield from ({prefix.rstrip("/"): value} for value in series)
        return
    for key, value in content.items():
        if isinstance(value, dict):
            yield from _of_series(value, f"{prefix}{key}/")
        elif isinstance(value, list):
            yield from ({prefix + key: one} for one in value if isinstance(one, int | float))


_STEPS = ("steps", "x")


def _names(row: Mapping[str, Any], prefix: str) -> Iterator[str]:
    for key, value in row.items():
        if isinstance(value, dict):
            yield from _names(value, f"{prefix}{key}/")
        elif isinstance(value, int | float) and not isinstance(value, bool):
            yield prefix + key


def unsaid(numbers: Mapping[str, int], runs: Sequence[Run]) -> list[str]:
    """Return a line for each column of which numbers are gone without a word.

    A number is accounted for if a metric holds it, it was counted as not finite, something left out is counted under
    its column or its row, its column is an axis or a setting, or a note names the column as a word of its own.
    """
    rows = sum(lost.count for run in runs for lost in run.provenance.dropped if lost.column in ("row", "step"))
    lines = []
    for column, count in numbers.items():
        told = [*(note for run in runs for note in run.notes)]
        kept = sum(_kept(run, column) for run in runs)
        lost = sum(one.count for run in runs for one in run.provenance.dropped if _is_of(one.column, column))
        settings = any(_is_setting(key, column) for run in runs for key in run.config)
        named = any(re.search(rf"(?<![\w/.]){re.escape(column)}(?![\w/])", note) for note in told)
        if kept + lost + rows < count and not (settings or named or AXES.fullmatch(column)):
            lines.append(f"{column}: {count} numbers, {kept} kept, {lost} left out, {rows} rows left out")
    return lines


def _is_setting(key: str, column: str) -> bool:
    """Return True if a setting is a column's: its name, without the sections on either side."""
    return (
        _is_of(key, column)
        or key.split(".")[-1] == column
        or re.fullmatch(rf"\w+?[/._]{re.escape(key)}", column) is not None
    )


def _kept(run: Run, column: str) -> int:
    names = {own: standard for own, standard in run.provenance.renamed.items() if _is_of(own, column)}
    metrics = {*names.values(), *(name for name in run.frame.columns if _is_of(name, column) and name not in names)}
    return sum(run.series(name).size + len(run.nonfinite.get(name, ())) for name in metrics)


def _is_of(name: str, column: str) -> bool:
    """Return True if a name is a column's: its own, with a phase in front, or numbered."""
    plain = re.sub(r" \((log|logged|\d+)\)$", "", name)
    plain = re.sub(r"^(final|last)_", "", plain)
    bare = re.sub(r"^(final|last)_", "", column)
    parts = (f"train_{column}", f"val_{column}", f"test_{column}")
    return plain in (column, bare, f"{column}_raw", *parts) or plain.endswith(f"/{column}")
