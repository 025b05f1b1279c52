"""Key Findings: stability, performance, efficiency, epochs, validation coverage."""

from __future__ import annotations

from analysis import grading
from analysis.blocks import Block, Cell, Column, Details, Table, Tone
from analysis.document import DocumentResult
from analysis.factors import changed_factors, factor_values
from analysis.metrics import change_pct
from analysis.model import Analysis
from analysis.naming import factor_title, short_value
from analysis.rich import rich, text
from analysis.sections.narrative import lacking, missing, told
from analysis.tables import cell, interval_cell, loss, percent, signed

_WORD_TONES: dict[str, Tone] = {
    "Best": "good",
    "Good": "good",
    "Excellent": "good",
    "Poor": "bad",
    "Worst": "bad",
    "Enhanced": "good",
}


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
            _assessed(stability_words(a)[run.id]),
            interval_cell(evidence.oscillation_rate, scale=100, unit="%"),
            interval_cell(evidence.noise),
        ]
        rows.append(tuple(row))
    table = Table(
        "stability",
        "Loss oscillations (changes of more than 1 % from one logged value to the next)",
        tuple(columns),
        tuple(rows),
        strong=_rows_of(a, a.leaders["stability"]),
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
            _assessed(words[run.id]),
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
            _rows_of(a, a.leaders["training_performance"]),
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
                _assessed(words[run.id]),
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
            _rows_of(a, a.leaders["validation_performance"]),
        ),
        *lacking(a, ["valid_loss", "valid_mean_token_accuracy"], "Minibatch validation"),
        *lacking(a, ["full_valid_loss", "full_valid_mean_token_accuracy"], "Full validation"),
        *told(a, "final-validation"),
        *told(a, "trade-off"),
    ]


def efficiency(a: Analysis) -> list[Block]:
    """Hold the steps against the stated number and against what the data sizes imply."""
    stated = any(d.expected_steps_stated is not None for d in a.document.values())
    columns = (
        Column("Run"),
        Column("Total Steps", "right", None, "document"),
        *((Column("Expected Steps (stated)", "right", "doc.expected_steps", "document"),) if stated else ()),
        Column("Efficiency", layer="document"),
        Column("Expected from data", "right", "data.expected_steps", "evidence"),
        Column("Against data", "right", "doc.overage_pct", "evidence"),
    )
    rows = []
    for run in a.runs:
        d = a.document[run.id]
        epochs = run.factor("n_epochs")
        expected = d.expected_steps_stated if d.expected_steps_stated is not None else d.expected_steps
        word, _ = grading.efficiency_word(
            d.total_steps, expected, epochs if isinstance(epochs, int | float) else None, a.settings
        )
        rows.append(
            (
                cell(a.name(run.id)),
                cell(str(d.total_steps)),
                *((cell(_stated(d.expected_steps_stated)),) if stated else ()),
                _assessed(word),
                cell(str(run.expected_from_data) if run.expected_from_data is not None else "data sizes not stated"),
                cell("as expected" if d.overage_from_data_pct == 0 else signed(d.overage_from_data_pct, 1, "%")),
            )
        )
    return [
        Table(
            "efficiency",
            "Steps taken against steps expected",
            columns,
            tuple(rows),
            _rows_of(a, a.leaders["efficiency"]),
        ),
        *told(a, "efficiency"),
    ]


def _stated(steps: int | None) -> str:
    return "not stated" if steps is None else f"~{steps}"


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
                _assessed(grading.epoch_word(epoch.improvement_pct, a.settings)),
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
    return [Table(f"epochs-{run_id}", f"{a.name(run_id)} epoch by epoch", columns, tuple(rows), notes=(text(how),))]


def coverage(a: Analysis) -> list[Block]:
    """Count validations as the document does; beside them how much each of them saw."""
    results = a.document
    if not any(r.validation_count or r.full_validation_count for r in results.values()):
        return missing("Validation coverage", "No run logged a validation.")
    columns = (
        Column("Run"),
        Column("Standard Validations", "right", "doc.validation_coverage", "document"),
        Column("Full Validations", "right", "doc.full_validation_coverage", "document"),
        Column("Coverage Assessment", layer="document"),
        Column("Evaluations per epoch", "right", "valid.evals_per_epoch", "evidence"),
        Column("Examples per evaluation", "right", "valid.examples_per_eval", "evidence"),
    )
    rows = tuple(
        (
            cell(a.name(run.id)),
            cell(_share(d.validation_count, d.total_steps)),
            cell(_share(d.full_validation_count, d.total_steps)),
            _assessed(coverage_word(d, list(results.values()))),
            cell(f"{d.validation_count / max(1, len(d.epochs)):.0f}" if d.validation_count else "none"),
            cell(_examples(a, run.id)),
        )
        for run in a.runs
        for d in (results[run.id],)
    )
    return [
        Table(
            "coverage",
            "How often each run was validated",
            columns,
            rows,
            _rows_of(a, a.leaders["monitoring"]),
        ),
        *told(a, "coverage"),
    ]


def coverage_word(result: DocumentResult, others: list[DocumentResult]) -> str:
    """Put validation coverage into the document's words."""
    if not result.validation_count + result.full_validation_count:
        return "None"
    fewest = min(other.full_validation_count for other in others)
    return "Enhanced" if result.full_validation_count > max(1, fewest) else "Basic"


def _share(number: int, total: int) -> str:
    return f"{number} ({number / total * 100:.1f}%)" if total else str(number)


def _examples(a: Analysis, run_id: str) -> str:
    run, e = a.run(run_id), a.evidence[run_id]
    parts = []
    if run.series("valid_loss").size or run.series("valid_mean_token_accuracy").size:
        batch = run.factor("batch_size")
        parts.append(f"{batch} a minibatch" if isinstance(batch, int) else "minibatch size not stated")
        if e.valid_counts is not None:
            parts[-1] += f" ({e.valid_counts.tokens} tokens)"
    if run.series("full_valid_loss").size:
        parts.append(f"{run.data.n_valid} in full" if run.data.n_valid else "size of the full set not stated")
    return "; ".join(parts) or "none"


def _accuracy_cell(a: Analysis, run_id: str) -> Cell:
    counts, d = a.evidence[run_id].valid_counts, a.document[run_id]
    if counts is None:
        why = "tokens per batch unresolved" if d.final_valid_accuracy is not None else ""
        return cell("–", why)
    shown = interval_cell(counts.interval, scale=100, unit="%")
    return Cell(shown.text, rich("{i} ({k}/{n})", i=shown.minor, k=counts.correct, n=counts.tokens))


def _leading_factor(a: Analysis) -> str | None:
    """Choose the factor to show beside the runs: the learning rate as in the document, else one that differs."""
    if any(run.factor("learning_rate") is not None for run in a.runs):
        return "learning_rate"
    changed = [name for name in changed_factors(a.runs) if name != "seed"]
    return changed[0] if changed else None


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


def _assessed(word: str) -> Cell:
    return cell(word, tone=_WORD_TONES.get(word.split(" ")[0], "neutral"))


def _rows_of(a: Analysis, run_id: str | None) -> frozenset[int]:
    return frozenset(index for index, run in enumerate(a.runs) if run.id == run_id)
