"""The command ``run-reports watch RUN ...``."""

from __future__ import annotations

import argparse
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

from analysis.cli import follow_ups, report
from analysis.core.errors import UsageError


def add(commands: Any) -> None:
    """Add the command to the subparsers of the command line."""
    watch = commands.add_parser("watch", help="make the report of a run again whenever its log grows, until it ends")
    report.add_options(watch)
    follow_ups.add_options(watch)
    watch.add_argument(
        "--every", type=_seconds, default=30.0, metavar="SECONDS", help="how often to look (default: 30)"
    )
    watch.add_argument(
        "--patience",
        type=_seconds,
        default=1800.0,
        metavar="SECONDS",
        help="time without growth after which a run counts as ended (default: 1800)",
    )
    watch.set_defaults(run=_watch)


def _watch(options: argparse.Namespace) -> int:
    from analysis.publish.publisher import Published, publish_report
    from analysis.publish.watch import Looks, watch

    if not isinstance(options.out, Path):
        raise UsageError(f"watch makes reports in a folder; --out {options.out} is none")
    request = report.request_of(options)
    report_id = report.report_id_of(request)
    follow = follow_ups.prepared(options)
    made: list[Published] = []

    def render() -> None:
        parameters = replace(request, report_id=report_id).to_mapping()
        made[:] = [
            publish_report(parameters, out=options.out, report_id=report_id, engine=options.engine, pdf=options.pdf)
        ]
        results = made[0].results
        steps = results["runs"][results["candidate"]]["rules_of_thumb"]["total_steps"]
        print(f"{steps} steps: {results['verdict']['evidence']}  {made[0].folder}", flush=True)
        follow_ups.index(options)

    try:
        why = watch(
            Looks(request),
            render,
            patience=options.patience,
            clock=time.monotonic,
            wait=lambda: time.sleep(options.every),
        )
    except KeyboardInterrupt:
        print("stopped watching; the last report is whole")
        return 0
    print(f"ended: {why}")
    follow(made[0])
    return 0


def _seconds(text: str) -> float:
    value = float(text)
    if not 0 < value < float("inf"):
        raise argparse.ArgumentTypeError(f"must be a positive number of seconds, got {text}")
    return value
