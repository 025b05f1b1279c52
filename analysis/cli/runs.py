"""The command ``run-reports runs [REF ...]``."""

from __future__ import annotations

import argparse
import shlex
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from analysis.core.run import Run


def add(commands: Any) -> None:
    """Add the command to the subparsers of the command line."""
    runs = commands.add_parser("runs", help="list what run references lead to, and how their metrics are read")
    runs.add_argument("references", nargs="*", metavar="REF", help="default: the runs folder")
    runs.add_argument("--runs-dir", default="runs", metavar="DIR")
    runs.add_argument("--columns", metavar="YAML")
    runs.set_defaults(run=_runs)


_IN_FULL = 6
"""Most runs that are described in full; with more, each gets one line."""


def _runs(options: argparse.Namespace) -> int:
    """Print every run found, then why each of the other references leads to none; return the exit status."""
    from analysis.core.errors import AnalysisError
    from analysis.core.parameters import check_parameters
    from analysis.render.visible_text import legible
    from analysis.sources import distinct_runs, logs_among, resolve, told_of
    from analysis.sources.describe import describe
    from analysis.sources.remote import find_folder

    folder = find_folder(options.runs_dir)
    request = check_parameters({"run_ids": options.references or [str(folder)], "columns": options.columns})
    found, problems = [], []
    logs, left_out = logs_among(request.run_ids, folder)
    for reference in logs:
        try:
            found += resolve(reference, runs_dir=folder, columns=request.columns)
        except AnalysisError as error:
            problems.append(f"error: {error}")
    runs = distinct_runs(found)
    short = len(runs) > _IN_FULL or not options.references
    for run in runs:
        described = describe(run)
        print(legible(described.line() if short else "\n".join(described.lines())))
    if len(runs) > 1:
        print(legible("\n".join(belonging(runs, logs))))
    if left_out:
        print(legible(told_of(left_out)))
    for problem in problems:
        print(legible(problem), file=sys.stderr)
    return 2 if problems else 0


def belonging(runs: Sequence[Run], references: Sequence[str]) -> list[str]:
    """Return lines that list the groups of seeds, the factors in which they differ, and the command for a report."""
    from analysis.core.config_factors import changed_factors
    from analysis.core.run_names import factor_short, short_value
    from analysis.evidence.seed_groups import seed_groups
    from analysis.sources.joined import PARTS
    from analysis.sources.seeds_in_names import perhaps_seeds

    groups = seed_groups(runs)
    first = [run for run in runs if any(run.id == group.runs[0] for group in groups)]
    # Only the first runs of groups are compared: what varies within a group, such as the fold, is no factor.
    factors = {name: row for name, row in changed_factors(first).items() if name != "seed"}
    shown = list(factors.items())[:_SHOWN]
    lines = []
    for group in groups:
        named = ", ".join(f"{factor_short(name)}={short_value(row[group.runs[0]])}" for name, row in shown)
        seeds = f"{len(group.runs)} seeds: " if len(group.runs) > 1 else ""
        lines.append(f"  {named or group.name}: {seeds}{', '.join(group.runs)}")
    lines += [f"  {run.id}: {note}" for run in runs for note in run.notes if PARTS in note]
    lines += [
        f"  if {', '.join(named)} are seeds of one configuration: {rest + '*'!r}: {{group: {rest}}} in runs.yaml"
        for rest, named in perhaps_seeds(runs).items()
    ]
    more = f" and {len(factors) - _SHOWN} more" if len(factors) > _SHOWN else ""
    head = f", {len(groups)} groups" if len(groups) > 1 else ", one group"
    if factors:
        head += f" that differ in {', '.join(name for name, _ in shown)}{more}"
    elif len(groups) > 1:
        head += "; no configuration says how they differ: state config in their sidecars, or in runs.yaml"
    command = " ".join(shlex.quote(reference) for reference in references)
    return [f"{len(runs)} runs{head}", *lines, f"report: run-reports report {command}"]


_SHOWN = 4
