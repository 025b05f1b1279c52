"""The command in a process that is struck at a chosen step: killed, asked to end, refused, or robbed of its files."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import signal
import sys
import tempfile
import time
import traceback
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from analysis.batch import local_pool
from analysis.cli.main import main
from analysis.publish import execute, publisher  # noqa: F401  so that no child has to import it

LIMIT = 120.0
"""Seconds until a command that does not end is taken to hang."""

WRITES = {
    *("os.mkdir", "os.rename", "os.remove", "os.rmdir", "os.chmod", "os.fork", "shutil.rmtree"),
    *("tempfile.mkdtemp", "tempfile.mkstemp", "fcntl.flock", "subprocess.Popen"),
}
READS = {"os.scandir", "os.listdir"}
"""What counts as a step, besides opening a file, by the names that Python's audit hooks get."""

Fault = Callable[[bool], None]
"""What happens at the chosen step; it is told whether the step writes."""


def send(how: signal.Signals) -> Fault:
    """Return the fault of a signal to this process alone."""
    return lambda _: os.kill(os.getpid(), how)


def fill_the_disk(writes: bool) -> None:
    """Refuse a step that writes."""
    if writes:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def take_the_reports(_: bool) -> None:
    """Remove the folder of reports."""
    shutil.rmtree("reports", ignore_errors=True)


def exhaust_memory(_: bool) -> None:
    """Fail as for want of memory."""
    raise MemoryError


@dataclass(frozen=True)
class Ended:
    """How a command ended: its exit status, negative for a signal, what it said, and whether the fault came."""

    status: int
    out: str
    err: str
    struck: bool


def light_export(nb: Any, folder: Path) -> Path:
    """Write a word in place of a page."""
    path = folder / "report.html"
    path.write_text("page")
    return path


def start(place: Path, words: Sequence[str], *, at: int = 0, fault: Fault | None = None, prepare: Any = int) -> int:
    """Start a command in ``place``, with the template ``t.ipynb`` there, whose step number ``at`` meets the fault.

    Temporary files go to ``place / "temporary"``. Every process counts its steps on from those of its parent.
    ``prepare`` is called in the process before the command.
    """
    pid = os.fork()
    if pid == 0:
        _live(place, words, at, fault, prepare)
    return pid


def finish(place: Path, pid: int) -> Ended:
    """Wait for a command, and for all that it started."""
    until = time.monotonic() + LIMIT
    done = status = 0
    while not done:
        if time.monotonic() > until:
            os.killpg(pid, signal.SIGKILL)
            raise TimeoutError(f"the command did not end in {LIMIT:g} s")
        done, status = os.waitpid(pid, os.WNOHANG)
        time.sleep(0.005)
    while living := [number for number in os.listdir("/proc") if _is_in(number, place)]:
        if time.monotonic() > until:
            raise TimeoutError(f"processes outlive the command: {living}")
        time.sleep(0.005)
    out, err, struck = ((place / f"{pid}.{name}").read_text(errors="replace") for name in ("out", "err", "struck"))
    return Ended(os.waitstatus_to_exitcode(status), out, err, bool(struck))


def command(place: Path, *words: str, at: int = 0, fault: Fault | None = None, prepare: Any = int) -> Ended:
    """Run a command to its end; see `start`."""
    return finish(place, start(place, words, at=at, fault=fault, prepare=prepare))


def _is_in(number: str, place: Path) -> bool:
    if not number.isdigit() or int(number) == os.getpid():
        return False
    with contextlib.suppress(OSError):  # ended meanwhile, or somebody else's
        return os.readlink(f"/proc/{number}/cwd") == str(place)
    return False


def _live(place: Path, words: Sequence[str], at: int, fault: Fault | None, prepare: Any) -> None:
    code = 99
    try:
        os.setsid()
        signal.pthread_sigmask(signal.SIG_SETMASK, ())
        for one in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(one, signal.default_int_handler if one == signal.SIGINT else signal.SIG_DFL)
        os.chdir(place)
        told = [os.open(f"{os.getpid()}.{name}", os.O_WRONLY | os.O_CREAT) for name in ("out", "err", "struck")]
        for number in (1, 2):
            os.dup2(told[number - 1], number)
        sys.stdout, sys.stderr = (os.fdopen(n, "w", buffering=1, closefd=False) for n in (1, 2))
        warnings.resetwarnings()
        warnings.simplefilter("ignore")
        os.environ["TMPDIR"] = tempfile.tempdir = str(place / "temporary")
        for module in (publisher, local_pool):
            module.load_exporters = lambda pdf: (light_export,)  # type: ignore[attr-defined]
            module.preload = lambda: None  # type: ignore[attr-defined]
            module.template_path = lambda: place / "t.ipynb"  # type: ignore[attr-defined]
        prepare()
        if fault is not None:
            sys.addaudithook(_striking(at, fault, told[2]))
        code = main(list(words))
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 1
    except BaseException:
        traceback.print_exc()
    finally:
        with contextlib.suppress(BaseException):
            sys.stdout.flush()
        os._exit(code)


def _striking(at: int, fault: Fault, told: int) -> Callable[[str, tuple[Any, ...]], None]:
    count, here = 0, os.getcwd()

    def hook(event: str, about: tuple[Any, ...]) -> None:
        nonlocal count
        if event not in WRITES and event not in READS and event != "open":
            return
        if about and isinstance(about[0], str) and os.path.relpath(about[0], here).startswith("../"):
            return
        count += 1
        if count == at:
            os.write(told, event.encode())
            fault(event in WRITES or (event == "open" and bool(about[2] & (os.O_WRONLY | os.O_RDWR))))

    return hook
