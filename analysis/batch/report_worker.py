"""A process that makes one report after another for somebody else: a line of JSON in, a line out.

A worker of a cluster has threads, and beside threads nothing can be forked. This process has none.
"""

from __future__ import annotations

import contextlib
import functools
import json
import os
import select
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from analysis.batch.local_pool import USAGE, Plan, Pool, Task, get_ready
from analysis.batch.remote_reports import RemoteReports
from analysis.batch.run_sets import RunSet
from analysis.core.errors import AnalysisError, UsageError
from analysis.core.parameters import check_parameters
from analysis.core.scratch import scratch
from analysis.publish.forked import die_with_parent
from analysis.publish.freshness import is_elsewhere, toolkit
from analysis.publish.publisher import Publisher

IDLE = 120.0
"""Seconds without an order after which the process ends."""

Order = dict[str, Any]
"""What is asked of a maker; plain JSON, made by `order_for`."""


def order_for(task: Task, plan: Plan) -> Order:
    """Write down all it takes to make a report in another process, on this machine or another."""
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


class Maker:
    """The process, as seen by who wants reports; started by the first order, and again if it has ended."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[str] | None = None

    def make(self, order: Order, out: Path) -> dict[str, Any]:
        """Make a report in ``out``; gives the event with which that ended.

        Raises
        ------
        ChildProcessError
            If the process ends meanwhile.
        """
        if self._process is None or self._process.poll() is not None:
            self._process = _started()
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        answer = ""
        with contextlib.suppress(BrokenPipeError):
            print(json.dumps({**order, "out": str(out)}), file=self._process.stdin, flush=True)
            answer = self._process.stdout.readline()
        if not answer.endswith("\n"):
            self.close()
            raise ChildProcessError(f"the process that made it ended ({self._process.returncode})")
        event: dict[str, Any] = json.loads(answer)
        return event

    def close(self) -> None:
        """End the process and what it is making."""
        if self._process is not None:
            self._process.kill()
            self._process.communicate()


def _started() -> subprocess.Popen[str]:
    path = os.pathsep.join([str(Path(__file__).parents[2]), *filter(None, [os.environ.get("PYTHONPATH")])])
    return subprocess.Popen(
        [sys.executable, "-c", f"from analysis.batch.report_worker import main; main({os.getpid()})"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        encoding="utf-8",
        env={**os.environ, "PYTHONPATH": path, "PYTHONSAFEPATH": "1"},
    )


def main(parent: int) -> None:
    """Be the process: take orders until there are no more."""
    die_with_parent(parent)
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # whatever else is printed is no answer
    for order in _orders():
        print(json.dumps(_answer(order)), file=answers, flush=True)


def _orders() -> Iterator[Order]:
    """Wait for orders, but not for ever: an idle process holds memory that others want."""
    while sys.platform == "win32" or select.select([sys.stdin], [], [], IDLE)[0]:
        line = sys.stdin.readline()
        if not line:
            return
        yield json.loads(line)


def _answer(order: Order) -> dict[str, Any]:
    try:
        plan, task = _understood(order)
        _get_ready(plan.publisher.pdf)
    except Exception as error:
        ours = isinstance(error, AnalysisError)
        said = str(error) if ours else f"{_here()}: {type(error).__name__}: {' '.join(str(error).split())}"
        told = {"report": order["report"], "where": order["where"], "error": said}
        return {"event": "failed", **told, "status": USAGE if ours else 1, "seconds": 0.0}
    with scratch() as logs, contextlib.closing(Pool(plan, logs)) as pool:
        return list(pool.run([task]))[-1]


def _understood(order: Order) -> tuple[Plan, Task]:
    if order["toolkit"] != toolkit():
        raise UsageError(f"{_here()} has another version of run-reports; install this one there and restart it")
    request = check_parameters(order["parameters"])
    try:
        os.chdir(order["cwd"])
    except OSError:
        if order["template"] or not is_elsewhere(request):
            raise UsageError(
                f"{_here()} has no folder {order['cwd']}; start the batch in a folder that all machines see under one "
                "path, or give URLs for runs_dir and --out"
            ) from None
        os.chdir(order["out"])
    template = Path(order["template"]) if order["template"] else None
    remote = RemoteReports(order["remote"]) if order["remote"] else None
    plan = Plan(Path(order["out"]), Publisher(template=template, **order["publisher"]), workers=1, remote=remote)
    run_set = RunSet(request, order["where"])
    return plan, Task(run_set, order["made"])


def _here() -> str:
    return f"worker {socket.gethostname()}"


@functools.cache
def _get_ready(pdf: str) -> None:
    get_ready(Plan(Path(), Publisher(pdf=pdf)))
