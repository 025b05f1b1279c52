"""Data in the outputs of an executed notebook: results, figures, files of next runs."""

from __future__ import annotations

import json
from base64 import b64decode
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

from analysis.findings.results_file import RESULTS
from analysis.render import KEY
from analysis.render.mimebundle import mimebundle

RESULTS_MIME = "application/vnd.run-report+json"
"""MIME type of the output with ``{"results": {...}, "files": {name: text}}``."""


def write_parts(nb: Any, folder: Path, *, without: Collection[str] = (), also: Collection[str] = ()) -> dict[str, Any]:
    """Write the results, the figures and the extra files in a notebook to a folder.

    Parameters
    ----------
    nb : nbformat.NotebookNode
        The executed notebook.
    folder : pathlib.Path
        An existing folder.
    without, also : collection of str
        Files to remove from and to add to the list in the results and in the notebook.

    Returns
    -------
    dict[str, Any]
        The results.

    Raises
    ------
    ValueError
        If the notebook has no results, a number that JSON cannot represent, or a file name outside the folder.
    """
    bundles = [output.data[RESULTS_MIME] for output in _outputs(nb) if RESULTS_MIME in output.data]
    if not bundles:
        raise ValueError(f"the notebook has no output of type {RESULTS_MIME}: its last cell should show it")
    bundle = bundles[-1]
    results = dict(bundle["results"])
    if "files" in results:
        results["files"] = [*(name for name in results["files"] if name not in without), *also]
        if without or also:
            _list_files(nb, results["files"])
    text = json.dumps(results, indent=2, ensure_ascii=False, allow_nan=False)
    (folder / RESULTS).write_bytes(text.encode() + b"\n")
    for name, content in bundle.get("files", {}).items():
        _write(folder, name, content.encode())
    for output in _outputs(nb):
        about = output.metadata.get(KEY, {})
        if about.get("kind") == "figure" and "image/png" in output.data:
            _write(folder, about["name"], b64decode(output.data["image/png"]))
    return results


def _list_files(nb: Any, names: Sequence[str]) -> None:
    from analysis.report.sections.technical import FILES, files_block

    for output in _outputs(nb):
        if f'id="{FILES}"' in output.data.get("text/html", ""):
            output.data.update(mimebundle(files_block(names)))


def _outputs(nb: Any) -> Iterator[Any]:
    for cell in nb.cells:
        yield from (output for output in cell.get("outputs", ()) if "data" in output)


def _write(folder: Path, name: str, content: bytes) -> None:
    """Write a file whose name comes from the notebook, and so perhaps from an untrusted log."""
    place = PurePosixPath(name)
    if place.is_absolute() or not place.parts or any(p in ("..", "") or "\\" in p or ":" in p for p in place.parts):
        raise ValueError(f"the notebook wants to write {name!r}, which is outside the report's folder")
    path = folder / place
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
