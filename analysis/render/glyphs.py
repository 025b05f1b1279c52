"""Signs and words in addition to colours, the same in every output format."""

from __future__ import annotations

from typing import NamedTuple

from analysis.core.blocks import Status, Tone


class Sign(NamedTuple):
    """A glyph of distinct shape, the word for screen readers, and the tone."""

    glyph: str
    word: str
    tone: Tone


TONES: dict[Tone, Sign] = {
    "neutral": Sign("", "", "neutral"),
    "good": Sign("✓", "good", "good"),
    "warning": Sign("▲", "caution", "warning"),
    "bad": Sign("✕", "bad", "bad"),
    "unknown": Sign("?", "unknown", "unknown"),
}

STATUSES: dict[Status, Sign] = {
    "supported": Sign("✓", "Supported", "good"),
    "not supported": Sign("○", "Not supported", "warning"),
    "contradicted": Sign("✕", "Contradicted", "bad"),
    "cannot tell": Sign("?", "Cannot tell", "unknown"),
    "not tested": Sign("–", "Not tested", "unknown"),
}

LAYERS = {"rules": "Rules of thumb", "evidence": "Evidence"}
"""Headings of the two kinds of table columns."""

POINTER = "evidence"
"""Text of a link that means nothing by itself; it is removed if its target is not in the report."""

CLAIM = "Rule of thumb:"
"""Words before a claim, after the badge with its status."""
