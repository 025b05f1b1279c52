"""Findings as prose: every sentence that claims something is made here and links to its evidence."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from analysis.core.blocks import Block, Details, Item, Items, Prose, Status
from analysis.core.metrics import metric as metric_of
from analysis.core.number_format import listed
from analysis.core.rich_text import Rich, join, rich, text
from analysis.evidence.best_values import shown_metrics
from analysis.findings.analysis_result import Analysis
from analysis.findings.finding import Finding
from analysis.render.glyphs import POINTER
from analysis.report.sections.assessments import shown_runs

ROUNDING = "gap.rounding"
"""The rule that is shown as a note of a table, since a rounding error is not a conclusion."""


def narrate(finding: Finding) -> Rich:
    """Return the text of a finding with its link."""
    return rich("{text} {link}", text=finding.text, link=link_to(finding))


def paragraph(finding: Finding) -> Prose:
    """Return a finding as a paragraph with its remedy, the claim of a rule of thumb and its status."""
    return Prose(join([narrate(finding), *remedies(finding)]), _badge(finding), claim=finding.claim)


def link_to(finding: Finding | None) -> Rich:
    """Return a link to a finding in the appendix; empty without one."""
    if finding is None:
        return ()
    return rich("[{pointer}](#{id})", pointer=POINTER, id=f"finding-{finding.id}")


def claims(finding: Finding) -> Rich:
    """Return the claim of a finding as a link to it."""
    return rich("[{claim}](#{id})", claim=finding.claim, id=f"finding-{finding.id}")


def findings_of(a: Analysis, section: str, *rules: str) -> list[Finding]:
    """Return the findings of a section, or those of some rules in it, in the order of the report."""
    return [f for f in shown_findings(a) if f.section == section and (not rules or f.rule in rules)]


def shown_findings(a: Analysis) -> list[Finding]:
    """Return the findings about the runs that tables show; the results JSON has all."""
    shown = {run.id for run in shown_runs(a)}
    return [f for f in a.findings if shown.issuperset(f.runs)]


def findings_blocks(a: Analysis, section: str, *rules: str) -> list[Block]:
    """Return the findings of a section as blocks: a paragraph for one, a list for more."""
    found = findings_of(a, section, *rules)
    return [paragraph(found[0])] if len(found) == 1 else findings_list(found)


def with_findings(a: Analysis, section: str, *blocks: Block) -> list[Block]:
    """Return the blocks of a section between its first finding and the others."""
    found = [f for f in findings_of(a, section) if f.rule != ROUNDING]
    return [*map(paragraph, found[:1]), *blocks, *findings_list(found[1:])]


_OF_A_KIND = 4
"""Number of findings of one rule up to which each is shown; a longer list is folded."""


_OF_MANY = {
    "stability.oscillation_count": "Counts of oscillations",
    "curves.shape": "What is said of the curves",
    "efficiency.expected_steps": "Steps taken and expected",
    "gap.risk": "Gaps between validation and training",
    "epochs.change": "Epochs",
}
"""Subjects of the rules that have a finding per run."""


def findings_list(found: Sequence[Finding]) -> list[Block]:
    """Return findings as a list; more than a few of one rule are folded away."""
    by_rule = Counter(f.rule for f in found)
    first = [f for f in found if by_rule[f.rule] <= _OF_A_KIND]
    many = [f for f in found if by_rule[f.rule] > _OF_A_KIND]
    blocks: list[Block] = [Items(tuple(item(f) for f in first))] if first else []
    if many:
        counted = Counter(f.status for f in many if f.claim)
        states = listed([f"{n if len(counted) > 1 else 'all'} {status}" for status, n in counted.items()])
        what = _OF_MANY.get(many[0].rule, "Findings")
        summary = f"{what} run by run ({len(many)}{f': {states}' if counted else ''})"
        blocks.append(Details(text(summary), (Items(tuple(item(f) for f in many)),)))
    return blocks


def stated_elsewhere(a: Analysis, finding: Finding) -> Finding:
    """Return a finding without its remedy if the recommendations contain it already."""
    advised = any(r.id == "evidence.record" for r in a.recommendations)
    return replace(finding, remedy="") if advised else finding


def untrained(a: Analysis) -> list[Block]:
    """Return a note that nothing was trained if all runs are evaluations; else empty."""
    return quiet("These are evaluations: no training was logged.") if all(r.only_evaluated for r in a.runs) else []


def item(finding: Finding) -> Item:
    """Return a finding as a list entry, with cause and remedy of a problem beneath."""
    below = [rich("Cause: {cause}", cause=finding.cause)] if finding.cause else []
    below += remedies(finding)
    return Item(narrate(finding), tuple(below), status=_badge(finding), claim=finding.claim)


def remedies(finding: Finding) -> list[Rich]:
    """Return the remedy of a finding; empty if there is none."""
    return [rich("Remedy: {remedy}", remedy=finding.remedy)] if finding.remedy else []


def quiet(words: str, *, more: Rich = ()) -> list[Block]:
    """Return one grey line that says why there is nothing to show."""
    return [Prose(join([text(words), more]), muted=True)]


def validated_otherwise(a: Analysis) -> str:
    """Return which other metrics were measured on validation data, in a sentence; empty if none was."""
    others = dict.fromkeys(m for run in a.runs for m in shown_metrics(run) if metric_of(m).validates)
    if not others:
        return ""
    names = listed([metric_of(m).label for m in others])
    return f"No run logged a validation loss or accuracy under a known name, but {names} on validation data."


def lacking(a: Analysis, metrics: Sequence[str], what: str) -> list[Block]:
    """Return a note on which runs did not log any of some metrics; empty if all did."""
    without = [run.id for run in a.runs if not any(run.series(metric).size for metric in metrics)]
    if not without:
        return []
    names = "any run" if len(without) == len(a.runs) > 1 else ", ".join(a.name(run_id) for run_id in without)
    return [Prose(rich("{what} was not logged by {names}.", what=what, names=names), muted=True)]


def _badge(finding: Finding) -> Status | None:
    """Return the status of the claim of a finding; None without a claim."""
    return finding.status if finding.claim else None
