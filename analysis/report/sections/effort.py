"""Key Findings: training efficiency and validation coverage."""

from __future__ import annotations

from analysis.core.blocks import Block, Column, Table
from analysis.core.number_format import cell, signed
from analysis.findings.analysis_result import Analysis
from analysis.heuristics import grades
from analysis.heuristics.run_numbers import DocumentResult
from analysis.report.sections.assessments import assessed, rows_of
from analysis.report.sections.narrative import missing, told, validated_otherwise


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
        word, _ = grades.efficiency_word(
            d.total_steps, expected, epochs if isinstance(epochs, int | float) else None, a.settings
        )
        rows.append(
            (
                cell(a.name(run.id)),
                cell(str(d.total_steps)),
                *((cell(_stated(d.expected_steps_stated)),) if stated else ()),
                assessed(word),
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
            rows_of(a, a.leaders["efficiency"]),
        ),
        *told(a, "efficiency"),
    ]


def _stated(steps: int | None) -> str:
    return "not stated" if steps is None else f"~{steps}"


def coverage(a: Analysis) -> list[Block]:
    """Count validations as the document does; beside them how much each of them saw."""
    results = a.document
    if not any(r.validation_count or r.full_validation_count for r in results.values()):
        return missing("Validation coverage", validated_otherwise(a) or "No run logged a validation.")
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
            assessed(coverage_word(d, list(results.values()))),
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
            rows_of(a, a.leaders["monitoring"]),
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
