"""Whatever strikes a command, at whatever step: nothing is lost, nothing is left, and the next one makes it whole.

``FAULTS=50`` in the environment strikes so many times each; once otherwise.
"""

from __future__ import annotations

import ctypes
import errno
import hashlib
import itertools
import json
import os
import pwd
import random
import resource
import shutil
import signal
import struct
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.builders import ROOT
from tests.notebooks import make_template
from tests.struck import (
    LIMIT,
    WRITES,
    Fault,
    command,
    exhaust_memory,
    fill_the_disk,
    finish,
    send,
    start,
    take_the_reports,
)

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="forks, and looks into /proc")

TIMES = int(os.environ.get("FAULTS", "1"))
STEPS = 150
"""About so many steps has each command; what is struck later ends unharmed."""

CELL = """
from IPython.display import display
bundle = {"results": {"title": title, "verdict": {"evidence": "improved"}}, "files": {"next_runs/run_5.yaml": "lr: 1"}}
display({"application/vnd.run-report+json": bundle, "text/plain": "results"}, raw=True)
"""

Made = dict[str, dict[str, bytes]]
"""What each command makes: the content of every file."""

COMMANDS = {"report": ("report", "run_1"), "batch": ("batch", "sets.yaml", "--workers", "2")}

FAULTS: dict[str, tuple[Fault, set[int]]] = {
    "killed": (send(signal.SIGKILL), {-9, 1}),
    "asked to end": (send(signal.SIGTERM), {143, 1, 2}),
    "hung up": (send(signal.SIGHUP), {129, 1, 2}),
    "interrupted": (send(signal.SIGINT), {130, 1, 2}),
    "disk full": (fill_the_disk, {1, 2}),
    "output taken": (take_the_reports, {1, 2}),
    "out of memory": (exhaust_memory, {1, 2}),
}
"""What happens, and the exit statuses that may follow, besides 0."""


