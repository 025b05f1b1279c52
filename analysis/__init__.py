"""Evidence-backed reports that compare training runs.

`analyze` turns run IDs into an `Analysis`: numbers, evidence, findings, verdict, advice. `sections` turn it into
blocks that `show` displays in a notebook; `publish_report` executes the template notebook and writes HTML, PDF
and JSON. Names are imported when first used, so that ``import analysis`` costs next to nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

__version__ = "0.1.0"

_HOMES = {
    "analyze": "analysis.pipeline",
    "Analysis": "analysis.model",
    "Run": "analysis.schema",
    "Settings": "analysis.settings",
    "Parameters": "analysis.parameters",
    "AnalysisError": "analysis.errors",
    "METRICS": "analysis.metrics",
    "DEFINITIONS": "analysis.definitions",
    "load_runs": "analysis.sources",
    "to_json": "analysis.results",
    "show": "analysis.render",
    "hand_over": "analysis.notebook",
    "notebook_parameters": "analysis.notebook",
    "publish_report": "analysis.publish",
}

__all__ = [*_HOMES, "sections"]


def __getattr__(name: str) -> Any:
    if name == "sections":
        return import_module("analysis.sections")
    if name not in _HOMES:
        raise AttributeError(f"module 'analysis' has no attribute '{name}'")
    return getattr(import_module(_HOMES[name]), name)
