"""Read ``runs.yaml``: what holds for many runs, by patterns of their names, in place of a sidecar for each."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from analysis.core.errors import LogError
from analysis.sources.sidecar import FOLDER_LOGS, Sidecar, fields_of, run_stem
from analysis.sources.yaml_files import Document, load_yaml

FILE = "runs.yaml"
_LEVELS = 6  # folders above a log in which it is looked for
_OF_ONE = ("label", "name")


@dataclass(frozen=True)
class Defaults:
    """The patterns of a file, each with what it says of the runs that it matches."""

    path: Path
    document: Document
    by_pattern: Mapping[str, Sidecar]

    def of(self, names: Iterable[str]) -> Sidecar:
        """Return what the file says of a run that goes by any of these names; of two patterns the later one wins."""
        names = list(names)
        found = Sidecar()
        for pattern, said in self.by_pattern.items():
            if _matches(pattern, names):
                found = together(said, found)
        return found

    def unmatched(self, names: Sequence[Sequence[str]]) -> LogError | None:
        """Return the error for the first pattern that matches none of several runs, each given by its names."""
        for pattern in self.by_pattern:
            if not any(_matches(pattern, own) for own in names):
                some = ", ".join(own[0] for own in names[:4]) + (" …" if len(names) > 4 else "")
                where = self.document.where(pattern)
                return LogError(f"{where}: '{pattern}' matches none of the runs ({some}); correct or remove it")
        return None


def defaults_for(path: Path | None, runs_dir: Path) -> Defaults | None:
    """Read the file that is nearest to a log: in its folder or above it; for a run without a path in the runs folder.

    Raises
    ------
    LogError
        If it cannot be read, or has a key that it cannot have (with its line).
    """
    places = [runs_dir / FILE] if path is None else defaults_places(path)
    found = next((place for place in places if place.is_file()), None)
    return None if found is None else load_defaults(found)


def defaults_places(path: Path) -> list[Path]:
    """Return where the file of a log is looked for, the nearest first."""
    return [folder / FILE for folder in (path, *path.absolute().parents)[: _LEVELS + 1]]


def load_defaults(path: Path) -> Defaults:
    """Read one file.

    Raises
    ------
    LogError
        As `defaults_for`.
    """
    document = load_yaml(path)
    value = {} if document.value is None else document.value
    if not isinstance(value, Mapping) or not all(isinstance(item, Mapping) for item in value.values()):
        raise LogError(
            f"{path}:1: {FILE} is a mapping from patterns to settings, for example '*': {{data: {{n_valid: 500}}}}"
        )
    return Defaults(
        path, document, {str(pattern): _said(document, str(pattern), item) for pattern, item in value.items()}
    )


def _said(document: Document, pattern: str, value: Mapping[str, Any]) -> Sidecar:
    for key in _OF_ONE:
        if key in value:
            raise LogError(f"{document.where(pattern)}: '{key}' is of one run; write it into the sidecar of that run")
    own = fields_of(replace(document, value=value), within=f"{pattern}.")
    unknown = list(own.pop("extra", {}))
    if unknown:
        raise LogError(f"{document.where(pattern)}: unknown key '{unknown[0]}' for '{pattern}'; correct or remove it")
    assumed = {*own.get("metrics", {}), *(("primary",) if "primary" in own else ())}
    return Sidecar(**own, assumed=frozenset(assumed))


def together(first: Sidecar, second: Sidecar) -> Sidecar:
    """Return what two say together: the first wins, settings are joined."""
    given: dict[str, Any] = {}
    for one in fields(Sidecar):
        ours, theirs = getattr(first, one.name), getattr(second, one.name)
        if one.name in ("config", "metrics", "columns", "extra"):
            given[one.name] = {**theirs, **ours}
        else:
            given[one.name] = theirs if ours is None or ours in ((), {}) else ours
    if first.parent_known:
        given["parent"] = first.parent
    taken = {*first.metrics, *(("primary",) if first.primary else ())} - first.assumed
    given["assumed"] = (first.assumed | second.assumed) - taken
    given["parent_known"] = first.parent_known or second.parent_known
    return Sidecar(**given)


def names_of(path: Path | None, ids: Iterable[str | None], root: Path | None) -> tuple[str, ...]:
    """Return the names by which a pattern may mean a run: what it is called, and its path below the file."""
    names = [name for name in ids if name]
    if path is not None:
        own = path.absolute()
        names += [own.parent.name if own.name in FOLDER_LOGS else run_stem(own), own.name]
        if root is not None and path.absolute().is_relative_to(root.absolute()):
            names.append(path.absolute().relative_to(root.absolute()).as_posix())
    return tuple(dict.fromkeys(names))


def _matches(pattern: str, names: Sequence[str]) -> bool:
    return any(fnmatchcase(name, pattern) for name in names)
