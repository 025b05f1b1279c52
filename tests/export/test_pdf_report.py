"""The PDF report: typeset, tagged, complete, the same every time."""

from __future__ import annotations

import base64
import io
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path

import matplotlib.pyplot as plt
import nbformat
import numpy as np
import pytest

from analysis.core.blocks import Cell, Column, Prose, Table
from analysis.core.errors import AnalysisError
from analysis.core.rich_text import rich, text
from analysis.render.export import PDFReport
from analysis.render.export import pdf as pdf_report
from analysis.render.export.pdf import typst_source
from analysis.render.fonts import _covering
from tests.export.demonstration import cell_of, demonstration, notebook_of
from tests.export.hostile import NAMES, foreign, hostile

needs_poppler = pytest.mark.skipif(shutil.which("pdftotext") is None, reason="poppler-utils is not installed")


@pytest.fixture(scope="module")
def exporter() -> PDFReport:
    return PDFReport()


@pytest.fixture(autouse=True)
def shipped_fonts_alone(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Whatever fonts this machine has, only those that come along count."""
    monkeypatch.setattr("analysis.render.fonts.installed", list)
    _covering.cache_clear()
    yield
    _covering.cache_clear()


def _poppler(tool: str, pdf: bytes, folder: Path, *options: str) -> str:
    path = folder / "report.pdf"
    path.write_bytes(pdf)
    done = subprocess.run([tool, *options, str(path), *(["-"] if tool == "pdftotext" else [])], capture_output=True)
    return done.stdout.decode(errors="replace")


def _flat(words: str) -> str:
    return re.sub(r"\s+", "", words)


def test_same_notebook_same_bytes(exporter: PDFReport) -> None:
    """No clock and no chance goes into the file."""
    first = exporter.from_notebook_node(demonstration())[0]
    assert first == PDFReport().from_notebook_node(demonstration())[0]
    assert first.startswith(b"%PDF-")


@needs_poppler
def test_report_has_title_tags_and_bookmarks(exporter: PDFReport, tmp_path: Path) -> None:
    """The file says what it is called, is tagged, and describes its figures."""
    pdf = exporter.from_notebook_node(demonstration())[0]
    about = _poppler("pdfinfo", pdf, tmp_path)
    assert re.search(r"Title:\s+Fine-tuning run 4", about)
    assert re.search(r"Tagged:\s+yes", about)
    assert "CreationDate" not in about
    structure = _poppler("pdfinfo", pdf, tmp_path, "-struct")
    for tag in ("H1", "H2", "Table", "TH", "TD", "Figure", "Link"):
        assert re.search(rf"^\s*{tag}\b", structure, re.MULTILINE), tag
    assert b"/Outlines" in pdf
    assert b"/Alt" in pdf


@needs_poppler
def test_report_holds_what_the_page_holds(exporter: PDFReport, tmp_path: Path) -> None:
    """Cover, callouts, all 40 findings, all 12 runs, YAML, folded parts and footer are in it."""
    words = _flat(_poppler("pdftotext", exporter.from_notebook_node(demonstration())[0], tmp_path))
    wanted = ["F-01", "F-40", "n_epochs:1", "Bythelargeroftwo",
              "560trainingstepsacross2epochs", "94.1to97.2", "E-NOISE"]  # fmt: skip
    wanted += [f"seed{i}_cosine_warmup" for i in range(1, 13)]
    for part in wanted:
        assert part in words, part


@needs_poppler
@pytest.mark.parametrize("notebook", [demonstration, hostile, foreign])
def test_no_text_leaves_the_sheet(exporter: PDFReport, tmp_path: Path, notebook: object) -> None:
    """Every word lies within the margins of its page: nothing is cut off."""
    pdf = exporter.from_notebook_node(notebook())[0]  # type: ignore[operator]
    boxes = re.findall(
        r'<word xMin="([-\d.]+)" yMin="([-\d.]+)" xMax="([-\d.]+)" yMax="([-\d.]+)">',
        _poppler("pdftotext", pdf, tmp_path, "-bbox"),
    )
    assert boxes
    left, right = min(float(box[0]) for box in boxes), max(float(box[2]) for box in boxes)
    assert left > 45
    assert right < 595.3 - 45
    assert max(float(box[3]) for box in boxes) < 841.9 - 15


@needs_poppler
def test_hostile_text_is_printed_as_it_is(exporter: PDFReport, tmp_path: Path) -> None:
    """Names that look like Typst, HTML or Markdown come out letter by letter; invisible ones are spelled out."""
    words = _flat(_poppler("pdftotext", exporter.from_notebook_node(hostile())[0], tmp_path, "-raw"))
    for name in NAMES:
        assert words.count(_flat(name)) >= 5, name
    assert "run[U+202ERIGHT-TO-LEFTOVERRIDE]gpj.exe[U+0007]" in words
    assert "[U+6A21U+578B][U+1F680ROCKET]run[U+1F46AFAMILY]" in words


@needs_poppler
def test_foreign_outputs_are_typeset(exporter: PDFReport, tmp_path: Path) -> None:
    """Tables, printed text, errors and Markdown of other libraries are in the file, every column of a wide one."""
    words = _flat(_poppler("pdftotext", exporter.from_notebook_node(foreign())[0], tmp_path, "-raw"))
    for part in ("epoch1red<b>", "awarning", "train/loss", "<i>run_3", "words&more", "Cell2:ValueError:no<such>run",
                 "andbelowthat", "☑done", "<script>window.hacked=1</script>", "faraway"):  # fmt: skip
        assert part in words, part
    assert "dataforprograms" not in words
    for column in range(40):
        assert f"number_{column}" in words


@needs_poppler
def test_only_fonts_that_travel(exporter: PDFReport, tmp_path: Path) -> None:
    """The file embeds its fonts, and they are those that come with the packages; no last resort among them."""
    listing = _poppler("pdffonts", exporter.from_notebook_node(hostile())[0], tmp_path).splitlines()[2:]
    names = {re.sub(r"^[A-Z]{6}\+", "", line.split()[0]) for line in listing}
    assert names
    assert all(name.startswith(("LibertinusSerif", "DejaVuSans", "NewCM")) for name in names), names


def test_cell_that_cannot_be_set_is_named(exporter: PDFReport) -> None:
    """A Typst form that does not compile gives one line with the number of its cell."""
    cells = [cell_of([Prose(rich("fine"))]) for _ in range(4)]
    cells[2].outputs[0].data["text/vnd.typst"] = "#no-such-function()\n"
    with pytest.raises(
        AnalysisError, match=r"^PDF: cell 3 of the notebook cannot be typeset: unknown variable"
    ) as error:
        exporter.from_notebook_node(notebook_of(*cells))
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("position", [1, 2, 3, 4, 5])
def test_the_named_cell_is_the_right_one(exporter: PDFReport, position: int) -> None:
    """Wherever the faulty cell stands."""
    cells = [nbformat.v4.new_markdown_cell("## A section")] + [cell_of([Prose(rich("fine"))]) for _ in range(5)]
    cells[position].outputs[0].data["text/vnd.typst"] = "#panic()\n"
    with pytest.raises(AnalysisError, match=f"cell {position + 1} "):
        exporter.from_notebook_node(notebook_of(*cells))


def test_forked_too_late_is_refused(exporter: PDFReport, monkeypatch: pytest.MonkeyPatch) -> None:
    """The compiler's threads do not survive a fork: a process forked after a first PDF is told, not left hanging."""
    notebook = notebook_of(cell_of([Prose(rich("fine"))]))
    exporter.from_notebook_node(notebook)
    monkeypatch.setattr("os.getpid", lambda: -1)
    with pytest.raises(RuntimeError, match="fork first, then typeset"):
        exporter.from_notebook_node(notebook)


def test_picture_that_is_none_is_named(exporter: PDFReport) -> None:
    """A broken picture leaves a line of text where it should be."""
    output = nbformat.v4.new_output("display_data", data={"image/png": "bm90IGEgcGljdHVyZQ=="})
    source = typst_source(notebook_of(nbformat.v4.new_code_cell("x", outputs=[output])))
    assert "not a readable image/png" in source


@needs_poppler
def test_a_picture_without_a_drawing_is_shown_whole(exporter: PDFReport, tmp_path: Path) -> None:
    """A PNG alone, higher than the page: neither its head (red) nor its foot (blue) is cut off."""
    picture = np.ones((3000, 300, 3))
    picture[:100], picture[-100:] = (1, 0, 0), (0, 0, 1)
    file = io.BytesIO()
    plt.imsave(file, picture)
    data = {"image/png": base64.b64encode(file.getvalue()).decode()}
    output = nbformat.v4.new_output("display_data", data=data)
    notebook = notebook_of(nbformat.v4.new_code_cell("x", outputs=[output]))
    (tmp_path / "x.pdf").write_bytes(exporter.from_notebook_node(notebook)[0])
    subprocess.run(["pdftoppm", "-r", "36", "-png", str(tmp_path / "x.pdf"), str(tmp_path / "page")], check=True)
    pages = [plt.imread(page)[..., :3].reshape(-1, 3) for page in sorted(tmp_path.glob("page-*.png"))]
    seen = {tuple(color) for page in pages for color in np.unique(page.round(), axis=0)}
    assert {(1, 0, 0), (0, 0, 1)} <= seen


@pytest.mark.parametrize("markdown", ["", "#", "- ", "```\n```", "> ", "| a |\n|---|", "$$$$", "[](<>)", "![]()", "1)",
                                      "- a\n\n      code\n- b", "# *\\#* `\"`"])  # fmt: skip
def test_odd_markdown_is_set(exporter: PDFReport, markdown: str) -> None:
    """Markdown at its edges compiles."""
    assert exporter.from_notebook_node(notebook_of(nbformat.v4.new_markdown_cell(markdown)))[0]


def test_tables_of_every_shape_are_set(exporter: PDFReport) -> None:
    """No rows, one column, empty labels, one enormous cell."""
    one = (Column("x"),)
    tables = [Table("a", "", one, ()), Table("b", "c", (Column(""),), ((Cell(()),),)),
              Table("c", "c", one, ((Cell(text("word " * 3000)),),), frozenset({0}))]  # fmt: skip
    assert exporter.from_notebook_node(notebook_of(cell_of(tables)))[0]


@needs_poppler
def test_flood_of_lines_is_cut(exporter: PDFReport, tmp_path: Path) -> None:
    """A cell that printed a hundred thousand lines does not make a book; the PDF says what it left out."""
    output = nbformat.v4.new_output("stream", name="stdout", text="line\n" * 100_000)
    notebook = notebook_of(nbformat.v4.new_code_cell("x", outputs=[output]))
    assert "99,700 more lines" in _poppler("pdftotext", exporter.from_notebook_node(notebook)[0], tmp_path)


def test_figures_stay_in_their_place_where_the_compiler_fails_over_floating_ones(
    exporter: PDFReport, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An internal error of the compiler costs white space, not the PDF; any other error is told as before."""
    tried = []

    def fails(frame: str, cells: Mapping[int, str]) -> bytes:
        tried.append("#let afloat = true" in frame)
        if tried[-1]:
            raise RuntimeError("internal error: parent group")
        return b"%PDF"

    monkeypatch.setattr(pdf_report, "_compiled", fails)
    assert exporter.from_notebook_node(demonstration())[0] == b"%PDF"
    assert tried == [True, False]


SVG = '<svg xmlns="http://www.w3.org/2000/svg" width="{0}" height="{0}"><circle r="3"/></svg>'


@pytest.mark.parametrize(
    ("svg", "readable"), [(SVG.format(9), True), (SVG.format(0), False), ("<svg", False), ("", False)]
)
def test_a_drawing_that_cannot_be_read_is_named_and_the_rest_is_typeset(svg: str, readable: bool) -> None:
    outputs = [nbformat.v4.new_output("display_data", data={"image/svg+xml": svg})]
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("draw()", outputs=outputs)])
    assert PDFReport().from_notebook_node(notebook)[0].startswith(b"%PDF")
    assert ("not a readable drawing" in typst_source(notebook)) is not readable
