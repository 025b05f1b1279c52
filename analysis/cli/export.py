"""The command ``run-reports export REPORT.ipynb``: HTML and PDF of an executed notebook."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any


def add(commands: Any) -> None:
    """Add the command to the subparsers of the command line."""
    export = commands.add_parser("export", help="make HTML and PDF of an executed notebook, edited or not")
    export.add_argument("notebook", type=Path, metavar="REPORT.ipynb")
    export.add_argument("--out", type=Path, metavar="DIR", help="folder for the files (default: the notebook's)")
    export.add_argument("--pdf", choices=("typst", "none"), default="typst")
    export.add_argument("--also", metavar="FORMATS", help="further formats, joined by commas: md, csv, tex")
    export.set_defaults(run=_export)


def _export(options: argparse.Namespace) -> int:
    from analysis.publish.publisher import export_notebook
    from analysis.render.export.markdown import check_formats

    also = check_formats(options.also) if options.also else ()
    folder = options.out or options.notebook.absolute().parent
    for path in export_notebook(options.notebook, folder, pdf=options.pdf, also=also):
        print(path)
    return 0
