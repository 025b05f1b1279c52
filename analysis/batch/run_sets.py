"""Run sets, the reports that YAML files ask for: one or many per file, or a rule that finds the runs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import yaml

from analysis.batch.run_set_rules import EVERY, EVERY_NEW, expand, is_rule, similar_key
from analysis.core.errors import AnalysisError, UsageError
from analysis.core.parameters import KINDS, Parameters, check_parameters
from analysis.core.plain_data import construct, line_of, next_node, open_yaml, read_text, yaml_problem


@dataclass(frozen=True)
class RunSet:
    """A report to make.

    Attributes
    ----------
    request : Parameters
        Parameters of the report; ``report_id`` is set.
    where : str
        ``file:line`` of its entry.
    once : str or None
        Hash of the run's log: a report made from this log is skipped, whatever else has changed.
    """

    request: Parameters
    where: str
    once: str | None = None

    @property
    def report_id(self) -> str:
        """Name of the report's folder."""
        return str(self.request.report_id)


def load_run_sets(paths: Iterable[Path], *, out: Path | str) -> tuple[RunSet, ...]:
    """Read all run sets of some files, with rules expanded to one run set per run.

    `analysis.batch.run_sets.load_entries` describes files, `analysis.batch.run_set_rules.expand` rules.

    Parameters
    ----------
    paths : iterable of pathlib.Path
        YAML files.
    out : pathlib.Path or str
        Folder of reports, or its URL, in which earlier reports are looked up.

    Raises
    ------
    UsageError
        For a file that cannot be read, an unknown key, a value of the wrong type, or two reports of one name.
    """
    found: dict[str, RunSet] = {}
    read = tuple(paths)
    for path in read:
        for entry in load_entries(path):
            for run_set in _run_sets(entry, out):
                if run_set.report_id in found:
                    other = found[run_set.report_id].where
                    raise entry.wrong(f"'{run_set.report_id}' is also what {other} makes; give one another report_id")
                found[run_set.report_id] = run_set
    if not found:
        raise UsageError(f"{', '.join(map(str, read))}: no run set there; write one with run_ids, or a rule with every")
    return tuple(found.values())


def _run_sets(entry: Entry, out: Path | str) -> Iterator[RunSet]:
    try:
        if not is_rule(entry.values):
            _check_keys(entry.values)
            yield _run_set(entry.values, entry.where(), out)
            return
        for ruled in expand(entry.values):
            yield replace(_run_set(ruled.values, entry.where(), out), once=ruled.once)
    except AnalysisError as error:
        raise entry.wrong(error) from None


def _check_keys(values: Mapping[str, Any]) -> None:
    for key in values:
        near = similar_key(key) if key not in KINDS else None
        if near in (EVERY, EVERY_NEW):
            raise UsageError(f"key '{key}' is unknown; did you mean the rule '{near}'?")
        if near == key:
            raise UsageError(
                f"'{key}' belongs to a rule; put '{EVERY}: <folder or pattern>' beside it, or leave it out"
            )


def _run_set(values: Mapping[str, Any], where: str, out: Path | str) -> RunSet:
    from analysis.core.run_names import folder_name
    from analysis.sources.sidecar import run_stem

    request = check_parameters({"reports_dir": str(out), **values})
    name = request.report_id or folder_name(run_stem(Path(request.candidate or request.run_ids[-1])))
    return RunSet(replace(request, report_id=name), where)


MANY = "run_sets"
"""Key for a list of run sets in one file; all of them share the other keys of that file."""


@dataclass(frozen=True)
class Entry:
    """A run set or rule as written in a file; ``lines`` has the line of each key."""

    path: Path
    line: int
    values: Mapping[str, Any]
    lines: Mapping[str, int]

    def where(self, key: str | None = None) -> str:
        """Return ``file:line`` of a key, or of the start of the entry."""
        return f"{self.path}:{self.lines.get(key or '', self.line)}"

    def wrong(self, problem: object) -> UsageError:
        """Return an error located at the first key that the problem quotes, otherwise at the start of the entry."""
        named = [(place, key) for key in self.lines if (place := str(problem).find(f"'{key}'")) >= 0]
        key = min(named, default=(0, None))[1]
        return UsageError(f"{self.where(key)}: {problem}")


def load_entries(path: Path) -> list[Entry]:
    """Read all entries of a file.

    A file contains one entry (a mapping), a list of entries, several YAML documents, or a mapping with the key
    ``run_sets``, whose other keys are defaults of the entries in that list.

    Raises
    ------
    UsageError
        For a file that cannot be read or is not YAML, a key given twice, or an entry that is not a mapping.
    """
    try:
        loader = open_yaml(read_text(path), yaml.SafeLoader)
        try:
            return [entry for node in _documents(loader) for entry in _entries(loader, node, path)]
        finally:
            loader.dispose()
    except FileNotFoundError:
        raise UsageError(f"{path}: no such file; name YAML files with run sets") from None
    except OSError as error:
        raise UsageError(f"{path}: the run sets cannot be read: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise UsageError(f"{path}: the run sets are not text in UTF-8: {error.reason}") from None
    except yaml.YAMLError as error:
        raise UsageError(f"{path}{line_of(error)}: not valid YAML: {yaml_problem(error)}") from None


def _documents(loader: yaml.SafeLoader) -> Iterator[yaml.Node]:
    while (node := next_node(loader)) is not None:
        yield node


def _entries(loader: yaml.SafeLoader, node: yaml.Node, path: Path) -> Iterator[Entry]:
    if isinstance(node, yaml.SequenceNode):
        for one in node.value:
            yield from _entries(loader, one, path)
        return
    lines = _lines(node, path) if isinstance(node, yaml.MappingNode) else {}
    values = construct(loader, node)
    if values is None:
        return
    line = node.start_mark.line + 1
    if not isinstance(node, yaml.MappingNode) or not all(isinstance(key, str) for key in values):
        raise UsageError(f"{path}:{line}: a run set must be a mapping with run_ids, got {values!r:.60}")
    if MANY not in values:
        yield Entry(path, line, values, lines)
        return
    shared = {key: value for key, value in values.items() if key != MANY}
    listed = next(value for key, value in node.value if key.value == MANY)
    if not isinstance(listed, yaml.SequenceNode):
        raise UsageError(f"{path}:{lines[MANY]}: '{MANY}' must be a list of run sets, got {values[MANY]!r:.60}")
    for entry in _entries(loader, listed, path):
        yield Entry(path, entry.line, {**shared, **entry.values}, {**lines, **entry.lines})


def _lines(node: yaml.MappingNode, path: Path) -> dict[str, int]:
    lines: dict[str, int] = {}
    for key, _ in node.value:
        if not isinstance(key, yaml.ScalarNode):
            continue
        line = key.start_mark.line + 1
        if lines.setdefault(key.value, line) != line:
            raise UsageError(f"{path}:{line}: '{key.value}' is given twice, first in line {lines[key.value]}; keep one")
    return lines
