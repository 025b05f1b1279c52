"""Read a file of run sets: each entry with the lines of its keys, so that a mistake can be pointed at."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from analysis.core.errors import UsageError
from analysis.core.plain_data import construct, line_of, next_node, open_yaml, read_text, said

MANY = "run_sets"
"""The key under which one file holds many run sets; its other keys are what they share."""


@dataclass(frozen=True)
class Entry:
    """What a file asks for in one place; ``lines`` has the line of each key."""

    path: Path
    line: int
    values: Mapping[str, Any]
    lines: Mapping[str, int]

    def where(self, key: str | None = None) -> str:
        """Give ``file:line`` of a key, or of the entry's beginning."""
        return f"{self.path}:{self.lines.get(key or '', self.line)}"

    def wrong(self, problem: object) -> UsageError:
        """Make an error that says where: at the key that the problem names first, else at the beginning."""
        named = [(place, key) for key in self.lines if (place := str(problem).find(f"'{key}'")) >= 0]
        key = min(named, default=(0, None))[1]
        return UsageError(f"{self.where(key)}: {problem}")


def load_entries(path: Path) -> list[Entry]:
    """Read all entries of a file.

    A file holds one entry (a mapping), a list of them, several YAML documents, or a mapping with the key
    ``run_sets``, whose other keys hold for each of them that does not say otherwise.

    Raises
    ------
    UsageError
        For a file that cannot be read or is no YAML, a key given twice, or an entry that is no mapping.
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
        raise UsageError(f"{path}{line_of(error)}: not valid YAML: {said(error)}") from None


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
    held = next(value for key, value in node.value if key.value == MANY)
    if not isinstance(held, yaml.SequenceNode):
        raise UsageError(f"{path}:{lines[MANY]}: '{MANY}' must be a list of run sets, got {values[MANY]!r:.60}")
    for entry in _entries(loader, held, path):
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
