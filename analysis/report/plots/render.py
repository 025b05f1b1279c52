"""Figures as report blocks: SVG for the page and PNG for the file, both reproducible byte for byte."""

from __future__ import annotations

import io
import re
import warnings

import matplotlib as mpl
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure as Drawing
from matplotlib.text import Text

from analysis.core import blocks
from analysis.core.rich_text import Rich
from analysis.render.fonts import families
from analysis.report.plots.theme import style

PNG_DPI = 150

_PROLOGUE = re.compile(r"^.*?(?=<svg)", re.DOTALL)
_METADATA = re.compile(r"\s*<metadata>.*?</metadata>", re.DOTALL)
_GLOBAL_STYLE = re.compile(r"\s*<defs>\s*<style[^>]*>[^<]*</style>\s*</defs>")
_ID = re.compile(r' id="([^"]*)"')
_USED_ID = re.compile(r"(?:#)([\w.-]+)")
_TAG = re.compile(r"<[^>]*>")
_DECIMALS = re.compile(r"(\.\d\d)\d+")


def to_figure(
    drawing: Drawing, *, id: str, name: str, caption: Rich, alt: str, data: blocks.Table | None = None, hover: str = ""
) -> blocks.Figure:
    """Return a drawing as the block that a section shows.

    Parameters
    ----------
    drawing : matplotlib.figure.Figure
        From one of the ``plot_*`` functions.
    id, name : str
        Anchor on the page; name of the PNG file.
    caption, alt, data, hover
        Copied to the block.
    """
    with style(), warnings.catch_warnings():
        # The font may lack the script of a run name; the SVG shows it all the same.
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        svg, png = to_svg(drawing, salt=id), to_png(drawing)
    return blocks.Figure(id=id, name=name, caption=caption, alt=alt, svg=svg, png=png, data=data, hover=hover)


def to_png(drawing: Drawing) -> bytes:
    """Return a PNG at 150 dpi on white; the bytes depend on the drawing only."""
    for words in drawing.findobj(Text):
        if others := families(words.get_text()):
            words.set_fontfamily([*words.get_fontfamily(), *others])
    buffer = io.BytesIO()
    FigureCanvasAgg(drawing).print_figure(
        buffer,
        format="png",
        dpi=PNG_DPI,
        facecolor="white",
        metadata={"Software": None},
        pil_kwargs={"compress_level": 3},  # the default takes 50% longer and saves 10%
    )
    return buffer.getvalue()


def to_svg(drawing: Drawing, *, salt: str) -> str:
    """Return a transparent SVG element to embed in an HTML page.

    It has no prologue, metadata or style sheet (which would apply to the whole page), no IDs that nothing refers to
    (which would repeat between figures), and coordinates to 1/100 point.
    """
    buffer = io.StringIO()
    with mpl.rc_context({"svg.hashsalt": salt}):
        FigureCanvasSVG(drawing).print_figure(buffer, format="svg", dpi=72, metadata={"Date": None})
    svg = _METADATA.sub("", _PROLOGUE.sub("", buffer.getvalue(), count=1), count=1)
    svg, removed = _GLOBAL_STYLE.subn("", svg, count=1)
    if removed:
        svg = svg.replace("<svg ", '<svg stroke-linejoin="round" stroke-linecap="butt" ', 1)
    used = set(_USED_ID.findall(svg))
    svg = _ID.sub(lambda match: match[0] if match[1] in used else "", svg)
    # Only inside tags, since numbers between tags are text.
    return _TAG.sub(lambda tag: _DECIMALS.sub(r"\1", tag[0]).replace(" \nL ", "L"), svg)
