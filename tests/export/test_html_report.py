"""The HTML report: one file, whole, harmless, at home without a network."""

from __future__ import annotations

import base64
import copy
import hashlib
import re
import subprocess
import sys

import nbformat
import pytest

from analysis.core.blocks import Prose
from analysis.core.rich_text import text
from analysis.render.export import HTMLReport
from analysis.render.export.templates import templates_dir
from tests.export.demonstration import cell_of, demonstration, notebook_of
from tests.export.hostile import MARKDOWN, foreign, hostile
from tests.render.test_blocks_html import Elements


@pytest.fixture(scope="module")
def exporter() -> HTMLReport:
    return HTMLReport()


@pytest.fixture(scope="module")
def page(exporter: HTMLReport) -> str:
    return str(exporter.from_notebook_node(demonstration())[0])


@pytest.mark.parametrize("notebook", [demonstration, hostile, foreign])
def test_nothing_is_loaded_from_elsewhere(exporter: HTMLReport, notebook: object) -> None:
    """No element names a source outside the file, and the policy forbids what a cell might smuggle in."""
    page = exporter.from_notebook_node(notebook())[0]  # type: ignore[operator]
    seen = Elements(page)
    for _, attrs in seen.found:
        for key in ("src", "srcset", "data", "poster", "action", "xlink:href"):
            value = attrs.get(key) or ""
            assert not value or value.startswith(("data:", "#")), value
    assert not seen.all("link")
    assert not seen.all("iframe")
    assert len(seen.all("script")) == 1
    assert not re.search(r"url\((?!#|data:)", page)
    assert "@import" not in page
    assert "default-src 'none'" in page


def test_policy_allows_exactly_our_script(page: str) -> None:
    """The hash in the policy is that of the script in the page, as a browser computes it."""
    script = re.search(r"<script>(.*?)</script>", page, re.DOTALL)
    allowed = re.search(r"script-src 'sha256-([^']+)'", page)
    assert script
    assert allowed
    assert base64.b64encode(hashlib.sha256(script[1].encode()).digest()).decode() == allowed[1]


def test_title_language_and_one_top_heading(page: str) -> None:
    """The page has a title, a language and one first-level heading, that of the cover."""
    seen = Elements(page)
    assert seen.all("html") == [{"lang": "en"}]
    assert "<title>Fine-tuning run 4 compared with 2 others</title>" in page
    assert len(seen.all("h1")) == len(seen.all("main")) == 1


def test_contents_lead_to_every_section(page: str) -> None:
    """Contents list the headings of Markdown cells and of blocks in order, by slugs that exist."""
    contents = re.search(r'<nav class="contents".*?</nav>', page, re.DOTALL)
    assert contents
    targets = re.findall(r'href="#([^"]+)"', contents[0])
    assert targets[:3] == ["executive-summary", "key-findings", "stability-analysis-loss-oscillations"]
    assert "impact-learning-rate" in targets
    assert [page.index(f'id="{target}"') for target in targets] == sorted(
        page.index(f'id="{target}"') for target in targets
    )


def test_links_inside_the_report_lead_somewhere(page: str) -> None:
    """Every definition and finding that is linked to is there."""
    ids = set(re.findall(r'\bid="([^"]+)"', page))
    assert set(re.findall(r'href="#([^"]+)"', page)) <= ids


def test_headings_leave_the_ids_of_blocks_alone(exporter: HTMLReport) -> None:
    """A heading whose slug a block has as its id gets another: the link to the block stays right."""
    notebook = notebook_of(
        nbformat.v4.new_markdown_cell("## Conclusion"), cell_of([Prose(text("x"), None, "conclusion")])
    )
    page = exporter.from_notebook_node(notebook)[0]
    assert page.count('id="conclusion"') == page.count('id="conclusion-2"') == 1


def test_levels_have_no_gap(exporter: HTMLReport) -> None:
    """A heading that skips a level is lifted, and equal headings get ids of their own."""
    notebook = notebook_of(nbformat.v4.new_markdown_cell("## A\n\n##### Deep\n\n## A\n\n# Top"))
    page = exporter.from_notebook_node(notebook)[0]
    found = re.findall(r'<h(\d) id="([^"]+)"', page)
    assert found == [("2", "a"), ("3", "deep"), ("2", "a-2"), ("2", "top")]


def test_code_is_there_but_folded(page: str) -> None:
    """The code of each cell stands in a closed details element; cells that show nothing are out of the way."""
    assert re.search(r'<div class="cell silent">\s*<details class="code">', page)
    assert "hl-s" in page
    assert '<details class="code" open' not in page


