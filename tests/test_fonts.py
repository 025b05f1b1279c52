"""Names in alphabets that the shipped fonts lack are drawn with fonts of the machine, if it has any."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from fontTools.fontBuilder import FontBuilder
from fontTools.pens.ttGlyphPen import TTGlyphPen

from analysis.core.blocks import Figure, Prose
from analysis.core.rich_text import text
from analysis.render import fonts
from analysis.render.export import PDFReport
from analysis.report import plots
from tests.builders import log, run
from tests.export.demonstration import cell_of, notebook_of

NAME = "学习率"


def make_font(path: Path, letters: str, *, family: str, style: str = "Regular") -> Path:
    """Write a font in which each letter is a square."""
    names = [".notdef", *(f"uni{ord(letter):04X}" for letter in letters)]
    pen = TTGlyphPen(None)
    pen.moveTo((100, 0))
    for corner in ((100, 700), (800, 700), (800, 0)):
        pen.lineTo(corner)
    pen.closePath()
    square = pen.glyph()
    builder = FontBuilder(1000, isTTF=True)
    builder.setupGlyphOrder(names)
    builder.setupCharacterMap({ord(letter): name for letter, name in zip(letters, names[1:], strict=True)})
    builder.setupGlyf(dict.fromkeys(names, square))
    builder.setupHorizontalMetrics(dict.fromkeys(names, (900, 100)))
    builder.setupHorizontalHeader(ascent=800, descent=-200)
    builder.setupNameTable({"familyName": family, "styleName": style, "psName": family.replace(" ", "")})
    builder.setupOS2(sTypoAscender=800, sTypoDescender=-200)
    builder.setupPost()
    builder.save(path)
    return path


@pytest.fixture
def offered(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Path]]:
    """The fonts of this machine, to be filled."""
    found: list[Path] = []
    monkeypatch.setattr(fonts, "installed", lambda: found)
    fonts._covering.cache_clear()
    yield found
    fonts._covering.cache_clear()


def test_as_few_fonts_as_cover_what_is_missing(offered: list[Path], tmp_path: Path) -> None:
    """The one that has most comes first; slanted, heavy and broken ones, and letters that are none, do not count."""
    (tmp_path / "broken.ttf").write_bytes(b"no font")
    offered += [
        tmp_path / "broken.ttf",
        tmp_path / "gone.ttf",
        make_font(tmp_path / "bold.ttf", NAME + "か", family="Squares Heavy", style="Bold"),
        make_font(tmp_path / "one.ttf", "学", family="One"),
        make_font(tmp_path / "all.ttf", NAME + "\ue000", family="All"),
        make_font(tmp_path / "kana.ttf", "か", family="Kana"),
    ]
    assert [font.family for font in fonts.fonts_for(f"run {NAME}か")] == ["All", "Kana"]
    assert fonts.fonts_for("run_4 – é α ✓") == ()
    assert fonts.fonts_for("\ue000 \U0001f680") == ()


@pytest.mark.skipif(shutil.which("pdftotext") is None, reason="poppler-utils is not installed")
def test_a_pdf_is_set_with_them(offered: list[Path], tmp_path: Path) -> None:
    """What a font of the machine has stands as it is, embedded; what none has is spelled out."""
    notebook = notebook_of(cell_of([Prose(text(f"{NAME} か"))]))
    bare = PDFReport().from_notebook_node(notebook)[0]
    offered.append(make_font(tmp_path / "all.ttf", NAME, family="Squares"))
    fonts._covering.cache_clear()
    (tmp_path / "set.pdf").write_bytes(PDFReport().from_notebook_node(notebook)[0])
    words, used = (
        subprocess.run([tool, tmp_path / "set.pdf", *more], capture_output=True, check=True, text=True).stdout
        for tool, more in (("pdftotext", ["-"]), ("pdffonts", []))
    )
    assert f"{NAME} [U+304B HIRAGANA LETTER KA]" in " ".join(words.split())
    assert "Squares" in used
    assert PDFReport().from_notebook_node(notebook)[0] == (tmp_path / "set.pdf").read_bytes() != bare


def test_a_picture_is_drawn_with_them(offered: list[Path], tmp_path: Path) -> None:
    """Nothing in a PNG is left to boxes, and the SVG, which a browser sets with its own fonts, stays the same."""
    runs = [run(NAME, log(1))]

    def drawn() -> Figure:
        drawing = plots.plot_training_analysis(runs, candidate=NAME)
        return plots.to_figure(drawing, id="x", name="x.png", caption=(), alt="curves")

    before = drawn()
    offered.append(make_font(tmp_path / "all.ttf", NAME, family="Squares For Pictures"))
    fonts._covering.cache_clear()
    after = drawn()
    assert after.svg == before.svg
    assert after.png != before.png
