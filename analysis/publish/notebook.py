"""Functions that the template notebook calls besides the sections: parameters in, results out."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from typing import Any

from analysis.core.errors import UsageError
from analysis.core.parameters import KINDS, unknown_parameter
from analysis.findings.analysis_result import Analysis
from analysis.publish.notebook_payload import RESULTS_MIME
from analysis.report.results_json import extra_files, to_json

_INJECTED = "# Parameters"
"""Beginning of the cell that papermill inserts after the one tagged ``parameters``."""


def notebook_parameters(namespace: Mapping[str, Any]) -> dict[str, Any]:
    """Return the report's parameters among the variables of a notebook.

    Parameters
    ----------
    namespace : Mapping[str, Any]
        ``globals()`` of the notebook.

    Raises
    ------
    UsageError
        If papermill injected a name that is not a parameter, of which papermill itself only warns.
    """
    for cell in namespace.get("In", ()):
        if cell.lstrip().startswith(_INJECTED):
            for statement in ast.parse(cell).body:
                targets = statement.targets if isinstance(statement, ast.Assign) else []
                for name in (target.id for target in targets if isinstance(target, ast.Name)):
                    if name not in KINDS:
                        raise UsageError(unknown_parameter(name))
    return {name: namespace[name] for name in KINDS if name in namespace}


class Results:
    """The results JSON and the files of the next runs as an output, for `analysis.publish.notebook_payload`."""

    def __init__(self, analysis: Analysis) -> None:
        self.analysis = analysis

    def __repr__(self) -> str:
        return f"Results({self.analysis.report_id!r})"

    def _repr_mimebundle_(self, **_: object) -> dict[str, object]:
        return {RESULTS_MIME: {"results": to_json(self.analysis), "files": extra_files(self.analysis)}}


def hand_over(analysis: Analysis) -> None:
    """Put the results into the outputs of the notebook, invisible to readers."""
    from IPython.display import display

    display(Results(analysis))
