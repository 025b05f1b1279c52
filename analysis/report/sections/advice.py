"""Recommendations: what to do now, which runs to submit next, what else to try."""

from __future__ import annotations

from analysis.core.blocks import Block, Code, Details, Heading, Item, Items, Prose
from analysis.core.number_format import signed_minus
from analysis.core.rich_text import rich, text
from analysis.core.run_names import metric_words
from analysis.findings.analysis_result import Analysis
from analysis.findings.recommend import NextRun, Recommendation
from analysis.report.sections.narrative import link_to, quiet, told


def actions(a: Analysis) -> list[Block]:
    """List what evidence supports, then the rules of thumb, each under its label."""
    evidence = [r for r in a.recommendations if r.basis == "evidence" and r.group != "optimization"]
    heuristic = [r for r in a.recommendations if r.basis == "heuristic" and r.group == "action"]
    blocks: list[Block] = []
    if evidence:
        blocks += [Heading("What the evidence supports", 4, "actions-evidence"), _list(a, evidence)]
    blocks.append(Heading("By rules of thumb", 4, "actions-heuristic"))
    if heuristic:
        blocks.append(_list(a, heuristic))
    else:
        blocks.append(Prose(text("No rule of thumb calls for a change."), muted=True))
    return [*blocks, *told(a, "actions")]


def next_experiments(a: Analysis) -> list[Block]:
    """Show each next run as the YAML that is also written as a file."""
    blocks: list[Block] = []
    for run in a.next_runs:
        basis = "a rule of thumb" if run.basis == "heuristic" else "evidence"
        blocks += [
            Prose(
                rich(
                    "**{name}** ({when}, by {basis}): `{file}`. Expected: {outcome}.{predicted}",
                    name=run.name,
                    when=run.when,
                    basis=basis,
                    file=run.file,
                    outcome=run.expected_outcome.rstrip("."),
                    predicted=_predicted(run),
                )
            ),
            Details(text(run.file), (Code(run.to_yaml()),)),
        ]
    return blocks or quiet("No further run is suggested.")


def optimizations(a: Analysis) -> list[Block]:
    """List the advanced options, each with what the logs say of it."""
    listed = [r for r in a.recommendations if r.group == "optimization"]
    blocks: list[Block] = [_list(a, listed)] if listed else quiet("None applies.")
    return [*blocks, *told(a, "optimizations")]


_CHECKED_BY = {
    "rule.reduce_learning_rate": "attribution.learning_rate",
    "rule.fewer_epochs": "epochs.overfitting",
    "rule.early_stopping": "advice.patience",
    "rule.gradient_clipping": "advice.noise",
}
"""The finding, by the beginning of its ID, that says what the logs make of a rule of thumb."""


def _list(a: Analysis, recommendations: list[Recommendation]) -> Items:
    return Items(tuple(_item(a, r) for r in recommendations), ordered=True)


def _item(a: Analysis, recommendation: Recommendation) -> Item:
    begins = _CHECKED_BY.get(recommendation.id)
    found = next((f for f in a.findings if begins and f.id.startswith(begins)), None)
    title = rich("{title} {link}", title=recommendation.title, link=link_to(found)) if found else recommendation.title
    return Item(title, recommendation.points, status=found.status if found else None)


def _predicted(run: NextRun) -> str:
    if not run.predictions:
        return ""
    shown = " and ".join(
        signed_minus(f"{_measured(p.metric)} between {p.low:.3g} and {p.high:.3g}") for p in run.predictions
    )
    return f" Predicted, to be scored when its log arrives: {shown}."


def _measured(metric: str) -> str:
    return "noise (sd)" if metric == "noise" else metric_words(metric)
