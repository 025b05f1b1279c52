"""Hash logs for their provenance; a large one while it is being read."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path

from analysis.sources.streams import unreadable

_LARGE = 8_000_000


def hash_file(path: Path) -> tuple[int, str]:
    """Return the size in bytes and the SHA-256 of a file, streamed.

    Raises
    ------
    LogError
        If it cannot be read.
    """
    try:
        return _hashed(path, path.stat().st_mtime_ns)
    except OSError as problem:
        raise unreadable(path, problem) from None


@lru_cache(maxsize=256)
def _hashed(path: Path, _modified: int) -> tuple[int, str]:
    """Hash a file once for all the runs in it."""
    with path.open("rb") as stream:
        digest = hashlib.file_digest(stream, "sha256").hexdigest()
        return stream.tell(), digest


def hash_files(paths: Sequence[str]) -> tuple[int, str]:
    """Return the total size and the hash of files; of several, the hash over their hashes in order."""
    hashed = [hash_file(Path(path)) for path in paths]
    if len(hashed) == 1:
        return hashed[0]
    joined = "\n".join(digest for _, digest in hashed)
    return sum(size for size, _ in hashed), hashlib.sha256(joined.encode()).hexdigest()


@contextmanager
def hashing(path: Path) -> Iterator[Future[tuple[int, str]] | None]:
    """Hash a large file in a thread while the block reads it; yields None for a small file or a folder."""
    if not path.is_file() or path.stat().st_size < _LARGE:
        yield None
        return
    with ThreadPoolExecutor(1) as pool:
        try:
            work = pool.submit(hash_file, path)
        except RuntimeError:  # no thread is to be had: it is hashed when it has been read
            work = None
        yield work
