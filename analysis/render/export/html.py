"""The HTML report: an executed notebook as one self-contained file that works offline."""

from __future__ import annotations

import base64
import hashlib
import re
from functools import cache
from html import escape, unescape
from typing import Any
from urllib.parse import unquote

import markupsafe
from nbconvert.exporters import HTMLExporter
from nbconvert.exporters.templateexporter import TemplateExporter
from nbformat import NotebookNode
from traitlets import default
from traitlets.config import Config

from analysis.render import html
from analysis.render.export.outline import about, has_cover, is_for_readers, outline_of, title_of
from analysis.render.export.prose import inert, table_heads, to_html
from analysis.render.export.templates import templates_dir
from analysis.render.glyphs import POINTER
from analysis.render.visible_text import legible

_PRIORITY = ["text/html", "image/svg+xml", "image/png", "image/jpeg", "text/markdown", "text/latex", "text/plain"]
_DEEPEST = 3


@cache
def _asset(name: str) -> str:
    return (templates_dir() / "html" / name).read_text(encoding="utf-8").strip()


@cache
def _script_hash() -> str:
    # The Content-Security-Policy of the page allows only the script with this hash.
    digest = hashlib.sha256(f"\n{_asset('report.js')}\n".encode()).digest()
    return f"sha256-{base64.b64encode(digest).decode('ascii')}"


class Page:
    """Functions for the template while it renders one notebook."""

    def __init__(self, notebook: NotebookNode) -> None:
        self.title = legible(title_of(notebook))
        self.has_cover = has_cover(notebook)
        self.language = str(notebook.metadata.get("language", "en"))
        self.style = _asset("report.css")
        self.script = _asset("report.js")
        self.script_hash = _script_hash()
        self._outline = outline_of(notebook)
        self._numbers = {id(cell): number for number, cell in enumerate(notebook.cells, start=1)}

    about = staticmethod(about)

    def number(self, cell: NotebookNode) -> int:
        """Return the number of a cell, from 1."""
        return self._numbers[id(cell)]

    def markdown(self, cell: NotebookNode) -> markupsafe.Markup:
        """Render a Markdown cell; its headings are added to the contents."""
        attachments = cell.get("attachments", {})
        rendered = to_html(cell.source, outline=self._outline, attachments=attachments, formulas=True)
        return markupsafe.Markup(rendered)

    def output_markdown(self, source: str) -> markupsafe.Markup:
        """Render a Markdown output of a cell."""
        return markupsafe.Markup(to_html(source, outline=self._outline, attachments={}, formulas=False))

    def heading(self, output: NotebookNode) -> markupsafe.Markup:
        """Render a heading block at a level that fits the outline, and add it to the contents."""
        known = about(output)
        entry = self._outline.add(known["text"], level=known["level"], identity=known["id"])
        rendered = html.heading(html.characters(entry.text), level=entry.level, identity=entry.id, name=entry.text)
        return markupsafe.Markup(rendered)

    def block(self, output: NotebookNode) -> markupsafe.Markup:
        """Return a rendered block; a figure with its drawing inline."""
        known, markup = about(output), output.data["text/html"]
        if known["kind"] == "figure" and (svg := output.data.get("image/svg+xml")):
            markup = html.with_drawing(markup, svg, identity=known["id"], alt=known["alt"])
        return markupsafe.Markup(markup)

    def code(self, source: str) -> markupsafe.Markup:
        """Render the code of a cell with syntax highlighting."""
        return markupsafe.Markup(f'<pre tabindex="0"><code>{_highlighted(source)}</code></pre>')

    def inert(self, markup: str) -> markupsafe.Markup:
        """Return foreign HTML that cannot run, load or redirect anything."""
        return markupsafe.Markup(table_heads(inert(markup)))

    def base64(self, text: str) -> str:
        """Return a text in base64, for a data URI."""
        return base64.b64encode(text.encode()).decode("ascii")

    def alt(self, output: NotebookNode, cell: NotebookNode) -> str:
        """Return the alt text of a picture: the stated one, else its cell and section."""
        section = self._outline.entries[-1].text if self._outline.entries else self.title
        return str(output.metadata.get("alt") or f"Picture from cell {self.number(cell)}, in {section}")

    def contents(self) -> markupsafe.Markup:
        """Render the table of contents; to be called after the body has been rendered."""
        entries = [entry for entry in self._outline.entries if entry.level <= _DEEPEST]
        parts, depth = [], 1
        for entry in entries:
            while depth > entry.level:
                parts.append("</li></ol>")
                depth -= 1
            if depth == entry.level:
                parts.append("</li>")
            else:
                parts.append("<ol>")
                depth = entry.level
            parts.append(f'<li><a href="#{escape(entry.id)}">{html.characters(entry.text)}</a>')
        parts.append("</li></ol>" * (depth - 1))
        return markupsafe.Markup("".join(parts))


