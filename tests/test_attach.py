"""Attaching a report to its run in MLflow: through its client, and through a server without it."""

from __future__ import annotations

import base64
import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.request import Request, urlopen

import pytest

from analysis.cli.main import main
from analysis.core.errors import AnalysisError, MissingExtra, UsageError
from analysis.publish.attach import attacher

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


class Tracking:
    """A tracking server on loopback with one run, whose artifacts lie where a test says."""

    def __init__(self, artifacts: str) -> None:
        tracking = self
        self.put: dict[str, bytes] = {}
        self.signed_in: set[str | None] = set()
        self.status = 200

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                known = self.path.endswith("?run_id=abc")
                run = {"run": {"info": {"run_id": "abc", "artifact_uri": artifacts}}}
                self.answer(200 if known else 404, run if known else {"error_code": "RESOURCE_DOES_NOT_EXIST"})

            def do_PUT(self) -> None:
                tracking.put[self.path] = self.rfile.read(int(self.headers["Content-Length"]))
                tracking.signed_in.add(self.headers["Authorization"])
                self.answer(tracking.status, {})

            def answer(self, status: int, value: Any) -> None:
                content = json.dumps(value).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *_: object) -> None:
                """Keep quiet."""

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"127.0.0.1:{self.server.server_port}"


@pytest.fixture
def tracking(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Tracking]:
    tracking = Tracking(request.param)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"http://joe:hunter2@{tracking.address}")
    monkeypatch.setitem(sys.modules, "mlflow", None)
    thread = threading.Thread(target=tracking.server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield tracking
    tracking.server.shutdown()
    thread.join()
    tracking.server.server_close()


@pytest.mark.parametrize("tracking", ["mlflow-artifacts:/7/abc/artifacts"], indirect=True)
def test_a_server_that_keeps_artifacts_needs_no_client(tracking: Tracking, report: Path) -> None:
    """Each file goes below the run's folder, signed in; a refusal is one line without the password."""
    assert attacher("mlflow:abc")(report, FILES) == "attached to mlflow:abc as run-report/"
    top = "/api/2.0/mlflow-artifacts/artifacts/7/abc/artifacts/run-report"
    assert tracking.put == {f"{top}/{name}": name.encode() for name in FILES}
    assert tracking.signed_in == {f"Basic {base64.b64encode(b'joe:hunter2').decode()}"}
    tracking.status = 403
    with pytest.raises(AnalysisError, match=r"report is made, but mlflow:abc did not take it: .*HTTP 403") as failed:
        attacher("mlflow:abc")(report, FILES)
    assert "hunter2" not in str(failed.value)


@pytest.mark.parametrize("tracking", ["s3://elsewhere/7/abc", "mlflow-artifacts://other:5000/7/abc"], indirect=True)
def test_a_server_that_leaves_artifacts_elsewhere_needs_the_client(tracking: Tracking) -> None:
    with pytest.raises(MissingExtra, match=r"pip install 'run-reports\[mlflow\]'"):
        attacher("mlflow:abc")
    assert not tracking.put


@pytest.mark.parametrize("tracking", ["mlflow-artifacts:/7/abc/artifacts"], indirect=True)
def test_a_run_that_is_not_there_costs_no_report(tracking: Tracking, tmp_path: Path, capsys: Any) -> None:
    """It is found out before anything is made, as is a server that does not answer."""
    asked = ["report", "run_4", "--out", str(tmp_path), "--log-to"]
    assert main([*asked, "mlflow:abd"]) == 2
    assert f"error: --log-to: http://{tracking.address} has no run 'abd'" in capsys.readouterr().err
    tracking.server.socket.shutdown(socket.SHUT_RDWR)
    assert main([*asked, "mlflow:abc"]) == 2
    said = capsys.readouterr().err
    assert said.startswith(f"error: --log-to: http://{tracking.address}: no answer")
    assert said.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(find_spec("mlflow") is None, reason="MLflow is not installed: pip install 'run-reports[mlflow]'")
def test_a_real_server_holds_the_report_afterwards(
    tmp_path: Path, report: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """MLflow's own server over SQLite, without its client: what it lists and gives back is the report."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{free.getsockname()[1]}"
    command = [sys.executable, "-m", "mlflow", "server", "--workers", "1", "--port", address.rpartition(":")[2]]
    command += ["--backend-store-uri", f"sqlite:///{tmp_path}/ml.db", "--artifacts-destination", str(tmp_path / "kept")]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "start_new_session": True}
    environment = {**os.environ, "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
    server = subprocess.Popen(command, env=environment, cwd=tmp_path, **quiet)  # type: ignore[call-overload]
    try:
        while not answers(f"{address}/health"):
            with contextlib.suppress(subprocess.TimeoutExpired):
                pytest.fail(f"the server ended with {server.wait(0.1)}")
        run = asked(f"{address}/api/2.0/mlflow/runs/create", {"experiment_id": "0"})["run"]["info"]
        monkeypatch.setenv("MLFLOW_TRACKING_URI", address)
        monkeypatch.setitem(sys.modules, "mlflow", None)
        attacher(f"mlflow:{run['run_id']}")(report, FILES)
        listed = f"{address}/api/2.0/mlflow/artifacts/list?run_id={run['run_id']}&path=run-report"
        assert {one["path"] for one in asked(listed)["files"]} == {"run-report/report.html", "run-report/next_runs"}
        kept = {p.name: p.read_text() for p in (tmp_path / "kept").rglob("*") if p.is_file()}
        assert kept == {Path(name).name: name for name in FILES}
    finally:
        os.killpg(server.pid, signal.SIGKILL)
        server.wait()


def answers(url: str) -> bool:
    try:
        with urlopen(url, timeout=1):
            return True
    except OSError:
        return False


def asked(url: str, body: Any = None) -> Any:
    content = None if body is None else json.dumps(body).encode()
    with urlopen(Request(url, content, {"Content-Type": "application/json"}), timeout=60) as answer:
        return json.load(answer)


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
    said = "error: --log-to: the report is made, but mlflow:abc did not take it: no server\n"
    assert capsys.readouterr().err == said
    assert (tmp_path / "run_4" / "report.html").is_file()
    assert (tmp_path / "index.html").is_file()
