"""The runs that a folder, glob or other wide reference stands for, each with a reference of its own."""

from __future__ import annotations

import glob
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from analysis.core.redact import without_secrets
from analysis.core.run import Run
from analysis.sources import as_shown, distinct_runs, finished, known_sources
from analysis.sources.base import RemoteSource
from analysis.sources.local_copies import Nearby, nearby
from analysis.sources.reference import Finder, Found
from analysis.sources.sidecar import own_path, run_stem


@dataclass(frozen=True)
class Member:
    """A run with the reference that leads to it alone; ``run`` is None where its log cannot be read."""

    reference: str
    id: str
    run: Run | None


def members(
    references: Iterable[str], *, runs_dir: Path | str, columns: Mapping[str, str] | None = None
) -> tuple[Member, ...]:
    """List the runs that references lead to.

    Parameters
    ----------
    references : iterable of str
        As `analysis.sources.resolve` takes them; a folder that is no run itself stands for every log in it.
    runs_dir : pathlib.Path or str
        Where names are looked up: a folder, or the URL of one.
    columns : Mapping[str, str], optional
        Standard name to the log's own column name.

    Raises
    ------
    RunNotFound
        If a reference leads to nothing, or two lead to one log.
    """
    found = []
    for reference in references:
        with without_secrets(), nearby(reference, runs_dir) as near:
            finder = Finder(known_sources(), near.runs_dir, dict(columns or {}))
            found += [_as_shown(member, near) for member in _members(finder, near.reference)]
    readable = [member for member in found if member.run is not None]
    apart = iter(distinct_runs([member.run for member in readable if member.run is not None]))
    named = [member if member.run is None else replace(member, run=next(apart)) for member in found]
    return tuple(member if member.run is None else replace(member, id=member.run.id) for member in named)


def _as_shown(member: Member, near: Nearby) -> Member:
    reference = near.shown(member.reference)
    run = None if member.run is None else replace(as_shown(member.run, near), reference=reference)
    return Member(reference, member.id, run)


def _members(finder: Finder, reference: str) -> Iterator[Member]:
    for one in _listed(finder, reference):
        try:
            found, _ = finder.find(one)
            runs = [finished(log, one, finder.columns) for log in found]
        except Exception:
            # One log among many that cannot be read, for whatever reason, shall fail in its own report, not all here.
            if one == reference:
                raise
            yield Member(one, run_stem(Path(one)), None)
            continue
        for log, run in zip(found, runs, strict=True):
            own = one if len(found) == 1 and log.path is not None else _own_reference(log, found)
            yield Member(own, run.id, replace(run, reference=own))


def _listed(finder: Finder, reference: str) -> list[str]:
    """Write a folder of logs or a glob out as the paths in it."""
    folder = next((f for f in (Path(reference), finder.runs_dir / reference) if f.is_dir()), None)
    if folder is not None and not any(source.recognises(folder) for source in finder.sources):
        return [str(path) for path in finder.matching(f"{glob.escape(str(folder))}/*")]
    if glob.has_magic(reference) and ":" not in reference and not Path(reference).exists():
        return [str(path) for path in finder.matching(reference)]
    return [reference]


def _own_reference(log: Found, beside: list[Found]) -> str:
    """Find what leads to one log of several that came together."""
    raw = log.raw
    if log.path is None:
        source = next(s for s in known_sources() if isinstance(s, RemoteSource) and raw.source == s.NAME)
        return raw.uri if raw.uri and source.claims(raw.uri) else f"{source.SCHEME}:{raw.id}"
    own = own_path(raw, log.path, [other.raw for other in beside])
    return str(own) if own.exists() else f"{log.path}#{raw.id}"
