"""Cover and Conclusion."""

from __future__ import annotations

from analysis.core.blocks import Block, Cover, Footer, Item, Items, Prose
from analysis.core.config_factors import factor_values
from analysis.core.number_format import count
from analysis.core.rich_text import Rich, rich, text
from analysis.core.run import Run
from analysis.core.run_names import factor_short, is_random, shared_parts, short_value
from analysis.findings.analysis_result import Analysis
from analysis.findings.rules.goal import judged
from analysis.report.sections.answer import headline
from analysis.report.sections.configuration_rows import configuration_rows
from analysis.report.sections.narrative import ROUNDING, claims, quiet, shown_findings

_LESSONS = 8
_SETTINGS_SHOWN = 6


def title(a: Analysis) -> list[Block]:
    """Build the cover: what was compared with what, and when."""
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
    """Name the candidate or the baseline: of several seeds the configuration."""
    row = next(row for row in configuration_rows(a) if run.id in row.runs)
    return a.title_of(run.id) if len(row.runs) == 1 else f"{row.name} ({len(row.runs)} seeds)"


def configuration(a: Analysis) -> str:
    """Write the candidate's configuration in one line: standard factors, then what says most."""
    named = {
        "learning_rate": "learning rate {}",
        "n_epochs": "{} epochs",
        "batch_size": "batch size {}",
        "seed": "seed {}",
    }
    parts = []
    seeds = len(next(row for row in configuration_rows(a) if row.is_candidate).runs)
    for factor, value in factor_values(a.candidate).items():
        if factor == "seed" and seeds > 1:
            continue
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
    """Close the report in the words of its first page."""
    goal = ""
    if a.goal is not None and a.goal.criteria:
        met = [state for _, state in judged(a)]
        state = (
            "was not met" if False in met else "was met" if all(met) else "is neither shown to be met nor to be missed"
        )
        goal = f" The goal “{a.goal.text}” {state}."
    return [Prose(rich("{answer}{goal} {more}", answer=headline(a, configuration_rows(a)), goal=goal, more=_VERDICT))]


_VERDICT = rich("[Numbers and conditions](#verdict)")


def lessons(a: Analysis) -> list[Block]:
    """Name the points at which a rule of thumb would have misled; what is so stands where they lead."""
    claimed = [f for f in shown_findings(a) if f.claim and f.section != "data-quality" and f.rule != ROUNDING]
    if not claimed:
        return quiet("No rule of thumb applies to these logs.")
    wrong = [f for f in claimed if f.status == "contradicted"]
    weak = [f for f in claimed if f.status in ("not supported", "cannot tell", "not tested")]
    counted = (
        f"Rules of thumb draw {count(len(claimed), 'conclusion')} from these logs. "
        f"The evidence contradicts {len(wrong) or 'none'} and cannot confirm {len(weak) or 'none'}."
    )
    told = tuple(Item(claims(f), status=f.status) for f in [*wrong, *weak][:_LESSONS])
    return [Prose(text(counted)), *([Items(told)] if told else [])]


def path_forward(a: Analysis) -> list[Block]:
    """Lead to the next experiment."""
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
