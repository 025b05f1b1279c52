"""Evidence Appendix: every finding with its numbers, and every comparison."""

from __future__ import annotations

from analysis.blocks import Block, Cell, Column, Details, Prose, Table
from analysis.compare import Comparison
from analysis.detectors import DETECTORS
from analysis.findings import Finding
from analysis.model import Analysis
from analysis.naming import metric_name
from analysis.rich import join, rich, text
from analysis.tables import cell, interval_cell, number, p_value, signed_minus


def appendix(a: Analysis) -> list[Block]:
    """List all findings and all comparisons."""
    blocks: list[Block] = []
    for finding in a.findings:
        blocks += _finding(a, finding)
    if not blocks:
        blocks.append(Prose(text("There is no finding: a single run without anything that a rule speaks of.")))
    if a.comparisons:
        blocks.append(Details(text(f"All {len(a.comparisons)} comparisons"), (_comparisons(a),)))
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
    line = rich("{claim}{text} ({facts}) `{rule}`", claim=claim, text=f.text, facts=join(facts, "; "), rule=f.rule)
    return [Prose(line, status=f.status, id=f"finding-{f.id}")]


def _comparisons(a: Analysis) -> Table:
    columns = (
        Column("Candidate against baseline"),
        Column("Metric"),
        Column("Difference", "right", None, "evidence"),
        Column("p", "right"),
        Column("p after Holm", "right", "multi.holm"),
        Column("Detectable", "right", "power.mdd"),
        Column("Comparable"),
    )
    rows = tuple(_row(a, c) for c in a.comparisons)
    return Table("comparisons", "All comparisons", columns, rows)


def _row(a: Analysis, c: Comparison) -> tuple[Cell, ...]:
    state = {True: "yes", False: "no", None: "cannot tell"}[c.comparable]
    shown = (
        interval_cell(c.as_interval(), sign=not c.ratio, unit="×" if c.ratio else "")
        if c.known
        else cell("–", c.result.reason or "")
    )
    return (
        cell(f"{a.name(c.candidate)} against {a.name(c.baseline)}", "" if c.scope == "whole" else c.scope),
        cell(metric_name(c.metric)),
        shown,
        cell(p_value(c.p)),
        cell(p_value(c.p_adjusted)),
        cell(number(c.mdd), "on the logarithm" if c.ratio else ""),
        cell(state, c.reason if c.comparable is not True else ""),
    )


def _number(value: float | None) -> str:
    return "–" if value is None else signed_minus(f"{value:.4g}")
