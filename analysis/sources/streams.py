"""Open a log as text or bytes, with gzip, byte order marks and base64 decoded and sizes limited; hash files."""

from __future__ import annotations

import base64
import binascii
import codecs
import gzip
import hashlib
import io
import re
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import IO

import numpy as np
import numpy.typing as npt

from analysis.core.errors import LogError
from analysis.sources.limits import MB, check_size, limit, too_large

GZIP = b"\x1f\x8b"
_BASE64 = re.compile(rb"[A-Za-z0-9+/\r\n]{64,}+={0,2}\s*+")  # possessive: a file may begin with many empty lines
_BOMS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))


class _Bounded(io.RawIOBase):
    """Readable stream that raises an error above a number of bytes, against gzip bombs."""

    def __init__(self, inner: gzip.GzipFile, path: Path) -> None:
        self._inner, self._path, self._given = inner, path, 0
        self._most = limit("RUN_REPORTS_MAX_LOG_MB") * MB

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        if (offset, whence) != (0, io.SEEK_SET):
            raise io.UnsupportedOperation("only back to the start")
        self._given = 0
        return self._inner.seek(0)

    def tell(self) -> int:
        return self._given

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        try:
            data = self._inner.read(len(buffer))
        except (OSError, EOFError, zlib.error) as problem:
            raise LogError(f"{self._path}: damaged gzip data ({problem}); copy the file again") from None
        self._given += len(data)
        if self._given > self._most:
            raise too_large(self._path, self._given / MB, "RUN_REPORTS_MAX_LOG_MB")
        buffer[: len(data)] = data
        return len(data)


@contextmanager
def open_bytes(path: Path) -> Iterator[IO[bytes]]:
    """Open a log for reading bytes, with gzip decompressed and the size checked.

    Raises
    ------
    LogError
        If the log cannot be opened or exceeds `RUN_REPORTS_MAX_LOG_MB`.
    """
    try:
        check_size(path)
        stream: IO[bytes] = path.open("rb")
    except OSError as problem:
        raise unreadable(path, problem) from None
    with stream:
        if stream.read(2) == GZIP:
            stream.seek(0)
            yield io.BufferedReader(_Bounded(gzip.GzipFile(fileobj=stream), path), 1 << 16)
        else:
            stream.seek(0)
            yield stream


def text_head(path: Path, size: int = 65536) -> str:
    """Return the start of a log as text, for sniffing; empty if it is not text or cannot be read.

    The last line may be cut off if the log is longer than ``size`` bytes.
    """
    try:
        with open_bytes(path) as stream:
            start = stream.read(size)
        return _decode_head(unpack_base64(start)[0])
    except (LogError, OSError, ValueError):
        return ""


def _decode_head(start: bytes) -> str:
    encoding = encoding_of(start)
    if encoding != "utf-16" and b"\0" in start:
        return ""
    return codecs.getincrementaldecoder(encoding)(errors="replace").decode(start)


@contextmanager
def open_text(path: Path, *, by_lines: bool = True) -> Iterator[tuple[IO[bytes], str]]:
    """Open a text log: yield a byte stream at its start, and its encoding.

    Raises
    ------
    LogError
        If the file is empty, binary or cannot be opened; with ``by_lines`` also if a line exceeds
        `RUN_REPORTS_MAX_LINE_MB`.
    """
    with open_bytes(path) as stream:
        start = stream.read(65536)
        if not start.strip(b"\xef\xbb\xbf\xff\xfe\x00\r\n\t "):
            raise LogError(f"{path}: the file is empty; a log needs a header and at least one step")
        stream.seek(0)
        if _BASE64.fullmatch(start):
            most = limit("RUN_REPORTS_MAX_JSON_MB") * MB
            packed = stream.read(most + 1)
            if len(packed) > most:
                raise too_large(path, len(packed) / MB, "RUN_REPORTS_MAX_JSON_MB")
            content, unpacked = unpack_base64(packed)
            if unpacked:
                yield io.BytesIO(content), encoding_of(content)
                return
            stream.seek(0)
        encoding = encoding_of(start)
        if encoding != "utf-16" and b"\0" in start:
            raise LogError(f"{path}: a binary file, not a text log; give the log itself or the folder it is in")
        if by_lines:
            count_lines(path)
        yield stream, encoding


def count_lines(path: Path) -> int:
    """Return the number of lines in a log, after gzip decompression; it has at most as many rows.

    Raises
    ------
    LogError
        If the log or a line exceeds its limit.
    """
    try:
        return _counted(path, path.stat().st_mtime_ns, limit("RUN_REPORTS_MAX_LINE_MB") * MB)
    except OSError as problem:
        raise unreadable(path, problem) from None


