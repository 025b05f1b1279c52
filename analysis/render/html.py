"""Blocks as HTML fragments: semantic markup with classes, without styles and scripts."""

from __future__ import annotations

import re
from functools import singledispatch
from html import escape
from itertools import groupby

from analysis.core.blocks import (
    Block,
    Callout,
    Cell,
    Code,
    Column,
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
    Tone,
)
from analysis.core.rich_text import Rich, Span, merged, plain
from analysis.render.glossary import is_glossary
from analysis.render.glyphs import CLAIM, LAYERS, STATUSES, TONES
from analysis.render.svg import data_uri, inline_svg
from analysis.render.visible_text import breakable, legible, split_right_to_left, unbroken

_SAFE_LINK = re.compile(r"(?:https?://|mailto:|#|[\w./%-]+$)", re.IGNORECASE)
_NOT_IN_ANCHOR = re.compile(r"[^\w.:-]+")
_PICTURE = re.compile(r'<img class="rr-drawing"[^>]*>')


def render(block: Block) -> str:
    """Render a block as an HTML fragment.

    Parameters
    ----------
    block : Block
        Any block of a report.

    Returns
    -------
    str
        Balanced HTML in which every piece of text is escaped.
    """
    return _render(block)


def anchor(identity: str) -> str:
    """Return an ID that needs no escaping in an HTML attribute or a URL fragment.

    Examples
    --------
    >>> anchor("def-D.OSC rate")
    'def-D.OSC-rate'
    """
    return _NOT_IN_ANCHOR.sub("-", identity).strip("-")


def characters(text: str) -> str:
    """Return plain text escaped; long names may break, right-to-left letters are isolated."""
    pieces = ("<wbr>".join(escape(part) for part in breakable(piece)) for piece in split_right_to_left(legible(text)))
    return "".join(f"<bdi>{piece}</bdi>" if index % 2 else piece for index, piece in enumerate(pieces))


def inline(text: Rich) -> str:
    """Render rich text as phrasing content."""
    return "".join(_span(span) for span in merged(text))


def _span(span: Span) -> str:
    content = characters(span.text if span.code else unbroken(span.text))
    for tag, wanted in (("code", span.code), ("em", span.italic), ("strong", span.bold)):
        if wanted:
            content = f"<{tag}>{content}</{tag}>"
    if span.href is None or not _SAFE_LINK.match(span.href):
        return content
    href = "#" + anchor(span.href[1:]) if span.href.startswith("#") else span.href
    return f'<a href="{escape(href)}">{content}</a>'


def _identity(identity: str | None) -> str:
    return f' id="{escape(anchor(identity))}"' if identity else ""


def badge(status: Status | None) -> str:
    """Render the status of a claim: a glyph and the word; empty for None."""
    if status is None:
        return ""
    sign = STATUSES[status]
    return (
        f'<span class="rr-badge {sign.tone}"><span class="rr-glyph" aria-hidden="true">{sign.glyph}</span>'
        f" {sign.word}</span> "
    )


def _toned(content: str, tone: Tone) -> str:
    sign = TONES[tone]
    if not sign.glyph:
        return content
    return (
        f'<span class="rr-tone {tone}"><span class="rr-glyph" aria-hidden="true">{sign.glyph}</span>'
        f'&nbsp;<span class="rr-hidden">{sign.word}: </span>{content}</span>'
    )


@singledispatch
def _render(block: Block) -> str:
    raise TypeError(f"no HTML form for {type(block).__name__}")


@_render.register
def _(block: Cover) -> str:
    facts = "".join(f"<div><dt>{characters(label)}</dt><dd>{inline(value)}</dd></div>" for label, value in block.facts)
    return f'<header class="rr-cover"><h1>{characters(block.title)}</h1><dl class="rr-facts">{facts}</dl></header>'


@_render.register
def _(block: Heading) -> str:
    identity = anchor(block.id)
    return heading(characters(block.text), level=block.level, identity=identity, name=block.text)


def heading(content: str, *, level: int, identity: str, name: str) -> str:
    """Render a heading with a link to itself; ``content`` is HTML, ``name`` its plain text."""
    label = escape(f"Link to section {legible(name)}")
    return (
        f'<h{level} id="{escape(identity)}">{content}'
        f'<a class="rr-anchor" href="#{escape(identity)}" aria-label="{label}">#</a></h{level}>'
    )


@_render.register
def _(block: Prose) -> str:
    kind = "rr-prose rr-muted" if block.muted else "rr-prose"
    return f'<p class="{kind}"{_identity(block.id)}>{_claimed(block)}</p>'


def _claimed(block: Prose | Item) -> str:
    """Render the text, then the claim of a rule of thumb with the badge; without a claim the badge comes first."""
    if not block.claim:
        return f"{badge(block.status)}{inline(block.text)}"
    claim = f'<span class="rr-claim">{badge(block.status)}{CLAIM} <q>{inline(block.claim)}</q></span>'
    return f"{inline(block.text)} {claim}"


@_render.register
def _(block: Items) -> str:
    tag = "ol" if block.ordered else "ul"
    return f'<{tag} class="rr-items">{"".join(_item(item) for item in block.items)}</{tag}>'


def _item(item: Item) -> str:
    below = "".join(f"<li>{inline(child)}</li>" for child in item.children)
    nested = f"<ul>{below}</ul>" if below else ""
    return f"<li{_identity(item.id)}>{_claimed(item)}{nested}</li>"


