"""Read protocol-buffer messages off the wire, without a schema: enough for event files and run logs."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import NamedTuple

VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5


class WireError(ValueError):
    """The bytes are not a well-formed message."""


class Field(NamedTuple):
    """One field of a message: ``[start, end)`` is its payload in the buffer, ``value`` its varint, else 0."""

    number: int
    wire: int
    start: int
    end: int
    value: int


def varint(buffer: bytes, at: int, end: int) -> tuple[int, int]:
    """Decode an unsigned varint; return it and the offset after it.

    >>> varint(bytes([0xAC, 0x02]), 0, 2)
    (300, 2)
    """
    value = shift = 0
    while at < end and shift < 70:
        byte = buffer[at]
        value |= (byte & 0x7F) << shift
        at += 1
        if byte < 0x80:
            return value & 0xFFFFFFFFFFFFFFFF, at
        shift += 7
    raise WireError("a varint runs past its message")


def signed(value: int) -> int:
    """Reinterpret an unsigned 64-bit integer as two's complement.

    >>> signed(2**64 - 1)
    -1
    """
    return value - (1 << 64) if value >> 63 else value


def fields(buffer: bytes, start: int = 0, end: int | None = None) -> Iterator[Field]:
    """Iterate over the fields of the message in ``buffer[start:end]``.

    Raises
    ------
    WireError
        If a field runs past the message or has an unknown wire type.
    """
    at = start
    end = len(buffer) if end is None else end
    while at < end:
        key, at = varint(buffer, at, end)
        wire, value = key & 7, 0
        first = at
        if wire == VARINT:
            value, at = varint(buffer, at, end)
        elif wire == BYTES:
            length, first = varint(buffer, at, end)
            at = first + length
        elif wire == FIXED64:
            at += 8
        elif wire == FIXED32:
            at += 4
        else:
            raise WireError(f"unknown wire type {wire}")
        if at > end:
            raise WireError("a field runs past its message")
        yield Field(key >> 3, wire, first, at, value)


def text(buffer: bytes, field: Field) -> str:
    """Decode the payload of a string field; what is not UTF-8 becomes a replacement character."""
    return buffer[field.start : field.end].decode("utf-8", "replace")


def double(buffer: bytes, field: Field) -> float:
    """Decode the payload of a fixed 32- or 64-bit field as a floating-point number."""
    if field.wire not in (FIXED32, FIXED64):
        raise WireError("a number has the wrong wire type")
    return float(struct.unpack_from("<f" if field.wire == FIXED32 else "<d", buffer, field.start)[0])
