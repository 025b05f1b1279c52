"""Markdown cells as HTML and as Typst, from one parse."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from html import escape, unescape
from typing import Any

import mistune

from analysis.core.blocks import Cell, Column, Table
from analysis.core.rich_text import Rich, Span, join
from analysis.render import html, typst
from analysis.render.export.outline import Outline
from analysis.render.visible_text import legible

Token = Mapping[str, Any]
Attachments = Mapping[str, Mapping[str, str]]

_PLUGINS = ["table", "strikethrough", "task_lists", "url", "math"]
_parse: Callable[[str], Any] = mistune.create_markdown(renderer=None, plugins=_PLUGINS)

_ACTIVE = re.compile(
    r"<(script|style)\b[^>]*>.*?</\1\s*>|<(?=[/!]?(?:script|meta|base|link|iframe|object|embed|form|portal|frame))",
    re.IGNORECASE | re.DOTALL,
)
_LONG_SCRIPT = 400
_EMPTY_HEAD = re.compile(r"<th(\s[^>]*)?>(?:\s|&nbsp;)*</th>")
_HEAD_PART = re.compile(r"(<thead\b.*?</thead>)", re.DOTALL)


def inert(markup: str) -> str:
    """Show elements that run, load or redirect as literal text; all other HTML stays as it is.

    Examples
    --------
    >>> inert("<b>x</b><script>alert(1)</script>")
    '<b>x</b>&lt;script>alert(1)&lt;/script>'
    """

    def still(found: re.Match[str]) -> str:
        if (found[1] or "").lower() == "style":
            return found[0]
        if found[1] and len(found[0]) > _LONG_SCRIPT:
            return '<p class="rr-note">[an interactive part stands in the notebook]</p>'
        return found[0].replace("<", "&lt;")

    return _ACTIVE.sub(still, legible(markup))


def table_heads(markup: str) -> str:
    """Say of each heading cell of an HTML table what it heads; an empty one heads nothing.

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
    """Give the text of an HTML fragment; what would act on the page stays, literally."""
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", inert(markup))).split())


def image_of(bundle: Mapping[str, str]) -> tuple[str, str] | None:
    """Choose the raster image of a MIME bundle: its type and base64 text."""
    return next(((kind, bundle[kind]) for kind in ("image/png", "image/jpeg", "image/gif") if kind in bundle), None)


class PageRenderer(mistune.HTMLRenderer):
    """Markdown tokens to HTML: headings enter the outline, nothing is fetched from elsewhere."""

    def __init__(self, outline: Outline, attachments: Attachments) -> None:
        super().__init__(escape=False)
        self.outline, self.attachments = outline, attachments

    def heading(self, text: str, level: int, **attrs: Any) -> str:
        name = unescape(re.sub(r"<[^>]+>", "", text))
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

    def inline_math(self, text: str) -> str:
        return f'<span class="rr-math">${escape(text)}$</span>'

    def block_math(self, text: str) -> str:
        return f'<p class="rr-math">$${escape(text)}$$</p>\n'

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


def to_html(source: str, *, outline: Outline, attachments: Attachments) -> str:
    """Render a Markdown cell as HTML; its headings are added to the outline."""
    convert = mistune.create_markdown(renderer=PageRenderer(outline, attachments), plugins=_PLUGINS)
    return str(convert(source))


@dataclass
class TypstProse:
    """Markdown tokens to Typst.

    Parameters
    ----------
    outline : Outline
        Headings are added to it.
    attachments : Mapping
        Images of the cell, by name.
    image : callable
        Takes (type, base64, alt) and gives a Typst expression.
    """

    outline: Outline
    attachments: Attachments
    image: Callable[[str, str, str], str]
    _pictures: list[str] = field(default_factory=list)

    def render(self, source: str) -> str:
        """Render a Markdown text as Typst source, one call a block."""
        return "".join(f"#{block}\n" for block in self.blocks(_parse(source)))

    def blocks(self, tokens: list[Token]) -> list[str]:
        """Write block tokens as Typst expressions, pictures after the block that names them."""
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
            content = self._rich(token["children"])
            return f"rr-prose(none, none, {typst.inline(content)})" if content else ""
        if kind == "list":
            return self._list(token)
        if kind == "table":
            return self._table(token)
        if kind == "block_quote":
            return f"rr-quote({self._joined(token['children'])})"
        if kind == "thematic_break":
            return "rr-rule()"
        if kind in ("block_code", "block_math"):
            return f"rr-verbatim({typst.verbatim(token['raw'].rstrip())})"
        if kind == "block_html":
            text = _words(token["raw"])
            return f"rr-prose(none, none, {typst.characters(text)})" if text else ""
        return ""

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
        # The words of a tight item stand without a paragraph around them.
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
        if kind == "inline_math":
            return (replace(style, text=f"${token['raw']}$"),)
        if kind == "inline_html":
            words = "\n" if token["raw"].lower().startswith("<br") else _words(token["raw"])
            return (replace(style, text=words),) if words else ()
        if kind in ("linebreak", "softbreak"):
            return (replace(style, text="\n" if kind == "linebreak" else " "),)
        if "children" in token:
            return self._rich(token["children"], style)
        return (replace(style, text=token.get("raw", "")),) if token.get("raw") else ()

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
