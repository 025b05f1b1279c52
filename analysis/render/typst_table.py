"""Tables in Typst: widths, type size and, for very wide tables, the parts they are split into."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from itertools import groupby

from analysis.core.blocks import Cell, Column, Table
from analysis.core.rich_text import Rich, join, plain, text
from analysis.render.glyphs import LAYERS, TONES
from analysis.render.html import anchor
from analysis.render.visible_text import breakable

PAGE = 487.0
"""Width of the text block in points: A4 minus the margins in the template."""

_SIZES = (8.6, 7.8, 7.0)
_GUTTER = 11.0
_CHARACTER = 0.5
_MANY = 12
"""Number of rows above which a table is set smaller."""
_CAP = 38
_BOLD = 1.15
_COMFORT, _TIGHT = 20, 10
_NUMBER = 24


def table(block: Table, *, inline: Callable[[Rich], str], characters: Callable[[str], str]) -> str:
    """Return a table as a Typst expression.

    Parameters
    ----------
    block : Table
        Any number of rows and columns.
    inline, characters : callable
        Functions from rich and plain text to Typst expressions.

    Returns
    -------
    str
        One call of ``rr-table``; a table wider than the page is split by columns, and each part
        repeats the first column.
    """
    size, parts = layout(block)
    size = min(size, _SIZES[1]) if len(block.rows) > _MANY else size
    # PDF/UA treats a header that is repeated on the next page as an artifact, which may not contain links.
    repeats = _long(block)
    written = "".join(
        f"({_columns(block, part, size=size)}, {_head(block, part, characters=characters, repeats=repeats)}, "
        f"{_rows(block, part, inline=inline)}), "
        for part in parts
    )
    strong = "".join(f"{index}, " for index in sorted(block.strong))
    notes = "".join(f"{inline(note)}, " for note in block.notes)
    identity = f'"{anchor(block.id)}"' if block.id else "none"
    caption = characters(block.caption) if block.caption else "none"
    return (
        f"rr-table({identity}, {caption}, ({written}), strong: ({strong}), notes: ({notes}), size: {size}pt, "
        f"breakable: {str(repeats).lower()})"
    )


_NONE = "–"


def entries(block: Table, *, inline: Callable[[Rich], str], characters: Callable[[str], str]) -> str:
    """Return a table as a list in small type: one paragraph per row, beginning with its first cell.

    Empty cells are left out, and the other cells of such a column are labelled, since their position says nothing.
    """
    named = {n for row in block.rows for n, cell in enumerate(row) if n and plain(cell.text) == _NONE}
    identity = f'"{anchor(block.id)}"' if block.id else "none"
    rows = ""
    for row in block.rows:
        mark = next((f'"{anchor(cell.id)}"' for cell in row if cell.id), "none")
        cells = ""
        for n, cell in enumerate(row):
            label = text(f"{block.columns[n].label}: ") if n in named else ()
            told = join([part for part in (cell.text, cell.minor) if part and plain(part) != _NONE])
            cells += f"{inline(label + told)}, " if told else ""
        rows += f"({mark}, ({cells})), "
    names = " · ".join(column.label for column in block.columns)
    notes = "".join(f"{inline(note)}, " for note in block.notes)
    return f"rr-entries({identity}, {characters(block.caption)}, {characters(names)}, ({rows}), notes: ({notes}))"


def layout(block: Table) -> tuple[float, list[tuple[int, ...]]]:
    """Return the type size and the columns of each part of a table.

    Returns
    -------
    tuple
        Type size in points, and for each part the indices of its columns.

    Examples
    --------
    >>> wide = Table("t", "c", tuple(Column(f"column {i}") for i in range(30)), ())
    >>> size, parts = layout(wide)
    >>> len(parts) > 1 and all(part[0] == 0 for part in parts)
    True
    """
    everything = tuple(range(len(block.columns)))
    # Prefer a slightly smaller size to names broken over many lines, but not a much smaller one.
    for comfort, sizes in ((_COMFORT, _SIZES), (_TIGHT, _SIZES)):
        needs = [_need(block, index, comfort=comfort) for index in everything]
        for size in sizes:
            if _points(needs, size=size) <= PAGE:
                return size, [everything]
    size = _SIZES[1]
    parts: list[tuple[int, ...]] = []
    part: list[int] = [0]
    for index in everything[1:]:
        if len(part) > 1 and _points([needs[i] for i in (*part, index)], size=size) > PAGE:
            parts.append(tuple(part))
            part = [0]
        part.append(index)
    return size, [*parts, tuple(part)]


def _long(block: Table) -> bool:
    """True if a table may need more than half a page, so that it must be breakable."""
    characters = sum(len(plain(cell.text)) + len(plain(cell.minor)) for row in block.rows for cell in row)
    return len(block.rows) > 8 or characters > 1200


def _points(lengths: Sequence[int], *, size: float) -> float:
    return sum(length * size * _CHARACTER + _GUTTER for length in lengths)


def _texts(block: Table, index: int) -> list[str]:
    column = block.columns[index]
    texts = [column.label]
    for row in block.rows:
        cell: Cell = row[index]
        mark = "  " if TONES[cell.tone].glyph else ""
        texts += [mark + plain(cell.text), plain(cell.minor)]
    return texts


def _need(block: Table, index: int, *, comfort: int = _TIGHT) -> int:
    """Return the least width of a readable column, in characters.

    It is that of the longest unbreakable piece; numbers are not broken at all, and words get some room.
    """
    label, *values = _texts(block, index)
    need = _least(block.columns[index], label, values, comfort=comfort)
    return math.ceil(need * _BOLD) if index == 0 else need


def _least(column: Column, label: str, values: list[str], *, comfort: int) -> int:
    pieces = [piece for word in label.split() for piece in breakable(word)]
    if column.align == "right" and max(map(len, values)) <= _NUMBER:
        return max(map(len, pieces + values))
    pieces += [piece for value in values for word in value.split() for piece in breakable(word)]
    return max(2, *map(len, pieces), min(comfort, max(map(len, [label, *values]))))


def _columns(block: Table, part: tuple[int, ...], *, size: float) -> str:
    """Return the widths of columns: the least of each, plus a share of the rest of the page by length of text."""
    needs = [_need(block, index) for index in part]
    likes = [max(need, min(_CAP, _natural(block, index))) for need, index in zip(needs, part, strict=True)]
    if _points(likes, size=size) <= PAGE:
        return "(" + "auto, " * len(part) + ")"
    spare = max(0.0, PAGE - _points(needs, size=size))
    wishes = [like - need for like, need in zip(likes, needs, strict=True)]
    total = sum(wishes) or 1
    shrink = min(1.0, PAGE / _points(needs, size=size))
    widths = [
        (need * size * _CHARACTER + _GUTTER) * shrink + spare * wish / total
        for need, wish in zip(needs, wishes, strict=True)
    ]
    return "(" + "".join(f"{width:.1f}pt, " for width in widths) + ")"


def _natural(block: Table, index: int) -> int:
    return max(len(text) for text in _texts(block, index))


def _head(block: Table, part: tuple[int, ...], *, characters: Callable[[str], str], repeats: bool) -> str:
    columns = [block.columns[index] for index in part]
    groups = ""
    if any(column.layer for column in columns):
        for layer, run in groupby(columns, key=lambda column: column.layer):
            name = LAYERS[layer] if layer else ""
            groups += f'({len(list(run))}, "{layer or ""}", "{name}"), '
    labels = "".join(f"{_label(column, characters=characters, repeats=repeats)}, " for column in columns)
    return f"(({groups}), ({labels}))"


def _label(column: Column, *, characters: Callable[[str], str], repeats: bool) -> str:
    label = characters(column.label)
    if column.definition and not repeats:
        label = f'rr-link("{anchor(f"def-{column.definition}")}", {label})'
    return f'({label}, "{column.align}", "{column.layer or ""}")'


def _rows(block: Table, part: tuple[int, ...], *, inline: Callable[[Rich], str]) -> str:
    rows = ""
    for row in block.rows:
        cells = "".join(f"{_cell(row[index], inline=inline)}, " for index in part)
        rows += f"({cells}), "
    return f"({rows})"


def _cell(cell: Cell, *, inline: Callable[[Rich], str]) -> str:
    minor = inline(cell.minor) if cell.minor else "none"
    identity = f'"{anchor(cell.id)}"' if cell.id else "none"
    return f'({inline(cell.text)}, {minor}, "{cell.tone}", "{TONES[cell.tone].glyph}", {identity})'
