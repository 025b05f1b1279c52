"""Since the Last Report, and What We Predicted: comparisons with earlier reports."""

from __future__ import annotations

from analysis.core.blocks import Block, Column, Table, Tone
from analysis.core.number_format import cell, signed_minus
from analysis.findings.analysis_result import Analysis
from analysis.report.sections.narrative import quiet

_TONES: dict[str, Tone] = {
    "confirmed": "good",
    "not confirmed": "warning",
    "contradicted": "bad",
    "cannot tell": "unknown",
}


def changes(a: Analysis) -> list[Block]:
    """Show what changed since the earlier report, and which changes exceed noise."""
    if a.previous is None:
        return quiet("There is no earlier report to compare with.")
    if not a.changes:
        return quiet(f"Nothing changed since the report of {a.previous}.")
    columns = (Column("What"), Column("Run"), Column("Before"), Column("Now"), Column("Exceeds noise"))
    rows = tuple(
        (
            cell(change.what),
            cell(a.name(change.run) if change.run else "–"),
            cell(change.before),
            cell(change.after),
            cell({True: "yes", False: "no", None: "cannot tell"}[change.exceeds_noise], change.reason),
        )
        for change in a.changes
    )
    return [Table("changes", f"Changes since the report of {a.previous}", columns, rows)]


def predicted(a: Analysis) -> list[Block]:
    """Show the scores of predictions that earlier reports made for the present runs."""
    if not a.predictions:
        return quiet("No earlier report predicted one of these runs.")
    columns = (
        Column("Run"),
        Column("Predicted in"),
        Column("Metric"),
        Column("Predicted", "right"),
        Column("Observed", "right"),
        Column("Score"),
    )
    rows = tuple(
        (
            cell(a.name(score.run)),
            cell(score.report, f"as {score.predicted_run}"),
            cell(score.metric),
            cell(f"{_short(score.estimate)} [{_short(score.low)}, {_short(score.high)}]"),
            cell(_observed(score.observed, score.observed_low, score.observed_high)),
            cell(score.status, score.reason, tone=_TONES[score.status]),
        )
        for score in a.predictions
    )
    return [Table("predictions", "Predictions of earlier reports, scored", columns, rows)]


def _observed(value: float | None, low: float | None, high: float | None) -> str:
    if value is None:
        return "–"
    return _short(value) + (f" [{_short(low)}, {_short(high)}]" if low is not None and high is not None else "")


def _short(value: float) -> str:
    return signed_minus(f"{value:.4g}")
