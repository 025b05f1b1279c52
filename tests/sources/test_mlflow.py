"""MLflow: file store, database and server hold the same run, and MLflow's own client agrees with each."""

from __future__ import annotations

import base64
import http.server
import json
import math
import os
import shutil
import socket
import sqlite3
import subprocess
import sys
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import closing
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from analysis.core.errors import AnalysisError, LogError, RunNotFound
from analysis.sources import load_runs
from analysis.sources import mlflow as source
from tests.sources.hints import follow

CORPUS = Path(__file__).parents[2].parent / "shared" / "corpus" / "mlflow"
RUN = "0123456789abcdef0123456789abcdef"

needs_mlflow = pytest.mark.skipif(
    find_spec("mlflow") is None, reason="mlflow is not installed: pip install -e '.[sources-test]'"
)
pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.fixture(autouse=True)
def _no_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No setting of the surroundings reaches the tests, and nothing lies in the current folder."""
    for name in [name for name in os.environ if name.startswith("MLFLOW_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("NO_PROXY", "*")
    here = tmp_path / "here"
    here.mkdir()
    monkeypatch.chdir(here)


def log_runs(uri: str, experiment: str = "fine tuning") -> dict[str, str]:
    """Log a parent and a nested run with everything a log can hold; return name -> run ID."""
    import mlflow  # takes seconds, and a tenth of a gigabyte

    client = mlflow.MlflowClient(uri)
    found = client.get_experiment_by_name(experiment)
    number = found.experiment_id if found else client.create_experiment(experiment)
    ids = {}
    for name, tags in (("parent", {}), ("child", {"mlflow.parentRunId": ids})):
        run = client.create_run(number, run_name=name, tags={k: v["parent"] for k, v in tags.items()})
        ids[name] = run_id = run.info.run_id
        client.log_param(run_id, "learning_rate", "3e-4")
        client.log_param(run_id, "optimizer/name", name)
        client.set_tag(run_id, "team", "blue")
        rng = np.random.default_rng(len(name))
        metric = mlflow.entities.Metric
        points = [
            metric("train/loss", float(v), 1_700_000_000_000 + 10 * s, s) for s, v in enumerate(rng.normal(size=150))
        ]
        points += [metric("eval_loss", 0.5 / (s + 1), 1_700_000_000_005 + 10 * s, s) for s in range(9, 150, 10)]
        points += [
            metric("diverged", math.nan, 1_700_000_000_000, 3),
            metric("diverged", -math.inf, 1_700_000_000_001, 4),
        ]
        points += [metric("system/cpu", 50.0, 1_700_000_000_000 + s, s) for s in range(5)]
        for first in range(0, len(points), 100):
            client.log_batch(run_id, metrics=points[first : first + 100])
        client.set_terminated(run_id, "FINISHED")
    gone = client.create_run(number, run_name="gone")
    client.log_metric(gone.info.run_id, "train/loss", 1.0)
    client.delete_run(gone.info.run_id)
    return ids


def oracle(uri: str, run_id: str) -> dict[str, dict[int, float]]:
    """What MLflow's client returns: metric -> step -> value, without system metrics; non-finite as text."""
    import mlflow

    client = mlflow.MlflowClient(uri)
    found: dict[str, dict[int, float]] = {}
    for key in client.get_run(run_id).data.metrics:
        if not key.startswith("system/"):
            history = sorted(client.get_metric_history(run_id, key), key=lambda m: m.timestamp)
            found[key] = {m.step: comparable(m.value) for m in history}
    return found


def comparable(value: float) -> Any:
    return value if math.isfinite(value) and abs(value) < 1e308 else "not finite"


def table(log: Any) -> dict[str, dict[int, float]]:
    found = {}
    for column in log.frame.columns.difference(["step", "timestamp"]):
        logged = log.frame.loc[log.frame[column].notna(), ["step", column]]
        found[column] = {s: comparable(v) for s, v in zip(logged["step"], logged[column], strict=True)}
    return found


def check_run(log: Any, uri: str, run_id: str, name: str) -> None:
    """A raw log equals what the client says about the run."""
    assert table(log) == oracle(uri, run_id)
    assert (log.id, log.name) == (run_id, name)
    assert log.config["learning_rate"] == "3e-4"
    assert log.config["optimizer/name"] == name
    assert log.config["tags"] == {"team": "blue"}
    assert log.frame["timestamp"].iloc[0].timestamp() == 1_700_000_000
    assert [(d.column, d.count) for d in log.dropped] == [("system/*", 5)]


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str, dict[str, str]]:
    """A database written by MLflow: path, URI, run IDs."""
    pytest.importorskip("mlflow", reason="mlflow is not installed: pip install -e '.[sources-test]'")
    folder = tmp_path_factory.mktemp("database")
    uri = f"sqlite:///{folder / 'my mlflow.db'}"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return folder / "my mlflow.db", uri, log_runs(uri)


