"""Small template notebooks for tests."""

from __future__ import annotations

from pathlib import Path

import nbformat

RESULTS_CELL = """
from IPython.display import display
bundle = {"results": {"x": x, "runs": {"b": 0.1, "a": None}}, "files": {"next_runs/run_5.yaml": "lr: 0.6\\n"}}
display({"application/vnd.run-report+json": bundle, "text/plain": "results"}, raw=True)
"""

FIGURE_CELL = """
about = {"run_report": {"kind": "figure", "name": "curve.png"}}
display({"image/png": b"\\x89PNG", "text/plain": "a figure"}, metadata=about, raw=True)
"""


def make_template(path: Path, *cells: str) -> Path:
    """Write a notebook with a parameters cell (``x = 1``) and the given code cells."""
    parameters = nbformat.v4.new_code_cell("x = 1", id="parameters", metadata={"tags": ["parameters"]})
    code = [nbformat.v4.new_code_cell(source, id=f"cell-{i}") for i, source in enumerate(cells)]
    nb = nbformat.v4.new_notebook(cells=[parameters, *code])
    nb.metadata["kernelspec"] = {"name": "of-another-machine", "display_name": "?", "language": "python"}
    nbformat.write(nb, path)
    return path
