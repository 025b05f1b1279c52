"""Plug-ins: what other installed packages add to reports, found by their entry points."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from operator import attrgetter
from typing import TYPE_CHECKING, TypeVar

from analysis.core.errors import UsageError

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

KINDS = ("sources", "metrics", "sections", "exporters")
"""Kinds of plug-ins; the group of the entry points is ``run_reports.`` followed by one of these."""

T = TypeVar("T")


class PluginError(UsageError):
    """A plug-in cannot be loaded, or is of the wrong type for its group."""


@cache
def plugins(kind: str, expected: type[T]) -> Mapping[str, T]:
    """Return the plug-ins of one kind by name of their entry point, in that order; they are loaded only once.

    Parameters
    ----------
    kind : str
        One of `KINDS`.
    expected : type
        The type that each of them must be an instance of.

    Raises
    ------
    PluginError
        In one line that names the plug-in and its package.
    """
    loaded = {}
    for entry in _found():
        if entry.group == _group(kind):
            try:
                loaded[entry.name] = entry.load()
            except Exception as problem:
                raise _refused(entry, f"cannot be loaded ({_in_a_line(problem)})") from problem
            if not isinstance(loaded[entry.name], expected):
                raise _refused(entry, f"is no {expected.__name__} but a {type(loaded[entry.name]).__name__}")
    return loaded


def installed() -> tuple[str, ...]:
    """Return all plug-ins, as text with the versions of their packages, without loading any."""
    return tuple(sorted(f"{entry.group}: {entry.name} = {entry.value} ({_package(entry)})" for entry in _found()))


def plugin_failed(kind: str, name: str, problem: Exception) -> RuntimeError:
    """Return the error to raise if a plug-in failed at its work."""
    return RuntimeError(f"plug-in '{name}' ({_group(kind)}) failed: {_in_a_line(problem)}")


@cache
def _found() -> tuple[EntryPoint, ...]:
    from importlib.metadata import entry_points

    found = entry_points()
    return tuple(entry for kind in KINDS for entry in sorted(found.select(group=_group(kind)), key=attrgetter("name")))


def _group(kind: str) -> str:
    return f"run_reports.{kind}"


def _package(entry: EntryPoint) -> str:
    return f"{entry.dist.name} {entry.dist.version}" if entry.dist is not None else "an unknown package"


def _refused(entry: EntryPoint, why: str) -> PluginError:
    return PluginError(
        f"plug-in '{entry.name}' ({entry.group}) of {_package(entry)} {why}; repair that package or uninstall it"
    )


def _in_a_line(problem: Exception) -> str:
    return " ".join(f"{type(problem).__name__}: {problem}".split())
