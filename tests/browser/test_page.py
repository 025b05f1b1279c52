"""The page in a real browser: nothing runs, nothing is fetched, nothing sticks out."""

from __future__ import annotations

import json
import os
import sysconfig
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from analysis.core.blocks import Column, Details, Table
from analysis.core.number_format import cell
from analysis.core.rich_text import text
from analysis.render.export import HTMLReport
from analysis.report.sections.answer import executive_summary
from analysis.report.sections.summary import title
from tests.browser.chrome import Chrome, find_browser
from tests.builders import analyzed, run
from tests.export.demonstration import cell_of, demonstration, notebook_of
from tests.export.hostile import NAMES, foreign, hostile

pytestmark = pytest.mark.skipif(find_browser() is None, reason="no Chromium on the path")

NOTEBOOKS: dict[str, Callable[[], Any]] = {"report": demonstration, "hostile": hostile, "foreign": foreign}
AXE = Path(os.environ.get("AXE_CORE", f"{sysconfig.get_path('purelib')}/axe_playwright_python/axe.min.js"))


@pytest.fixture(scope="module")
def chrome() -> Iterator[Chrome]:
    with Chrome(str(find_browser())) as browser:
        yield browser


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder, exporter = tmp_path_factory.mktemp("pages"), HTMLReport()
    for name, notebook in NOTEBOOKS.items():
        (folder / f"{name}.html").write_text(exporter.from_notebook_node(notebook())[0], encoding="utf-8")
    return {name: folder / f"{name}.html" for name in NOTEBOOKS} | {"first": first_page(folder)}


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_nothing_foreign_runs_or_is_fetched(chrome: Chrome, pages: dict[str, Path], name: str) -> None:
    """No hostile script has run, the page asked for itself alone, its own script ran without complaint."""
    chrome.open(pages[name])
    assert chrome.value("window.hacked === undefined")
    assert [url for url in chrome.requests if not url.startswith("data:")] == [pages[name].resolve().as_uri()]
    assert chrome.value("document.documentElement.classList.contains('scripted')")
    assert chrome.messages == []


def test_hostile_names_are_read_as_they_are(chrome: Chrome, pages: dict[str, Path]) -> None:
    """What a reader sees is the name, letter by letter, in prose, tables, callouts and code."""
    chrome.open(pages["hostile"])
    shown = " ".join(chrome.value("document.querySelector('main').textContent").split())
    for name in NAMES:
        assert shown.count(" ".join(name.split())) > 8, name


@pytest.mark.parametrize("width", [320, 360, 768, 1280])
@pytest.mark.parametrize("name", NOTEBOOKS)
def test_page_never_scrolls_sideways(chrome: Chrome, pages: dict[str, Path], name: str, width: int) -> None:
    """Wide tables, figures and code scroll within themselves, folded or unfolded."""
    chrome.open(pages[name], width=width, height=700)
    chrome.value("document.querySelectorAll('details').forEach(part => part.open = true)")
    chrome.value("document.documentElement.classList.add('with-code')")
    assert chrome.value("document.documentElement.scrollWidth - document.documentElement.clientWidth") <= 0


@pytest.mark.parametrize("dark", [False, True])
def test_ink_of_figures_follows_the_scheme(chrome: Chrome, pages: dict[str, Path], dark: bool) -> None:
    """System setting and button both turn page and figures; the figure's text has the page's ink."""
    chrome.open(pages["report"], dark=dark)
    look = (
        "[getComputedStyle(document.body).color, getComputedStyle(document.querySelector("
        "'.rr-figure svg [style*=\"--ink\"]')).fill, getComputedStyle(document.body).backgroundColor]"
    )
    before = chrome.value(look)
    assert before[0] == before[1]
    chrome.value("document.querySelector('[data-toggle=theme]').click()")
    after = chrome.value(look)
    chrome.value("localStorage.clear()")
    assert after[0] == after[1]
    assert after[2] != before[2]
    assert (before[2] == "rgb(255, 255, 255)") is not dark


def test_code_is_one_click_away(chrome: Chrome, pages: dict[str, Path]) -> None:
    """Folded at first, all of it shown by the button, hidden by the next click."""
    chrome.open(pages["report"])
    visible = "[...document.querySelectorAll('details.code pre')].filter(pre => pre.checkVisibility()).length"
    assert chrome.value(visible) == 0
    chrome.value("document.querySelector('[data-toggle=code]').click()")
    assert chrome.value(visible) == chrome.value("document.querySelectorAll('details.code').length") > 5
    chrome.value("document.querySelector('[data-toggle=code]').click()")
    assert chrome.value(visible) == 0


