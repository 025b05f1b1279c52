"""Records of a W&B offline file: LevelDB framing, and their content (history, configuration, run)."""

from __future__ import annotations

import math
import struct
import zlib
from array import array
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from analysis.core.plain_data import is_number, loads
from analysis.sources._protobuf import BYTES, FIXED64, Field, WireError, double, fields, signed, text

MAGIC = b":W&B"
_FILE_HEADER = 7  # magic, 0xBEE1, version
_BLOCK = 32_768  # LevelDB's log format: no fragment crosses a block; the rest of a block too short for a header is zero
_HEADER = struct.Struct("<IHB")  # CRC-32 of type and payload, length, type
_FULL, _FIRST, _MIDDLE, _LAST = 1, 2, 3, 4
_LONGEST = 256 << 20  # bytes of one record put together from fragments


@dataclass
class Damage:
    """Damage found while reading: fragments with a wrong checksum, and whether the file ends within a record."""

    fragments: int = 0
    cut_off: bool = False


def records(data: memoryview, damage: Damage) -> Iterator[bytes]:
    """Yield the records of a file; damaged records are counted and skipped.

    Parameters
    ----------
    data : memoryview
        The whole file.
    damage : Damage
        Counts are added to it.
    """
    at, size, joined = _FILE_HEADER, len(data), bytearray()
    joining = False
    while at < size:
        left = _BLOCK - at % _BLOCK
        if left < _HEADER.size:
            at += left
            continue
        if at + _HEADER.size > size:
            damage.cut_off = True
            return
        crc, length, kind = _HEADER.unpack_from(data, at)
        first, end = at + _HEADER.size, at + _HEADER.size + length
        if not (crc or length or kind):  # preallocated space is zero
            at += left
            continue
        if end > size:
            damage.cut_off = True
            return
        if length > left - _HEADER.size or zlib.crc32(data[at + 6 : end]) != crc:
            damage.fragments += 1
            joining = False
            at += left  # the length cannot be trusted, but the next block starts with a header
            continue
        at = end
        if kind == _FULL:
            yield bytes(data[first:end])
            joining = False
        elif kind == _FIRST:
            joined, joining = bytearray(data[first:end]), True
        elif joining and kind in (_MIDDLE, _LAST) and len(joined) + length <= _LONGEST:
            joined += data[first:end]
            if kind == _LAST:
                yield bytes(joined)
                joining = False
        else:
            damage.fragments += 1
            joining = False
    damage.cut_off = joining


# Field numbers: wandb/proto/wandb_internal.proto
_HISTORY, _CONFIG, _METRIC, _RUN, _EXIT = 2, 5, 12, 17, 18
_NOT_FINITE = frozenset({"NaN", "Infinity", "-Infinity", "inf", "-inf", "nan"})
_INTERNAL = "_wandb"


