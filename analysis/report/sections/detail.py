"""Detailed Performance Analysis: the curves, and the gap between validation and training."""

from __future__ import annotations

from analysis.core.blocks import Block, Cell, Column, Item, Items, Prose, Table
from analysis.core.metrics import metric as metric_of
from analysis.core.number_format import cell, in_unit, interval, interval_cell, number, percent, signed, signed_minus
from analysis.core.rich_text import Rich, join, rich, text
from analysis.findings.analysis_result import Analysis
from analysis.findings.finding import Finding
from analysis.heuristics import grades
from analysis.report.sections.narrative import findings_of, item, missing, told
from analysis.report.sections.observed import observed
from analysis.statistics.detectors import DETECTORS


def curves(a: Analysis) -> list[Block]:
    """Describe each run's training curve: its numbers, then what holds about its shape."""
    if not any(run.series(a.curve).size for run in a.runs):
        return missing("Training curves", "No run logged a training curve.")
    # Where nothing could be judged they stand in the summary already.
    blocks: list[Block] = [] if a.verdict.result == "insufficient data" else observed(a, brief=True)
    for run in a.runs:
        if not run.series(a.curve).size:
            continue
        about = [f for f in findings_of(a, "curves") if f.runs[-1:] == (run.id,) and not _quiet(f)]
        role = " (candidate)" if run.id == a.candidate.id else " (baseline)" if run is a.baseline else ""
        blocks.append(Prose(rich("**{run}**{role}:", run=a.title_of(run.id), role=role)))
        blocks.append(Items((*(Item(line) for line in _numbers(a, run.id)), *(item(f) for f in about))))
    return [*blocks, *_looked_for(a)]


def _looked_for(a: Analysis) -> list[Block]:
    """Say which problems the candidate does not show, and which could not be looked for, and why."""
    quiet = [f for f in findings_of(a, "curves") if _quiet(f)]
    absent = [_named(f) for f in quiet if f.status != "cannot tell"]
    reasons: dict[str, list[Rich]] = {}
    for finding in (f for f in quiet if f.status == "cannot tell"):
        detection = a.detection(a.candidate.id, finding.rule)
        reasons.setdefault(detection.statement.rstrip(".") if detection else "", []).append(_named(finding))
    run = a.name(a.candidate.id)
    blocks: list[Block] = []
    if absent:
        blocks.append(Prose(rich("Looked for in {run} and not found: {names}.", run=run, names=join(absent, ", "))))
    if reasons:
        told = [rich("{names} ({why})", names=join(names, ", "), why=why) for why, names in reasons.items()]
        blocks.append(Prose(rich("Cannot be told for {run}: {told}.", run=run, told=join(told, "; "))))
    return blocks


def _quiet(finding: Finding) -> bool:
    return finding.rule in DETECTORS and finding.status != "supported"


def _named(finding: Finding) -> Rich:
    return rich("[{name}](#{id})", name=DETECTORS[finding.rule].title.lower(), id=f"finding-{finding.id}")


def _numbers(a: Analysis, run_id: str) -> list[Rich]:
    d, e = a.document[run_id], a.evidence[run_id]
    lines = [
        rich(
            "{metric}: first {first}, best {best}, worst {worst}, last {last}",
            metric=metric_of(a.curve).label,
            first=in_unit(a.curve, d.first_train_loss),
            best=in_unit(a.curve, d.best_train_loss),
            worst=in_unit(a.curve, d.worst_train_loss),
            last=in_unit(a.curve, float(a.run(run_id).series(a.curve)[-1])),
        )
    ]
    if d.volatility is not None:
        lines.append(
            rich(
                "Volatility (mean rolling standard deviation): {v}",
                v=f"{d.volatility:.4f}" if d.volatility >= 0.001 else number(d.volatility),
            )
        )
    slope = e.slope.get(a.curve)
    if slope is not None:
        lines.append(rich("Slope per 100 steps: {s}", s=interval(slope, sign=True)))
    return lines


def gap(a: Analysis) -> list[Block]:
    """Hold validation against training: the document's accuracy gap, and the loss gap with its interval."""
    results = a.document
    gaps = {run.id: _loss_gap(a, run.id) for run in a.runs}
    if not any(r.gap_pp is not None for r in results.values()) and not any(gaps.values()):
        return missing(
            "Validation against training",
            "No run has both a training and a validation value to hold against each other.",
        )
    columns = (
        Column("Run"),
        Column("Train Acc", "right", "doc.final_train_accuracy", "document"),
        Column("Valid Acc", "right", "doc.final_valid_accuracy", "document"),
        Column("Gap", "right", "doc.gap_pp", "document"),
        Column("Overfitting Risk", layer="document"),
        Column("Loss gap (positive: worse on validation)", "right", "gap.loss", "evidence"),
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
        for run in a.runs
        for d in (results[run.id],)
    )
    return [
        Table("gap", "Validation against training", columns, rows, notes=_rounding_notes(a)),
        *told(a, "gap"),
    ]


def _loss_gap(a: Analysis, run_id: str) -> Cell | None:
    """Show the loss gap with its interval, else the difference of the last values; None where a loss is missing."""
    known, d = a.evidence[run_id].loss_gap, a.document[run_id]
    if known is not None:
        return interval_cell(known, sign=True)
    if d.final_full_valid_loss is None or d.final_train_loss is None:
        return None
    change = d.final_full_valid_loss - d.final_train_loss
    return cell(signed_minus(f"{change:+.3g}"), "last values, no interval")


def _rounding_notes(a: Analysis) -> tuple[Rich, ...]:
    """Say where the difference of the printed numbers is not the printed difference."""
    notes = []
    for run in a.runs:
        d = a.document[run.id]
        if d.gap_pp is None or d.final_valid_accuracy is None or d.final_train_accuracy is None:
            continue
        printed = round(round(d.final_valid_accuracy * 100, 2) - round(d.final_train_accuracy * 100, 2), 2)
        if f"{printed:.2f}" != f"{d.gap_pp:.2f}":
            notes.append(
                text(
                    f"{a.name(run.id)}: differences are taken before rounding; the printed accuracies differ by "
                    f"{signed_minus(f'{printed:.2f}')}, the unrounded ones by {signed_minus(f'{d.gap_pp:.2f}')} "
                    "percentage points."
                )
            )
    return tuple(notes)