def test_contents_follow_the_reader_and_fold_on_a_phone(chrome: Chrome, pages: dict[str, Path]) -> None:
    """The section in view is marked; on a phone the contents are closed until asked for."""
    chrome.open(pages["report"])
    current = (
        "document.getElementById('evidence-appendix').scrollIntoView();"
        "new Promise(done => requestAnimationFrame(() => requestAnimationFrame(() => requestAnimationFrame("
        "() => done(document.querySelector('nav [aria-current]').hash)))))"
    )
    assert chrome.value(current) == "#evidence-appendix"
    chrome.open(pages["report"], width=360, height=700)
    assert not chrome.value("document.querySelector('nav.contents details').open")


def test_link_into_a_folded_part_unfolds_it(chrome: Chrome, pages: dict[str, Path]) -> None:
    """A link never leads to something that cannot be seen."""
    chrome.open(pages["report"])
    seen = chrome.value(
        "new Promise(done => {"
        "  const part = document.querySelector('main details.rr-details:not([open]) .rr-table');"
        "  part.id = 'inside';"
        "  addEventListener('hashchange', () => done(part.checkVisibility()));"
        "  location.hash = 'inside'; })"
    )
    assert seen


def test_only_what_scrolls_is_a_stop_for_the_keyboard(chrome: Chrome, pages: dict[str, Path]) -> None:
    """A table that fits is no stop, one that scrolls is."""
    for width in (360, 1600):
        chrome.open(pages["report"], width=width)
        agree = "part.hasAttribute('tabindex') === part.scrollWidth > part.clientWidth + 1"
        assert chrome.value(f"[...document.querySelectorAll('.rr-scroll')].every(part => {agree})")
    assert chrome.value("document.querySelectorAll('.rr-scroll:not([tabindex])').length") > 0


def test_print_shows_what_was_folded_and_hides_the_frame(chrome: Chrome, pages: dict[str, Path]) -> None:
    """On paper: no contents, no buttons, no code, light colours."""
    chrome.open(pages["report"], dark=True)
    chrome.call("Emulation.setEmulatedMedia", media="print", features=[])
    frame = "['nav.contents', '.bar', 'details.code']"
    hidden = f"{frame}.every(name => !document.querySelector(name).checkVisibility())"
    assert chrome.value(hidden)
    assert chrome.value("getComputedStyle(document.body).color") == "rgb(31, 36, 48)"
    assert chrome.pdf().startswith(b"%PDF")


def first_page(folder: Path) -> Path:
    """A report of three configurations by two seeds, its first two cells."""
    runs = [
        run(f"r{rate}_s{seed}", {"full_valid_loss": np.linspace(2, 1 + rate, 12) + 0.001 * seed},
            config={"learning_rate": rate, "seed": seed})
        for rate in (0.1, 0.2, 0.3)
        for seed in (1, 2)
    ]  # fmt: skip
    a = analyzed(runs, baseline="r0.1_s1")
    page = folder / "first.html"
    notebook = notebook_of(cell_of(title(a)), cell_of(executive_summary(a)))
    page.write_text(HTMLReport().from_notebook_node(notebook)[0], encoding="utf-8")
    return page


def test_the_first_screen_holds_answer_table_figure_and_what_to_do(chrome: Chrome, tmp_path: Path) -> None:
    page = first_page(tmp_path)
    chrome.open(page, width=1280, height=900)
    parts = "['#verdict', '#configurations', '#figure-overview', 'main :is(ol, ul)']"
    ends = f"{parts}.map(name => [...document.querySelectorAll(name)].pop()"
    bottoms = chrome.value(f"{ends}.getBoundingClientRect().bottom)")
    assert bottoms == sorted(bottoms)
    assert bottoms[-1] <= 900


def test_a_curve_shows_step_and_value_under_the_pointer(chrome: Chrome, tmp_path: Path) -> None:
    chrome.open(first_page(tmp_path), width=1280, height=900)
    box = chrome.value("(({x, y, width, height}) => [x, y, width, height])"
                       "(document.querySelector('#figure-overview svg').getBoundingClientRect())")  # fmt: skip
    panel = chrome.value("JSON.parse(document.querySelector('#figure-overview').dataset.hover)[0]")
    inside = [(panel["box"][0] + panel["box"][2]) / 2, (panel["box"][1] + panel["box"][3]) / 2]
    x, y = box[0] + inside[0] * box[2], box[1] + inside[1] * box[3]
    chrome.call("Input.dispatchMouseEvent", type="mouseMoved", x=x, y=y)
    shown = chrome.value("document.querySelector('.rr-tip').innerText").split("\n")
    assert len(shown) == 3
    assert all(": 1." in line and ", step " in line for line in shown)
    chrome.call("Input.dispatchMouseEvent", type="mouseMoved", x=5, y=5)
    assert not chrome.value("document.querySelector('.rr-tip').checkVisibility()")


