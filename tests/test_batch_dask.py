"""On a Dask cluster the same reports are made, whatever happens to its workers."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from analysis.batch.dask_pool import make_in_process, order_for
from analysis.batch.local_pool import Task
from analysis.batch.progress import sentence
from analysis.batch.run_batch import Plan, Summary, run_batch
from analysis.batch.run_sets import load_run_sets
from analysis.core.errors import MissingExtra, UsageError
from analysis.publish.folder import NOTHING
from analysis.publish.forked import fork_is_safe
from analysis.publish.publisher import Publisher
from tests.builders import ROOT
from tests.notebooks import make_template

pytestmark = pytest.mark.skipif(not fork_is_safe(), reason="forking is not safe on this system")

CELL = """
from IPython.display import display
exec(globals().get("goal", ""))
bundle = {"results": {"verdict": {"evidence": "improved"}, "runs": run_ids}}
display({"application/vnd.run-report+json": bundle, "text/plain": "results"}, raw=True)
"""

HELD = "import os, time\nwhile not os.path.exists('go'): time.sleep(0.01)"
"""Makes a report wait for the test."""


@pytest.fixture(scope="module", autouse=True)
def _installed() -> None:
    pytest.importorskip("distributed", reason="Dask is not installed: pip install 'run-reports[dask]'")


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with runs and a template that does what the goal says."""
    home = tmp_path_factory.mktemp("home")
    (home / "runs").mkdir()
    for number in range(6):
        (home / "runs" / f"run_{number}.csv").write_text("step,train_loss\n1,0.5\n2,0.4\n")
    make_template(home / "t.ipynb", CELL)
    return home


class Cluster:
    """A scheduler and workers, each a process of one thread."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._processes = folder, list[subprocess.Popen[bytes]]()
        file = folder / "scheduler.json"
        self._start("scheduler", "--host", "127.0.0.1", "--port", "0", "--scheduler-file", str(file))
        while not file.exists() or not file.read_text().endswith("}"):
            assert self._processes[0].poll() is None, "the scheduler ended"
        self.address = json.loads(file.read_text())["address"]

    def add_worker(self) -> subprocess.Popen[bytes]:
        options = ("--nthreads", "1", "--no-nanny", "--host", "127.0.0.1", "--local-directory", str(self._folder))
        return self._start("worker", self.address, *options)

    def _start(self, what: str, *options: str) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", f"distributed.cli.dask_{what}", "--no-dashboard", *options]
        path = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
        log = (self._folder / f"{what}-{len(self._processes)}.log").open("wb")
        with log:
            process = subprocess.Popen(command, stdout=log, stderr=log, env={**os.environ, "PYTHONPATH": path})
        self._processes.append(process)
        return process

    def close(self) -> None:
        for process in reversed(self._processes):
            process.kill()
            process.wait()


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    """A scheduler without workers."""
    cluster = Cluster(tmp_path)
    yield cluster
    cluster.close()


def batch(home: Path, *sets: dict[str, Any], tell: Any, **options: Any) -> Summary:
    (home / "sets.yaml").write_text(json.dumps(list(sets)))
    plan = Plan(Path("reports"), Publisher(template=home / "t.ipynb", pdf="none"), workers=2, **options)
    return run_batch(load_run_sets([home / "sets.yaml"], out=plan.out), plan, tell=tell)


def contents(folder: Path) -> dict[str, bytes]:
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def test_nothing_is_lost_with_a_worker(home: Path, cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker is killed while it makes a report: another makes it, and all is as if made on this machine."""
    monkeypatch.chdir(home)
    sets = [{"run_ids": [f"run_{n}"], "goal": HELD} for n in range(4)]
    (home / "go").touch()
    assert len(batch(home, *sets, tell=lambda event: None).done) == 4
    (home / "go").unlink()
    (home / "reports").rename(home / "made_here")
    workers = [cluster.add_worker(), cluster.add_worker()]
    events: list[dict[str, Any]] = []

    def tell(event: dict[str, Any]) -> None:
        events.append(event)
        if [e["event"] for e in events] == ["begin", "start", "start"]:  # each worker makes one, and is held up there
            workers[0].send_signal(signal.SIGKILL)
        if event["event"] == "retried" or len(events) == 3:
            (home / "go").touch()

    assert len(batch(home, *sets, tell=tell, dask=cluster.address).done) == 4
    assert [e["event"] for e in events].count("retried") == 1
    assert contents(home / "reports") == contents(home / "made_here")
    assert len(batch(home, *sets, tell=tell, dask=cluster.address).skipped) == 4


