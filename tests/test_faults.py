"""Whatever strikes a command, at whatever step: nothing is lost, nothing is left, and the next one makes it whole.

``FAULTS=50`` in the environment strikes so many times each; once otherwise.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import os
import random
import resource
import shutil
import signal
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.notebooks import make_template
from tests.struck import Fault, command, exhaust_memory, fill_the_disk, finish, send, start, take_the_reports

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
