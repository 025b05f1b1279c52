"""Files and folders held by the process that fills them: what a killed process left can be told, and taken away."""

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
"""Seconds until another process, which needs some milliseconds, must have let go."""

ASK_TO_END = tuple(getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name))
_CAN_LOCK = importlib.util.find_spec("fcntl") is not None


@contextlib.contextmanager
def undisturbed() -> Iterator[Callable[[], contextlib.AbstractContextManager[None]]]:
    """Hold back for the time of the block what asks this process to end: Ctrl-C and two other signals.

    So that nothing comes between making something and being ready to take it away, nor between its parts being taken
    away. Yields a context within which they come through.
    """
    if threading.current_thread() is not threading.main_thread():  # which alone is ever interrupted
        yield contextlib.nullcontext
        return
    # A mask would not do: what another thread does not block comes through, and is handled in this one.
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
    def disturbed() -> Iterator[None]:
        try:
            let_through()
            yield
        finally:
            hold()

    hold()
    try:
        yield disturbed
    finally:
        let_through()


def made_held(make: Callable[[], str]) -> tuple[Path, int | None]:
    """Make a new file or folder and hold it; gives the handle to close when it is finished, where there is one.

    Parameters
    ----------
    make : callable
        Makes one under a new name, and gives the name.
    """
    while True:
        path = Path(make())
        # Somebody who clears away at this very moment may take it for abandoned before it is held.
        with contextlib.suppress(BlockingIOError, FileNotFoundError):
            handle = _hold(path)
            if path.exists():
                return path, handle
            let_go(handle)


def let_go(handle: int | None) -> None:
    """Hold something no longer."""
    if handle is not None:
        os.close(handle)


def clear_away(path: Path) -> None:
    """Take away a file or folder unless the process that fills it lives.

    The system lets go of what a process holds when it ends, however it ends. Where nothing can be held, what has
    changed within a day counts as being filled.
    """
    with contextlib.suppress(OSError):  # held, gone meanwhile, or not ours
        handle = _hold(path)
        try:
            if handle is not None or time.time() - path.stat().st_mtime > _DAY:
                shutil.rmtree(path, ignore_errors=True) if path.is_dir() else path.unlink()
        finally:
            let_go(handle)


@contextlib.contextmanager
def scratch() -> Iterator[Path]:
    """Yield a temporary folder for the time of the block; those that killed processes left behind go first.

    Raises
    ------
    UsageError
        If none can be made.
    """
    with undisturbed() as disturbed:
        folder, handle = _new_scratch()
        try:
            with disturbed():
                yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)
            let_go(handle)


def _new_scratch() -> tuple[Path, int | None]:
    prefix, suffix = _SCRATCH
    try:
        parent = Path(tempfile.gettempdir())
        for left in parent.glob(f"{prefix}*{suffix}"):
            clear_away(left)
        return made_held(lambda: tempfile.mkdtemp(prefix=prefix, suffix=suffix, dir=parent))
    except OSError as error:
        why = error.strerror or error
        raise UsageError(f"no temporary folder can be made ({why}); name one with room in TMPDIR") from None


def hold_when_free(handle: int, path: Path) -> None:
    """Lock an open file or folder as soon as no other process holds it; where nothing can be locked, do nothing.

    Raises
    ------
    UsageError
        If another process holds it for `PATIENCE` seconds.
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


def _hold(path: Path) -> int | None:
    """Lock a file or folder; None where nothing can be locked, BlockingIOError if somebody else has it."""
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
