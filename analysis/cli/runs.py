"""The command ``run-reports runs REF ...``."""

from __future__ import annotations

import argparse
import sys
from typing import Any


def add(commands: Any) -> None:
    """Add the command to the subparsers of the command line."""
    runs = commands.add_parser("runs", help="list what run references lead to, and how their metrics are read")
    runs.add_argument("references", nargs="+", metavar="REF")
    runs.add_argument("--runs-dir", default="runs", metavar="DIR")
    runs.add_argument("--columns", metavar="YAML")
    runs.set_defaults(run=_runs)


def _runs(options: argparse.Namespace) -> int:
    """Describe every run that is found; say of each reference that leads to none why, behind the others."""
    from analysis.core.errors import AnalysisError
    from analysis.core.parameters import check_parameters
    from analysis.sources import resolve, told_apart
    from analysis.sources.describe import describe
    from analysis.sources.remote import find_folder

    request = check_parameters({"run_ids": options.references, "columns": options.columns})
    found, problems = [], []
    for reference in request.run_ids:
        try:
            found += resolve(reference, runs_dir=find_folder(options.runs_dir), columns=request.columns)
        except AnalysisError as error:
            problems.append(f"error: {error}")
    for run in told_apart(found):
        print("\n".join(describe(run).lines()))
    for problem in problems:
        print(problem, file=sys.stderr)
    return 2 if problems else 0
