"""The PDF report: an executed notebook typeset by Typst."""

from __future__ import annotations

import base64
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from nbconvert.exporters import Exporter
from nbformat import NotebookNode
from traitlets import default

from analysis.core.errors import AnalysisError
from analysis.core.scratch import scratch
from analysis.render import TYPST, typst
from analysis.render.export.foreign import blocks_from_html
from analysis.render.export.outline import Outline, about, has_cover, is_for_readers, outline_of, title_of
from analysis.render.export.prose import TypstProse, image_of, inert
from analysis.render.export.templates import templates_dir
from analysis.render.fonts import fonts_for, glyphs, link, shipped
from analysis.render.visible_text import covered

_ANSI = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
_MOST_LINES = 300
_INTERNAL, _AFLOAT = "internal error", "#let afloat = true"
_MAGIC = {"image/png": b"\x89PNG", "image/jpeg": b"\xff\xd8", "image/gif": b"GIF8"}


@cache
def _compiler() -> Any:
    return _compiler_with(shipped()[0].parent)


def _compiler_with(fonts: Path) -> Any:
    import typst as compiler

    return compiler.Compiler(font_paths=[str(fonts)], ignore_system_fonts=True)


@cache
def _first_process() -> int:
    return os.getpid()


def _refuse_after_fork() -> None:
    """Fail if the compiler was used before a fork: its thread pool does not exist in the child, and it would hang.

    Raises
    ------
    RuntimeError
        If this process was forked from one that had used the compiler.
    """
    if _first_process() != os.getpid():
        raise RuntimeError("a PDF was typeset before this process was forked; fork first, then typeset")


@dataclass
class _Document:
    """Typst source of a notebook by cell number; ``folded`` parts are added before the footer or at the end."""

    outline: Outline
    cells: dict[int, str] = field(default_factory=dict)
    folded: list[str] = field(default_factory=list)


class PDFReport(Exporter):
    """Exporter of an executed notebook as a tagged PDF (PDF/UA-1).

    Outputs with a Typst form use that; images, tables, text and errors of other libraries are converted as well as
    possible. Code is left out.
    """

    output_mimetype = "application/pdf"

    @default("file_extension")
    def _file_extension_default(self) -> str:
        return ".pdf"

    def from_notebook_node(  # type: ignore[override]
        self, nb: NotebookNode, resources: Any = None, **kw: Any
    ) -> tuple[bytes, dict[str, Any]]:
        """Typeset a notebook.

        Parameters
        ----------
        nb : nbformat.NotebookNode
            An executed notebook.

        Returns
        -------
        tuple[bytes, dict]
            The PDF, which is the same byte for byte for the same notebook (and the same fonts, if letters need fonts of
            the machine); nbconvert's resources.

        Raises
        ------
        AnalysisError
            If a cell cannot be typeset; the message names the cell.
        """
        _refuse_after_fork()
        nb, resources = super().from_notebook_node(nb, resources, **kw)
        document = _written(nb)
        frame = _frame(nb)
        try:
            pdf = _compiled(frame, document.cells)
        except RuntimeError as error:
            pdf = _in_place(error, frame, document)
        resources["output_extension"] = ".pdf"
        return pdf, resources


def typst_source(nb: NotebookNode) -> str:
    """Return the Typst source of a notebook, as the exporter compiles it."""
    return _frame(nb) + "".join(_written(nb).cells.values())


def _frame(nb: NotebookNode) -> str:
    title = typst.literal(title_of(nb))
    language = typst.literal(str(nb.metadata.get("language", "en")))
    template = (templates_dir() / "pdf" / "report.typ").read_text(encoding="utf-8")
    cover = "" if has_cover(nb) else f"#rr-cover(title: {title})\n#rr-contents()\n"
    return f"{template}\n#show: report.with(title: {title}, language: {language})\n{cover}"


def _written(nb: NotebookNode) -> _Document:
    document = _Document(outline_of(nb))
    for number, cell in enumerate(nb.cells, start=1):
        if cell.cell_type == "markdown":
            prose = TypstProse(document.outline, cell.get("attachments", {}), picture, formulas=True)
            source = prose.render(cell.source)
        elif cell.cell_type == "code":
            source = "".join(_output(output, number=number, document=document) for output in cell.outputs)
        else:
            continue
        if source:
            document.cells[number] = source
    if document.folded:
        document.cells[len(nb.cells) + 1] = "".join(document.folded)
    return document


def _output(output: NotebookNode, *, number: int, document: _Document) -> str:
    if output.output_type == "stream":
        tone = "warning" if output.name == "stderr" else "neutral"
        return _verbatim(output.text, tone=tone)
    if output.output_type == "error":
        lines = [f"Cell {number}: {output.ename}: {output.evalue}", *output.get("traceback", [])]
        return _verbatim("\n".join(lines), tone="bad")
    if not is_for_readers(output):
        return ""
    known = about(output)
    kind = known.get("kind")
    if kind == "heading":
        entry = document.outline.add(known["text"], level=known["level"], identity=known["id"])
        return f"#{typst.heading(typst.characters(entry.text), level=entry.level, identity=entry.id)}\n"
    if kind == "details" and known.get("code"):
        return ""  # the paragraph before names the file with the code
    if kind == "details" or (kind == "figure" and known.get("summary")):
        document.folded.append(output.data[TYPST])
        return f"#rr-folded({typst.literal(known['summary'])})\n\n"
    if kind == "footer":
        folded, document.folded = "".join(document.folded), []
        return f"{folded}{output.data[TYPST]}"
    if TYPST in output.data:
        return str(output.data[TYPST])
    return _foreign(output, number=number, document=document)


