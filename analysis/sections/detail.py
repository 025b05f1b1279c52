"""Detailed Performance Analysis: the curves, and the gap between validation and training."""

from __future__ import annotations

from analysis import grading
from analysis.blocks import Block, Column, Item, Items, Prose, Table
from analysis.detectors import DETECTORS
from analysis.findings import Finding
from analysis.model import Analysis
from analysis.rich import Rich, join, rich, text
from analysis.sections.narrative import findings_of, item, missing, told
from analysis.tables import cell, interval, interval_cell, loss, number, percent, signed, signed_minus


def curves(a: Analysis) -> list[Block]:
    """Describe each run's training curve: its numbers, then what holds about its shape."""
    if not any(run.series(a.curve).size for run in a.runs):
        return missing("Training curves", "No run logged a training curve.")
    blocks: list[Block] = []
    for run in a.runs:
        if not run.series(a.curve).size:
            continue
        about = [f for f in findings_of(a, "curves") if f.runs[-1:] == (run.id,) and not _quiet(f)]
        role = " (candidate)" if run.id == a.candidate.id else " (baseline)" if run is a.baseline else ""
        blocks.append(Prose(rich("**{run}**{role}:", run=a.title_of(run.id), role=role)))
        blocks.append(Items((*(Item(line) for line in _numbers(a, run.id)), *(item(f) for f in about))))
    quiet = [f for f in findings_of(a, "curves") if _quiet(f)]
    if quiet:
        names = join([_looked_for(f) for f in quiet], ", ")
        blocks.append(
            Prose(rich("Looked for in {run} and not found: {names}.", run=a.name(a.candidate.id), names=names))
        )
    return blocks


def _quiet(finding: Finding) -> bool:
    return finding.rule in DETECTORS and finding.status != "supported"


def _looked_for(finding: Finding) -> Rich:
    name = DETECTORS[finding.rule].title.lower()
    undecided = " (cannot tell)" if finding.status == "cannot tell" else ""
    return rich("[{name}](#{id}){undecided}", name=name, id=f"finding-{finding.id}", undecided=undecided)


def _numbers(a: Analysis, run_id: str) -> list[Rich]:
    d, e = a.document[run_id], a.evidence[run_id]
    lines = [
        rich(
            "First {first}, best {best}, worst {worst}, last {last}",
            first=loss(d.first_train_loss),
            best=loss(d.best_train_loss),
            worst=loss(d.worst_train_loss),
            last=loss(float(a.run(run_id).series(a.curve)[-1])),
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
    if not any(r.gap_pp is not None for r in results.values()) and not any(e.loss_gap for e in a.evidence.values()):
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
            cell(grading.risk_word(d.gap_pp, a.settings)),
            interval_cell(a.evidence[run.id].loss_gap, sign=True),
        )
        for run in a.runs
        for d in (results[run.id],)
    )
    return [
        Table("gap", "Validation against training", columns, rows, notes=_rounding_notes(a)),
        *told(a, "gap"),
    ]


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
