"""Read run sets: what reports are wanted, one or many in a YAML file, or a rule that finds them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from analysis.batch.run_set_file import Entry, load_entries
from analysis.batch.run_set_rules import EVERY, EVERY_NEW, expand, is_rule, meant
from analysis.core.errors import AnalysisError, UsageError
from analysis.core.parameters import KINDS, Parameters, check_parameters


@dataclass(frozen=True)
class RunSet:
    """A report that is wanted.

    Attributes
    ----------
    request : Parameters
        What it is asked for, with its name settled.
    where : str
        ``file:line`` of the entry that asks for it.
    once : str or None
        Hash of the run's log: a report that was made of this log is let be, whatever else has changed.
    """

    request: Parameters
    where: str
    once: str | None = None

    @property
    def report_id(self) -> str:
        """Name of the report's folder."""
        return str(self.request.report_id)


def load_run_sets(paths: Iterable[Path], *, out: Path | str) -> tuple[RunSet, ...]:
    """Read all run sets of some files, and find the runs that their rules speak of.

    See `analysis.batch.run_set_file.load_entries` for the form of a file, `analysis.batch.run_set_rules.expand` for
    rules.

    Parameters
    ----------
    paths : iterable of pathlib.Path
        YAML files.
    out : pathlib.Path or str
        Folder of reports, or the URL of one, where earlier ones are looked up.

    Raises
    ------
    UsageError
        For a file that cannot be read, an unknown or mistyped key, or two reports of one name.
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
        near = meant(key) if key not in KINDS else None
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
