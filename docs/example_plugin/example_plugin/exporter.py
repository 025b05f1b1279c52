"""An output format: any exporter of nbconvert, imported only where a report is written."""

from __future__ import annotations

from typing import Any

from analysis.render.export import Exporter


def _markdown() -> Any:
    from nbconvert.exporters import MarkdownExporter

    return MarkdownExporter(exclude_input=True)


MARKDOWN = Exporter("report.md", "this report as Markdown", _markdown)
