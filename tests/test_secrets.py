"""No secret that somebody wrote into a reference, a title or an option reaches a file, a line or an event."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import pytest

from analysis.cli.main import main
from analysis.core.errors import AnalysisError
from analysis.core.redact import REDACTED, redact, redact_text
from analysis.publish.forked import fork_is_safe
from analysis.sources import resolve
from tests.builders import log, write_run
from tests.credentials import BY_FORM
from tests.credentials_told import IN_TEXT, UNDER_KEY
from tests.harmless import SETTINGS
from tests.notebooks import make_template

KEY = "sk-" + "abcdefghijklmnopqrstuvwx"
PASSWORD, MAIL = "hunter2", "jane@example.org"
SECRETS = (KEY, PASSWORD, MAIL)
SAID = f"{KEY} https://joe:{PASSWORD}@host/x?token={PASSWORD} of {MAIL}"

DRAWS = 20
"""How many credentials of each kind are drawn."""

PLACES = (
    "{}",
    "key {} end",
    "loss ({})",
    "lr=1,note={}",
    '{"note": "{}"}',
    "'{}'",
    "logs_{}/run.csv",
    "https://h/x/{}/y",
)
"""Where a credential may stand; the last two are paths, which end at a slash."""


def seen(text: str, secrets: tuple[str, ...]) -> list[str]:
    """Return the secrets that a text shows, of long ones 12 characters at a stretch."""
    parts = {secret: {secret[i : i + 12] for i in range(len(secret) - 11)} or {secret} for secret in secrets}
    return [secret for secret, pieces in parts.items() if any(piece in text for piece in pieces)]


@pytest.mark.parametrize("kind", BY_FORM)
def test_a_credential_is_known_by_its_form_wherever_it_stands(kind: str) -> None:
    """In a title, a column's name, JSON, an address or the name of a folder."""
    random = Random(kind)
    for secret in (BY_FORM[kind](random) for _ in range(DRAWS)):
        lines = tuple(line for line in secret.splitlines() if not line.startswith("-----"))
        for frame in PLACES[: -2 if re.search("[/+]", secret) else None]:
            assert seen(redact_text(frame.replace("{}", secret)), lines) == []


@pytest.mark.parametrize("kind", IN_TEXT)
def test_a_credential_is_known_by_what_stands_before_it(kind: str) -> None:
    """In commands, headers, addresses, JSON, Python, files of settings and prose; redacted twice is redacted once."""
    random = Random(kind)
    for text, secrets in (IN_TEXT[kind](random) for _ in range(5 * DRAWS)):
        clean = redact_text(text)
        assert seen(clean, secrets) == []
        assert redact_text(clean) == clean


@pytest.mark.parametrize("kind", UNDER_KEY)
def test_a_credential_is_known_by_its_key(kind: str) -> None:
    """In a configuration, however deep, and in the arguments of a command."""
    random = Random(kind)
    for settings, secrets in (UNDER_KEY[kind](random) for _ in range(5 * DRAWS)):
        assert seen(repr(redact(settings)), secrets) == []
        assert seen(repr(redact({"training": [settings]})), secrets) == []


@pytest.mark.parametrize(("key", "make"), SETTINGS, ids=[key for key, _ in SETTINGS])
def test_a_harmless_setting_stays(key: str, make: Callable[[Random], object]) -> None:
    """As a setting and in a text: a report that blanks it misses what differs between runs."""
    random = Random(key)
    for value in (make(random) for _ in range(DRAWS)):
        assert redact({key: value}) == {key: value}
        if isinstance(value, str | int | float):
            for text in (f"{key}={value}", f"{key}: {value}", f"--{key} {value}", f'{{"{key}": "{value}"}}'):
                assert redact_text(text) == text


def test_no_credential_of_a_configuration_or_column_reaches_a_report(place: Path, capsys: Any) -> None:
    """One of each kind in the sidecar, and each that is known by its form in the name of a column too."""
    random = Random(3)
    formed = {kind: make(random) for kind, make in BY_FORM.items()}
    told = {kind: make(random) for kind, make in IN_TEXT.items()}
    keyed = {kind: make(random) for kind, make in UNDER_KEY.items()}
    names = [f"loss {secret}" for secret in formed.values() if not re.search(r"[\n,\"]", secret)]
    head, *rows = (place / "runs/run_1.csv").read_text().splitlines()
    lines = [",".join([head, *names]), *(",".join([row, *["0.5"] * len(names)]) for row in rows)]
    (place / "runs/run_1.csv").write_text("\n".join(lines))
    config = {"formed": formed, "told": {kind: text for kind, (text, _) in told.items()}}
    config |= {f"keyed{number}": settings for number, (settings, _) in enumerate(keyed.values())}
    (place / "runs/run_1.yaml").write_text(json.dumps({"config": config, "extra": config, "name": formed["npm"]}))
    assert main(["report", "run_1", f"logs_{KEY}/run_2.csv", "--pdf", "none", "--name", "r"]) == 0
    hidden = [line for secret in formed.values() for line in secret.splitlines() if not line.startswith("-----")]
    hidden += [secret for _, secrets in [*told.values(), *keyed.values()] for secret in secrets]
    said = capsys.readouterr()
    files = {path: path.read_text(errors="replace") for path in (place / "reports").rglob("*") if path.is_file()}
    texts = [*files.values(), said.out + said.err]
    shown = " ".join(re.sub(r"<[^>]*>|\u200b|\\\\u200b|\\\\n", "", html.unescape(text)) for text in texts)
    assert [secret for secret in hidden if secret in shown] == []
    assert shown.count(REDACTED) > len(told)


@pytest.mark.parametrize("kind", [*BY_FORM, *IN_TEXT])
def test_the_line_about_an_unknown_run_holds_none(kind: str, place: Path) -> None:
    """Whatever somebody pastes in the place of a run."""
    random = Random(kind)
    text, secrets = (
        IN_TEXT[kind](random) if kind in IN_TEXT else ((made := BY_FORM[kind](random)), tuple(made.split("\n")))
    )
    with pytest.raises(AnalysisError) as refused:
        resolve(f"runs-{text}" if kind in BY_FORM else text, runs_dir=place / "runs")
    assert seen(str(refused.value), tuple(s for s in secrets if not s.startswith("-----"))) == []


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
