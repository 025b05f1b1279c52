"""Logs come from, and reports go to, wherever fsspec reaches: tried on memory and on a real S3 server."""

from __future__ import annotations

import contextlib
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from analysis.batch import local_pool
from analysis.batch.remote_reports import RemoteReports
from analysis.batch.run_batch import Plan, Summary, run_batch
from analysis.batch.run_sets import load_run_sets
from analysis.core.errors import AnalysisError, MissingExtra, RunNotFound, UsageError
from analysis.findings.results_file import EARLIER, RESULTS
from analysis.pipeline import analyze
from analysis.publish import publisher
from analysis.publish.forked import fork_is_safe
from analysis.publish.publisher import Publisher
from analysis.sources import load_runs, resolve
from analysis.sources.group_members import members
from tests.notebooks import make_template

fsspec = pytest.importorskip("fsspec", reason="fsspec is not installed: pip install 'run-reports[remote]'")

LOG = "step,train_loss\n1,0.5\n2,0.4\n"
RUNS, REPORTS = "memory://bucket/runs", "memory://bucket/reports"


@pytest.fixture
def memory() -> Iterator[Any]:
    """A store in this process with logs in it."""
    fs = fsspec.filesystem("memory")
    for number in (1, 2, 3):
        fs.pipe(f"/bucket/runs/run_{number}.csv", LOG.encode())
    fs.pipe("/bucket/runs/run_1.yaml", b"label: first\ndata: {example_losses: losses.csv}\nevaluations: quiz.csv\n")
    fs.pipe("/bucket/runs/quiz.csv", b"id,score\na,1\nb,0\n")
    fs.pipe("/bucket/runs/losses.csv", b"0.25\n0.75\n")
    fs.pipe("/bucket/out/a/trainer_state.json", b'{"log_history": [{"step": 1, "loss": 2.0}]}')
    fs.pipe("/bucket/out/a/model.safetensors", b"weights")
    fs.pipe("/bucket/out/a.yaml", b"label: in a folder\n")
    yield fs
    fs.rm("/bucket", recursive=True)


@pytest.mark.parametrize(
    ("reference", "runs_dir"),
    [
        ("run_1", RUNS),
        ("run_1.csv", f"{RUNS}/"),
        (f"{RUNS}/run_1.csv", "runs"),
        (f"{RUNS}/run_1", "runs"),
        (f"{RUNS}/run_[1].csv", "runs"),
    ],
)
def test_a_log_is_read_with_what_stands_beside_it(memory: Any, reference: str, runs_dir: str) -> None:
    """Sidecar, example losses and evaluations come along; the report names the URL and no copy."""
    (run,) = resolve(reference, runs_dir=runs_dir)
    assert (run.id, run.label, list(run.series("train_loss"))) == ("run_1", "first", [0.5, 0.4])
    assert list(run.examples["full_valid_loss"].scores) == [0.25, 0.75]
    assert run.series(run.metric_named("score") or "").tolist() == [0.5]
    assert run.provenance.path == f"{RUNS}/run_1.csv"
    assert run.reference == reference


def test_a_folder_that_a_tool_logged_to_is_read_without_its_weights(memory: Any, monkeypatch: Any) -> None:
    """Only what can be a log or its description is copied."""
    copied = []
    get_file = type(memory).get_file

    def noted(self: Any, path: str, *arguments: Any, **options: Any) -> None:
        copied.append(path.rpartition("/")[2])
        get_file(self, path, *arguments, **options)

    monkeypatch.setattr(type(memory), "get_file", noted)
    (run,) = resolve("memory://bucket/out/a", runs_dir="runs")
    assert (run.id, run.label) == ("a", "in a folder")
    assert sorted(copied) == ["a.yaml", "trainer_state.json"]


def test_labels_patterns_and_folders_work_as_on_disk(memory: Any, tmp_path: Path) -> None:
    """The references that a rule writes down lead to one run each."""
    (run,) = resolve(f"The best={RUNS}/run_2.csv", runs_dir="runs")
    assert run.label == "The best"
    assert [r.id for r in load_runs(["run_*.csv"], runs_dir=RUNS)] == ["run_1", "run_2", "run_3"]
    assert [r.id for r in load_runs([f"{RUNS}/run_*.csv"], runs_dir="runs")] == ["run_1", "run_2", "run_3"]
    found = members([f"{RUNS}/run_*.csv"], runs_dir="runs")
    assert [member.reference for member in found] == [f"{RUNS}/run_{n}.csv" for n in (1, 2, 3)]
    (tmp_path / "run_7.csv").write_text(LOG)
    assert resolve(f"file://{tmp_path}/run_7.csv", runs_dir="runs")[0].id == "run_7"
    assert resolve("run_7", runs_dir=f"file://{tmp_path}")[0].id == "run_7"


