"""Make reports on a Dask cluster; they are put in their place here."""

from __future__ import annotations

import logging
import tempfile
import threading
import uuid
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from queue import SimpleQueue
from typing import Any

from analysis.errors import MissingExtra, UsageError
from analysis.folder import replacing, write_atomically
from analysis.maker import Maker, Order, order_for
from analysis.pool import USAGE, Plan, Task, forget_failure
from analysis.publish import FAILED, FAILED_LOG, bring_along

RETRIES = 3
"""How often a report is made again when what made it is lost; the scheduler has a limit of its own too."""

PATIENCE = 10.0
"""Seconds to wait for the scheduler to answer."""

Files = dict[str, bytes]


class DaskPool:
    """The workers of a cluster, each of whose threads makes one report at a time, in a process of its own.

    Parameters
    ----------
    address : str
        Of the scheduler, such as ``tcp://scheduler:8786``.
    plan : Plan
        Its number of workers is not asked for: the cluster has its own.

    Raises
    ------
    MissingExtra
        If `distributed` is not installed.
    UsageError
        If no scheduler answers.
    """

    def __init__(self, address: str, plan: Plan) -> None:
        try:
            import distributed
        except ImportError:
            raise MissingExtra("distributed", "dask", "--dask") from None
        logging.getLogger("distributed").setLevel(logging.CRITICAL)  # a lost worker is told of as an event
        try:
            self._client = distributed.Client(address, timeout=PATIENCE, set_as_default=False)
        except (OSError, ValueError) as error:
            why = " ".join(str(error).split()) or type(error).__name__
            raise UsageError(f"--dask {address}: no scheduler answers there ({why}); check the address") from None
        if plan.remote is not None and plan.remote.in_memory:
            raise UsageError(f"--dask: the workers cannot reach {plan.remote.url}; choose another place for --out")
        self._plan = plan

    def run(self, tasks: Sequence[Task]) -> Iterator[dict[str, Any]]:
        """Make the reports; gives an event at each start and end."""
        topic, told = f"run-reports-{uuid.uuid4().hex}", SimpleQueue[Any]()
        self._client.subscribe_topic(topic, lambda event: told.put(event[1]))
        open_ = {}
        for task in tasks:
            order = order_for(task, self._plan)
            future = self._client.submit(_made, order, topic, key=f"{order['report']}-{topic}", retries=RETRIES)
            open_[future.key] = (future, task.run_set.report_id)
            future.add_done_callback(told.put)
        started = set[str]()
        while open_:
            told_of = told.get()
            if isinstance(told_of, str):
                if any(told_of == name for _, name in open_.values()):
                    yield {"event": "retried" if told_of in started else "start", "report": told_of}
                    started.add(told_of)
                continue
            _, name = open_.pop(told_of.key)
            yield self._finish(told_of, name)
            told_of.release()

    def close(self) -> None:
        """Leave the cluster; what it is still making for us is dropped."""
        self._client.close(timeout=PATIENCE)

    def _finish(self, future: Any, name: str) -> dict[str, Any]:
        event: dict[str, Any]
        files: Files
        try:
            event, files = future.result()
        except Exception as error:
            event, files = {"event": "failed", "seconds": 0.0, "error": _reason(error), "status": 1}, {}
        event["report"] = name
        target = self._plan.out / name
        crashed = event["event"] == "failed" and event["status"] != USAGE
        if self._plan.remote is not None:  # the worker has put it there
            if crashed:
                event.setdefault("log", self._plan.shown(name, FAILED_LOG))
        elif event["event"] == "done":
            event["edited"] = list(_put(target, files))
        elif not crashed:
            forget_failure(target)
        else:
            files.setdefault(FAILED_LOG, f"{event['error']}\n".encode())
            for file in (FAILED, FAILED_LOG):
                if file in files:
                    write_atomically(target / file, files[file])
            event["log"] = str(target / FAILED_LOG)
        return event


def _made(order: Order, topic: str) -> tuple[dict[str, Any], Files]:
    """Make a report on a worker of the cluster; gives how it ended, and the files."""
    from distributed import get_worker

    worker = get_worker()
    worker.log_event(topic, order["report"])
    with tempfile.TemporaryDirectory(dir=worker.local_directory) as folder:
        event = _maker().make(order, Path(folder))
        made = Path(folder) / order["report"]
        files = {p.relative_to(made).as_posix(): p.read_bytes() for p in sorted(made.rglob("*")) if p.is_file()}
    if event["event"] == "failed":  # what it says of files shall be so where they will lie
        event |= {key: text.replace(folder, order["shown"]) for key, text in event.items() if isinstance(text, str)}
        files = {name: content.replace(folder.encode(), order["shown"].encode()) for name, content in files.items()}
    return event, files


def _reason(error: BaseException) -> str:
    """Say in a line why no worker made a report."""
    from distributed import CancelledError, KilledWorker

    if isinstance(error, KilledWorker):
        return "every worker that tried to make it was lost (out of memory?); see the logs of the cluster"
    if isinstance(error, CancelledError):
        return "the cluster is gone"
    if isinstance(error, ModuleNotFoundError):
        return f"a worker of the cluster lacks '{error.name}'; install run-reports there, the same version"
    return " ".join(f"{type(error).__name__}: {error}".split())


_THREAD = threading.local()


def _maker() -> Maker:
    """Give the maker of this thread of a worker: so many reports at a time as the worker has threads."""
    if not hasattr(_THREAD, "maker"):
        _THREAD.maker = Maker()
    maker: Maker = _THREAD.maker
    return maker


def _put(target: Path, files: Mapping[str, bytes]) -> tuple[str, ...]:
    """Put a report in its place, as if it had been made here."""
    with replacing(target) as staging:
        for name, content in files.items():
            path = staging / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        return bring_along(target, staging)