@pytest.mark.parametrize(("form", "begins"), [
    ("Text", "Configuration\tRuns\tFull validation loss, mean ± sd"),
    ("CSV", 'Configuration,Runs,"Full validation loss, mean ± sd"'),
    ("Markdown", "| Configuration | Runs | Full validation loss, mean ± sd"),
])  # fmt: skip
@pytest.mark.parametrize("width", [360, 1280])
def test_a_table_is_copied_as_clean_text(chrome: Chrome, tmp_path: Path, form: str, begins: str, width: int) -> None:
    """By a button that the keyboard reaches; signs and hidden words stay behind, an interval stays in its cell."""
    chrome.open(first_page(tmp_path), width=width)
    chrome.value("navigator.clipboard.writeText = text => { window.copied = text; return Promise.resolve(); }; 0")
    button = f"document.querySelector('#configurations .rr-copy [aria-label=\"Copy as {form}\"]')"
    chrome.value(f"{button}.focus()")
    assert chrome.value(f"getComputedStyle({button}.parentElement).opacity") == "1"
    chrome.value(f"new Promise(done => {{ {button}.click(); setTimeout(done, 0); }})")
    copied = chrome.value("window.copied")
    lines = copied.split("\n")
    assert lines[0].startswith(begins)
    assert len(lines) == (5 if form == "Markdown" else 4)
    assert "good:" not in copied
    assert "✓" not in copied


@pytest.mark.skipif(not AXE.is_file(), reason="no axe-core: pip install --no-deps axe-playwright-python")
@pytest.mark.skipif(not AXE.is_file(), reason="no axe-core: pip install --no-deps axe-playwright-python")
@pytest.mark.parametrize("width", [360, 1280])
@pytest.mark.parametrize("name", ["report", "hostile", "first"])
def test_axe_finds_no_fault(chrome: Chrome, pages: dict[str, Path], name: str, width: int) -> None:
    """The accessibility checker has nothing to say, with everything unfolded; of the dark scheme it asks the colours.

    Violations alone are collected: how often each rule was met takes as long again.
    """
    chrome.open(pages[name], width=width)
    chrome.value("document.querySelectorAll('main details').forEach(part => part.open = true)")
    chrome.value(AXE.read_text(encoding="utf-8"))
    assert faults(chrome, "{}") == []
    chrome.call("Emulation.setEmulatedMedia", media="", features=[{"name": "prefers-color-scheme", "value": "dark"}])
    assert chrome.value("getComputedStyle(document.body).backgroundColor") != "rgb(255, 255, 255)"
    assert faults(chrome, "{runOnly: {type: 'rule', values: ['color-contrast', 'link-in-text-block']}}") == []


def faults(chrome: Chrome, options: str) -> list[str]:
    """The rules of axe-core that the page breaks."""
    asked = f"axe.run({{resultTypes: ['violations'], ...{options}}})"
    return list(json.loads(chrome.value(f"{asked}.then(result => JSON.stringify(result.violations.map(r => r.id)))")))


def test_wide_tables_are_cards_on_a_phone_and_still_tables(chrome: Chrome, pages: dict[str, Path]) -> None:
    """Each row is a card with its labels; nothing scrolls; a screen reader still finds rows, heads and cells."""
    chrome.open(pages["report"], width=360, height=700)
    chrome.value("document.querySelectorAll('main details').forEach(part => part.open = true)")
    wide = "[...document.querySelectorAll('.rr-table:not(.rr-glossary) .rr-scroll')]"
    assert chrome.value(f"{wide}.every(part => part.scrollWidth <= part.clientWidth + 1)")
    assert chrome.value("document.querySelectorAll('.rr-cards').length") > 0
    labels = "[...document.querySelectorAll('.rr-cards tbody td .rr-label')]"
    assert chrome.value(f"{labels}.filter(label => label.checkVisibility()).length") > 3
    nodes = chrome.call("Accessibility.getFullAXTree")["nodes"]
    roles = {node["role"]["value"] for node in nodes if not node.get("ignored")}
    assert {"table", "row", "rowheader", "cell", "columnheader"} <= roles
    chrome.open(pages["report"], width=1280)
    assert chrome.value("document.querySelectorAll('.rr-cards').length") == 0


def test_a_long_table_of_words_is_set_as_a_list_on_paper(chrome: Chrome, tmp_path: Path) -> None:
    """Definitions take a fraction of the height that their table would."""
    columns = tuple(Column(name) for name in ("ID", "Layer", "What it is", "Formula"))
    rows = tuple((cell(f"id.{k}"), cell("evidence"), cell("some words " * 12), cell("x + y " * 8)) for k in range(40))
    page = tmp_path / "glossary.html"
    notebook = notebook_of(cell_of([Details(text("All"), (Table("words", "All words", columns, rows),))]))
    page.write_text(HTMLReport().from_notebook_node(notebook)[0], encoding="utf-8")
    chrome.open(page, width=700)
    chrome.value("document.querySelectorAll('details').forEach(part => part.open = true)")
    height = "document.querySelector('.rr-glossary tbody').getBoundingClientRect().height"
    on_screen = chrome.value(height)
    chrome.call("Emulation.setEmulatedMedia", media="print", features=[])
    assert chrome.value(height) < 0.5 * on_screen
