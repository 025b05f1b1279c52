"""Find what a run reference means: a name in the runs folder, a path, a glob, a scheme, an ID or a URL."""

from __future__ import annotations

import contextlib
import glob
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from pathlib import Path

from analysis.core.errors import AnalysisError, LogError, RunNotFound, UsageError
from analysis.core.redact import redact_text
from analysis.sources import tensorboard
from analysis.sources.adjacent_config import with_settings_beside
from analysis.sources.base import Columns, RemoteSource, Source
from analysis.sources.below import ENTRIES, MOST, forms_of_one, logs_below, without_documents
from analysis.sources.defaults import FILE, defaults_for, load_defaults, names_of, together
from analysis.sources.joined import join, joined
from analysis.sources.not_a_log import lies_beside, no_log_in, not_a_log
from analysis.sources.raw_log import RawLog
from analysis.sources.sidecar import LOG_SUFFIXES, Sidecar, find_sidecars, load_sidecar, own_path, run_stem
from analysis.sources.streams import unreadable

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+-]+):(.*)", re.DOTALL)  # one letter is a Windows drive
_SHOWN = 200  # characters of a reference in a message
_LABELLED = re.compile(r"([^=:/\\]+)=(.+)", re.DOTALL)


@dataclass(frozen=True)
class Found:
    """A log a reference leads to, with what stands beside it; ``path`` is None for what is not a path.

    ``id`` is the name by which it was asked for, where that is a name and not a path; ``places`` are the paths
    beside which its sidecars are looked for, its own first.
    """

    raw: RawLog
    path: Path | None = None
    sidecar: Sidecar = field(default_factory=Sidecar)
    id: str | None = None
    places: tuple[Path, ...] = ()