def _foreign(output: NotebookNode, *, number: int, document: _Document) -> str:
    data: Mapping[str, str] = output.data
    section = document.outline.entries[-1].text if document.outline.entries else "the notebook"
    alt = str(output.metadata.get("alt") or f"Picture from cell {number}, in {section}")
    if "image/svg+xml" in data and _is_drawing(data["image/svg+xml"]):
        return f"#rr-figure(none, {typst.literal(data['image/svg+xml'])}, {typst.literal(alt)}, none)\n"
    image = image_of(data)
    if image:
        return f"#{picture(*image, alt)}\n"
    if "text/html" in data:
        blocks = blocks_from_html(inert(data["text/html"]))
        if blocks:
            return "".join(typst.render(block) for block in blocks)
    if "text/markdown" in data:
        return TypstProse(document.outline, {}, picture, formulas=False).render(data["text/markdown"])
    unreadable = f"[{alt}: not a readable drawing]" if "image/svg+xml" in data else None
    plain = data.get("text/latex") or data.get("text/plain") or unreadable
    return _verbatim(plain, tone="neutral") if plain else ""


def _is_drawing(svg: str) -> bool:
    """True for an SVG that the compiler can draw; any other would fail the whole notebook."""
    alone = f'#image(bytes({typst.literal(svg)}), format: "svg")'
    try:
        _compiler().compile(alone.encode(), format="pdf")
    except RuntimeError:
        return False
    return True


def picture(kind: str, data: str, alt: str) -> str:
    """Return a raster image as a Typst expression; one that cannot be read is replaced by a note."""
    data = "".join(data.split())
    try:
        readable = base64.b64decode(data, validate=True).startswith(_MAGIC[kind])
    except ValueError:
        readable = False
    if not readable:
        return f"rr-prose(none, none, {typst.characters(f'[{alt}: not a readable {kind}]')})"
    # Typst source is text, so the bytes are embedded in an SVG that contains nothing else.
    drawing = (
        '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink">'
        f'<image xlink:href="data:{kind};base64,{data}"/></svg>'
    )
    return f"rr-picture({typst.literal(drawing)}, {typst.literal(alt)})"


def _verbatim(text: str, *, tone: str) -> str:
    lines = _ANSI.sub("", text).rstrip().split("\n")
    if len(lines) > _MOST_LINES:
        lines = [*lines[:_MOST_LINES], f"… {len(lines) - _MOST_LINES:,} more lines in the notebook"]
    written = typst.verbatim("\n".join(lines))
    return f'#rr-verbatim({written}, tone: "{tone}")\n' if lines != [""] else ""


def _compiled(frame: str, cells: Mapping[int, str]) -> bytes:
    source = frame + "".join(cells.values())
    fonts = fonts_for(source)
    drawn = covered(source, glyphs().union(*(font.glyphs for font in fonts)))  # spells out what no font has
    if not fonts:
        return _typeset(_compiler(), drawn)
    with scratch() as folder:
        for path in (*shipped(), *(font.path for font in fonts)):
            link(path, folder / path.name)
        return _typeset(_compiler_with(folder), drawn)


def _typeset(compiler: Any, source: str) -> bytes:
    pdf: bytes = compiler.compile(source.encode(), format="pdf", pdf_standards=["ua-1"])
    return pdf


def _in_place(error: RuntimeError, frame: str, document: _Document) -> bytes:
    """Typeset again without floating figures if the compiler failed on its own tags of floats; return the PDF."""
    if _INTERNAL not in _message(error):
        raise _blamed(error, frame, document) from None
    frame = frame.replace(_AFLOAT, _AFLOAT.replace("true", "false"))
    try:
        return _compiled(frame, document.cells)
    except RuntimeError as again:
        raise _blamed(again, frame, document) from None


def _blamed(error: RuntimeError, frame: str, document: _Document) -> AnalysisError:
    """Return the error that names the first cell that cannot be typeset, found by bisection."""
    numbers = list(document.cells)
    good, bad, reason = 0, len(numbers), error
    while bad - good > 1:
        middle = (good + bad) // 2
        try:
            _compiled(frame, {number: document.cells[number] for number in numbers[:middle]})
            good = middle
        except RuntimeError as earlier:
            bad, reason = middle, earlier
    return AnalysisError(f"PDF: cell {numbers[bad - 1]} of the notebook cannot be typeset: {_message(reason)}")


def _message(error: RuntimeError) -> str:
    hints = "; ".join(getattr(error, "hints", []))
    first = " ".join(str(getattr(error, "message", error)).split())
    return f"{first} ({hints})" if hints else first