@pytest.mark.parametrize(
    ("reference", "error", "said"),
    [
        ("run_9", RunNotFound, rf"no run 'run_9': .* in {RUNS}; there are losses, quiz, run_1, run_2, run_3$"),
        (f"{RUNS}/run_9.csv", RunNotFound, rf"^{RUNS}/run_9.csv: there is no such log; there are .*run_1"),
        ("memory://bucket/none/x.csv", RunNotFound, r"^memory://bucket/none/x.csv: there is no such log"),
        (f"{RUNS}/broken.csv", AnalysisError, rf"^{RUNS}/broken.csv:"),
        ("sftp://joe:secret@host/x.csv", UsageError, r"^sftp://host: a URL with a password"),
        ("s3://bucket/x.csv?sig=secret", UsageError, r"^s3://bucket: a URL with a password or a signature"),
        ("https://joe:secret@host/x.csv", RunNotFound, r"no source reads this URL"),
        ("gs://bucket/x.csv", UsageError, r"^gs:// needs the package 'gcsfs': pip install gcsfs$"),
    ],
)
def test_what_cannot_be_read_is_one_line(memory: Any, reference: str, error: type[Exception], said: str) -> None:
    """It names the URL, not the copy, and no password."""
    memory.pipe("/bucket/runs/broken.csv", b"step,train_loss\nx,y\n")
    if "broken" not in reference:
        memory.rm("/bucket/runs/broken.csv")
    with pytest.raises(error, match=said) as caught:
        resolve(reference, runs_dir=RUNS)
    assert "\n" not in str(caught.value)
    assert "secret" not in str(caught.value)
    assert "run-reports-" not in str(caught.value)


def test_without_the_extra_it_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """One line with the command that installs it."""
    monkeypatch.setitem(sys.modules, "fsspec", None)
    with pytest.raises(MissingExtra, match=r"s3:// needs the package 's3fs'.*run-reports\[remote\]"):
        resolve("s3://bucket/x.csv", runs_dir="runs")


def test_a_name_that_leads_out_of_the_folder_of_copies_is_passed_over(memory: Any, tmp_path: Path) -> None:
    """Names in a store are anybody's; a copy is never written elsewhere."""
    memory.store["/bucket/evil/run/../../../../../escaped.csv"] = memory.store["/bucket/runs/run_1.csv"]
    with pytest.raises(AnalysisError):
        resolve("memory://bucket/evil/run", runs_dir=tmp_path)
    assert not list(tmp_path.parent.rglob("escaped.csv"))


