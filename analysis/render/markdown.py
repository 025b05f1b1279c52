"""Blocks as GitHub-flavoured Markdown."""

from __future__ import annotations

import re
from functools import singledispatch

from analysis.core.blocks import (
    Block,
    Callout,
    Cell,
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
from analysis.render.glyphs import CLAIM, POINTER, STATUSES, TONES
from analysis.render.visible_text import legible

_SPECIAL = re.compile(r"([\\`*_{}\[\]<>#|~$!&@])")
_LINE_START = re.compile(r"^(\d*)([-+=.)])")
_RULES = {"left": ":--", "right": "--:", "center": ":-:"}


def render(block: Block) -> str:
    """Render a block as Markdown.

    Parameters
    ----------
    block : Block
        Any block of a report.

    Returns
    -------
    str
        Markdown in which every piece of text from the data is escaped.
    """
    return _render(block)


def escape(text: str) -> str:
    r"""Return plain text escaped, so that no character acts as Markdown.

    Examples
    --------
    >>> print(escape("a*b | <i>"))
    a\*b \| \<i\>
    >>> print(escape("1. no list"))
    1\. no list
    """
    flat = " ".join(legible(text).split())
    return _LINE_START.sub(r"\1\\\2", _SPECIAL.sub(r"\\\1", flat))


def inline(text: Rich) -> str:
    """Render rich text on one line.

    Examples
    --------
    >>> inline((Span("Epoch ", bold=True), Span("2", bold=True), Span(" fell")))
    '**Epoch 2** fell'
    """
    return "".join(_span(span) for span in merged(text))


def _span(span: Span) -> str:
    if span.code:
        content = _code_span(" ".join(legible(span.text).split()))
    else:
        edge_left = " " if span.text[:1].isspace() else ""
        edge_right = " " if span.text[-1:].isspace() else ""
        content = escape(span.text)
        if span.italic and content:
            content = f"*{content}*"
        if span.bold and content:
            content = f"**{content}**"
        content = f"{edge_left}{content}{edge_right}" if content else " "
    if span.href is not None and span.href.startswith("#") and span.text == POINTER:
        return ""  # a pointer to a place that a Markdown file does not have
    if span.href is None or span.href.startswith("#"):
        return content
    return f"[{content}](<{span.href}>)"


def _code_span(text: str) -> str:
    longest = max((len(ticks) for ticks in re.findall(r"`+", text)), default=0)
    fence = "`" * (longest + 1)
    edge = " " if text.startswith("`") or text.endswith("`") else ""
    return f"{fence}{edge}{text}{edge}{fence}".replace("|", "\\|")


def _badge(status: Status | None) -> str:
    return "" if status is None else f"{STATUSES[status].glyph} *{STATUSES[status].word}:* "


@singledispatch
def _render(block: Block) -> str:
    raise TypeError(f"no Markdown form for {type(block).__name__}")


@_render.register
def _(block: Cover) -> str:
    facts = "\n".join(f"- **{escape(label)}:** {inline(value)}" for label, value in block.facts)
    return f"# {escape(block.title)}\n\n{facts}"


@_render.register
def _(block: Heading) -> str:
    return f"{'#' * block.level} {escape(block.text)}"


@_render.register
def _(block: Prose) -> str:
    return _claimed(block)


def _claimed(block: Prose | Item) -> str:
    if not block.claim:
        return _badge(block.status) + inline(block.text)
    return f"{inline(block.text)} {_badge(block.status)}{CLAIM} “{inline(block.claim)}”"


@_render.register
def _(block: Items) -> str:
    lines = []
    for number, item in enumerate(block.items, start=1):
        marker = f"{number}." if block.ordered else "-"
        lines.append(f"{marker} {_claimed(item)}")
        lines += [f"{' ' * (len(marker) + 1)}- {inline(child)}" for child in item.children]
    return "\n".join(lines)


@_render.register
def _(block: Callout) -> str:
    sign = TONES[block.tone]
    head = f"{sign.glyph} **{escape(plain(block.title))}**".strip()
    return "\n>\n".join(f"> {line}" for line in [head, *(inline(paragraph) for paragraph in block.body)])


@_render.register
def _(block: Table) -> str:
    labels = [
        escape(column.label) + (f" ({escape(column.definition)})" if column.definition else "")
        for column in block.columns
    ]
    lines = [
        f"**{escape(block.caption)}**\n",
        _table_row(labels),
        _table_row([_RULES[column.align] for column in block.columns]),
    ]
    lines += [
        _table_row([_cell(cell, strong=index in block.strong) for cell in row]) for index, row in enumerate(block.rows)
    ]
    return "\n".join(lines + [f"\n{inline(note)}" for note in block.notes])


def _table_row(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _cell(cell: Cell, *, strong: bool) -> str:
    content = inline(cell.text)
    if strong and content and not any(span.bold for span in cell.text):
        content = f"**{content}**"
    sign = TONES[cell.tone].glyph
    minor = f" ({inline(cell.minor)})" if cell.minor else ""
    return f"{sign} {content}{minor}".strip()


@_render.register
def _(block: Figure) -> str:
    picture = f"![{escape(block.alt)}](<{block.name}>)\n\n*{escape(plain(block.caption))}*"
    return picture if block.data is None else f"{picture}\n\n{render(block.data)}"


@_render.register
def _(block: Code) -> str:
    longest = max((len(ticks) for ticks in re.findall(r"`+", block.text)), default=0)
    fence = "`" * max(3, longest + 1)
    caption = f"*{escape(block.caption)}*\n\n" if block.caption else ""
    return f"{caption}{fence}{block.language}\n{legible(block.text)}\n{fence}"


@_render.register
def _(block: Details) -> str:
    inner = "\n\n".join(render(below) for below in block.blocks)
    return f"**{escape(plain(block.summary))}**\n\n{inner}"


@_render.register
def _(block: Footer) -> str:
    return f"*{escape(plain(block.text))}*"
