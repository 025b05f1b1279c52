"""The first page: the answer, the configurations, one figure, what to do next, and whether the goal was met."""

from __future__ import annotations

import math
from collections.abc import Sequence

from analysis.core.blocks import Block, Callout, Cell, Column, Details, Item, Items, Prose, Table, Tone
from analysis.core.number_format import cell, interval_cell, interval_parts, listed, number, signed_minus
from analysis.core.rich_text import Rich, join, plain, rich, text
from analysis.core.run_names import metric_name
from analysis.evidence.configurations import lead_by_luck
from analysis.findings.analysis_result import Analysis
from analysis.findings.plan import Recommendation
from analysis.findings.rules.goal import judged
from analysis.report.sections.charts import overview_figure
from analysis.report.sections.configuration_rows import (
    NBSP,
    Row,
    best_checkpoint,
    configuration_rows,
    cost,
    foremost,
    level_scale,
    problems,
)
from analysis.report.sections.narrative import link_to

_ROWS, _MOST_ROWS, _NEXT = 8, 40, 3
"""Rows shown, rows in the folded table, and lines of what to do next, at most."""

_STATES: dict[bool | None, tuple[Tone, str]] = {
    True: ("good", "met"),
    False: ("bad", "not met"),
    None: ("unknown", "cannot tell"),
}
_OPEN = ("no evidence of a difference", "not comparable", "insufficient data")
"""Results that leave the question open: these name the one step that would settle it."""


def executive_summary(a: Analysis) -> list[Block]:
    """Answer in one page: what is so, on what it rests, how far it carries, and what to do."""
    rows = configuration_rows(a)
    shown = foremost(a, rows, _ROWS)
    steps = _next_steps(a)
    open_ = a.verdict.result in _OPEN and steps
    blocks: list[Block] = [
        _answer(a, rows, steps[0] if open_ else ()),
        _table(a, shown, "configurations", _caption(a, rows, shown)),
        *_luck(a, rows),
        overview_figure(a, shown),
        *_todo(steps[1:] if open_ else steps),
        *_goal(a),
        *_rule_of_thumb(a),
    ]
    if len(shown) < len(rows):
        most = rows[:_MOST_ROWS]
        left = f", the {len(most)} best" if len(most) < len(rows) else ""
        folded = _table(a, most, "all-configurations", f"All {len(rows)} configurations{left}")
        blocks.append(Details(text(folded.caption), (folded,)))
    return blocks


# --- the answer ---------------------------------------------------------------------------------


def _answer(a: Analysis, rows: Sequence[Row], settle: Rich) -> Callout:
    verdict = a.verdict
    behind = [f for r in ("performance.primary", "det.nonfinite") for f in a.findings if f.rule == r]
    gated = next((f for f in a.findings if f.id == f"gate:{a.candidate.id}"), None)
    carries = " ".join(filter(None, (_scope(a), verdict.condition, verdict.attribution)))
    lines = [
        join([text(verdict.numbers), link_to(next(iter(behind), None))]) if verdict.numbers else (),
        join([text(carries), link_to(gated)]) if carries else (),
        rich("**What would tell:** {step}", step=settle) if settle else (),
    ]
    return Callout(verdict.tone, text(headline(a, rows)), tuple(line for line in lines if line), id="verdict")


def _scope(a: Analysis) -> str:
    """Say whether the result speaks of the configurations or of these models alone."""
    if a.verdict.result in _OPEN or not a.verdict.scope:
        return ""
    if a.verdict.scope == "configurations":
        return "The seeds are in this interval: it holds for the configurations, not only for these runs."
    return "" if "One run each" in a.verdict.condition else "This holds for these models, not for their configurations."


def headline(a: Analysis, rows: Sequence[Row]) -> str:
    """Write the answer in one sentence: candidate against baseline, and of three or more which may be the best."""
    sentence = a.verdict.sentence
    if a.baseline is None and rows and math.isfinite(rows[0].configuration.mean):
        metric = rows[0].configuration.metric
        sentence = f"{a.name(a.candidate.id)} ended at {_level(a, rows[0])[0]} in {metric_name(metric).lower()}."
        return f"{sentence} There is no other run to compare it with."
    ranked = [row for row in rows if math.isfinite(row.configuration.mean)]
    if len(ranked) < 3:
        return sentence
    return f"{sentence.rstrip('.')}; {_which_is_best(ranked)}."


