"""Following a run: a report for each growth and none without, an end that is an end, and no sleeping."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from analysis.cli.main import main
from analysis.core.errors import LogError
from analysis.core.parameters import check_parameters
from analysis.publish.publisher import ReportFailed
from analysis.publish.watch import Look, Looks, end_of, look_at, watch
from tests.builders import altered, known, log, write_run


class Scene:
    """A clock that moves by ten seconds a wait, and looks that come one after the other (the last one stays)."""

    def __init__(self, *looks: Look | Exception) -> None:
        self.looks: Iterator[Look | Exception] = iter(looks)
        self.now, self.rendered, self.told = 0.0, [], []  # type: ignore[var-annotated]
        self.current: Look | Exception = looks[0]
        self.trouble: Callable[[], None] = lambda: None

    def look(self) -> Look:
        self.current = next(self.looks, self.current)
        if isinstance(self.current, Exception):
            raise self.current
        return self.current

    def render(self) -> None:
        self.rendered.append((self.now, self.current.logs))  # type: ignore[union-attr]
        self.trouble()

    def wait(self) -> None:
        self.now += 10

    def play(self, patience: float = 100) -> str:
        return watch(
            self.look,
            self.render,
            patience=patience,
            clock=lambda: self.now,
            wait=self.wait,
            report=self.told.append,
        )


def test_each_growth_is_rendered_once() -> None:
    scene = Scene(Look("a"), Look("a"), Look("b"), Look("b"), Look("c"), Look("c", "done"))
    assert scene.play() == "done"
    assert scene.rendered == [(0, "a"), (20, "b"), (40, "c")]


def test_a_run_that_stands_still_ends_when_patience_does() -> None:
    """Patience counts from the last growth, not from the start."""
    scene = Scene(Look("a"), Look("a"), Look("a"), Look("b"))
    assert scene.play(patience=50) == "no growth for 50 s"
    assert scene.now == 30 + 50
    assert [logs for _, logs in scene.rendered] == ["a", "b"]


def test_a_run_that_outgrows_its_plan_is_followed_on() -> None:
    """Reaching the expected steps ends nothing while the log still grows."""
    scene = Scene(
        Look("a", "step 5 of 5"), Look("b", "step 6 of 5"), Look("c", "step 7 of 5"), Look("c", "step 7 of 5")
    )
    assert scene.play() == "step 7 of 5"
    assert [logs for _, logs in scene.rendered] == ["a", "b", "c"]


def test_a_line_half_written_is_told_and_looked_at_again() -> None:
    scene = Scene(Look("a"), LogError("a.csv:9: half a line"), Look("b", "done"), Look("b", "done"))
    assert scene.play() == "done"
    assert scene.told == ["a.csv:9: half a line; looking again"]
    assert [logs for _, logs in scene.rendered] == ["a", "b"]


def test_a_report_that_fails_later_is_tried_again() -> None:
    scene = Scene(Look("a"), Look("b", "done"))
    attempts: list[str] = []

    def trouble() -> None:
        attempts.append("")
        if len(attempts) == 2:
            raise LogError("not now")

    scene.trouble = trouble
    assert scene.play() == "done"
    assert [logs for _, logs in scene.rendered] == ["a", "b", "b"]


def test_a_crash_later_on_is_told_and_tried_again() -> None:
    """A watch beside a training of days outlives a report that ran out of memory once."""
    scene = Scene(Look("a"), Look("b", "done"))
    attempts: list[str] = []

    def trouble() -> None:
        attempts.append("")
        if len(attempts) == 2:
            raise ReportFailed("a: MemoryError", Path("n.ipynb"), "")

    scene.trouble = trouble
    assert scene.play() == "done"
    assert scene.told == ["a: MemoryError; the failed notebook is n.ipynb; looking again"]


def test_what_fails_at_first_is_the_users_error() -> None:
    with pytest.raises(LogError):
        Scene(LogError("no such log")).play()
    scene = Scene(Look("a"))
    scene.trouble = lambda: (_ for _ in ()).throw(LogError("bad"))  # type: ignore[assignment]
    with pytest.raises(LogError):
        scene.play()


def test_a_look_sees_growth_and_the_end(tmp_path: Path) -> None:
    """One more row is another log; 300 of 300 planned steps are the end, 299 are not, from 1 or from 0."""
    plan = {"config": {"n_epochs": 1, "batch_size": 64}, "data": {"n_train": 300 * 64}}
    columns = log(1)
    request = check_parameters({"run_ids": ["a"], "runs_dir": str(tmp_path)})
    looks = []
    for rows in (298, 299, 299, 300):
        write_run(tmp_path, "a", {name: values[:rows] for name, values in columns.items()}, **plan)
        looks.append(look_at(request))
    assert len({look.logs for look in looks}) == 3
    assert [look.ended for look in looks] == ["", "", "", "step 300 of 300 is reached"]
    from_zero = known("z", {"step": np.arange(300), **columns})
    assert end_of(from_zero) == "step 300 of 300 is reached"


def test_a_log_is_read_again_only_when_it_has_changed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Looks at what stands still take a moment, whatever the size of the logs; growth is seen at the next look."""
    columns, reads = log(1), []
    monkeypatch.setattr("analysis.publish.watch.look_at", lambda request: reads.append(1) or look_at(request))
    write_run(tmp_path, "a", {name: values[:200] for name, values in columns.items()})
    looks = Looks(check_parameters({"run_ids": ["a"], "runs_dir": str(tmp_path)}))
    assert looks() == looks() == looks()
    assert len(reads) == 1
    before = looks()
    write_run(tmp_path, "a", columns)
    assert looks().logs != before.logs
    assert looks() == looks()
    assert len(reads) == 2


def test_the_tool_knows_best_whether_a_run_is_over() -> None:
    run = known("a", log(1))
    assert end_of(altered(run, ended=True)) == "made has the run as ended"
    assert end_of(altered(run, ended=False)) == ""


def test_the_candidate_is_the_one_that_is_followed(tmp_path: Path) -> None:
    write_run(tmp_path, "over", log(1), expected_steps=300)
    write_run(tmp_path, "going", log(2), expected_steps=900)
    asked = {"run_ids": ["over", "going"], "runs_dir": str(tmp_path)}
    assert look_at(check_parameters(asked)).ended == ""
    assert look_at(check_parameters({**asked, "candidate": "over"})).ended


def test_the_command_ends_with_a_run_that_has_ended(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """One report, its index beside it, and why it stopped; nobody slept."""
    write_run(tmp_path / "runs", "a", log(1), expected_steps=300)
    monkeypatch.setattr("time.sleep", lambda seconds: None)
    out = tmp_path / "reports"
    options = ["--runs-dir", str(tmp_path / "runs"), "--out", str(out), "--pdf", "none", "--every", "1"]
    assert main(["watch", "a", *options]) == 0
    said = capsys.readouterr().out.splitlines()
    assert said == [f"300 steps: insufficient data  {out / 'a'}", "ended: step 300 of 300 is reached"]
    assert (out / "a" / "report.html").is_file()
    assert '"title":' in (out / "index.html").read_text()


def test_ctrl_c_ends_cleanly(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    write_run(tmp_path, "a", log(1))
    monkeypatch.setattr("analysis.publish.watch.watch", interrupt)
    assert main(["watch", "a", "--runs-dir", str(tmp_path), "--out", str(tmp_path / "out")]) == 0
    assert capsys.readouterr().out == "stopped watching; the last report is whole\n"
