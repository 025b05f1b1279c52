"""From findings to prose: every sentence that claims something goes through here and links to its evidence."""

from __future__ import annotations

from collections.abc import Sequence

from analysis.core.blocks import Block, Callout, Item, Items, Prose, Status
from analysis.core.metrics import metric as metric_of
from analysis.core.number_format import count, listed
from analysis.core.rich_text import Rich, join, rich, text
from analysis.evidence.best_values import shown_metrics
from analysis.findings.analysis_result import Analysis
from analysis.findings.finding import Finding


def narrate(finding: Finding) -> Rich:
    """Write a finding as a sentence with its link; a claim of the document's rules comes first."""
    link = link_to(finding)
    if not finding.claim:
        return rich("{text} {link}", text=finding.text, link=link)
    return rich(
        "By the document's rules: {claim}. The logs: {text} {link}",
        claim=finding.claim,
        text=finding.text,
        link=link,
    )


def link_to(finding: Finding | None) -> Rich:
    """Link to a finding in the appendix; nothing where there is none."""
    return rich("[evidence](#{id})", id=f"finding-{finding.id}") if finding is not None else ()


def claims(finding: Finding) -> Rich:
    """Give the claim as a bold lead."""
    return rich("**{claim}**", claim=finding.claim)


def findings_of(a: Analysis, section: str, *rules: str) -> list[Finding]:
    """Select the findings of a section, or those of some rules in it, in the report's order."""
    return [f for f in a.findings if f.section == section and (not rules or f.rule in rules)]


def told(a: Analysis, section: str, *rules: str) -> list[Block]:
    """Tell a section's findings: one paragraph for one, a list for more."""
    found = findings_of(a, section, *rules)
    if len(found) == 1:
        return [Prose(join([narrate(found[0]), *remedies(found[0])]), status=_badge(found[0]))]
    return [Items(tuple(item(f) for f in found))] if found else []


def item(finding: Finding) -> Item:
    """Make a list entry of a finding, with cause and remedy beneath where a problem stands."""
    below = [rich("Cause: {cause}", cause=finding.cause)] if finding.cause else []
    below += remedies(finding)
    return Item(narrate(finding), tuple(below), status=_badge(finding))


def remedies(finding: Finding) -> list[Rich]:
    """Say what to do about it, where something is to be done."""
    return [rich("Remedy: {remedy}", remedy=finding.remedy)] if finding.remedy else []


def missing(what: str, why: str, *, instead: Rich = ()) -> list[Block]:
    """Say that a section cannot be filled, why, and where to look instead."""
    return [Callout("unknown", rich("{what}: not available", what=what), (join([text(why), instead]),))]


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
    return [Prose(rich("{what} was not logged by {names}.", what=what, names=names))]


def disagreement(a: Analysis) -> list[Block]:
    """Show a callout where the evidence refutes, or does not carry, what the document's rules conclude."""
    # What concerns the logs themselves stands under Data Quality; a slip of rounding is nobody's conclusion.
    drawn = [f for f in a.findings if f.claim and f.section != "data-quality" and f.rule != "gap.rounding"]
    refuted = [f for f in drawn if f.status == "contradicted"]
    weak = [f for f in drawn if f.status in ("not supported", "cannot tell", "not tested")]
    if not refuted and not weak:
        return []
    told = sorted(refuted or weak, key=lambda f: a.candidate.id not in f.runs)[:4]
    body = [rich("**{claim}**: {text} {link}", claim=f.claim, text=f.text, link=link_to(f)) for f in told]
    most = (
        f" {len(told)} of them {'stands' if len(told) == 1 else 'stand'} here."
        if len(told) < len(refuted) + len(weak)
        else ""
    )
    counted = text(
        f"Of {count(len(drawn), 'conclusion')} that the document's rules draw, the logs "
        f"contradict {len(refuted)} and leave {len(weak)} unsupported or undecided.{most}"
    )
    return [
        Callout(
            "warning",
            rich("**Where the rules and the evidence disagree**"),
            (counted, *body),
            id="disagreement",
        )
    ]


def _badge(finding: Finding) -> Status | None:
    """Return the status to show; none beside a plain fact, since nothing claimed it."""
    return None if finding.status == "supported" and not finding.claim else finding.status
