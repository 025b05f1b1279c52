"""An output format: any exporter of nbconvert, imported only where a report is written."""

from __future__ import annotations

from typing import Any

from analysis.render.export import Exporter


def _markdown() -> Any:
    from nbconvert.exporters import MarkdownExporter
    from traitlets.config import Config

    # Each output of a report has several forms; this is the order in which the exporter looks for one.
    forms = ["text/markdown", "text/plain"]
    return MarkdownExporter(exclude_input=True, config=Config(NbConvertBase={"display_data_priority": forms}))


MARKDOWN = Exporter("report.md", "this report as Markdown", _markdown)