def _highlighted(source: str) -> str:
    from pygments.lexers import PythonLexer
    from pygments.token import Comment, Keyword, Number, String, Token

    classes = {Keyword: "hl-k", String: "hl-s", Number: "hl-n", Comment: "hl-c"}
    parts = []
    for kind, text in PythonLexer(stripnl=False).get_tokens(legible(source)):
        name = next((css for family, css in classes.items() if kind in family), "")
        parts.append(f'<span class="{name}">{escape(text)}</span>' if name and kind is not Token else escape(text))
    return "".join(parts).rstrip()


def _with_page(notebook: NotebookNode, resources: dict[str, Any]) -> tuple[NotebookNode, dict[str, Any]]:
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs = [output for output in cell.outputs if _has_form(output)]
    resources["page"] = Page(notebook)
    return notebook, resources


def _has_form(output: NotebookNode) -> bool:
    """True if a page can show an output."""
    if output.output_type in ("stream", "error"):
        return True
    return is_for_readers(output) and any(kind in output.data for kind in _PRIORITY)


_ID = re.compile(r'\sid="([^"]+)"')
_LINK = re.compile(r'<a\s[^>]*?href="#([^"]+)"[^>]*>(.*?)</a>', re.DOTALL)


def without_dead_links(page: str) -> str:
    """Replace links to missing places, such as in deleted sections, by their text.

    Examples
    --------
    >>> without_dead_links('<p id="a"><a href="#a">here</a>, <a href="#b">there</a> <a href="#b">evidence</a></p>')
    '<p id="a"><a href="#a">here</a>, there </p>'
    """
    places = {unescape(found) for found in _ID.findall(page)}

    def kept(link: re.Match[str]) -> str:
        if {unescape(link[1]), unquote(unescape(link[1]))} & places:
            return link[0]
        return "" if link[2] == POINTER else link[2]

    return _LINK.sub(kept, page)


class HTMLReport(HTMLExporter):
    """Exporter of an executed notebook as one HTML file, by the template in ``templates/html``."""

    @default("template_name")
    def _template_name_default(self) -> str:
        return "html"

    def __init__(self, config: Config | None = None, **kw: Any) -> None:
        kw.setdefault("extra_template_basedirs", [str(templates_dir())])
        kw.setdefault("optimistic_validation", True)
        super().__init__(config=config, **kw)  # type: ignore[no-untyped-call]
        self.register_preprocessor(_with_page, enabled=True)  # type: ignore[no-untyped-call]

    @property
    def default_config(self) -> Config:
        settings = Config({"NbConvertBase": {"display_data_priority": _PRIORITY}})
        inherited: Config = super().default_config
        inherited.CSSHTMLHeaderPreprocessor.enabled = False
        inherited.HighlightMagicsPreprocessor.enabled = False
        inherited.merge(settings)
        return inherited

    def from_notebook_node(  # type: ignore[override]
        self, nb: NotebookNode, resources: Any = None, **kw: Any
    ) -> tuple[str, dict[str, Any]]:
        """Render a notebook.

        Parameters
        ----------
        nb : nbformat.NotebookNode
            An executed notebook.

        Returns
        -------
        tuple[str, dict]
            The page, and nbconvert's resources.
        """
        # HTMLExporter would parse the finished page with BeautifulSoup to patch what its own template lacks; ours does
        # not, so that step is skipped.
        page, resources = TemplateExporter.from_notebook_node(self, nb, resources, **kw)
        return without_dead_links(page), resources
