"""Cover and Conclusion."""

from __future__ import annotations

from collections.abc import Sequence

from analysis.core.blocks import Block, Cover, Footer, Prose
from analysis.core.config_factors import changed_factors, factor_values
from analysis.core.number_format import count
from analysis.core.rich_text import Rich, join, rich, text
from analysis.core.run import Run
from analysis.core.run_names import factor_short, is_random, shared_parts, short_value
from analysis.findings.analysis_result import Analysis
from analysis.findings.finding import Finding
from analysis.findings.rules.goal import judge_criteria
from analysis.report.sections.configuration_rows import configuration_rows
from analysis.report.sections.narrative import ROUNDING, quiet, shown_findings

_SETTINGS_SHOWN = 6


def title(a: Analysis) -> list[Block]:
    """Build the cover: what was compared, and when."""
    shared = shared_parts(tuple(run.id for run in a.runs))
    facts: list[tuple[str, Rich]] = [
        ("Candidate", text(_part(a, a.candidate))),
        *([("Baseline", text(_part(a, a.baseline)))] if a.baseline else []),
        ("Configuration", text(configuration(a))),
        *([("Run names without", rich("`{shared}`", shared=shared))] if shared else []),
        ("Date", text(a.parameters.day.isoformat())),
    ]
    return [Cover(_heading(a), tuple(facts))]


def _heading(a: Analysis) -> str:
    others, found = len(a.runs) - 1, configuration_rows(a)
    if a.parameters.title or not others:
        return a.title
    mine = next(row for row in found if row.is_candidate)
    if (len(mine.runs) > 1 or is_random(a.candidate.id)) and len(found) > 1:
        with_ = f"{len(found) - 1} other configurations" if len(found) > 2 else next(r for r in found if r != mine).name
        return f"{a.title.partition(' ')[0]} with {mine.name} compared with {with_}"
    with_ = a.name(a.baseline.id) if others == 1 and a.baseline else f"{others} others"
    return f"{a.title} compared with {with_[0].lower() + with_[1:] if with_.startswith('Run ') else with_}"


def _part(a: Analysis, run: Run) -> str:
    """Return the name of candidate or baseline; for several seeds that of the configuration."""
    row = next(row for row in configuration_rows(a) if run.id in row.runs)
    return a.title_of(run.id) if len(row.runs) == 1 else f"{row.name} ({len(row.runs)} seeds)"


def configuration(a: Analysis) -> str:
    """Return the candidate's configuration in one line: standard factors, then factors that differ, then others."""
    named = {
        "learning_rate": "learning rate {}",
        "n_epochs": "{} epochs",
        "batch_size": "batch size {}",
        "seed": "seed {}",
    }
    parts = []
    seeds = len(next(row for row in configuration_rows(a) if row.is_candidate).runs)
    values, changed = factor_values(a.candidate), changed_factors(a.runs) if len(a.runs) > 1 else {}
    for factor, value in sorted(values.items(), key=lambda row: row[0] not in named and row[0] not in changed):
        if factor == "seed" and seeds > 1:
            continue
        if factor == "n_epochs" and value == 1:
            parts.append("1 epoch")
        elif factor in named:
            parts.append(named[factor].format(short_value(value)))
        elif _fits_a_line(value):
            parts.append(f"{factor_short(factor).replace('_', ' ')}: {short_value(value)}")
    if not parts:
        return "not stated with the log"
    more = len(parts) - _SETTINGS_SHOWN
    return ", ".join(parts[:_SETTINGS_SHOWN]) + (f" and {more} more settings" if more > 0 else "")


def _fits_a_line(value: object) -> bool:
    """True for a setting to show in one line: not a switch, not empty, at most 60 characters."""
    return isinstance(value, str | int | float) and not isinstance(value, bool) and 0 < len(str(value)) <= 60