@_render.register
def _(block: Callout) -> str:
    sign = TONES[block.tone]
    glyph = f'<span class="rr-glyph" aria-hidden="true">{sign.glyph or "i"}</span>'
    word = f'<span class="rr-hidden">{sign.word or "note"}: </span>'
    body = "".join(f"<p>{inline(paragraph)}</p>" for paragraph in block.body)
    return (
        f'<div class="rr-callout {block.tone}" role="note"{_identity(block.id)}>{glyph}<div>'
        f'<p class="rr-callout-title">{word}{inline(block.title)}</p>{body}</div></div>'
    )


@_render.register
def _(block: Table) -> str:
    rows = "".join(
        _row(row, columns=block.columns, strong=index in block.strong) for index, row in enumerate(block.rows)
    )
    notes = "".join(f'<p class="rr-note">{inline(note)}</p>' for note in block.notes)
    caption = characters(block.caption)
    kind = "rr-table rr-glossary" if is_glossary(block) else "rr-table"
    return (
        f'<div class="{kind}"{_identity(block.id)}>{scroll(label=legible(block.caption))}<table>'
        f"<caption><span>{caption}</span></caption><thead>{_head(block.columns)}</thead>"
        f"<tbody>{rows}</tbody></table></div>{notes}</div>"
    )


def scroll(*, label: str) -> str:
    """Return the opening tag of a container that scrolls sideways, by pointer and by keyboard."""
    return f'<div class="rr-scroll" role="group" tabindex="0" aria-label="{escape(label)}">'


def formula(mathml: str) -> str:
    """Return a formula on a line of its own, which scrolls on a narrow page."""
    return f'<span class="rr-scroll rr-formula" role="group" tabindex="0" aria-label="Formula">{mathml}</span>\n'


def _head(columns: tuple[Column, ...]) -> str:
    layers = ""
    if any(column.layer for column in columns):
        for layer, run in groupby(columns, key=lambda column: column.layer):
            span = len(list(run))
            layers += (
                f'<th scope="colgroup" colspan="{span}" class="{layer}">{LAYERS[layer]}</th>'
                if layer
                else f'<td colspan="{span}"></td>'
            )
        layers = f'<tr class="rr-layers">{layers}</tr>'
    return f"{layers}<tr>{''.join(_column(column) for column in columns)}</tr>"


def _column(column: Column) -> str:
    if not column.label:
        return "<td></td>"
    label = characters(column.label)
    if column.definition:
        target = escape(anchor(f"def-{column.definition}"))
        label = f'<a class="rr-definition" href="#{target}">{label}</a>'
    return f'<th scope="col"{_classes(column)}>{label}</th>'


def _classes(column: Column) -> str:
    names = [column.align if column.align != "left" else "", column.layer or ""]
    joined = " ".join(name for name in names if name)
    return f' class="{joined}"' if joined else ""


def _row(row: tuple[Cell, ...], *, columns: tuple[Column, ...], strong: bool) -> str:
    cells = []
    for index, (cell, column) in enumerate(zip(row, columns, strict=True)):
        minor = f' <span class="rr-minor">{inline(cell.minor)}</span>' if cell.minor else ""
        content = _toned(inline(cell.text), cell.tone) + minor
        tag, scope = ("th", ' scope="row"') if index == 0 and plain(cell.text) else ("td", "")
        cells.append(f"<{tag}{scope}{_identity(cell.id)}{_classes(column)}>{content}</{tag}>")
    return f'<tr class="rr-strong">{"".join(cells)}</tr>' if strong else f"<tr>{''.join(cells)}</tr>"


@_render.register
def _(block: Figure) -> str:
    drawing = f'<img class="rr-drawing" alt="{escape(legible(block.alt))}" src="{data_uri(block.svg)}">'
    data = ""
    if block.data is not None:
        data = (
            '<details class="rr-details"><summary>The numbers behind this figure</summary>'
            f"{render(block.data)}</details>"
        )
    label = "Figure: " + legible(plain(block.caption))
    hover = f' data-hover="{escape(block.hover)}"' if block.hover else ""
    figure = (
        f'<figure class="rr-figure"{_identity(block.id)}{hover}>{scroll(label=label)}'
        f"{drawing}</div><figcaption>{inline(block.caption)}</figcaption>{data}</figure>"
    )
    return _folded(characters(block.summary), figure) if block.summary else figure


def with_drawing(figure: str, svg: str, *, identity: str, alt: str) -> str:
    """Replace the picture in a rendered figure by the inline drawing, which follows the colours of the page.

    Rendered figures have a picture because an untrusted notebook strips inline SVG down to its text.
    """
    drawing = inline_svg(svg, prefix=anchor(identity), alt=legible(alt))
    return _PICTURE.sub(lambda _: drawing, figure, count=1)


@_render.register
def _(block: Code) -> str:
    caption = f"<figcaption>{characters(block.caption)}</figcaption>" if block.caption else ""
    language = escape(anchor(block.language))
    return (
        f'<figure class="rr-code">{caption}<pre tabindex="0"><code class="language-{language}">'
        f"{escape(legible(block.text))}</code></pre></figure>"
    )


@_render.register
def _(block: Details) -> str:
    return _folded(inline(block.summary), "".join(render(inner) for inner in block.blocks))


def _folded(summary: str, content: str) -> str:
    return f'<details class="rr-details"><summary>{summary}</summary>{content}</details>'


@_render.register
def _(block: Footer) -> str:
    return f'<p class="rr-footer">{inline(block.text)}</p>'