@dataclass(frozen=True)
class Finder:
    """Looks references up among sources, in a runs folder."""

    sources: Sequence[Source]
    runs_dir: Path
    columns: Columns

    def find(self, reference: str) -> tuple[list[Found], str | None]:
        """Return the logs a reference leads to and the label it carries.

        Raises
        ------
        RunNotFound
            If it leads to nothing, or to more than one thing where one is meant.
        LogError
            If what it leads to cannot be read.
        """
        text = reference.strip()
        if not text or "\0" in text:
            raise UsageError("a run reference is empty; give a run ID such as run_1, a path or tool:id")
        here = self._here(text)
        if here is not None:
            return self._load(here, text), None
        if "\n" in text:
            raise UsageError(f"a run reference is one line, got several ('{_shown(text)}'); give one reference each")
        label = None
        labelled = _LABELLED.fullmatch(text)
        if labelled and not self._claimed(text):
            label, text = labelled[1].strip(), labelled[2].strip()
        try:
            return self._look_up(text), label
        except RunNotFound:
            if label is None or _shown(reference) == " ".join(reference.split()):
                raise
            # Whether it is a secret may stand in the label: PGPASSWORD=...
            raise RunNotFound(f"no run '{_shown(reference)}'; check it") from None

    def lies_beside(self, reference: str) -> bool:
        """True if a reference is the path of a file that belongs to no log's own: a sidecar, a README, a plot."""
        path = Path(os.path.expanduser(reference.strip()))
        try:
            return lies_beside(path) and (path.stem.lower() == "readme" or self._source_of(path) is None)
        except (OSError, ValueError):
            return False

    def _look_up(self, text: str) -> list[Found]:
        here = self._here(text)
        if here is not None:
            return self._load(here, text)
        claimed = self._claimed(text)
        if claimed is not None:
            return self._fetched(claimed, text)
        scheme = _SCHEME.fullmatch(text)
        if scheme and scheme[2].startswith("//"):
            raise RunNotFound(f"{_shown(text)}: no source reads this URL; download the log and give its path")
        if scheme and not scheme[2]:
            raise RunNotFound(f"'{text}' names no run; put a path or an ID behind the colon")
        if scheme:
            return self._by_scheme(scheme[1].lower(), scheme[2], text)
        if glob.has_magic(text):
            return self._by_pattern(text)
        inside = self._inside(text)
        if inside:
            return inside
        raise RunNotFound(self._not_found(text))

    def _inside(self, text: str) -> list[Found]:
        """Load one run of a file that holds several: ``path#run``; empty if there is no such file."""
        place, _, run_id = text.rpartition("#")
        here = self._here(place) if place and run_id else None
        if here is None:
            return []
        held = self._load(here, place)
        by_number = {str(place): [found] for place, found in enumerate(held, start=1)} if len(held) > 1 else {}
        chosen = [found for found in held if found.raw.id == run_id] or by_number.get(run_id, [])
        if not chosen:
            ids = ", ".join(str(found.raw.id) for found in held[:20] if found.raw.id) or "one run without a name"
            raise RunNotFound(f"{_shown(text)}: {here} has no run '{_shown(run_id)}'; it has {ids}")
        return chosen

    def _claimed(self, text: str) -> RemoteSource | None:
        return next((s for s in self.sources if isinstance(s, RemoteSource) and s.claims(text)), None)

    def _here(self, text: str) -> Path | None:
        """Return the existing path a text names: as it stands, or as a run in the runs folder."""
        named = self._in_runs_dir(text)
        try:
            path = Path(os.path.expanduser(text))
            literal = path if path.exists() else None
        except (OSError, ValueError):
            literal = None
        if named and literal and named[0].resolve() != literal.resolve() and run_stem(Path(text)) == text:
            named = [*named, literal]
        if len(named) > 1:
            shown = ", ".join(str(p) for p in named)
            raise RunNotFound(
                f"'{_shown(text)}' matches {len(named)} logs: {shown}; give the path of the one that is meant"
            )
        return named[0] if named else literal

    def _in_runs_dir(self, text: str) -> list[Path]:
        if re.search(r"[:*?\[]", text) or not self.runs_dir.is_dir():
            return []
        parent, name = (self.runs_dir / text).parent, Path(text).name
        try:
            entries = sorted(parent.iterdir()) if parent.is_dir() else []
        except OSError as problem:
            raise unreadable(parent, problem) from None
        exact = [p for p in entries if p.name == name and not p.is_dir()]
        if exact:
            return exact
        named = [p for p in entries if run_stem(p) == name]
        logs = [p for p in named if self._source_of(p) is not None]
        return logs or [p for p in named if p.is_dir() or p.suffix.lower() in LOG_SUFFIXES]

    def _source_of(self, path: Path) -> Source | None:
        if path.suffix.lower() in (".yaml", ".yml") and not path.is_dir():
            return None  # settings, whatever they are called after
        if not path.is_dir() and not path.is_file():
            return None  # a pipe, which would be waited for, a device, a socket, or a link that leads round in a circle
        for source in self.sources:
            with contextlib.suppress(OSError):  # folders of the system that nobody may look into
                if _recognises(source, path):
                    return source
        return None

    def _by_scheme(self, scheme: str, rest: str, text: str) -> list[Found]:
        source = next((s for s in self.sources if scheme == s.SCHEME), None)
        if source is None:
            known = ", ".join(sorted(f"{s.SCHEME}:" for s in self.sources if s.SCHEME))
            unknown = f" '{scheme}:'" if _shown(text).startswith(scheme) else ""  # half a secret is not known for one
            raise RunNotFound(f"{_shown(text)}: unknown scheme{unknown}; known are {known}")
        here = self._here(rest)
        if here is not None:
            return self._found(source, here)
        if isinstance(source, RemoteSource):
            return self._fetched(source, rest)
        if glob.has_magic(rest):
            paths = [Path(p) for p in _globbed(rest)]
            return [found for path in paths if source.recognises(path) for found in self._found(source, path)]
        raise RunNotFound(self._not_found(rest))

    def _by_pattern(self, pattern: str) -> list[Found]:
        """Load every log a glob matches; parts of one run are joined unless a sidecar says something of each."""
        logs = self.matching(pattern)
        if len(logs) > MOST:
            raise UsageError(f"'{_shown(pattern)}' matches more than {MOST:,} logs; narrow the pattern")
        return self._joined([found for log in logs for found in self._load(log, str(log))])

    def matching(self, pattern: str) -> list[Path]:
        """List every log a glob matches, here or in the runs folder; other files are passed over.

        Raises
        ------
        RunNotFound
            If there is none.
        """
        matches = _globbed(pattern) or _globbed(str(self.runs_dir / pattern))
        if len(matches) > ENTRIES:
            raise UsageError(f"'{_shown(pattern)}' matches more than {ENTRIES:,} files; narrow the pattern")
        logs = [Path(match) for match in matches if self._source_of(Path(match)) is not None]
        inner = {log.parent for log in logs if log.is_file()} & set(logs)
        if not logs:
            held = f"{len(matches)} files, none of them a log" if matches else "nothing"
            raise RunNotFound(f"'{_shown(pattern)}' matches {held}; check the pattern")
        logs = [log for log in logs if log.parent not in inner]
        there = {log.resolve() for log in logs if not log.is_symlink()}
        return [log for log in logs if not (log.is_symlink() and log.resolve() in there)]

    def _load(self, path: Path, text: str) -> list[Found]:
        source = self._source_of(path)
        if source is tensorboard and path.is_dir() and not tensorboard.is_run(path):
            # Somewhere below it are event files: they may not be all.
            below = logs_below(path, self._source_of)
            source = None if any(self._source_of(log) is not tensorboard for log in below) else source
        if source is not None:
            name = text if run_stem(path) == text else None
            found = self._found(source, path)
            return [replace(found[0], id=name)] if name and len(found) == 1 else found
        if path.is_dir():
            return self._below(path)
        raise not_a_log(path)

    def _below(self, folder: Path) -> list[Found]:
        """Load every run below a folder; parts of one run are joined, and of its forms one is kept."""
        logs = logs_below(folder, self._source_of)
        if not logs:
            raise no_log_in(folder)
        logs, told = without_documents(logs)
        found, problems = [], []
        for log in logs:
            try:
                found += self._load(log, "")
            except LogError as problem:
                problems.append(problem)
        if not found:
            raise problems[0]
        same = forms_of_one([(one.path or folder, one.raw) for one in found])
        kept = [one for place, one in enumerate(found) if place not in same]
        twins: dict[int, list[str]] = {}
        for place, twin in same.items():
            twins.setdefault(twin, []).append(str(found[place].path))
        for place, names in twins.items():
            at = next(number for number, one in enumerate(kept) if one is found[place])
            kept[at] = _noted(kept[at], f"the same values stand in {', '.join(sorted(names))}: read once")
        self._check_patterns(folder, found)
        unread = [*told, *(f"a file beside it cannot be read: {problem}" for problem in problems)]
        return self._joined([_noted(kept[0], *unread), *kept[1:]])

    def _check_patterns(self, folder: Path, found: Sequence[Found]) -> None:
        """Raise for a pattern in the folder's ``runs.yaml`` that matches none of its runs."""
        if not (folder / FILE).is_file():
            return
        names = [names_of(one.path, (one.raw.id, one.raw.name, one.raw.label), folder) for one in found]
        problem = load_defaults(folder / FILE).unmatched(names)
        if problem is not None:
            raise problem

    def _joined(self, found: list[Found]) -> list[Found]:
        """Join parts of one run unless a sidecar says something of each."""
        shown: list[Found] = []
        for chain in joined([one.raw for one in found]):
            parts = [found[place] for place in chain]
            if len(parts) == 1 or any(part.sidecar.files for part in parts[1:]):
                shown += parts
            else:
                shown.append(replace(parts[0], raw=join([part.raw for part in parts])))
        return shown

    def _found(self, source: Source, path: Path) -> list[Found]:
        """Load a path with the sidecar beside it, which may say what its columns mean."""
        columns = {**self._said([path], path).columns, **self.columns}
        try:
            raws = source.load(path, columns=columns)
        except OSError as problem:
            raise unreadable(path, problem) from None
        except MemoryError:
            raise LogError(f"{path}: does not fit into this machine's memory; give a smaller log") from None
        except AnalysisError:
            raise
        except Exception as problem:
            raise reader_failed(path, source.NAME, problem) from None
        raws = [with_settings_beside(raw, path) for raw in raws]
        places = [tuple(dict.fromkeys((own_path(raw, path, raws), path))) for raw in raws]
        return [
            Found(raw, path, self._said(own, path, raw.id, raw.name, raw.label), places=own)
            for raw, own in zip(raws, places, strict=True)
        ]

    def _said(self, places: Sequence[Path], path: Path | None, *ids: str | None) -> Sidecar:
        """Return what people wrote about a run: beside it, and for many runs at once."""
        beside = load_sidecar(find_sidecars(*places))
        defaults = defaults_for(path, self.runs_dir)
        if defaults is None:
            return beside
        return together(beside, defaults.of(names_of(path, ids, defaults.path.parent)))

    def _fetched(self, source: RemoteSource, text: str) -> list[Found]:
        """Fetch runs that are not paths; a sidecar called after the ID may lie in the runs folder.

        It may also lie where it is looked for if a run of a local store is asked for by its path.
        """
        raws: list[RawLog] = source.fetch(text, runs_dir=self.runs_dir, columns=self.columns)
        named = [self.runs_dir / re.sub(r"[^\w.-]", "_", raw.id or "run") for raw in raws]
        places = [(path, *_local(raw)) for raw, path in zip(raws, named, strict=True)]
        return [
            Found(raw, None, self._said(own, None, raw.id, raw.name, raw.label), places=own)
            for raw, own in zip(raws, places, strict=True)
        ]

    def _not_found(self, text: str) -> str:
        shown = _shown(text)
        if re.search(r"[/\\]", text) and not Path(text).parent.exists():
            return f"no run '{shown}': there is no folder {Path(redact_text(text)).parent}; check the path"
        names = self.available()
        if not names:
            return f"no run '{shown}': there is no such path, and no log in {self.runs_dir}; check both"
        near = get_close_matches(text, names, n=3, cutoff=0.5)
        listed = ", ".join(names[:20]) + (" …" if len(names) > 20 else "")
        hint = f"did you mean {' or '.join(near)}? " if near else ""
        return f"no run '{shown}': {hint}{self.runs_dir} has {listed}"

    def available(self) -> list[str]:
        """Return the names of the runs in the runs folder."""
        try:
            entries = sorted(self.runs_dir.iterdir())[:ENTRIES] if self.runs_dir.is_dir() else []
        except OSError:
            return []
        return sorted({run_stem(entry) for entry in entries if self._source_of(entry) is not None})


