"""Evidence Appendix: every finding with its numbers, and every comparison."""

from __future__ import annotations

import math
from collections import Counter, defaultdict

from analysis.core.blocks import Block, Cell, Column, Details, Prose, Table
from analysis.core.number_format import cell, count, interval_cell, interval_parts, number, p_value, signed_minus
from analysis.core.rich_text import join, rich, text
from analysis.core.run_names import metric_name
from analysis.evidence.comparisons import ALL_PAIRS, Comparison
from analysis.evidence.verdict_words import shown_scale
from analysis.findings.analysis_result import Analysis
from analysis.findings.finding import Finding
from analysis.statistics.detectors import DETECTORS

_IN_FULL = 30
"""Comparisons up to which each has a row of its own."""

_NAMED = 6
"""Runs up to which the columns of a matrix bear names; of more they are numbered."""

_REASONS = 6
_HUGE = 700.0


def appendix(a: Analysis) -> list[Block]:
    """List all findings and all comparisons."""
    blocks: list[Block] = []
    for finding in a.findings:
        blocks += _finding(a, finding)
    if not blocks:
        blocks.append(Prose(text("There is no finding: a single run without anything that a rule speaks of.")))
    if a.comparisons:
        blocks.append(Details(text(f"All {len(a.comparisons)} comparisons"), tuple(_comparisons(a))))
    return blocks


def _finding(a: Analysis, f: Finding) -> list[Block]:
    facts = []
    if f.estimate is not None:
        bounds = f" [{_number(f.low)}, {_number(f.high)}]" if f.low is not None and f.high is not None else ""
        facts.append(rich("estimate {v}{b}{u}", v=_number(f.estimate), b=bounds, u=f.unit))
    if f.p is not None:
        adjusted = f" (after Holm {p_value(f.p_adjusted)})" if f.p_adjusted is not None else ""
        facts.append(text(f"p = {p_value(f.p)}{adjusted}".replace("= <", "<")))
    if f.n is not None:
        facts.append(text(f"n = {number(f.n)}"))
    if f.definition:
        facts.append(rich("[{d}](#def-{d})", d=f.definition))
    if f.runs:
        facts.append(text(", ".join(a.name(run_id) for run_id in f.runs)))
    if f.steps:
        facts.append(text(f"steps {f.steps[0]} to {f.steps[1]}"))
    claim = rich("Claim: *{c}* — ", c=f.claim) if f.claim else ()
    if f.rule in DETECTORS and f.status == "not supported":
        claim = text("Looked for and not found: ")
    todo = rich(" To settle it: {remedy}", remedy=f.remedy) if f.remedy and f.rule not in DETECTORS else ()
    line = rich(
        "{claim}{text} ({facts}) `{rule}`{todo}",
        claim=claim,
        text=f.text,
        facts=join(facts, "; "),
        rule=f.rule,
        todo=todo,
    )
    return [Prose(line, status=f.status, id=f"finding-{f.id}")]


def _comparisons(a: Analysis) -> list[Block]:
    """List the comparisons; of many, those against the baseline in full and all pairs as a matrix a metric.

    A matrix of more than `ALL_PAIRS` runs would have gaps, and no place on a page.
    """
    if len(a.comparisons) <= _IN_FULL:
        return [_table(a, list(a.comparisons), "All comparisons")]
    by_metric: dict[str, list[Comparison]] = defaultdict(list)
    for c in a.comparisons:
        by_metric[c.metric].append(c)
    first = [c for group in by_metric.values() for c in group if c.baseline == a.reference_id and c.known]
    blocks: list[Block] = []
    if first:
        blocks.append(_table(a, first, f"Comparisons against {a.name(a.reference_id)}"))
    if len(a.runs) <= ALL_PAIRS:
        blocks += [matrix(a, metric, group) for metric, group in by_metric.items() if any(c.known for c in group)]
    unknown = [c for c in a.comparisons if not c.known]
    if unknown:
        reasons = Counter((metric_name(c.metric), c.result.reason or "too few points") for c in unknown)
        lines = [f"{metric}: {count(n, 'pair')}, {why}" for (metric, why), n in reasons.most_common(_REASONS)]
        lines += [f"{count(len(reasons) - _REASONS, 'further reason')} in the JSON"] if len(reasons) > _REASONS else []
        blocks.append(Prose(rich("**Without an interval**: {lines}.", lines="; ".join(lines))))
    blocks.append(Prose(text("The results JSON has every comparison with interval, p and detectable difference.")))
    return blocks