def test_a_report_that_fails_on_the_cluster_says_so_here(
    home: Path, cluster: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The traceback comes home, with the paths of here; the others go on; edited files are kept."""
    monkeypatch.chdir(home)
    cluster.add_worker()
    events: list[dict[str, Any]] = []
    raises = {"run_ids": ["run_0"], "report_id": "raises", "goal": "def culprit(): 1 / 0\nculprit()"}
    dies = {"run_ids": ["run_0"], "report_id": "dies", "goal": "import os; os._exit(3)"}
    missing = {"run_ids": ["run_9"], "report_id": "missing"}
    fine = {"run_ids": ["run_1"], "report_id": "fine"}
    summary = batch(home, raises, dies, missing, fine, tell=events.append, dask=cluster.address)
    assert (summary.done, sorted(summary.failed)) == (("fine",), ["dies", "missing", "raises"])
    errors = {e["report"]: e for e in events if e["event"] == "failed"}
    assert errors["missing"]["status"] == 2
    assert "no run 'run_9'" in errors["missing"]["error"]
    assert not (home / "reports" / "missing").exists()
    assert "exit status 3" in errors["dies"]["error"]
    folder = home / "reports" / "raises"
    assert set(contents(folder)) == {"report.failed.ipynb", "report.failed.log"}
    assert "culprit" in (folder / "report.failed.log").read_text()
    assert str(folder / "report.failed.ipynb") in errors["raises"]["error"]
    assert str(tmp_path) not in json.dumps(events) + (folder / "report.failed.log").read_text()
    (home / "reports" / "fine" / "report.html").write_text("mine")
    batch(home, fine, tell=events.append, dask=cluster.address, force=True)
    assert (home / "reports" / "fine" / "report.edited.html").read_text() == "mine"


def test_without_a_scheduler_there_is_one_line(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The address is wrong, or Dask is not installed."""
    monkeypatch.chdir(home)
    monkeypatch.setattr("analysis.batch.dask_pool.PATIENCE", 0.5)
    with socket.create_server(("127.0.0.1", 0)) as silent, answering(b"HTTP/1.1 400 Bad Request\r\n\r\n") as web:
        for address in ("tcp://127.0.0.1:1", f"tcp://127.0.0.1:{silent.getsockname()[1]}", web, "nonsense://x"):
            with pytest.raises(
                UsageError, match=f"^--dask {address}: no scheduler answers there.*; check the address$"
            ):
                batch(home, {"run_ids": ["run_1"], "report_id": "x"}, tell=print, dask=address)
    with pytest.raises(UsageError, match=r"^--dask tcp://\[redacted\]@127.0.0.1:1: no scheduler answers there; "):
        batch(home, {"run_ids": ["run_1"], "report_id": "x"}, tell=print, dask="tcp://joe:hunter2@127.0.0.1:1")
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(MissingExtra, match=r"--dask needs the package 'distributed'.*run-reports\[dask\]"):
        batch(home, {"run_ids": ["run_1"], "report_id": "x"}, tell=print, dask="tcp://127.0.0.1:1")


@contextlib.contextmanager
def answering(content: bytes) -> Iterator[str]:
    """A server of something else: says the same to everybody."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer() -> None:
            with contextlib.suppress(OSError):
                while True:
                    connection, _ = server.accept()
                    with connection:
                        connection.sendall(content)

        thread = threading.Thread(target=answer)
        thread.start()
        yield f"tcp://127.0.0.1:{server.getsockname()[1]}"
        server.shutdown(socket.SHUT_RDWR)
        thread.join()


def test_a_worker_without_the_package_is_told_of_and_lives(
    home: Path, cluster: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody else's cluster is not brought down by a report that it cannot make."""
    monkeypatch.chdir(home)
    (tmp_path / "blocked").mkdir()
    (tmp_path / "blocked" / "sitecustomize.py").write_text("import sys; sys.modules['analysis'] = None\n")
    monkeypatch.setattr("tests.test_batch_dask.ROOT", tmp_path / "blocked")
    worker = cluster.add_worker()
    events: list[dict[str, Any]] = []
    summary = batch(home, {"run_ids": ["run_1"], "report_id": "x"}, tell=events.append, dask=cluster.address)
    assert summary.failed == ("x",)
    error = next(event["error"] for event in events if event["event"] == "failed")
    assert error == "a worker of the cluster lacks 'analysis.batch'; install run-reports there, the same version"
    assert worker.poll() is None


def test_a_cluster_without_workers_is_told_of(home: Path, cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    """The batch says that it waits, and goes on when a worker comes."""
    monkeypatch.chdir(home)
    monkeypatch.setattr("analysis.batch.dask_pool.PATIENCE", 1.0)
    events: list[dict[str, Any]] = []

    def tell(event: dict[str, Any]) -> None:
        events.append(event)
        if event["event"] == "waiting":
            assert sentence(event) == "the cluster has no worker; waiting for one"
            cluster.add_worker()

    assert batch(home, {"run_ids": ["run_1"], "report_id": "y"}, tell=tell, dask=cluster.address).done == ("y",)
    assert [event["event"] for event in events] == ["begin", "waiting", "start", "done", "end"]


def test_a_worker_refuses_what_would_come_out_otherwise(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another version would make another report; another folder would hold other logs."""
    monkeypatch.chdir(home)
    (home / "sets.yaml").write_text("run_ids: [run_1]")
    (run_set,) = load_run_sets([home / "sets.yaml"], out=Path("reports"))
    order = order_for(Task(run_set, NOTHING), Plan(Path("reports"), Publisher(template=home / "t.ipynb", pdf="none")))
    said = make_in_process({**order, "toolkit": "0.0 other"}, tmp_path)
    assert "has another version of run-reports" in said["error"]
    said = make_in_process({**order, "cwd": "/no/such/folder"}, tmp_path)
    assert "has no folder /no/such/folder" in said["error"]
    far = {"runs_dir": "memory://nowhere/runs", "reports_dir": "memory://nowhere/reports"}
    elsewhere = {"cwd": "/no/such/folder", "template": None, "parameters": {**order["parameters"], **far}}
    said = make_in_process({**order, **elsewhere}, tmp_path)
    assert "no run 'run_1'" in said["error"]  # it has looked where the URL leads, and needs no folder
    assert make_in_process(order, tmp_path)["event"] == "done"
    assert (tmp_path / "run_1" / "report.html").is_file()
