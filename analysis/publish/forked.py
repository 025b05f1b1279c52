"""Forked child processes: when forking is safe, how a child ended, and calls in a child."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
import warnings
from collections.abc import Callable
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from typing import Any

from analysis.core.errors import AnalysisError


class ChildDied(Exception):
    """A forked child failed or was killed; ``log`` is its traceback or last output."""

    def __init__(self, what: str, log: str) -> None:
        super().__init__(what)
        self.log = log


def ending(code: int | None) -> str:
    """Return how a process ended, from its exit code, which is negative for a signal.

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
    """Return a list with a pidfd, which becomes readable when a process ends; empty where there are none.

    EOF on its pipe is no proof of death: a grandchild may hold the other end open.
    """
    with contextlib.suppress(OSError, AttributeError):
        return [os.pidfd_open(pid)]
    return []


def fork_is_safe() -> bool:
    """True if a child can be forked now: on Linux, and without other threads, whose locks would stay locked in it."""
    return sys.platform == "linux" and threading.active_count() == 1


def run_forked(call: Callable[..., Any], *arguments: Any) -> Any:
    """Call a function in a forked child and return its result, so that threads it starts end with the child.

    If forking is not safe, the call is made in this process.

    Raises
    ------
    AnalysisError
        If the call raises it, with the same message.
    ChildDied
        If the call fails otherwise, or the child is killed.
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
    """Run as the child of `run_forked`; never returns."""
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


def die_with_parent(parent: int) -> None:
    """Have the kernel kill this process when its parent ends; on Linux only."""
    if sys.platform != "linux":
        return
    import ctypes

    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG
    if os.getppid() != parent:  # it ended before the call, so that no signal will come
        os._exit(1)
