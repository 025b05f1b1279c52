"""Embedding of an SVG in a page, with the colours of the page and unique IDs."""

from __future__ import annotations

import base64
import html
import re

THEME = {"#1f2430": "--ink", "#6b7280": "--muted", "#e5e7eb": "--line", "#ffffff": "--paper"}
"""Colours of plots for ink, secondary ink, grid and halo, and the CSS variable that each follows."""

_PROLOGUE = re.compile(r"^.*?(?=<svg\b)", re.DOTALL)
_METADATA = re.compile(r"<metadata>.*?</metadata>\s*", re.DOTALL)
_GLOBAL_STYLE = re.compile(r"<style[^>]*>\s*\*\s*\{([^}]*)\}\s*</style>\s*")
_ROOT = re.compile(r"<svg\b[^>]*>")
_SIZE = re.compile(r'\s(width|height)="([0-9.]+)(?:pt|px)?"')
_ID = re.compile(r'\bid="([^"]+)"')
_REFERENCE = re.compile(r'(url\(#|href="#)([^")]+)')
_COLOUR = re.compile("|".join(THEME), re.IGNORECASE)
_STYLE = re.compile(r'style="[^"]*"')


def inline_svg(svg: str, *, prefix: str, alt: str) -> str:
    """Return an SVG to embed in an HTML page beside others.

    Parameters
    ----------
    svg : str
        A complete SVG document, as matplotlib writes it.
    prefix : str
        Prefix of every ID; unique within the page.
    alt : str
        Text for screen readers.

    Returns
    -------
    str
        An ``<svg role="img">`` element, scaled by its view box, without prologue and metadata.
        Theme colours become CSS variables with the drawn colour as fallback.
    """
    svg = _METADATA.sub("", _PROLOGUE.sub("", svg, count=1)).strip()
    shared = _GLOBAL_STYLE.search(svg)
    svg = _GLOBAL_STYLE.sub("", svg)
    svg = _ID.sub(lambda found: f'id="{prefix}-{found[1]}"', svg)
    svg = _REFERENCE.sub(lambda found: f"{found[1]}{prefix}-{found[2]}", svg)
    svg = _STYLE.sub(lambda style: _COLOUR.sub(_variable, style[0]), svg)
    root = _ROOT.search(svg)
    if root is None:
        return f'<p role="img">{html.escape(alt)}</p>'
    style = " ".join(shared[1].split()) if shared else ""
    return svg[: root.start()] + _root(root[0], style=style, alt=alt) + svg[root.end() :]


def data_uri(svg: str) -> str:
    """Return an SVG document as the source of a picture, on white, since a picture cannot follow the page's colours."""
    grounded = _ROOT.sub(lambda root: f'{root[0][:-1]} style="background:#ffffff">', svg, count=1)
    return f"data:image/svg+xml;base64,{base64.b64encode(grounded.encode()).decode('ascii')}"


def _root(tag: str, *, style: str, alt: str) -> str:
    size = dict(_SIZE.findall(tag))
    tag = _SIZE.sub("", tag)
    if "viewBox" not in tag and len(size) == 2:
        tag = f'{tag[:-1]} viewBox="0 0 {size["width"]} {size["height"]}">'
    return f'{tag[:-1]} role="img" aria-label="{html.escape(alt)}" style="{style}">'


def _variable(colour: re.Match[str]) -> str:
    return f"var({THEME[colour[0].lower()]}, {colour[0]})"
