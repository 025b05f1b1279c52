"""The fonts that reports are set in: those that come along, and for other alphabets those of the machine."""

from __future__ import annotations

import shutil
import unicodedata
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path

_NO_LETTERS = frozenset({"Cc", "Cf", "Cn", "Co", "Cs"})
"""Categories of characters that a font may draw as anything."""
_NOT_PLAIN = ("bold", "black", "heavy", "italic", "oblique", "condensed", "thin", "light", "last resort")


@dataclass(frozen=True)
class Font:
    """A font file: the family it belongs to, and the code points that it draws."""

    path: Path
    family: str
    glyphs: frozenset[int]


@cache
def shipped() -> list[Path]:
    """List the fonts that matplotlib brings along, without the one of boxes that stand for any letter."""
    import matplotlib

    folder = Path(matplotlib.get_data_path()) / "fonts" / "ttf"
    return [path for path in sorted(folder.glob("*.ttf")) if not path.name.startswith("LastResort")]


@cache
def glyphs() -> frozenset[int]:
    """Return the code points that the last shipped font draws, upright and bold."""
    from matplotlib.ft2font import FT2Font

    last = [path for path in shipped() if path.name in ("DejaVuSans.ttf", "DejaVuSans-Bold.ttf")]
    upright, bold = (FT2Font(str(path)).get_charmap() for path in last)
    return frozenset(upright.keys() & bold.keys()) | {0x200B, 0x2068, 0x2069}


def fonts_for(text: str) -> tuple[Font, ...]:
    """Choose fonts of this machine for the letters that the shipped ones lack: as few as cover what can be.

    Parameters
    ----------
    text : str
        Whatever is to be drawn.

    Returns
    -------
    tuple of Font
        Empty where nothing is missing, or no font has it. The same for the same set of missing letters.
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
    """List the font files of this machine, in an order that does not change."""
    from matplotlib.font_manager import findSystemFonts

    return sorted({Path(name) for name in findSystemFonts()})


@lru_cache(maxsize=4096)
def _opened(path: Path) -> Font | None:
    """Read what a font can draw; None if it is slanted or heavy, has no outlines, or is no font any more."""
    from matplotlib.ft2font import FT2Font

    try:
        font = FT2Font(str(path))
    except (OSError, RuntimeError):
        return None
    plain = not any(word in font.style_name.lower() for word in _NOT_PLAIN)
    return Font(path, font.family_name, frozenset(font.get_charmap())) if plain else None


def families(text: str) -> list[str]:
    """Name the families of `fonts_for`, made known to matplotlib."""
    from matplotlib.font_manager import fontManager

    fonts = fonts_for(text)
    for font in fonts:
        if font.family not in fontManager.get_font_names():
            fontManager.addfont(font.path)
    return [font.family for font in fonts]


def link(path: Path, place: Path) -> None:
    """Let a font be found in another place, by a copy where the system makes no links."""
    try:
        place.symlink_to(path)
    except OSError:
        shutil.copyfile(path, place)
