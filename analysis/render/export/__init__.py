"""Export of executed notebooks: `EXPORTERS`, one row per output format."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from analysis.core.plugins import plugins

if TYPE_CHECKING:
    from analysis.render.export.html import HTMLReport
    from analysis.render.export.pdf import PDFReport

__all__ = ["EXPORTERS", "Exporter", "HTMLReport", "PDFReport", "exporters"]


class Exporter(NamedTuple):
    """An output format.

    Attributes
    ----------
    file : str
        Name of the file in the report's folder.
    content : str
        Description for the report's list of files.
    make : callable
        Imports and returns an nbconvert exporter, or any object with its
        ``from_notebook_node(notebook) -> (str or bytes, resources)``.
    """

    file: str
    content: str
    make: Callable[[], Any]


def _html() -> Any:
    from analysis.render.export import HTMLReport

    return HTMLReport()


def _pdf() -> Any:
    from analysis.render.export import PDFReport

    return PDFReport()  # type: ignore[no-untyped-call]


EXPORTERS: Mapping[str, Exporter] = {
    "html": Exporter("report.html", "this report as one page", _html),
    "pdf": Exporter("report.pdf", "this report, typeset", _pdf),
}
"""Every built-in output format, in the order in which they are made and listed."""


def exporters() -> Mapping[str, Exporter]:
    """Return every output format, those of plug-ins last.

    Raises
    ------
    PluginError
        If a plug-in cannot be loaded.
    """
    return {**EXPORTERS, **plugins("exporters", Exporter)}


def __getattr__(name: str) -> Any:
    # Exporters take half a second to import, so they are imported on first use. jsonschema would import a
    # parser of IRIs (1.5 s) for a check that no notebook needs; None in sys.modules prevents that.
    if name not in ("HTMLReport", "PDFReport"):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    sys.modules.setdefault("rfc3987_syntax", None)  # type: ignore[arg-type]
    if name == "HTMLReport":
        from analysis.render.export.html import HTMLReport

        return HTMLReport
    from analysis.render.export.pdf import PDFReport

    return PDFReport
