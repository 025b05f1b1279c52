"""The headings of a notebook, with stable and unique IDs and levels without gaps."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from analysis.render import DATA, KEY

_BLOCK_ID = re.compile(r'<(?:p|li|div|figure|t[hd]|h\d)\b[^>]*? id="([^"]+)"')


class Entry(NamedTuple):
    """One heading: its level (2 is a section), ID and plain text."""

    level: int
    id: str
    text: str


def slug(text: str) -> str:
    """Return an ID for a heading: lower case, words joined by hyphens, letters of any script.

    Examples
    --------
    >>> slug("Learning Rate Impact (0.5 → 0.75)")
    'learning-rate-impact-0-5-0-75'
    """
    words = re.findall(r"\w+", unicodedata.normalize("NFKC", text).lower())
    return "-".join(words) or "section"


@dataclass
class Outline:
    """Headings in reading order, filled while a notebook is rendered.

    Attributes
    ----------
    reserved : frozenset[str]
        IDs of blocks.
    title : str or None
        The title, if it was taken from a heading.
    """

    reserved: frozenset[str] = frozenset()
    title: str | None = None
    entries: list[Entry] = field(default_factory=list)
    _taken: set[str] = field(default_factory=set)

    def add(self, text: str, *, level: int, identity: str | None = None) -> Entry:
        """Add the next heading and return its entry.

        Parameters
        ----------
        text : str
            Plain text.
        level : int
            Level as written; one that skips a level is adjusted, so that the outline has no gaps.
        identity : str, optional
            A fixed ID; by default a slug of the text, numbered if taken.
        """
        before = self.entries[-1].level if self.entries else 1
        unique = identity or self._unique(slug(text))
        self._taken.add(unique)
        entry = Entry(min(max(level, 2), before + 1), unique, text)
        self.entries.append(entry)
        return entry

    def repeats_title(self, text: str, *, level: int) -> bool:
        """True if a heading repeats the title at the head of the page; True only once."""
        if level > 1 or self.entries or text != self.title:
            return False
        self.title = None
        return True

    def _unique(self, wanted: str) -> str:
        candidate, number = wanted, 1
        while candidate in self._taken or candidate in self.reserved:
            number += 1
            candidate = f"{wanted}-{number}"
        return candidate


def about(output: dict[str, Any]) -> dict[str, Any]:
    """Return our metadata of an output's block; empty for an output that is not ours."""
    found = output.get("metadata", {}).get(KEY)
    return found if isinstance(found, dict) else {}


def is_for_readers(output: dict[str, Any]) -> bool:
    """True if an output is for readers: neither data for programs nor a style for the open notebook."""
    return about(output).get("kind") != "style" and DATA not in output.get("data", {})


def reserved_ids(notebook: Any) -> frozenset[str]:
    """Return the IDs of blocks, which no other heading may use."""
    return frozenset(
        found
        for cell in notebook.cells
        for output in cell.get("outputs", [])
        if about(output)
        for found in _BLOCK_ID.findall(output.data.get("text/html", ""))
    )


def outline_of(notebook: Any) -> Outline:
    """Return the empty outline of a notebook."""
    return Outline(reserved=reserved_ids(notebook), title=None if has_cover(notebook) else title_of(notebook))


def title_of(notebook: Any) -> str:
    """Return the title of a notebook: of its cover, else of its metadata, else its first heading."""
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            if about(output).get("kind") == "cover":
                return str(about(output)["title"])
    if notebook.metadata.get("title"):
        return str(notebook.metadata["title"])
    for cell in notebook.cells:
        found = re.search(r"^#{1,6}\s+(.+?)\s*#*$", cell.source, re.MULTILINE) if cell.cell_type == "markdown" else None
        if found:
            return found[1]
    return "Report"


def has_cover(notebook: Any) -> bool:
    """True if an output is a cover, which shows the title."""
    return any(about(output).get("kind") == "cover" for cell in notebook.cells for output in cell.get("outputs", []))