def conclusion(a: Analysis) -> list[Block]:
    """State the result briefly, with a link to the answer on the first page."""
    goal = ""
    if a.goal is not None and a.goal.criteria:
        met = [state for _, state in judge_criteria(a)]
        goal = f" Goal: {'not met' if False in met else 'met' if all(met) else 'open'}."
    result = f"Overall result: {a.verdict.result}." if a.baseline is not None else "One run alone: nothing to compare."
    return [Prose(rich("{result}{goal} {more}", result=result, goal=goal, more=_VERDICT))]


_VERDICT = rich("The answer, with its numbers and conditions, stands on [the first page](#verdict).")

_SUBJECTS = {
    "summary": "the overall result",
    "stability": "stability",
    "final-training": "training performance",
    "final-validation": "validation performance",
    "trade-off": "the trade-off",
    "efficiency": "efficiency",
    "epochs": "epochs",
    "coverage": "validation coverage",
    "curves": "training curves",
    "gap": "overfitting",
    "ranking": "the ranking",
    "optimizations": "early stopping",
}
"""Subjects of the findings by section; those of a factor are about its effect."""


def lessons(a: Analysis) -> list[Block]:
    """State how often, and about what, rules of thumb would have misled, with links."""
    claimed = [f for f in shown_findings(a) if f.claim and f.section != "data-quality" and f.rule != ROUNDING]
    if not claimed:
        return quiet("No rule of thumb applies to these logs.")
    wrong = [f for f in claimed if f.status == "contradicted"]
    weak = [f for f in claimed if f.status in ("not supported", "cannot tell", "not tested")]
    counted = rich(
        "Rules of thumb draw {n} from these logs. The evidence contradicts {wrong}{on} and cannot confirm {weak}{off}.",
        n=count(len(claimed), "conclusion"),
        wrong=str(len(wrong) or "none"),
        on=_about(wrong),
        weak=str(len(weak) or "none"),
        off=_about(weak),
    )
    return [Prose(counted)]


def _about(found: Sequence[Finding]) -> Rich:
    """Return the subjects of findings, each as a link to the first of them."""
    first: dict[str, Finding] = {}
    for f in found:
        first.setdefault(_SUBJECTS.get(f.section, "the effect of a setting"), f)
    links = [rich("[{subject}](#finding-{id})", subject=subject, id=f.id) for subject, f in first.items()]
    return rich(" ({links})", links=join(links, ", ")) if links else ()


def path_forward(a: Analysis) -> list[Block]:
    """Show a link to the next experiment."""
    evidence = [r for r in a.recommendations if r.basis == "evidence" and r.group != "optimization"]
    if evidence:
        return [
            Prose(
                rich(
                    "{title}: see [the first page](#verdict) and [Immediate Actions](#actions-evidence).",
                    title=evidence[0].title,
                )
            )
        ]
    if a.next_runs:
        basis = "by rule of thumb" if a.next_runs[0].basis == "heuristic" else "by evidence"
        return [Prose(rich("Next, {basis}: `{file}`.", basis=basis, file=a.next_runs[0].file))]
    return quiet("No further run is suggested.")


def footer(a: Analysis) -> list[Block]:
    """Build the footer: date, steps and epochs."""
    result = a.rules_of_thumb[a.candidate.id]
    epochs = f" across {count(len(result.epochs), 'epoch')}" if result.epoch_boundary != "unknown" else ""
    contents = f"{count(result.total_steps, 'training step')}{epochs}"
    if a.candidate.only_evaluated:
        contents = "evaluations alone, no training"
    lines = a.candidate.provenance.lines
    rows = a.candidate.provenance.rows_read
    counted = (
        f" ({lines:,} lines in the file, one of them the header)" if lines is not None and lines == rows + 1 else ""
    )
    return [
        Footer(
            rich(
                "Report generated on {day} | Analysis includes {contents}{lines}",
                day=a.parameters.day.isoformat(),
                contents=contents,
                lines=counted,
            )
        )
    ]
