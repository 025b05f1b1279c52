"""`DEFINITIONS`: the meaning of every number in a report, by stable ID."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from analysis.findings.definitions.evidence import EVIDENCE
from analysis.findings.definitions.heuristics import DOCUMENT, SOURCE

Layer = Literal["rule of thumb", "evidence"]


@dataclass(frozen=True)
class Definition:
    """One definition: ``text`` in plain words, ``formula`` as text, ``source`` as a citation."""

    id: str
    title: str
    text: str
    formula: str
    source: str
    layer: Layer


_ALL = (
    *(Definition(*row, SOURCE, "rule of thumb") for row in DOCUMENT),
    *(Definition(*row, "evidence") for row in EVIDENCE),
)

DEFINITIONS: Mapping[str, Definition] = {definition.id: definition for definition in _ALL}
"""Every definition by ID, rules of thumb first."""
