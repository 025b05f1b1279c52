"""Make many reports: those that are wanted and would not come out as they are, here or on a cluster."""

from __future__ import annotations

import contextlib
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from analysis.folder import NOTHING, mend, read_whole_manifest
from analysis.freshness import is_reported, is_untouched
from analysis.pool import Plan as Plan
from analysis.pool import Pool, Task, get_ready
from analysis.runsets import RunSet

Tell = Callable[[dict[str, Any]], None]
"""Is told of each event: a mapping with ``event`` ("start", "retried", "skipped", "done", "failed", "end") and more."""


@dataclass(frozen=True)
class Summary:
    """Report ids by how they ended."""

    done: tuple[str, ...]
    skipped: tuple[str, ...]
    failed: tuple[str, ...]


def run_batch(run_sets: Sequence[RunSet], plan: Plan, *, tell: Tell) -> Summary:
    """Make all reports, some at a time, each in a process of its own.

    A report that fails, in whatever way, is told of as failed, and the others go on. One whose logs,
    parameters, template and toolkit are unchanged is skipped. After a kill at any moment the next call
    makes what is missing.
    """
    mend(plan.out)
    ended: dict[str, list[str]] = {"done": [], "skipped": [], "failed": []}
    start = time.monotonic()
    for event in _events(run_sets, plan):
        if event["event"] in ended:
            ended[event["event"]].append(event["report"])
        tell(event)
    summary = Summary(*(tuple(ended[kind]) for kind in ("done", "skipped", "failed")))
    counts = {kind: len(names) for kind, names in ended.items()}
    tell({"event": "end", **counts, "seconds": round(time.monotonic() - start, 3)})
    return summary


def _events(run_sets: Sequence[RunSet], plan: Plan) -> Iterator[dict[str, Any]]:
    waiting = []
    for run_set in run_sets:
        folder = plan.out / run_set.report_id
        made = NOTHING if plan.force else read_whole_manifest(folder)
        if not plan.force and (is_untouched(made, plan.asked_for(run_set)) or is_reported(folder, run_set.once)):
            yield {"event": "skipped", "report": run_set.report_id}
        else:
            waiting.append(Task(run_set, made))
    if waiting:
        with tempfile.TemporaryDirectory() as logs, contextlib.closing(_pool(plan, Path(logs))) as pool:
            yield from pool.run(waiting)


def _pool(plan: Plan, logs: Path) -> Any:
    if plan.dask is not None:
        from analysis.dask_pool import DaskPool

        return DaskPool(plan.dask, plan)
    get_ready(plan)
    return Pool(plan, logs)
