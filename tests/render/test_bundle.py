"""What the notebook stores of a block."""

from __future__ import annotations

import base64

import nbformat
import pytest
from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.capture import capture_output
from traitlets.config import Config

from analysis.core.blocks import Block
from analysis.render import KEY, TYPST, Shown, metadata, mimebundle, show
from tests.export.demonstration import figure, output_of, sections

DEMO = [block for _, blocks in sections() for block in blocks]


@pytest.mark.parametrize("block", DEMO, ids=lambda block: type(block).__name__)
def test_every_block_has_every_form(block: Block) -> None:
    """HTML, Markdown, plain text and Typst, none empty, and a valid notebook output."""
    bundle = mimebundle(block)
    assert all(bundle[kind] for kind in ("text/html", "text/markdown", "text/plain", TYPST))
    nbformat.validate(nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(outputs=[output_of(block)])]))


def test_figure_brings_its_files() -> None:
    """The PNG can be written from the notebook alone, under the figure's name, bytes unchanged."""
    block = figure("loss", seed=4)
    assert mimebundle(block)["image/png"] == block.png
    output = output_of(block)
    assert output.metadata[KEY]["name"] == block.name
    assert base64.b64decode(output.data["image/png"]) == block.png
    assert output.data["image/svg+xml"] == block.svg


def test_kind_is_the_block() -> None:
    """Readers of a notebook can tell blocks apart."""
    assert {metadata(block)[KEY]["kind"] for block in DEMO} == {type(block).__name__.lower() for block in DEMO}


def test_show_displays_in_order_with_the_style_first() -> None:
    """A running kernel is handed each block once; a cover brings the style for JupyterLab."""
    InteractiveShell.instance(config=Config(HistoryManager={"enabled": False}))
    try:
        with capture_output() as captured:
            show(DEMO[:3])
            show(DEMO[3])
    finally:
        InteractiveShell.clear_instance()
    kinds = [output.metadata[KEY]["kind"] for output in captured.outputs]
    assert kinds == ["style", *(type(block).__name__.lower() for block in DEMO[:4])]


def test_shown_speaks_the_protocol() -> None:
    """IPython asks with include and exclude; the answer is data and metadata, all text."""
    data, about = Shown(DEMO[0])._repr_mimebundle_(include=None, exclude=None)
    assert all(isinstance(form, str) for form in data.values())
    assert about[KEY]["title"]
