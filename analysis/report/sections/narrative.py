"""From findings to prose: every sentence that claims something goes through here and links to its evidence."""

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
"""The rule that a table's note tells: a slip of rounding is nobody's conclusion."""


def narrate(finding: Finding) -> Rich:
    """Write what is so, with its link."""
    return rich("{text} {link}", text=finding.text, link=link_to(finding))


def paragraph(finding: Finding) -> Prose:
    """Tell a finding: what is so, then what a rule of thumb says of it and what the logs make of that."""
    return Prose(join([narrate(finding), *remedies(finding)]), _badge(finding), claim=finding.claim)


def link_to(finding: Finding | None) -> Rich:
    """Link to a finding in the appendix; nothing where there is none."""
    if finding is None:
        return ()
    return rich("[{pointer}](#{id})", pointer=POINTER, id=f"finding-{finding.id}")


def claims(finding: Finding) -> Rich:
    """Write a claim alone, as a link to what the logs make of it."""
    return rich("[{claim}](#{id})", claim=finding.claim, id=f"finding-{finding.id}")


def findings_of(a: Analysis, section: str, *rules: str) -> list[Finding]:
    """Select the findings of a section, or those of some rules in it, in the report's order."""
    return [f for f in shown_findings(a) if f.section == section and (not rules or f.rule in rules)]


def shown_findings(a: Analysis) -> list[Finding]:
    """List the findings about the runs that tables show; the results JSON has them all."""
    shown = {run.id for run in shown_runs(a)}
    return [f for f in a.findings if shown.issuperset(f.runs)]


def told(a: Analysis, section: str, *rules: str) -> list[Block]:
    """Tell a section's findings: one paragraph for one, a list for more."""
    found = findings_of(a, section, *rules)
    return [paragraph(found[0])] if len(found) == 1 else enumerated(found)


def opened(a: Analysis, section: str, *blocks: Block) -> list[Block]:
    """Open a section with its first finding, then show its tables, then the other findings."""
    found = [f for f in findings_of(a, section) if f.rule != ROUNDING]
    return [*map(paragraph, found[:1]), *blocks, *enumerated(found[1:])]


_OF_A_KIND = 4
"""Findings of one rule up to which each is shown: of more, as many runs have, the list is folded."""


_OF_MANY = {
    "stability.oscillation_count": "Counts of oscillations",
    "curves.shape": "What is said of the curves",
    "efficiency.expected_steps": "Steps taken and expected",
    "gap.risk": "Gaps between validation and training",
    "epochs.change": "Epochs",
}
"""What the findings of a rule are about that speak of many runs."""


def enumerated(found: Sequence[Finding]) -> list[Block]:
    """List findings; more than a few of one rule, which say the same of many runs, are folded away."""
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
    """Leave out the remedy of a finding where the advice has it: what is to be stated is said once."""
    advised = any(r.id == "evidence.record" for r in a.recommendations)
    return replace(finding, remedy="") if advised else finding


def untrained(a: Analysis) -> list[Block]:
    """Say that there is no training to speak of, where all runs are evaluations; nothing else."""
    return quiet("These are evaluations: no training was logged.") if all(r.only_evaluated for r in a.runs) else []


def item(finding: Finding) -> Item:
    """Make a list entry of a finding, with cause and remedy beneath where a problem stands."""
    below = [rich("Cause: {cause}", cause=finding.cause)] if finding.cause else []
    below += remedies(finding)
    return Item(narrate(finding), tuple(below), status=_badge(finding), claim=finding.claim)


def remedies(finding: Finding) -> list[Rich]:
    """Say what to do about it, where something is to be done."""
    return [rich("Remedy: {remedy}", remedy=finding.remedy)] if finding.remedy else []


def quiet(words: str, *, more: Rich = ()) -> list[Block]:
    """Say in one grey line that there is nothing to show here, and why."""
    return [Prose(join([text(words), more]), muted=True)]


def validated_otherwise(a: Analysis) -> str:
    """Name what was measured on validation data where no validation loss or accuracy is known; empty if nothing was."""
    others = dict.fromkeys(m for run in a.runs for m in shown_metrics(run) if metric_of(m).validates)
    if not others:
        return ""
    names = listed([metric_of(m).label for m in others])
    return f"No run logged a validation loss or accuracy under a known name, but {names} on validation data."


def lacking(a: Analysis, metrics: Sequence[str], what: str) -> list[Block]:
    """Note which runs did not log any of some metrics; nothing when all did."""
    without = [run.id for run in a.runs if not any(run.series(metric).size for metric in metrics)]
    if not without:
        return []
    names = "any run" if len(without) == len(a.runs) > 1 else ", ".join(a.name(run_id) for run_id in without)
    return [Prose(rich("{what} was not logged by {names}.", what=what, names=names), muted=True)]


def _badge(finding: Finding) -> Status | None:
    """Return the status of what a rule of thumb claims; a plain fact has none."""
    return finding.status if finding.claim else None