def matrix(a: Analysis, metric: str, group: list[Comparison]) -> Table:
    """Arrange the comparisons of a metric by pairs: the run of the row against the run of the column."""
    runs = [a.reference_id, *(run.id for run in a.runs if run.id != a.reference_id)]
    pairs = {(c.baseline, c.candidate): c for c in reversed(group)}
    few = len(runs) <= _NAMED
    labels = {run_id: a.name(run_id) if few else f"{k}" for k, run_id in enumerate(runs, start=1)}
    rows = []
    for index, row in enumerate(runs[1:], start=1):
        cells = [_pair(pairs.get((column, row)), a.settings.alpha) for column in runs[:index]]
        cells += [cell("")] * (len(runs) - 1 - index)
        rows.append((cell(a.name(row) if few else f"{labels[row]}: {a.name(row)}"), *cells))
    columns = (Column("Row against column"), *(Column(labels[run_id], "right") for run_id in runs[:-1]))
    how = "Row divided by column" if group[0].ratio else "Row minus column"
    fraction = ", in percentage points" if shown_scale(group[0])[1] else ""
    notes = [
        text(
            f"{how}{fraction}. ▲ better and ▼ worse after Holm's adjustment; without a sign no difference is shown; "
            "– could not be compared, ( ) may not be."
        )
    ]
    if not few:
        first = f"{labels[runs[0]]}: {a.name(runs[0])}"
        notes.append(text(f"Columns are numbered as the rows; {first}."))
    return Table(f"comparisons-{metric}", f"{metric_name(metric)}: all pairs", columns, tuple(rows), notes=tuple(notes))


def _pair(c: Comparison | None, alpha: float) -> Cell:
    if c is None or not c.known:
        return cell("–")
    scale, _ = shown_scale(c)
    main, _ = interval_parts(c.result, scale=scale, sign=not c.ratio)
    if c.comparable is False:
        return cell(f"({main})")
    sign = {"better": "▲ ", "worse": "▼ ", "different": "≠ "}.get(c.verdict(alpha), "")
    return cell(sign + main, bold=bool(sign))


def _table(a: Analysis, comparisons: list[Comparison], caption: str) -> Table:
    columns = (
        Column("Candidate against baseline"),
        Column("Metric"),
        Column("Difference", "right", None, "evidence"),
        Column("p", "right"),
        Column("p after Holm", "right", "multi.holm"),
        Column("Detectable", "right", "power.mdd"),
        Column("Comparable"),
    )
    return Table("comparisons", caption, columns, tuple(_row(a, c) for c in comparisons))


def _row(a: Analysis, c: Comparison) -> tuple[Cell, ...]:
    state = {True: "yes", False: "no", None: "cannot tell"}[c.comparable]
    scale, unit = shown_scale(c)
    unit = "×" if c.ratio else unit
    shown = (
        interval_cell(c.as_interval(), scale=scale, sign=not c.ratio, unit=unit)
        if c.known
        else cell("–", c.result.reason or "")
    )
    return (
        cell(f"{a.name(c.candidate)} against {a.name(c.baseline)}", "" if c.scope == "whole" else c.scope),
        cell(metric_name(c.metric)),
        shown,
        cell(p_value(c.p)),
        cell(p_value(c.p_adjusted)),
        cell(_detectable(c, scale, unit)),
        cell(state, c.reason if c.comparable is not True else ""),
    )


def _detectable(c: Comparison, scale: float, unit: str) -> str:
    """Write the detectable difference in the unit of the difference: of a ratio as the smallest ratio above 1."""
    if c.mdd is None:
        return "–"
    return number(math.exp(min(c.mdd, _HUGE))) + unit if c.ratio else number(scale * c.mdd) + unit


def _number(value: float | None) -> str:
    return "–" if value is None else signed_minus(f"{value:.4g}")
