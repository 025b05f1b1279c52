"""Execution of the template notebook by papermill, and cleanup of the result."""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from analysis.core.redact import redact_text
from analysis.publish.forked_kernel import ForkedKernel
from analysis.publish.preload import deferred

# If JupyterLab has installed this package, jsonschema builds its grammar (0.8 s) in every process that imports
# nbformat, for a format that no notebook uses.
with deferred("rfc3987_syntax"):
    import nbformat
    from papermill.exceptions import PapermillExecutionError
    from papermill.execute import execute_notebook

    from analysis.publish.engines import clip, register_engines

START_TIMEOUT = 300
"""Seconds for a kernel to start; a minute is too short on a machine where many start at once."""

logging.getLogger("papermill").addHandler(logging.NullHandler())  # its errors are reported in one line of ours

_ANSI = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
_KERNEL = {"display_name": "Python 3", "language": "python", "name": "python3"}


class CellFailed(Exception):
    """A cell raised an error, died or took too long.

    Attributes
    ----------
    name : str
        Class name of the error.
    notebook : nbformat.NotebookNode
        The notebook, with the traceback in the failing cell and a note above it.
    details : str
        The traceback as plain text.
    """

    def __init__(self, error: PapermillExecutionError, notebook: Any) -> None:
        super().__init__(redact_text(error.evalue))
        self.name, self.notebook = error.ename, notebook
        self.details = redact_text(_ANSI.sub("", "\n".join(error.traceback)))


def execute(
    template: Path,
    parameters: Mapping[str, Any],
    *,
    output: Path,
    timeout: float | None = None,
    kernel: ForkedKernel | None = None,
) -> Any:
    """Execute a notebook with parameters.

    Parameters
    ----------
    template : pathlib.Path
        The notebook.
    parameters : Mapping[str, Any]
        Checked parameters.
    output : pathlib.Path
        Path of the executed notebook, which is written even if a cell fails.
    timeout : float, optional
        Seconds for all cells together.
    kernel : ForkedKernel, optional
        The forked kernel that runs the cells, which the caller closes; by default a kernel is started.

    Returns
    -------
    nbformat.NotebookNode
        The executed notebook, tidied.

    Raises
    ------
    CellFailed
        If a cell failed, died or took too long.
    """
    register_engines()
    options: dict[str, Any] = {} if kernel is None else {"kernel": kernel}
    if timeout is not None:
        options["time_limit"] = timeout
    try:
        nb = execute_notebook(
            _literal(template),
            _literal(output),
            parameters=_plain(parameters),
            engine_name="run-report-kernel" if kernel is None else "run-report-fork",
            kernel_name="python3",
            progress_bar=False,
            request_save_on_cell_execute=False,
            start_timeout=START_TIMEOUT,
            in_report=True,
            **options,
        )
    except PapermillExecutionError as error:
        failed = tidied(nbformat.read(output, as_version=4))
        raise CellFailed(error, failed) from None
    nb = tidied(nb)
    output.write_bytes(as_bytes(nb))
    return nb


def tidied(nb: Any) -> Any:
    """Remove what differs between executions (times, paths, random IDs) and redact parameters and printed text."""
    kept = nb.metadata.get("papermill", {})
    nb.metadata["papermill"] = {key: _shown(kept[key]) for key in ("default_parameters", "parameters") if key in kept}
    nb.metadata["kernelspec"] = dict(_KERNEL)
    for cell in nb.cells:
        cell.metadata.pop("papermill", None)
        cell.metadata.pop("execution", None)
        clip(cell)
        if "injected-parameters" in cell.metadata.get("tags", ()):
            cell["source"] = redact_text(cell.source)
        for output in cell.get("outputs", ()):
            if output.output_type in ("error", "stream"):  # displayed outputs are redacted already
                output.update(_shown(output))
    _name_cells(nb, "injected-parameters")
    _name_cells(nb, "papermill-error-cell-tag")
    return nb


def _name_cells(nb: Any, tag: str) -> None:
    """Replace the random IDs of cells that papermill added."""
    for count, cell in enumerate(cell for cell in nb.cells if tag in cell.metadata.get("tags", ())):
        cell["id"] = f"{tag}-{count + 1}"


def as_bytes(nb: Any) -> bytes:
    """Return a notebook as the content of a file."""
    return f"{nbformat.writes(nb)}\n".encode()


def _plain(value: Any) -> Any:
    """Return a value that papermill can write as code; it would write the repr of a tuple or a path."""
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, tuple | list | set | frozenset):
        return [_plain(item) for item in value]
    return value if value is None or isinstance(value, bool | int | float | str) else str(value)


def _shown(value: Any) -> Any:
    """Return plain values with redacted texts."""
    if isinstance(value, Mapping):
        return {key: _shown(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_shown(item) for item in value]
    return redact_text(value) if isinstance(value, str) else value


def _literal(path: Path) -> str:
    """Escape a path for papermill, which substitutes parameters in braces."""
    return str(path.absolute()).replace("{", "{{").replace("}", "}}")