def test_a_database_gives_what_the_client_gives(database: tuple[Path, str, dict[str, str]]) -> None:
    """All active runs, with values, steps, times, params, tags and the parent; the deleted one is counted."""
    path, uri, ids = database
    assert source.recognises(path)
    logs = {log.name: log for log in source.load(path, columns={})}
    assert set(logs) == {"parent", "child"}
    for name, log in logs.items():
        check_run(log, uri, ids[name], name)
        assert log.notes == ("1 deleted runs beside it are left out",)
    assert (logs["parent"].parent, logs["child"].parent) == (None, ids["parent"])


def test_references_find_runs_in_the_store_of_the_environment(
    database: tuple[Path, str, dict[str, str]], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A run ID, runs:/ID, experiment/*, experiment/name; an unknown one names where it was looked for."""
    path, uri, ids = database

    def names(reference: str) -> list[str]:
        return [log.name for log in source.fetch(reference, runs_dir=tmp_path, columns={})]

    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    assert source.claims(f"runs:/{ids['child']}")
    assert names(f"runs:/{ids['child']}") == names(ids["child"]) == names("fine tuning/child") == ["child"]
    assert names("fine tuning/*") == names("1/*") == ["parent", "child"]
    with pytest.raises(RunNotFound, match="my mlflow"):
        names("f" * 32)
    monkeypatch.delenv("MLFLOW_TRACKING_URI")
    with pytest.raises(RunNotFound, match="MLFLOW_TRACKING_URI"):
        names(ids["child"])
    shutil.copy(path, tmp_path / "mlflow.db")
    assert names(ids["child"]) == ["child"]


def test_each_run_of_a_store_has_its_own_sidecar(
    database: tuple[Path, str, dict[str, str]], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The file that is named is read, by path and by ID, of a database, of a run in it and of a file store."""
    path, _, ids = database
    shutil.copy(path, tmp_path / "mlflow.db")
    monkeypatch.chdir(tmp_path)
    runs = tmp_path / "runs"
    assert follow("mlflow.db", runs) == 2
    assert follow(f"mlflow.db#{ids['child']}", runs) == 1
    assert follow(f"mlflow:{ids['child']}", runs) == 1
    assert follow("mlflow:fine tuning/*", runs) == 2
    Path(f"mlflow.db#{ids['child']}.yaml").write_text("label: Mine\n")
    (run,) = load_runs([f"runs:/{ids['child']}"], runs_dir=runs)
    assert run.label == "Mine"
    (tmp_path / "mlflow.db").unlink()
    folder = write_run(tmp_path / "mlruns", {"loss": "1700000000000 0.5 1\n"})
    other = shutil.copytree(folder, folder.with_name("a" * 32))
    (other / "meta.yaml").write_text((other / "meta.yaml").read_text().replace(RUN, "a" * 32))
    assert follow("mlruns", runs) == follow("mlruns/1", runs) == 2
    assert follow(f"mlruns/1/{RUN}", runs) == follow(f"runs:/{RUN}", runs) == 1


def test_a_deleted_run_is_named_as_such(database: tuple[Path, str, dict[str, str]], tmp_path: Path) -> None:
    """Asked for by its ID, a deleted run is an error that says how to restore it."""
    path, _, _ = database
    with closing(sqlite3.connect(path)) as opened:
        (gone,) = opened.execute("SELECT run_uuid FROM runs WHERE lifecycle_stage = 'deleted'").fetchone()
    shutil.copy(path, tmp_path / "mlflow.db")
    with pytest.raises(LogError, match="mlflow runs restore"):
        source.fetch(gone, runs_dir=tmp_path, columns={})


def test_reading_leaves_a_database_as_it_is(database: tuple[Path, str, dict[str, str]], tmp_path: Path) -> None:
    """Not a byte changes and no journal appears, on a folder without write permission too."""
    folder = tmp_path / "locked"
    folder.mkdir()
    copy = Path(shutil.copy(database[0], folder / "mlflow.db"))
    before = copy.read_bytes()
    folder.chmod(0o500)
    try:
        assert len(source.load(copy, columns={})) == 2
    finally:
        folder.chmod(0o700)
    assert copy.read_bytes() == before
    assert [p.name for p in folder.iterdir()] == ["mlflow.db"]


def test_a_damaged_database_gives_runs_or_one_line(database: tuple[Path, str, dict[str, str]], tmp_path: Path) -> None:
    """Cut anywhere or with bytes changed: runs, or a LogError of one line; nothing else."""
    whole = database[0].read_bytes()
    rng = np.random.default_rng(8)
    copy, errors = tmp_path / "mlflow.db", 0
    for trial in range(60):
        damaged = bytearray(whole[: int(rng.integers(0, len(whole)))] if trial % 2 else whole)
        for _ in range(40 if damaged else 0):
            damaged[int(rng.integers(len(damaged)))] = int(rng.integers(256))
        copy.write_bytes(damaged)
        try:
            source.load(copy, columns={})
        except LogError as problem:
            errors += 1
            assert "\n" not in str(problem)  # noqa: PT017
    assert errors > 10


def test_another_database_is_not_taken_for_one_of_mlflow(tmp_path: Path) -> None:
    """A SQLite file without MLflow's tables is not recognised, and an error names what is missing."""
    path = tmp_path / "other.db"
    with closing(sqlite3.connect(path)) as opened:
        opened.execute("CREATE TABLE runs (run_uuid TEXT)")
    assert not source.recognises(path)
    with pytest.raises(LogError, match="alembic_version"):
        source.load(path, columns={})


@needs_mlflow
def test_a_file_store_gives_what_the_client_gives(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A store, an experiment or a run folder written by MLflow itself."""
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    root = tmp_path / "mlruns"
    ids = log_runs(root.as_uri())
    logs = {log.name: log for log in source.load(root, columns={})}
    assert set(logs) == {"parent", "child"}
    for name, log in logs.items():
        check_run(log, root.as_uri(), ids[name], name)
    assert logs["child"].parent == ids["parent"]
    experiment = next(root.glob(f"*/{ids['child']}")).parent
    assert all(source.recognises(p) for p in (root, experiment, experiment / ids["child"]))
    assert len(source.load(experiment, columns={})) == 2
    (one,) = source.load(experiment / ids["child"], columns={})
    assert table(one) == table(logs["child"])
    assert [log.name for log in source.fetch("fine tuning/child", runs_dir=tmp_path, columns={})] == ["child"]


@pytest.fixture(scope="module")
def server(database: tuple[Path, str, dict[str, str]]) -> Iterator[str]:
    """A real tracking server on loopback over the database."""
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(port)]
    command += ["--workers", "1", "--backend-store-uri", database[1]]
    environment = {**os.environ, "NO_PROXY": "*", "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
    process = subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environment, start_new_session=True
    )
    try:
        until = time.monotonic() + 90
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), timeout=1).close()
                break
            except OSError:
                if process.poll() is not None or time.monotonic() > until:
                    pytest.fail("the MLflow server did not start")
                time.sleep(0.1)  # polling a process, there is no event to wait for
        yield f"http://127.0.0.1:{port}"
    finally:
        os.killpg(process.pid, 15)
        process.wait(20)


