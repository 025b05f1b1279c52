"""No secret that somebody wrote into a reference, a title or an option reaches a file, a line or an event."""

from __future__ import annotations

import html
import json
import re
from pathlib import Path
from typing import Any

import pytest

from analysis.cli.main import main
from analysis.publish.forked import fork_is_safe
from tests.builders import log, write_run
from tests.notebooks import make_template

KEY = "sk-" + "abcdefghijklmnopqrstuvwx"
PASSWORD, MAIL = "hunter2", "jane@example.org"
SECRETS = (KEY, PASSWORD, MAIL)
SAID = f"{KEY} https://joe:{PASSWORD}@host/x?token={PASSWORD} of {MAIL}"


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with runs, one of them in a folder that is called after a key."""
    write_run(tmp_path / "runs", "run_1", log(1))
    write_run(tmp_path / f"logs_{KEY}", "run_2", log(2))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def held(text: str) -> list[str]:
    """Give the secrets in a text, wherever markup may break them."""
    bare = re.sub(r"<[^>]*>|\u200b|\\u200b|[\"\\,\s]", "", html.unescape(text))
    return [secret for secret in SECRETS if secret in bare]


def test_a_report_holds_none(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Title, goal, label and path with secrets: the report is made, no file of it has any, nor what is printed."""
    asked = ["report", "run_1", f"{KEY}=logs_{KEY}/run_2.csv", "--title", SAID, "--goal", f"better, {SAID}"]
    assert main([*asked, "--name", "r"]) == 0
    files = [path for path in (place / "reports").rglob("*") if path.is_file()]
    assert {"report.html", "report.pdf", "report.ipynb", "index.html"} <= {path.name for path in files}
    texts = {path.name: path.read_text(errors="replace") for path in files if path.suffix != ".png"}
    assert {name: held(text) for name, text in texts.items()} == {name: [] for name in texts}
    said = capsys.readouterr()
    assert held(said.out + said.err) == []
    title = json.loads((place / "reports/r/training_analysis_results.json").read_text())["title"]
    assert title == "[redacted] https://[redacted]@host/x?token=[redacted] of [redacted]"


@pytest.mark.parametrize(
    "wrong",
    [
        [f"s3://AKEY:{PASSWORD}@team/run"],
        [f"s3://AKEY:{PASSWORD}/x+==@team/run"],
        [f"s3://team/run.csv?X-Amz-Signature={PASSWORD}"],
        [f"az://runs/run.csv?sv=2024&sig={PASSWORD}"],
        [f"S3://AKEY:{PASSWORD}@team/run"],
        [f"https://host/run.csv?token={PASSWORD}"],
        [f"mlflow:https://joe:{PASSWORD}@host/#/x"],
        [f"wandb:https://joe:{PASSWORD}@host/x"],
        ["run_1", "--runs-dir", f"s3://AKEY:{PASSWORD}@team/runs"],
        ["run_1", "--out", f"s3://AKEY:{PASSWORD}@team/reports"],
        ["run_1", "--out", f"ftp://joe:{PASSWORD}@host/reports"],
        ["run_1", "--previous", f"https://joe:{PASSWORD}@host/x.json?token={PASSWORD}"],
        ["run_1", "--previous", f"s3://team/x.json?X-Amz-Security-Token={PASSWORD}"],
        ["run_1", "--candidate", SAID],
        ["run_1", "--date", SAID],
        ["run_1", "--name", SAID],
        ["run_1", "--columns", f"{{a: {KEY}, a:password={PASSWORD}: 1}}"],
        ["run_1", "--settings", f"password={PASSWORD}.yaml"],
        ["run_1", "--log-to", f"mlflow:https://joe:{PASSWORD}@host/x"],
        ["run_1", f"--unknown-token={PASSWORD}"],
        ["run_1", "--engine", KEY],
    ],
)
def test_what_is_refused_is_named_without_them(wrong: list[str], place: Path, capsys: Any) -> None:
    """One line, that of a mistake, and nothing made."""
    pytest.importorskip("s3fs", reason="s3fs is not installed: pip install 'run-reports[remote]'")
    try:
        status: Any = main(["report", "--pdf", "none", *wrong])
    except SystemExit as refused:
        status = refused.code
    said = capsys.readouterr()
    assert status == 2
    assert "error: " in said.err.splitlines()[-1]
    assert held(said.out + said.err) == []
    assert not list(place.glob("reports/*"))


@pytest.mark.skipif(not fork_is_safe(), reason="forking is not safe on this system")
def test_a_failure_is_told_without_them(place: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    """A crash that quotes them, and a wrong reference: events, the log and the failed notebook are clean."""
    make_template(place / "t.ipynb", "import sys\nprint(title, file=sys.stderr)\nraise ValueError(title)")
    monkeypatch.setattr("analysis.publish.publisher.template_path", lambda: place / "t.ipynb")
    sets = [{"run_ids": [f"logs_{KEY}/run_2.csv"], "report_id": "crash", "title": SAID}]
    sets += [{"run_ids": [f"https://joe:{PASSWORD}@host/{KEY}"], "report_id": "wrong", "title": SAID}]
    (place / "sets.yaml").write_text(json.dumps(sets))
    assert main(["batch", "sets.yaml", "--pdf", "none", "--json"]) == 1
    said = capsys.readouterr()
    events = [json.loads(line) for line in said.out.splitlines()]
    assert {e["report"]: e["status"] for e in events if e["event"] == "failed"} == {"crash": 1, "wrong": 2}
    left = {path.name: path.read_text() for path in (place / "reports" / "crash").iterdir()}
    assert set(left) == {"report.failed.log", "report.failed.ipynb"}
    assert all("ValueError" in text for text in left.values())
    assert held(said.out + said.err) == []
    assert {name: held(text) for name, text in left.items()} == {name: [] for name in left}
