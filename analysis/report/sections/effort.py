"""Key Findings: training efficiency and validation coverage."""

from __future__ import annotations

from analysis.core.blocks import Block, Column, Details, Prose, Table
from analysis.core.number_format import cell, count, signed
from analysis.core.rich_text import text
from analysis.core.run_facts import unit_of_steps
from analysis.findings.analysis_result import Analysis
from analysis.heuristics import grades
from analysis.heuristics.run_numbers import RuleNumbers
from analysis.report.sections.assessments import alike, assessed, filled, left_out, rows_of, shown_runs
from analysis.report.sections.evaluations import evaluations
from analysis.report.sections.narrative import findings_blocks, quiet, untrained, validated_otherwise, with_findings


def efficiency(a: Analysis) -> list[Block]:
    """Show the number of steps next to the stated one and the one that the data sizes imply."""
    if all(d.expected_steps is None and d.expected_steps_stated is None for d in a.rules_of_thumb.values()):
        steps = sorted(d.total_steps for d in a.rules_of_thumb.values())
        ran = f"{steps[0]:,}" if steps[0] == steps[-1] else f"{steps[0]:,} to {steps[-1]:,}"
        why = "how many were expected is not known, as the sizes of the data are not stated"
        unit = unit_of_steps(*a.runs)
        took = f"The runs took {ran} {unit}s" if len(a.runs) > 1 else f"The run took {count(steps[0], unit)}"
        return [*(untrained(a) or quiet(f"{took}; {why}.")), *findings_blocks(a, "efficiency")]
    stated = any(d.expected_steps_stated is not None for d in a.rules_of_thumb.values())
    columns = (
        Column("Run"),
        Column("Total Steps", "right", None, "rules"),
        *((Column("Expected Steps (stated)", "right", "rule.expected_steps", "rules"),) if stated else ()),
        Column("Efficiency", layer="rules"),
        Column("Expected from data", "right", "data.expected_steps", "evidence"),
        Column("Against data", "right", "rule.overage_pct", "evidence"),
    )
    rows = []
    for run in shown_runs(a):
        d = a.rules_of_thumb[run.id]
        epochs = run.factor("n_epochs")
        expected = d.expected_steps_stated if d.expected_steps_stated is not None else d.expected_steps
        word, _ = grades.efficiency_word(
            d.total_steps, expected, epochs if isinstance(epochs, int | float) else None, a.settings
        )
        rows.append(
            (
                cell(a.name(run.id)),
                cell(f"{d.total_steps:,}"),
                *((cell(_stated(d.expected_steps_stated)),) if stated else ()),
                assessed(word),
                cell(f"{run.expected_from_data:,}" if run.expected_from_data is not None else "data sizes not stated"),
                cell("as expected" if d.overage_from_data_pct == 0 else signed(d.overage_from_data_pct, 1, "%")),
            )
        )
    strong = rows_of(a, a.leaders["efficiency"])
    table = Table("efficiency", "Steps taken against steps expected", columns, tuple(rows), strong, left_out(a))
    as_planned = all(d.overage_from_data_pct == 0 for d in a.rules_of_thumb.values())
    if as_planned and not stated:
        who = "Every run" if len(a.runs) > 1 else "The run"
        return [
            Prose(text(f"{who} took the steps that its data imply.")),
            *with_findings(a, "efficiency", Details(text("Steps in numbers"), (table,))),
        ]
    return with_findings(a, "efficiency", filled(table))


def _stated(steps: int | None) -> str:
    return "not stated" if steps is None else f"~{steps:,}"


def coverage(a: Analysis) -> list[Block]:
    """Show how often runs were validated, and on how many examples; then evaluations by example."""
    return [*_coverage(a), *evaluations(a)]


def _coverage(a: Analysis) -> list[Block]:
    results = a.rules_of_thumb
    if not any(r.validation_count or r.full_validation_count for r in results.values()):
        return untrained(a) or quiet(validated_otherwise(a) or "No run logged a validation.")
    columns = (
        Column("Run"),
        Column("Standard Validations", "right", "rule.validation_coverage", "rules"),
        Column("Full Validations", "right", "rule.full_validation_coverage", "rules"),
        Column("Coverage Assessment", layer="rules"),
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
        for run in shown_runs(a)
        for d in (results[run.id],)
    )
    strong = rows_of(a, a.leaders["monitoring"])
    table = Table("coverage", "How often each run was validated", columns, rows, strong, left_out(a))
    if alike(table):
        lead = Prose(text("All runs were validated equally often."))
        return [lead, *with_findings(a, "coverage", Details(text("Validations in numbers"), (table,)))]
    return with_findings(a, "coverage", filled(table))


def coverage_word(result: RuleNumbers, others: list[RuleNumbers]) -> str:
    """Return the assessment of the validation coverage of a run."""
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
        parts.append(f"{run.n_valid:,} in full" if run.n_valid else "size of the full set not stated")
    return "; ".join(parts) or "none"
