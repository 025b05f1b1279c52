"""Key Findings: evaluations by task, and the examples on which two runs differ most."""

from __future__ import annotations

import math
from collections.abc import Iterator

from analysis.core.blocks import Block, Cell, Column, Details, Heading, Prose, Table, Tone
from analysis.core.examples import OVERALL
from analysis.core.metrics import metric as metric_of
from analysis.core.number_format import cell, count, interval, interval_cell, listed, number, p_value
from analysis.core.rich_text import Rich, rich, text
from analysis.core.run_names import metric_words
from analysis.evidence.evaluations import PairedEvaluation
from analysis.findings.analysis_result import Analysis
from analysis.report.sections.assessments import left_out, shown_runs
from analysis.statistics import Estimate

_MOST_TASKS = 25
"""Most tasks that a table shows; the results JSON has all."""


def evaluations(a: Analysis) -> list[Block]:
    """Show each task that runs were evaluated on example by example; nothing without any."""
    metrics = list(dict.fromkeys(m for run in a.runs for m in run.metrics if metric_of(m).by_example))
    if not metrics:
        return []
    blocks: list[Block] = [Heading("Evaluations by Task", 3, "evaluations")]
    if a.evaluations:
        blocks += [Prose(_lead(a)), _differences(a)]
    if len(a.runs) > 2 or not a.evaluations:
        blocks.append(_levels(a, metrics))
    if a.differing:
        blocks.append(Details(text("Examples on which they differ most"), (_examples(a),)))
    return blocks


def _lead(a: Analysis) -> Rich:
    """Return on how many tasks the candidate is better, and what that applies to."""
    tasks = [pair for pair in a.evaluations if pair.metric != OVERALL]
    readings = [_reading(a, pair) for pair in tasks]
    who, whom = a.name(a.candidate.id), a.name(a.reference_id)
    if len(tasks) == 1:
        words = {"better": "{who} is better than {whom}", "worse": "{who} is worse than {whom}"}
        template = words.get(readings[0], "No difference between {who} and {whom} is shown")
        result = rich(template + " in {what}", who=who, whom=whom, what=metric_words(tasks[0].metric))
    else:
        template = "Of {n}, {who} is better than {whom} in {better} and worse in {worse}"
        numbers = {kind: readings.count(kind) for kind in ("better", "worse")}
        result = rich(template, who=who, whom=whom, n=count(len(tasks), "metric"), **numbers)
    return rich(
        "{result} (tests at {alpha}, adjusted for their number). This speaks of these two models; whether other seeds "
        "would repeat it is another question.",
        result=result,
        alpha=f"{a.settings.alpha:.0%}",
    )


def _reading(a: Analysis, pair: PairedEvaluation) -> str:
    significant = pair.p_adjusted is not None and pair.p_adjusted <= a.settings.alpha
    if not significant or pair.comparable is False or pair.result.value == 0:
        return "no difference"
    return "better" if metric_of(pair.metric).sign * pair.result.value < 0 else "worse"


def _differences(a: Analysis) -> Table:
    pairs = list(a.evaluations)
    if len(pairs) > _MOST_TASKS:
        pairs = sorted(
            pairs, key=lambda pair: (pair.metric != OVERALL, 2.0 if pair.p_adjusted is None else pair.result.p)
        )[:_MOST_TASKS]
    shares = any(pair.won is not None for pair in pairs)
    before, after = a.name(a.reference_id), a.name(a.candidate.id)
    level = "examples.share" if shares else "examples.level"
    columns = (
        Column("Task and metric"),
        Column("Examples in both", "right", None, "evidence"),
        Column(before, "right", level, "evidence"),
        Column(after, "right", level, "evidence"),
        Column("Difference", "right", "examples.mcnemar" if shares else "examples.paired", "evidence"),
        Column("p, adjusted", "right", "multi.holm", "evidence"),
        *([Column(f"Only {before} / only {after} right", "right", None, "evidence")] if shares else []),
        Column("Would show", "right", "power.mdd", "evidence"),
        Column("Examples needed", "right", "examples.required", "evidence"),
    )
    rows = tuple(_row(a, pair, shares=shares) for pair in pairs)
    caption = f"{after} against {before} on the same examples"
    return Table("evaluations-by-task", caption, columns, rows, notes=tuple(map(text, _notes(a))))


