"""Bring logs from where a URL leads into a folder of this machine: sources read nothing but files."""

from __future__ import annotations

import contextlib
import datetime
import glob
import hashlib
import os
import re
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path, PurePosixPath
from typing import Any, TypeVar

from analysis.core.errors import AnalysisError, LogError, RunNotFound
from analysis.core.scratch import scratch
from analysis.sources.limits import MB, limit
from analysis.sources.remote import connect, explained, is_url, without_file_scheme
from analysis.sources.sidecar import FOLDER_LOGS, LOG_SUFFIXES

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


_CONFIG_SUFFIXES = (".yaml", ".yml", ".json")
_NAMED = re.compile(rb"(?:^|[\s{,])(?:example_losses|evaluations):\s*['\"]?([^'\",}\s]+)")

_Asked = TypeVar("_Asked")
_Told = TypeVar("_Told")

Info = Mapping[str, Any]
"""What a file system says of a file: ``name``, its path; ``type``; ``size``; when it changed."""


class Mirror:
    """Copies below a folder; one that is still as its original is not fetched again.

    Attributes
    ----------
    places : dict[str, str]
        Beginning of the paths of copies to the beginning of their URLs.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self._names: list[str] = []
        self.places: dict[str, str] = {}

    def place(self, url: str) -> Path:
        """Return the place of a URL's copy."""
        _, path, top = self._located(url)
        return top / path.lstrip("/")

    def bring(self, url: str, *, must_exist: bool = True) -> Path:
        """Copy a log with what stands beside it, a folder of logs, or all that match a pattern; gives the place.

        Raises
        ------
        RunNotFound
            If there is nothing, and there must be.
        LogError
            If a file is larger than allowed.
        """
        fs, path, top = self._located(url)
        with explained(url):
            literal = not glob.has_magic(path) or fs.exists(path)
            listing = cache(lambda folder: listed(fs, folder))
            infos = [info for one in ([path] if literal else fs.glob(path)) for info in self._beside(fs, one, listing)]
            if not infos and must_exist:
                raise RunNotFound(self.with_names(f"{url}: there is no such log; check the address"))
            self._copy(fs, infos, top)
        return top / path.lstrip("/")

    def bring_only(self, url: str, names: Iterable[str]) -> Path:
        """Copy those files of some names below a URL that are there, and nothing else; gives the place of the URL."""
        fs, path, top = self._located(url)
        with explained(url):
            self._copy(fs, [info for info in at_once(lambda name: _info(fs, f"{path}/{name}"), names) if info], top)
        return top / path.lstrip("/")

    def with_names(self, message: str) -> str:
        """Add what there is to a message that says what is not."""
        if not self._names or not re.search(r"no such (?:log|path)", message):
            return message
        listed = ", ".join(self._names[:20]) + (" …" if len(self._names) > 20 else "")
        return f"{message.partition(';')[0]}; there are {listed}"

    def _located(self, url: str) -> tuple[Any, str, Path]:
        """Connect; gives the file system, the path in it, and the folder in which copies of that system stand."""
        fs, path = connect(url)
        whole, bare = url.rstrip("/"), path.lstrip("/")
        base = whole.removesuffix(bare) if whole.endswith(bare) else fs.unstrip_protocol(path).removesuffix(bare)
        top = self._root / hashlib.sha256(base.encode()).hexdigest()[:8]
        self.places[f"{top}{os.sep}"] = base
        return fs, path, top

    def _beside(self, fs: Any, path: str, listing: Any) -> list[Info]:
        """List a log's files: itself, its sidecars, and for a log in a folder of its own what describes that."""
        parent, _, name = path.rpartition("/")
        entries: Mapping[str, Info] = listing(parent)
        self._names = sorted({_stem(entry) for entry in entries})
        chosen = [info for entry, info in entries.items() if entry == name or _stem(entry) == _stem(name)]
        if name in FOLDER_LOGS and name in entries:
            chosen += [info for entry, info in entries.items() if entry.endswith(_CONFIG_SUFFIXES) and entry != name]
            above, _, folder = parent.rpartition("/")
            chosen += [
                info for entry, info in listing(above).items() if entry in {folder + s for s in _CONFIG_SUFFIXES}
            ]
        files = [info for info in chosen if info["type"] == "file"]
        inside = [info for one in chosen if one["type"] == "directory" for info in _logs_below(fs, str(one["name"]))]
        return [*files, *inside, *_named_in(fs, files, entries)]

    def _copy(self, fs: Any, infos: Iterable[Info], top: Path) -> None:
        """Copy files that are not here yet as they are there, each whole or not at all."""
        states = self._root / "states"
        states.mkdir(parents=True, exist_ok=True)
        missing: dict[str, tuple[Path, Path, Info]] = {}
        for info in infos:
            name = str(info["name"])
            place = top / name.lstrip("/")
            known = states / hashlib.sha256(str(place).encode()).hexdigest()
            inside = not {"..", "."} & set(name.split("/")) and "\\" not in name
            if inside and not (place.is_file() and known.is_file() and known.read_text() == state_of(info)):
                missing[name] = (place, known, info)
        for name, (_, _, info) in missing.items():
            if (info.get("size") or 0) > limit("RUN_REPORTS_MAX_LOG_MB") * MB:
                shown = fs.unstrip_protocol(name)
                raise LogError(f"{shown}: larger than the limit; set RUN_REPORTS_MAX_LOG_MB higher if this is meant")
        with tempfile.TemporaryDirectory(dir=self._root) as folder:
            parts = [str(Path(folder) / str(count)) for count in range(len(missing))]
            if parts:
                fs.get(list(missing), parts)
            for part, (place, known, info) in zip(parts, missing.values(), strict=True):
                place.parent.mkdir(parents=True, exist_ok=True)
                changed = changed_at(info)
                if changed is not None:
                    os.utime(part, (changed, changed))
                os.replace(part, place)
                known.write_text(state_of(info))


