"""Detailed Performance Analysis: the curves, and the gap between validation and training."""

from __future__ import annotations

from collections.abc import Sequence

from analysis.core.blocks import Block, Cell, Column, Details, Prose, Table
from analysis.core.metrics import metric as metric_of
from analysis.core.number_format import cell, in_unit, interval_cell, percent, signed, signed_minus
from analysis.core.rich_text import Rich, join, rich, text
from analysis.core.run import Run
from analysis.core.run_names import metric_words
from analysis.findings.analysis_result import Analysis
from analysis.findings.finding import Finding
from analysis.heuristics import grades
from analysis.report.sections.assessments import filled, left_out, shown_runs
from analysis.report.sections.narrative import (
    ROUNDING,
    findings_list,
    findings_of,
    quiet,
    shown_findings,
    untrained,
    with_findings,
)
from analysis.report.sections.observed import observed
from analysis.statistics.detectors import DETECTORS


def curves(a: Analysis) -> list[Block]:
    """Show the training curves: findings, then numbers, then problems that were not found."""
    logged = [run for run in shown_runs(a) if run.series(a.curve).size]
    if nothing := untrained(a):
        return nothing
    if not logged:
        return [*quiet("No run logged a training curve."), *observed(a)]
    about = [f for f in findings_of(a, "curves") if not _quiet(f)]
    return [
        *findings_list(about),
        *observed(a, brief=True),
        Details(text("The training curves in numbers"), (_numbers(a, logged),)),
        *_looked_for(a),
    ]


def _looked_for(a: Analysis) -> list[Block]:
    """List the problems that were not found in the candidate or could not be checked, with links to the reasons."""
    found = [f for f in findings_of(a, "curves") if _quiet(f)]
    names = {
        state: [_named(a.curve, f) for f in found if (f.status == "cannot tell") == open_]
        for state, open_ in (("Not found in {run}: {names}.", False), ("Could not be checked in {run}: {names}.", True))
    }
    run = a.name(a.candidate.id)
    if found and not a.curve.endswith("loss") and all(f.status == "cannot tell" for f in found):
        return quiet("No training loss was logged: what goes wrong in a training cannot be looked for.")
    return [Prose(rich(words, run=run, names=join(listed, ", "))) for words, listed in names.items() if listed]


def _quiet(finding: Finding) -> bool:
    return finding.rule in DETECTORS and finding.status != "supported"


def _named(curve: str, finding: Finding) -> Rich:
    return rich("[{name}](#{id})", name=_problem(curve, finding), id=f"finding-{finding.id}")


def _problem(curve: str, finding: Finding) -> str:
    """Return the name of a problem, with the name of the curve in place of "loss" if it is not one."""
    name = DETECTORS[finding.rule].title.lower()
    return name if curve.endswith("loss") else name.replace("loss", metric_words(curve))


def _numbers(a: Analysis, runs: Sequence[Run]) -> Table:
    epochs = all(run.counts_epochs for run in runs)
    columns = (
        Column("Run"),
        *(Column(name, "right", None, "rules") for name in ("First", "Best", "Worst", "Last")),
        Column("Volatility", "right", "rule.volatility", "rules"),
        Column(f"Slope per {'epoch' if epochs else '100 steps'}", "right", "loss.trend", "evidence"),
    )
    rows = []
    for run in runs:
        d, slope = a.rules_of_thumb[run.id], a.evidence[run.id].slope.get(a.curve)
        course = (d.first_train_loss, d.best_train_loss, d.worst_train_loss, float(run.series(a.curve)[-1]))
        rows.append(
            (
                cell(a.name(run.id)),
                *(cell(in_unit(a.curve, value)) for value in course),
                cell("–" if d.volatility is None else f"{d.volatility:.3g}"),
                interval_cell(slope, scale=0.01 if epochs else 1, sign=True),
            )
        )
    caption = f"{metric_of(a.curve).label}: single values, rolling standard deviation, and trend"
    return Table("curves", caption, columns, tuple(rows), notes=left_out(a))


def gap(a: Analysis) -> list[Block]:
    """Show the gap between validation and training: in accuracy by rule of thumb, in loss with an interval."""
    results = a.rules_of_thumb
    gaps = {run.id: _loss_gap(a, run.id) for run in a.runs}
    if not any(r.gap_pp is not None for r in results.values()) and not any(gaps.values()):
        return quiet("No run has both a training and a validation value to hold against each other.")
    columns = (
        Column("Run"),
        Column("Train Acc", "right", "rule.final_train_accuracy", "rules"),
        Column("Valid Acc", "right", "rule.final_valid_accuracy", "rules"),
        Column("Gap", "right", "rule.gap_pp", "rules"),
        Column("Overfitting Risk", layer="rules"),
        Column("Loss gap", "right", "gap.loss", "evidence"),
    )
    rows = tuple(
        (
            cell(a.name(run.id)),
            cell(percent(d.final_train_accuracy)),
            cell(percent(d.final_valid_accuracy)),
            cell(signed(d.gap_pp, 2, " pp"), bold=True),
            cell(grades.risk_word(d.gap_pp, a.settings)),
            gaps[run.id] or cell("–"),
        )
        for run in shown_runs(a)
        for d in (results[run.id],)
    )
    notes = (*_rounding_note(a), *left_out(a))
    return with_findings(a, "gap", filled(Table("gap", "Validation against training", columns, rows, notes=notes)))


def _loss_gap(a: Analysis, run_id: str) -> Cell | None:
    """Return the loss gap with its interval, else the difference of the last values; None if a loss is missing."""
    known, d = a.evidence[run_id].loss_gap, a.rules_of_thumb[run_id]
    if known is not None:
        return interval_cell(known, sign=True)
    if d.final_full_valid_loss is None or d.final_train_loss is None:
        return None
    change = d.final_full_valid_loss - d.final_train_loss
    return cell(signed_minus(f"{change:+#.3g}"), "last values, no interval")


def _rounding_note(a: Analysis) -> tuple[Rich, ...]:
    """Return a note on runs whose gap differs from that of the printed numbers; empty without any."""
    notes = [f for f in shown_findings(a) if f.rule == ROUNDING]
    links = [rich("[{run}](#finding-{id})", run=a.name(f.runs[0]), id=f.id) for f in notes]
    return (
        (rich("Differences are taken before rounding, which shows in {runs}.", runs=join(links, ", ")),)
        if notes
        else ()
    )