def _row(a: Analysis, pair: PairedEvaluation, *, shares: bool) -> tuple[Cell, ...]:
    scale, unit = _unit(pair.metric)
    tones: dict[str, Tone] = {"better": "good", "worse": "bad"}
    shown = interval_cell(pair.result, scale=scale, unit=unit, sign=True)
    required = pair.required if pair.required is not None and pair.comparable is not False else None
    return (
        cell(metric_of(pair.metric).label),
        cell(f"{pair.n:,}", f"{pair.clusters:,} clusters" if pair.clusters else ""),
        *(_level_cell(pair.metric, level) for level in pair.levels),
        Cell(shown.text, shown.minor, tones.get(_reading(a, pair), "neutral")),
        cell(p_value(pair.p_adjusted)),
        *([cell("–" if pair.won is None else f"{pair.lost:,} / {pair.won:,}")] if shares else []),
        cell(f"{scale * pair.result.detectable:.2g}{unit}" if math.isfinite(pair.result.se) else "–"),
        cell(f"{required:,}" if required is not None else "–"),
    )


def _notes(a: Analysis) -> Iterator[str]:
    """Yield what was not compared, and which bootstrap intervals disagree with the others."""
    for pair in a.evaluations:
        label, reason = metric_of(pair.metric).label, pair.reason
        own = zip(pair.only, (pair.baseline, pair.candidate), strict=True)
        lost = [f"{count(n, 'example')} of {a.name(run_id)} alone" for n, run_id in own if n]
        lost += [f"{count(pair.changed, 'ID')} whose texts differ"] if pair.changed else []
        if lost:
            yield f"{label}: not compared are {listed(lost)}" + (f"; {reason}." if reason else ".")
        drawn, (scale, unit) = pair.bootstrap, _unit(pair.metric)
        if drawn is not None and drawn.known and pair.result.known and _has_zero(drawn) != _has_zero(pair.result):
            yield f"{label}: {interval(drawn, scale=scale, unit=unit, sign=True)} by resampling (examples.bootstrap)."
    alone = [
        f"{metric_of(m).label} of {a.name(run.id)}"
        for run, other in ((a.baseline, a.candidate), (a.candidate, a.baseline))
        if run is not None and other is not None
        for m in run.metrics
        if metric_of(m).by_example and m not in other.metrics
    ]
    if alone:
        yield f"Without a counterpart: {listed(alone[:8])}{f' and {len(alone) - 8} more' if len(alone) > 8 else ''}."
    if len(a.evaluations) > _MOST_TASKS:
        yield f"{len(a.evaluations) - _MOST_TASKS} further metrics, of larger p: in the results JSON."


def _has_zero(estimate: Estimate) -> bool:
    return estimate.low <= 0 <= estimate.high


def _levels(a: Analysis, metrics: list[str]) -> Table:
    runs = shown_runs(a)
    columns = [Column("Task and metric")]
    columns += [Column(a.name(run.id), "right", "examples.level", "evidence") for run in runs]
    rows = tuple(
        (cell(metric_of(m).label), *(_level_cell(m, a.evidence[run.id].window.get(m)) for run in runs))
        for m in metrics[:_MOST_TASKS]
    )
    caption = "Levels, each on all examples of its run"
    return Table("evaluation-levels", caption, tuple(columns), rows, notes=left_out(a))


def _examples(a: Analysis) -> Table:
    worded = any(one.question or one.target for one in a.differing)
    columns = (
        Column("Task and metric"),
        Column("ID"),
        *([Column("Question")] if worded else []),
        Column(a.name(a.reference_id)),
        Column(a.name(a.candidate.id)),
    )
    rows = tuple(
        (
            cell(metric_of(one.metric).label),
            cell(one.id),
            *([cell(one.question or "–", f"wanted: {one.target}" if one.target else "")] if worded else []),
            cell(number(one.baseline), one.answers[0]),
            cell(number(one.candidate), one.answers[1]),
        )
        for one in a.differing
    )
    note = text("Chosen because they differ: no sample of all examples. Texts are shortened, and secrets taken out.")
    return Table("differing-examples", "Scores of single examples", columns, rows, notes=(note,))


def _level_cell(metric: str, level: Estimate | None) -> Cell:
    scale, _ = _unit(metric)
    return interval_cell(level, scale=scale, unit="%" if scale == 100 else "")


def _unit(metric: str) -> tuple[float, str]:
    return (100, " pp") if metric_of(metric).unit == "fraction" else (1, "")
