"""Text in which every character is visible, so that nothing invisible can reorder or hide what a log says."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection

# C0 and C1 controls except tab and newline, bidirectional controls, zero-width and other
# invisible format characters, line separators, surrogates and non-characters.
_INVISIBLE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f"
    "\ud800-\udfff\ufeff\ufff9-\uffff\U000e0000-\U000e0fff]"
)
_TOGETHER = re.compile(r"\bp [=<] (?=[.\d])|\[[−+]?[\d.]+[^\]\s]*, [−+]?[\d.]+[^\]\s]*\]|\d (?=pp(?:\W|$))")
_VARIATION = re.compile("[\ufe00-\ufe0f]")
_LETTER = "[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufeff\U00010800-\U00010fff]"
_APART = re.compile(rf"({_LETTER}+(?:[\s_./-]*{_LETTER}+)*)")
_TOKEN = re.compile(r"\S{16,}")
_PIECE = re.compile(r"[^_\-/.:=,;@+|]{0,12}[_\-/.:=,;@+|]?")


def legible(text: str) -> str:
    """Return a text with control and invisible characters spelled out, such as the right-to-left override.

    Examples
    --------
    >>> legible("run" + chr(0x202E) + "4")
    'run[U+202E RIGHT-TO-LEFT OVERRIDE]4'
    >>> legible("bell" + chr(7))
    'bell[U+0007]'
    """
    return _INVISIBLE.sub(lambda found: named(found[0]), text.replace("\r\n", "\n").replace("\r", "\n"))


def unbroken(text: str) -> str:
    """Insert no-break spaces where a line must not break: in ``p = .05``, an interval, a number with its unit.

    Examples
    --------
    >>> unbroken("p = .05, +1.0 pp [0.2, 2.2]").count(chr(0xA0))
    4
    """
    return _TOGETHER.sub(lambda found: found[0].replace(" ", "\u00a0"), text)


def named(characters: str) -> str:
    """Return characters by code point, and by name if that says more than the code point.

    Examples
    --------
    >>> named(chr(0x1F680))
    '[U+1F680 ROCKET]'
    >>> named(chr(0x4E2D) + chr(0x6587))
    '[U+4E2D U+6587]'
    """
    parts = []
    for character in characters:
        code = f"{ord(character):04X}"
        name = unicodedata.name(character, "")
        parts.append(f"U+{code}" if not name or name.endswith(code) else f"U+{code} {name}")
    return f"[{' '.join(parts)}]"


def covered(text: str, glyphs: Collection[int]) -> str:
    """Replace each stretch of characters that no font can draw by its names.

    Parameters
    ----------
    text : str
        Any text; ASCII counts as drawable.
    glyphs : Collection[int]
        Code points with a glyph.

    Examples
    --------
    >>> covered("good " + chr(0x1F680), {ord("é")})
    'good [U+1F680 ROCKET]'
    """
    missing = {character for character in set(text) if ord(character) > 126 and ord(character) not in glyphs}
    if not missing:
        return text
    text = _VARIATION.sub("", text)
    stretch = "[" + "".join(re.escape(character) for character in sorted(missing)) + "]+"
    return re.sub(stretch, lambda found: named(found[0]), text)


def split_right_to_left(text: str) -> list[str]:
    """Split a text so that every second piece is a stretch of right-to-left letters.

    Each such stretch must be isolated, so that it does not reorder the sentence or the names beside it.

    Examples
    --------
    >>> [len(piece) for piece in split_right_to_left("run \u05d0\u05d1 \u05d2, 5")]
    [4, 4, 3]
    >>> split_right_to_left("left to right")
    ['left to right']
    """
    return _APART.split(text)


def breakable(text: str) -> list[str]:
    """Split a text where a line may break: after signs in long names, and in very long words.

    Examples
    --------
    >>> breakable("llama_finetune_2024")
    ['llama_', 'finetune_', '2024']
    >>> breakable("short text")
    ['short text']
    """
    pieces, position = [""], 0
    for token in _TOKEN.finditer(text):
        pieces[-1] += text[position : token.start()]
        parts = [part for part in _PIECE.findall(token[0]) if part]
        pieces[-1] += parts[0]
        pieces += parts[1:]
        position = token.end()
    pieces[-1] += text[position:]
    return pieces
