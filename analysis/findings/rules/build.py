"""Helpers of the rules: estimates and comparisons as fields of a finding and in words."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

from analysis.core.blocks import Status
from analysis.core.number_format import interval, p_words, signed_number
from analysis.core.rich_text import Rich, Span
from analysis.core.rich_text import text as as_rich
from analysis.evidence.comparisons import Comparison
from analysis.statistics import Estimate


def estimate_fields(estimate: Estimate | None, *, scale: float = 1.0, unit: str = "") -> dict[str, Any]:
    """Return the fields of a finding for an estimate; empty without one."""
    if estimate is None:
        return {}
    fields = {"estimate": estimate.value, "low": estimate.low, "high": estimate.high}
    scaled = {k: v * scale for k, v in fields.items() if math.isfinite(v)}
    return {
        **scaled,
        "unit": unit,
        "p": estimate.p if math.isfinite(estimate.p) else None,
        "n": float(estimate.n) if estimate.n else None,
        "definition": estimate.definition,
    }


def comparison_fields(comparison: Comparison | None, *, scale: float = 1.0, unit: str = "") -> dict[str, Any]:
    """Return the fields of a finding for a comparison; empty without one."""
    if comparison is None:
        return {}
    return {
        **estimate_fields(comparison.result, scale=scale, unit=unit),
        "definition": comparison.definition,
        "p_adjusted": comparison.p_adjusted,
    }


def difference_words(comparison: Comparison, *, scale: float = 1.0, unit: str = "") -> str:
    """Format a comparison as ``+0.0003 [−0.0088, 0.0095], p = .94``."""
    if not comparison.known:
        why = f"without an interval ({comparison.result.reason or 'too few points'})"
        value = scale * comparison.result.value
        return f"{signed_number(value)}{unit}, {why}" if math.isfinite(value) else f"an unknown amount, {why}"
    shown = interval(comparison.as_interval(), scale=scale, unit=unit, sign=not comparison.ratio)
    return f"{shown}, {p_words(comparison.p)}"


def sentence(text: Rich | str) -> Rich:
    """Return clauses as a sentence: plain text gets a capital letter, and a full stop is added.

    Examples
    --------
    >>> from analysis.core.rich_text import plain
    >>> plain(sentence("the steps follow one another"))
    'The steps follow one another.'
    """
    first, *rest = as_rich(text) if isinstance(text, str) else text
    return (replace(first, text=first.text[:1].upper() + first.text[1:]), *rest, Span("."))


def withhold_support(status: Status, comparable: bool | None) -> Status:
    """Return a status, with "supported" replaced by "cannot tell" if the numbers may not be comparable."""
    return "cannot tell" if status == "supported" and comparable is not True else status