@dataclass
class WandbLog:
    """The content of a file; points in the order of logging: index into ``names``, ``_step``, Unix time (s), value."""

    names: dict[str, int] = field(default_factory=dict)
    tag: array[int] = field(default_factory=lambda: array("q"))
    step: array[int] = field(default_factory=lambda: array("q"))
    seconds: array[float] = field(default_factory=lambda: array("d"))
    value: array[float] = field(default_factory=lambda: array("d"))
    config: dict[str, Any] = field(default_factory=dict)
    run: dict[str, str] = field(default_factory=dict)
    step_metrics: dict[str, int] = field(default_factory=dict)
    branch: str | None = None
    exit_code: int | None = None
    rows: int = 0
    skipped: dict[str, int] = field(default_factory=dict)
    malformed: int = 0

    def add_record(self, record: bytes) -> None:
        """Add the content of one Record message; a malformed message is counted."""
        try:
            for item in fields(record):
                if item.wire != BYTES:
                    continue
                if item.number == _HISTORY:
                    self._add_history(record, item)
                elif item.number == _CONFIG:
                    self._add_config(record, item)
                elif item.number == _METRIC:
                    self._add_metric(record, item)
                elif item.number == _RUN:
                    self._add_run(record, item)
                elif item.number == _EXIT:
                    codes = [f.value for f in fields(record, item.start, item.end) if f.number == 1]
                    self.exit_code = codes[0] if codes else 0
        except WireError:
            self.malformed += 1

    def add_row(self, row: Mapping[str, Any], step: int) -> None:
        """Add one row of history; nested mappings become dotted names."""
        self.rows += 1
        flat = dict(_flat(row))
        stamp = flat.pop("_timestamp", 0.0)
        seconds = float(stamp) if is_number(stamp) else 0.0
        media = tuple(name.removesuffix("_type") for name in flat if name.endswith("._type"))
        for name, value in flat.items():
            if name.startswith("_") and "." not in name:  # W&B's own: _step, _runtime, _wandb
                continue
            number = None if media and name.startswith(media) else _number(value)
            if number is None:
                key = next((m.removesuffix(".") for m in media if name.startswith(m)), name)
                if value is not None and (key == name or name.endswith("._type")):
                    self.skipped[key] = self.skipped.get(key, 0) + 1
                continue
            self.tag.append(self.names.setdefault(name, len(self.names)))
            self.step.append(step)
            self.seconds.append(seconds)
            self.value.append(number)

    def _add_history(self, record: bytes, item: Field) -> None:
        row: dict[str, Any] = {}
        step: int | None = None
        for part in fields(record, item.start, item.end):
            if part.number == 1 and part.wire == BYTES:
                name, value = _item(record, part)
                row[name] = value
            elif part.number == 2 and part.wire == BYTES:
                numbers = [f.value for f in fields(record, part.start, part.end) if f.number == 1]
                step = signed(numbers[0]) if numbers else 0
        own = row.pop("_step", None)
        if step is None:
            step = int(own) if isinstance(own, int | float) and math.isfinite(own) else self.rows
        self.add_row(row, step)

    def _add_config(self, record: bytes, item: Field) -> None:
        for part in fields(record, item.start, item.end):
            if part.wire != BYTES:
                continue
            name, value = _item(record, part)
            if part.number == 1 and name.split(".")[0] != _INTERNAL:
                self.config[name] = value
            elif part.number == 2:
                self.config.pop(name, None)

    def _add_metric(self, record: bytes, item: Field) -> None:
        """Count the metric that others are plotted against (``define_metric``)."""
        for part in fields(record, item.start, item.end):
            if part.number == 4 and part.wire == BYTES:
                name = text(record, part)
                self.step_metrics[name] = self.step_metrics.get(name, 0) + 1

    def _add_run(self, record: bytes, item: Field) -> None:
        kept = {1: "id", 2: "entity", 3: "project", 6: "group", 8: "name"}
        for part in fields(record, item.start, item.end):
            if part.wire != BYTES:
                continue
            if part.number in kept:
                self.run[kept[part.number]] = text(record, part)
            elif part.number == 4:
                self._add_config(record, part)
            elif part.number == 23:
                names = [text(record, f) for f in fields(record, part.start, part.end) if f.number == 1]
                self.branch = names[0] if names else None


def _item(record: bytes, item: Field) -> tuple[str, Any]:
    """Return key and value of an item of history or configuration; nested keys are joined by dots."""
    key, nested = "", []
    value: Any = None
    for part in fields(record, item.start, item.end):
        if part.number == 1:
            key = text(record, part)
        elif part.number == 2:
            nested.append(text(record, part))
        elif part.number == 4:
            value = bool(part.value)
        elif part.number == 5:
            value = signed(part.value)
        elif part.number == 6 and part.wire == FIXED64:
            value = double(record, part)
        elif part.number == 7:
            value = text(record, part)
        elif part.number in (8, 16):
            value = _json(record[part.start : part.end])
    return key or ".".join(nested), value


def _json(content: bytes) -> Any:
    try:
        return loads(content.decode())
    except (ValueError, RecursionError):
        raise WireError("a value is not JSON") from None


def _flat(row: Mapping[str, Any], prefix: str = "", depth: int = 0) -> Any:
    for key, value in row.items():
        name = f"{prefix}{key}"
        if isinstance(value, Mapping) and depth < 8:
            yield from _flat(value, f"{name}.", depth + 1)
        else:
            yield name, value


def _number(value: Any) -> float | None:
    """Return a logged number, infinity for NaN and infinities, None for other values."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    if isinstance(value, str):
        return math.inf if value in _NOT_FINITE else None
    try:
        number = float(value)
    except OverflowError:
        return math.inf
    return number if math.isfinite(number) else math.inf
