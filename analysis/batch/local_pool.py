"""Reports made in forked processes, one each, by a parent that has imported everything once.

`concurrent.futures` cannot end one report at its time limit, lose one to the OOM killer and go on with the others (a
pool is broken once a process of it dies), or keep what each process printed. A `forkserver` imports everything before
it starts the first process; here the first report imports for itself while the parent does so for the others.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import shutil
import signal
import sys
import time
import traceback
import warnings
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field, replace
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import TYPE_CHECKING, Any

from analysis.batch.run_sets import RunSet
from analysis.core.errors import AnalysisError
from analysis.core.redact import redact_text
from analysis.core.scratch import ASK_TO_END, signals_deferred
from analysis.publish.folder import Manifest, renew_manifest, repair, write_atomically
from analysis.publish.forked import ChildDied, die_with_parent, end_handles, ending, fork_is_safe, run_forked
from analysis.publish.freshness import asked_for, has_urls, is_same, read_from
from analysis.publish.preload import preload
from analysis.publish.publisher import FAILED, FAILED_LOG, Publisher, ReportFailed, load_exporters, template_path

if TYPE_CHECKING:
    from analysis.batch.remote_reports import RemoteReports

USAGE = 2
"""Status of a report that failed because of its input: a wrong run, log or parameter."""

GRACE = 60.0
"""Seconds that a report may take beyond the time limit of its cells, for everything else."""


@dataclass(frozen=True)
class Plan:
    """How the reports of a batch are made.

    Parameters
    ----------
    out : pathlib.Path
        Folder of reports.
    publisher : Publisher
        Makes each report.
    workers : int
        Number of reports made at a time.
    force : bool
        Make reports that are up to date too.
    dask : str, optional
        Address of the scheduler of a Dask cluster that makes the reports instead of this machine.
    remote : RemoteReports, optional
        Destination of the reports if they go to a URL; ``out`` is then a temporary folder.
    """

    out: Path
    publisher: Publisher = field(default_factory=Publisher)
    workers: int = os.cpu_count() or 1
    force: bool = False
    dask: str | None = None
    remote: RemoteReports | None = None

    def shown(self, report_id: str, name: str) -> str:
        """Return the path or URL at which a reader finds a file of a report."""
        place = self.out / report_id / name
        return str(place) if self.remote is None else f"{self.remote.url}/{report_id}/{name}"

    def asked_for(self, run_set: RunSet) -> dict[str, object]:
        """Return what a report depends on apart from the logs, as its manifest records it."""
        template = self.publisher.template or template_path()
        return asked_for(run_set.request, template=template, pdf=self.publisher.pdf)


@dataclass(frozen=True)
class Task:
    """A report to build; skipped if ``made``, the manifest of the existing one, shows that it is up to date."""

    run_set: RunSet
    made: Manifest


def get_ready(plan: Plan) -> None:
    """Import and build what every report needs, without starting a thread, beside which forking is not safe."""
    preload()
    from analysis.publish import execute, notebook_payload  # noqa: F401

    load_exporters(plan.publisher.pdf)


@dataclass
class _Worker:
    """A process that makes one report; ``end`` are descriptors that become ready when it dies."""

    run_set: RunSet
    process: BaseProcess
    pipe: Connection
    end: list[int]
    log: Path
    started: float
    deadline: float

    def is_over(self, ready: Collection[object]) -> bool:
        """True if the worker has answered or ended, or its time is up."""
        return self.pipe in ready or not {*self.end}.isdisjoint(ready) or time.monotonic() >= self.deadline


class Pool:
    """Processes on this machine, each of which makes one report; at most ``plan.workers`` at a time."""

    def __init__(self, plan: Plan, logs: Path) -> None:
        self._plan, self._logs = plan, logs
        self._workers: list[_Worker] = []
        self._ready = self._any_ended = False

    def run(self, tasks: Sequence[Task]) -> Iterator[dict[str, Any]]:
        """Make the reports and yield an event whenever one starts or ends."""
        waiting = list(reversed(tasks))
        while waiting or self._workers:
            while waiting and len(self._workers) < self._plan.workers:
                # A signal between the fork and the append would leave a process that `close` does not know.
                with signals_deferred():
                    self._workers.append(self._start(waiting.pop()))
                yield {"event": "start", "report": self._workers[-1].run_set.report_id}
                if waiting and not self._ready:
                    # The first worker imports everything for itself while this process does so for all others.
                    get_ready(self._plan)
                    self._ready = True
            left = min(worker.deadline for worker in self._workers) - time.monotonic()
            handles: list[Any] = [handle for worker in self._workers for handle in (worker.pipe, *worker.end)]
            ready = wait(handles, max(0.0, min(left, 1e6)))
            for worker in list(self._workers):
                if worker.is_over(ready):
                    self._workers.remove(worker)
                    self._any_ended = True
                    yield self._finish(worker)

    def close(self) -> None:
        """End the workers that still run: SIGTERM first, on which they remove unfinished files, then SIGKILL."""
        for worker in self._workers:
            worker.process.terminate()
        for worker in self._workers:
            worker.process.join(5)
            worker.process.kill()
            worker.process.join()

    def _start(self, task: Task) -> _Worker:
        # A forked worker has everything imported; a spawned one imports it again.
        context: Any = multiprocessing.get_context("fork" if fork_is_safe() else "spawn")
        ours, theirs = context.Pipe(duplex=False)
        log = self._logs / f"{task.run_set.report_id}.log"
        # Somebody waits for the first report: those beside it run at a lower priority.
        patient = bool(self._workers) and not self._any_ended
        arguments = (task, self._plan, theirs, log, os.getpid(), patient)
        process = context.Process(target=_work, args=arguments, daemon=True)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # Python 3.12 warns of the threads of BLAS when forking
            process.start()
        theirs.close()
        limit = self._plan.publisher.timeout
        now = time.monotonic()
        deadline = float("inf") if limit is None else now + limit + GRACE
        return _Worker(task.run_set, process, ours, end_handles(process.pid or 0), log, now, deadline)

    def _finish(self, worker: _Worker) -> dict[str, Any]:
        try:
            event: dict[str, Any] = worker.pipe.recv() if worker.pipe.poll() else {}
        except EOFError:
            event = {}
        if not event:
            worker.process.kill()
        worker.process.join()
        worker.pipe.close()
        for handle in worker.end:
            os.close(handle)
        if not event:
            late = time.monotonic() >= worker.deadline
            why = "the time limit was reached" if late else ending(worker.process.exitcode)
            event = {"event": "failed", "error": why, "status": 1}
            repair(self._plan.out)  # a killed process could not remove its unfinished files
        if event["event"] == "failed":
            event["where"] = worker.run_set.where
            if event["status"] != USAGE:  # bad input is explained by one line and needs no log file
                self._keep_log(worker, event)
        remote = self._plan.remote
        if remote is not None:
            self._put(remote, worker.run_set.report_id, event)
        seconds = round(time.monotonic() - worker.started, 3)
        return {"event": event.pop("event"), "report": worker.run_set.report_id, "seconds": seconds, **event}

    def _keep_log(self, worker: _Worker, event: dict[str, Any]) -> None:
        said = worker.log.read_bytes() if worker.log.exists() else b""
        path = self._plan.out / worker.run_set.report_id / FAILED_LOG
        if self._plan.remote is not None:  # readers find the files at the URL, not in the temporary folder
            here, there = str(self._plan.out.absolute()), self._plan.remote.url
            event.update({key: value.replace(here, there) for key, value in event.items() if isinstance(value, str)})
            said = said.replace(here.encode(), there.encode())
        with contextlib.suppress(AnalysisError):  # in a folder that cannot be written to there is no log either
            text = f"{event['where']}: {event['error']}\n" + said.decode(errors="replace")
            write_atomically(path, redact_text(text).encode())
            event["log"] = self._plan.shown(worker.run_set.report_id, FAILED_LOG)

    def _put(self, remote: RemoteReports, report_id: str, event: dict[str, Any]) -> None:
        """Upload what the worker did not, and remove the report's temporary folder."""
        if event["event"] == "failed":
            with contextlib.suppress(AnalysisError, ChildDied):  # the event says what went wrong
                remote.put_failed(report_id, self._plan.out)
        elif event["event"] == "done" and remote.in_memory:
            remote.put(report_id, self._plan.out)
        shutil.rmtree(self._plan.out / report_id, ignore_errors=True)


