"""Read a large delimited text by two parsers at once, into columns that are filled once."""

from __future__ import annotations

import mmap
from collections import defaultdict
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from threading import Lock
from typing import IO, Any

import numpy as np
import numpy.typing as npt
import pandas as pd

BLOCK = 1_250_000
"""Bytes that a parser gets at a time: small, as what it takes beside its result stays with the process."""
LARGE = 16_000_000
"""Bytes in a file that is worth it."""
_PARSERS = 2
_KEPT = 16 << 20
"""Bytes: once an array of this size has been freed, glibc keeps what a parser frees for its next block, instead of
giving it back to the system and having each page of it cleared again."""

Parse = Callable[[Any], Any]


class CannotCut(Exception):
    """A line end may lie inside a quoted field, or rows end in other ways too: the text is to be read whole."""


def read_whole(parse: Parse, stream: IO[bytes]) -> pd.DataFrame:
    """Read a text by one parser."""
    with _quiet(), parse(stream) as reader:
        return reader.read()  # type: ignore[no-any-return]


def read_in_parts(
    stream: IO[bytes], parse: Parse, *, header_lines: int, delimiters: tuple[bytes, int], size: int
) -> pd.DataFrame:
    """Read a text by parsers that take turns at its blocks, each with the header on top.

    Parameters
    ----------
    stream : IO[bytes]
        In an encoding in which a line end is one byte.
    parse : callable
        Makes a `pandas.io.parsers.TextFileReader` of a text; it works outside the interpreter's lock.
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
        If a parser raises it, or for a row with too many fields at the start of what a parser gets, where it
        takes the surplus for an index.
    """
    header = b"".join(stream.readline() for _ in range(header_lines))
    blocks, table = _Blocks(stream), _Table(size)
    np.empty(_KEPT, dtype=np.uint8)  # freed at once: see there
    with ThreadPoolExecutor(_PARSERS) as pool:
        try:
            work = [pool.submit(_parse_some, blocks, table, parse, _Text(header), delimiters) for _ in range(_PARSERS)]
            failed = [failure for failure in (done.exception() for done in work) if failure is not None]
        except RuntimeError:  # no more threads are to be had
            blocks.stop()
            raise CannotCut from None
        except BaseException:
            blocks.stop()
            raise
    if failed:
        # Where one parser finds that the stream is damaged or cannot be cut, the other may find anything.
        raise min(failed, key=lambda one: (isinstance(one, ValueError), isinstance(one, CannotCut)))
    if not table.rows:
        raise CannotCut
    return table.frame()


@dataclass(frozen=True)
class _Block:
    """Whole lines, and the rows of the table that they are."""

    content: bytes
    first: int
    rows: int


