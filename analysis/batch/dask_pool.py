"""Reports made by the workers of a Dask cluster and written to their folder by this process.

A Dask worker runs threads, beside which it is not safe to fork, so each report is made in a fresh Python process:
an order goes in as JSON, the event with which the report ended comes out.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import uuid
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any

from analysis.batch.local_pool import USAGE, Plan, Pool, Task, forget_failure
from analysis.batch.remote_reports import RemoteReports
from analysis.batch.run_sets import RunSet
from analysis.core.errors import AnalysisError, MissingExtra, UsageError
from analysis.core.parameters import check_parameters
from analysis.core.redact import redact_text
from analysis.core.scratch import scratch
from analysis.publish.folder import replacing, write_atomically
from analysis.publish.forked import die_with_parent
from analysis.publish.freshness import is_place_independent, toolkit
from analysis.publish.publisher import FAILED, FAILED_LOG, Publisher, carry_into

RETRIES = 3
"""How often a report is retried after its process died; the scheduler's `allowed-failures` limits lost workers."""

PATIENCE = 5.0
"""Seconds to wait for the scheduler's answer, and for a message before the workers are counted."""

CALL = "__import__('analysis.batch.dask_pool', fromlist=['make_on_worker']).make_on_worker(order, topic)"
"""What a worker evaluates: text, since unpickling a function of ours would end a worker that lacks this package."""

Files = dict[str, bytes]

Order = dict[str, Any]
"""Everything another process needs to make a report, here or on another machine; plain JSON, from `order_for`."""


class DaskPool:
    """The workers of a Dask cluster; each of their threads makes one report at a time.

    Parameters
    ----------
    address : str
        Address of the scheduler, such as ``tcp://scheduler:8786``.
    plan : Plan
        What to make; its number of workers is ignored, as the cluster has its own.

    Raises
    ------
    MissingExtra
        If `distributed` is not installed.
    UsageError
        If no scheduler answers, or reports go to ``memory://``, which workers cannot reach.
    """

    def __init__(self, address: str, plan: Plan) -> None:
        try:
            import distributed
        except ImportError:
            raise MissingExtra("distributed", "dask", "--dask") from None
        if plan.remote is not None and plan.remote.in_memory:
            raise UsageError(f"--dask: the workers cannot reach {plan.remote.url}; choose another place for --out")
        for name in ("distributed", "distributed.client", "tornado.application"):
            logging.getLogger(name).setLevel(logging.CRITICAL + 1)  # a lost worker is reported as an event
        try:
            asyncio.run(_check_scheduler(address))
            self._client = distributed.Client(address, timeout=PATIENCE, set_as_default=False)
        except Exception as error:  # if another service listens there, parsing its answer can raise anything
            raise UsageError(f"--dask {redact_text(address)}: {_no_answer(error)}; check the address") from None
        self._plan = plan

    def run(self, tasks: Sequence[Task]) -> Iterator[dict[str, Any]]:
        """Make the reports and yield an event whenever one starts, is retried or ends."""
        topic, messages = f"run-reports-{uuid.uuid4().hex}", SimpleQueue[Any]()
        self._client.subscribe_topic(topic, lambda event: messages.put(event[1]))
        open_ = {}
        for task in tasks:
            order = order_for(task, self._plan)
            given, key = {"order": order, "topic": topic}, f"{order['report']}-{topic}"
            future = self._client.submit(eval, CALL, given, key=key, retries=RETRIES)
            open_[future.key] = (future, task.run_set)
            future.add_done_callback(messages.put)
        started, waits = set[str](), False
        while open_:
            try:
                message = messages.get(timeout=PATIENCE)
            except Empty:
                if waits != (waits := self._has_no_worker()) and waits:
                    yield {"event": "waiting", "reports": len(open_)}
                continue
            if isinstance(message, str):
                if any(message == run_set.report_id for _, run_set in open_.values()):
                    yield {"event": "retried" if message in started else "start", "report": message}
                    started.add(message)
                continue
            _, run_set = open_.pop(message.key)
            yield self._finish(message, run_set)
            message.release()

    def close(self) -> None:
        """Disconnect from the cluster, which drops the reports it is still making for us."""
        self._client.close(timeout=PATIENCE)

    def _has_no_worker(self) -> bool:
        try:
            return not self._client.nthreads()
        except OSError:  # the scheduler is lost: every future soon ends with an error
            return False

    def _finish(self, future: Any, run_set: RunSet) -> dict[str, Any]:
        event: dict[str, Any]
        files: Files
        try:
            event, files = future.result()
        except Exception as error:
            event, files = {"event": "failed", "seconds": 0.0, "error": _reason(error), "status": 1}, {}
        event |= {"report": run_set.report_id, **({"where": run_set.where} if event["event"] == "failed" else {})}
        if event["event"] == "failed" and event["status"] != USAGE and "log" not in event:
            files = {FAILED_LOG: f"{redact_text(event['error'])}\n".encode()}
            event["log"] = self._plan.shown(run_set.report_id, FAILED_LOG)
        target = self._plan.out / run_set.report_id
        if self._plan.remote is not None:  # the worker has uploaded the report itself
            self._put_log(self._plan.remote, target, files)
        elif event["event"] == "done":
            event["edited"] = list(_put(target, files))
        elif event["event"] == "failed":
            forget_failure(target)
            _write(target, files)
        return event

    def _put_log(self, remote: RemoteReports, target: Path, files: Files) -> None:
        _write(target, files)
        with contextlib.suppress(AnalysisError):  # the event says what went wrong
            remote.put_failed(target.name, target.parent)
        shutil.rmtree(target, ignore_errors=True)


