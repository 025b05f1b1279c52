"""From blocks to what a notebook shows: each block in every format, so that each exporter picks its own."""

from __future__ import annotations

import base64
from collections.abc import Iterable
from typing import Any

from analysis.blocks import Block, Cover, Figure, Heading
from analysis.render import html, markdown, typst
from analysis.rich import plain

__all__ = ["KEY", "TYPST", "Shown", "metadata", "mimebundle", "show"]

KEY = "run_report"
"""Key in an output's metadata under which `metadata` stands."""

TYPST = "text/vnd.typst"
"""MIME type of the Typst form."""


def mimebundle(block: Block) -> dict[str, str | bytes]:
    """Give every form of a block, by MIME type.

    Parameters
    ----------
    block : Block
        Any block of a report.

    Returns
    -------
    dict[str, str | bytes]
        HTML, Markdown, plain text and Typst; for a figure SVG and PNG (as bytes) too.
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
    """Describe a block for those who read the notebook: its kind, id, and a figure's file name.

    Returns
    -------
    dict[str, Any]
        ``{"run_report": {"kind": ..., ...}}``, fit for the metadata of a notebook output.
    """
    about: dict[str, Any] = {"kind": type(block).__name__.lower()}
    if isinstance(block, Cover):
        about["title"] = block.title
    elif isinstance(block, Heading):
        about |= {"text": block.text, "level": block.level, "id": html.anchor(block.id)}
    elif isinstance(block, Figure):
        about |= {
            "id": html.anchor(block.id),
            "name": block.name,
            "alt": block.alt,
            "caption": plain(block.caption),
        }
    return {KEY: about}


class Shown:
    """A block that a notebook can display.

    Parameters
    ----------
    block : Block
        What is to be displayed.
    """

    def __init__(self, block: Block) -> None:
        self.block = block

    def _repr_mimebundle_(self, **_: Any) -> tuple[dict[str, str], dict[str, Any]]:
        # Notebooks hold images as base64 text; writing it here keeps every kind of kernel alike.
        bundle = {
            kind: form if isinstance(form, str) else base64.b64encode(form).decode("ascii")
            for kind, form in mimebundle(self.block).items()
        }
        return bundle, metadata(self.block)


def show(blocks: Block | Iterable[Block]) -> None:
    """Display one block or several in the running notebook, in their order."""
    from IPython.display import display

    for block in [blocks] if isinstance(blocks, Block) else blocks:
        display(Shown(block))
