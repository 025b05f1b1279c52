"""The notebook of a report with its parameters filled in, not executed, and cells for further work."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from analysis.core.errors import UsageError
from analysis.core.parameters import Parameters
from analysis.publish.execute import as_bytes, tidied
from analysis.publish.folder import write_atomically
from analysis.publish.publisher import template_path

_GO_ON = """\
## Dig

All of it is in `a`: tables in `a.frames`, a run as `a.run(id)`. Figures return their Axes. `rejudge` shows what
other settings, or another baseline, would change."""

_CELLS = (
    "from analysis import figures, rejudge\n\na.frames.comparisons",
    "ax = figures.curve(a)",
    'rejudge(a, settings={"alpha": 0.01})',
)


def write_workbench(request: Parameters, path: Path, *, template: Path | None = None) -> None:
    """Write a notebook whose cells make the report of a request.

    Parameters
    ----------
    request : Parameters
        Parameters of the report, for the cell after the one tagged ``parameters``.
    path : pathlib.Path
        The notebook; in another folder than the current one, its first cell changes to that, for relative references.
    template : pathlib.Path, optional
        The notebook to fill in instead of the default template.

    Raises
    ------
    UsageError
        If the file exists, the folder or the template does not, or the name does not end with ``.ipynb``.
    """
    if path.suffix != ".ipynb":
        raise UsageError(f"{path}: a notebook's name ends with .ipynb")
    if path.exists():
        raise UsageError(f"{path}: there is a file already; open it with jupyter lab, or give another one with --out")
    if not path.absolute().parent.is_dir():
        raise UsageError(f"{path.parent}: no such folder")
    if template is not None and not template.is_file():
        raise UsageError(f"{template}: no such notebook")
    write_atomically(
        path, as_bytes(_filled_in(request, template or template_path(), other_folder=_is_other_folder(path)))
    )


def _is_other_folder(path: Path) -> bool:
    return path.absolute().parent.resolve() != Path.cwd()


def _filled_in(request: Parameters, template: Path, *, other_folder: bool) -> Any:
    import nbformat
    from papermill.iorw import load_notebook_node
    from papermill.parameterize import parameterize_notebook

    notebook = load_notebook_node(str(template))
    notebook = tidied(parameterize_notebook(notebook, request.to_mapping(), kernel_name="python3", language="python"))
    notebook.metadata.pop("papermill", None)
    if other_folder:
        there = f"import os\n\nos.chdir({str(Path.cwd())!r})  # where run IDs and paths lead from"
        notebook.cells.insert(0, nbformat.v4.new_code_cell(there, id="folder"))
    notebook.cells.append(nbformat.v4.new_markdown_cell(_GO_ON, id="dig"))
    notebook.cells += [nbformat.v4.new_code_cell(text, id=f"dig-{k}") for k, text in enumerate(_CELLS, 1)]
    return notebook


def open_in_jupyterlab(path: Path) -> int:
    """Open a notebook in the JupyterLab of this Python: replace this process, or on Windows return the exit status."""
    command = [sys.executable, "-m", "jupyterlab", str(path)]
    if os.name == "nt":
        return subprocess.call(command)
    os.execv(sys.executable, command)  # replaces this process, so that only JupyterLab gets Ctrl-C
