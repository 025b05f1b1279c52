"""Drawings inside the page: their own ids, the page's ink."""

from __future__ import annotations

import base64
import re
from xml.etree import ElementTree

from analysis.core.blocks import Figure
from analysis.core.rich_text import text
from analysis.render import html
from analysis.render.svg import THEME, inline_svg
from tests.export.demonstration import drawing


def test_two_figures_share_no_id() -> None:
    """Ids and what refers to them move together, so that a clip path of one figure never cuts another."""
    svg = drawing(1)[0]
    first, second = (inline_svg(svg, prefix=prefix, alt="x") for prefix in ("a", "b"))
    ids = [set(re.findall(r'\bid="([^"]+)"', markup)) for markup in (first, second)]
    assert ids[0]
    assert not ids[0] & ids[1]
    for markup, known in zip((first, second), ids, strict=True):
        assert set(re.findall(r'(?:url\(#|href="#)([^")]+)', markup)) <= known


def test_ink_follows_the_theme_and_data_colours_do_not() -> None:
    """Theme colours become variables that fall back on the drawn colour; a curve keeps its colour."""
    markup = inline_svg(drawing(1)[0], prefix="a", alt="x")
    bare = re.sub(r"var\([^)]*\)", "", markup)
    assert not any(f"fill: {colour}" in bare or f"stroke: {colour}" in bare for colour in THEME)
    assert "var(--ink, #1f2430)" in markup
    assert "stroke: #0072b2" in markup


def test_root_is_an_image_with_words_and_scales() -> None:
    """The root has role, label and view box, no fixed size; the style that would leak is gone."""
    markup = inline_svg(drawing(1)[0], prefix="a", alt='says "what" <is> there')
    root = re.match(r"<svg[^>]*>", markup)
    assert root
    assert 'role="img"' in root[0]
    assert 'aria-label="says &quot;what&quot; &lt;is&gt; there"' in root[0]
    assert "viewBox" in root[0]
    assert not re.search(r'\s(width|height)="', root[0])
    assert "<style" not in markup
    assert "<metadata" not in markup


def test_what_is_no_drawing_still_speaks() -> None:
    """A figure without a drawing leaves its description."""
    assert "the words" in inline_svg("", prefix="a", alt="the words")


def test_a_notebook_shows_a_picture_and_a_page_the_drawing_itself() -> None:
    """Tools that do not trust a notebook strip drawings out of markup, but not pictures; a page needs the drawing."""
    svg, png = drawing(1)
    in_notebook = html.render(Figure("f", "f.png", text("caption"), "the words", svg, png))
    picture = re.search(
        r'<img class="rr-drawing" alt="the words" src="data:image/svg\+xml;base64,([^"]+)">', in_notebook
    )
    assert picture
    assert "<svg" not in in_notebook
    root = ElementTree.fromstring(base64.b64decode(picture[1]))
    assert root.get("style") == "background:#ffffff"
    assert len(root.findall(".//*")) == len(ElementTree.fromstring(svg).findall(".//*"))
    in_page = html.with_drawing(in_notebook, svg, identity="f", alt="the words")
    assert in_page == in_notebook.replace(picture[0], inline_svg(svg, prefix="f", alt="the words"))
