"""Hash logs for their provenance."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

from analysis.sources.streams import unreadable


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
