"""The command ``run-reports dig RUN ...``: the report's notebook for some runs, opened in JupyterLab."""

from __future__ import annotations

import argparse
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from analysis.cli import report


def add(commands: Any) -> None:
    """Add the command to the subparsers of the command line."""
    dig = commands.add_parser("dig", help="open the report's notebook of some runs in JupyterLab, to go on from there")
    report.add_request(dig)
    dig.add_argument("--out", type=Path, metavar="MY.ipynb", help="the notebook (default: dig_<candidate>.ipynb, here)")
    dig.add_argument("--template", type=Path, metavar="MY.ipynb", help="a notebook of your own instead of ours")
    dig.add_argument("--no-open", action="store_true", help="write the notebook and leave it at that")
    dig.set_defaults(run=_dig)


def _dig(options: argparse.Namespace) -> int:
    from analysis.publish.workbench import open_in_jupyterlab, write_workbench

    request = report.request_of(options, reports_dir="reports")
    path = options.out or Path(f"dig_{report.report_id_of(request)}.ipynb")
    write_workbench(request, path, template=options.template)
    print(path, flush=True)
    if options.no_open:
        return 0
    if find_spec("jupyterlab") is None:
        print("JupyterLab, which would open it, is not installed: pip install 'run-reports[lab]'")
        return 0
    return open_in_jupyterlab(path)
