"""Small template notebooks for tests."""

from __future__ import annotations

from pathlib import Path

import ipykernel.kernelapp  # noqa: F401  so that a kernel which these tests fork has it already
import nbformat

RESULTS_CELL = """
from IPython.display import display
bundle = {"results": {"x": x, "runs": {"b": 0.1, "a": None}}, "files": {"next_runs/run_5.yaml": "lr: 0.6\\n"}}
display({"application/vnd.run-report+json": bundle, "text/plain": "results"}, raw=True)
"""

PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGP4DwABAQEAsTj2FAAAAABJRU5ErkJggg=="
"""One pixel, as base64."""

FIGURE_CELL = f"""
about = {{"run_report": {{"kind": "figure", "name": "curve.png"}}}}
svg = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 9 9"><path d="M0 9L9 0" stroke="black"/></svg>'
display({{"image/png": "{PNG}", "image/svg+xml": svg, "text/plain": "a figure"}}, metadata=about, raw=True)
"""


def make_template(path: Path, *cells: str) -> Path:
    """Write a notebook with a parameters cell (``x = 1``) and the given code cells."""
    parameters = nbformat.v4.new_code_cell("x = 1", id="parameters", metadata={"tags": ["parameters"]})
    code = [nbformat.v4.new_code_cell(source, id=f"cell-{i}") for i, source in enumerate(cells)]
    nb = nbformat.v4.new_notebook(cells=[parameters, *code])
    nb.metadata["kernelspec"] = {"name": "of-another-machine", "display_name": "?", "language": "python"}
    nbformat.write(nb, path)
    return path
