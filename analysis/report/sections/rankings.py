"""Comparative Rankings: the document's grades and leaders, and what the evidence separates."""

from __future__ import annotations

from collections.abc import Collection

from analysis.core.blocks import Block, Cell, Column, Item, Items, Prose, Table
from analysis.core.config_factors import changed_factors, factor_values
from analysis.core.number_format import cell, count, loss, percent
from analysis.core.rich_text import Rich, rich, text
from analysis.core.run import FACTORS, Run
from analysis.core.run_names import factor_short, short_value
from analysis.findings.analysis_result import Analysis
from analysis.heuristics.run_numbers import DocumentResult, validation_fields
from analysis.report.sections.narrative import missing, told

_ORDINALS = {1: "1st", 2: "2nd", 3: "3rd"}


def ranking(a: Analysis) -> list[Block]:
    """Rank by the document's grades; beside them the evidence's, which never contradict a comparison."""
    if len(a.runs) < 2:
        return missing("Overall ranking", "There is one run only: nothing to rank.")
    ranked = sorted(a.runs, key=lambda run: a.document[run.id].rank or len(a.runs) + 1)
    if all(a.document[run.id].rank is None for run in ranked):
        return missing(
            "Overall ranking",
            "No run has a number that the document's ladders grade (oscillations, validation accuracy).",
        )
    changed = changed_factors(a.runs)
    columns = (
        Column("Rank"),
        Column("Configuration"),
        Column("Stability Score", "center", "doc.grade_stability", "document"),
        Column("Performance Score", "center", "doc.grade_performance", "document"),
        Column("Overall Grade", "center", "doc.grade_overall", "document"),
        Column("Stability (evidence)", "center", "grade.stability", "evidence"),
        Column("Performance (evidence)", "center", "grade.performance", "evidence"),
    )
    rows = tuple(
        (
            cell("–" if d.rank is None else _ORDINALS.get(d.rank, f"{d.rank}th")),
            Cell(configuration_name(a, run, changed)),
            cell(d.grades.stability or "–", bold=True),
            cell(d.grades.performance or "–", bold=True),
            cell(d.grades.overall or "–", bold=True),
            cell(a.evidence_grades[run.id].stability, a.evidence_grades[run.id].stability_why),
            cell(a.evidence_grades[run.id].performance, a.evidence_grades[run.id].performance_why),
        )
        for run in ranked
        for d in (a.document[run.id],)
    )
    return [
        Table("ranking", "Overall configuration ranking", columns, rows, frozenset({0})),
        *told(a, "ranking"),
    ]


def configuration_name(a: Analysis, run: Run, changed: Collection[str]) -> Rich:
    """Name a run with the factors that set it apart, of those that ``changed``: ``Run 3: lr=0.5, 1 epoch``."""
    values = factor_values(run)
    # Other factors, often sentences, are named only where no standard one tells the runs apart.
    standard = [name for name in FACTORS if name in values and (name in changed or name == "learning_rate")]
    parts = []
    for name in standard or [name for name in changed if name in values]:
        value = values[name]
        if name == "n_epochs" and isinstance(value, int):
            parts.append(count(value, "epoch"))
        elif len(short_value(value)) <= 30:
            parts.append(f"{factor_short(name)}={short_value(value)}")
    return rich("**{run}**{config}", run=a.name(run.id), config=": " + ", ".join(parts[:4]) if parts else "")


def leaders(a: Analysis) -> list[Block]:
    """Name the leader of each of the document's five rankings, with its number."""
    if len(a.runs) < 2:
        return missing("Metric leaders", "There is one run only: it leads in all that it logged.")
    lines = [_leader(a, *row) for row in _LEADERS]
    shown = tuple(Item(line) for line in lines if line)
    if not shown:
        return missing("Metric leaders", "No run logged a number to lead in.")
    by = text("By the document's single numbers; the findings above say which of them the logs support.")
    return [Items(shown), Prose(by)]


def _last_validation(a: Analysis, d: DocumentResult) -> str:
    """Write the last validation: of a minibatch, or of the whole set where no run has one."""
    accuracy, value = (getattr(d, name) for name in validation_fields(a.document))
    parts = [f"{percent(accuracy)} accuracy"] if accuracy is not None else []
    return ", ".join([*parts, f"{loss(value)} loss"] if value is not None else parts)


_LEADERS = (
    ("stability", "Best Stability", lambda _, d: count(d.oscillations, "oscillation")),
    (
        "training_performance",
        "Best Training Performance",
        lambda _, d: ", ".join(
            p
            for p in (
                f"{percent(d.final_train_accuracy)} accuracy" if d.final_train_accuracy is not None else "",
                f"{loss(d.final_train_loss)} loss" if d.final_train_loss is not None else "",
            )
            if p
        ),
    ),
    (
        "validation_performance",
        "Best Validation Performance",
        _last_validation,
    ),
    ("efficiency", "Best Efficiency", lambda _, d: count(d.total_steps, "step")),
    (
        "monitoring",
        "Best Monitoring",
        lambda _, d: (
            count(d.full_validation_count, "full validation")
            if d.full_validation_count
            else count(d.validation_count, "validation")
        ),
    ),
)


def _leader(a: Analysis, key: str, label: str, show: object) -> Rich:
    run_id = a.leaders[key]
    if run_id is None:
        return rich("**{label}**: no run has the number", label=label)
    number = show(a, a.document[run_id])  # type: ignore[operator]
    counted = a.document.values() if key in ("efficiency", "monitoring") else ()  # counts, which runs often share
    alike = sum(show(a, d) == number for d in counted) - 1  # type: ignore[operator]
    others = f", as {count(alike, 'other run')}" if alike > 0 else ""
    return rich("**{label}**: {run} ({number}{others})", label=label, run=a.name(run_id), number=number, others=others)
