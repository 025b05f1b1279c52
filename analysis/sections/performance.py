"""Key Findings: final training and validation performance."""

from __future__ import annotations

from analysis import grading
from analysis.blocks import Block, Cell, Column, Table
from analysis.model import Analysis
from analysis.rich import rich
from analysis.sections.assessments import assessed, rows_of
from analysis.sections.narrative import lacking, missing, told
from analysis.tables import cell, interval_cell, loss, percent


def final_training(a: Analysis) -> list[Block]:
    """Show the last training row as the document does; beside it the mean of the last window."""
    if not any(r.final_train_loss is not None or r.final_train_accuracy is not None for r in a.document.values()):
        return missing("Final training performance", "No run logged a train loss or train accuracy.")
    columns = (
        Column("Run"),
        Column("Train Loss", "right", "doc.final_train_loss", "document"),
        Column("Train Accuracy", "right", "doc.final_train_accuracy", "document"),
        Column("Assessment", layer="document"),
        Column("Window mean loss", "right", "loss.window_mean", "evidence"),
        Column("Window mean accuracy", "right", "loss.window_mean", "evidence"),
    )
    words = _training_words(a)
    rows = tuple(
        (
            cell(a.name(run.id)),
            cell(loss(d.final_train_loss)),
            cell(percent(d.final_train_accuracy)),
            assessed(words[run.id]),
            interval_cell(a.evidence[run.id].window.get("train_loss")),
            interval_cell(a.evidence[run.id].window.get("train_mean_token_accuracy"), scale=100, unit="%"),
        )
        for run in a.runs
        for d in (a.document[run.id],)
    )
    return [
        Table(
            "final-training",
            "Final training performance: the last row, and the last window",
            columns,
            rows,
            rows_of(a, a.leaders["training_performance"]),
        ),
        *lacking(a, ["train_mean_token_accuracy"], "Train accuracy"),
        *told(a, "final-training"),
    ]


def final_validation(a: Analysis) -> list[Block]:
    """Show the last minibatch validation as the document does; beside it counts and the full validation."""
    logged = any(r.validation_count or r.full_validation_count for r in a.document.values())
    if not logged:
        return missing("Final validation performance", "No run logged a validation: generalisation cannot be assessed.")
    columns = [
        Column("Run"),
        Column("Valid Loss", "right", "doc.final_valid_loss", "document"),
        Column("Valid Accuracy", "right", "doc.final_valid_accuracy", "document"),
        Column("Assessment", layer="document"),
        Column("Accuracy with interval", "right", "acc.interval", "evidence"),
        Column("Full validation loss", "right", "fullval.diff", "evidence"),
        Column("Full validation accuracy", "right", None, "evidence"),
    ]
    words = _validation_words(a)
    rows = []
    for run in a.runs:
        d, e = a.document[run.id], a.evidence[run.id]
        rows.append(
            (
                cell(a.name(run.id)),
                cell(loss(d.final_valid_loss)),
                cell(percent(d.final_valid_accuracy)),
                assessed(words[run.id]),
                _accuracy_cell(a, run.id),
                interval_cell(e.full_valid_loss) if e.full_valid_loss else cell(loss(d.final_full_valid_loss)),
                cell(percent(d.final_full_valid_accuracy, 2)),
            )
        )
    return [
        Table(
            "final-validation",
            "Final validation performance: one minibatch, and the whole validation set",
            tuple(columns),
            tuple(rows),
            rows_of(a, a.leaders["validation_performance"]),
        ),
        *lacking(a, ["valid_loss", "valid_mean_token_accuracy"], "Minibatch validation"),
        *lacking(a, ["full_valid_loss", "full_valid_mean_token_accuracy"], "Full validation"),
        *told(a, "final-validation"),
        *told(a, "trade-off"),
    ]


def _accuracy_cell(a: Analysis, run_id: str) -> Cell:
    counts, d = a.evidence[run_id].valid_counts, a.document[run_id]
    if counts is None:
        why = "tokens per batch unresolved" if d.final_valid_accuracy is not None else ""
        return cell("–", why)
    shown = interval_cell(counts.interval, scale=100, unit="%")
    return Cell(shown.text, rich("{i} ({k}/{n})", i=shown.minor, k=counts.correct, n=counts.tokens))


def _training_words(a: Analysis) -> dict[str, str]:
    scores = {
        run_id: r.final_train_accuracy
        if r.final_train_accuracy is not None
        else None
        if r.final_train_loss is None
        else -r.final_train_loss
        for run_id, r in a.document.items()
    }
    known = [score for score in scores.values() if score is not None]
    best = a.leaders["training_performance"]
    words = {}
    for run_id, score in scores.items():
        if score is None:
            words[run_id] = "Not assessed"
        elif score == max(known):
            words[run_id] = "Best"
        elif len(known) > 2 and score == min(known):
            words[run_id] = "Poor"
        else:
            words[run_id] = f"Worse than {a.name(best)}" if best else "Not assessed"
    return words


def _validation_words(a: Analysis) -> dict[str, str]:
    best = a.leaders["validation_performance"]
    accuracies = {r: d.final_valid_accuracy for r, d in a.document.items()}
    known = [value for value in accuracies.values() if value is not None]
    words = {}
    for run_id, result in a.document.items():
        grade = result.grades.performance
        last = len(known) > 1 and accuracies[run_id] == min(known)
        if grade is None and result.final_valid_loss is not None:
            words[run_id] = "Best" if run_id == best else f"Worse than {a.name(best)}" if best else "Not assessed"
        else:
            words[run_id] = grading.word(grade, best=run_id == best, last=last)
    return words