CASES = list(itertools.product(FAULTS, COMMANDS))[:: 1 if TIMES > 1 else 3]
"""Which command meets which fault: all if asked for, else each fault or so, by turns."""


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with two runs, run sets for them, and a template that says little."""
    place = tmp_path_factory.mktemp("faults")
    (place / "runs").mkdir()
    (place / "temporary").mkdir()
    for number in (1, 2):
        rows = "".join(f"{step},{0.5 / step + number}\n" for step in range(1, 30))
        (place / "runs" / f"run_{number}.csv").write_text(f"step,train_loss\n{rows}")
    (place / "sets.yaml").write_text(json.dumps([{"run_ids": [f"run_{n}"], "title": "t"} for n in (1, 2)]))
    make_template(place / "t.ipynb", "title = globals().get('title')", CELL)
    return place


@pytest.fixture(scope="module")
def unharmed(shared: Path) -> Made:
    """What each of the commands makes with nothing in its way."""
    made = {}
    for name, words in COMMANDS.items():
        assert command(shared, *words).status == 0
        made[name] = contents(shared / "reports")
        shutil.rmtree(shared / "reports")
    return made


@pytest.fixture
def place(shared: Path, unharmed: object) -> Iterator[Path]:
    """The folder, without a report."""
    yield shared
    shutil.rmtree(shared / "reports", ignore_errors=True)


def contents(folder: Path) -> dict[str, bytes]:
    """Return every file below a folder, except the index of reports, which has the time at which each was made."""
    files = (p for p in folder.rglob("*") if p.is_file() and not p.name.startswith("index."))
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in files}


def left_behind(place: Path) -> list[str]:
    """List temporary files, here and beside the reports."""
    hidden = [p for p in (place / "reports").rglob(".*") if p.name != ".made.json"]
    return sorted(str(p.relative_to(place)) for p in (*hidden, *(place / "temporary").iterdir()))


def are_whole(reports: Path) -> bool:
    """Return True if every report has each file that it lists, as it was made."""
    for manifest in reports.glob("[!.]*/.made.json"):
        for name, digest in json.loads(manifest.read_text())["files"].items():
            if hashlib.sha256((manifest.parent / name).read_bytes()).hexdigest() != digest:
                return False
    return True


@pytest.mark.parametrize(("what", "name"), CASES)
def test_struck_at_any_step_nothing_is_lost_and_nothing_is_left(
    place: Path, unharmed: Made, what: str, name: str
) -> None:
    fault, statuses = FAULTS[what]
    for at in random.Random(f"{what} {name}").sample(range(1, STEPS), TIMES):
        ended = command(place, *COMMANDS[name], at=at, fault=fault)
        assert ended.status in {0, *statuses}, (at, ended)
        assert "Traceback" not in ended.err, (at, ended)
        assert name == "batch" or ended.err.count("\n") <= 1, (at, ended)
        assert are_whole(place / "reports"), at
        if what in ("asked to end", "hung up", "interrupted"):
            assert left_behind(place) == [], (at, ended)
    assert command(place, *COMMANDS[name]).status == 0
    assert contents(place / "reports") == unharmed[name]
    assert left_behind(place) == []


def test_batches_into_one_folder_at_once_make_what_one_makes(place: Path, unharmed: Made) -> None:
    for _ in range(TIMES):
        for ended in [finish(place, pid) for pid in [start(place, (*COMMANDS["batch"], "--force")) for _ in range(2)]]:
            assert (ended.status, ended.err.count("FAILED")) == (0, 0), ended
        assert contents(place / "reports") == unharmed["batch"]
        assert left_behind(place) == []
        assert {*json.loads((place / "reports" / "index.json").read_text())["reports"]} == {"run_1", "run_2"}


@pytest.mark.parametrize("size", [700, 2000])
def test_where_no_file_may_grow_a_line_says_so(place: Path, size: int) -> None:
    for words in COMMANDS.values():
        ended = command(
            place, *words, prepare=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))
        )
        assert ended.status in (1, 2), ended
        assert "File too large" in ended.err
        assert left_behind(place) == []
        assert contents(place / "reports") == {}


def without_rights() -> None:
    """Be bound by the permissions of files, as everyone but root is."""
    no_capability = bytes(24)
    ctypes.CDLL(None).capset(struct.pack("Ii", 0x20080522, 0), no_capability)


def without_home() -> None:
    for name in ("HOME", "XDG_CONFIG_HOME", "XDG_CACHE_HOME", "MPLCONFIGDIR", "IPYTHONDIR", "JUPYTER_CONFIG_DIR"):
        os.environ.pop(name, None)
    pwd.getpwuid = lambda _: (_ for _ in ()).throw(KeyError("no such user"))  # as for a user that a container invents


def into_installation(event: str, about: tuple[Any, ...]) -> None:
    """Refuse to change anything in this checkout or environment."""
    writes = event in WRITES or (event == "open" and bool(about[2] & (os.O_WRONLY | os.O_RDWR)))
    if writes and about and str(about[0]).startswith((str(ROOT), sys.prefix)):
        raise OSError(errno.EROFS, os.strerror(errno.EROFS), about[0])


def allowing(what: int, amount: int) -> Callable[[], None]:
    """Return what limits a process to an amount of something; of memory to so much more than it has."""

    def limit() -> None:
        held = psutil.Process().memory_info().vms if what == resource.RLIMIT_AS else 0
        resource.setrlimit(what, (held + amount, resource.getrlimit(what)[1]))

    return limit


PLACES: dict[str, tuple[Callable[[], None], set[int]]] = {
    "no home": (without_home, {0}),
    "read-only installation": (lambda: sys.addaudithook(into_installation), {0}),
    "no rights": (without_rights, {0}),
    "no more memory": (allowing(resource.RLIMIT_AS, 0), {1, 2, -signal.SIGABRT}),  # ZeroMQ ends a process itself
    "little memory": (allowing(resource.RLIMIT_AS, 20_000_000), {0, 1, 2, -signal.SIGABRT}),
    "few open files": (allowing(resource.RLIMIT_NOFILE, 12), {1, 2}),
}
"""Where a command may find itself, and the exit statuses that may follow."""


@pytest.mark.parametrize("where", PLACES if TIMES > 1 else [name for name in PLACES if "memory" not in name])
def test_wherever_it_runs_a_report_is_whole_or_a_line_says_why_not(place: Path, unharmed: Made, where: str) -> None:
    prepare, statuses = PLACES[where]
    ended = command(place, *COMMANDS["report"], prepare=prepare)
    assert ended.status in statuses, ended
    assert ended.err.count("\n") == (ended.status != 0), ended
    assert contents(place / "reports") == (unharmed["report"] if ended.status == 0 else {})
    assert command(place, *COMMANDS["report"]).status == 0
    assert contents(place / "reports") == unharmed["report"]
    assert left_behind(place) == []


@pytest.mark.parametrize("what", ["runs/run_1.csv", "runs", "reports"])
def test_what_belongs_to_somebody_else_is_named(place: Path, unharmed: Made, what: str) -> None:
    """A log or folder that may not be read, a folder of reports that may not be written to."""
    (place / "reports").mkdir()
    (place / what).chmod(0o555 if what == "reports" else 0)
    ended = command(place, *COMMANDS["report"], prepare=without_rights)
    (place / what).chmod(0o755)
    assert ended.status == 2, ended
    (line,) = ended.err.splitlines()
    assert what in line
    assert "ermission" in line
    assert left_behind(place) == []
    assert command(place, *COMMANDS["report"]).status == 0
    assert contents(place / "reports") == unharmed["report"]


@pytest.mark.skipif(os.getuid() != 0, reason="only root may give files away")
@pytest.mark.parametrize(("mode", "all_of_it"), [(0o777, False), (0o1777, True)], ids=["for all", "sticky"])
def test_a_report_of_somebody_else_stays_as_it_is(place: Path, unharmed: Made, mode: int, all_of_it: bool) -> None:
    """A folder in which everybody may write: what is in theirs could not be taken away, or not moved at all."""
    assert command(place, *COMMANDS["report"]).status == 0
    theirs = [p for p in (place / "reports").rglob("*") if all_of_it or p.parts[len(place.parts) + 1] == "run_1"]
    for path in (*theirs, *([place / "reports"] if all_of_it else [])):
        os.chown(path, 65534, 65534)
        if all_of_it and path.is_dir():
            path.chmod(0o777)
    (place / "reports").chmod(mode)
    ended = command(place, *COMMANDS["report"], prepare=without_rights)
    assert ended.status == 2, ended
    (line,) = ended.err.splitlines()
    assert "reports/run_1: cannot be written (" in line
    assert contents(place / "reports") == unharmed["report"]
    assert left_behind(place) == []


def test_where_no_folder_may_be_entered_a_line_says_so(place: Path) -> None:
    def shut_in() -> None:
        Path().chmod(0)
        without_rights()

    ended = command(place, *COMMANDS["report"], prepare=shut_in)
    place.chmod(0o755)
    assert ended.status == 2, ended
    assert ended.err.count("\n") == 1
    assert "ermission denied" in ended.err


def test_a_home_that_cannot_be_written_to_is_not_spoken_of() -> None:
    """Matplotlib would, in lines that a notebook holds and that are others each time."""
    home = {**os.environ, "HOME": "/proc/nowhere"}
    for name in ("MPLCONFIGDIR", "XDG_CONFIG_HOME", "XDG_CACHE_HOME"):
        home.pop(name, None)
    words = "import analysis.report, matplotlib; matplotlib.get_cachedir()"
    ended = subprocess.run([sys.executable, "-c", words], env=home, capture_output=True, text=True, timeout=LIMIT)
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "", "")


@pytest.mark.skipif(os.getuid() != 0, reason="only root may mount a small disk")
@pytest.mark.parametrize("kB", range(4, 32, 2) if TIMES > 1 else [8, 20])
def test_a_small_disk_that_fills_is_named_and_a_larger_one_holds_the_report(
    place: Path, unharmed: Made, kB: int
) -> None:
    (place / "reports").mkdir()
    small = ["mount", "-t", "tmpfs", "-o", f"size={kB}k", "tmpfs", str(place / "reports")]
    if subprocess.run(small, capture_output=True).returncode:
        pytest.skip("mounting is not allowed here")
    try:
        ended = command(place, *COMMANDS["report"])
        assert ended.status in (0, 1, 2), ended
        assert ended.err.count("\n") == (ended.status != 0), ended
        assert ended.status == 0 or "No space left" in ended.err
        assert contents(place / "reports") in ({}, unharmed["report"])  # perhaps it was the index that did not fit
        assert left_behind(place) == []
        subprocess.run(["mount", "-o", "remount,size=10m", str(place / "reports")], check=True)
        assert command(place, *COMMANDS["report"]).status == 0
        assert contents(place / "reports") == unharmed["report"]
    finally:
        subprocess.run(["umount", str(place / "reports")], check=True)


@pytest.mark.parametrize("name", COMMANDS)
def test_where_a_kernel_is_killed_a_line_says_so(place: Path, unharmed: Made, name: str) -> None:
    """By whoever frees memory, say."""
    pid = start(place, COMMANDS[name])
    until = time.monotonic() + LIMIT
    while not (started := psutil.Process(pid).children(recursive=True)) and time.monotonic() < until:
        time.sleep(0.001)
    started[-1].kill()
    ended = finish(place, pid)
    assert ended.status in (1, 2), ended
    assert "Traceback" not in ended.err
    assert are_whole(place / "reports")
    assert command(place, *COMMANDS[name]).status == 0
    assert contents(place / "reports") == unharmed[name]
    assert left_behind(place) == []


def cut(log: Path) -> None:
    log.write_bytes(log.read_bytes()[:-100])


def empty(log: Path) -> None:
    log.write_bytes(b"")


@pytest.mark.parametrize("change", [cut, empty, Path.unlink])
def test_a_log_that_is_cut_while_it_is_read_is_read_as_it_then_is_or_refused(
    place: Path, unharmed: Made, change: Callable[[Path], None]
) -> None:
    log = place / "runs" / "run_1.csv"
    whole, seen = log.read_bytes(), log.stat()
    for at in random.Random(change.__name__).sample(range(1, 40), TIMES):
        ended = command(place, *COMMANDS["report"], at=at, fault=lambda _: change(log))
        assert ended.status in (0, 2), (at, ended)
        assert ended.err.count("\n") == (ended.status == 2)
        assert left_behind(place) == []
        log.write_bytes(whole)
    assert command(place, *COMMANDS["report"]).status == 0
    assert contents(place / "reports") == unharmed["report"]
    os.utime(log, ns=(seen.st_atime_ns, seen.st_mtime_ns))


def test_a_clock_that_goes_back_makes_no_difference(place: Path, unharmed: Made) -> None:
    def turn_back() -> None:
        now = time.time
        moments = iter(range(10**9))
        time.time = lambda: now() - 86_400 * 365 - 3600 * next(moments)

    for told in ("2 done, 0 skipped", "0 done, 2 skipped"):
        ended = command(place, *COMMANDS["batch"], prepare=turn_back)
        assert ended.status == 0, ended
        assert told in ended.err
    assert contents(place / "reports") == unharmed["batch"]


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_that_is_ignored_stays_ignored(place: Path, how: signal.Signals) -> None:
    """As under nohup."""
    ignore = lambda: signal.signal(how, signal.SIG_IGN)  # noqa: E731
    ended = command(place, *COMMANDS["report"], at=20, fault=send(how), prepare=ignore)
    assert (ended.status, ended.struck) == (0, True)


def test_nothing_connects_anywhere(place: Path, unharmed: Made) -> None:
    def refuse(event: str, about: tuple[Any, ...]) -> None:
        if event == "socket.getaddrinfo" or (event == "socket.connect" and isinstance(about[1], tuple)):
            raise AssertionError(f"{event} {about}")

    for name, words in COMMANDS.items():
        assert command(place, *words, prepare=lambda: sys.addaudithook(refuse)).status == 0
        assert contents(place / "reports") == unharmed[name]
        shutil.rmtree(place / "reports")


def test_closed_streams_are_not_missed(place: Path, unharmed: Made) -> None:
    def close() -> None:
        os.closerange(0, 3)
        sys.stdin = sys.stdout = sys.stderr = None  # type: ignore[assignment]

    for name, words in COMMANDS.items():
        assert command(place, *words, prepare=close).status == 0
        assert contents(place / "reports") == unharmed[name]
        shutil.rmtree(place / "reports")
