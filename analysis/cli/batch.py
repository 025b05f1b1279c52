"""The command ``run-reports batch RUN_SETS.yaml ...``."""

from __future__ import annotations

import argparse
import contextlib
import os
import sys
from pathlib import Path
from typing import Any

from analysis.cli import follow_ups, output_location


def add(commands: Any) -> None:
    """Add the command to the subparsers of the command line."""
    batch = commands.add_parser("batch", help="make many reports, skipping those that would come out the same")
    batch.add_argument("files", nargs="+", type=Path, metavar="RUN_SETS.yaml", help="files with one run set or many")
    output_location.add(batch)
    batch.add_argument("--workers", type=int, default=os.cpu_count() or 1, metavar="N", help="reports made at a time")
    batch.add_argument("--dask", metavar="ADDRESS", help="scheduler of a Dask cluster to make them, tcp://host:8786")
    batch.add_argument("--timeout", type=float, metavar="SECONDS", help="time the cells of a report may take")
    batch.add_argument("--force", action="store_true", help="make unchanged reports too")
    batch.add_argument("--json", action="store_true", help="write one line of JSON an event")
    batch.add_argument("--engine", choices=("auto", "fork", "kernel"), default="auto")
    batch.add_argument("--pdf", choices=("typst", "web", "none"), default="typst")
    follow_ups.add_message_options(batch)
    batch.set_defaults(run=_batch)


def _batch(options: argparse.Namespace) -> int:
    """Return 0 if no report failed, 2 if all failures were due to bad input, otherwise 1."""
    from analysis.batch.progress import JsonLines, Progress
    from analysis.batch.run_batch import Plan, run_batch
    from analysis.batch.run_sets import load_run_sets
    from analysis.core.errors import UsageError
    from analysis.publish.publisher import Publisher

    if options.workers < 1:
        raise UsageError(f"--workers must be at least 1, got {options.workers}")
    if options.timeout is not None and not 0 < options.timeout < float("inf"):
        raise UsageError(f"--timeout must be a positive number of seconds, got {options.timeout}")
    run_sets = load_run_sets(options.files, out=options.out)
    publisher = Publisher(engine=options.engine, pdf=options.pdf, timeout=options.timeout)
    show = JsonLines(sys.stdout) if options.json else Progress(sys.stderr)
    events: list[dict[str, Any]] = []

    with output_location.workplace(options.out) as (folder, remote):

        def tell(event: dict[str, Any]) -> None:
            show(event)
            events.append(event)
            if event["event"] == "end" or (event["event"] == "done" and remote is None):
                follow_ups.index(options, remote)

        plan = Plan(folder, publisher, workers=options.workers, force=options.force, dask=options.dask, remote=remote)
        try:
            run_batch(run_sets, plan, tell=tell)
        except KeyboardInterrupt as end:
            with contextlib.suppress(OSError):  # after SIGHUP there is no terminal
                print("\r\x1b[K" if sys.stderr.isatty() else "", end="", file=sys.stderr)  # clears the bar
            end.args = ("finished reports are whole, the same command makes the rest",)
            raise
    if options.notify:
        from analysis.publish.notify import batch_text

        follow_ups.send(options.notify, batch_text(events))
    return min((event.get("status", 1) for event in events if event["event"] == "failed"), default=0)
