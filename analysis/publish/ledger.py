"""A file of JSON lines that many processes append to; no line is ever lost, truncated or written twice."""

from __future__ import annotations

import contextlib
import json
import os
import stat
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from analysis.core.errors import UsageError
from analysis.core.plain_data import loads
from analysis.core.scratch import lock_when_free
from analysis.publish.folder import writable


@dataclass(frozen=True)
class Ledger:
    """An open, locked ledger with its lines so far."""

    path: Path
    lines: tuple[Mapping[str, Any], ...]
    _handle: int

    def append(self, line: Mapping[str, Any]) -> None:
        """Append a line; it is on disk when this returns, and no part of it is if that fails.

        Raises
        ------
        UsageError
            If it cannot be written, for example because the disk is full.
        """
        end = os.fstat(self._handle).st_size
        with writable(self.path):
            try:
                _write(self._handle, f"{json.dumps(line, ensure_ascii=False, allow_nan=False)}\n".encode())
                os.fsync(self._handle)
            except BaseException:
                os.ftruncate(self._handle, end)
                raise


@contextlib.contextmanager
def locked_ledger(path: Path, begins: str, is_line: Callable[[Mapping[str, Any]], bool]) -> Iterator[Ledger]:
    """Open or create a ledger and keep it locked for the block.

    The kernel releases the lock when the process ends, however it ends. An unfinished last line of a killed process is
    removed. Where locks do not work, as on Windows, only one process at a time may use a ledger.

    Parameters
    ----------
    path : pathlib.Path
    begins : str
        How each line begins, by which an unfinished line is distinguished from foreign text.
    is_line : callable
        True for an object that is a line of this kind of ledger.

    Raises
    ------
    UsageError
        If it is not a file, has other content, cannot be written, or stays locked for too long.
    """
    handle = _open_locked(path)
    try:
        yield Ledger(path, _read(handle, path, begins.encode(), is_line), handle)
    finally:
        os.close(handle)


def _open_locked(path: Path) -> int:
    with writable(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        while True:
            # O_NONBLOCK, so that a pipe of this name is not waited for; it has no effect on a file.
            handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | getattr(os, "O_NONBLOCK", 0), 0o666)
            try:
                if not stat.S_ISREG(os.fstat(handle).st_mode):
                    raise UsageError(f"{path}: a ledger must be a file")
                lock_when_free(handle, path)
                # An editor that replaces the file leaves the lock on an inode without a name: then open it again.
                if os.path.exists(path) and os.path.samestat(os.fstat(handle), os.stat(path)):
                    return handle
            except BaseException:
                os.close(handle)
                raise
            os.close(handle)


def _read(
    handle: int, path: Path, begins: bytes, is_line: Callable[[Mapping[str, Any]], bool]
) -> tuple[Mapping[str, Any], ...]:
    with open(handle, "rb", closefd=False) as file:
        text = file.read()
    *whole, rest = text.split(b"\n")
    found = []
    for number, one in enumerate((*whole, rest), 1):
        if not one.strip():
            continue
        line = _line(one)
        if line is None and one is rest and (one.startswith(begins) or begins.startswith(one)):
            os.ftruncate(handle, len(text) - len(rest))
        elif line is None or not is_line(line):
            raise UsageError(f"{path}:{number}: no line of such a ledger; mend it, or name another file")
        else:
            found.append(line)
            if one is rest:  # an editor removed the last line break
                _write(handle, b"\n")
    return tuple(found)


def _line(text: bytes) -> Mapping[str, Any] | None:
    try:
        value = loads(text)
    except ValueError:
        return None
    return value if isinstance(value, dict) else None


def _write(handle: int, content: bytes) -> None:
    left = memoryview(content)
    while left:
        left = left[os.write(handle, left) :]
