"""Building blocks of a section: plain data that each output format (HTML, Typst, Markdown) renders itself."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from analysis.core.rich_text import Rich

Tone = Literal["neutral", "good", "warning", "bad", "unknown"]
"""Tone of a cell or callout; shown by a sign and a word as well as a colour, never by colour alone."""

Status = Literal["supported", "not supported", "contradicted", "cannot tell", "not tested"]
"""What the logs say about a claim; "not tested": no number in the report bears on it, with however much data."""


@dataclass(frozen=True)
class Cover:
    """The head of the report: a title and facts as pairs of label and value."""

    title: str
    facts: tuple[tuple[str, Rich], ...]


@dataclass(frozen=True)
class Heading:
    """A heading that depends on the data (fixed ones are markdown cells of the template); level 2 to 4."""

    text: str
    level: int
    id: str


@dataclass(frozen=True)
class Prose:
    """A paragraph; ``claim`` is the statement of a rule of thumb about it, ``status`` how well the logs support that.

    ``muted`` sets it in grey, for a statement that there is nothing to report.
    """

    text: Rich
    status: Status | None = None
    id: str | None = None
    claim: Rich = ()
    muted: bool = False


@dataclass(frozen=True)
class Item:
    """One entry of a list, with entries below it; ``claim`` and ``status`` as in `Prose`."""

    text: Rich
    children: tuple[Rich, ...] = ()
    status: Status | None = None
    id: str | None = None
    claim: Rich = ()


@dataclass(frozen=True)
class Items:
    """A list, numbered or not."""

    items: tuple[Item, ...]
    ordered: bool = False


@dataclass(frozen=True)
class Callout:
    """A box that catches the eye: a title and paragraphs."""

    tone: Tone
    title: Rich
    body: tuple[Rich, ...] = ()
    id: str | None = None


@dataclass(frozen=True)
class Column:
    """A table column. ``definition`` is the ID of the definition its numbers follow (listed in Methodology)."""

    label: str
    align: Literal["left", "right", "center"] = "left"
    definition: str | None = None
    layer: Literal["rules", "evidence"] | None = None


@dataclass(frozen=True)
class Cell:
    """A table cell; ``minor`` is shown smaller beneath (an interval, a count). Links lead to its ``id``."""

    text: Rich
    minor: Rich = ()
    tone: Tone = "neutral"
    id: str | None = None


@dataclass(frozen=True)
class Table:
    """A table; the first cell of a row is its header. ``strong`` holds the indices of rows set in bold."""

    id: str
    caption: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]
    strong: frozenset[int] = frozenset()
    notes: tuple[Rich, ...] = ()


@dataclass(frozen=True)
class Figure:
    """A drawn figure: ``svg`` with text as text, ``png``, the content of the file ``name``, and ``data``, its numbers.

    ``hover`` is what a page shows under the pointer, as JSON (see `analysis.report.plots.hover`). A figure with a
    ``summary`` is folded away beneath it.
    """

    id: str
    name: str
    caption: Rich
    alt: str
    svg: str
    png: bytes = field(repr=False)
    data: Table | None = None
    hover: str = field(default="", repr=False)
    summary: str = ""


@dataclass(frozen=True)
class Code:
    """Verbatim text in a language, such as the YAML of a next run."""

    text: str
    language: str = "yaml"
    caption: str = ""


@dataclass(frozen=True)
class Details:
    """Blocks that are folded away on screen and printed in full on paper."""

    summary: Rich
    blocks: tuple[Block, ...]


@dataclass(frozen=True)
class Footer:
    """The last line of the report."""

    text: Rich


Block = Cover | Heading | Prose | Items | Callout | Table | Figure | Code | Details | Footer
