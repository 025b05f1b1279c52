"""The folder of the report's templates."""

from __future__ import annotations

from functools import cache
from pathlib import Path


@cache
def templates_dir() -> Path:
    """Return the folder of templates, in a checkout or in an installed package.

    Raises
    ------
    FileNotFoundError
        If the installation is incomplete.
    """
    package = Path(__file__).resolve().parents[2]
    for folder in (package / "templates", package.parent / "templates"):
        if (folder / "pdf" / "report.typ").is_file():
            return folder
    raise FileNotFoundError(f"{package / 'templates'}: the report templates are missing; install the package again")
