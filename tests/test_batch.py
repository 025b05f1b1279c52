"""A batch makes every report once, whatever happens to some of them or to the batch itself."""

from __future__ import annotations

import io
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest

from analysis.batch import local_pool
from analysis.batch.progress import JsonLines, Progress
from analysis.batch.run_batch import Plan, Summary, run_batch
from analysis.batch.run_sets import load_run_sets
from analysis.publish import publisher as publish
from analysis.publish.forked import fork_is_safe
from analysis.publish.publisher import Publisher
from tests.notebooks import make_template

CELL = """
from IPython.display import display
exec(globals().get("goal", ""))
bundle = {"results": {"verdict": {"evidence": "improved"}, "runs": run_ids}}
display({"application/vnd.run-report+json": bundle, "text/plain": "results"}, raw=True)
"""

pytestmark = pytest.mark.skipif(not fork_is_safe(), reason="forking is not safe on this system")

Batch = Callable[..., Summary]


def light_export(nb: Any, folder: Path) -> None:
    (folder / "report.html").write_text("page")


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with three runs, a template that does what the goal says, and light exporters."""
    (tmp_path / "runs").mkdir()
    for number in (1, 2, 3):
        rows = "".join(f"{step},{0.5 / step + number}\n" for step in range(1, 30))
        (tmp_path / "runs" / f"run_{number}.csv").write_text(f"step,train_loss\n{rows}")
    make_template(tmp_path / "t.ipynb", CELL)
    monkeypatch.chdir(tmp_path)
    for module in (publish, local_pool):
        monkeypatch.setattr(module, "load_exporters", lambda pdf: (light_export,))
        monkeypatch.setattr(module, "preload", lambda: None)
    return tmp_path


@pytest.fixture
def run(place: Path) -> Batch:
    """Run a batch of run sets given as parameters; events are collected in ``run.events``."""

    def run_sets(*sets: dict[str, Any], timeout: float | None = None, force: bool = False) -> Summary:
        file = place / "sets.yaml"
        file.write_text(json.dumps(list(sets)))
        publisher = Publisher(template=place / "t.ipynb", timeout=timeout)
        plan = Plan(place / "reports", publisher, workers=2, force=force)
        run_sets.events = []  # type: ignore[attr-defined]
        return run_batch(load_run_sets([file], out=plan.out), plan, tell=run_sets.events.append)  # type: ignore[attr-defined]

    return run_sets


ONE, TWO, THREE = ({"run_ids": [f"run_{n}"]} for n in (1, 2, 3))


def contents(folder: Path) -> dict[str, bytes]:
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def test_each_report_is_made_once_and_then_skipped(run: Batch, place: Path) -> None:
    assert sorted(run(ONE, TWO, THREE).done) == ["run_1", "run_2", "run_3"]
    before = contents(place / "reports")
    assert run(ONE, TWO, THREE) == Summary((), ("run_1", "run_2", "run_3"), ())
    assert contents(place / "reports") == before
    assert sorted(run(ONE, TWO, force=True).done) == ["run_1", "run_2"]
    assert contents(place / "reports") == before


def touch(place: Path) -> None:
    os.utime(place / "runs" / "run_1.csv", (1, 1))


def grow(place: Path) -> None:
    with (place / "runs" / "run_1.csv").open("a") as log:
        log.write("30,0.9\n")


def rewrite(place: Path) -> None:
    path = place / "runs" / "run_1.csv"
    path.write_text(path.read_text().replace("1.5", "1.6"))


def describe(place: Path) -> None:
    (place / "runs" / "run_1.yaml").write_text("label: new\n")


def lose(place: Path) -> None:
    (place / "reports" / "run_1" / "report.html").unlink()


def retouch_template(place: Path) -> None:
    make_template(place / "t.ipynb", CELL + "\n")


@pytest.mark.parametrize(
    ("change", "again"),
    [(touch, 0), (grow, 1), (rewrite, 1), (describe, 1), (lose, 1), (retouch_template, 2)],
)
def test_only_what_would_come_out_differently_is_made_again(
    run: Batch, place: Path, change: Callable[[Path], None], again: int
) -> None:
    run(ONE, TWO)
    change(place)
    summary = run(ONE, TWO)
    assert sorted(summary.done) == ["run_1", "run_2"][:again]
    assert sorted(summary.skipped) == ["run_1", "run_2"][again:]


def test_logs_that_were_touched_are_read_once(run: Batch, place: Path) -> None:
    """As after a checkout, which gives all files a new time: next time a glance is enough again."""
    run(ONE)
    (place / "reports" / "run_1" / "report.html").write_text("edited")
    touch(place)
    kinds = []
    for _ in range(2):
        run(ONE)
        kinds.append([e["event"] for e in run.events])  # type: ignore[attr-defined]
    assert kinds == [["begin", "start", "skipped", "end"], ["begin", "skipped", "end"]]
    assert run(ONE, force=True).done == ("run_1",)
    assert (place / "reports" / "run_1" / "report.edited.html").read_text() == "edited"


def test_other_parameters_make_another_report(run: Batch) -> None:
    run(ONE)
    assert run({**ONE, "title": "Another"}).done == ("run_1",)
    assert run({**ONE, "title": "Another"}).skipped == ("run_1",)


FAILURES = {
    "raises": ("def culprit():\n  1 / 0\nculprit()", "ZeroDivisionError", "culprit"),
    "exits": ("import os; os._exit(3)", "exit status 3", "exit status 3"),
    "crashes": ("def culprit():\n  import ctypes; ctypes.string_at(0)\nculprit()", "SIGSEGV", "culprit"),
    "hangs": ("def culprit():\n  while True: pass\nculprit()", "time limit", "culprit"),
    "kills": ("import os; os.kill(os.getpid(), 9)", "SIGKILL", "SIGKILL"),
}


def test_reports_that_fail_leave_their_traceback_and_the_others_alone(run: Batch, place: Path) -> None:
    failing = [{"run_ids": ["run_1"], "report_id": name, "goal": FAILURES[name][0]} for name in FAILURES]
    missing = {"run_ids": ["run_9"], "report_id": "missing"}
    summary = run(*failing, missing, TWO, THREE, timeout=2.0)
    assert sorted(summary.done) == ["run_2", "run_3"]
    assert sorted(summary.failed) == sorted([*FAILURES, "missing"])
    errors = {e["report"]: e for e in run.events if e["event"] == "failed"}  # type: ignore[attr-defined]
    for name, (_, said, evidence) in FAILURES.items():
        folder = place / "reports" / name
        assert said in errors[name]["error"]
        assert set(contents(folder)) == {"report.failed.ipynb", "report.failed.log"}
        assert evidence in (folder / "report.failed.log").read_text()
        assert evidence in (folder / "report.failed.ipynb").read_text()
    assert "no run 'run_9'" in errors["missing"]["error"]
    assert errors["missing"]["status"] == 2
    assert errors["missing"]["where"] == f"{place / 'sets.yaml'}:1"
    assert not (place / "reports" / "missing").exists()  # what the user can mend is said, and nothing is made
    assert not [p for p in (place / "reports").iterdir() if p.name.startswith(".")]


def test_a_report_that_failed_is_tried_again_and_its_traces_go(run: Batch, place: Path) -> None:
    set_ = {**ONE, "goal": "if not __import__('os').path.exists('fixed'): 1 / 0"}
    assert run(set_).failed == ("run_1",)
    (place / "fixed").touch()
    assert run(set_).done == ("run_1",)
    assert not {"report.failed.ipynb", "report.failed.log"} & set(contents(place / "reports" / "run_1"))


def test_traces_of_a_failure_go_when_they_are_of_the_past(run: Batch, place: Path) -> None:
    """When the old report turns out to be right again, and when the next failure is another, of the input."""
    set_ = {**ONE, "goal": "if __import__('os').path.exists('broken'): 1 / 0"}
    run(set_)
    whole = contents(place / "reports")
    for again, ended in ((set_, "skipped"), ({**set_, "run_ids": ["run_9"], "report_id": "run_1"}, "failed")):
        (place / "broken").touch()
        assert run(set_, force=True).failed == ("run_1",)
        assert contents(place / "reports").keys() - whole == {"run_1/report.failed.ipynb", "run_1/report.failed.log"}
        (place / "broken").unlink()
        assert getattr(run(again), ended) == ("run_1",)
        assert contents(place / "reports") == whole


def test_a_place_that_cannot_be_written_to_is_one_line_a_report(run: Batch, place: Path) -> None:
    (place / "reports").write_text("a file")
    assert sorted(run(ONE, TWO).failed) == ["run_1", "run_2"]
    errors = [e["error"] for e in run.events if e["event"] == "failed"]  # type: ignore[attr-defined]
    assert all("cannot be written" in error and "\n" not in error for error in errors)


def test_no_report_takes_the_place_of_the_index(run: Batch) -> None:
    assert run({**ONE, "report_id": "index.html"}, TWO).done == ("run_2",)


def test_cells_may_start_processes_of_their_own(run: Batch) -> None:
    many = "import multiprocessing as m\nwith m.get_context('fork').Pool(2) as p: assert p.map(abs, [-1]) == [1]"
    assert run({**ONE, "goal": many}).done == ("run_1",)


LEAVES_A_PROCESS = "import os, time\nif os.fork() == 0: time.sleep(20)\nos.kill(os.getppid(), 9)"


def test_a_worker_that_is_killed_is_noticed_though_a_process_of_a_cell_lives_on(run: Batch, place: Path) -> None:
    assert run({**ONE, "goal": LEAVES_A_PROCESS}, TWO).failed == ("run_1",)
    assert next(e["seconds"] for e in run.events if e["event"] == "failed") < 15  # type: ignore[attr-defined]
    log = (place / "reports" / "run_1" / "report.failed.log").read_text()
    assert "ended by SIGKILL (out of memory?)" in log
    assert not [p for p in (place / "reports").iterdir() if p.name.startswith(".")]


def test_a_worker_that_dies_is_told_of_and_the_others_go_on(
    run: Batch, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def die(nb: Any, folder: Path) -> None:
        if "run_1" in json.loads((folder / "training_analysis_results.json").read_text())["runs"]:
            os._exit(9)
        light_export(nb, folder)

    monkeypatch.setattr(publish, "load_exporters", lambda pdf: (die,))
    summary = run(ONE, TWO)
    assert (summary.done, summary.failed) == (("run_2",), ("run_1",))
    assert "9" in (place / "reports" / "run_1" / "report.failed.log").read_text()


def test_state_does_not_leak_from_one_report_to_the_next(run: Batch, place: Path) -> None:
    leak = "import builtins; assert not hasattr(builtins, 'leak'); builtins.leak = 1"
    sets = [{"run_ids": ["run_1"], "report_id": f"r{n}", "goal": leak} for n in range(4)]
    assert len(run(*sets).done) == 4


RUN_BATCH = """
import sys
from pathlib import Path
from analysis.batch import run_batch as batch, local_pool as pool; from analysis.publish import publisher as publish
from analysis.batch.run_sets import load_run_sets
def export(nb, folder): (folder / "report.html").write_text("page")
for module in (publish, pool):
    module.load_exporters = lambda pdf: (export,)
    module.preload = lambda: None
