"""Read a large delimited text in parts, two at a time, into columns that are filled once."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from io import BytesIO
from typing import IO, Any

import numpy as np
import numpy.typing as npt
import pandas as pd

PART = 1_000_000
"""Bytes in a part: small, as what a parser takes beside its result stays with the process."""
LARGE = 16 * PART
"""Bytes in a file that is worth it."""
_READERS = 2
_KEPT = 3 << 20
"""Bytes: once a block of this size has been freed, glibc keeps twice as much of what a parser frees for the next
part, instead of giving it back to the system and having each page of it cleared again."""

Numbers = npt.NDArray[Any]
Parse = Callable[[IO[bytes]], pd.DataFrame]


class CannotCut(Exception):
    """A line end may lie inside a quoted field, or there is none: the text is to be read whole."""


def read_in_parts(
    stream: IO[bytes], parse: Parse, *, header_lines: int, delimiters: tuple[bytes, int], size: int
) -> pd.DataFrame:
    """Read a text whose parts are parsed in threads, each with the header on top.

    Parameters
    ----------
    stream : IO[bytes]
        In an encoding in which a line end is one byte.
    parse : callable
        Reads a whole text; does most of its work outside the interpreter's lock.
    header_lines : int
        Lines up to and including the header.
    delimiters : tuple of (bytes, int)
        The delimiter, and the most of them that a row can hold.
    size : int
        Bytes in the whole, as far as known: tells how many rows to make room for.

    Raises
    ------
    CannotCut
        See there; the stream is then somewhere in its middle.
    ValueError
        If ``parse`` raises it, or for a row with too many fields at the start of a part, where a parser
        takes its surplus for an index.
    """
    header = b"".join(stream.readline() for _ in range(header_lines))
    table = _Table()
    np.empty(_KEPT, dtype=np.uint8)
    waiting: deque[tuple[int, Future[pd.DataFrame]]] = deque()
    with ThreadPoolExecutor(_READERS) as pool:
        for part in _parts(stream, header):
            first = part[len(header) : part.find(b"\n", len(header))]
            if first.count(delimiters[0]) > delimiters[1]:
                raise ValueError("too many fields")
            waiting.append((len(part), pool.submit(parse, BytesIO(part))))
            if len(waiting) > _READERS:
                table.add(waiting.popleft(), size)
        while waiting:
            table.add(waiting.popleft(), size)
    return table.frame()


def _parts(stream: IO[bytes], header: bytes) -> Iterator[bytes]:
    rest = b""
    while block := stream.read(PART):
        end = block.rfind(b"\n") + 1
        if b'"' in block or not end:
            raise CannotCut
        yield b"".join((header, rest, memoryview(block)[:end]))
        rest = block[end:]
    if rest:
        yield header + rest


@dataclass
class _Table:
    """Columns as they grow: numbers with room for rows to come (untouched, it takes no memory), others in parts.

    A column of numbers that has been empty so far takes no memory at all.
    """

    room: int = 0
    rows: int = 0
    columns: dict[str, Numbers | list[pd.Series[Any]]] = field(default_factory=dict)

    def add(self, part: tuple[int, Future[pd.DataFrame]], size: int) -> None:
        """Append a part, given with its length in bytes; ``size`` is that of all parts."""
        length, frame = part[0], part[1].result()
        end = self.rows + len(frame)
        self.room = self.room or int(1.02 * size / length * len(frame))
        for name, column in frame.items():
            values = column.to_numpy() if column.dtype in (np.float64, np.int64) else None
            held = self.columns.setdefault(str(name), [] if values is None else values[:0].copy())
            if isinstance(held, list):
                held.append(column)
            elif held.size or column.notna().any():
                self.columns[str(name)] = held = self._grown(held, end)
                held[self.rows : end] = values
        self.rows = end

    def frame(self) -> pd.DataFrame:
        """Return the table; its columns of numbers are not copied."""
        return pd.DataFrame({name: self._whole(held) for name, held in self.columns.items()}, copy=False)

    def _grown(self, held: Numbers, end: int) -> Numbers:
        if held.size >= end:
            return held
        grown = np.empty(self.room if self.room >= end else end + end // 2, dtype=held.dtype)
        grown[: self.rows] = held[: self.rows] if held.size or not self.rows else np.nan
        return grown

    def _whole(self, held: Numbers | list[pd.Series[Any]]) -> Any:
        if isinstance(held, list):
            return pd.concat(held, ignore_index=True)
        return held[: self.rows] if held.size else np.broadcast_to(np.nan, self.rows)
