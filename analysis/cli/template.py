"""The command ``run-reports template MY.ipynb``: an editable copy of the report's notebook."""

from __future__ import annotations

import argparse
import shutil
from pathlib import Path
from typing import Any


def add(commands: Any) -> None:
    """Add the command to the subparsers of the command line."""
    template = commands.add_parser("template", help="copy the report's notebook, to change it and use it")
    template.add_argument("file", type=Path, metavar="MY.ipynb", help="where the copy goes; no file may be there")
    template.set_defaults(run=_template)


def _template(options: argparse.Namespace) -> int:
    from analysis.core.errors import UsageError
    from analysis.publish.publisher import template_path

    if options.file.suffix != ".ipynb":
        raise UsageError(f"{options.file}: a notebook's name ends with .ipynb")
    if options.file.exists():
        raise UsageError(f"{options.file}: there is a file already; choose another name")
    if not options.file.absolute().parent.is_dir():
        raise UsageError(f"{options.file.parent}: no such folder")
    shutil.copyfile(template_path(), options.file)
    print(f"{options.file}: change it, then make reports with --template {options.file}")
    return 0