async def _check_scheduler(address: str) -> None:
    """Raise an exception unless a scheduler answers; `Client` would wait forever for a service that says nothing."""
    from distributed import Security, rpc

    async with rpc(address, connection_args=Security().get_connection_args("client")) as there:
        identity = await asyncio.wait_for(there.identity(), PATIENCE)
    if identity["type"] != "Scheduler":
        raise TypeError(f"it is a {identity['type']}")


def _no_answer(error: Exception) -> str:
    """Return why the scheduler cannot be reached, in a few words."""
    if isinstance(error, OSError | ValueError) and str(error) and "@" not in str(error):  # else it quotes a password
        return f"no scheduler answers there ({' '.join(str(error).split())})"
    return "no scheduler answers there"


def make_on_worker(order: Order, topic: str) -> tuple[dict[str, Any], Files]:
    """Make a report on a worker of the cluster; return its final event, and its files by relative path."""
    from distributed import get_worker

    worker = get_worker()
    worker.log_event(topic, order["report"])
    with tempfile.TemporaryDirectory(dir=worker.local_directory) as folder:
        event = make_in_process(order, Path(folder))
        made = Path(folder) / order["report"]
        files = {p.relative_to(made).as_posix(): p.read_bytes() for p in sorted(made.rglob("*")) if p.is_file()}
    if event["event"] == "failed":  # paths in messages must be those of the final folder
        event |= {key: text.replace(folder, order["shown"]) for key, text in event.items() if isinstance(text, str)}
        files = {name: content.replace(folder.encode(), order["shown"].encode()) for name, content in files.items()}
    return event, files


def _reason(error: BaseException) -> str:
    """Return why no worker made a report, in one line."""
    from distributed import CancelledError, KilledWorker

    if isinstance(error, KilledWorker):
        return "every worker that tried to make it was lost (out of memory?); see the logs of the cluster"
    if isinstance(error, CancelledError):
        return "the cluster is gone"
    if isinstance(error, ModuleNotFoundError):
        return f"a worker of the cluster lacks '{error.name}'; install run-reports there, the same version"
    return " ".join(f"{type(error).__name__}: {error}".split())


