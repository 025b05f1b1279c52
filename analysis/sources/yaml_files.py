"""Read YAML and JSON that lies beside logs: safe loading only, bounded, with the line of each key."""

from __future__ import annotations

import json
from collections.abc import Hashable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from analysis.core.errors import LogError
from analysis.core.plain_data import construct, line_of, loads, next_node, open_yaml, yaml_problem
from analysis.sources.limits import check_size
from analysis.sources.streams import encoding_of, unreadable


@dataclass(frozen=True)
class Document:
    """The content of a YAML or JSON file; ``lines`` has the line of each key, as ``data.n_train``."""

    path: Path
    value: Any
    lines: dict[str, int] = field(default_factory=dict)

    def where(self, key: str) -> str:
        """Return ``file:line`` of a key, just the file where the line is not known."""
        return f"{self.path}:{self.lines[key]}" if key in self.lines else str(self.path)


class _PlainLoader(yaml.SafeLoader):
    """A safe loader that reads a tagged value (SB3's ``!!python/object``) as the plain data under the tag."""


def _plain(loader: _PlainLoader, suffix: str, node: yaml.Node) -> Any:
    if isinstance(node, yaml.MappingNode):
        return loader.construct_mapping(node, deep=True)
    if isinstance(node, yaml.SequenceNode):
        items = loader.construct_sequence(node, deep=True)
        if suffix.endswith("OrderedDict") and len(items) == 1 and isinstance(items[0], list):
            return dict(pair for pair in items[0] if _is_pair(pair))
        return items
    text = loader.construct_scalar(node)  # type: ignore[arg-type]
    return text or suffix.rsplit(":", 1)[-1]


def _is_pair(value: Any) -> bool:
    return isinstance(value, list) and len(value) == 2 and isinstance(value[0], Hashable)


_PlainLoader.add_multi_constructor("tag:yaml.org,2002:python/", _plain)
_PlainLoader.add_multi_constructor("!", _plain)


def load_yaml(path: Path) -> Document:
    """Read a YAML file as plain data.

    Raises
    ------
    LogError
        If it cannot be read, is above `RUN_REPORTS_MAX_CONFIG_KB`, or is no valid YAML (with its line).
    """
    text = read_config_text(path)
    loader = None
    try:
        loader = open_yaml(text, _PlainLoader)
        node = next_node(loader)
        value = None if node is None else construct(loader, node)
        if node is not None and loader.check_node():
            raise yaml.YAMLError("a second document, where one is expected")
    except yaml.YAMLError as problem:
        raise LogError(f"{path}{line_of(problem)}: not valid YAML ({yaml_problem(problem)}); correct it") from None
    finally:
        if loader is not None:
            loader.dispose()
    return Document(path, value, _key_lines(node, path))


def load_json(path: Path, *, setting: str = "RUN_REPORTS_MAX_CONFIG_KB") -> Any:
    """Read a JSON file (Python's NaN and Infinity are allowed).

    Raises
    ------
    LogError
        If it cannot be read, is above the limit named by ``setting``, or is no valid JSON (with its line).
    """
    text = read_config_text(path, setting=setting)
    try:
        return loads(text)
    except json.JSONDecodeError as problem:
        raise LogError(f"{path}:{problem.lineno}: not valid JSON ({problem.msg}); correct it") from None
    except ValueError as problem:
        raise LogError(f"{path}: JSON that cannot be read ({problem}); correct it") from None


def read_config_text(path: Path, *, setting: str = "RUN_REPORTS_MAX_CONFIG_KB") -> str:
    """Read a small text file whole, its size checked first."""
    try:
        check_size(path, setting)
        content = path.read_bytes()
    except OSError as problem:
        raise unreadable(path, problem) from None
    encoding = encoding_of(content)
    if encoding != "utf-16" and b"\0" in content:
        raise LogError(f"{path}: a binary file where text is expected; check the file")
    return content.decode(encoding, errors="replace")


def _key_lines(node: yaml.Node | None, path: Path, prefix: str = "") -> dict[str, int]:
    lines: dict[str, int] = {}
    if not isinstance(node, yaml.MappingNode):
        return lines
    for key, value in node.value:
        name = f"{prefix}{key.value}"
        line = key.start_mark.line + 1
        if name in lines:
            raise LogError(f"{path}:{line}: '{name}' is given twice, first in line {lines[name]}; keep one")
        lines[name] = line
        if prefix.count(".") < 3:
            lines.update(_key_lines(value, path, f"{name}."))
    return lines
