"""Evidence-backed reports that compare training runs.

`analyze` turns run IDs into an `Analysis`: numbers, evidence, findings, verdict, advice. `sections` turn it into
blocks that `show` displays in a notebook; `publish_report` executes the template notebook and writes HTML, PDF
and JSON. Names are imported when first used, so that ``import analysis`` costs next to nothing.
"""

from __future__ import annotations

import os
import sys

if sys.argv[:1] == ["-m"] and not sys.flags.safe_path:
    # ``python -m analysis`` puts the working directory first: a yaml.py in it would be imported and run.
    here = sys.path.pop(0)
    if here == os.path.dirname(os.path.dirname(os.path.abspath(__file__))) and here not in sys.path:
        sys.path.append(here)  # a checkout that is not installed
    else:
        os.environ["PYTHONSAFEPATH"] = "1"  # the same for kernels and other Pythons that we start

from importlib import import_module
from typing import Any

__version__ = "0.1.0"

_HOMES = {
    "analyze": "analysis.pipeline",
    "Analysis": "analysis.findings.analysis_result",
    "Run": "analysis.core.run",
    "Settings": "analysis.core.settings",
    "Parameters": "analysis.core.parameters",
    "AnalysisError": "analysis.core.errors",
    "METRICS": "analysis.core.metrics",
    "DEFINITIONS": "analysis.findings.definitions",
    "load_runs": "analysis.sources",
    "rejudge": "analysis.pipeline",
    "to_json": "analysis.report.results_json",
    "show": "analysis.render",
    "hand_over": "analysis.publish.notebook",
    "notebook_parameters": "analysis.publish.notebook",
    "publish_report": "analysis.publish.publisher",
}

_MODULES = {"sections": "analysis.report.sections", "figures": "analysis.report.figures"}

__all__ = [*_HOMES, *_MODULES]


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return import_module(_MODULES[name])
    if name not in _HOMES:
        raise AttributeError(f"module 'analysis' has no attribute '{name}'")
    return getattr(import_module(_HOMES[name]), name)
