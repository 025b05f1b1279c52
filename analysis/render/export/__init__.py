"""From an executed notebook to what people read, one row an output format."""

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
        What is in it, for the report's list of files.
    make : callable
        Imports and gives what turns a notebook into the file: an exporter of nbconvert, or whatever has its
        ``from_notebook_node(notebook) -> (str or bytes, resources)``.
    """

    file: str
    content: str
    make: Callable[[], Any]


EXPORTERS: Mapping[str, Exporter] = {
    "html": Exporter("report.html", "this report as one page", lambda: __getattr__("HTMLReport")()),
    "pdf": Exporter("report.pdf", "this report, typeset", lambda: __getattr__("PDFReport")()),
}
"""Every output format of our own, in the order in which they are made and listed."""


def exporters() -> Mapping[str, Exporter]:
    """Return every output format, those of plug-ins behind ours.

    Raises
    ------
    PluginError
        If one of a plug-in cannot be loaded.
    """
    return {**EXPORTERS, **plugins("exporters", Exporter)}


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