def order_for(task: Task, plan: Plan) -> Order:
    """Return everything that another process has to know to make a report."""
    publisher = plan.publisher
    return {
        "report": task.run_set.report_id,
        "where": task.run_set.where,
        "parameters": task.run_set.request.to_mapping(),
        "made": task.made,
        "publisher": {"engine": publisher.engine, "pdf": publisher.pdf, "timeout": publisher.timeout},
        "template": str(publisher.template.absolute()) if publisher.template else None,
        "remote": plan.remote.url if plan.remote else None,
        "cwd": str(Path.cwd()),
        "shown": str(plan.out.absolute()),
        "toolkit": toolkit(),
    }


def make_in_process(order: Order, out: Path) -> dict[str, Any]:
    """Make a report in the folder ``out`` in a fresh process; return its final event.

    Raises
    ------
    ChildProcessError
        If the process dies.
    """
    path = os.pathsep.join([str(Path(__file__).parents[2]), *filter(None, [os.environ.get("PYTHONPATH")])])
    ended = subprocess.run(
        [sys.executable, "-c", f"from analysis.batch.dask_pool import main; main({os.getpid()})"],
        input=json.dumps({**order, "out": str(out)}),
        stdout=subprocess.PIPE,
        text=True,
        encoding="utf-8",
        env={**os.environ, "PYTHONPATH": path, "PYTHONSAFEPATH": "1"},
    )
    if ended.returncode or not ended.stdout:
        raise ChildProcessError(f"the process that made it ended ({ended.returncode})")
    event: dict[str, Any] = json.loads(ended.stdout)
    return event


def main(parent: int) -> None:
    """Run the process that `make_in_process` starts: an order from stdin, the final event to stdout."""
    die_with_parent(parent)
    answer = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # cells and libraries print to descriptor 1, which must carry the answer alone
    print(json.dumps(_answer(json.load(sys.stdin))), file=answer, flush=True)


def _answer(order: Order) -> dict[str, Any]:
    try:
        plan, task = _parse_order(order)
    except AnalysisError as error:
        about = {"report": order["report"], "where": order["where"], "error": str(error)}
        return {"event": "failed", **about, "status": USAGE, "seconds": 0.0}
    with scratch() as logs, contextlib.closing(Pool(plan, logs)) as pool:
        return list(pool.run([task]))[-1]


def _parse_order(order: Order) -> tuple[Plan, Task]:
    if order["toolkit"] != toolkit():
        raise UsageError(f"{_worker_name()} has another version of run-reports; install this one there and restart it")
    request = check_parameters(order["parameters"])
    try:
        os.chdir(order["cwd"])
    except OSError:
        if order["template"] or not is_place_independent(request):
            raise UsageError(
                f"{_worker_name()} has no folder {order['cwd']}; start the batch in a folder that all machines see "
                "under one path, or give URLs for runs_dir and --out"
            ) from None
        os.chdir(order["out"])
    template = Path(order["template"]) if order["template"] else None
    remote = RemoteReports(order["remote"]) if order["remote"] else None
    plan = Plan(Path(order["out"]), Publisher(template=template, **order["publisher"]), workers=1, remote=remote)
    run_set = RunSet(request, order["where"])
    return plan, Task(run_set, order["made"])


def _worker_name() -> str:
    return f"worker {socket.gethostname()}"


def _write(target: Path, files: Files) -> None:
    """Write the log and notebook of a failed report."""
    for name in {FAILED, FAILED_LOG} & set(files):
        write_atomically(target / name, files[name])


def _put(target: Path, files: Mapping[str, bytes]) -> tuple[str, ...]:
    """Write a finished report to its folder as `Publisher.publish` does; return the names of edited files kept."""
    edited: list[str] = []
    with replacing(target, lambda old, new: edited.extend(carry_into(old, new))) as staging:
        for name, content in files.items():
            path = staging / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
    return tuple(edited)