plan = batch.Plan(Path.cwd() / "reports", publish.Publisher(template=Path("t.ipynb")), workers=2)
def tell(event): print(event["event"], event.get("report"), flush=True)
batch.run_batch(load_run_sets([Path("sets.yaml")], out=plan.out), plan, tell=tell)
"""


def test_killed_at_any_moment_and_started_again_it_ends_as_if_never_killed(
    run: Batch, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The batch with or without its workers, or a worker alone: nothing is made twice, and nothing is left."""
    sets = [{"run_ids": ["run_1", "run_2"], "report_id": f"r{n}"} for n in range(8)]
    run(*sets)
    expected = contents(place / "reports")
    (place / "reports").rename(place / "never_killed")
    (place / "temporary").mkdir()
    monkeypatch.setenv("TMPDIR", str(place / "temporary"))
    monkeypatch.setattr(tempfile, "tempdir", str(place / "temporary"))
    rng, ended = random.Random(7), set[str]()
    for events, whom in ((3, "all"), (4, "batch"), (5, "worker"), (6, "all"), (7, "batch")):
        with subprocess.Popen(
            [sys.executable, "-c", RUN_BATCH],
            stdout=subprocess.PIPE,
            text=True,
            env=environment(),
            start_new_session=True,
        ) as process:
            assert process.stdout is not None
            lines = [process.stdout.readline() for _ in range(events)]
            for _ in range(rng.randrange(200_000)):
                pass  # a moment of random length
            kill(process.pid, whom)
            told = [line.split() for line in (*lines, *process.stdout) if len(line.split()) == 2]
        done = [report for what, report in told if what == "done"]
        assert not ended & {*done}
        ended |= {*done}
        wait_for_all_with("TMPDIR", str(place / "temporary"))  # nobody outlives the batch
    last = run(*sets)
    assert ended <= {*last.skipped}
    assert last.failed == ()
    assert contents(place / "reports") == expected
    assert not [p for p in (place / "reports").iterdir() if p.name.startswith(".")]
    # Python first tries whether the folder can be written to: an empty file for a moment, in which a kill may come.
    left = [p for p in (place / "temporary").iterdir() if p.is_dir() or p.stat().st_size]
    assert left == []