def test_a_server_gives_what_the_client_gives(
    server: str, database: tuple[Path, str, dict[str, str]], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Over REST: by ID, by experiment, and by the URL of the run's page."""
    _, uri, ids = database
    monkeypatch.setenv("MLFLOW_TRACKING_URI", server)
    logs = {log.name: log for log in source.fetch("fine tuning/*", runs_dir=tmp_path, columns={})}
    for name, log in logs.items():
        check_run(log, uri, ids[name], name)
        assert log.uri == f"{server}/#/experiments/1/runs/{ids[name]}"
        assert log.size_bytes
    assert (logs["parent"].parent, logs["child"].parent) == (None, ids["parent"])
    with pytest.raises(RunNotFound, match=r"127\.0\.0\.1"):
        source.fetch("f" * 32, runs_dir=tmp_path, columns={})
    with pytest.raises(RunNotFound):
        source.fetch("no such experiment/*", runs_dir=tmp_path, columns={})
    monkeypatch.delenv("MLFLOW_TRACKING_URI")
    page = str(logs["child"].uri)
    assert source.claims(page)
    (log,) = source.fetch(page, runs_dir=tmp_path, columns={})
    assert table(log) == table(logs["child"])


Answer = Callable[[str], tuple[int, Any]]


@pytest.fixture
def fake_server(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[list[Any], dict[str, Answer]]]:
    """A server that answers as told; the first of the pair collects the requests."""
    requests: list[Any] = []
    answers: dict[str, Answer] = {}

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            requests.append((self.path, dict(self.headers)))
            code, content = answers["any"](self.path)
            body = content if isinstance(content, bytes) else json.dumps(content).encode()
            self.send_response(code)
            if code in (301, 302):
                self.send_header("Location", "http://127.0.0.1:9/elsewhere")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as served:
        thread = threading.Thread(target=served.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        monkeypatch.setenv("MLFLOW_TRACKING_URI", f"http://joe:hidden@127.0.0.1:{served.server_port}/base")
        yield requests, answers
        served.shutdown()
        thread.join()


def api(path: str) -> tuple[int, Any]:
    """Answer as a tracking server does, the history in two pages and NaN as text."""
    info = {
        "run_id": RUN,
        "run_name": "r",
        "experiment_id": "7",
        "status": "RUNNING",
        "lifecycle_stage": "active",
    }
    if "runs/get" in path:
        return 200, {
            "run": {
                "info": info,
                "data": {"metrics": [{"key": "loss", "value": 1, "timestamp": 1, "step": 1}]},
            }
        }
    if "page_token=two" in path:
        return 200, {"metrics": [{"key": "loss", "value": "NaN", "timestamp": "2000", "step": "2"}]}
    return 200, {"metrics": [{"key": "loss", "value": 0.5, "timestamp": 1000}], "next_page_token": "two"}


def test_histories_are_read_page_by_page(fake_server: tuple[list[Any], dict[str, Answer]], tmp_path: Path) -> None:
    """Every page is asked for; step 0 is left out of an answer, NaN and large integers are text in it."""
    requests, answers = fake_server
    answers["any"] = api
    (log,) = source.fetch(RUN, runs_dir=tmp_path, columns={})
    assert log.frame["step"].tolist() == [0, 2]
    assert log.frame["loss"].tolist() == [0.5, math.inf]
    assert log.notes == ("MLflow has the run as RUNNING",)
    assert "hidden" not in str(log.uri)
    assert len(requests) == 3


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({}, "Basic " + base64.b64encode(b"joe:hidden").decode()),
        (
            {"MLFLOW_TRACKING_USERNAME": "ann", "MLFLOW_TRACKING_PASSWORD": "pw"},
            "Basic " + base64.b64encode(b"ann:pw").decode(),
        ),
    ],
)
def test_credentials_come_from_the_environment(
    fake_server: tuple[list[Any], dict[str, Answer]],
    settings: dict[str, str],
    expected: str,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    """User and password are sent as MLflow's client sends them."""
    requests, answers = fake_server
    answers["any"] = api
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    source.fetch(RUN, runs_dir=tmp_path, columns={})
    assert {headers["Authorization"] for _, headers in requests} == {expected}


def test_a_token_is_sent_as_bearer(
    fake_server: tuple[list[Any], dict[str, Answer]], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """MLFLOW_TRACKING_TOKEN goes out where no user is given."""
    requests, answers = fake_server
    answers["any"] = api
    monkeypatch.setenv("MLFLOW_TRACKING_URI", os.environ["MLFLOW_TRACKING_URI"].replace("joe:hidden@", ""))
    monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", "tok")
    source.fetch(RUN, runs_dir=tmp_path, columns={})
    assert {headers["Authorization"] for _, headers in requests} == {"Bearer tok"}


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ((401, {}), "MLFLOW_TRACKING_TOKEN"),
        ((403, {}), "no permission"),
        ((404, b"<html>nothing here</html>"), "check MLFLOW_TRACKING_URI"),
        ((404, {"error_code": "RESOURCE_DOES_NOT_EXIST"}), "not in http"),
        ((500, {}), "HTTP 500"),
        ((302, b""), "HTTP 302"),
        ((200, b"<html>"), "not the answer of an MLflow server"),
        ((200, [1]), "not the answer of an MLflow server"),
        ((200, {"run": {"info": 3}}), "not the answer of an MLflow server"),
        ((200, {"run": {"info": {"run_id": RUN, "experiment_id": "1"}}}), "no metric"),
    ],
)
def test_what_a_server_can_do_wrong_is_one_line(
    fake_server: tuple[list[Any], dict[str, Answer]], answer: tuple[int, Any], said: str, tmp_path: Path
) -> None:
    """Refusals, redirects, foreign pages: one line that says what to check, without the password."""
    fake_server[1]["any"] = lambda _: answer
    with pytest.raises(AnalysisError, match=said) as caught:
        source.fetch(RUN, runs_dir=tmp_path, columns={})
    assert "hidden" not in str(caught.value)
    assert "\n" not in str(caught.value)


