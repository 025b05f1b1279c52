"""Cover, Executive Summary and Conclusion."""

from __future__ import annotations

from analysis.core.blocks import Block, Callout, Cell, Column, Cover, Footer, Item, Items, Prose, Table, Tone
from analysis.core.config_factors import factor_values
from analysis.core.number_format import cell, count, listed
from analysis.core.rich_text import Rich, join, rich, text
from analysis.core.run_names import factor_short, shared_parts, short_value, titled
from analysis.findings.analysis_result import Analysis
from analysis.findings.finding import Finding
from analysis.report.sections.keep import which_to_keep
from analysis.report.sections.narrative import claims, disagreement, link_to, narrate
from analysis.report.sections.observed import observed

_RUNS_LISTED = 24
_SETTINGS_SHOWN = 12

_TONES: dict[bool | None, tuple[Tone, str]] = {
    True: ("good", "met"),
    False: ("bad", "not met"),
    None: ("unknown", "cannot tell"),
}


def title(a: Analysis) -> list[Block]:
    """Build the cover: title, the verdict in one sentence, who was compared with what."""
    facts: list[tuple[str, Rich]] = [
        ("Candidate", text(titled(a.candidate))),
        ("Baseline", text(titled(a.baseline)) if a.baseline else text("none: a single run")),
        *([("Runs", _runs(a))] if len(a.runs) > 1 else []),
        ("Date", text(a.parameters.day.isoformat())),
    ]
    return [Cover(a.title, a.verdict.sentence, tuple(facts))]


def _runs(a: Analysis) -> Rich:
    """List the runs, of many the first and the last; where their names are shortened, say by what."""
    shared = shared_parts(tuple(run.id for run in a.runs))
    names = [a.title_of(run.id) for run in a.runs]
    listing = listed(names) if len(names) <= _RUNS_LISTED else f"{len(names)}, from {names[0]} to {names[-1]}"
    if not shared:
        return text(listing)
    return rich("{runs} (what all names share is left out from here on: `{shared}`)", runs=listing, shared=shared)


def executive_summary(a: Analysis) -> list[Block]:
    """Say in one screen: the configuration, the evidence's verdict, the document's, the goal."""
    verdict = a.verdict
    body = _verdict_lines(a, verdict.numbers)
    blocks: list[Block] = [
        Callout(verdict.tone, rich("**{headline}**", headline=verdict.headline), tuple(body), id="verdict"),
        *_failed(a),
        *_instead(a),
        *which_to_keep(a),
        Prose(rich("**Configuration**: {config}", config=configuration(a))),
        _result(a),
    ]
    blocks += _goal(a)
    blocks += disagreement(a)
    return blocks


def _failed(a: Analysis) -> list[Block]:
    """Say at the top that candidate or baseline diverged: the verdict of such a pair rarely has an interval."""
    pair = [run.id for run in (a.candidate, a.baseline) if run is not None]
    raised = [f for f in a.findings if f.rule == "det.divergence" and f.status == "supported" and f.runs[0] in pair]
    return [Prose(narrate(f), status=f.status) for f in raised]


def _instead(a: Analysis) -> list[Block]:
    """Where nothing can be judged, show what is seen, and lead to what would let it be judged."""
    if a.verdict.result != "insufficient data":
        return []
    record = any(r.id == "evidence.record" for r in a.recommendations)
    lead = "What the logs show without being judged stands below"
    more = "; [what to log and to state](#actions-evidence) for a judgement stands under Immediate Actions"
    return [Prose(rich(lead + (more if record else "") + ".")), *observed(a)]


def configuration(a: Analysis) -> str:
    """Write the candidate's configuration in one line: standard factors, then what says most."""
    named = {
        "learning_rate": "learning rate {}",
        "n_epochs": "{} epochs",
        "batch_size": "batch size {}",
        "seed": "seed {}",
    }
    parts = []
    for factor, value in factor_values(a.candidate).items():
        if factor == "n_epochs" and value == 1:
            parts.append("1 epoch")
        elif factor in named:
            parts.append(named[factor].format(short_value(value)))
        elif _telling(value):
            parts.append(f"{factor_short(factor).replace('_', ' ')}: {short_value(value)}")
    if not parts:
        return "not stated with the log"
    more = len(parts) - _SETTINGS_SHOWN
    return ", ".join(parts[:_SETTINGS_SHOWN]) + (f" and {more} more settings" if more > 0 else "")


def _telling(value: object) -> bool:
    """Tell whether a setting says something in a line: switches and empty values do not."""
    return isinstance(value, str | int | float) and not isinstance(value, bool) and 0 < len(str(value)) <= 60


def conclusion(a: Analysis) -> list[Block]:
    """Close the report: what was found, lessons, path forward."""
    blocks: list[Block] = [Prose(join(_verdict_lines(a)), id="conclusion")]
    if a.goal is not None:
        name = f'The "{a.candidate.name}" configuration used in' if a.candidate.name else "The configuration of"
        state = {True: "achieved", False: "did not achieve", None: "cannot be shown to have achieved"}[a.goal.achieved]
        blocks.append(
            Prose(
                rich(
                    "By the document's rules, {name} {run} **{state} its stated goal** ({goal}). {evidence}",
                    name=name[0].lower() + name[1:],
                    run=a.name(a.candidate.id),
                    state=state,
                    goal=a.goal.text,
                    evidence=_evidence_of_goal(a),
                )
            )
        )
    return blocks


