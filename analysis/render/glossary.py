"""Detection of tables of words rather than numbers, which some formats set more tightly."""

from __future__ import annotations

from analysis.core.blocks import Table

_FEW_COLUMNS, _FEW_ROWS = 3, 20


def is_glossary(block: Table) -> bool:
    """True if a table is a long list of words, for which columns waste space."""
    words = all(column.align == "left" and column.layer is None for column in block.columns)
    return words and len(block.columns) > _FEW_COLUMNS and len(block.rows) > _FEW_ROWS
