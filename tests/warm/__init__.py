"""Python and the command, started from a process that has imported everything: 0.1 s instead of 1.3 s.

A server, one for each process of the tests, forks itself for each command, which is a process of its own with the
arguments, working directory, environment and streams of whoever asked. What is not carried over: signals sent to who
asked, limits, umask, and what Python itself reads as it starts (locale, hash seed, flags). Tests of those, and of the
start as such (test_start, test_cli, test_same, test_papermill), use the cold command of `tests.builders`.
"""

from __future__ import annotations

import atexit
import functools
import os
import socket
import subprocess
import sys
import uuid
from pathlib import Path

ROOT = Path(__file__).parents[2]
_ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT)}
"""As it was before any test changed it."""


def python(*words: str) -> list[str]:
    """Return a command that does what Python with these words does: ``-c CODE``, ``-m MODULE`` or a file first."""
    if sys.platform != "linux":
        return [sys.executable, *words]
    return [sys.executable, "-I", "-S", str(Path(__file__).with_name("ask.py")), _server(), *words]


def command() -> list[str]:
    """Return the command ``run-reports``."""
    return python(str(ROOT / "run_reports.py"))


@functools.cache
def _server() -> str:
    """Start the server, which ends with this process, and return its address."""
    address = f"run-reports-tests-{uuid.uuid4()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listening:
        listening.bind(f"\0{address}")  # a name that lies in no folder
        listening.listen()
        words = [sys.executable, str(Path(__file__).with_name("serve.py")), str(listening.fileno()), str(os.getpid())]
        server = subprocess.Popen(words, env=_ENVIRONMENT, pass_fds=[listening.fileno()])
    atexit.register(server.communicate)
    atexit.register(server.kill)
    return address
