"""From an executed notebook to what people read: one HTML file, one PDF."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from analysis.render.export.html import HTMLReport
    from analysis.render.export.pdf import PDFReport

__all__ = ["HTMLReport", "PDFReport"]


def __getattr__(name: str) -> Any:
    # Exporters cost half a second to import: only who exports pays. jsonschema would import a
    # parser of IRIs (1.5 s) for a check that no notebook needs; None makes it go without.
    if name not in ("HTMLReport", "PDFReport"):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    sys.modules.setdefault("rfc3987_syntax", None)  # type: ignore[arg-type]
    if name == "HTMLReport":
        from analysis.render.export.html import HTMLReport

        return HTMLReport
    from analysis.render.export.pdf import PDFReport

    return PDFReport
