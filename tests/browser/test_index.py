"""The index in a real browser, at two thousand reports: sorted, filtered, searched, and nothing hostile runs."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from analysis.publish.reports_index import Entry, page
from tests.browser.chrome import Chrome, find_browser
from tests.export.hostile import ALL

pytestmark = pytest.mark.skipif(find_browser() is None, reason="no Chromium on the path")

COUNT = 2000
RESULTS = (("improved", "good"), ("regressed", "bad"), ("no evidence of a difference", "neutral"))
COUNTED = "document.getElementById('count').textContent"
FRAMES = "new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"
SEARCH = """(async (text) => {
  const box = document.getElementById('query'); box.value = text; box.dispatchEvent(new Event('input'));
  const start = performance.now();
  await new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
  return [document.getElementById('count').textContent, performance.now() - start]; })"""


def entries() -> dict[str, Entry]:
    """Two thousand made-up reports; the first ones have every hostile text as title, run and ID."""
    rng = np.random.default_rng(0)
    made: dict[str, Entry] = {}
    for number in range(COUNT):
        name = ALL[number] if number < len(ALL) else f"Report {number}"
        result, tone = RESULTS[number % 3]
        change = float(rng.normal(0, 0.02))
        difference = {"label": "Train loss", "shown": f"{change:+.3f}", "interval": "[a, b]", "reading": "better"}
        shown: dict[str, Any] = {
            "title": name, "date": f"2025-{1 + number // 200:02}-01", "made": number, "result": result, "tone": tone,
            "candidate": name, "baseline": name, "curve": rng.integers(0, 99, 64).tolist(), "files": ["report.html"],
            "differences": [{**difference, "tone": tone, "value": change, "noise": False}],
            "level": {"label": "Train loss", "value": 0.3 + change, "low": 0.25 + change, "high": 0.35 + change},
        }  # fmt: skip
        made[f"{name[:40]} {number}"] = {"state": "", "shown": shown}
    return made


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("index") / "index.html"
    place.write_text(page(json.dumps(entries())), encoding="utf-8")
    return place


@pytest.fixture(scope="module")
def chrome() -> Iterator[Chrome]:
    with Chrome(str(find_browser())) as browser:
        yield browser


def column(chrome: Chrome, number: int) -> list[str]:
    """The text of the rows shown, in one column."""
    script = f"[...document.querySelectorAll('tbody tr')].map((row) => row.children[{number}].firstChild.textContent)"
    return list(chrome.value(script))


def test_hostile_texts_are_read_as_they_are_and_nothing_runs(chrome: Chrome, path: Path) -> None:
    """Every letter of a hostile title stands in its row, no script of it ran, and nothing was fetched."""
    chrome.open(path)
    chrome.value("document.querySelector('#more button').click()")
    titles = column(chrome, 0)
    assert len(titles) == COUNT
    assert set(ALL) <= set(titles)
    assert chrome.value("window.hacked === undefined")
    assert chrome.value("document.querySelectorAll('main img, main b, main script').length") == 0
    assert [url for url in chrome.requests if not url.startswith("data:")] == [path.resolve().as_uri()]
    assert chrome.messages == []


def test_a_search_finds_what_a_loop_over_the_reports_finds(chrome: Chrome, path: Path) -> None:
    chrome.open(path)
    keys = ("title", "candidate", "baseline", "result", "date")
    shown = [(name, entry["shown"]) for name, entry in entries().items()]
    haystacks = ["\n".join([name, *(row[key] for key in keys)]).lower() for name, row in shown]
    for text in ("Report 19", "report 7 improved", "nothing of the kind", ""):
        words = text.lower().split()
        expected = sum(all(word in haystack for word in words) for haystack in haystacks)
        said, _ = chrome.value(f"{SEARCH}({json.dumps(text)})")
        assert said == ("2,000 reports" if expected == COUNT else f"{expected:,} of 2,000 reports"), text


def test_verdicts_filter_and_heads_sort(chrome: Chrome, path: Path) -> None:
    """A verdict leaves its own rows; a head sorts up, then down, and says so to a screen reader."""
    chrome.open(path)
    chrome.value("document.querySelector('[data-result=regressed]').click()")
    assert chrome.value("document.querySelector('[data-result=regressed]').ariaPressed") == "true"
    verdicts = chrome.value("[...document.querySelectorAll('tbody .rr-badge')].map((b) => b.lastChild.textContent)")
    assert set(verdicts) == {"regressed"}
    assert chrome.value(COUNTED) == f"{len(range(1, COUNT, 3)):,} of 2,000 reports"
    click = "(head) => { head.firstChild.click(); return head.ariaSort; }"
    head = f"({click})(document.querySelector('[data-name=Performance]'))"
    shown = "[...document.querySelectorAll('.performance .rr-tone')].map((cell) => Number(cell.lastChild.textContent))"
    assert chrome.value(head) == "ascending"
    values = chrome.value(shown)
    assert values == sorted(values)
    assert chrome.value(head) == "descending"
    values = chrome.value(shown)
    assert values == sorted(values, reverse=True)
    assert max(values) == max(round(e["shown"]["differences"][0]["value"], 3) for e in list(entries().values())[1::3])


def test_a_link_leads_to_the_report_whatever_its_name(chrome: Chrome, path: Path) -> None:
    chrome.open(path)
    chrome.value("document.querySelector('#more button').click()")
    address = "decodeURIComponent(new URL(a.href).pathname)"
    links = chrome.value(f"[...document.querySelectorAll('tbody th a')].map((a) => {address})")
    folder = str(path.resolve().parent)
    assert set(links) == {f"{folder}/{name}/report.html" for name in entries()}


def test_what_is_shown_can_be_linked_to(chrome: Chrome, path: Path) -> None:
    chrome.open(path)
    chrome.value(f"{SEARCH}('report 1999')")
    assert chrome.value("location.hash") == "#q=report+1999"
    chrome.value("location.hash = 'q=report+1998&verdict=improved'")
    chrome.value(FRAMES)
    assert chrome.value(COUNTED) == "1 of 2,000 reports"


@pytest.mark.parametrize("width", [390, 1280])
def test_nothing_sticks_out(chrome: Chrome, path: Path, width: int) -> None:
    """The page is as wide as the window, on a phone and on a desk, in both colour schemes."""
    for dark in (False, True):
        chrome.open(path, width=width, dark=dark)
        assert chrome.value("document.documentElement.scrollWidth") <= width
        assert chrome.value("document.querySelectorAll('tbody tr').length") >= 30


def test_on_a_phone_a_card_uses_the_width_and_the_trend_stays_readable(chrome: Chrome, path: Path) -> None:
    """A title is as wide as its card, and the letters of the picture are not made smaller with it."""
    chrome.open(path, width=360)
    widths = "['tbody tr', 'tbody th'].map((one) => document.querySelector(one).clientWidth)"
    row, title = chrome.value(widths)
    assert title > 0.95 * row
    assert chrome.value("document.querySelector('#trend text').getBoundingClientRect().height") > 9
    assert chrome.value("document.querySelector('#trend svg').getBoundingClientRect().right") <= 360


def test_the_trend_speaks(chrome: Chrome, path: Path) -> None:
    """The picture has its numbers in words, for those who cannot see it."""
    chrome.open(path)
    label = chrome.value("document.querySelector('#trend svg').getAttribute('aria-label')")
    assert label.startswith("Train loss of the candidates of 2,000 reports, 2025-01-01 to 2025-10-01: first ")


def test_it_is_quick_at_two_thousand_reports(chrome: Chrome, path: Path) -> None:
    """Bounds ten times what a desk computer takes, for a busy one."""
    assert path.stat().st_size < 3_000_000
    chrome.open(path)
    assert chrome.value("performance.getEntriesByType('navigation')[0].domContentLoadedEventEnd") < 4000
    assert max(chrome.value(f"{SEARCH}({json.dumps(text)})")[1] for text in ("1", "19", "", "7")) < 2000