def _which_is_best(ranked: Sequence[Row]) -> str:
    may = [row for row in ranked if row.configuration.may_be_best]
    if len(may) == 1:
        return f"{may[0].spoken} is the best of {len(ranked)} configurations"
    if len(may) == len(ranked):
        return f"which of the {len(ranked)} configurations is best is open"
    names = listed([row.spoken for row in may]) if len(may) <= 3 else f"{may[0].spoken} and {len(may) - 1} others"
    return f"of {len(ranked)} configurations {names} may {'each ' if len(may) < 4 else ''}be the best"


def _luck(a: Analysis, rows: Sequence[Row]) -> list[Block]:
    """Say how far the best of so many would lead by luck alone, where it is known and not separated from the rest."""
    ranked = [row.configuration for row in rows if math.isfinite(row.configuration.mean)]
    luck = lead_by_luck(ranked, a.seed_spread)
    if not luck or sum(c.may_be_best for c in ranked) < 2:
        return []
    scale, unit = level_scale(rows[0].configuration)
    size = f"{scale * luck:.2g}{' pp' if unit else ''}"
    words = f"Among {len(ranked)} configurations of equal worth the best would lead their mean by {size} by luck alone."
    return [Prose(text(words), muted=True)]


# --- the table ----------------------------------------------------------------------------------


def _caption(a: Analysis, rows: Sequence[Row], shown: Sequence[Row]) -> str:
    if len(rows) == 1:
        return "The run" if len(rows[0].runs) == 1 else f"The configuration, {len(rows[0].runs)} seeds"
    some = f", {len(shown)} of {len(rows)}" if len(shown) < len(rows) else ""
    return f"The configurations, best first{some}"


def _table(a: Analysis, rows: Sequence[Row], identity: str, caption: str) -> Table:
    metric = rows[0].configuration.metric
    several, seeds = len(a.configurations) > 1, any(len(row.runs) > 1 for row in rows)
    trouble = {row.name: problems(a, row) for row in rows}
    checkpoints = {row.name: best_checkpoint(a, row) for row in rows}
    columns = [Column("Configuration" if several else "Run")]
    columns += [Column("Runs", "right")] if seeds else []
    columns += [Column(f"{metric_name(metric)}{', mean ± sd' if seeds else ''}", "right")]
    columns += [Column("Difference to baseline", "right"), Column("Best?")] if several else []
    columns += [Column("Best checkpoint")] if any(words != "–" for words in checkpoints.values()) else []
    columns += [Column("Cost" + (" a run" if seeds else "")), Column("Problems")]
    shown = []
    for row in rows:
        cells = [Cell(rich("**{name}**", name=row.name), text(_whose(a, row)))]
        cells += [cell(str(len(row.runs)))] if seeds else []
        cells += [cell(*_level(a, row))]
        cells += [_difference(row), _best(a, row)] if several else []
        cells += [cell(checkpoints[row.name])] if any(c.label == "Best checkpoint" for c in columns) else []
        cells += [cell(cost(a, row)), _problem(trouble[row.name])]
        shown.append(tuple(cells))
    return Table(identity, caption, tuple(columns), tuple(shown))


def _whose(a: Analysis, row: Row) -> str:
    """Name the run where the configuration's own name does not, and say what part it plays."""
    told = a.name(row.runs[0]) if len(row.runs) == 1 and row.name != a.name(row.runs[0]) else ""
    part = "candidate" if row.is_candidate else "baseline" if row.is_baseline else ""
    return " · ".join(filter(None, (told, part if a.baseline is not None else "")))


def _level(a: Analysis, row: Row) -> tuple[str, str]:
    """Write the deciding metric: mean ± sd of several seeds, or the value of one with its interval."""
    c, (scale, unit) = row.configuration, level_scale(row.configuration)
    if not math.isfinite(c.mean):
        return "no value", ""
    if math.isfinite(c.sd):
        return f"{_rounded(scale * c.mean, scale * c.sd)}{unit} ± {_two(scale * c.sd)}", ""
    known = a.evidence[c.runs[0]].window.get(c.metric)
    if known is not None and known.known:
        main, minor = interval_parts(known, scale=scale, unit=unit)
        return main, minor
    return f"{number(scale * c.mean)}{unit}", ""


