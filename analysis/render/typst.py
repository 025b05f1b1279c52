"""Blocks as Typst source: calls of the functions in ``templates/pdf/report.typ``.

Text reaches Typst only inside string literals, never as markup, so that nothing in it can act as source.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import singledispatch

from analysis.core.blocks import (
    Block,
    Callout,
    Code,
    Cover,
    Details,
    Figure,
    Footer,
    Heading,
    Item,
    Items,
    Prose,
    Status,
    Table,
)
from analysis.core.rich_text import Rich, Span, merged, plain
from analysis.render.glossary import is_glossary
from analysis.render.glyphs import CLAIM, STATUSES, TONES
from analysis.render.html import anchor
from analysis.render.page_breaks import slices
from analysis.render.typst_table import entries, table
from analysis.render.visible_text import breakable, legible, split_right_to_left, unbroken

_NOT_DRAWN = re.compile(r"^.*?(?=<svg\b)|<metadata>.*?</metadata>\s*", re.DOTALL)
_WEB_LINK = re.compile(r"(?:https?://|mailto:)", re.IGNORECASE)
_SLANTED = re.compile(r"[\x20-\u024f\u0370-\u052f\u2000-\u206f\u20a0-\u22ff]*")
_CODE_WIDTH = 84
_TALLEST, _SMALL = 1.38, 0.56
"""Height of a page minus a caption, as a multiple of its width; width of a figure in the appendix, as a share of it."""


def render(block: Block) -> str:
    """Render a block as Typst source.

    Parameters
    ----------
    block : Block
        Any block of a report.

    Returns
    -------
    str
        Markup-mode source, which needs the functions of the report template.
    """
    return f"#{_render(block)}\n"


def expression(block: Block) -> str:
    """Render a block as an expression, for use inside another one."""
    return _render(block)


def literal(text: str) -> str:
    r"""Return a text as a Typst string literal; the only place where text becomes source.

    Examples
    --------
    >>> print(literal('say "#import" \\ $x$'))
    "say \"#import\" \\ $x$"
    """
    return _quoted(legible(text))


def _quoted(text: str) -> str:
    text = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("\t", "\\t")
    return f'"{text}"'


def characters(text: str) -> str:
    """Return running text as an expression; long names may break, right-to-left letters are isolated."""
    pieces = []
    for index, piece in enumerate(split_right_to_left(legible(text))):
        if index % 2:
            pieces.append(f"rr-apart({literal(piece)})")
        else:
            parts = breakable(piece)
            broken = len(parts) > 1
            pieces += [f"rr-pieces({array(map(literal, parts))})" if broken else literal(piece)] if piece else []
    return pieces[0] if len(pieces) == 1 else "{" + "; ".join(pieces) + "}" if pieces else '""'


@dataclass(frozen=True)
class Formula(Span):
    """A formula in running text: ``text`` as typed, ``typst`` as an expression."""

    typst: str = ""


def inline(text: Rich) -> str:
    """Return rich text as one content expression."""
    parts = [_span(span) for span in merged(text)]
    return parts[0] if len(parts) == 1 else "{" + "; ".join(parts) + "}" if parts else '""'


def _span(span: Span) -> str:
    if isinstance(span, Formula):
        return linked(span.typst, span.href)
    content = f"rr-mono({characters(span.text)})" if span.code else characters(unbroken(span.text))
    return linked(emphasised(content, span), span.href)


def emphasised(content: str, span: Span) -> str:
    """Wrap an expression in the styles of a span; italic only if the italic fonts have the letters."""
    if span.italic and _SLANTED.fullmatch(span.text):
        content = f"emph({content})"
    return f"strong({content})" if span.bold else content


def linked(content: str, href: str | None) -> str:
    """Wrap an expression in a link to a place in the report or on the web; other targets are dropped."""
    if href and href.startswith("#"):
        return f"rr-link({literal(anchor(href[1:]))}, {content})"
    return f"link({literal(href)}, {content})" if href and _WEB_LINK.match(href) else content


def array(items: Iterable[str]) -> str:
    """Return any number of expressions as a Typst array."""
    return "(" + "".join(f"{item}, " for item in items) + ")"


def _identity(identity: str | None) -> str:
    return literal(anchor(identity)) if identity else "none"


def _status(status: Status | None) -> str:
    if status is None:
        return "none"
    sign = STATUSES[status]
    return f'rr-badge("{sign.tone}", "{sign.glyph}", "{sign.word}")'


@singledispatch
def _render(block: Block) -> str:
    raise TypeError(f"no Typst form for {type(block).__name__}")


@_render.register
def _(block: Cover) -> str:
    facts = array(f"({literal(label)}, {inline(value)})" for label, value in block.facts)
    return f"rr-cover(title: {characters(block.title)}, facts: {facts})"


@_render.register
def _(block: Heading) -> str:
    return heading(characters(block.text), level=block.level, identity=anchor(block.id))


def heading(content: str, *, level: int, identity: str) -> str:
    """Return a heading; level 2 of the report (``##``) is the top level below the title."""
    return f"rr-heading({max(1, level - 1)}, {_identity(identity)}, {content})"


@_render.register
def _(block: Prose) -> str:
    leads = str(plain(block.text).rstrip().endswith(":")).lower()
    status, body = _claimed(block)
    return f"rr-prose({_identity(block.id)}, {status}, {body}, leads: {leads}, muted: {str(block.muted).lower()})"


def _claimed(block: Prose | Item) -> tuple[str, str]:
    """Return the leading badge and the body; with a claim, the badge is before the claim in the body."""
    if not block.claim:
        return _status(block.status), inline(block.text)
    claim = f"rr-claim({_status(block.status)}, {literal(CLAIM)}, {inline(block.claim)})"
    return "none", f"{{{inline(block.text)}; {claim}}}"


@_render.register
def _(block: Items) -> str:
    return f"rr-items({array(_item(item) for item in block.items)}, ordered: {str(block.ordered).lower()})"


def _item(item: Item) -> str:
    below = array(inline(child) for child in item.children)
    status, body = _claimed(item)
    return f"({_identity(item.id)}, {status}, {body}, {below})"


@_render.register
def _(block: Callout) -> str:
    sign = TONES[block.tone]
    body = array(inline(paragraph) for paragraph in block.body)
    return f'rr-callout({_identity(block.id)}, "{block.tone}", "{sign.glyph or "i"}", {inline(block.title)}, {body})'


@_render.register
def _(block: Table) -> str:
    return table(block, inline=inline, characters=characters)


@_render.register
def _(block: Figure) -> str:
    if block.summary:
        return f"rr-details({characters(block.summary)}, {_figure(block, fixed=True)})"
    return _figure(block)


def _figure(block: Figure, *, fixed: bool = False) -> str:
    """Return a figure; a ``fixed`` one does not float."""
    drawing = _NOT_DRAWN.sub("", block.svg)
    ends = array(f"{end:.4f}" for end in slices(drawing, tallest=_TALLEST / (_SMALL if fixed else 1)))
    return (
        f"rr-figure({_identity(block.id)}, {literal(drawing)}, {literal(block.alt)}, {inline(block.caption)}, "
        f"ends: {ends}, {f'small: {_SMALL:.0%}' if fixed else 'small: none'})"
    )


@_render.register
def _(block: Code) -> str:
    caption = characters(block.caption) if block.caption else "none"
    return f"rr-code({verbatim(block.text)}, {literal(block.language)}, {caption})"


def verbatim(code: str) -> str:
    """Return verbatim text as a string literal; lines wider than the page may break."""
    lines = (
        "\N{ZERO WIDTH SPACE}".join(breakable(line)) if len(line) > _CODE_WIDTH else line
        for line in legible(code).split("\n")
    )
    return _quoted("\n".join(lines))


@_render.register
def _(block: Details) -> str:
    inner = "; ".join(_inside(below) for below in block.blocks)
    return f"rr-details({inline(block.summary)}, {{{inner}}})"


def _inside(block: Block) -> str:
    if isinstance(block, Table) and is_glossary(block):
        return entries(block, inline=inline, characters=characters)
    # A heading inside a folded part does not belong to the outline.
    if isinstance(block, Figure):
        return _figure(block, fixed=True)
    if isinstance(block, Heading):
        return f"rr-prose({_identity(block.id)}, none, strong({characters(block.text)}))"
    return _render(block)


@_render.register
def _(block: Footer) -> str:
    return f"rr-footer({inline(block.text)})"
