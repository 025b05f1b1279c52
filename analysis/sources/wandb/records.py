"""The framing of W&B's offline files: LevelDB's log format, 32 KiB blocks of checked record fragments."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field

MAGIC = b":W&B"
_FILE_HEADER = 7  # magic, 0xBEE1, version
_BLOCK = 32_768
_HEADER = struct.Struct("<IHB")  # CRC-32 of type and payload, length, type
_FULL, _FIRST, _MIDDLE, _LAST = 1, 2, 3, 4
_LONGEST = 256 << 20  # bytes of one record put together from fragments


@dataclass
class Damage:
    """What was met while reading: fragments with a wrong checksum, and whether the file ends within one."""

    fragments: int = 0
    cut_off: bool = False
    notes: list[str] = field(default_factory=list)


def records(data: memoryview, damage: Damage) -> Iterator[bytes]:
    """Iterate over the records of a file; what is damaged is counted and passed over.

    Parameters
    ----------
    data : memoryview
        The whole file.
    damage : Damage
        Filled on the way.
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
        if not (crc or length or kind):  # preallocated space
            at += left
            continue
        if end > size:
            damage.cut_off = True
            return
        if length > left - _HEADER.size or zlib.crc32(data[at + 6 : end]) != crc:
            damage.fragments += 1
            joining = False
            at += left  # the length cannot be trusted: go on with the next block
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
