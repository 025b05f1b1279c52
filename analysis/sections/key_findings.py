"""Key Findings: stability, and epoch by epoch."""

from __future__ import annotations

from analysis import grading
from analysis.blocks import Block, Cell, Column, Details, Table
from analysis.factors import changed_factors, factor_values
from analysis.metrics import change_pct
from analysis.model import Analysis
from analysis.naming import factor_title, short_value
from analysis.rich import rich, text
from analysis.sections.assessments import assessed, rows_of
from analysis.sections.narrative import missing, told
from analysis.tables import cell, interval_cell, loss, percent, signed

_EPOCHS_AT_AN_END = 6
"""Epochs shown at the start and at the end of a run of many."""


def stability(a: Analysis) -> list[Block]:
    """Count oscillations as the document does; beside them the rate per transition and the noise."""
    counts = {run_id: result.oscillations for run_id, result in a.document.items()}
    known = {run_id: n for run_id, n in counts.items() if n is not None}
    if not known:
        why = (
            "Oscillations are changes from one step to the next; no run has two steps of a loss to compare, "
            "or the logs hold one value an epoch."
        )
        return missing("Loss oscillations", why)
    reference = a.reference_id
    base = counts[reference]
    leading = _leading_factor(a)
    columns = [Column("Run")]
    if leading:
        columns.append(Column(factor_title(leading)))
    columns += [
        Column("Oscillations", "right", "doc.oscillations", "document"),
        Column(f"vs {a.name(reference)}", "right", "doc.change_pct", "document"),
        Column("Assessment", layer="document"),
        Column("Rate per transition", "right", "osc.rate", "evidence"),
        Column("Noise (sd)", "right", "noise.s", "evidence"),
    ]
    rows = []
    for run in a.runs:
        n, evidence = counts[run.id], a.evidence[run.id]
        row = [Cell(text(a.title_of(run.id)))]
        if leading:
            row.append(cell(short_value(factor_values(run).get(leading))))
        row += [
            cell("not counted" if n is None else str(n), bold=n is not None),
            cell("Baseline" if run.id == reference else signed(change_pct(base, n), 0, "%")),
            assessed(stability_words(a)[run.id]),
            interval_cell(evidence.oscillation_rate, scale=100, unit="%"),
            interval_cell(evidence.noise),
        ]
        rows.append(tuple(row))
    table = Table(
        "stability",
        "Loss oscillations (changes of more than 1 % from one logged value to the next)",
        tuple(columns),
        tuple(rows),
        strong=rows_of(a, a.leaders["stability"]),
        notes=(
            rich(
                "A count grows with the number of steps: the rate does not. White noise alone, with the spread of "
                "these logs, gives the rates {rates}.",
                rates=", ".join(
                    f"{percent(a.evidence[r.id].white_noise_rate, 1)} ({a.name(r.id)})"
                    for r in a.runs
                    if a.evidence[r.id].white_noise_rate is not None
                )
                or "not known",
            ),
        ),
    )
    return [table, *told(a, "stability")]


def stability_words(a: Analysis) -> dict[str, str]:
    """Put each run's oscillation count into the document's words."""
    counts = {r: d.oscillations for r, d in a.document.items()}
    known = [n for n in counts.values() if n is not None]
    return {
        run_id: "Not assessed"
        if n is None
        else grading.word(
            a.document[run_id].grades.stability,
            best=n == min(known),
            last=len(known) > 1 and n == max(known),
        )
        for run_id, n in counts.items()
    }


def epochs(a: Analysis) -> list[Block]:
    """Go through the candidate's epochs; those of other runs are folded away."""
    blocks = _epoch_table(a, a.candidate.id)
    others = [run.id for run in a.runs if run.id != a.candidate.id and len(a.document[run.id].epochs) > 1]
    folded = [block for run_id in others for block in _epoch_table(a, run_id)]
    if folded:
        blocks.append(Details(text("Epochs of the other runs"), tuple(folded)))
    return [*blocks, *told(a, "epochs")]


def _epoch_table(a: Analysis, run_id: str) -> list[Block]:
    d, e = a.document[run_id], a.evidence[run_id]
    if not d.epochs:
        return missing(f"Epochs of {a.name(run_id)}", "The log holds no training curve to divide into epochs.")
    columns = (
        Column("Epoch"),
        Column("Steps", "right", "doc.epoch_boundary", "document"),
        Column("Start Loss", "right", None, "document"),
        Column("End Loss", "right", None, "document"),
        Column("Improvement", "right", "doc.improvement_pct", "document"),
        Column("Oscillations", "right", "doc.oscillations", "document"),
        Column("Assessment", layer="document"),
        Column("Slope per 100 steps", "right", "loss.trend", "evidence"),
        Column("Full valid. loss", "right", None, "evidence"),
    )
    full = dict(
        zip(
            a.run(run_id).steps_of("full_valid_loss").tolist(),
            a.run(run_id).series("full_valid_loss").tolist(),
            strict=True,
        )
    )
    rows = []
    for number, epoch in enumerate(d.epochs):
        at_end = [value for step, value in full.items() if epoch.first_step <= step <= epoch.last_step]
        slope = e.epoch_slopes[number] if number < len(e.epoch_slopes) else None
        rows.append(
            (
                cell(f"Epoch {epoch.epoch}", bold=True),
                cell(str(epoch.steps)),
                cell(loss(epoch.start_loss)),
                cell(loss(epoch.end_loss)),
                cell(signed(epoch.improvement_pct, 1, "%"), bold=True),
                cell("not counted" if epoch.oscillations is None else str(epoch.oscillations)),
                assessed(grading.epoch_word(epoch.improvement_pct, a.settings)),
                interval_cell(slope, sign=True),
                cell(f"{at_end[-1]:.5f}" if at_end else "not logged"),
            )
        )
    how = {
        "metadata": "Epoch boundaries follow from the run's own data.",
        "full validation": "Epoch boundaries are the steps with a full validation.",
        "estimated": "Epoch boundaries are estimated: the steps divided evenly.",
        "unknown": "The number of epochs is not known: the whole log is shown as one.",
    }[d.epoch_boundary]
    notes = [text(how)]
    if len(rows) > 2 * _EPOCHS_AT_AN_END:
        hidden = len(rows) - 2 * _EPOCHS_AT_AN_END
        notes.append(text(f"The {hidden} epochs between are left out here; the results JSON has all."))
        rows = [*rows[:_EPOCHS_AT_AN_END], *rows[-_EPOCHS_AT_AN_END:]]
    return [Table(f"epochs-{run_id}", f"{a.name(run_id)} epoch by epoch", columns, tuple(rows), notes=tuple(notes))]


def _leading_factor(a: Analysis) -> str | None:
    """Choose the factor to show beside the runs: the learning rate as in the document, else one that differs."""
    if any(run.factor("learning_rate") is not None for run in a.runs):
        return "learning_rate"
    changed = [name for name in changed_factors(a.runs) if name != "seed"]
    return changed[0] if changed else None
