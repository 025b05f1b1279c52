"""Markdown cells as HTML and as Typst, from one parse."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from html import escape, unescape
from itertools import groupby
from typing import Any

import mistune

from analysis.core.blocks import Cell, Column, Table
from analysis.core.rich_text import Rich, Span, join
from analysis.render import html, typst
from analysis.render.export.formulas import dollars, formula, is_display
from analysis.render.export.outline import Outline
from analysis.render.visible_text import legible

Token = Mapping[str, Any]
Attachments = Mapping[str, Mapping[str, str]]

_PLUGINS: list[Any] = ["table", "strikethrough", "task_lists", "url", dollars]
_parse: Callable[[str], Any] = mistune.create_markdown(renderer=None, plugins=_PLUGINS)

_ACTIVE = re.compile(
    r"<(script|style)\b[^>]*>.*?</\1\s*>|<(?=[/!]?(?:script|meta|base|link|iframe|object|embed|form|portal|frame))",
    re.IGNORECASE | re.DOTALL,
)
_LONG_SCRIPT = 400
_EMPTY_HEAD = re.compile(r"<th(\s[^>]*)?>(?:\s|&nbsp;)*</th>")
_TYPED = re.compile(r'<math\b[^>]*\balttext="([^"]*)".*?</math>', re.DOTALL)
_HEAD_PART = re.compile(r"(<thead\b.*?</thead>)", re.DOTALL)


def inert(markup: str) -> str:
    """Return HTML in which elements that run, load or redirect are literal text; everything else is unchanged.

    Examples
    --------
    >>> inert("<b>x</b><script>alert(1)</script>")
    '<b>x</b>&lt;script>alert(1)&lt;/script>'
    """

    def neutralized(found: re.Match[str]) -> str:
        if (found[1] or "").lower() == "style":
            return found[0]
        if found[1] and len(found[0]) > _LONG_SCRIPT:
            return '<p class="rr-note">[an interactive part stands in the notebook]</p>'
        return found[0].replace("<", "&lt;")

    return _ACTIVE.sub(neutralized, legible(markup))


def table_heads(markup: str) -> str:
    """Add ``scope`` to the header cells of an HTML table, for screen readers; empty ones become data cells.

    Examples
    --------
    >>> table_heads("<table><thead><tr><th></th><th>a</th></tr></thead><tr><th>b</th></tr></table>")
    '<table><thead><tr><td></td><th scope="col">a</th></tr></thead><tr><th scope="row">b</th></tr></table>'
    """
    markup = _EMPTY_HEAD.sub(r"<td\1></td>", markup)
    parts = _HEAD_PART.split(markup)
    for index, part in enumerate(parts):
        scope = "col" if index % 2 else "row"
        parts[index] = re.sub(r"<th(?=[\s>])(?![^>]*\bscope=)", f'<th scope="{scope}"', part)
    return "".join(parts)


def _words(markup: str) -> str:
    """Return the text of an HTML fragment, with active elements as literal text."""
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", inert(markup))).split())


def image_of(bundle: Mapping[str, str]) -> tuple[str, str] | None:
    """Return the raster image of a MIME bundle as type and base64 text; None if there is none."""
    return next(((kind, bundle[kind]) for kind in ("image/png", "image/jpeg", "image/gif") if kind in bundle), None)


class PageRenderer(mistune.HTMLRenderer):
    """Renderer of Markdown tokens as HTML; headings are added to the outline, nothing is fetched from elsewhere."""

    def __init__(self, outline: Outline, attachments: Attachments, *, formulas: bool) -> None:
        super().__init__(escape=False)
        self.outline, self.attachments, self.formulas = outline, attachments, formulas

    def heading(self, text: str, level: int, **attrs: Any) -> str:
        name = unescape(re.sub(r"<[^>]+>", "", _TYPED.sub(r"\1", text)))
        if not name.strip() or self.outline.repeats_title(name, level=level):
            return ""
        entry = self.outline.add(name, level=level)
        return html.heading(text, level=entry.level, identity=entry.id, name=name) + "\n"

    def text(self, text: str) -> str:
        return html.characters(text)

    def inline_html(self, html: str) -> str:
        return inert(html)

    def block_html(self, html: str) -> str:
        return inert(html)

    def formula(self, text: str) -> str:
        if not self.formulas:
            return html.characters(text)
        found, alone = formula(text), is_display(text)
        if not found:
            return f'<span class="rr-math{" rr-formula" * alone}">{html.characters(text)}</span>'
        return html.formula(found.mathml) if alone else found.mathml

    def block_code(self, code: str, info: str | None = None) -> str:
        return f'<pre tabindex="0"><code>{escape(legible(code))}</code></pre>\n'

    def table(self, text: str) -> str:
        return f"{html.scroll(label='Table')}<table>{text}</table></div>\n"

    def task_list_item(self, text: str, checked: bool = False) -> str:
        sign, word = ("☑", "done") if checked else ("☐", "open")
        return (
            f'<li class="rr-task"><span aria-hidden="true">{sign}</span> '
            f'<span class="rr-hidden">{word}: </span>{text}</li>\n'
        )

    def image(self, text: str, url: str, title: str | None = None) -> str:
        alt = escape(text or title or "Picture")
        found = image_of(self.attachments.get(url.removeprefix("attachment:"), {}))
        if found:
            url = f"data:{found[0]};base64,{found[1]}"
        if url.startswith("data:image/"):
            return f'<img src="{escape(url)}" alt="{alt}">'
        return f'<a href="{self.safe_url(url)}">{alt}</a>'


def to_html(source: str, *, outline: Outline, attachments: Attachments, formulas: bool) -> str:
    """Render Markdown as HTML; its headings are added to the outline.

    Parameters
    ----------
    formulas : bool
        True for text that a person wrote. Otherwise dollar signs are literal, since the text may come from a log.
    """
    renderer = PageRenderer(outline, attachments, formulas=formulas)
    return str(mistune.create_markdown(renderer=renderer, plugins=_PLUGINS)(source))


@dataclass
class TypstProse:
    """Renderer of Markdown tokens as Typst.

    Parameters
    ----------
    outline : Outline
        Headings are added to it.
    attachments : Mapping
        Images of the cell, by name.
    image : callable
        Function of (type, base64, alt) that returns a Typst expression.
    formulas : bool
        True for text that a person wrote, as in `to_html`.
    """

    outline: Outline
    attachments: Attachments
    image: Callable[[str, str, str], str]
    formulas: bool
    _pictures: list[str] = field(default_factory=list)

    def render(self, source: str) -> str:
        """Render a Markdown text as Typst source, one call per block."""
        return "".join(f"#{block}\n" for block in self.blocks(_parse(source)))

    def blocks(self, tokens: list[Token]) -> list[str]:
        """Return block tokens as Typst expressions, with pictures after the block that contains them."""
        written: list[str] = []
        for token in tokens:
            block = self._block(token)
            written += ([block] if block else []) + self._pictures
            self._pictures = []
        return written

    def _block(self, token: Token) -> str:
        kind = token["type"]
        if kind == "heading":
            text = _plain(token["children"])
            if not text.strip() or self.outline.repeats_title(text, level=token["attrs"]["level"]):
                return ""
            entry = self.outline.add(text, level=token["attrs"]["level"])
            return typst.heading(typst.inline(self._rich(token["children"])), level=entry.level, identity=entry.id)
        if kind in ("paragraph", "block_text"):
            return self._paragraph(token["children"])
        if kind == "list":
            return self._list(token)
        if kind == "table":
            return self._table(token)
        if kind == "block_quote":
            return f"rr-quote({self._joined(token['children'])})"
        if kind == "thematic_break":
            return "rr-rule()"
        if kind == "formula":
            return self._paragraph([token])
        if kind == "block_code":
            return f"rr-verbatim({typst.verbatim(token['raw'].rstrip())})"
        if kind == "block_html":
            text = _words(token["raw"])
            return f"rr-prose(none, none, {typst.characters(text)})" if text else ""
        return ""

    def _paragraph(self, tokens: list[Token]) -> str:
        """Return a paragraph, which display formulas split."""
        parts = []
        for alone, run in groupby(tokens, self._is_display):
            content = _trimmed(self._rich(list(run)))
            written = typst.inline(content)
            parts += [written if alone else f"rr-prose(none, none, {written})"] if content else []
        return parts[0] if len(parts) == 1 else "{" + "; ".join(parts) + "}" if parts else ""

    def _is_display(self, token: Token) -> bool:
        return self.formulas and token["type"] == "formula" and is_display(token["raw"])

    def _joined(self, tokens: list[Token]) -> str:
        return "{" + "; ".join(self.blocks(tokens)) + "}"

    def _list(self, token: Token) -> str:
        items = []
        for item in token["children"]:
            done = item.get("attrs", {}).get("checked")
            box = "" if done is None else typst.literal("☑ " if done else "☐ ") + "; "
            items.append("{" + box + self._item(item["children"]) + "}")
        name = "enum" if token["attrs"]["ordered"] else "list"
        start = token["attrs"].get("start")
        first = f"start: {start}, " if name == "enum" and start is not None else ""
        return f"{name}({first}{', '.join(items)})"

    def _item(self, tokens: list[Token]) -> str:
        # The text of an item in a tight list is not a paragraph.
        parts = [
            typst.inline(self._rich(token["children"])) if token["type"] == "block_text" else self._joined([token])
            for token in tokens
        ]
        pictures, self._pictures = self._pictures, []
        return "; ".join(parts + pictures)

    def _table(self, token: Token) -> str:
        parts: dict[str, list[Token]] = {part["type"]: part["children"] for part in token["children"]}
        head, body = parts.get("table_head", []), parts.get("table_body", [])
        columns = tuple(Column(_plain(cell["children"]), cell["attrs"].get("align") or "left") for cell in head)
        rows = tuple(tuple(Cell(self._rich(cell["children"])) for cell in row["children"]) for row in body)
        block = Table("", "", columns, tuple(row for row in rows if len(row) == len(columns)))
        return typst.expression(block)

    def _rich(self, tokens: list[Token], style: Span | None = None) -> Rich:
        style = style or Span("")
        return join([self._inline(token, style) for token in tokens], "")

    def _inline(self, token: Token, style: Span) -> Rich:
        kind = token["type"]
        if kind in ("strong", "emphasis"):
            return self._rich(
                token["children"],
                replace(style, bold=style.bold or kind == "strong", italic=kind == "emphasis" or style.italic),
            )
        if kind == "link":
            return self._rich(token["children"], replace(style, href=token["attrs"]["url"]))
        if kind == "image":
            return self._picture(token, style)
        if kind == "codespan":
            return (replace(style, text=unescape(token["raw"]), code=True),)
        if kind == "formula":
            return self._formula(token, style)
        if kind == "inline_html":
            words = "\n" if token["raw"].lower().startswith("<br") else _words(token["raw"])
            return (replace(style, text=words),) if words else ()
        if kind in ("linebreak", "softbreak"):
            return (replace(style, text="\n" if kind == "linebreak" else " "),)
        if "children" in token:
            return self._rich(token["children"], style)
        return (replace(style, text=token.get("raw", "")),) if token.get("raw") else ()

    def _formula(self, token: Token, style: Span) -> Rich:
        found = formula(token["raw"]) if self.formulas else None
        if not found:
            return (replace(style, text=token["raw"], code=self.formulas),)
        return (typst.Formula(token["raw"], href=style.href, typst=found.typst),)

    def _picture(self, token: Token, style: Span) -> Rich:
        url, alt = token["attrs"]["url"], _plain(token["children"]) or "Picture"
        found = image_of(self.attachments.get(url.removeprefix("attachment:"), {}))
        inline = re.fullmatch(r"data:(image/(?:png|jpeg|gif));base64,(.+)", url, re.DOTALL)
        if inline and not found:
            found = (inline[1], inline[2])
        if not found:
            return (replace(style, text=alt, href=url),)
        self._pictures.append(self.image(*found, alt))
        return ()


def _plain(tokens: list[Token]) -> str:
    return "".join(_plain(token["children"]) if "children" in token else token.get("raw", " ") for token in tokens)


def _trimmed(content: Rich) -> Rich:
    """Return rich text without spaces at both ends."""
    if not content:
        return content
    content = (replace(content[0], text=content[0].text.lstrip()), *content[1:])
    content = (*content[:-1], replace(content[-1], text=content[-1].text.rstrip()))
    return tuple(span for span in content if span.text)
