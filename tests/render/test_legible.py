"""Nothing invisible, nothing that no font can draw."""

from __future__ import annotations

import unicodedata

from analysis.render import html
from analysis.render.visible_text import breakable, covered, legible, split_right_to_left


def test_no_control_character_remains() -> None:
    """All control characters and all that change direction are spelled out; tab and newline stay."""
    for code in range(0x110000):
        character = chr(code)
        if unicodedata.category(character) in ("Cc", "Cs") and character not in "\t\n\r":
            assert legible(character) != character, hex(code)
        if unicodedata.bidirectional(character) in (
            "LRE",
            "RLE",
            "LRO",
            "RLO",
            "PDF",
            "LRI",
            "RLI",
            "FSI",
            "PDI",
        ):
            assert legible(character).startswith("[U+"), hex(code)


def test_ordinary_text_is_untouched() -> None:
    """Letters of any script, signs and pictures pass."""
    for words in ("Größe ±0.3 → 5 × 10⁻³", "שלום", "模型 \N{ROCKET}", "a\tb\nc"):
        assert legible(words) == words


def test_uncovered_characters_are_named_together() -> None:
    """A stretch of them becomes one bracket; what is covered stays around it."""
    assert covered("a模型b", {0xE9}) == "a[U+6A21 U+578B]b"
    assert covered("é", {0xE9}) == "é"


def test_breaks_lose_nothing() -> None:
    """The pieces put together are the text, and no piece is long."""
    for words in ("x" * 100, "a/b_c-d.e:f" * 9, "two words", "", "sweep_2025-09-11_lr0.1 and more"):
        pieces = breakable(words)
        assert "".join(pieces) == words
        assert all(len(part) <= 28 for piece in pieces for part in piece.split())


def test_letters_from_right_to_left_are_set_apart_name_by_name() -> None:
    """Hebrew and Arabic are, Greek is not; two names in a list do not turn around each other."""
    assert split_right_to_left("run שלום") == ["run ", "שלום", ""]
    assert split_right_to_left("Ωmega") == ["Ωmega"]
    assert split_right_to_left("אב גד_הו, זח and 4") == ["", "אב גד_הו", ", ", "זח", " and 4"]
    assert html.characters("אב, גד: 5") == "<bdi>אב</bdi>, <bdi>גד</bdi>: 5"
