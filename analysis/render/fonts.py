"""Fonts of reports: those shipped with matplotlib, and fonts of the machine for other alphabets."""

from __future__ import annotations

import shutil
import unicodedata
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path

_NO_LETTERS = frozenset({"Cc", "Cf", "Cn", "Co", "Cs"})
"""Unicode categories of characters that need no glyph."""
_NOT_PLAIN = ("bold", "black", "heavy", "italic", "oblique", "condensed", "thin", "light", "last resort")


@dataclass(frozen=True)
class Font:
    """A font file, its family, and the code points that it draws."""

    path: Path
    family: str
    glyphs: frozenset[int]


@cache
def shipped() -> list[Path]:
    """Return the font files of matplotlib, without the last-resort font, whose boxes stand for any letter."""
    import matplotlib

    folder = Path(matplotlib.get_data_path()) / "fonts" / "ttf"
    return [path for path in sorted(folder.glob("*.ttf")) if not path.name.startswith("LastResort")]


@cache
def glyphs() -> frozenset[int]:
    """Return the code points that DejaVu Sans, the last shipped font, draws upright and bold."""
    from matplotlib.ft2font import FT2Font

    last = [path for path in shipped() if path.name in ("DejaVuSans.ttf", "DejaVuSans-Bold.ttf")]
    upright, bold = (FT2Font(str(path)).get_charmap() for path in last)
    return frozenset(upright.keys() & bold.keys()) | {0x200B, 0x2068, 0x2069}


def fonts_for(text: str) -> tuple[Font, ...]:
    """Return the fewest fonts of this machine that cover the letters which the shipped ones lack.

    Parameters
    ----------
    text : str
        The text to draw.

    Returns
    -------
    tuple of Font
        Empty if nothing is missing, or no font has it. The same for the same set of missing letters.
    """
    missing = {c for c in set(text) if ord(c) > 126 and ord(c) not in glyphs()}
    return _covering(frozenset(ord(c) for c in missing if unicodedata.category(c) not in _NO_LETTERS))


@lru_cache(maxsize=64)
def _covering(missing: frozenset[int]) -> tuple[Font, ...]:
    chosen: list[Font] = []
    left = set(missing)
    offered = [font for path in installed() for font in (_opened(path),) if font] if left else []
    while left:
        best = max(offered, key=lambda font: len(font.glyphs & left), default=None)
        if best is None or not best.glyphs & left:
            break
        chosen.append(best)
        left -= best.glyphs
    return tuple(chosen)


def installed() -> list[Path]:
    """Return the font files of this machine, sorted."""
    from matplotlib.font_manager import findSystemFonts

    return sorted({Path(name) for name in findSystemFonts()})


@lru_cache(maxsize=4096)
def _opened(path: Path) -> Font | None:
    """Return a font with its glyphs; None if it is slanted or heavy, has no outlines, or cannot be read."""
    from matplotlib.ft2font import FT2Font

    try:
        font = FT2Font(str(path))
    except (OSError, RuntimeError):
        return None
    plain = not any(word in font.style_name.lower() for word in _NOT_PLAIN)
    return Font(path, font.family_name, frozenset(font.get_charmap())) if plain else None


def families(text: str) -> list[str]:
    """Return the families of `fonts_for` after registering them with matplotlib."""
    from matplotlib.font_manager import fontManager

    fonts = fonts_for(text)
    for font in fonts:
        if font.family not in fontManager.get_font_names():
            fontManager.addfont(font.path)
    return [font.family for font in fonts]


def link(path: Path, place: Path) -> None:
    """Link a font to another place, or copy it where links do not work."""
    try:
        place.symlink_to(path)
    except OSError:
        shutil.copyfile(path, place)