def at_once(call: Callable[[_Asked], _Told], items: Iterable[_Asked]) -> list[_Told]:
    """Call something for each of many items, some at a time: most of a request is waiting."""
    with ThreadPoolExecutor(16) as threads:
        return list(threads.map(call, items))


def _info(fs: Any, path: str) -> Info | None:
    try:
        info: Info = fs.info(path)
        return info
    except FileNotFoundError:
        return None


def listed(fs: Any, folder: str) -> dict[str, Info]:
    """List what is directly in a folder, by name; nothing if there is no such folder."""
    try:
        return {str(info["name"]).rstrip("/").rpartition("/")[2]: info for info in fs.ls(folder, detail=True)}
    except FileNotFoundError:
        return {}


def _named_in(fs: Any, files: Iterable[Info], entries: Mapping[str, Info]) -> list[Info]:
    """List the files that sidecars name."""
    sidecars = [str(info["name"]) for info in files if str(info["name"]).endswith((".yaml", ".yml"))]
    named = [name.decode(errors="replace") for path in sidecars for name in _NAMED.findall(fs.cat_file(path))]
    return [entries[name] for name in named if name in entries]


def _logs_below(fs: Any, folder: str) -> list[Info]:
    """List what may be a log or describe one; checkpoints and other large things stay where they are."""
    found = fs.find(folder, detail=True)
    return [info for path, info in sorted(found.items()) if _may_be_log(PurePosixPath(path))]


def _may_be_log(path: PurePosixPath) -> bool:
    return "tfevents" in path.name or path.suffix.lower() in ("", *LOG_SUFFIXES, *_CONFIG_SUFFIXES)


def _stem(name: str) -> str:
    while PurePosixPath(name).suffix.lower() in (*LOG_SUFFIXES, *_CONFIG_SUFFIXES):
        name = PurePosixPath(name).stem
    return name


def state_of(info: Info) -> str:
    """Return what changes when a file does, as far as its store says."""
    return " ".join(str(info.get(key)) for key in ("size", "ETag", "etag", "mtime", "LastModified", "created"))


def changed_at(info: Info) -> float | None:
    """Return the time of a file's last change, in seconds, if its store says it."""
    told = info.get("LastModified") or info.get("mtime") or info.get("created")
    if isinstance(told, datetime.datetime):
        return told.timestamp()
    return float(told) if isinstance(told, int | float) else None
