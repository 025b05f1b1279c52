"""Read JSON and YAML as plain data that nobody has to fear: bounded in depth, and in what its aliases stand for."""

from __future__ import annotations

import json
import re
import stat
from itertools import chain
from pathlib import Path
from typing import Any, TypeVar

import yaml

DEEPEST = 100
"""Levels of lists and mappings within each other; whoever walks the data may call itself once a level."""

MOST_VALUES = 100_000
"""Values that a YAML document may stand for, with its aliases written out."""

MOST_HELD = 10_000_000
"""Lists and mappings in a JSON value: each takes a hundred bytes and more, though two characters may stand for it."""

_LARGEST = 64_000_000
_BRACKETS = re.compile(r"[\[\]{}]")
_Loader = TypeVar("_Loader", bound=yaml.SafeLoader)


def loads(text: str | bytes) -> Any:
    """Read JSON (Python's NaN and Infinity are allowed).

    Raises
    ------
    ValueError
        If it is no JSON, nested more than `DEEPEST` levels, or holds more than `MOST_HELD` lists and mappings.
    """
    left = text.count("[") + text.count("{") if isinstance(text, str) else text.count(b"[") + text.count(b"{")
    if left > MOST_HELD:
        raise ValueError(f"more than {MOST_HELD:,} lists and mappings")
    try:
        value = json.loads(text)
    except RecursionError:
        raise ValueError(_TOO_DEEP) from None
    held = [value]
    for depth in range(DEEPEST):
        kinds = list(map(type, held))
        left -= kinds.count(dict) + kinds.count(list)
        if depth + left < DEEPEST:  # what is left to open cannot go too deep: rows of numbers end here
            return value
        mappings: list[dict[str, Any]] = [one for one in held if type(one) is dict]
        lists = [one for one in held if type(one) is list]
        held = list(chain(chain.from_iterable(map(dict.values, mappings)), chain.from_iterable(lists)))
    if not {dict, list}.isdisjoint(map(type, held)):
        raise ValueError(_TOO_DEEP)
    return value


_TOO_DEEP = f"nested more than {DEEPEST} levels"


def load_yaml(text: str, loader: type[yaml.SafeLoader] = yaml.SafeLoader) -> Any:
    """Read one YAML document as plain data.

    Raises
    ------
    yaml.YAMLError
        If it is no YAML, holds a value such as a 45th of a month, is nested more than `DEEPEST` levels, or has
        aliases that stand for more than `MOST_VALUES` values.
    """
    reader = open_yaml(text, loader)
    try:
        node = next_node(reader)
        value = None if node is None else construct(reader, node)
        if node is not None and reader.check_node():
            raise yaml.YAMLError("a second document, where one is expected")
        return value
    finally:
        reader.dispose()


def open_yaml(text: str, loader: type[_Loader]) -> _Loader:
    """Return a loader at the start of a text; errors are those of `load_yaml`."""
    depth = 0
    for bracket in _BRACKETS.finditer(text):  # before PyYAML does, which takes a time that grows as the square
        depth += 1 if bracket[0] in "[{" else -1
        if depth > 10 * DEEPEST:
            raise yaml.YAMLError(_TOO_DEEP)
    return loader(text)  # refuses control characters


def next_node(reader: yaml.SafeLoader) -> yaml.Node | None:
    """Return the next document of a loader, None behind the last; errors are those of `load_yaml`."""
    try:
        node: yaml.Node | None = reader.get_node() if reader.check_node() else None
    except RecursionError:
        raise yaml.YAMLError(_TOO_DEEP) from None
    if node is not None and _size(node, {}, 0) > MOST_VALUES:
        raise yaml.YAMLError(f"aliases (&, *) that stand for more than {MOST_VALUES:,} values; write them out")
    return node


def construct(reader: yaml.SafeLoader, node: yaml.Node) -> Any:
    """Return the value of a document; errors are those of `load_yaml`."""
    try:
        return reader.construct_document(node)
    except (ValueError, TypeError, OverflowError, AttributeError) as problem:
        raise yaml.YAMLError(" ".join(str(problem).split())) from None


def _size(node: Any, known: dict[int, float], depth: int) -> float:
    """Count the values a node stands for with its aliases written out; infinite if it holds itself."""
    if isinstance(node, tuple):
        return sum(_size(part, known, depth) for part in node)
    if not isinstance(node, yaml.CollectionNode):
        return 1
    if depth > DEEPEST:
        raise yaml.YAMLError(_TOO_DEEP)
    if id(node) not in known:
        known[id(node)] = float("inf")
        known[id(node)] = 1 + sum(_size(part, known, depth + 1) for part in node.value)
    return known[id(node)]


def is_number(value: Any) -> bool:
    """True for a number of any kind, False for a truth value."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def said(problem: yaml.YAMLError) -> str:
    """Word what is wrong with a YAML document in one line."""
    return " ".join(str(getattr(problem, "problem", None) or problem).split())[:200]


def line_of(problem: yaml.YAMLError) -> str:
    """Return ``:line`` of what is wrong, empty where it is not known."""
    mark = getattr(problem, "problem_mark", None)
    return f":{mark.line + 1}" if mark else ""


def read_text(path: Path) -> str:
    """Read a text file that somebody wrote whole.

    Raises
    ------
    OSError
        If it cannot be opened, is no file (a pipe would be waited for, a device never ends), or is very large.
    UnicodeDecodeError
        If it is not in UTF-8.
    """
    about = path.stat()
    if stat.S_ISDIR(about.st_mode):
        raise IsADirectoryError(21, "it is a folder")
    if not stat.S_ISREG(about.st_mode):
        raise OSError(22, NO_FILE)
    if about.st_size > _LARGEST:
        raise OSError(27, f"{about.st_size / 1e6:,.0f} MB are too much, {_LARGEST / 1e6:.0f} MB is the limit")
    return path.read_text(encoding="utf-8-sig")


NO_FILE = "it is a pipe, a device or a socket; copy what comes out of it into a file"
