"""Comparative Rankings: grades and leaders by rules of thumb, and what the evidence separates."""

from __future__ import annotations

from analysis.core.blocks import Block, Cell, Column, Item, Items, Prose, Table
from analysis.core.number_format import cell, count, loss, percent
from analysis.core.rich_text import Rich, rich, text
from analysis.findings.analysis_result import Analysis
from analysis.heuristics.run_numbers import RuleNumbers, validation_fields
from analysis.report.sections.assessments import filled, left_out, shown_runs
from analysis.report.sections.configuration_rows import configuration_rows
from analysis.report.sections.narrative import quiet, with_findings


def ordinal(rank: int) -> str:
    """Format a rank as an ordinal.

    Examples
    --------
    >>> [ordinal(n) for n in (1, 2, 3, 11, 12, 13, 21, 22, 23, 111)]
    ['1st', '2nd', '3rd', '11th', '12th', '13th', '21st', '22nd', '23rd', '111th']
    """
    ends = {1: "st", 2: "nd", 3: "rd"}
    return f"{rank}{'th' if rank % 100 in (11, 12, 13) else ends.get(rank % 10, 'th')}"


def ranking(a: Analysis) -> list[Block]:
    """Rank by rule-of-thumb grades, next to the grades by evidence, which never contradict a comparison."""
    if len(a.runs) < 2:
        return quiet("There is one run only: nothing to rank.")
    ranked = sorted(shown_runs(a), key=lambda run: a.rules_of_thumb[run.id].rank or len(a.runs) + 1)
    if all(a.rules_of_thumb[run.id].rank is None for run in ranked):
        return quiet("No run has a number that the rules of thumb grade: oscillations or validation accuracy.")
    settings = {run_id: row.name for row in configuration_rows(a) for run_id in row.runs}
    columns = (
        Column("Rank"),
        Column("Configuration"),
        Column("Stability Score", "center", "rule.grade_stability", "rules"),
        Column("Performance Score", "center", "rule.grade_performance", "rules"),
        Column("Overall Grade", "center", "rule.grade_overall", "rules"),
        Column("Stability", "center", "grade.stability", "evidence"),
        Column("Performance", "center", "grade.performance", "evidence"),
    )
    rows = tuple(
        (
            cell("–" if d.rank is None else ordinal(d.rank)),
            Cell(_named(a.name(run.id), settings.get(run.id, ""))),
            cell(d.grades.stability or "–", bold=True),
            cell(d.grades.performance or "–", bold=True),
            cell(d.grades.overall or "–", bold=True),
            cell(a.evidence_grades[run.id].stability, a.evidence_grades[run.id].stability_why),
            cell(a.evidence_grades[run.id].performance, a.evidence_grades[run.id].performance_why),
        )
        for run in ranked
        for d in (a.rules_of_thumb[run.id],)
    )
    table = Table(
        "ranking", "Grades by rules of thumb, and what the evidence separates", columns, rows, notes=left_out(a)
    )
    return with_findings(a, "ranking", filled(table))


def _named(run: str, settings: str) -> Rich:
    """Return the name of a run with what distinguishes its configuration."""
    return rich("**{run}**{settings}", run=run, settings=f": {settings}" if settings not in ("", run) else "")


def leaders(a: Analysis) -> list[Block]:
    """List the leader of each of the five rankings by rules of thumb, with its number."""
    if len(a.runs) < 2:
        return quiet("There is one run only: it leads in all that it logged.")
    lines = [_leader(a, *row) for row in _LEADERS]
    shown = tuple(Item(line) for line in lines if line)
    if not shown:
        return quiet("No run logged a number to lead in.")
    return [Prose(text("By rules of thumb, which take single numbers:")), Items(shown)]


def _last_validation(a: Analysis, d: RuleNumbers) -> str:
    """Format the last validation: of a minibatch, or of the whole set if no run has one."""
    accuracy, value = (getattr(d, name) for name in validation_fields(a.rules_of_thumb))
    parts = [f"{percent(accuracy)} accuracy"] if accuracy is not None else []
    return ", ".join([*parts, f"{loss(value)} loss"] if value is not None else parts)


_LEADERS = (
    (
        "stability",
        "Best Stability",
        lambda _, d: "" if d.oscillations is None else count(d.oscillations, "oscillation"),
    ),
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
    ("validation_performance", "Best Validation Performance", _last_validation),
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
        return ()
    number = show(a, a.rules_of_thumb[run_id])  # type: ignore[operator]
    counts = ("stability", "efficiency", "monitoring")  # numbers that are often equal
    counted = a.rules_of_thumb.values() if key in counts else ()
    alike = sum(show(a, d) == number for d in counted) - 1  # type: ignore[operator]
    if alike == len(a.runs) - 1:
        return ()  # all runs are equal
    others = f", like {count(alike, 'other run')}" if alike > 0 else ""
    return rich("**{label}**: {run} ({number}{others})", label=label, run=a.name(run_id), number=number, others=others)
