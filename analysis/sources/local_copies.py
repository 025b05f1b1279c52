"""Bring logs from where a URL leads into a folder of this machine: sources read nothing but files."""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from analysis.core.errors import AnalysisError
from analysis.core.scratch import scratch
from analysis.sources._mirror import Mirror, at_once, changed_at, listed, state_of
from analysis.sources.remote import is_url, without_file_scheme

COPIES = "RUN_REPORTS_COPIES"
"""Environment variable: a folder in which copies are kept for the next one who asks; else they go at once."""

_PREFIXED = re.compile(r"((?:[^=:/\\]+=)?(?:[a-z][a-z0-9+-]+:(?!//))?)([a-z0-9]+://.*)", re.DOTALL)


@dataclass
class Nearby:
    """What stands for a reference and a runs folder on this machine."""

    reference: str
    runs_dir: Path
    places: dict[str, str] = field(default_factory=dict)

    def is_copy(self, path: str | Path) -> bool:
        """True if a path is that of a copy."""
        return str(path).startswith(tuple(self.places))

    def shown(self, text: str) -> str:
        """Put URLs back where copies are named."""
        for folder, base in self.places.items():
            text = text.replace(folder, base)
        return text


@contextlib.contextmanager
def nearby(reference: str, runs_dir: Path | str) -> Iterator[Nearby]:
    """Copy what a reference may lead to, if it or the runs folder is a URL; the copies last as long as the block.

    Errors that name a copy name its URL instead.

    Raises
    ------
    AnalysisError
        If something cannot be reached or is not there.
    """
    found = _PREFIXED.fullmatch(reference)
    prefix, url = (found[1], found[2]) if found else ("", "")
    folder = without_file_scheme(str(runs_dir))
    if url.startswith("file://"):
        reference, url = prefix + without_file_scheme(url), ""
    if not is_url(url) and not is_url(folder):
        yield Nearby(reference, Path(folder))
        return
    with _root() as root:
        mirror = Mirror(root)
        near = Nearby(reference, Path(folder), mirror.places)
        name = reference.rpartition("=")[2]
        if is_url(folder):
            near.runs_dir = mirror.place(folder)
            near.runs_dir.mkdir(parents=True, exist_ok=True)
            if ":" not in name and not Path(name).exists():
                mirror.bring(f"{folder.rstrip('/')}/{name}", must_exist=False)
        if is_url(url):
            file, mark, run_id = url.partition("#")
            near.reference = f"{prefix}{mirror.bring(file)}{mark}{run_id}"
        try:
            yield near
        except AnalysisError as error:
            error.args = (near.shown(mirror.with_names(str(error))),)
            raise


@contextlib.contextmanager
def files_nearby(url: str, names: Iterable[str]) -> Iterator[Path]:
    """Yield a copy of what a URL leads to that holds those files of some names that are there."""
    with _root() as root:
        yield Mirror(root).bring_only(url, names)


@contextlib.contextmanager
def kept_copies() -> Iterator[None]:
    """Keep copies for everybody who asks within the block, in this process and those it starts."""
    if COPIES in os.environ:
        yield
        return
    with scratch() as folder:
        os.environ[COPIES] = str(folder)
        try:
            yield
        finally:
            del os.environ[COPIES]


@contextlib.contextmanager
def _root() -> Iterator[Path]:
    if COPIES in os.environ:
        yield Path(os.environ[COPIES])
        return
    with scratch() as folder:
        yield folder


__all__ = ["COPIES", "Nearby", "at_once", "changed_at", "files_nearby", "kept_copies", "listed", "nearby", "state_of"]
