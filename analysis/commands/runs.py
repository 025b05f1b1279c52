"""The command ``python -m analysis runs REF ...``."""

from __future__ import annotations

import argparse
from typing import Any


def add(commands: Any) -> None:
    """Add the command to the subparsers of the command line."""
    runs = commands.add_parser("runs", help="list what run references lead to, and how their metrics are read")
    runs.add_argument("references", nargs="+", metavar="REF")
    runs.add_argument("--runs-dir", default="runs", metavar="DIR")
    runs.add_argument("--columns", metavar="YAML")
    runs.set_defaults(run=_runs)


def _runs(options: argparse.Namespace) -> int:
    from analysis.parameters import check_parameters
    from analysis.pipeline import find_folder
    from analysis.sources import load_runs
    from analysis.sources.describe import describe

    request = check_parameters({"run_ids": options.references, "columns": options.columns})
    for run in load_runs(request.run_ids, runs_dir=find_folder(options.runs_dir), columns=request.columns):
        print("\n".join(describe(run).lines()))
    return 0