def test_no_server_and_slow_servers_are_one_line(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A closed port and a server that never answers end in an error that names the address."""
    with closing(socket.socket()) as silent:
        silent.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{silent.getsockname()[1]}"
        monkeypatch.setenv("MLFLOW_TRACKING_URI", address)
        with pytest.raises(LogError, match=f"{address}: no answer"):
            source.fetch(RUN, runs_dir=tmp_path, columns={})
        silent.listen()
        monkeypatch.setattr("analysis.sources.mlflow.rest._TIMEOUT", 0.05)
        with pytest.raises(LogError, match="timed out"):
            source.fetch(RUN, runs_dir=tmp_path, columns={})


def write_run(root: Path, metrics: dict[str, str], **meta: Any) -> Path:
    """Write a run folder by hand, as an old MLflow did."""
    folder = root / "1" / RUN
    (folder / "metrics").mkdir(parents=True)
    for name, text in metrics.items():
        (folder / "metrics" / name).parent.mkdir(exist_ok=True)
        (folder / "metrics" / name).write_text(text)
    (root / "1" / "meta.yaml").write_text("artifact_location: x\nexperiment_id: '1'\nname: old\n")
    content = {"run_uuid": RUN, "experiment_id": "1", "status": 3, "lifecycle_stage": "active", **meta}
    (folder / "meta.yaml").write_text(yaml.safe_dump(content))
    return folder


def test_old_files_have_no_step_and_no_name(tmp_path: Path) -> None:
    """Lines of two fields are numbered in order of time; five fields carry a data set at the end."""
    folder = write_run(tmp_path, {"loss": "2000 0.5\n1000 0.75\n3000 nan\n"})
    (folder / "tags").mkdir()
    (folder / "tags" / "mlflow.runName").write_text("from the tag")
    (log,) = source.load(folder, columns={})
    assert (log.frame["step"].tolist(), log.frame["loss"].tolist()) == ([0, 1, 2], [0.75, 0.5, math.inf])
    assert log.name == "from the tag"
    assert "numbered" in log.notes[0]
    (folder / "metrics" / "loss").write_text("1000 0.5 7 train abc\n2000 0.25 8\n3000 0.")
    (log,) = source.load(folder, columns={})
    assert (log.frame["step"].tolist(), log.frame["loss"].tolist()) == ([7, 8], [0.5, 0.25])


@pytest.mark.parametrize("line", ["1000 x 2", "1000", "1000 0.5 1e99", "99999999999999999999 1 1", "\x00"])
def test_a_malformed_line_is_named(tmp_path: Path, line: str) -> None:
    """The error has the file and the line."""
    folder = write_run(tmp_path, {"a/loss": f"1000 0.5 1\n{line}\n1000 0.5 3\n"})
    with pytest.raises(LogError, match=r"a/loss:2: a line must be"):
        source.load(folder, columns={})


def test_a_store_without_a_run_says_so(tmp_path: Path) -> None:
    """An empty store, one with deleted runs alone, and a run without metrics are errors of one line."""
    folder = write_run(tmp_path, {"loss": "1 1 1\n"}, lifecycle_stage="deleted")
    with pytest.raises(LogError, match="1 deleted"):
        source.load(tmp_path, columns={})
    shutil.rmtree(folder / "metrics")
    (folder / "metrics").mkdir()
    (folder / "meta.yaml").write_text(f"run_id: {RUN}\nlifecycle_stage: active\n")
    with pytest.raises(LogError, match="no metric"):
        source.load(tmp_path, columns={})


@pytest.mark.skipif(not CORPUS.is_dir(), reason="the corpus of real logs is not here")
def test_real_stores_read_whole() -> None:
    """Every active run of the real stores is read, with as many values as its files have lines."""
    stores = sorted(p for p in CORPUS.glob("*/mlruns") if source.recognises(p))
    assert stores
    for store in stores:
        lines = {
            meta.parent.name: sum(len(f.read_text().split("\n")) - 1 for f in meta.parent.glob("metrics/*"))
            for meta in store.glob("*/*/meta.yaml")
            if "run_uuid" in (about := yaml.safe_load(meta.read_text())) and about["lifecycle_stage"] == "active"
        }
        logs = source.load(store, columns={})
        assert {str(log.id): log.rows_read for log in logs} == lines
