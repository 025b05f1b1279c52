"""The last accepted runs as baseline and noise floor: ``history:10``, ``history:10:mlflow:exp/*``."""

from __future__ import annotations

import datetime
import os
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from analysis.core.deciding import judged_metrics
from analysis.core.errors import UsageError
from analysis.core.number_format import count
from analysis.core.redact import redact_text
from analysis.core.run import Run
from analysis.core.run_facts import died
from analysis.evidence.comparability import gate
from analysis.findings.analysis_result import Analysis
from analysis.findings.earlier_reports import load_reports
from analysis.findings.results_file import RESULTS, log_of
from analysis.pipeline import analyze_runs, load
from analysis.sources import distinct_runs
from analysis.sources.group_members import members
from analysis.sources.remote import find_folder
from analysis.sources.streams import hash_file

_FORM = re.compile(r"history:(?P<most>\d{1,4})(?::(?P<where>.+))?")
_ACCEPTED = ("improved", "equivalent", "no evidence of a difference", "stability-only change")


@dataclass(frozen=True)
class RunHistory:
    """The last accepted runs, oldest first, as one group; ``summary`` names them and what was left out."""

    runs: tuple[Run, ...]
    summary: str


def is_history(reference: str) -> bool:
    """True if a baseline reference means the last accepted runs."""
    return reference.startswith("history:")


def against_history(
    candidate: str, reference: str, others: Sequence[str], parameters: Mapping[str, Any]
) -> tuple[Analysis, str]:
    """Analyze a candidate with the last accepted runs as one group, whose newest is the baseline.

    Returns
    -------
    Analysis
    str
        Names of these runs, and what was left out.
    """
    request, settings, given = load({**parameters, "run_ids": [*others, candidate], "candidate": candidate})
    ours = only_one(given, candidate)
    past = run_history(reference, ours, given, runs_dir=request.runs_dir, columns=request.columns)
    runs = distinct_runs([*past.runs, *given])
    named = replace(
        request, candidate=runs[len(past.runs) + given.index(ours)].id, baseline=runs[len(past.runs) - 1].id
    )
    return analyze_runs(runs, named, settings), past.summary


def only_one(runs: Sequence[Run], reference: str) -> Run:
    """Return the run of a reference.

    Raises
    ------
    UsageError
        If it matches none or several.
    """
    found = [run for run in runs if run.reference == redact_text(reference)]
    if len(found) != 1:
        names = ", ".join(run.id for run in found[:5])
        raise UsageError(f"{redact_text(reference)}: {len(found)} runs, {names}; name one of them")
    return found[0]


def run_history(
    reference: str, candidate: Run, beside: Sequence[Run], *, runs_dir: str, columns: Mapping[str, str] | None
) -> RunHistory:
    """Return the last accepted runs of a folder, glob or experiment, or of a folder of reports.

    A run counts as accepted if it is there (a log on the main branch was merged, a run in an experiment was kept), or
    if its report has no verdict for the worse. The order is that of time stamps if all runs have them, of reports that
    of their dates, else that of names with numbers by size. Left out are the given runs, logs with the same content,
    runs that cannot be read or ended as NaN, and runs validated on another set.

    Parameters
    ----------
    reference : str
        ``history:N`` or ``history:N:WHERE``; the default of WHERE is the runs folder.
    candidate : Run
    beside : sequence of Run
        Further given runs, such as other seeds of the candidate.
    runs_dir, columns
        As for `analysis.sources.load_runs`.

    Raises
    ------
    UsageError
        If the reference is malformed, or no run is left.
    """
    form = _FORM.fullmatch(reference)
    if form is None or int(form["most"]) < 1:
        raise UsageError(f"--against: '{reference}' must be history:N or history:N:WHERE, such as history:10:runs")
    most, where = int(form["most"]), form["where"] or runs_dir
    reports = Path(where)
    listed = _reported(reports, find_folder(runs_dir)) if any(reports.glob(f"*/{RESULTS}")) else [where]
    found = members(listed, runs_dir=find_folder(runs_dir), columns=columns)
    read = [member.run for member in found if member.run is not None]
    ordered = read if listed != [where] else sorted(read, key=_by_time(read))
    given = {_place(run) for run in (candidate, *beside)}
    good = [run for run in ordered if _place(run) not in given and not died(run)]
    good = [run for run in good if {*judged_metrics(run.metrics)} & {*judged_metrics(candidate.metrics)}]
    states = {run.id: gate(run, candidate).state("validation_set") for run in good}
    best = "same" if "same" in states.values() else "cannot tell"
    last = [run for run in good if states[run.id] == best][-most:]
    if not last:
        summary = count(len(found), "run")
        raise UsageError(f"--against {reference}: none of the {summary} there can be compared with; name another place")
    group = f"the last {len(last)} accepted runs" if len(last) > 1 else None
    others = len(found) - sum(state == best for state in states.values())
    out = f"; {others} left out: given, unreadable, ended as NaN or validated on another set" if others else ""
    ends = " to ".join(dict.fromkeys((last[0].id, last[-1].id)))
    summary = f"{ends}, {len(last)} of {count(len(found), 'run')}{out}"
    return RunHistory(tuple(replace(run, group=group) for run in last), summary)


def _place(run: Run) -> tuple[str, str]:
    """Return path and ID of a run's log, without following links: a link to an accepted run is not that run."""
    path = run.provenance.path
    return path if "://" in path else os.path.abspath(path), run.id


def _reported(folder: Path, runs_dir: Path | str) -> list[str]:
    """Return the logs of accepted reports, oldest first, without those that are gone or have changed."""
    paths: dict[str, str] = {}
    for report in load_reports(folder, before=datetime.date.max):
        log = log_of(report)
        if report["verdict"].get("evidence") in _ACCEPTED and log is not None:
            path = Path(str(report["runs"][report["candidate"]]["provenance"].get("path", "")))
            places = (path, Path(runs_dir) / path.name)
            paths.pop(log, None)
            there = next((p for p in places if p.is_dir() or (p.is_file() and hash_file(p)[1] == log)), None)
            if there is not None:
                paths[log] = str(there)
    if not paths:
        raise UsageError(
            f"--against: no accepted report in {folder} has its log where it was; name the logs themselves"
        )
    return list(paths.values())


def _by_time(runs: Sequence[Run]) -> Callable[[Run], Any]:
    if runs and all("timestamp" in run.frame and run.frame["timestamp"].notna().any() for run in runs):
        return lambda run: (run.frame["timestamp"].max(), run.id)
    return lambda run: [int(part) if part.isdigit() else part for part in re.split(r"(\d+)", run.id)]
