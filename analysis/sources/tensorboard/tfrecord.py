"""TFRecord framing of event files: length, masked CRC, payload, masked CRC; checksums are computed in numpy."""

from __future__ import annotations

import struct
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt

HEADER, FOOTER = 12, 4
_POLYNOMIAL = 0x82F63B78  # CRC-32C (Castagnoli), reflected: RFC 3720, appendix B.4
_BLOCK = 4096
_GATHER = 1 << 22  # bytes gathered at a time, so that memory does not grow with the file
_FRAMES = 1 << 16  # headers followed before their checksums are verified, which bounds the walk through a damaged file
_LARGEST = 64_000_000  # bytes of one payload

Bytes = npt.NDArray[np.uint8]
Words = npt.NDArray[np.uint32]
Index = npt.NDArray[np.int64]


def records(data: Bytes) -> tuple[Index, Index, str | None]:
    """Find the records of an event file up to the first damaged frame.

    Parameters
    ----------
    data : numpy.ndarray
        The whole file, shape (bytes,); may be memory-mapped.

    Returns
    -------
    tuple
        Offsets of the payloads, their lengths (both shape (records,)), and why reading stopped before the end of
        the file (None if it did not). Lengths are checked against their CRC, payloads are not.
    """
    view, size, at = data.data, len(data), 0
    read_length = struct.Struct("<Q").unpack_from
    limit = size - HEADER - FOOTER
    parts = [(np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64))]
    while at <= limit:
        found: list[int] = []
        while at <= limit and len(found) < _FRAMES:
            found.append(at)
            at += read_length(view, at)[0] + HEADER + FOOTER
        headers = windows(data, np.array(found, dtype=np.int64), HEADER)
        good = checksums(headers[:, :8]) == headers[:, 8:].copy().view("<u4").ravel()
        count = len(found) if good.all() else int(np.argmin(good))
        parts.append((np.array(found[:count], dtype=np.int64) + HEADER, headers[:count, :8].copy().view("<i8").ravel()))
        if count < len(found):
            return *_joined(parts), f"a record header is damaged at byte {found[count]:,}"
    starts, lengths = _joined(parts)
    count = len(starts)
    if at == size:
        return starts, lengths, None
    whole = count - (at > size)
    return starts[:whole], lengths[:whole], f"the last record is cut off at byte {size:,}"


def _joined(parts: list[tuple[Index, Index]]) -> tuple[Index, Index]:
    starts, lengths = zip(*parts, strict=True)
    return np.concatenate(starts), np.concatenate(lengths)


def intact(data: Bytes, starts: Index, lengths: Index) -> npt.NDArray[np.bool_]:
    """Return which payloads match their CRC, shape (records,); payloads above `_LARGEST` count as damaged."""
    result = np.ones(len(starts), dtype=bool)
    order = np.argsort(lengths, kind="stable")
    bounds = np.flatnonzero(np.diff(lengths[order])) + 1
    for same in np.split(order, bounds):
        length = int(lengths[same[0]]) if len(same) else 0
        if length > _LARGEST:
            result[same] = False
            continue
        step = max(1, _GATHER // (length + FOOTER))
        for first in range(0, len(same), step):
            part = same[first : first + step]
            payload = windows(data, starts[part], length + FOOTER)
            stored = payload[:, length:].copy().view("<u4").ravel()
            result[part] = checksums(payload[:, :length]) == stored
    return result


def windows(data: Bytes, starts: Index, length: int) -> Bytes:
    """Return copies of the slices of ``length`` bytes that begin at ``starts``, shape (slices, length)."""
    if not len(starts) or not length:
        return np.empty((len(starts), length), dtype=np.uint8)
    pieces: Bytes = np.lib.stride_tricks.sliding_window_view(data, length)[starts]
    return pieces


def checksums(rows: npt.NDArray[Any]) -> Words:
    """Return the masked CRC-32C of each row of a byte matrix, shape (rows,).

    The CRC is linear over XOR: each byte contributes a word that depends only on its value and its distance to the
    end, and the register of earlier blocks is XORed into the first four bytes. TFRecord stores the CRC
    masked, rotated by 15 bits plus a constant, since other CRCs may be computed over data that contain it.

    >>> hex(int(checksums(np.frombuffer(b"123456789", np.uint8)[None])[0] - np.uint32(0xA282EAD8)))
    '0x2507c60d'
    """
    count, length = rows.shape
    register = np.full(count, 0xFFFFFFFF, dtype=np.uint32)
    first = length % _BLOCK or min(length, _BLOCK)
    at = 0
    while at < length:
        block = rows[:, at : at + (first if at == 0 else _BLOCK)]
        register = _advance(register, block)
        at += block.shape[1]
    crc = register ^ np.uint32(0xFFFFFFFF)
    rotated = (crc >> np.uint32(15)) | (crc << np.uint32(17))
    return rotated + np.uint32(0xA282EAD8)


def _advance(register: Words, block: npt.NDArray[Any]) -> Words:
    length = block.shape[1]
    tables = _tables(min(_BLOCK, 1 << max(length - 1, 7).bit_length()))
    head = min(4, length)
    result = register >> np.uint32(8 * head) if head < 4 else np.zeros_like(register)
    for i in range(head):
        byte = (register >> np.uint32(8 * i)).astype(np.uint8) ^ block[:, i]
        result = result ^ tables[length - 1 - i][byte]
    if len(block) > length:  # few columns: gather by column; few rows: gather by row
        for i in range(head, length):
            result ^= tables[length - 1 - i][block[:, i]]
        return result
    distance = np.arange(length - 1, -1, -1)[head:]
    tail: Words = np.bitwise_xor.reduce(tables[distance, block[:, head:]], axis=1)
    return result ^ tail


@cache
def _tables(size: int) -> Words:
    """Return what each byte value contributes to the register ``k`` bytes before the end, shape (size, 256)."""
    table = np.arange(256, dtype=np.uint32)
    for _ in range(8):
        table = (table >> np.uint32(1)) ^ np.where(table & np.uint32(1), np.uint32(_POLYNOMIAL), np.uint32(0))
    tables = np.empty((size, 256), dtype=np.uint32)
    tables[0] = table
    for k in range(1, size):
        tables[k] = (tables[k - 1] >> np.uint32(8)) ^ table[tables[k - 1] & np.uint32(0xFF)]
    return tables
