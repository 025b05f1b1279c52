"""Read run sets: what reports are wanted, one or many in a YAML file."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import yaml

from analysis.errors import UsageError
from analysis.parameters import Parameters, check_parameters

MANY = "run_sets"
"""The key under which one file holds many run sets; its other keys are what they share."""


@dataclass(frozen=True)
class RunSet:
    """A report that is wanted: its request, with the report's name settled, and where it was asked for."""

    request: Parameters
    where: str

    @property
    def report_id(self) -> str:
        """Name of the report's folder."""
        return str(self.request.report_id)


def load_run_sets(paths: Iterable[Path], *, out: Path) -> tuple[RunSet, ...]:
    """Read all run sets of some files.

    A file holds one run set (a mapping of parameters), a list of them, several YAML documents, or a
    mapping with the key ``run_sets``, whose other keys hold for each of them that does not say otherwise.

    Parameters
    ----------
    paths : iterable of pathlib.Path
        YAML files.
    out : pathlib.Path
        Folder of reports, where earlier ones are looked up.

    Raises
    ------
    UsageError
        For a file that cannot be read, an unknown or mistyped key, or two reports of one name.
    """
    found: dict[str, RunSet] = {}
    for path in paths:
        for count, values in enumerate(_entries(path), start=1):
            where = f"{path}: run set {count}"
            run_set = _run_set(values, where, out)
            if run_set.report_id in found:
                other = found[run_set.report_id].where
                raise UsageError(
                    f"{where}: '{run_set.report_id}' is also what {other} makes; give one another report_id"
                )
            found[run_set.report_id] = run_set
    if not found:
        raise UsageError("no run set given; name YAML files with run_ids")
    return tuple(found.values())


def _run_set(values: Mapping[str, Any], where: str, out: Path) -> RunSet:
    from analysis.model import folder_name
    from analysis.sources.sidecar import run_stem

    try:
        request = check_parameters({"reports_dir": str(out), **values})
    except UsageError as error:
        raise UsageError(f"{where}: {error}") from None
    name = request.report_id or folder_name(run_stem(Path(request.candidate or request.run_ids[-1])))
    return RunSet(replace(request, report_id=name), where)


def _entries(path: Path) -> list[Mapping[str, Any]]:
    try:
        documents = list(yaml.safe_load_all(path.read_text(encoding="utf-8")))
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path}: the run sets cannot be read: {error}") from None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f":{mark.line + 1}" if mark else ""
        raise UsageError(f"{path}{line}: not valid YAML: {getattr(error, 'problem', error)}") from None
    return [entry for document in documents if document is not None for entry in _flat(document, path)]


def _flat(document: Any, path: Path) -> list[Mapping[str, Any]]:
    if isinstance(document, Mapping) and MANY in document:
        shared = {key: value for key, value in document.items() if key != MANY}
        return [{**shared, **entry} for entry in _flat(document[MANY], path)]
    entries = document if isinstance(document, list) else [document]
    for entry in entries:
        if not isinstance(entry, Mapping):
            raise UsageError(f"{path}: a run set must be a mapping with run_ids, got {entry!r:.60}")
    return entries
