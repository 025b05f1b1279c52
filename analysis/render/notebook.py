"""Display of blocks in a notebook, with a little style for JupyterLab."""

from __future__ import annotations

import base64
from collections.abc import Iterable
from typing import Any

from analysis.core.blocks import Block, Cover
from analysis.render.mimebundle import KEY, metadata, mimebundle

# Uses JupyterLab's variables, so that its dark themes work; the exported page has its own style.
_STYLE = """<style>
.rr-hidden { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
.rr-anchor { display: none; }
.rr-cover { border-top: 3px solid var(--jp-brand-color1, #1f5d8f); padding-top: 0.5em; }
.rr-facts { display: flex; flex-wrap: wrap; gap: 0 2em; } .rr-facts :is(dt, dd) { display: inline; }
.rr-facts dt, .rr-minor, .rr-note, .rr-footer, .rr-figure figcaption, .rr-muted, .rr-claim {
  color: var(--jp-ui-font-color2, #555d6b); }
.rr-facts dd { margin: 0; }
.rr-badge { border: 1px solid; border-radius: 3px; padding: 0 0.4em; font-size: 0.85em; font-weight: 600; }
.rr-callout > .rr-glyph { margin-right: 0.4em; }
.rr-table caption { text-align: left; font-weight: 600; padding: 0.4em 0; }
.rr-table table { margin-left: 0; font-variant-numeric: tabular-nums; }
.rr-table :is(th, td) { text-align: left; vertical-align: top; }
.rr-table :is(th, td).right { text-align: right; }
.rr-minor { display: block; font-size: 0.9em; font-weight: 400; }
.rr-definition { color: inherit; }
.rr-strong > * { font-weight: 700; }
.rr-scroll { overflow-x: auto; }
.rr-callout { display: flex; border-left: 3px solid var(--jp-border-color1, #888);
  padding: 0.4em 0.9em; margin: 0.8em 0; background: var(--jp-layout-color2, #f5f6f8); }
.rr-callout-title { font-weight: 600; }
.rr-figure { margin: 1em 0; }
.rr-figure img { max-width: 60em; width: 100%; height: auto; }
</style>"""


class Shown:
    """A block that a notebook can display.

    Parameters
    ----------
    block : Block
        The block to display.
    """

    def __init__(self, block: Block) -> None:
        self.block = block

    def _repr_mimebundle_(self, **_: Any) -> tuple[dict[str, str], dict[str, Any]]:
        # Notebooks store images as base64; encoding them here makes all kernels behave alike.
        bundle = {
            kind: form if isinstance(form, str) else base64.b64encode(form).decode("ascii")
            for kind, form in mimebundle(self.block).items()
        }
        return bundle, metadata(self.block)


class NotebookStyle:
    """Style of blocks in a notebook that is open in JupyterLab; exporters omit it."""

    def _repr_mimebundle_(self, **_: Any) -> tuple[dict[str, str], dict[str, Any]]:
        return {"text/html": _STYLE, "text/plain": ""}, {KEY: {"kind": "style"}}


def show(blocks: Block | Iterable[Block]) -> None:
    """Display one block or several in the running notebook, in order; a cover is preceded by the style."""
    from IPython.display import display

    for block in [blocks] if isinstance(blocks, Block) else blocks:
        if isinstance(block, Cover):
            display(NotebookStyle())
        display(Shown(block))