def _recognises(source: Source, path: Path) -> bool:
    try:
        return bool(source.recognises(path))
    except AnalysisError:
        raise
    except Exception:  # the next source may know it; what fails on all of them is no log
        return False


def reader_failed(path: Path, source: str, problem: Exception) -> Exception:
    """Return the error for a log on which a reader failed in a way that nobody foresaw."""
    if "RUN_REPORTS_TRACEBACK" in os.environ:
        return problem
    said = " ".join(f"{type(problem).__name__}: {problem}".split())[:160]
    return LogError(f"{path}: cannot be read as {source} ({said}); write its values as a CSV with a column step")


def _globbed(pattern: str) -> list[str]:
    """List what a glob matches; ``**`` goes into each folder once, though links may lead round in a circle."""
    top, deep, rest = os.path.expanduser(pattern).partition("**")
    rest = rest or "/*"
    if not deep or (top and not top.endswith(("/", os.sep))) or not rest.startswith(("/", os.sep)):
        return sorted(glob.glob(os.path.expanduser(pattern)))
    waiting, seen, matches = [*(glob.glob(top) if top else ["."])], set(), set()
    while waiting:
        folder = waiting.pop()
        if (real := os.path.realpath(folder)) in seen or not os.path.isdir(real):
            continue
        seen.add(real)
        inside = "" if folder == "." and not top else os.path.join(glob.escape(folder), "")
        matches.update(_globbed(inside + rest[1:]))
        with contextlib.suppress(OSError), os.scandir(folder) as entries:
            found = sorted(entry.name for entry in entries if entry.is_dir() and not entry.name.startswith("."))
            waiting += [os.path.join(inside and folder, name) for name in found]
    return sorted(matches)


def _shown(text: str) -> str:
    """Return what a user wrote as it may stand in a message of one line."""
    line = redact_text(" ".join(text.split()))
    return line if len(line) <= _SHOWN else f"{line[:_SHOWN]} …"


def _noted(found: Found, *notes: str) -> Found:
    return replace(found, raw=replace(found.raw, notes=(*found.raw.notes, *notes))) if notes else found


def _local(raw: RawLog) -> list[Path]:
    """Return the path of a fetched run that lies in a store on this machine."""
    place = Path((raw.uri or "").partition("#")[0])
    return [Path(raw.uri)] if raw.uri and place.name and place.exists() else []
