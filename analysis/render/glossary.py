"""Which tables are lists of words rather than of numbers, for the formats that set them more tightly."""

from __future__ import annotations

from analysis.core.blocks import Table

_FEW_COLUMNS, _FEW_ROWS = 3, 20


def is_glossary(block: Table) -> bool:
    """Tell whether a table is a long list of words, which columns would only stretch."""
    words = all(column.align == "left" and column.layer is None for column in block.columns)
    return words and len(block.columns) > _FEW_COLUMNS and len(block.rows) > _FEW_ROWS
