"""The command: what it exits with, what it says on one line, and that bad input leaves nothing behind."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator

from analysis.cli.main import _parser, main
from analysis.cli.report import report_id_of, request_of
from analysis.core.parameters import KINDS, check_parameters
from analysis.publish import check, publisher
from analysis.report.results_json import schema
from tests.builders import ROOT, log, write_run
from tests.degenerate import HOSTILE


def command(*arguments: str, cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
    """Run the command as a person does."""
    return subprocess.run(
        [sys.executable, "-m", "analysis", *arguments], cwd=cwd, capture_output=True, text=True, check=False
    )


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with two runs in it, which is the current one."""
    write_run(tmp_path / "runs", "run_1", log(1), config={"n_epochs": 1})
    write_run(tmp_path / "runs", "run_2", log(2), config={"n_epochs": 1}, label="Second")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def files(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def test_a_report_of_runs_full_of_hostile_text_is_made_whole(tmp_path: Path) -> None:
    name = "läuf ✓ {x} <b>"
    write_run(tmp_path / "runs", name, log(1), label=HOSTILE, config={HOSTILE: HOSTILE, "n_epochs": 1}, goal=HOSTILE)
    write_run(tmp_path / "runs", "plain", log(2), config={"n_epochs": 2}, parent=HOSTILE)
    done = command("report", name, "plain", "--date", "2025-09-11", "--title", HOSTILE, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    folder = tmp_path / "reports" / "plain"
    results = json.loads((folder / "training_analysis_results.json").read_text(encoding="utf-8"))
    Draft202012Validator(schema()).validate(results)
    assert results["title"] == HOSTILE.strip()
    assert results["report_id"] == "plain"
    assert set(results["files"]) <= files(folder)
    assert (folder / "report.pdf").read_bytes().startswith(b"%PDF")
    assert '<script>alert("x")' not in (folder / "report.html").read_text(encoding="utf-8")
    for planned in results["next_runs"]:
        assert yaml.safe_load((folder / planned["file"]).read_text(encoding="utf-8"))["config"] == planned["config"]
    assert done.stdout.splitlines()[0] == f"{results['title']}: {results['verdict']['evidence']}"


BAD: dict[str, tuple[list[str], str]] = {
    "no run": (["report"], "'run_ids' is empty"),
    "a run that is nowhere": (["report", "run_1", "nowhere"], "nowhere"),
    "a baseline that is none": (["report", "run_1", "run_2", "--baseline", "x"], "'baseline' is 'x'"),
    "a candidate that is none": (["report", "run_1", "run_2", "--candidate", "x"], "'candidate' is 'x'"),
    "a date that is none": (["report", "run_1", "--date", "soon"], "'date' must be a date such as 2025-09-11"),
    "a folder's name": (["report", "run_1", "--name", "../x"], "'report_id' must be a folder name"),
    "an unknown rule": (["report", "run_1", "--mute", "nothing"], "'mute' names 'nothing', which is no rule"),
    "no run set": (["report", "-f", "none.yaml"], "none.yaml: no such run set"),
    "an unknown key": (["report", "-f", "set.yaml"], "parameter 'runs' is unknown (did you mean 'run_ids'?)"),
    "an unknown setting": (["report", "run_1", "--settings", "{alfa: 1}"], "settings: unknown key 'alfa'"),
    "settings that are no YAML": (["report", "run_1", "--settings", "{alpha: [}"], "'settings' must be YAML such as"),
    "a column without its space": (["runs", "run_1", "--columns", "{a:b}"], "must name a log column for 'a:b'"),
    "no earlier report": (["report", "run_1", "--previous", "x.json"], "x.json is no results JSON"),
    "text in a log": (["report", "broken", "run_2"], "broken.csv:3: "),
    "an empty log": (["report", "empty", "run_2"], "empty.csv"),
    "a binary log": (["report", "binary"], "binary.csv"),
    "no loss": (["report", "run_1", "lossless"], "lossless.csv"),
    "a sidecar of the wrong type": (["report", "wrong", "run_2"], "wrong.yaml:1: 'label' must be text"),
    "a reference to list": (["runs", "nowhere"], "nowhere"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_one_line_and_leaves_nothing(
    case: str, place: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (place / "set.yaml").write_text("runs: [run_1]\n", encoding="utf-8")
    (place / "runs/broken.csv").write_text("step,train_loss\n1,0.3\n2,n/a?\n", encoding="utf-8")
    (place / "runs/empty.csv").write_text("", encoding="utf-8")
    (place / "runs/binary.csv").write_bytes(bytes(range(256)) * 4)
    (place / "runs/lossless.csv").write_text("step,comment\n1,\n", encoding="utf-8")
    (place / "runs/wrong.csv").write_text("step,train_loss\n1,0.3\n", encoding="utf-8")
    (place / "runs/wrong.yaml").write_text("label: [1]\n", encoding="utf-8")
    before = files(place)
    arguments, words = BAD[case]
    status = main([*arguments, *(["--pdf", "none"] if arguments[0] == "report" else [])])
    said = capsys.readouterr()
    assert status == 2
    assert said.out == ""
    assert said.err.startswith("error: ")
    assert words in said.err
    assert said.err.count("\n") == 1
    assert files(place) == before
    assert not (place / "reports").exists() or list((place / "reports").iterdir()) == []


def test_bad_input_keeps_the_earlier_report(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    earlier = place / "reports" / "run_2" / "report.html"
    earlier.parent.mkdir(parents=True)
    earlier.write_text("earlier", encoding="utf-8")
    (place / "runs/run_1.csv").write_text("step,train_loss\n1,abc\n", encoding="utf-8")
    assert main(["report", "run_1", "run_2", "--pdf", "none"]) == 2
    assert "run_1.csv: " in capsys.readouterr().err
    assert files(place / "reports") == {"run_2/report.html"}
    assert earlier.read_text(encoding="utf-8") == "earlier"


def test_a_crash_is_status_one(
    place: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: Any, **__: Any) -> None:
        raise publisher.ReportFailed("r: RuntimeError: ours", place / "report.failed.ipynb", "")

    monkeypatch.setattr(publisher.Publisher, "publish", broken)
    assert main(["report", "run_1"]) == 1
    said = capsys.readouterr().err
    assert said.startswith("failed: ")
    assert said.count("\n") == 1


def test_a_defect_is_one_line_and_its_traceback_is_there_for_who_asks(
    place: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Status 1, never 2 or 3: whoever runs the command can tell that it is not the input."""

    def broken(*_: Any, **__: Any) -> None:
        raise ValueError("ours,\nwith token=abcdef")

    monkeypatch.setattr(check, "check", broken)
    asked = ["check", "run_2", "--against", "run_1"]
    assert main(asked) == 1
    said = capsys.readouterr()
    assert said.out == ""
    assert re.fullmatch(r"crashed: ValueError: ours, with token=\[redacted\] \(.*test_cli.py:\d+\); .*\n", said.err)
    monkeypatch.setenv("RUN_REPORTS_TRACEBACK", "1")
    with pytest.raises(ValueError, match="ours"):
        main(asked)


def test_an_interrupt_is_told_without_a_traceback(
    place: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(publisher.Publisher, "publish", interrupted)
    assert main(["report", "run_1"]) == 130
    assert "interrupted" in capsys.readouterr().err


def test_usage_errors_exit_with_two(capsys: pytest.CaptureFixture[str]) -> None:
    for arguments in ([], ["reprot"], ["report", "--nope"], ["report", "a", "--pdf", "latex"]):
        with pytest.raises(SystemExit) as stop:
            main(arguments)
        assert stop.value.code == 2
    assert "usage" in capsys.readouterr().err


def test_every_parameter_has_an_option() -> None:
    options = _parser().parse_args(["report", "a"])
    assert set(KINDS) - {"reports_dir"} <= set(vars(options))
    assert request_of(options).reports_dir == "reports"


@pytest.fixture
def asked() -> Callable[..., Any]:
    return lambda *arguments: request_of(_parser().parse_args(["report", *arguments]))


def test_options_win_over_the_run_set(place: Path, asked: Callable[..., Any]) -> None:
    (place / "set.yaml").write_text("run_ids: [run_1]\ntitle: From the file\ngoal: better\n", encoding="utf-8")
    request = asked("-f", "set.yaml", "--title", "Mine", "run_2")
    assert (request.title, request.goal, request.run_ids) == ("Mine", "better", ("run_2",))
    assert asked("-f", "set.yaml").run_ids == ("run_1",)
    assert asked("-f", "set.yaml", "--out", "elsewhere").reports_dir == "elsewhere"


@pytest.mark.parametrize(
    ("parameters", "name"),
    [
        ({}, "run_2"),
        ({"candidate": "run_1"}, "run_1"),
        ({"candidate": "Second"}, "run_2"),
        ({"report_id": "mine", "candidate": "run_1"}, "mine"),
    ],
)
def test_the_folder_is_named_after_the_candidate(place: Path, parameters: dict[str, str], name: str) -> None:
    assert report_id_of(check_parameters({"run_ids": ["run_1", "run_2"], **parameters})) == name


def test_what_cannot_be_read_hides_nothing_else(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (place / "runs/empty.csv").write_text("step,train_loss\n", encoding="utf-8")
    assert main(["runs", "empty", "run_1", "nowhere", "run_2"]) == 2
    said = capsys.readouterr()
    assert [line for line in said.out.splitlines() if not line.startswith(" ")][:2] == ["run_1", "run_2 (Second)"]
    assert [line.partition(";")[0] for line in said.err.splitlines()] == [
        f"error: {Path('runs/empty.csv')}: no data rows",
        "error: no run 'nowhere': runs has empty, run_1, run_2",
    ]


def test_runs_are_described(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["runs", "run_1", "run_2"]) == 0
    said = capsys.readouterr().out
    assert "run_1" in said
    assert "300" in said
    assert "train_loss" in said
