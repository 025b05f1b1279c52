"""Earlier reports: scores of their predictions for the present runs, and changes since."""

from __future__ import annotations

import datetime
import json
import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from analysis.core.parameters import Parameters
from analysis.core.run import Run
from analysis.core.run_names import folder_name
from analysis.evidence.run_evidence import RunEvidence
from analysis.findings.analysis_result import Analysis, Change, Score, report_title
from analysis.findings.results_file import EARLIER, RESULTS, Report, load_report
from analysis.sources.local_copies import files_nearby
from analysis.sources.remote import is_url, without_file_scheme
from analysis.statistics import Estimate


@dataclass(frozen=True)
class Series:
    """Identity of a report, by which earlier ones about the same are found: its title, else its folder, else its runs.

    A title set by the user (``titled``) separates reports about the same runs; one made from the candidate does not.
    """

    title: str
    titled: bool
    report_id: str
    candidate: str
    runs: frozenset[str]

    def likeness(self, title: object, report_id: object, candidate: object, runs: Collection[str]) -> int:
        """Return how alike an earlier report is: 3 if the title is the same, 2 if the folder, 1 if the runs, else 0.

        The same runs means the same candidate, or at least two runs in common that are half of the earlier ones.
        """
        if title == self.title:
            return 3
        if report_id == self.report_id:
            return 2
        common = len(self.runs & {*runs})
        shared = candidate == self.candidate or (common > 1 and 2 * common >= len(runs))
        return int(not self.titled and shared)


def series_of(request: Parameters, runs: Sequence[Run], candidate: Run) -> Series:
    """Return the identity of a new report."""
    name = request.report_id or folder_name(candidate.id)
    ids = frozenset(run.id for run in runs)
    return Series(report_title(request, candidate), bool(request.title), name, candidate.id, ids)


def load_reports(
    folder: Path, *, before: datetime.date, series: Series | None = None, runs: Sequence[Run] = ()
) -> tuple[Report, ...]:
    """Return the results of earlier reports that matter for a new one, oldest first.

    Parameters
    ----------
    folder : Path
        Has one folder per report.
    before : datetime.date
        Reports of that day or later are left out, so that a report that is made twice is the same.
    series, runs
        If given, only reports about the same, or with a plan for one of these runs, are parsed in full.

    Notes
    -----
    Files that are not results are skipped without an error.
    """
    found = []
    for path in sorted(folder.glob(f"*/{RESULTS}")):
        if path.parent.name.startswith("."):  # the staging folder of a report being made or replaced
            continue
        report = _made_before(path, before, series, runs)
        if report is not None:
            found.append(report)
    return tuple(sorted(found, key=lambda report: (str(report["date"]), str(report["report_id"]))))


def _made_before(path: Path, day: datetime.date, series: Series | None, runs: Sequence[Run]) -> Report | None:
    """Return the newest version of a report before a day; None if there is none or the new report does not need it."""
    for one in (path, path.with_name(EARLIER)):
        text = _text_of(one)
        date = _top_level(text, "date")
        if isinstance(date, str) and date >= day.isoformat():
            continue
        if series is not None and not _concerns(text, series, runs):
            return None
        report = load_report(one)
        if report is not None and str(report["date"]) < day.isoformat():
            return report
    return None