def test_no_copy_is_left_behind(memory: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whether it was of use or not."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    resolve("run_1", runs_dir=RUNS)
    with pytest.raises(RunNotFound):
        resolve("run_9", runs_dir=RUNS)
    assert list(tmp_path.iterdir()) == []


def test_earlier_reports_are_read_where_a_url_leads(memory: Any) -> None:
    """An analysis finds what changed since, as it would in a folder."""
    rows = "".join(f"{step},{1 / step}\n" for step in range(1, 60))
    memory.pipe("/bucket/runs/long.csv", f"step,train_loss\n{rows}".encode())
    asked: dict[str, Any] = {"run_ids": ["long"], "runs_dir": RUNS, "reports_dir": REPORTS}
    from analysis.report.results_json import to_json

    first = analyze(**asked, date="2025-09-10")
    memory.pipe("/bucket/reports/long/training_analysis_results.json", json.dumps(to_json(first)).encode())
    assert first.previous is None
    assert analyze(**asked, date="2025-09-11").previous == "2025-09-10"


CELL = """
from IPython.display import display
exec(globals().get("goal", ""))
bundle = {"results": {"verdict": {"evidence": "improved"}, "runs": run_ids}}
display({"application/vnd.run-report+json": bundle, "text/plain": "results"}, raw=True)
"""

needs_fork = pytest.mark.skipif(not fork_is_safe(), reason="forking is not safe on this system")


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a template that does what the goal says, and light exporters."""
    make_template(tmp_path / "t.ipynb", CELL)
    monkeypatch.chdir(tmp_path)

    def export(nb: Any, folder: Path) -> None:
        (folder / "report.html").write_text("page")

    for module in (publisher, local_pool):
        monkeypatch.setattr(module, "load_exporters", lambda pdf: (export,))
        monkeypatch.setattr(module, "preload", lambda: None)
    return tmp_path


def batch(place: Path, *sets: dict[str, Any], tell: Any = lambda event: None, force: bool = False) -> Summary:
    (place / "sets.yaml").write_text(json.dumps(list(sets)))
    plan = Plan(
        place / "work", Publisher(template=place / "t.ipynb"), workers=2, force=force, remote=RemoteReports(REPORTS)
    )
    return run_batch(load_run_sets([place / "sets.yaml"], out=REPORTS), plan, tell=tell)


def below(fs: Any, folder: str) -> dict[str, bytes]:
    return {path.removeprefix(folder): fs.cat_file(path) for path in fs.find(folder)}


ONE, TWO = ({"run_ids": [f"run_{n}"], "runs_dir": RUNS} for n in (1, 2))


@needs_fork
def test_reports_are_made_and_skipped_where_a_url_leads(memory: Any, place: Path) -> None:
    """As in a folder, and nothing stays here; edited files are kept there."""
    assert sorted(batch(place, ONE, TWO).done) == ["run_1", "run_2"]
    made = below(memory, "/bucket/reports/run_1/")
    assert {"report.html", "report.ipynb", ".made.json"} <= set(made)
    assert not any(b"run-reports-" in content for content in made.values())
    assert not list((place / "work").glob("*"))
    assert sorted(batch(place, ONE, TWO).skipped) == ["run_1", "run_2"]
    memory.pipe("/bucket/reports/run_1/report.html", b"mine")
    memory.pipe("/bucket/reports/run_1/notes.txt", b"mine too")
    memory.pipe("/bucket/runs/run_1.csv", (LOG + "3,0.3\n").encode())
    assert batch(place, ONE, TWO) == Summary(("run_1",), ("run_2",), ())
    now = below(memory, "/bucket/reports/run_1/")
    assert (now["report.edited.html"], now["notes.txt"], now["report.html"]) == (b"mine", b"mine too", b"page")
    assert not memory.find("/bucket/reports/run_1/.coming.json")


@needs_fork
def test_a_report_that_fails_leaves_the_old_one_and_its_log(memory: Any, place: Path) -> None:
    """What is said of files is said of the URL."""
    batch(place, ONE)
    before = below(memory, "/bucket/reports/run_1/")
    events: list[dict[str, Any]] = []
    assert batch(place, {**ONE, "goal": "1 / 0"}, tell=events.append).failed == ("run_1",)
    now = below(memory, "/bucket/reports/run_1/")
    assert {name: content for name, content in now.items() if "failed" not in name} == before
    assert b"ZeroDivisionError" in now["report.failed.log"]
    failed = next(event for event in events if event["event"] == "failed")
    assert failed["log"] == f"{REPORTS}/run_1/report.failed.log"
    assert f"{REPORTS}/run_1/report.failed.ipynb" in failed["error"]
    assert str(place / "work") not in json.dumps(events) + now["report.failed.log"].decode()
    batch(place, {**ONE, "goal": "0 / 1"})
    assert "report.failed.log" not in below(memory, "/bucket/reports/run_1/")


@pytest.mark.parametrize("moment", range(14))
def test_killed_at_any_moment_an_upload_is_made_again(
    memory: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, moment: int
) -> None:
    """What it left counts as unfinished; made again, the report is as if nothing had happened, and nothing is lost."""
    reports = RemoteReports(REPORTS)

    def made(day: str, *names: str) -> Path:
        folder = tmp_path / day / "run_1"
        folder.mkdir(parents=True)
        for name in names:
            (folder / name).write_text(f"{name} of {day}")
        (folder / RESULTS).write_text(
            json.dumps({"date": day, "report_id": "", "title": "", "runs": {}, "verdict": {}})
        )
        return folder

    def finished(new: Path) -> Path:
        """Put on top of what is there, as a batch does it."""
        here = tmp_path / f"brought-{new.parent.name}"
        reports.bring("run_1", here)
        publisher.write_manifest(new, {})
        assert publisher.carry_into(here / "run_1", new) == ()
        reports.put("run_1", new.parent)
        return new

    finished(made("2025-01-01", "a", "b", "gone"))
    memory.pipe("/bucket/reports/run_1/notes.txt", b"mine")
    before, calls = below(memory, "/bucket/reports/run_1/"), 0

    class Killed(BaseException):
        pass

    def counted(call: Any) -> Any:
        def wrapped(*arguments: Any, **options: Any) -> Any:
            nonlocal calls
            calls += 1
            if calls == moment + 1:
                raise Killed
            return call(*arguments, **options)

        return wrapped

    with monkeypatch.context() as patched, contextlib.suppress(Killed):
        for name in ("put_file", "rm_file"):
            patched.setattr(type(memory), name, counted(getattr(type(memory), name)))
        finished(made("2025-01-02", "a", "b", "come"))
    killed = calls == moment + 1
    if killed and below(memory, "/bucket/reports/run_1/") != before:
        assert reports.manifests(["run_1"]) == {}
    (tmp_path / "2025-01-02").rename(tmp_path / "cut off")
    (tmp_path / "brought-2025-01-02").rename(tmp_path / "brought before")
    whole = finished(made("2025-01-02", "a", "b", "come"))
    now = below(memory, "/bucket/reports/run_1/")
    assert set(now) == {"a", "b", "come", "notes.txt", ".made.json", RESULTS, EARLIER}
    assert now["a"] == b"a of 2025-01-02"
    assert json.loads(now[EARLIER])["date"] == "2025-01-01"
    assert reports.manifests(["run_1"])["run_1"]["files"].keys() >= {"a", "b", "come", RESULTS}
    assert whole.is_dir()