def _rounded(value: float, spread: float) -> str:
    """Write a mean with as many decimals as two digits of its spread have."""
    return signed_minus(f"{value:.{_decimals(spread)}f}")


def _two(spread: float) -> str:
    return f"{spread:.{_decimals(spread)}f}"


def _decimals(spread: float) -> int:
    return min(6, max(0, 1 - math.floor(math.log10(spread)))) if spread > 0 else 3


def _difference(row: Row) -> Cell:
    if row.is_baseline:
        return cell("baseline")
    if row.difference is None or not math.isfinite(row.difference.value):
        return cell("–")
    scale, unit = level_scale(row.configuration)[0], " pp" if level_scale(row.configuration)[1] else ""
    if row.difference.known:
        return interval_cell(row.difference, scale=scale, unit=unit, sign=True)
    return cell(signed_minus(f"{scale * row.difference.value:+.3g}") + unit, "no interval")


def _best(a: Analysis, row: Row) -> Cell:
    c = row.configuration
    if not math.isfinite(c.mean):
        return cell("–")
    alone = sum(other.may_be_best for other in a.configurations) == 1
    if c.may_be_best:
        return Cell(text("best" if alone else f"may{NBSP}be"), tone="good")
    return cell("no")


def _problem(words: str) -> Cell:
    return Cell(text(words or "none"), tone="warning" if words else "neutral")


# --- what to do next ----------------------------------------------------------------------------


def _next_steps(a: Analysis) -> list[Rich]:
    """List what the evidence asks for, each with its reason and the file that does it; the cheapest settles first."""
    found = [r for r in a.recommendations if r.basis == "evidence"]
    return [_step(r) for r in found][:_NEXT]


def _step(r: Recommendation) -> Rich:
    title = plain(r.title)
    if r.id == "evidence.record":
        return rich("{point} [What to log and to state](#actions-evidence).", point=r.points[0])
    if r.id == "evidence.design":
        return rich("{todo} ({file})", todo=plain(r.points[-2]).rstrip("."), file=rich("`next_runs/design.yaml`"))
    return rich("**{title}.** {why}", title=title.rstrip("."), why=r.points[0] if r.points else ())


def _todo(steps: Sequence[Rich]) -> list[Block]:
    if not steps:
        return []
    return [Prose(rich("**What to do next**:")), Items(tuple(Item(step) for step in steps), ordered=len(steps) > 1)]


def _rule_of_thumb(a: Analysis) -> list[Block]:
    """State the overall result, and what the rules of thumb make of the same runs."""
    found = next((f for f in a.findings if f.rule == "rule.result"), None)
    if found is None:
        return []
    told = rich("**Overall Result**: {result}. {link}", result=a.verdict.result, link=link_to(found))
    return [Prose(told, found.status, claim=found.claim)]


# --- the goal -----------------------------------------------------------------------------------


def _goal(a: Analysis) -> list[Block]:
    """Hold each criterion of the stated goal against the rule of thumb and against the evidence, in one row."""
    if a.goal is None:
        return []
    if not a.goal.criteria:
        known = "performance, stability, efficiency, training, or a number such as `full_valid_loss <= 0.3`"
        return [
            Prose(rich("**Goal** “{goal}”: it names nothing that can be checked (" + known + ").", goal=a.goal.text))
        ]
    rows = tuple(
        (
            cell(criterion.name.capitalize(), criterion.asked),
            cell(_STATES[criterion.met][1], plain(criterion.shown), tone=_STATES[criterion.met][0]),
            cell(_STATES[met][1], plain(words), tone=_STATES[met][0]),
        )
        for criterion, (words, met) in zip(a.goal.criteria, judged(a), strict=True)
    )
    found = next((f for f in a.findings if f.rule == "goal.achieved"), None)
    met = [state for _, state in judged(a)]
    state = "not met" if False in met else "met" if all(met) else "open"
    caption = f"Goal “{a.goal.text}”: {state}"
    columns = (Column("Criterion"), Column("Rule of thumb"), Column("Evidence"))
    note = (link_to(found),) if found else ()
    return [Table("goal", caption, columns, rows, notes=note)]
