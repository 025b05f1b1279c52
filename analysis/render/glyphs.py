"""Signs and words for what is otherwise only a colour, the same in every output format."""

from __future__ import annotations

from typing import NamedTuple

from analysis.core.blocks import Status, Tone


class Sign(NamedTuple):
    """A glyph of its own shape, the word a screen reader says, and the colour family."""

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

LAYERS = {
    "document": ("Document", "fixed rules of thumb, single values and counts"),
    "evidence": ("Evidence", "what the logs can support, with 95% intervals"),
}
"""Heading and explanation of the two kinds of table columns."""

JUDGES = "What the logs make of the sentence beside the badge"
"""What a badge says."""
