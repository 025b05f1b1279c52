"""Parser of one Event message of TensorBoard: offsets of its scalars, and what it says about the run."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from analysis.sources._protobuf import (
    BYTES,
    FIXED32,
    FIXED64,
    VARINT,
    Field,
    WireError,
    double,
    fields,
    signed,
    text,
    varint,
)

FLOATS = {"<f4": 4, "<f8": 8}
"""Number types stored at a fixed width in a record, and their sizes in bytes."""

# TensorProto.dtype -> (numpy type, field of its typed list): tensorflow/core/framework/types.proto
_DTYPES = {
    1: ("<f4", 5),
    2: ("<f8", 6),
    3: ("<i4", 7),
    4: ("u1", 7),
    5: ("<i2", 7),
    6: ("i1", 7),
    9: ("<i8", 10),
    10: ("?", 11),
    14: ("bf16", 13),
    19: ("<f2", 13),
}
_TENSOR_CONTENT = 4
_TEXTS_KEPT = 64  # text summaries kept of a run: they may hold the configuration


class Scalar(NamedTuple):
    """A number in a record: of type ``kind`` at offset ``at``, or ``value`` if ``at`` is -1."""

    tag: str
    at: int
    kind: str
    value: float = 0.0


class Event(NamedTuple):
    """The content of a record; offsets are in bytes from the start of its payload, -1 for an absent field."""

    wall: int
    step: int
    step_size: int
    scalars: tuple[Scalar, ...]
    skipped: tuple[str, ...]
    restart: bool

    @property
    def layout(self) -> tuple[Any, ...]:
        """Offsets of everything that varies between records of one kind."""
        return (self.wall, self.step, self.step_size, tuple((s.at, s.kind) for s in self.scalars))


@dataclass
class About:
    """Information in the events of a run other than numbers: plugin of each tag, texts, hyperparameters."""

    plugins: dict[str, str] = field(default_factory=dict)
    texts: dict[str, str] = field(default_factory=dict)
    hparams: dict[str, Any] = field(default_factory=dict)


def parse_event(record: bytes, about: About) -> Event:
    """Parse one Event message (tensorflow/core/util/event.proto).

    Raises
    ------
    WireError
        If the bytes are not such a message.
    """
    wall = step = -1
    size = 0
    scalars: list[Scalar] = []
    skipped: list[str] = []
    restart = False
    for item in fields(record):
        if item.number == 1 and item.wire == FIXED64:
            wall = item.start
        elif item.number == 2 and item.wire == VARINT:
            step, size = item.start, item.end - item.start
        elif item.number == 5 and item.wire == BYTES:
            for value in fields(record, item.start, item.end):
                if value.number == 1 and value.wire == BYTES:
                    found = _parse_value(record, value, about)
                    if isinstance(found, Scalar):
                        scalars.append(found)
                    else:
                        skipped.append(found)
        elif item.number == 7 and item.wire == BYTES:  # SessionLog.status == START
            restart = any(f.number == 1 and f.value == 1 for f in fields(record, item.start, item.end))
    return Event(wall, step, size, tuple(scalars), tuple(skipped), restart)


def _parse_value(record: bytes, value: Field, about: About) -> Scalar | str:
    """Parse one Summary.Value (tensorflow/core/framework/summary.proto); return its tag if it is not a scalar."""
    tag, tensor, plain = "", None, None
    for item in fields(record, value.start, value.end):
        if item.number == 1 and item.wire == BYTES:
            tag = text(record, item)
        elif item.number == 2 and item.wire == FIXED32:
            plain = item
        elif item.number == 8 and item.wire == BYTES:
            tensor = item
        elif item.number == 9 and item.wire == BYTES:
            _parse_metadata(record, item, tag, about)
    if plain is not None:
        return Scalar(tag, plain.start, "<f4")
    plugin = about.plugins.get(tag)
    if tensor is not None and plugin in (None, "scalars"):
        scalar = _tensor_scalar(record, tensor, tag)
        if scalar is not None:
            return scalar
    if tensor is not None and plugin in (None, "text") and len(about.texts) < _TEXTS_KEPT:
        for item in fields(record, tensor.start, tensor.end):
            if item.number == 8 and item.wire == BYTES:
                about.texts.setdefault(tag, text(record, item))
    return tag


def _parse_metadata(record: bytes, item: Field, tag: str, about: About) -> None:
    """Store the plugin of a tag in ``about``, and the hyperparameters if it is the hparams plugin."""
    for data in fields(record, item.start, item.end):
        if data.number != 1 or data.wire != BYTES:
            continue
        parts = {p.number: p for p in fields(record, data.start, data.end) if p.wire == BYTES}
        if 1 in parts:
            plugin = text(record, parts[1])
            about.plugins.setdefault(tag, plugin)
            if plugin == "hparams" and 2 in parts:
                about.hparams.update(_hparams(record, parts[2]))


def _hparams(record: bytes, content: Field) -> Iterator[tuple[str, Any]]:
    """Yield the hyperparameters of a SessionStartInfo (tensorboard/plugins/hparams/plugin_data.proto)."""
    for info in fields(record, content.start, content.end):
        if info.number != 3 or info.wire != BYTES:
            continue
        for entry in fields(record, info.start, info.end):
            if entry.number == 1 and entry.wire == BYTES:
                parts = {p.number: p for p in fields(record, entry.start, entry.end) if p.wire == BYTES}
                if 1 in parts and 2 in parts:
                    yield text(record, parts[1]), _struct_value(record, parts[2])


def _struct_value(record: bytes, item: Field) -> Any:
    """Return a google.protobuf.Value that is a number, a string or a boolean; None for other kinds."""
    for part in fields(record, item.start, item.end):
        if part.number == 2:
            number = double(record, part)
            return int(number) if number.is_integer() else number
        if part.number == 3:
            return text(record, part)
        if part.number == 4:
            return bool(part.value)
    return None


def _tensor_scalar(record: bytes, tensor: Field, tag: str) -> Scalar | None:
    """Return the number in a TensorProto with one element; None for other tensors."""
    dtype = 0
    found: dict[int, Field] = {}
    for item in fields(record, tensor.start, tensor.end):
        if item.number == 1:
            dtype = item.value
        elif item.number == 2:
            if not _one_element(record, item):
                return None
        else:
            found[item.number] = item
    if dtype not in _DTYPES:
        return None
    kind, typed = _DTYPES[dtype]
    number = found.get(_TENSOR_CONTENT, found.get(typed))
    if number is None or number.start == number.end:  # writers may omit a zero
        return Scalar(tag, -1, kind)
    if kind in FLOATS:
        if number.end - number.start < FLOATS[kind]:
            raise WireError("a tensor is too short")
        return Scalar(tag, number.start, kind)
    return Scalar(tag, -1, kind, _small_number(record, number, kind))


def _one_element(record: bytes, shape: Field) -> bool:
    return not any(
        size.number == 1 and size.value != 1
        for dimension in fields(record, shape.start, shape.end)
        for size in fields(record, dimension.start, dimension.end)
    )


def _small_number(record: bytes, item: Field, kind: str) -> float:
    """Return an integer, boolean or half float, stored raw in tensor_content or as a varint."""
    if item.number == _TENSOR_CONTENT:
        size = 2 if kind == "bf16" else np.dtype(kind).itemsize
        content = record[item.start : item.start + size]
        if item.end - item.start < size:
            raise WireError("a tensor is too short")
    else:
        raw = item.value if item.wire == VARINT else varint(record, item.start, item.end)[0]
        if kind not in ("bf16", "<f2"):
            return float(signed(raw))
        content = (raw & 0xFFFF).to_bytes(2, "little")
    if kind == "bf16":  # the upper half of a 32-bit float
        return float(struct.unpack("<f", b"\0\0" + content)[0])
    return float(np.frombuffer(content, dtype=kind)[0])
