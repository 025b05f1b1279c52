"""Make reports in processes of their own: one that has imported everything once forks a ready one for each.

`concurrent.futures` cannot do what is needed here: end one report at its time limit, or lose one to the system, and go
on with the others (a pool whose process dies is broken as a whole); and keep what each process printed. A `forkserver`
starts no process before it has imported everything; here the first report does so for itself meanwhile.
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
"""Status of a report that failed for its input: a run, log or parameter that is wrong."""

GRACE = 60.0
"""Seconds beyond the time limit of its cells that a report may take for everything else."""


@dataclass(frozen=True)
class Plan:
    """How the reports of a batch are made.

    Parameters
    ----------
    out : pathlib.Path
        Folder of reports.
    publisher : Publisher
        Makes each of them.
    workers : int
        How many at a time.
    force : bool
        Make those too that would come out as they are.
    dask : str, optional
        Address of the scheduler of a Dask cluster, which makes them instead of this machine.
    remote : RemoteReports, optional
        Where the reports really lie; ``out`` is then a folder in which they are made.
    """

    out: Path
    publisher: Publisher = field(default_factory=Publisher)
    workers: int = os.cpu_count() or 1
    force: bool = False
    dask: str | None = None
    remote: RemoteReports | None = None

    def shown(self, report_id: str, name: str) -> str:
        """Name a file of a report as a reader finds it."""
        place = self.out / report_id / name
        return str(place) if self.remote is None else f"{self.remote.url}/{report_id}/{name}"

    def asked_for(self, run_set: RunSet) -> dict[str, object]:
        """Return what a report depends on besides the logs."""
        template = self.publisher.template or template_path()
        return asked_for(run_set.request, template=template, pdf=self.publisher.pdf)


@dataclass(frozen=True)
class Task:
    """A report to build; skipped if ``made``, the manifest of the existing one, shows that it is up to date."""

    run_set: RunSet
    made: Manifest


def get_ready(plan: Plan) -> None:
    """Import and build what every report needs, once; without starting a thread, or nothing could be forked."""
    preload()
    from analysis.publish import execute, notebook_payload  # noqa: F401

    load_exporters(plan.publisher.pdf)


@dataclass
class _Worker:
    """A process that makes one report."""

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
    """As many workers at a time as planned."""

    def __init__(self, plan: Plan, logs: Path) -> None:
        self._plan, self._logs = plan, logs
        self._workers: list[_Worker] = []
        self._ready = self._any_ended = False

    def run(self, tasks: Sequence[Task]) -> Iterator[dict[str, Any]]:
        """Make the reports; gives an event at each start and end."""
        waiting = list(reversed(tasks))
        while waiting or self._workers:
            while waiting and len(self._workers) < self._plan.workers:
                # An interrupt finds each process among the workers, and that with a log to write to.
                with signals_deferred():
                    self._workers.append(self._start(waiting.pop()))
                yield {"event": "start", "report": self._workers[-1].run_set.report_id}
                if waiting and not self._ready:
                    # The first imports everything itself, while this process does so for all others.
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
        """End what still runs; workers that are asked politely leave nothing behind."""
        for worker in self._workers:
            worker.process.terminate()
        for worker in self._workers:
            worker.process.join(5)
            worker.process.kill()
            worker.process.join()

    def _start(self, task: Task) -> _Worker:
        # Forking is what makes it fast; without it each worker imports everything anew.
        context: Any = multiprocessing.get_context("fork" if fork_is_safe() else "spawn")
        ours, theirs = context.Pipe(duplex=False)
        log = self._logs / f"{task.run_set.report_id}.log"
        # The first report is what somebody waits for: those beside it leave it the processor.
        patient = bool(self._workers) and not self._any_ended
        arguments = (task, self._plan, theirs, log, os.getpid(), patient)
        process = context.Process(target=_work, args=arguments, daemon=True)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # of threads of numeric libraries
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
            repair(self._plan.out)  # it could not take away what it was writing
        if event["event"] == "failed":
            event["where"] = worker.run_set.where
            if event["status"] != USAGE:  # what the user can mend is said in one line, and no file is made
                self._keep_log(worker, event)
        remote = self._plan.remote
        if remote is not None:
            self._put(remote, worker.run_set.report_id, event)
        seconds = round(time.monotonic() - worker.started, 3)
        return {"event": event.pop("event"), "report": worker.run_set.report_id, "seconds": seconds, **event}

    def _keep_log(self, worker: _Worker, event: dict[str, Any]) -> None:
        said = worker.log.read_bytes() if worker.log.exists() else b""
        path = self._plan.out / worker.run_set.report_id / FAILED_LOG
        if self._plan.remote is not None:  # no reader finds anything where the report was made
            here, there = str(self._plan.out.absolute()), self._plan.remote.url
            event.update({key: value.replace(here, there) for key, value in event.items() if isinstance(value, str)})
            said = said.replace(here.encode(), there.encode())
        with contextlib.suppress(AnalysisError):  # where nothing can be written there is no log either
            text = f"{event['where']}: {event['error']}\n" + said.decode(errors="replace")
            write_atomically(path, redact_text(text).encode())
            event["log"] = self._plan.shown(worker.run_set.report_id, FAILED_LOG)

    def _put(self, remote: RemoteReports, report_id: str, event: dict[str, Any]) -> None:
        """Put where it belongs what the worker has not; what is here has served its time."""
        if event["event"] == "failed":
            with contextlib.suppress(AnalysisError, ChildDied):  # the event says what went wrong
                remote.put_failed(report_id, self._plan.out)
        elif event["event"] == "done" and remote.in_memory:
            remote.put(report_id, self._plan.out)
        shutil.rmtree(self._plan.out / report_id, ignore_errors=True)


def _work(task: Task, plan: Plan, pipe: Connection, log: Path, parent: int, patient: bool) -> None:
    """Be a worker: make one report, say how it went."""
    die_with_parent(parent)
    if patient and hasattr(os, "nice"):
        os.nice(5)
    handle = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(handle, 1)
    os.dup2(handle, 2)
    sys.stdout = sys.stderr = os.fdopen(handle, "w", buffering=1)
    multiprocessing.current_process().daemon = False  # or cells could start no processes
    # Asked to end, it ends as by Ctrl-C: what it was writing is taken away. Before this there is nothing to take away.
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
    """Take away what an attempt that failed left in a report's folder; it is tried again, or right as it is."""
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
        renew_manifest(plan.out / run_set.report_id, {**asked, **read})  # so that a glance is enough next time
        return {"event": "skipped"}
    if plan.remote is not None:
        plan.remote.bring(run_set.report_id, plan.out)
    publisher = replace(plan.publisher, made_from={**asked, **read})
    published = publisher.publish(run_set.request.to_mapping(), out=plan.out, report_id=run_set.report_id)
    if plan.remote is not None and not plan.remote.in_memory:
        plan.remote.put(run_set.report_id, plan.out)
    verdict = published.results.get("verdict", {})
    return {"event": "done", "verdict": verdict.get("evidence"), "edited": list(published.edited)}