class _Blocks:
    """The blocks of a stream, each given to one thread."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream, self._lock = stream, Lock()
        self._rest, self._rows, self._over = b"", 0, False

    def stop(self) -> None:
        """Give no more of them."""
        with self._lock:
            self._over = True

    def next(self) -> _Block | None:
        """Return the next; None after the last."""
        with self._lock:
            if self._over:
                return None
            block = self._stream.read(BLOCK)
            self._over = not block
            end = block.rfind(b"\n") + 1
            content, self._rest = self._rest + block[:end], block[end:]
            returns = content.count(b"\r") if b"\r" in content else 0
            if b'"' in block or (block and not end) or returns != (returns and content.count(b"\r\n")):
                raise CannotCut
            first = self._rows
            ended = not content or content.endswith(b"\n")
            # Several times as fast as to count them in bytes.
            self._rows += int(np.count_nonzero(np.frombuffer(content, dtype=np.uint8) == ord("\n"))) + (not ended)
            return _Block(content, first, self._rows - first) if content else None


class _Text:
    """What a parser reads from: the header, then the blocks as it is given them, one after the other."""

    def __init__(self, header: bytes) -> None:
        self._content, self._at = header, 0

    def give(self, content: bytes) -> None:
        """Append to what remains to be read."""
        self._content, self._at = self._content[self._at :] + content, 0

    def read(self, size: int) -> bytes:
        """Return the next bytes; none if the parser asks for more than it was given."""
        self._at += size
        return self._content[self._at - size : self._at]

    def __iter__(self) -> Iterator[bytes]:
        """Stand here because for pandas nothing is a file that cannot be iterated over; it never does."""
        raise NotImplementedError


def _parse_some(blocks: _Blocks, table: _Table, parse: Parse, text: _Text, delimiters: tuple[bytes, int]) -> None:
    """Parse the blocks that this thread gets; one that is not as many rows as lines makes an end of it all."""
    reader = None
    try:
        with _quiet():
            while block := blocks.next():
                text.give(block.content)
                if reader is None:
                    if block.content[: block.content.find(b"\n")].count(delimiters[0]) > delimiters[1]:
                        raise ValueError("too many fields")
                    reader = parse(text)
                part = _rows(reader, block.rows)
                if len(part) != block.rows:
                    raise CannotCut
                table.put(part, block)
        if reader is not None and len(_rows(reader, 1)):
            raise CannotCut
    except BaseException:
        blocks.stop()
        raise


def _quiet() -> np.errstate:
    """Keep quiet about a step that fits no int64, before pandas refuses it."""
    return np.errstate(invalid="ignore")


def _rows(reader: Any, count: int) -> Any:
    try:
        return reader.get_chunk(count)
    except StopIteration:
        return ()


def _unused(size: int, dtype: np.dtype[Any]) -> npt.NDArray[Any]:
    """Return an array that takes no memory before it is written to, and then by small pages.

    For a large one of its own numpy asks for huge pages. To clear these takes about as long as with small ones where
    they lie ready, but four times as long where the kernel has to look for them.
    """
    private = {"flags": mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS} if hasattr(mmap, "MAP_ANONYMOUS") else {}
    try:
        memory = mmap.mmap(-1, size * dtype.itemsize, **private)
    except OSError:
        raise MemoryError from None
    return np.frombuffer(memory, dtype=dtype)


@dataclass
class _Table:
    """Columns, filled in any order; room for rows to come takes no memory before it is used.

    Nor does a column of numbers that is empty so far.
    """

    size: int
    rows: int = 0
    names: tuple[str, ...] = ()
    numbers: dict[str, npt.NDArray[Any]] = field(default_factory=dict)
    blank: defaultdict[str, list[slice]] = field(default_factory=lambda: defaultdict(list))
    others: defaultdict[str, list[tuple[int, pd.Series[Any]]]] = field(default_factory=lambda: defaultdict(list))
    lock: Lock = field(default_factory=Lock)

    def put(self, part: pd.DataFrame, block: _Block) -> None:
        """Put the rows of a block where they belong."""
        where = slice(block.first, block.first + block.rows)
        with self.lock:
            self.names = self.names or tuple(map(str, part.columns))
            self.rows = max(self.rows, where.stop)
            for name, column in zip(self.names, (part[own] for own in part), strict=True):
                if column.dtype not in (np.float64, np.int64):
                    self.others[name].append((where.start, column))
                elif name not in self.numbers and not column.notna().any():
                    self.blank[name].append(where)
                else:
                    values = column.to_numpy()
                    self._room(name, values.dtype, where.stop, block)[where] = values

    def _room(self, name: str, dtype: np.dtype[Any], rows: int, block: _Block) -> npt.NDArray[Any]:
        held = self.numbers.get(name)
        if held is None or held.size < rows:
            expected = int(1.02 * self.size / len(block.content) * block.rows) if held is None else 0
            grown = _unused(max(expected, rows + rows // 2), dtype)
            if held is not None:
                grown[: held.size] = held
            self.numbers[name] = held = grown
        return held

    def frame(self) -> pd.DataFrame:
        """Return the table; its columns of numbers are not copied."""
        return pd.DataFrame({name: self._whole(name) for name in self.names}, copy=False)

    def _whole(self, name: str) -> Any:
        if name in self.others:
            ordered = [column for _, column in sorted(self.others[name], key=lambda part: part[0])]
            return pd.concat(ordered, ignore_index=True)
        if name not in self.numbers:
            return np.broadcast_to(np.nan, self.rows)
        for rows in self.blank[name]:
            self.numbers[name][rows] = np.nan
        return self.numbers[name][: self.rows]