@lru_cache(maxsize=256)
def _counted(path: Path, _modified: int, most: int) -> int:
    """Return the number of lines in a file, cached for all its readers."""
    ends, length = [1, 1], 0
    with open_bytes(path) as stream:
        while block := stream.read(1 << 20):
            ends = [ends[0] + block.count(b"\n"), ends[1] + (block.count(b"\r") if b"\r" in block else 0)]
            last = max(block.rfind(b"\n"), block.rfind(b"\r"))
            length = len(block) - last - 1 if last >= 0 else length + len(block)
            if length > most:
                raise LogError(
                    f"{path}: a line of more than {most // MB} MB, where a log has one a step; "
                    "set RUN_REPORTS_MAX_LINE_MB to a higher number if this is meant"
                )
    return max(ends)


@contextmanager
def open_lines(path: Path, *, newline: str | None = None) -> Iterator[io.TextIOWrapper]:
    """Open a text log for reading line by line; bytes that are invalid in its encoding become U+FFFD."""
    with open_text(path) as (stream, encoding):
        lines = io.TextIOWrapper(stream, encoding=encoding, errors="replace", newline=newline)
        try:
            yield lines
        finally:
            lines.detach()


def whole_text(path: Path, setting: str) -> str:
    """Return the text of a log.

    Raises
    ------
    LogError
        If the text exceeds the limit in MB of ``setting``.
    """
    with open_lines(path) as stream:
        most = limit(setting) * MB
        text = stream.read(most + 1)
    if len(text) > most:
        raise too_large(path, len(text) / MB, setting)
    return text


def unpack_base64(content: bytes) -> tuple[bytes, bool]:
    """Return decoded base64 content and True, or any other content unchanged and False."""
    if not _BASE64.fullmatch(content):
        return content, False
    packed = re.sub(rb"\s", b"", content)
    packed = packed[: len(packed) // 4 * 4] if not packed.endswith(b"=") else packed
    try:
        unpacked = base64.b64decode(packed, validate=True)
    except binascii.Error:
        return content, False
    return (unpacked, True) if b"," in unpacked[:4096] else (content, False)


def encoding_of(start: bytes) -> str:
    """Return the encoding of a text by its byte order mark; UTF-8 if it has none."""
    return next((name for mark, name in _BOMS if start.startswith(mark)), "utf-8")


def unreadable(path: Path, problem: OSError) -> LogError:
    """Return the one-line error for a file that the system refuses to open."""
    if isinstance(problem, PermissionError):
        return LogError(f"{path}: no permission to read it; allow reading it (for example chmod u+r) and try again")
    if isinstance(problem, FileNotFoundError):
        return LogError(f"{path}: the file is gone; check the path")
    return LogError(f"{path}: cannot be read ({problem.strerror or problem}); check the file")


def mapped_bytes(path: Path) -> npt.NDArray[np.uint8]:
    """Return the bytes of a file, shape (bytes,).

    Raises
    ------
    LogError
        If the file cannot be opened or is larger than allowed.
    """
    try:
        if not check_size(path):
            return np.empty(0, dtype=np.uint8)
        return np.memmap(path, dtype=np.uint8, mode="r")
    except OSError as problem:
        raise unreadable(path, problem) from None


def hash_file(path: Path) -> tuple[int, str]:
    """Return the size in bytes and the SHA-256 of a file, read in blocks.

    Raises
    ------
    LogError
        If the file cannot be read.
    """
    try:
        return _hashed(path, path.stat().st_mtime_ns)
    except OSError as problem:
        raise unreadable(path, problem) from None


@lru_cache(maxsize=256)
def _hashed(path: Path, _modified: int) -> tuple[int, str]:
    """Return the size and hash of a file, cached for all the runs in it."""
    with path.open("rb") as stream:
        digest = hashlib.file_digest(stream, "sha256").hexdigest()
        return stream.tell(), digest


def hash_files(paths: Sequence[str]) -> tuple[int, str]:
    """Return the total size and the hash of files; for several files the hash of their hashes in order."""
    hashed = [hash_file(Path(path)) for path in paths]
    if len(hashed) == 1:
        return hashed[0]
    joined = "\n".join(digest for _, digest in hashed)
    return sum(size for size, _ in hashed), hashlib.sha256(joined.encode()).hexdigest()