def kill(pid: int, whom: str) -> None:
    """Kill a batch that leads a group of processes: all of it, the batch alone, or one of its workers."""
    if whom == "all":
        os.killpg(pid, signal.SIGKILL)
    else:
        workers = psutil.Process(pid).children()
        os.kill(workers[0].pid if whom == "worker" and workers else pid, signal.SIGKILL)


def wait_for_all_with(name: str, value: str) -> None:
    """Wait until no process is left that was started with a variable in its environment."""
    while living := [p for p in psutil.process_iter(["environ"]) if (p.info["environ"] or {}).get(name) == value]:
        assert not psutil.wait_procs(living, timeout=30)[1]


@pytest.mark.usefixtures("heeding")
def test_an_interrupted_batch_says_one_line_and_leaves_whole_reports(place: Path) -> None:
    sets = [{"run_ids": ["run_1"], "report_id": f"r{n}"} for n in range(6)]
    (place / "sets.yaml").write_text(json.dumps(sets))
    words = [sys.executable, "-m", "analysis", "batch", "sets.yaml", "--json", "--pdf", "none", "--no-index"]
    with subprocess.Popen(
        words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment(), start_new_session=True
    ) as process:
        assert process.stdout is not None
        assert '"begin"' in process.stdout.readline()
        assert '"start"' in process.stdout.readline()
        os.killpg(process.pid, signal.SIGINT)  # as a terminal does: the batch and whatever it runs
        _, said = process.communicate()
    assert process.returncode == 130
    assert said == "interrupted; finished reports are whole, the same command makes the rest\n"
    assert not [p for p in (place / "reports").glob(".*") if p.name.endswith(".new")]


def environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])}


def test_events_are_told_to_machines_and_people(run: Batch) -> None:
    run(ONE, {"run_ids": ["run_9"]})
    events = run.events  # type: ignore[attr-defined]
    lines, told, bar = io.StringIO(), io.StringIO(), Terminal()
    for tell in (JsonLines(lines), Progress(told), Progress(bar)):
        for event in events:
            tell(event)
    assert [json.loads(line) for line in lines.getvalue().splitlines()] == events
    assert events[0] == {"event": "begin", "reports": 2}
    assert [e["event"] for e in events].count("start") == 2
    assert events[-1].items() >= {"event": "end", "done": 1, "failed": 1, "skipped": 0}.items()
    assert "run_1: improved" in told.getvalue()
    assert "run_9: FAILED: no run 'run_9'" in told.getvalue()
    assert "2/2" in bar.getvalue()


def test_the_bar_never_breaks_a_line(monkeypatch: pytest.MonkeyPatch) -> None:
    """A line that the terminal breaks could not be taken back."""
    monkeypatch.setenv("COLUMNS", "40")
    bar = Terminal()
    progress = Progress(bar)
    progress({"event": "begin", "reports": 9})
    for number in range(5):
        progress({"event": "start", "report": f"a-long-name-of-a-report-{number}"})
    assert all(len(line.removeprefix("\x1b[K")) < 40 for line in bar.getvalue().split("\r"))
    assert "0/9" in bar.getvalue()


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_where_forking_is_not_possible_workers_are_started_afresh(
    run: Batch, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(local_pool, "fork_is_safe", lambda: False)
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[1]))
    assert run(ONE).done == ("run_1",)
    assert {"report.html", "report.pdf", "report.ipynb"} <= set(contents(place / "reports" / "run_1"))
