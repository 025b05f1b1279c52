"""Temporary files and folders, locked by the process that fills them, so that leftovers of killed ones can be removed.

The kernel drops a ``flock`` when the last handle closes, however the process ends: a lock proves that its owner lives.
"""

from __future__ import annotations

import contextlib
import importlib.util
import os
import shutil
import signal
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from analysis.core.errors import UsageError

_SCRATCH = ("run-reports-", ".scratch")
_DAY = 86_400.0
PATIENCE = 30.0
"""Seconds to wait for a lock that another process needs for milliseconds only."""

ASK_TO_END = tuple(getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name))
_CAN_LOCK = importlib.util.find_spec("fcntl") is not None


@contextlib.contextmanager
def signals_deferred() -> Iterator[Callable[[], contextlib.AbstractContextManager[None]]]:
    """Defer SIGINT (Ctrl-C), SIGTERM and SIGHUP to the end of the block.

    No signal can then arrive between the creation of something and the ``try`` that removes it, nor during the removal.
    Yields a context manager within which signals are delivered at once.
    """
    if threading.current_thread() is not threading.main_thread():  # Python runs signal handlers in that one only
        yield contextlib.nullcontext
        return
    # A signal mask is per thread: another thread would take the signal, and Python would handle it in this one.
    before = {
        one: handler for one in ASK_TO_END if callable(handler := signal.getsignal(one)) or handler == signal.SIG_DFL
    }
    came: list[int] = []

    def hold() -> None:
        for one in before:
            signal.signal(one, lambda number, _: came.append(number))

    def let_through() -> None:
        for one, handler in before.items():
            signal.signal(one, handler)
        while came:
            signal.raise_signal(came.pop())

    @contextlib.contextmanager
    def signals_delivered() -> Iterator[None]:
        try:
            let_through()
            yield
        finally:
            hold()

    hold()
    try:
        yield signals_delivered
    finally:
        let_through()


def create_locked(make: Callable[[], str]) -> tuple[Path, int | None]:
    """Create a file or folder and lock it; return its path and the handle to `unlock`, None if locks do not work here.

    Parameters
    ----------
    make : callable
        Creates one under a new name and returns the name.
    """
    while True:
        path = Path(make())
        # Another process may remove it as abandoned between its creation and its lock: then make the next one.
        with contextlib.suppress(BlockingIOError, FileNotFoundError):
            handle = _lock(path)
            if path.exists():
                return path, handle
            unlock(handle)


def unlock(handle: int | None) -> None:
    """Close a handle from `create_locked`, which releases its lock."""
    if handle is not None:
        os.close(handle)


def remove_abandoned(path: Path) -> None:
    """Remove a file or folder unless the process that fills it is alive.

    Without locks, one that was modified within the last day counts as being filled.
    """
    with contextlib.suppress(OSError):  # locked, removed meanwhile, or not ours
        handle = _lock(path)
        try:
            if handle is not None or time.time() - path.stat().st_mtime > _DAY:
                shutil.rmtree(path, ignore_errors=True) if path.is_dir() else path.unlink()
        finally:
            unlock(handle)


@contextlib.contextmanager
def scratch() -> Iterator[Path]:
    """Yield a temporary folder that lives as long as the block; first remove those that killed processes left behind.

    Raises
    ------
    UsageError
        If no folder can be created.
    """
    with signals_deferred() as signals_delivered:
        folder, handle = _new_scratch()
        try:
            with signals_delivered():
                yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)
            unlock(handle)


def _new_scratch() -> tuple[Path, int | None]:
    prefix, suffix = _SCRATCH
    try:
        parent = Path(tempfile.gettempdir())
        for left in parent.glob(f"{prefix}*{suffix}"):
            remove_abandoned(left)
        return create_locked(lambda: tempfile.mkdtemp(prefix=prefix, suffix=suffix, dir=parent))
    except OSError as error:
        why = error.strerror or error
        raise UsageError(f"no temporary folder can be made ({why}); name one with room in TMPDIR") from None


def lock_when_free(handle: int, path: Path) -> None:
    """Lock an open file or folder, waiting for other processes; do nothing where locks do not work.

    Raises
    ------
    UsageError
        If another process holds the lock for `PATIENCE` seconds.
    """
    if not _CAN_LOCK:
        return
    import fcntl

    until = time.monotonic() + PATIENCE
    while True:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            if time.monotonic() > until:
                raise UsageError(f"{path}: another process holds it; end that one, or name another place") from None
            time.sleep(0.01)
        except OSError:  # a file system without locks
            return


def _lock(path: Path) -> int | None:
    """Lock a file or folder; return the handle, None where locks do not work; BlockingIOError if it is locked."""
    if not _CAN_LOCK:
        return None
    import fcntl

    handle = os.open(path, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(handle)
        raise
    except OSError:  # a file system without locks
        os.close(handle)
        return None
    return handle
