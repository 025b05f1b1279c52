r"""``$formula$`` in a Markdown cell: MathML on the page, set by Typst in the PDF, and text where it is none."""

from __future__ import annotations

import re
import shutil
import subprocess
from html.parser import HTMLParser
from pathlib import Path

import nbformat
import pytest
from nbformat import NotebookNode

from analysis.core.blocks import Prose
from analysis.core.rich_text import text
from analysis.render.export import HTMLReport, PDFReport
from analysis.render.export.formulas import formula
from analysis.render.export.pdf import typst_source
from tests.export.demonstration import cell_of, notebook_of
from tests.export.hostile import hostile

GAUSS = r"\exp\left(-\frac{(x-\mu)^2}{2\sigma^2}\right)"
READ = [
    r"$loss = \mathrm{ce} + 0.1\,\mathrm{kl}$",
    rf"$${GAUSS}$$",
    r"$\hat y_i \in \mathbb{R}^d, \overline{ab}, \underbrace{a + b}_{n}, \sqrt[3]{x}, \|w\|_2, 1{,}000$",
    r"$\text{valid_loss} \le \operatorname*{argmin}_\theta \mathbf{x}^\top \boldsymbol{\beta} + \textbf{bias}$",
    "$" + r"\sqrt{" * 30 + "x" + "}" * 30 + "$",
    r"$$\begin{cases} 1 & x > 0 \\ 0 & \text{else} \end{cases} \begin{pmatrix} a & b \\ c & d \end{pmatrix}$$",
    "\\begin{align}\n\\theta_{t+1} &= \\theta_t - \\eta_t g_t \\\\\n\\eta_t &= \\sum_{i=1}^n \\int f'\n\\end{align}",
]
AS_TYPED = [
    r"$\nosuch{a}$",
    r"$\frac{a}$",
    r"$$a^b^c$$",
    r"$\begin{matrix} a$",
    r"$x_$",
    r"$\def\a{\a\a}\a$",
    "$$" + "{" * 4000 + "$$",
    "$" + r"\sqrt{" * 60 + "}" * 60 + "$",
    r"$\href{javascript:alert(1)}{x}$",
    r"$\style{background: url(//example.org)}{x}$",
    r"$\class{bar}{x}$",
    r"$\eqref{verdict}$",
    r"$\cancel{x}$",
    r"$\color{red}{x}$",
]
HARMLESS = [
    r"$\text{<img src=x onerror=alert(1)>}$",
    "$a</math><script>alert(1)</script>$",
    r"$\operatorname{<script>}$",
    r'$x" onload="alert(1)$',
    r'$\text{"); #panic("}$',
    '$$"#eval("1")$$',
]


def _page(*cells: NotebookNode) -> str:
    return str(HTMLReport().from_notebook_node(notebook_of(*cells))[0]).partition("<main")[2].partition("<script")[0]


def _markdown(source: str) -> NotebookNode:
    return nbformat.v4.new_markdown_cell(source)


def _words(page: str) -> str:
    return " ".join(re.sub(r"<[^>]+>", "", page).split())


def _typst(notebook: NotebookNode) -> str:
    return typst_source(notebook).partition("#show: report")[2]


@pytest.mark.parametrize("typed", READ)
def test_a_formula_is_set_on_the_page_and_in_the_pdf(typed: str) -> None:
    assert "<math" in _page(_markdown(f"Before.\n\n{typed}\n\nAfter."))
    notebook = notebook_of(_markdown(f"Before.\n\n{typed}\n\nAfter."))
    assert _typst(notebook).count("rr-formula(") == 1
    assert PDFReport().from_notebook_node(notebook)[0].startswith(b"%PDF-"), "the compiler takes it, as PDF/UA"