def lessons(a: Analysis) -> list[Block]:
    """List what was learned: one line a finding that carries a claim, worst news first."""
    order = ("contradicted", "supported", "not supported", "cannot tell", "not tested")
    claimed = [f for f in a.findings if f.claim and f.section not in ("data-quality", "gap")]
    told = sorted(claimed, key=lambda f: (order.index(f.status), a.candidate.id not in f.runs))
    if not told:
        return [Prose(text("The numbers above describe the run; with nothing to compare it with, no lesson follows."))]
    return [Items(tuple(_lesson(f) for f in told[:8]), ordered=True)]


def path_forward(a: Analysis) -> list[Block]:
    """Name the next experiment."""
    blocks: list[Block] = []
    evidence = [r for r in a.recommendations if r.basis == "evidence"]
    if evidence:
        blocks.append(
            Prose(rich("**Evidence**: {title}. {why}", title=evidence[0].title, why=join(evidence[0].points[:1])))
        )
    if a.next_runs:
        first = next((run for run in a.next_runs if run.basis == "heuristic"), a.next_runs[0])
        changed = ", ".join(
            f"{key}={short_value(value)}" for key, value in first.config.items() if a.candidate.config.get(key) != value
        )
        blocks.append(
            Prose(
                rich(
                    "**By the document's rules** (heuristic): use the {name} configuration ({changed}). "
                    "Expected: {outcome}.",
                    name=first.name,
                    changed=changed or "unchanged",
                    outcome=first.expected_outcome,
                )
            )
        )
    return blocks


def footer(a: Analysis) -> list[Block]:
    """Close with date, steps and epochs."""
    result = a.document[a.candidate.id]
    epochs = len(result.epochs)
    lines = a.candidate.provenance.lines
    rows = a.candidate.provenance.rows_read
    counted = f" ({lines} lines in the file, one of them the header)" if lines is not None and lines == rows + 1 else ""
    return [
        Footer(
            rich(
                "Report generated on {day} | Analysis includes {steps} training steps across {epochs}{lines}",
                day=a.parameters.day.isoformat(),
                steps=result.total_steps,
                epochs=count(epochs, "epoch"),
                lines=counted,
            )
        )
    ]


def _lesson(finding: Finding) -> Item:
    refuted = rich("**Not so:** {claim}", claim=finding.claim)
    claim = refuted if finding.status == "contradicted" else claims(finding)
    told = rich("{claim}: {text} {link}", claim=claim, text=finding.text, link=link_to(finding))
    return Item(told, status=finding.status)


def _verdict_lines(a: Analysis, numbers: str = "") -> list[Rich]:
    """Give the verdict's sentences, each with a link to the finding behind it."""
    rules = ("performance.primary", "document.result", "det.nonfinite")
    behind = [f for rule in rules for f in a.findings if f.rule == rule and (f.claim or f.status == "supported")]
    gated = next((f for f in a.findings if f.id == f"gate:{a.candidate.id}"), None)
    told = (
        (a.verdict.sentence, next(iter(behind), None)),
        (numbers, None),
        (a.verdict.condition, gated),
        (a.verdict.attribution, gated),
    )
    return [join([text(line), link_to(finding)]) for line, finding in told if line]


def _result(a: Analysis) -> Prose:
    """State the document's overall result with the two numbers it comes from, and what the evidence says of it."""
    found = next((f for f in a.findings if f.rule == "document.result"), None)
    d = a.document_verdict
    if a.baseline is None:
        return Prose(rich("**Overall Result** (by the document's rules): nothing to compare with."))
    parts = []
    if d.performance_better is not None:
        parts.append(f"validation performance {'improved' if d.performance_better else 'fell'}")
    if d.oscillation_change_pct is not None:
        change = round(d.oscillation_change_pct)
        stayed = "oscillations did not change"
        parts.append(f"oscillations {'rose' if change > 0 else 'fell'} by {abs(change)}%" if change else stayed)
    return Prose(
        rich(
            "**Overall Result** (by the document's rules): **{headline}**. Compared to {base}, {parts}. {link}",
            headline=d.headline,
            base=a.name(a.baseline.id),
            parts=" and ".join(parts) or "nothing can be compared",
            link=link_to(found),
        ),
        status=found.status if found else None,
    )


def _goal(a: Analysis) -> list[Block]:
    if a.goal is None:
        return [Prose(rich("**Goal**: none was stated; give one with `goal` to have it checked."))]
    if not a.goal.criteria:
        return [
            Prose(
                rich(
                    "**Goal**: {goal}. It names no criterion the report knows (performance, stability, efficiency, "
                    "training), so it cannot be checked.",
                    goal=a.goal.text,
                )
            )
        ]
    state = {True: "achieved", False: "NOT achieved", None: "undecided"}[a.goal.achieved]
    rows = tuple(
        (
            cell(criterion.name.capitalize()),
            cell(criterion.asked),
            Cell(criterion.shown),
            cell(_TONES[criterion.met][1], tone=_TONES[criterion.met][0]),
        )
        for criterion in a.goal.criteria
    )
    columns = (
        Column("Criterion"),
        Column("Asked for"),
        Column("Shown", layer="document"),
        Column("By the document's rules", layer="document"),
    )
    found = next((f for f in a.findings if f.rule == "goal.achieved"), None)
    return [
        Prose(
            rich(
                "The stated goal “{goal}” was **{state}** by the document's rules. {evidence}",
                goal=a.goal.text,
                state=state,
                evidence=_evidence_of_goal(a),
            ),
            status=found.status if found else None,
        ),
        Table("goal", "Was the stated goal achieved?", columns, rows),
    ]


def _evidence_of_goal(a: Analysis) -> Rich:
    found = next((f for f in a.findings if f.rule == "goal.achieved"), None)
    return rich("The logs: {text} {link}", text=found.text, link=link_to(found)) if found else ()
