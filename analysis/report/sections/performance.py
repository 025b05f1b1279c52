"""Key Findings: final training and validation performance."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from analysis.core.blocks import Block, Cell, Column, Table
from analysis.core.number_format import cell, interval_cell, loss, percent
from analysis.core.rich_text import Rich, rich
from analysis.evidence.best_values import shown_metrics
from analysis.evidence.comparability import to_validate
from analysis.findings.analysis_result import Analysis
from analysis.heuristics import grades
from analysis.heuristics.run_numbers import validation_fields
from analysis.report.sections.assessments import assessed, filled, left_out, rows_of, shown_runs
from analysis.report.sections.narrative import (
    findings_blocks,
    lacking,
    quiet,
    untrained,
    validated_otherwise,
    with_findings,
)
from analysis.report.sections.seeds import seeds
from analysis.statistics import window_ratio


def final_training(a: Analysis) -> list[Block]:
    """Show the last training row by rule of thumb, next to the mean of the last window."""
    if not any(r.final_train_loss is not None or r.final_train_accuracy is not None for r in a.rules_of_thumb.values()):
        why = "No run logged a train loss or train accuracy under a name that is known."
        return untrained(a) or quiet(why, more=_elsewhere(a))
    words, accurate = _training_words(a), any(r.final_train_accuracy is not None for r in a.rules_of_thumb.values())
    ratios = _ratios(a)
    columns = (
        Column("Run"),
        Column("Train Loss", "right", "rule.final_train_loss", "rules"),
        *([Column("Train Accuracy", "right", "rule.final_train_accuracy", "rules")] if accurate else []),
        Column("Assessment", layer="rules"),
        Column("Window mean loss", "right", "loss.window_mean", "evidence"),
        *([Column(f"Loss, × {a.name(a.reference_id)}", "right", "loss.window_ratio", "evidence")] if ratios else []),
        *([Column("Window mean accuracy", "right", "loss.window_mean", "evidence")] if accurate else []),
    )
    rows = []
    for run in shown_runs(a):
        d, window = a.rules_of_thumb[run.id], a.evidence[run.id].window
        accuracy = interval_cell(window.get("train_mean_token_accuracy"), scale=100, unit="%")
        row = [cell(a.name(run.id)), cell(loss(d.final_train_loss))]
        row += [cell(percent(d.final_train_accuracy))] if accurate else []
        row += [assessed(words[run.id]), interval_cell(window.get("train_loss"))]
        row += [ratios[run.id]] if ratios else []
        rows.append((*row, *([accuracy] if accurate else [])))
    table = Table(
        "final-training",
        "Training: the last row, and the mean of the last window",
        columns,
        tuple(rows),
        rows_of(a, a.leaders["training_performance"]),
        left_out(a),
    )
    return with_findings(
        a, "final-training", filled(table), *lacking(a, ["train_mean_token_accuracy"], "Train accuracy")
    )


def final_validation(a: Analysis) -> list[Block]:
    """Show the last minibatch validation by rule of thumb, next to counts and the full validation."""
    logged = any(r.validation_count or r.full_validation_count for r in a.rules_of_thumb.values())
    if not logged:
        return _not_validated(a)
    words, shown = _validation_words(a), [column for column in _VALIDATION if any(column.has(a, r.id) for r in a.runs)]
    assessed_after = max((i for i, c in enumerate(shown) if c.column.layer == "rules"), default=-1) + 1
    columns = [one.column for one in shown]
    columns.insert(assessed_after, Column("Assessment", layer="rules"))
    rows = []
    for run in shown_runs(a):
        row = [one.cell(a, run.id) for one in shown]
        row.insert(assessed_after, assessed(words[run.id]))
        rows.append((cell(a.name(run.id)), *row))
    minibatch = any(
        r.final_valid_loss is not None or r.final_valid_accuracy is not None for r in a.rules_of_thumb.values()
    )
    of = "one minibatch, and the whole validation set" if minibatch else "the whole validation set"
    table = Table(
        "final-validation",
        f"Last validation: {of}",
        (Column("Run"), *columns),
        tuple(rows),
        rows_of(a, a.leaders["validation_performance"]),
        left_out(a),
    )
    gone = [
        *lacking(a, ["valid_loss", "valid_mean_token_accuracy"], "Minibatch validation"),
        *lacking(a, ["full_valid_loss", "full_valid_mean_token_accuracy"], "Full validation"),
    ]
    return [*with_findings(a, "final-validation", table, *gone), *findings_blocks(a, "trade-off"), *seeds(a)]


def _ratios(a: Analysis) -> dict[str, Cell]:
    """Return the ratio of each run's window mean loss to the baseline's, by run ID; empty if none is known."""
    base = a.evidence[a.reference_id].window.get("train_loss")
    found = {
        run.id: window_ratio(base, level)
        for run in a.runs
        if (level := a.evidence[run.id].window.get("train_loss")) is not None and base is not None
        if run.id != a.reference_id
    }
    if not any(one.known for one in found.values()):
        return {}
    return {
        run.id: cell("baseline") if run.id == a.reference_id else interval_cell(found.get(run.id)) for run in a.runs
    }


def _elsewhere(a: Analysis) -> Rich:
    """Return a link to the table of logged values; empty without one."""
    logged = any(shown_metrics(run) for run in a.runs)
    return rich("What was logged stands under [first, best and last values](#seen).") if logged else ()


def _not_validated(a: Analysis) -> list[Block]:
    """Return a note that no validation loss or accuracy is known, and which other validation metrics are."""
    if untrained(a):
        return quiet("The scores stand under", more=rich("[Evaluations by Task](#evaluations)."))
    if otherwise := validated_otherwise(a):
        return quiet(otherwise, more=_elsewhere(a))
    why = f"No run logged a validation: generalisation cannot be assessed. Next time, {to_validate(a.curve)}."
    return quiet(why)


@dataclass(frozen=True)
class _Shown:
    """A column of the validation table, the function for its cells, and whether a run has a value."""

    column: Column
    cell: Callable[[Analysis, str], Cell]
    has: Callable[[Analysis, str], bool]


def _field(name: str) -> Callable[[Analysis, str], bool]:
    return lambda a, run_id: getattr(a.rules_of_thumb[run_id], name) is not None


def _full_loss(a: Analysis, run_id: str) -> Cell:
    level = a.evidence[run_id].full_valid_loss
    return interval_cell(level) if level else cell(loss(a.rules_of_thumb[run_id].final_full_valid_loss))


_VALIDATION = (
    _Shown(
        Column("Valid Loss", "right", "rule.final_valid_loss", "rules"),
        lambda a, r: cell(loss(a.rules_of_thumb[r].final_valid_loss)),
        _field("final_valid_loss"),
    ),
    _Shown(
        Column("Valid Accuracy", "right", "rule.final_valid_accuracy", "rules"),
        lambda a, r: cell(percent(a.rules_of_thumb[r].final_valid_accuracy)),
        _field("final_valid_accuracy"),
    ),
    _Shown(
        Column("Accuracy with interval", "right", "acc.interval", "evidence"),
        lambda a, r: _accuracy_cell(a, r),
        _field("final_valid_accuracy"),
    ),
    _Shown(
        Column("Full validation loss", "right", "fullval.level", "evidence"),
        _full_loss,
        _field("final_full_valid_loss"),
    ),
    _Shown(
        Column("Full validation accuracy", "right", None, "evidence"),
        lambda a, r: cell(percent(a.rules_of_thumb[r].final_full_valid_accuracy)),
        _field("final_full_valid_accuracy"),
    ),
)


def _accuracy_cell(a: Analysis, run_id: str) -> Cell:
    counts, d = a.evidence[run_id].valid_counts, a.rules_of_thumb[run_id]
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
        for run_id, r in a.rules_of_thumb.items()
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
    of_accuracy, of_loss = validation_fields(a.rules_of_thumb)
    accuracies = {r: getattr(d, of_accuracy) for r, d in a.rules_of_thumb.items()}
    known = [value for value in accuracies.values() if value is not None]
    words = {}
    for run_id, result in a.rules_of_thumb.items():
        grade = result.grades.performance
        last = len(known) > 1 and accuracies[run_id] == min(known)
        if grade is None and (getattr(result, of_loss) is not None or accuracies[run_id] is not None):
            words[run_id] = "Best" if run_id == best else f"Worse than {a.name(best)}" if best else "Not assessed"
        else:
            words[run_id] = grades.word(grade, best=run_id == best, last=last)
    return words
