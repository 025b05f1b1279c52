"""Import everything, then fork for each command that is asked for, until the tests end."""

from __future__ import annotations

import atexit
import contextlib
import os
import runpy
import select
import signal
import socket
import sys
import threading
import time
import traceback
import warnings
from pathlib import Path
from types import ModuleType
from typing import NoReturn

from analysis.batch.local_pool import Plan, get_ready
from analysis.publish.forked import die_with_parent

Asked = tuple[list[str], str, dict[str, str]]
"""The words after ``python``, the working directory and the environment of a command."""


def serve(listening: socket.socket) -> list[str]:
    """Wait for commands; returns only in a child, which is ready to run the words."""
    running: dict[int, tuple[int, socket.socket]] = {}  # by handle of the process
    waiting = select.poll()
    waiting.register(listening, select.POLLIN)
    while True:
        for handle, _ in waiting.poll():
            if handle == listening.fileno():
                asker = listening.accept()[0]
                streams, asked = received(asker)
                pid = os.fork()
                if pid == 0:
                    become(streams, *asked)
                    return asked[0]
                for stream in streams:
                    os.close(stream)
                end = os.pidfd_open(pid)
                running[end] = pid, asker
                waiting.register(end, select.POLLIN)
                waiting.register(asker, select.POLLHUP)
            elif handle in running:
                pid, asker = running.pop(handle)
                status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
                waiting.unregister(handle)
                waiting.unregister(asker)
                os.close(handle)
                with contextlib.suppress(OSError):
                    asker.send(str(status).encode())
                asker.close()
            else:  # who asked was ended
                waiting.unregister(handle)
                for pid, asker in running.values():
                    if asker.fileno() == handle:
                        os.kill(pid, signal.SIGTERM)


def received(asker: socket.socket) -> tuple[list[int], Asked]:
    """Read what is asked for, with the three streams."""
    size, streams, _, _ = socket.recv_fds(asker, 8, 3)
    left, request = int.from_bytes(size, "big"), b""
    while len(request) < left:
        request += asker.recv(left - len(request))
    count, *parts = os.fsdecode(request).split("\0")
    words, (cwd, *environment) = parts[: int(count)], parts[int(count) :]
    return list(streams), (words, cwd, dict(one.split("=", 1) for one in environment))


def become(streams: list[int], words: list[str], cwd: str, environment: dict[str, str]) -> None:
    """Make this process what it would be had it been started so."""
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
    os.closerange(3, 256)
    sys.stdin = open(0, closefd=False)  # noqa: SIM115
    sys.stdout = open(1, "w", closefd=False)  # noqa: SIM115
    sys.stderr = open(2, "w", closefd=False, errors="backslashreplace", buffering=1)  # noqa: SIM115
    os.chdir(cwd)
    os.environ.clear()
    os.environ.update(environment)
    time.tzset()
    for option in filter(None, environment.get("PYTHONWARNINGS", "").split(",")):
        warnings._setoption(option)  # type: ignore[attr-defined]
    given = environment.get("PYTHONPATH", "").split(os.pathsep)
    first = str(Path(words[0]).parent) if words[0][0] != "-" else cwd if words[0] == "-m" else ""
    sys.path[:] = [first, *filter(None, given), *(one for one in sys.path if one not in given)]


def run(words: list[str]) -> int | str | None:
    """Do what Python with these words does, and return what it exits with."""
    how, *more = words
    sys.argv = more if how == "-m" else words
    try:
        if how == "-m":
            runpy.run_module(more[0], run_name="__main__", alter_sys=True)
        elif how == "-c":
            sys.argv = ["-c", *more[1:]]
            main = sys.modules["__main__"] = ModuleType("__main__")
            exec(compile(more[0], "<string>", "exec"), main.__dict__)
        else:
            runpy.run_path(how, run_name="__main__")
    except SystemExit as end:
        return end.code
    except BaseException:
        traceback.print_exc()
        return 1
    return 0


def end(code: int | str | None) -> NoReturn:
    """End as Python does, but for taking all modules down, which would copy the memory that is shared."""
    threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()
    if isinstance(code, str):
        print(code, file=sys.stderr)
    sys.stdout.flush()
    os._exit(code if isinstance(code, int) else int(code is not None))


if __name__ == "__main__":
    die_with_parent(int(sys.argv[2]))
    sys.path.pop(0)
    get_ready(Plan(Path("reports")))
    from analysis.cli import main as _  # noqa: F401

    end(run(serve(socket.socket(fileno=int(sys.argv[1])))))
