"""From an executed notebook to what people read: one HTML file, one PDF."""

from __future__ import annotations

import sys
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from analysis.export.html import HTMLReport
    from analysis.export.pdf import PDFReport

__all__ = ["HTMLReport", "PDFReport", "templates_dir"]


@cache
def templates_dir() -> Path:
    """Find the folder of templates, in a checkout and in an installed package alike.

    Raises
    ------
    FileNotFoundError
        If the installation is incomplete.
    """
    package = Path(__file__).resolve().parents[1]
    for folder in (package / "templates", package.parent / "templates"):
        if (folder / "pdf" / "report.typ").is_file():
            return folder
    raise FileNotFoundError(f"{package / 'templates'}: the report templates are missing; install the package again")


def __getattr__(name: str) -> Any:
    # Exporters cost half a second to import: only who exports pays. jsonschema would import a
    # parser of IRIs (1.5 s) for a check that no notebook needs; None makes it go without.
    if name not in ("HTMLReport", "PDFReport"):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    sys.modules.setdefault("rfc3987_syntax", None)  # type: ignore[arg-type]
    if name == "HTMLReport":
        from analysis.export.html import HTMLReport

        return HTMLReport
    from analysis.export.pdf import PDFReport

    return PDFReport