def _text_of(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return ""


def _concerns(text: str, series: Series, runs: Sequence[Run]) -> bool:
    """True if a report matters, by a few values only: parsing thousands of reports in full would take seconds."""
    title, name, candidate = (_top_level(text, key) for key in ("title", "report_id", "candidate"))
    common = [run_id for run_id in series.runs if f"\n    {json.dumps(run_id)}: {{" in text]
    if title is None or series.likeness(title, name, candidate, common):
        return True
    planned = _top_level(text, "next_runs") or ()
    return any(
        isinstance(plan, dict) and same_config(run.config, plan.get("config")) for plan in planned for run in runs
    )


def _top_level(text: str, key: str) -> Any:
    """Return one top-level value of JSON that was written with an indent of 2; None if it is not found."""
    marker = f'\n  "{key}": '
    start = text.find(marker)
    if start < 0:
        return None
    try:
        return json.JSONDecoder().raw_decode(text, start + len(marker))[0]
    except ValueError:
        return None


def _load_wherever(place: str) -> Report | None:
    """Return one results JSON from a file or URL; None if it is not one."""
    if not is_url(place):
        return load_report(Path(without_file_scheme(place)).expanduser())
    folder, _, name = place.rpartition("/")
    with files_nearby(folder, [name]) as copies:
        return load_report(copies / name)


def score_predictions(
    runs: Sequence[Run], evidence: Mapping[str, RunEvidence], reports: Sequence[Report]
) -> tuple[Score, ...]:
    """Return a score for each prediction whose configuration one of the runs now has (predict.score).

    Confirmed: the observed value is in the predicted interval. Contradicted: the observed interval is wholly
    outside. Not confirmed: the value is outside, but the intervals overlap.
    """
    scores = []
    for report in reports:
        for planned in report.get("next_runs", ()):
            for run in runs:
                if run.id not in report["runs"] and run.config and same_config(run.config, planned.get("config")):
                    predicted = planned.get("predictions", ())
                    scores += [_score(run, evidence[run.id], report, planned, p) for p in predicted]
    return tuple(scores)


def changes_since(analysis: Analysis, reports: Sequence[Report]) -> tuple[str | None, tuple[Change, ...]]:
    """Return the date of the newest earlier report about the same, and the changes since; None and () without one."""
    wanted = analysis.parameters.previous
    if wanted == "none":
        return None, ()
    if wanted:
        chosen = _load_wherever(wanted)
        if chosen is None:
            from analysis.core.errors import UsageError

            raise UsageError(f"parameter 'previous': {wanted} is no results JSON of an earlier report")
        earlier = [chosen]
    else:
        series = series_of(analysis.parameters, analysis.runs, analysis.candidate)
        alike = [series.likeness(old["title"], old["report_id"], old.get("candidate"), old["runs"]) for old in reports]
        earlier = [old for old, rank in zip(reports, alike, strict=True) if rank and rank == max(alike)]
    if not earlier:
        return None, ()
    last = earlier[-1]
    return str(last["date"]), tuple(_changes(analysis, last))


def _changes(a: Analysis, earlier: Report) -> list[Change]:
    """Return the changes of verdicts, ranks, grades and data quality, each with the comparison behind it."""
    primary = a.verdict.primary
    differs = None if primary is None else primary.verdict(a.settings.alpha) not in ("no difference", "different")
    moved = _moved(a, earlier)
    changes = [Change("Title", None, old, a.title, None) for old in [str(earlier["title"])] if old != a.title]
    changes += [
        Change("Overall result (rules of thumb)", None, before, after, differs, "by the evidence's comparison")
        for before, after in [(str(earlier["verdict"].get("rules_of_thumb")), a.rule_verdict.headline)]
        if before != after
    ]
    before, after = str(earlier["verdict"].get("evidence")), a.verdict.result
    if before != after:
        changes.append(
            Change("Overall result (evidence)", None, before, after, moved, "difference against the one before")
        )
    for run in a.runs:
        old = earlier["runs"].get(run.id)
        changes += [Change("New run", run.id, "–", "added", None)] if old is None else _run_changes(a, run.id, old)
    gone = [run_id for run_id in earlier["runs"] if run_id not in {run.id for run in a.runs}]
    changes += [Change("Run left out", run_id, "in the report", "–", None) for run_id in gone]
    old_status = {f["id"]: f["status"] for f in earlier.get("findings", ()) if f.get("section") == "data-quality"}
    for finding in a.findings:
        status = old_status.get(finding.id, finding.status)
        if finding.section == "data-quality" and status != finding.status:
            changes.append(Change(f"Data quality: {finding.id}", None, status, finding.status, None))
    return changes


def _run_changes(a: Analysis, run_id: str, old: Mapping[str, Any]) -> list[Change]:
    new, was = a.rules_of_thumb[run_id], old["rules_of_thumb"]
    changes = []
    level, before = a.evidence[run_id].window.get(a.curve), (old["evidence"].get("window") or {}).get(a.curve)
    noise = _level_moved(level, before)
    if was.get("rank") != new.rank:
        changes.append(
            Change("Rank", run_id, _text(was.get("rank")), _text(new.rank), noise, "by its window mean loss")
        )
    for name in ("stability", "performance", "overall"):
        grade, then = getattr(new.grades, name), (was.get("grades") or {}).get(name)
        if grade != then:
            changes.append(
                Change(
                    f"{name.capitalize()} grade", run_id, _text(then), _text(grade), noise, "by its window mean loss"
                )
            )
    if was.get("total_steps") != new.total_steps:
        changes.append(Change("Steps", run_id, _text(was.get("total_steps")), _text(new.total_steps), None))
    return changes


def _moved(a: Analysis, earlier: Report) -> bool | None:
    """True if the intervals of the headline difference then and now do not overlap; None if unknown."""
    then = (earlier["verdict"].get("evidence_detail") or {}).get("primary")
    now = a.verdict.primary
    if not then or now is None or not now.known or then["metric"] != now.metric or then["low"] is None:
        return None
    return bool(now.result.low > then["high"] or now.result.high < then["low"])


def _level_moved(now: Estimate | None, then: Mapping[str, Any] | None) -> bool | None:
    if now is None or not now.known or not then or then.get("low") is None:
        return None
    return bool(now.low > then["high"] or now.high < then["low"])


def _score(run: Run, evidence: RunEvidence, report: Report, planned: Mapping[str, Any], p: Mapping[str, Any]) -> Score:
    observed = observed_level(evidence, p["metric"])
    status: Literal["confirmed", "not confirmed", "contradicted", "cannot tell"]
    if observed is None:
        status, reason = "cannot tell", "the run did not log it"
    elif p["low"] <= observed.value <= p["high"]:
        status, reason = "confirmed", "inside the predicted interval"
    elif observed.known and (observed.low > p["high"] or observed.high < p["low"]):
        status, reason = "contradicted", "its whole interval lies outside"
    elif observed.known:
        status, reason = "not confirmed", "outside, but the intervals overlap"
    else:
        status, reason = "cannot tell", observed.reason or "no interval"
    return Score(
        run=run.id,
        report=str(report["report_id"]),
        predicted_run=str(planned.get("name")),
        metric=p["metric"],
        estimate=p["estimate"],
        low=p["low"],
        high=p["high"],
        observed=observed.value if observed is not None and math.isfinite(observed.value) else None,
        observed_low=observed.low if observed is not None and observed.known else None,
        observed_high=observed.high if observed is not None and observed.known else None,
        status=status,
        reason=reason,
    )


def observed_level(evidence: RunEvidence, metric: str) -> Estimate | None:
    """Return the level of a predicted metric: noise, or a level at the end; None if there is none."""
    return evidence.noise if metric == "noise" else evidence.window.get(metric)


def same_config(config: Mapping[str, Any], planned: Any) -> bool:
    """True if a run has the configuration that an earlier report planned."""
    if not isinstance(planned, Mapping):
        return False
    keys = {*config, *planned} - {"early_stopping"}
    return all(_plain(config.get(key)) == _plain(planned.get(key)) for key in keys)


def _plain(value: Any) -> Any:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else value


def _text(value: object) -> str:
    return "–" if value is None else str(value)
