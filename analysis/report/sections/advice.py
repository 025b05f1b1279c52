"""Recommendations: actions, next runs, optimizations."""

from __future__ import annotations

from collections.abc import Sequence

from analysis.core.blocks import Block, Code, Details, Heading, Item, Items, Prose
from analysis.core.metrics import metric as metric_of
from analysis.core.number_format import listed, signed_minus
from analysis.core.rich_text import join, rich, text
from analysis.core.run_names import metric_words
from analysis.findings.analysis_result import Analysis
from analysis.findings.recommend import NextRun, Prediction, Recommendation
from analysis.report.sections.narrative import findings_blocks, link_to, quiet


def actions(a: Analysis) -> list[Block]:
    """Show the advice based on evidence, then that by rules of thumb."""
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
    return [*blocks, *findings_blocks(a, "actions")]


def next_experiments(a: Analysis) -> list[Block]:
    """Show each next run as the YAML that is also written as a file."""
    alike: dict[tuple[str, str], list[NextRun]] = {}
    for run in a.next_runs:
        alike.setdefault((run.when, run.expected_outcome), []).append(run)
    blocks: list[Block] = []
    for (when, outcome), runs in alike.items():
        rule = " by a rule of thumb," if runs[0].basis == "heuristic" and "rules of thumb" not in when else ""
        blocks.append(
            Prose(
                rich(
                    "**{names}** ({when}):{rule} {files}. Expected: {outcome}.{predicted}",
                    names=listed([run.name for run in runs]),
                    when=when,
                    rule=rule,
                    files=join([rich("`{file}`", file=run.file) for run in runs], " and "),
                    outcome=outcome.rstrip("."),
                    predicted=_predicted(runs),
                )
            )
        )
        blocks += [Details(text(run.file), (Code(run.to_yaml()),)) for run in runs]
    return blocks or quiet("No further run is suggested.")


def optimizations(a: Analysis) -> list[Block]:
    """Show the advanced options, each with what the logs say about it."""
    listed = [r for r in a.recommendations if r.group == "optimization"]
    blocks: list[Block] = [_list(a, listed)] if listed else quiet("None applies.")
    return [*blocks, *findings_blocks(a, "optimizations")]


_CHECKED_BY = {
    "rule.reduce_learning_rate": "attribution.learning_rate",
    "rule.fewer_epochs": "epochs.overfitting",
    "rule.early_stopping": "advice.patience",
    "rule.gradient_clipping": "advice.noise",
}
"""Beginning of the ID of the finding that checks the advice of a rule of thumb."""


def _list(a: Analysis, recommendations: list[Recommendation]) -> Items:
    return Items(tuple(_item(a, r) for r in recommendations), ordered=True)


def _item(a: Analysis, recommendation: Recommendation) -> Item:
    begins = _CHECKED_BY.get(recommendation.id)
    found = next((f for f in a.findings if begins and f.id.startswith(begins)), None)
    title = rich("{title} {link}", title=recommendation.title, link=link_to(found)) if found else recommendation.title
    return Item(title, recommendation.points, status=found.status if found else None)


def _predicted(runs: Sequence[NextRun]) -> str:
    """Return the predictions for the runs in words; once if they are the same for all."""
    predicted = [" and ".join(map(_range, run.predictions)) for run in runs]
    if len(set(predicted)) == 1:
        return f" Predicted, and scored when the logs arrive: {predicted[0]}." if predicted[0] else ""
    each = "; ".join(f"{run.name}: {words}" for run, words in zip(runs, predicted, strict=True) if words)
    return f" Predicted, and scored when the logs arrive: {each}."


def _range(p: Prediction) -> str:
    name = "noise (sd)" if p.metric == "noise" else metric_words(p.metric)
    about = metric_of(p.metric)
    fraction = about.unit == "fraction" or (about.share and abs(p.estimate) <= 1)
    scale, unit = (100, "%") if fraction else (1, "")
    low, high = (signed_minus(f"{scale * bound:.3g}") for bound in (p.low, p.high))
    return f"{name} between {low} and {high}{unit}"
