"""Evidence Appendix: every finding with its numbers, and every comparison."""

from __future__ import annotations

import math
import re
from collections import Counter, defaultdict
from collections.abc import Sequence

from analysis.core.blocks import Block, Cell, Column, Details, Prose, Table
from analysis.core.number_format import cell, count, interval_parts, listed, number, p_value, signed_minus
from analysis.core.rich_text import rich, text
from analysis.core.run_names import metric_name
from analysis.evidence.comparisons import ALL_PAIRS, Comparison
from analysis.evidence.verdict_words import shown_scale
from analysis.findings.analysis_result import Analysis
from analysis.findings.finding import Finding
from analysis.report.sections.assessments import shown_runs
from analysis.report.sections.narrative import quiet, shown_findings
from analysis.statistics.detectors import DETECTORS

_IN_FULL = 30
"""Number of comparisons up to which each has a row."""

_NAMED = 6
"""Number of runs up to which the columns of a matrix have names; beyond, they are numbered."""

_REASONS, _FEW = 6, "too few points"
_HUGE = 700.0


def appendix(a: Analysis) -> list[Block]:
    """Show all findings and all comparisons in numbers, folded."""
    findings = shown_findings(a)
    if not findings:
        return quiet("There is no finding: a single run without anything that a rule speaks of.")
    blocks: list[Block] = [Details(text("All findings in numbers"), (_findings(a, findings),))]
    if a.comparisons:
        blocks.append(Details(text(f"All {len(a.comparisons)} comparisons"), tuple(_comparisons(a))))
    return blocks


def _findings(a: Analysis, findings: Sequence[Finding]) -> Table:
    columns = (
        Column("Finding"),
        Column("What it says"),
        Column("Estimate"),
        Column("p, after Holm"),
        Column("n"),
        Column("Defined by"),
    )
    more = len(a.findings) - len(findings)
    notes = (text(f"{count(more, 'further finding')}: in the results JSON."),) if more else ()
    return Table("findings", "All findings in numbers", columns, tuple(_finding(a, f) for f in findings), notes=notes)


def _finding(a: Analysis, f: Finding) -> tuple[Cell, ...]:
    runs = listed([a.name(run_id) for run_id in f.runs]) if f.runs else ""
    steps = f"steps {f.steps[0]:,} to {f.steps[1]:,}" if f.steps else ""
    bounds = f"[{_number(f.low)}, {_number(f.high)}]" if f.low is not None and f.high is not None else ""
    # The text is not repeated if a section shows it.
    alone = f.rule in DETECTORS or f.section in ("seen", "summary")
    adjusted = p_value(f.p_adjusted) if f.p_adjusted is not None else ""
    return (
        Cell(rich("`{rule}`", rule=f.rule), text("; ".join(filter(None, (runs, steps)))), id=f"finding-{f.id}"),
        Cell(f.text if alone else text(_STATUS[f.status] if f.claim else "see its section")),
        cell("–" if f.estimate is None else f"{_number(f.estimate)}{f.unit}", bounds),
        cell(p_value(f.p), adjusted),
        cell("–" if f.n is None else number(f.n)),
        Cell(rich("[{d}](#def-{d})", d=f.definition)) if f.definition else cell("–"),
    )


_STATUS = {
    "supported": "rule of thumb supported",
    "not supported": "rule of thumb not supported",
    "contradicted": "rule of thumb contradicted",
    "cannot tell": "cannot tell",
    "not tested": "not tested",
}


