"""Attaching a report to its run: in a real MLflow where there is one, and W&B's calls as its client takes them."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any
from unittest.mock import MagicMock

import pytest

from analysis.attach import attacher
from analysis.cli import main
from analysis.errors import AnalysisError, MissingExtra, UsageError

FILES = ("report.html", "next_runs/run_5.yaml")


@pytest.fixture
def report(tmp_path: Path) -> Path:
    folder = tmp_path / "report"
    for name in FILES:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(name)
    (folder / "private.txt").write_text("not of the report")
    return folder


@pytest.mark.filterwarnings("ignore")  # MLflow's own, and those of what it imports
def test_mlflow_holds_the_report_afterwards(tmp_path: Path, report: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The files of the report, no other, are artifacts of the run with their content; a wrong run is one line."""
    mlflow = pytest.importorskip("mlflow", reason="MLflow is not installed")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path}/mlflow.db")
    mlflow.set_tracking_uri(f"sqlite:///{tmp_path}/mlflow.db")
    client = mlflow.MlflowClient()
    experiment = client.create_experiment("x", artifact_location=(tmp_path / "artifacts").as_uri())
    run_id = client.create_run(experiment).info.run_id
    assert attacher(f"mlflow:{run_id}")(report, FILES) == f"attached to mlflow:{run_id} as run-report/"
    stored = tmp_path / "artifacts" / run_id / "artifacts"
    found = {path.relative_to(stored).as_posix(): path.read_text() for path in stored.rglob("*") if path.is_file()}
    assert found == {f"run-report/{name}": name for name in FILES}
    with pytest.raises(AnalysisError, match="did not take it") as failed:
        attacher("mlflow:0123456789abcdef0123456789abcdef")(report, FILES)
    assert "\n" not in str(failed.value)


def test_wandb_is_called_as_its_client_wants(report: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An artifact with the report's files, logged into the run that is there; a key in an error is not repeated."""
    client: Any = ModuleType("wandb")
    client.Artifact, client.init = MagicMock(), MagicMock()
    monkeypatch.setitem(sys.modules, "wandb", client)
    attach = attacher("wandb:team/project/run 1".replace(" ", "_"))
    assert attach(report, FILES) == "attached to wandb:team/project/run_1 as artifact run-report-run_1"
    client.Artifact.assert_called_once_with("run-report-run_1", type="report")
    added = {call.kwargs["name"]: call.args[0] for call in client.Artifact().add_file.call_args_list}
    assert added == {name: str(report / name) for name in FILES}
    client.init.assert_called_once_with(entity="team", project="project", id="run_1", resume="must")
    client.init().__enter__().log_artifact.assert_called_once_with(client.Artifact())
    client.init.side_effect = RuntimeError("401\nkey sk-abcdefghijklmnopqrstuvwx")
    with pytest.raises(AnalysisError, match=r"did not take it: 401 key \[redacted\]"):
        attach(report, FILES)


@pytest.mark.parametrize("reference", ["mlflow:", "mlflow:a/b", "wandb:run", "wandb:a/b", "s3://x", "x", "mlflow:../x"])
def test_what_names_no_run_is_refused_before_anything_is_made(reference: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="names no run"):
        attacher(reference)
    assert main(["report", "run_4", "--out", str(tmp_path), "--log-to", reference]) == 2
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("reference", "package"), [("mlflow:abc", "mlflow"), ("wandb:a/b/c", "wandb")])
def test_a_client_that_is_missing_is_named(reference: str, package: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(MissingExtra, match=rf"pip install 'run-reports\[{package}\]'"):
        attacher(reference)


def test_a_failure_to_attach_leaves_the_report(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The report and the index are there, the exit status and one line say that the rest is not."""

    def broken() -> Any:
        raise RuntimeError("no server")

    monkeypatch.setitem(sys.modules, "mlflow", SimpleNamespace(MlflowClient=broken))
    assert main(["report", "run_4", "--out", str(tmp_path), "--pdf", "none", "--log-to", "mlflow:abc"]) == 2
    where = tmp_path / "run_4"
    said = f"error: --log-to: the report is in {where}, but mlflow:abc did not take it: no server\n"
    assert capsys.readouterr().err == said
    assert (tmp_path / "run_4" / "report.html").is_file()
    assert (tmp_path / "index.html").is_file()
