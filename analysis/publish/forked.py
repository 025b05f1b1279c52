"""Run notebook cells in a forked child that is ready at once: an interactive shell without a kernel.

The child is as separate from this process as a kernel is: it may crash, hang, be killed or call ``os._exit``.
"""

from __future__ import annotations

import contextlib
import faulthandler
import json
import os
import signal
import sys
import tempfile
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from multiprocessing import Pipe
from multiprocessing.connection import Connection, wait
from typing import Any

from analysis.core.errors import AnalysisError

PATIENCE = 1.0
"""Seconds a hanging child gets to say where it hangs before it is killed."""


class ChildDied(Exception):
    """The child ended, or was ended, while a cell ran. ``log`` holds what it left behind, line by line."""

    def __init__(self, what: str, log: str) -> None:
        super().__init__(what)
        self.log = log


class TimeLimitReached(ChildDied):
    """The child was still running a cell when its time was up; ``log`` says where."""


def ending(code: int | None) -> str:
    """Say how a process ended, from its exit code, which is negative for a signal.

    Examples
    --------
    >>> ending(3), ending(-9)
    ('the process ended with exit status 3', 'the process was ended by SIGKILL (out of memory?)')
    """
    if code is None or code >= 0:
        return f"the process ended with exit status {code}"
    names = {int(one): one.name for one in signal.Signals}
    hint = " (out of memory?)" if names.get(-code) == "SIGKILL" else ""
    return f"the process was ended by {names.get(-code, f'signal {-code}')}{hint}"


def end_handles(pid: int) -> list[int]:
    """Give a handle that becomes ready when a process ends; none where the system has no such thing.

    The end of its pipe does not tell: whatever the process has forked holds the other end too.
    """
    with contextlib.suppress(OSError, AttributeError):
        return [os.pidfd_open(pid)]
    return []


def fork_is_safe() -> bool:
    """Tell whether a child can be forked here and now: only on Linux, and not beside other threads."""
    return sys.platform == "linux" and threading.active_count() == 1


def apart(call: Callable[..., Any], *arguments: Any) -> Any:
    """Call something in a forked child and give what it gives: threads that it starts end with the child.

    Where forking is not safe, the call is made here.

    Raises
    ------
    AnalysisError
        The same line as there.
    ChildDied
        If it fails in another way.
    """
    if not fork_is_safe():
        return call(*arguments)
    ours, theirs = Pipe(duplex=False)
    parent = os.getpid()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        pid = os.fork()
    if pid == 0:
        _answer(theirs, parent, lambda: call(*arguments))
    theirs.close()
    try:
        kind, answer = ours.recv()
    except EOFError:
        kind, answer = "died", "a process that was to read or write files ended"
    finally:
        ours.close()
        os.waitpid(pid, 0)
    if kind == "wrong":
        raise AnalysisError(answer)
    if kind == "died":
        raise ChildDied(answer.strip().rpartition("\n")[2], answer)
    return answer


def _answer(pipe: Connection, parent: int, call: Callable[[], Any]) -> None:
    """Be the child of `apart`: never returns."""
    try:
        die_with_parent(parent)
        try:
            pipe.send(("value", call()))
        except AnalysisError as error:
            pipe.send(("wrong", str(error)))
        except Exception:
            import traceback

            pipe.send(("died", traceback.format_exc()))
    finally:
        os._exit(0)


def _nothing() -> None:
    """Do nothing."""


class Child:
    """A forked process that runs cells, as seen from its parent.

    Parameters
    ----------
    prepare : callable, optional
        What the child does before its first cell, while the parent does something else.
    """

    def __init__(self, prepare: Callable[[], None] = _nothing) -> None:
        self._log = tempfile.TemporaryFile()  # noqa: SIM115  (it lives as long as the child)
        self._pipe, theirs = Pipe()
        parent = os.getpid()
        with warnings.catch_warnings():
            # Python 3.12 warns of any thread; those of the numeric libraries look after themselves at a fork.
            warnings.simplefilter("ignore", DeprecationWarning)
            self.pid = os.fork()
        if self.pid == 0:
            _live(theirs, self._pipe, self._log.fileno(), parent=parent, prepare=prepare)
        theirs.close()
        self._end = end_handles(self.pid)

    def run(self, source: str, *, deadline: float | None = None) -> Iterator[dict[str, Any]]:
        """Run one cell and yield its messages until the last, which has ``type`` "done".

        Parameters
        ----------
        source : str
            The cell's code.
        deadline : float, optional
            On the clock of `time.monotonic`, after which the child is killed.

        Raises
        ------
        ChildDied
            If the child ends before the cell does, or the deadline passes.
        """
        try:
            self._pipe.send_bytes(source.encode())
            while True:
                left = None if deadline is None else deadline - time.monotonic()
                # A cell that never stops to print always has something ready.
                ready = wait([self._pipe, *self._end], left) if left is None or left > 0 else []
                if not ready:
                    raise TimeLimitReached("the time limit was reached", self._last_words())
                if self._pipe not in ready:
                    raise EOFError
                message = json.loads(self._pipe.recv_bytes())
                yield message
                if message["type"] == "done":
                    return
        except (EOFError, ConnectionError):
            raise ChildDied(self._how_it_ended(), self._read_log()) from None

    def close(self) -> None:
        """End the child and whatever it started; harmless when it has ended."""
        if self.pid:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self.pid, signal.SIGKILL)
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGKILL)
            with contextlib.suppress(ChildProcessError):
                os.waitpid(self.pid, 0)
            self.pid = 0
        while self._end:
            os.close(self._end.pop())
        self._pipe.close()
        self._log.close()

    def _last_words(self) -> str:
        """Ask a child that hangs for its traceback."""
        before = len(self._read_log())
        os.kill(self.pid, signal.SIGUSR1)
        give_up = time.monotonic() + PATIENCE
        while len(self._read_log()) == before and time.monotonic() < give_up:
            self._pipe.poll(0.01)
        return self._read_log()

    def _how_it_ended(self) -> str:
        _, status = os.waitpid(self.pid, 0)
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signal.SIGKILL)
        self.pid = 0
        return ending(os.waitstatus_to_exitcode(status))

    def _read_log(self) -> str:
        size = os.fstat(self._log.fileno()).st_size
        return os.pread(self._log.fileno(), 100_000, max(0, size - 100_000)).decode(errors="replace")


def _live(pipe: Connection, parents_end: Connection, log: int, *, parent: int, prepare: Callable[[], None]) -> None:
    """Be the child: never returns."""
    try:
        parents_end.close()
        _settle(log, parent)
        prepare()
        from analysis.publish.forked_shell import answer

        answer(pipe)
    except EOFError:
        os._exit(0)
    except BaseException:
        import traceback

        os.write(2, traceback.format_exc().encode())
    finally:
        os._exit(1)


def _settle(log: int, parent: int) -> None:
    """Cut the ties to the terminal, keep a log of last words, and die with the parent."""
    os.setsid()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(log, 1)
    os.dup2(log, 2)
    sys.stdin = os.fdopen(0, closefd=False)
    # Anew: what is inherited may write to a file of the parent's.
    faulthandler.enable(2)
    faulthandler.register(signal.SIGUSR1, 2, all_threads=True)
    die_with_parent(parent)


def die_with_parent(parent: int) -> None:
    """Let the system end this process when the one that started it ends, where it can: on Linux."""
    if sys.platform != "linux":
        return
    import ctypes

    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG
    if os.getppid() != parent:
        os._exit(1)
