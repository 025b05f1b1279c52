"""The first page: the answer, the configurations, one figure, what to do next, and the goal."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import replace

from analysis.core.blocks import Block, Callout, Cell, Column, Details, Item, Items, Prose, Table, Tone
from analysis.core.number_format import cell, decimals_for, interval_cell, interval_parts, listed, number, signed_minus
from analysis.core.rich_text import Rich, join, plain, rich, text
from analysis.core.run_names import display_name, is_random, metric_name, metric_words
from analysis.evidence.verdict import DESCRIBED
from analysis.findings.analysis_result import Analysis
from analysis.findings.goal import Criterion
from analysis.findings.plan import Recommendation
from analysis.findings.rules.goal import judge_criteria
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
from analysis.report.sections.sweep import lead_words

_ROWS, _FEW_ROWS, _MOST_ROWS, _NEXT = 9, 6, 40, 3
"""Most rows if the table shows all, most rows if not, most rows of the folded table, and most things to do."""

_STATES: dict[bool | None, tuple[Tone, str]] = {
    True: ("good", "met"),
    False: ("bad", "not met"),
    None: ("unknown", "cannot tell"),
}
_OPEN = ("no evidence of a difference", "not comparable", "insufficient data")
"""Results that leave the question open; with these the answer names the step that would settle it."""


def executive_summary(a: Analysis) -> list[Block]:
    """Build the first page: the answer with its basis and scope, and what to do."""
    rows = configuration_rows(a)
    shown = foremost(a, rows, _ROWS if len(rows) <= _ROWS else _FEW_ROWS)
    steps = _next_steps(a)
    open_ = a.verdict.result in _OPEN and a.verdict.headline != DESCRIBED
    settle = next((r for r in steps if _settles(r)), None) if open_ else None
    blocks: list[Block] = [
        _answer(a, rows, settle),
        replace(_table(a, shown, "configurations", _caption(a, rows, shown)), notes=lead_words(a)),
        overview_figure(a, shown),
        *_todo([_step(a, r) for r in steps if r is not settle]),
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


def _answer(a: Analysis, rows: Sequence[Row], settle: Recommendation | None) -> Callout:
    verdict = a.verdict
    behind = [f for r in ("performance.primary", "det.nonfinite") for f in a.findings if f.rule == r]
    gated = next((f for f in a.findings if f.id == f"gate:{a.candidate.id}"), None)
    cause = "" if verdict.result in _OPEN else verdict.attribution  # no difference, no cause
    carries = " ".join(filter(None, (_scope(a), verdict.condition, cause)))
    lines = [
        join([text(verdict.numbers), link_to(next(iter(behind), None))]) if verdict.numbers else (),
        join([text(carries), link_to(gated)]) if carries else (),
        rich("**{label}:** {step}", label=_label(settle), step=_step(a, settle)) if settle is not None else (),
    ]
    return Callout(verdict.tone, text(headline(a, rows)), tuple(line for line in lines if line), id="verdict")


def _label(settle: Recommendation) -> str:
    return "Not worth settling" if settle.id == "evidence.too_small" else "What would tell"


def _scope(a: Analysis) -> str:
    """Return whether the result is about the configurations or only about these models, in words."""
    if a.verdict.result in _OPEN or not a.verdict.scope:
        return ""
    if a.verdict.scope == "configurations":
        return "Seeds are part of this interval: it holds for the configurations, not only for these runs."
    said = "One run each was" in a.verdict.condition
    return "" if said else "This holds for these models, not for their configurations."


def headline(a: Analysis, rows: Sequence[Row]) -> str:
    """Return the answer in one sentence: candidate and baseline, and for three or more which may be the best."""
    sentence = a.verdict.sentence
    if a.baseline is None and rows and math.isfinite(rows[0].configuration.mean):
        what, level = metric_words(rows[0].configuration.metric), _level(a, rows[0], _digits(rows))[0]
        known = a.evidence[a.candidate.id].window.get(rows[0].configuration.metric)
        mean = known is not None and known.definition == "loss.window_mean" and known.n > 1
        over = f", the mean of its last {known.n:,.0f} values" if known is not None and mean else ""
        sentence = f"{a.name(a.candidate.id)} ended at {level} in {what}{over}."
        return f"{sentence} There is no other run to compare it with."
    ranked = [row for row in rows if math.isfinite(row.configuration.mean)]
    if len(ranked) < 3:
        return sentence
    return f"{sentence.rstrip('.')}; {_which_is_best(ranked)}."


def _which_is_best(ranked: Sequence[Row]) -> str:
    may = [row.configuration_name for row in ranked if row.configuration.may_be_best]
    if len(may) == 1:
        return f"{may[0]} is the best of {len(ranked)} configurations"
    if len(may) == len(ranked):
        return f"any of the {len(ranked)} configurations may be the best"
    if len(may) > 3:
        return f"{len(may)} of {len(ranked)} configurations may be the best"
    return f"of {len(ranked)} configurations {listed(may)} may each be the best"


# --- the table ----------------------------------------------------------------------------------


def _caption(a: Analysis, rows: Sequence[Row], shown: Sequence[Row]) -> str:
    if len(rows) == 1:
        return "The run" if len(rows[0].runs) == 1 else f"The configuration, {len(rows[0].runs)} seeds"
    some = f", {len(shown)} of {len(rows)}" if len(shown) < len(rows) else ""
    return f"The configurations, best first{some}"


def _table(a: Analysis, rows: Sequence[Row], identity: str, caption: str) -> Table:
    """Return the table of configurations; what is the same in every row is in the caption instead of a column."""
    several, seeds = len(a.configurations) > 1, any(len(row.runs) > 1 for row in rows)
    digits = _digits(rows)
    columns: dict[Column, list[Cell]] = {
        Column("Configuration" if several else "Run"): [
            Cell(rich("**{name}**", name=row.name), text(_whose(a, row))) for row in rows
        ]
    }
    if seeds:
        columns[Column("Runs", "right")] = [cell(str(len(row.runs))) for row in rows]
    metric = f"{metric_name(rows[0].configuration.metric)}{', mean ± sd' if seeds else ''}"
    columns[Column(metric, "right")] = [cell(*_level(a, row, digits)) for row in rows]
    if several:
        columns[Column("Difference to baseline", "right")] = [_difference(row) for row in rows]
        columns[Column("Best?")] = [_best(a, row) for row in rows]
    checkpoints = [best_checkpoint(a, row) for row in rows]
    if set(checkpoints) != {"–"}:
        columns[Column("Best checkpoint")] = list(map(cell, checkpoints))
    costs, troubles = ([describe(a, row) for row in rows] for describe in (cost, problems))
    if not several or len(set(costs)) > 1:
        columns[Column("Cost" + (" a run" if seeds else ""))] = list(map(cell, costs))
    else:
        caption += f"; each run {costs[0]}" if costs[0] else ""
    if not several or any(troubles):
        columns[Column("Problems")] = list(map(_problem, troubles))
    else:
        caption += "; no problems found" if not a.candidate.only_evaluated else ""
    return Table(identity, caption, tuple(columns), tuple(zip(*columns.values(), strict=True)))


def _whose(a: Analysis, row: Row) -> str:
    """Return the name of the run, unless it is that of the configuration, and its role."""
    run_id = row.runs[0]
    name = display_name(run_id) if is_random(run_id) else a.name(run_id)
    name = name if len(row.runs) == 1 and row.name != name else ""
    part = "candidate" if row.is_candidate else "baseline" if row.is_baseline else ""
    return " · ".join(filter(None, (name, part if a.baseline is not None else "")))


def _level(a: Analysis, row: Row, digits: int) -> tuple[str, str]:
    """Format the deciding metric: mean ± sd of several seeds, or the value of one run with its interval."""
    c, (scale, unit) = row.configuration, level_scale(row.configuration)
    if not math.isfinite(c.mean):
        return "no value", ""
    if math.isfinite(c.sd):
        return signed_minus(f"{scale * c.mean:.{digits}f}{unit} ± {scale * c.sd:.{digits}f}"), ""
    known = a.evidence[c.runs[0]].window.get(c.metric)
    if known is not None and known.known:
        return interval_parts(known, scale=scale, unit=unit)
    return f"{number(scale * c.mean)}{unit}", ""


def _digits(rows: Sequence[Row]) -> int:
    """Return the decimals of a column of means, which show two digits of the median spread."""
    spreads = [level_scale(row.configuration)[0] * row.configuration.sd for row in rows if row.configuration.sd > 0]
    return decimals_for(statistics.median(spreads)) if spreads else 3


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


def _next_steps(a: Analysis) -> list[Recommendation]:
    """Return the first recommendations by evidence, without the one on what not to do."""
    found = [r for r in a.recommendations if r.basis == "evidence" and r.id != "evidence.sampling_noise"]
    if any(r.id == "evidence.mend" for r in found):  # a failed training has to be fixed before an experiment
        found = [r for r in found if r.group != "design"]
    return found[:_NEXT]


def _settles(r: Recommendation) -> bool:
    """True if a recommendation settles an open question; the choice of a checkpoint does not."""
    return r.group == "design" or r.id in ("evidence.mend", "evidence.examples")


def _step(a: Analysis, r: Recommendation) -> Rich:
    """Return what to do and why, with the file or section for it."""
    if r.id == "evidence.record":
        file = rich(" (`{file}`)", file=a.next_runs[0].file) if a.baseline is None and a.next_runs else ()
        return rich("{todo}{file}. [More](#actions-evidence)", todo=plain(r.points[0]).rstrip("."), file=file)
    if r.id == "evidence.design":
        open_ = a.verdict.result in _OPEN  # then the question it answers is stated next to it
        why = "" if open_ else f": that tells what {r.value['factor_title']} does from what a seed does"
        todo, _, _ = plain(r.points[-2]).partition(":")
        return rich("{todo} (`next_runs/design.yaml`){why}.", todo=todo.rstrip("."), why=why)
    if r.id == "evidence.seeds":
        return r.points[0]
    return rich("**{title}.** {why}", title=plain(r.title).rstrip("."), why=r.points[0] if r.points else ())


def _todo(steps: Sequence[Rich]) -> list[Block]:
    if not steps:
        return []
    return [Prose(rich("**What to do next**:")), Items(tuple(Item(step) for step in steps), ordered=len(steps) > 1)]


def _rule_of_thumb(a: Analysis) -> list[Block]:
    """State the overall result next to that of the rules of thumb."""
    found = next((f for f in a.findings if f.rule == "rule.result"), None)
    if found is None:
        return []
    line = rich("**Overall Result**: {result}. {link}", result=a.verdict.result, link=link_to(found))
    return [Prose(line, found.status, claim=found.claim)]


# --- the goal -----------------------------------------------------------------------------------


def _goal(a: Analysis) -> list[Block]:
    """Show each criterion of the stated goal with the results by rule of thumb and by evidence."""
    if a.goal is None:
        return []
    if not a.goal.criteria:
        known = "performance, stability, efficiency, training, or a number such as `full_valid_loss <= 0.3`"
        return [
            Prose(rich("**Goal** “{goal}”: it names nothing that can be checked (" + known + ").", goal=a.goal.text))
        ]
    found = next((f for f in a.findings if f.rule == "goal.achieved"), None)
    met = [state for _, state in judge_criteria(a)]
    last = len(met) - 1
    thumb = not all(criterion.tested for criterion in a.goal.criteria)
    rows = []
    for index, (criterion, (words, state)) in enumerate(zip(a.goal.criteria, judge_criteria(a), strict=True)):
        shown = join([criterion.shown if criterion.tested else words, link_to(found if index == last else None)])
        asked, by_thumb = _asked(criterion)
        evidence = Cell(text(_STATES[state][1]), shown, _STATES[state][0])
        rows.append((asked, by_thumb, evidence) if thumb else (asked, evidence))
    overall = "not met" if False in met else "met" if all(met) else "open"
    columns = (Column("Criterion"), *([Column("Rule of thumb")] if thumb else []), Column("Evidence"))
    return [Table("goal", f"Goal “{a.goal.text}”: {overall}", columns, tuple(rows))]


def _asked(criterion: Criterion) -> tuple[Cell, Cell]:
    """Return cells for a criterion and its result by rule of thumb, which a numeric one has not."""
    if criterion.tested:
        return Cell(rich("`{asked}`", asked=criterion.asked)), cell("–")
    tone, word = _STATES[criterion.met]
    return cell(criterion.name.capitalize()), cell(word, plain(criterion.shown), tone=tone)