@pytest.mark.skipif(shutil.which("pdftotext") is None, reason="poppler-utils is not installed")
def test_a_formula_in_the_pdf_is_text_and_tagged(tmp_path: Path) -> None:
    pdf, _ = PDFReport().from_notebook_node(notebook_of(_markdown("So $\\eta_t = 0.1\\,\\mathrm{kl}$ holds.")))
    (tmp_path / "report.pdf").write_bytes(pdf)
    words = subprocess.run(["pdftotext", str(tmp_path / "report.pdf"), "-"], capture_output=True, text=True).stdout
    assert "0.1 kl holds" in words
    tags = subprocess.run(["pdfinfo", "-struct", str(tmp_path / "report.pdf")], capture_output=True, text=True).stdout
    assert "Formula" in tags


@pytest.mark.parametrize("typed", AS_TYPED)
def test_what_is_not_understood_stays_as_it_was_typed(typed: str) -> None:
    assert formula(typed) is None
    page = _page(_markdown(f"So {typed} holds."))
    assert "<math" not in page
    assert typed in _words(page.replace("<wbr>", "")).replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


@pytest.mark.parametrize(
    "words",
    [
        "from $5 to $10",
        "$5 and $10",
        "US$5, A$7 and $x",
        "a $ x $ b",
        r"\$x\$",
        "`$x$`",
        "$PATH and `$x$`",
        "$x and 5$6",
        "costs 5$ or 7$",
    ],
)
def test_amounts_and_names_with_dollar_signs_are_text(words: str) -> None:
    page = _page(_markdown(words))
    assert "<math" not in page
    assert _words(page).endswith(words.replace("`", "").replace("\\", ""))


@pytest.mark.parametrize(
    ("markdown", "formulas"),
    [
        ("costs $5 at $x$", 1),
        ("2$\\times$ faster, the $n$th", 2),
        ("**bold $a * b * c$**", 1),
        ("| a |\n|---|\n| $x$ |", 1),
        ("- $x$\n- $$y$$", 2),
        ("> $x$", 1),
        ("## The $\\ell$", 1),
        ("$a +\nb$", 1),
        ("$$a\n= b$$", 1),
        ("in $$x$$ line", 1),
    ],
)
def test_formulas_stand_wherever_text_does(markdown: str, formulas: int) -> None:
    assert _page(_markdown(markdown)).count("<math") == formulas
    notebook = notebook_of(_markdown(f"# Title\n\n{markdown}"))
    assert _typst(notebook).count("rr-formula(") == formulas
    PDFReport().from_notebook_node(notebook)


def test_a_heading_is_listed_as_it_was_typed() -> None:
    page = str(HTMLReport().from_notebook_node(notebook_of(_markdown("# T\n\n## The $\\frac{a}{b}$ term")))[0])
    assert "The $\\frac{a}{b}$ term</a>" in page.partition("<main")[0]


def test_what_outputs_show_is_never_a_formula() -> None:
    """A run name may hold dollar signs; in Markdown that code shows, nobody knows who wrote what."""
    shown = nbformat.v4.new_output("display_data", data={"text/markdown": "run $x^2$ and $$y$$"})
    cells = [nbformat.v4.new_code_cell("show", outputs=[shown]), cell_of([Prose(text("run $x^2$ and $$y$$"))])]
    page = _page(*cells)
    assert "<math" not in page
    assert _words(page).count("run $x^2$ and $$y$$") == 2
    assert "<math" not in str(HTMLReport().from_notebook_node(hostile())[0])
    assert "rr-formula(" not in _typst(notebook_of(*cells))


class _Elements(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: dict[str, str] = {}

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name: value or "" for name, value in attrs}


@pytest.mark.parametrize("typed", [*HARMLESS, *AS_TYPED, *READ])
def test_nothing_but_mathml_comes_with_a_formula(typed: str) -> None:
    inside = _Elements()
    inside.feed(_page(_markdown(f"## Section\n\n{typed}")).partition("</h2>")[2])
    assert all(re.fullmatch(r"section|main|p|b|span|wbr|m[a-z]+", tag) for tag in inside.tags)
    assert not {"href", "src", "id"} & inside.attributes.keys()
    assert not any(name.startswith("on") for name in inside.attributes)
    assert not re.search(r"url|expression|:[^;]*:", inside.attributes.get("style", ""))
    PDFReport().from_notebook_node(notebook_of(_markdown(typed)))