def _work(task: Task, plan: Plan, pipe: Connection, log: Path, parent: int, patient: bool) -> None:
    """Run a worker: make one report and send its final event through the pipe."""
    die_with_parent(parent)
    if patient and hasattr(os, "nice"):
        os.nice(5)
    handle = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(handle, 1)
    os.dup2(handle, 2)
    sys.stdout = sys.stderr = os.fdopen(handle, "w", buffering=1)
    multiprocessing.current_process().daemon = False  # `multiprocessing` forbids daemons to start processes; cells may
    # SIGTERM and SIGHUP end a worker as Ctrl-C does, so that it removes unfinished files. Until here it has none.
    for one in ASK_TO_END:
        signal.signal(one, signal.default_int_handler)
    try:
        pipe.send(_make(task, plan))
    except AnalysisError as error:
        pipe.send({"event": "failed", "error": str(error), "status": USAGE})
    except ReportFailed as error:
        print(error.details)
        pipe.send({"event": "failed", "error": str(error), "status": 1, "notebook": str(error.notebook)})
    except Exception as error:
        traceback.print_exc()
        pipe.send({"event": "failed", "error": f"{type(error).__name__}: {error}", "status": 1})


def forget_failure(folder: Path) -> None:
    """Remove the files of an earlier failure from a report's folder, and the folder if nothing else is in it."""
    with contextlib.suppress(OSError):
        for name in (FAILED, FAILED_LOG):
            (folder / name).unlink(missing_ok=True)
        folder.rmdir()


def _make(task: Task, plan: Plan) -> dict[str, Any]:
    run_set = task.run_set
    forget_failure(plan.out / run_set.report_id)
    asked = plan.asked_for(run_set)
    read = run_forked(read_from, run_set.request) if has_urls(run_set.request) else read_from(run_set.request)
    if is_same(task.made, asked, read):
        renew_manifest(
            plan.out / run_set.report_id, {**asked, **read}
        )  # next time sizes and dates are enough to skip it
        return {"event": "skipped"}
    if plan.remote is not None:
        plan.remote.bring(run_set.report_id, plan.out)
    publisher = replace(plan.publisher, made_from={**asked, **read})
    published = publisher.publish(run_set.request.to_mapping(), out=plan.out, report_id=run_set.report_id)
    if plan.remote is not None and not plan.remote.in_memory:
        plan.remote.put(run_set.report_id, plan.out)
    verdict = published.results.get("verdict", {})
    return {"event": "done", "verdict": verdict.get("evidence"), "edited": list(published.edited)}