def test_foreign_outputs_are_kept(exporter: HTMLReport) -> None:
    """Tables, pictures, printed text, errors and Markdown of other libraries all arrive; programs do not."""
    page = exporter.from_notebook_node(foreign())[0]
    seen = Elements(page)
    for words in (
        "epoch 1",
        "a warning",
        "metric/number_39",
        "Styled",
        "no <such> run",
        "words & more",
        "below that",
    ):
        assert words in seen.text, words
    assert all(attrs.get("alt") for attrs in seen.all("img"))
    assert "[31m" not in seen.text
    assert "data for programs" not in seen.text
    assert "<script>window.hacked=1</script> things" in seen.text
    assert len(seen.all("h1")) == 1
    scopes = [attrs.get("scope") for attrs in seen.all("th")]
    assert scopes.count("row") >= 6


def test_bulky_scripts_are_left_out(exporter: HTMLReport) -> None:
    """A plotting library's program is replaced by a word about it, instead of a page of code."""
    output = nbformat.v4.new_output("display_data", data={"text/html": f"<script>{'x();' * 500}</script><p>below</p>"})
    page = exporter.from_notebook_node(notebook_of(nbformat.v4.new_code_cell("x", outputs=[output])))[0]
    assert "x();x();" not in page
    assert "interactive part" in page
    assert "below" in page


def test_one_exporter_serves_many_notebooks(exporter: HTMLReport, page: str) -> None:
    """Built once, used again: the same page each time, and the notebook is left as it was."""
    notebook = demonstration()
    before = copy.deepcopy(notebook)
    exporter.from_notebook_node(hostile())
    assert exporter.from_notebook_node(notebook)[0] == page
    assert notebook == before


def test_picture_of_a_cell_travels_with_it(exporter: HTMLReport) -> None:
    """An attached picture is put into the page; one from elsewhere becomes a link."""
    page = exporter.from_notebook_node(foreign())[0]
    assert 'alt="picture"' in page
    assert '<a href="https://example.org/x.png">far away</a>' in page
    assert "attachment:" not in page
    assert "![picture]" in MARKDOWN


def test_style_for_the_notebook_stays_there(exporter: HTMLReport) -> None:
    """The style that JupyterLab needs is not in the page."""
    from analysis.render import NotebookStyle

    data, metadata = NotebookStyle()._repr_mimebundle_()
    output = nbformat.v4.new_output("display_data", data=data, metadata=metadata)
    page = exporter.from_notebook_node(notebook_of(nbformat.v4.new_code_cell("x", outputs=[output])))[0]
    assert "--jp-" not in page


def test_empty_notebook_is_a_page(exporter: HTMLReport) -> None:
    """Nothing in, a valid page out."""
    Elements(exporter.from_notebook_node(notebook_of())[0])
    Elements(exporter.from_notebook_node(notebook_of(cell_of([])))[0])


def test_exporters_cost_nothing_until_asked_for() -> None:
    """Importing the package pulls in no exporter; asking for one does not pull in the parser of IRIs."""
    program = (
        "import sys, analysis.render.export; assert 'nbconvert' not in sys.modules; analysis.render.export.HTMLReport; "
        "assert 'nbconvert' in sys.modules and sys.modules.get('rfc3987_syntax') is None"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


def _pairs() -> dict[str, tuple[str, str]]:
    css = (templates_dir() / "html" / "report.css").read_text(encoding="utf-8")
    found = re.findall(r"--([\w-]+): light-dark\((#\w{6}), (#\w{6})\)", css)
    return {name: (light, dark) for name, light, dark in found}


def _luminance(colour: str) -> float:
    channels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


TEXTS = ("ink", "muted", "accent", "good", "warning", "bad", "unknown", "rules", "evidence")
TONED = ("good", "warning", "bad", "unknown", "rules", "evidence")
ON_PAPER = [(text, paper) for text in TEXTS for paper in ("paper", "raised")]
ON_TONE = [(text, f"{tone}-paper") for tone in TONED for text in (tone, "ink", "muted", "accent", *TONED[:4])]


@pytest.mark.parametrize(("text", "paper"), ON_PAPER + ON_TONE)
@pytest.mark.parametrize("scheme", [0, 1], ids=["light", "dark"])
def test_contrast_is_enough(text: str, paper: str, scheme: int) -> None:
    """Text reaches 4.5 to 1 (WCAG AA) on every ground it is set on."""
    pairs = _pairs()
    light, dark = sorted((_luminance(pairs[text][scheme]), _luminance(pairs[paper][scheme])))
    assert (dark + 0.05) / (light + 0.05) >= 4.5
