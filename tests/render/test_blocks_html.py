"""HTML fragments: meaning in the markup, every text escaped."""

from __future__ import annotations

from html.parser import HTMLParser

import pytest

from analysis.core.blocks import Block, Callout, Cell, Column, Prose, Status, Table
from analysis.core.rich_text import Span, rich, text
from analysis.render import html
from analysis.render.glyphs import STATUSES, TONES
from tests.export.demonstration import sections, stability
from tests.export.hostile import ALL, NAMES, blocks_with

DEMO = [block for _, blocks in sections() for block in blocks]
VOID = {"wbr", "img", "br", "hr", "input", "meta", "link"}


class Elements(HTMLParser):
    """Collect elements and text as a browser would see them; fail on what is not balanced."""

    def __init__(self, markup: str) -> None:
        super().__init__(convert_charrefs=True)
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self._open: list[str] = []
        self.feed(markup)
        self.close()
        assert not self._open, self._open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))
        if tag not in VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attrs for name, attrs in self.found if name == tag]


@pytest.mark.parametrize("block", DEMO, ids=lambda block: type(block).__name__)
def test_every_block_is_balanced_html(block: Block) -> None:
    """A browser need not repair anything."""
    assert Elements(html.render(block)).found


@pytest.mark.parametrize("name", ALL)
def test_no_text_becomes_markup(name: str) -> None:
    """Whatever a run is called, the elements are those of a plain name, and the text is the name."""
    plain_tags = [[tag for tag, _ in Elements(html.render(block)).found] for block in blocks_with("plain name")]
    for block, expected in zip(blocks_with(name), plain_tags, strict=True):
        seen = Elements(html.render(block))
        assert [tag for tag, _ in seen.found if tag not in ("bdi", "wbr")] == expected
        assert not any(key.startswith("on") for _, attrs in seen.found for key in attrs)
        assert not any("javascript" in (attrs.get("href") or "")[:11] for _, attrs in seen.found)
        if name in NAMES:
            assert name in seen.text


def test_table_says_what_heads_what() -> None:
    """Columns, rows and groups of columns have their scope; the caption belongs to the table."""
    seen = Elements(html.render(stability()))
    scopes = [attrs["scope"] for attrs in seen.all("th")]
    assert scopes == ["colgroup"] * 2 + ["col"] * 7 + ["row"] * 3
    assert len(seen.all("caption")) == 1
    assert {"#def-D-OSC", "#def-E-RATE"} <= {attrs.get("href") for attrs in seen.all("a")}


def test_cell_without_text_heads_nothing() -> None:
    """An empty corner is no header: a screen reader would announce nothing for it."""
    table = Table("t", "c", (Column(""), Column("n")), ((Cell(()), Cell(text("1"))),))
    assert len(Elements(html.render(table)).all("th")) == 1


@pytest.mark.parametrize("tone", [tone for tone in TONES if tone != "neutral"])
def test_tone_is_a_sign_and_a_word_too(tone: str) -> None:
    """Nobody needs to see colours."""
    table = Table("t", "c", (Column("x"), Column("y")), ((Cell(text("r")), Cell(text("v"), tone=tone)),))  # type: ignore[arg-type]
    markup = html.render(table)
    assert TONES[tone].glyph in markup  # type: ignore[index]
    assert TONES[tone].word in Elements(markup).text  # type: ignore[index]


def test_statuses_differ_in_shape_and_word() -> None:
    """No two statuses share a glyph or a word."""
    signs = STATUSES.values()
    assert len({sign.glyph for sign in signs}) == len({sign.word for sign in signs}) == len(STATUSES)


@pytest.mark.parametrize("status", STATUSES)
def test_claim_carries_its_status(status: Status) -> None:
    """The badge stands before the claim, in words."""
    words = Elements(html.render(Prose(text("a claim"), status, "F-1"))).text
    assert STATUSES[status].word in words.split("a claim")[0]


def test_only_harmless_links_survive() -> None:
    """A link leads into the report, to the web or to a file beside it; its text stays in any case."""
    for href, kept in (
        ("#a b", "#a-b"),
        ("https://x.org/?a=1&b", "https://x.org/?a=1&b"),
        ("next_runs/run_5.yaml",) * 2,
    ):
        assert Elements(html.inline((Span("t", href=href),))).all("a") == [{"href": kept}]
    for href in (
        "javascript:alert(1)",
        " javascript:alert(1)",
        "data:text/html,x",
        "vbscript:x",
        "JaVaScript:x",
    ):
        assert html.inline((Span("t", href=href),)) == "t"


def test_callout_without_tone_has_a_sign() -> None:
    """Even a neutral box is announced."""
    assert "note: " in Elements(html.render(Callout("neutral", rich("x")))).text
