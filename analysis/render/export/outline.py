"""The headings of a notebook: ids that are stable and unique, levels without gaps."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from analysis.render import DATA, KEY

_BLOCK_ID = re.compile(r'<(?:p|li|div|figure|t[hd]|h\d)\b[^>]*? id="([^"]+)"')


class Entry(NamedTuple):
    """One heading: its level (2 is a section), id and plain text."""

    level: int
    id: str
    text: str


def slug(text: str) -> str:
    """Turn a heading into an id: lower case, words joined by hyphens, letters of any script kept.

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
        Ids that blocks bring with them.
    title : str or None
        The title, where it was taken from a heading.
    """

    reserved: frozenset[str] = frozenset()
    title: str | None = None
    entries: list[Entry] = field(default_factory=list)
    _taken: set[str] = field(default_factory=set)

    def add(self, text: str, *, level: int, identity: str | None = None) -> Entry:
        """Enter the next heading.

        Parameters
        ----------
        text : str
            Plain text.
        level : int
            As written; a level that skips one is raised, so that the outline has no gaps.
        identity : str, optional
            A fixed id; by default a slug of the text, numbered if taken.
        """
        before = self.entries[-1].level if self.entries else 1
        unique = identity or self._unique(slug(text))
        self._taken.add(unique)
        entry = Entry(min(max(level, 2), before + 1), unique, text)
        self.entries.append(entry)
        return entry

    def repeats_title(self, text: str, *, level: int) -> bool:
        """Tell whether a heading is the title that already stands at the head of the page; true only once."""
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
    """Read what an output says of the block that it shows; empty for an output that is not ours."""
    found = output.get("metadata", {}).get(KEY)
    return found if isinstance(found, dict) else {}


def is_for_readers(output: dict[str, Any]) -> bool:
    """Tell whether an output is there to be read: not data for programs, nor a style for the open notebook."""
    return about(output).get("kind") != "style" and DATA not in output.get("data", {})


def reserved_ids(notebook: Any) -> frozenset[str]:
    """Collect the ids that blocks bring with them, which no other heading may take."""
    return frozenset(
        found
        for cell in notebook.cells
        for output in cell.get("outputs", [])
        if about(output)
        for found in _BLOCK_ID.findall(output.data.get("text/html", ""))
    )


def outline_of(notebook: Any) -> Outline:
    """Begin the outline of a notebook."""
    return Outline(reserved=reserved_ids(notebook), title=None if has_cover(notebook) else title_of(notebook))


def title_of(notebook: Any) -> str:
    """Find the title: of the cover, else in the notebook's metadata, else its first heading."""
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
    """Tell whether some output is a cover, which brings the title with it."""
    return any(about(output).get("kind") == "cover" for cell in notebook.cells for output in cell.get("outputs", []))
