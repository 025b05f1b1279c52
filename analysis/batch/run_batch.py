"""Batches of reports, made here or on a Dask cluster; those that are up to date are skipped."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from analysis.batch.local_pool import Plan as Plan
from analysis.batch.local_pool import Pool, Task, forget_failure
from analysis.batch.run_sets import RunSet
from analysis.core.redact import redact_text
from analysis.core.scratch import scratch
from analysis.publish.folder import NOTHING, Manifest, read_whole_manifest, repair
from analysis.publish.freshness import has_urls, is_untouched, reported_log

Tell = Callable[[dict[str, Any]], None]
"""Callback for events, mappings with a key ``event`` and others; docs/batch.md lists them."""


@dataclass(frozen=True)
class Summary:
    """Report IDs by outcome."""

    done: tuple[str, ...]
    skipped: tuple[str, ...]
    failed: tuple[str, ...]


def run_batch(run_sets: Sequence[RunSet], plan: Plan, *, tell: Tell) -> Summary:
    """Make all reports, several at a time, each in its own process.

    A report that fails, even by a crash of its process, ends with an event ``failed``, and the others go on. A report
    whose logs, parameters, template and toolkit are unchanged is skipped. After a kill at any moment the next call
    makes the missing reports.
    """
    ended: dict[str, list[str]] = {"done": [], "skipped": [], "failed": []}
    start = time.monotonic()
    tell({"event": "begin", "reports": len(run_sets)})
    with _copies(run_sets), contextlib.closing(_events(run_sets, plan)) as events:
        for event in events:
            if "error" in event:
                event["error"] = redact_text(event["error"])
            if event["event"] in ended:
                ended[event["event"]].append(event["report"])
            tell(event)
    summary = Summary(*(tuple(ended[kind]) for kind in ("done", "skipped", "failed")))
    counts = {kind: len(names) for kind, names in ended.items()}
    tell({"event": "end", **counts, "seconds": round(time.monotonic() - start, 3)})
    return summary


def _copies(run_sets: Sequence[RunSet]) -> contextlib.AbstractContextManager[None]:
    """Keep local copies of remote logs until the last report is made."""
    if not any(has_urls(run_set.request) for run_set in run_sets):
        return contextlib.nullcontext()
    from analysis.sources.local_copies import kept_copies

    return kept_copies()


def _events(run_sets: Sequence[RunSet], plan: Plan) -> Generator[dict[str, Any], None, None]:
    waiting = []
    existing = _existing(run_sets, plan)
    for run_set in run_sets:
        made, log = existing.get(run_set.report_id, (NOTHING, None))
        if plan.force:
            waiting.append(Task(run_set, NOTHING))
        elif is_untouched(made, plan.asked_for(run_set)) or (run_set.once and log == run_set.once):
            forget_failure(plan.out / run_set.report_id)
            yield {"event": "skipped", "report": run_set.report_id}
        else:
            waiting.append(Task(run_set, made))
    if waiting:
        with scratch() as logs, contextlib.closing(_pool(plan, logs)) as pool:
            yield from pool.run(waiting)


def _existing(run_sets: Sequence[RunSet], plan: Plan) -> dict[str, tuple[Manifest, str | None]]:
    """Return each report's manifest, and the hash of its log if its run set asks for it; by report ID.

    Local reports that a kill left half-replaced are repaired first.
    """
    names = [run_set.report_id for run_set in run_sets]
    once = [run_set.report_id for run_set in run_sets if run_set.once]
    if plan.remote is not None:
        made, logs = plan.remote.manifests(names), plan.remote.logs(once)
    else:
        repair(plan.out)
        made = {name: read_whole_manifest(plan.out / name) for name in names}
        logs = {name: reported_log(plan.out / name) for name in once}
    return {name: (made.get(name, NOTHING), logs.get(name)) for name in names}


def _pool(plan: Plan, logs: Path) -> Any:
    if plan.dask is not None:
        from analysis.batch.dask_pool import DaskPool

        return DaskPool(plan.dask, plan)
    return Pool(plan, logs)