def _comparisons(a: Analysis) -> list[Block]:
    """Show the comparisons; if they are many, those with the baseline in full and all pairs as a matrix per metric.

    A matrix of more than `ALL_PAIRS` runs would have gaps and not fit on a page.
    """
    if len(a.comparisons) <= _IN_FULL:
        return [_table(a, list(a.comparisons), "All comparisons", baseline=None)]
    by_metric: dict[str, list[Comparison]] = defaultdict(list)
    for c in a.comparisons:
        by_metric[c.metric].append(c)
    shown = {run.id for run in shown_runs(a)}
    known = [c for group in by_metric.values() for c in group if c.baseline == a.reference_id and c.known]
    first = [c for c in known if c.candidate in shown]
    blocks: list[Block] = []
    if first:
        blocks.append(_table(a, first, f"Comparisons against {a.name(a.reference_id)}", baseline=a.reference_id))
    if len(a.runs) <= ALL_PAIRS:
        blocks += [matrix(a, metric, group) for metric, group in by_metric.items() if any(c.known for c in group)]
    unknown = [c for c in a.comparisons if not c.known]
    if unknown:
        reasons = Counter((metric_name(c.metric), _cause(c.result.reason)) for c in unknown)
        lines = [f"{metric}: {count(n, 'pair')}, {why}" for (metric, why), n in reasons.most_common(_REASONS)]
        lines += [f"{count(len(reasons) - _REASONS, 'further reason')} in the JSON"] if len(reasons) > _REASONS else []
        blocks.append(Prose(rich("**Without an interval**: {lines}.", lines="; ".join(lines))))
    note = "The results JSON has every comparison with interval, p and detectable difference."
    return [Prose(text(note), muted=True), *blocks]


def _cause(reason: str | None) -> str:
    """Return why there is no interval, without the number of points, so that pairs can be grouped by reason.

    Examples
    --------
    >>> _cause("at the end are 2.8 independent points; 5 are needed")
    'at the end are fewer than 5 independent points'
    """
    return re.sub(r"[\d.]+ independent points; (\d+) are needed", r"fewer than \1 independent points", reason or _FEW)


def matrix(a: Analysis, metric: str, group: list[Comparison]) -> Table:
    """Return a matrix of the comparisons of a metric: the run of the row against the run of the column."""
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


def _table(a: Analysis, comparisons: list[Comparison], caption: str, *, baseline: str | None) -> Table:
    """Return a table with one row per comparison; ``baseline`` if all have the same, reasons as numbered notes."""
    columns = (
        Column("Candidate" if baseline else "Candidate against baseline"),
        Column("Metric"),
        Column("Difference", "right", None, "evidence"),
        Column("p", "right"),
        Column("p after Holm", "right", "multi.holm"),
        Column("Detectable", "right", "power.mdd"),
        Column("Comparable"),
    )
    reasons = list(dict.fromkeys(c.reason for c in comparisons if c.comparable is not True and c.reason))
    rows = tuple(_row(a, c, baseline=baseline, reasons=reasons) for c in comparisons)
    notes = tuple(text(f"({k}) {reason}.") for k, reason in enumerate(reasons, start=1))
    return Table("comparisons", caption, columns, rows, notes=notes)


def _row(a: Analysis, c: Comparison, *, baseline: str | None, reasons: Sequence[str]) -> tuple[Cell, ...]:
    state = {True: "yes", False: "no", None: "cannot tell"}[c.comparable]
    why = f" ({reasons.index(c.reason) + 1})" if c.reason in reasons and c.comparable is not True else ""
    names = a.name(c.candidate) if baseline else f"{a.name(c.candidate)} against {a.name(c.baseline)}"
    scale, unit = shown_scale(c)
    unit = "×" if c.ratio else unit
    found = c.as_interval()
    shown = " ".join(interval_parts(found, scale=scale, sign=not c.ratio, unit=unit)).strip() if found else ""
    return (
        cell(names if c.scope == "whole" else f"{names}, {c.scope}"),
        cell(metric_name(c.metric)),
        cell(shown) if c.known and found else cell("–", c.result.reason or ""),
        cell(p_value(c.p)),
        cell(p_value(c.p_adjusted)),
        cell(_detectable(c, scale, unit)),
        cell(state + why),
    )


def _detectable(c: Comparison, scale: float, unit: str) -> str:
    """Format the detectable difference in the unit of the difference; for a ratio, the smallest ratio above 1."""
    if c.mdd is None:
        return "–"
    return number(math.exp(min(c.mdd, _HUGE))) + unit if c.ratio else number(scale * c.mdd) + unit


def _number(value: float | None) -> str:
    return "–" if value is None else signed_minus(f"{value:.4g}")
