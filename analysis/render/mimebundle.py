"""One block in every format at once, from which each exporter picks its own."""

from __future__ import annotations

from typing import Any

from analysis.core.blocks import Block, Code, Cover, Details, Figure, Heading
from analysis.core.rich_text import plain
from analysis.render import html, markdown, typst

KEY = "run_report"
"""Key of `metadata` in the metadata of an output."""

DATA = "application/vnd.run-report+json"
"""MIME type of an output with the results for programs, and nothing to read."""

TYPST = "text/vnd.typst"
"""MIME type of the Typst form."""


def mimebundle(block: Block) -> dict[str, str | bytes]:
    """Return every form of a block, by MIME type.

    Parameters
    ----------
    block : Block
        Any block of a report.

    Returns
    -------
    dict[str, str | bytes]
        HTML, Markdown, plain text and Typst; for a figure also SVG, and PNG as bytes.
    """
    text = markdown.render(block)
    bundle: dict[str, str | bytes] = {
        "text/html": html.render(block),
        "text/markdown": text,
        "text/plain": text,
        TYPST: typst.render(block),
    }
    if isinstance(block, Figure):
        bundle |= {"image/svg+xml": block.svg, "image/png": block.png}
    return bundle


def metadata(block: Block) -> dict[str, Any]:
    """Return metadata of a block for exporters: its kind, ID, and the file name of a figure.

    Returns
    -------
    dict[str, Any]
        ``{"run_report": {"kind": ..., ...}}``, for the metadata of a notebook output.
    """
    about: dict[str, Any] = {"kind": type(block).__name__.lower()}
    if isinstance(block, Cover):
        about["title"] = block.title
    elif isinstance(block, Heading):
        about |= {"text": block.text, "level": block.level, "id": html.anchor(block.id)}
    elif isinstance(block, Details):
        about |= {"summary": plain(block.summary), "code": all(isinstance(below, Code) for below in block.blocks)}
    elif isinstance(block, Figure):
        about |= {
            "id": html.anchor(block.id),
            "name": block.name,
            "alt": block.alt,
            "caption": plain(block.caption),
            "summary": block.summary,
        }
    return {KEY: about}
