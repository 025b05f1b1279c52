"""Key Findings: stability, and epoch by epoch."""

from __future__ import annotations

from analysis.core.blocks import Block, Cell, Column, Details, Prose, Table
from analysis.core.config_factors import changed_factors, factor_values
from analysis.core.metrics import metric as metric_of
from analysis.core.number_format import cell, count, in_unit, interval_cell, signed
from analysis.core.rich_text import text
from analysis.core.run_names import factor_title, short_value
from analysis.evidence.best_values import best_value, shown_metrics
from analysis.findings.analysis_result import Analysis
from analysis.heuristics import grades
from analysis.heuristics.formulas import change_pct
from analysis.report.sections.assessments import assessed, filled, left_out, rows_of, shown_runs
from analysis.report.sections.narrative import findings_blocks, quiet, untrained, with_findings

_METRICS_AN_EPOCH, _OTHERS_EPOCHS = 5, 3
_EPOCHS_AT_AN_END = 6
"""Epochs shown at either end of a run with many."""


def stability(a: Analysis) -> list[Block]:
    """Show oscillation counts by rule of thumb, next to the rate per transition and the noise."""
    counts = {run_id: result.oscillations for run_id, result in a.rules_of_thumb.items()}
    known = {run_id: n for run_id, n in counts.items() if n is not None}
    if not known:
        epochs_alone = any(a.evidence[run.id].per_epoch for run in a.runs)
        why = "the logs hold one value an epoch" if epochs_alone else "no run has two steps of a loss to compare"
        return untrained(a) or quiet(f"Oscillations are changes from one step to the next; {why}.")
    reference = a.reference_id
    base = counts[reference]
    leading, several = _leading_factor(a), len(a.runs) > 1
    columns = [Column("Run")]
    if leading:
        columns.append(Column(factor_title(leading)))
    columns += [
        Column("Oscillations", "right", "rule.oscillations", "rules"),
        *([Column(f"vs {a.name(reference)}", "right", "rule.change_pct", "rules")] if several else []),
        *([Column("Assessment", layer="rules")] if several else []),
        Column("Rate per transition", "right", "osc.rate", "evidence"),
        Column("Noise (sd)", "right", "noise.s", "evidence"),
    ]
    words = stability_words(a)
    rows = []
    for run in shown_runs(a):
        n, evidence = counts[run.id], a.evidence[run.id]
        row = [Cell(text(a.title_of(run.id)))]
        if leading:
            row.append(cell(short_value(factor_values(run).get(leading))))
        row.append(cell("not counted" if n is None else f"{n:,}", bold=n is not None))
        if several:
            change = "Baseline" if run.id == reference else signed(change_pct(base, n), 0, "%")
            row += [cell(change), assessed(words[run.id])]
        row += [interval_cell(evidence.oscillation_rate, scale=100, unit="%"), interval_cell(evidence.noise)]
        rows.append(tuple(row))
    table = Table(
        "stability",
        "Changes of more than 1% from one logged value to the next",
        tuple(columns),
        tuple(rows),
        strong=rows_of(a, a.leaders["stability"]),
        notes=(text("A count grows with the number of steps; the rate does not."), *left_out(a)),
    )
    return with_findings(a, "stability", filled(table))


def stability_words(a: Analysis) -> dict[str, str]:
    """Return the assessment of each run's oscillation count, by run ID."""
    counts = {r: d.oscillations for r, d in a.rules_of_thumb.items()}
    known = [n for n in counts.values() if n is not None]
    best, last = min(known, default=None), max(known, default=None)
    return {
        run_id: "Not assessed"
        if n is None
        else grades.word(a.rules_of_thumb[run_id].grades.stability, best=n == best, last=len(known) > 1 and n == last)
        for run_id, n in counts.items()
    }


def epochs(a: Analysis) -> list[Block]:
    """Show the epochs of the candidate; those of other runs are folded away."""
    blocks = _epoch_table(a, a.candidate.id)
    others = [run.id for run in a.runs if run.id != a.candidate.id and len(a.rules_of_thumb[run.id].epochs) > 1]
    shown = others if len(others) <= _OTHERS_EPOCHS else [run_id for run_id in others if run_id == a.reference_id]
    folded = [block for run_id in shown for block in _epoch_table(a, run_id)]
    if folded:
        whose = "the other runs" if shown == others else a.name(a.reference_id)
        blocks.append(Details(text(f"Epochs of {whose}"), tuple(folded)))
    if len(others) > len(shown):
        more = count(len(others) - len(shown), "further run")
        blocks.append(Prose(text(f"The results JSON has the epochs of {more}."), muted=True))
    return [*blocks, *findings_blocks(a, "epochs")]


def _epoch_table(a: Analysis, run_id: str) -> list[Block]:
    d, e = a.rules_of_thumb[run_id], a.evidence[run_id]
    if not d.epochs or a.run(run_id).only_evaluated:
        return untrained(a) or quiet("The log holds no training curve to divide into epochs.")
    if e.per_epoch:
        return [_one_value_each(a, run_id)]
    if d.epoch_boundary == "unknown":
        return quiet("The number of epochs is not known: nothing says where one ends in the log.")
    word = " Loss" if a.curve.endswith("loss") else f" {metric_of(a.curve).label}"
    columns = (
        Column("Epoch"),
        Column("Steps", "right", "rule.epoch_boundary", "rules"),
        Column(f"Start{word}", "right", None, "rules"),
        Column(f"End{word}", "right", None, "rules"),
        Column("Improvement", "right", "rule.improvement_pct", "rules"),
        Column("Oscillations", "right", "rule.oscillations", "rules"),
        Column("Assessment", layer="rules"),
        Column("Slope per 100 steps", "right", "loss.trend", "evidence"),
        Column("Full valid. loss", "right", None, "evidence"),
    )
    full = dict(
        zip(
            a.run(run_id).steps_of("full_valid_loss").tolist(),
            a.run(run_id).series("full_valid_loss").tolist(),
            strict=True,
        )
    )
    rows = []
    for number, epoch in enumerate(d.epochs):
        at_end = [value for step, value in full.items() if epoch.first_step <= step <= epoch.last_step]
        slope = e.epoch_slopes[number] if number < len(e.epoch_slopes) else None
        rows.append(
            (
                cell(f"Epoch {epoch.epoch}", bold=True),
                cell(f"{epoch.steps:,}"),
                cell(in_unit(a.curve, epoch.start_loss)),
                cell(in_unit(a.curve, epoch.end_loss)),
                cell(signed(epoch.improvement_pct, 1, "%"), bold=True),
                cell("not counted" if epoch.oscillations is None else str(epoch.oscillations)),
                assessed(grades.epoch_word(epoch.improvement_pct, a.settings)),
                interval_cell(slope, sign=True),
                cell(f"{at_end[-1]:.5f}" if at_end else "not logged"),
            )
        )
    how = {
        "metadata": "Epoch boundaries follow from the run's own data.",
        "full validation": "Epoch boundaries are the steps with a full validation.",
        "estimated": "Epoch boundaries are estimated: the steps divided evenly.",
    }[d.epoch_boundary]
    notes = [text(how)]
    if len(rows) > 2 * _EPOCHS_AT_AN_END:
        hidden = len(rows) - 2 * _EPOCHS_AT_AN_END
        notes.append(text(f"The {hidden} epochs between are left out here; the results JSON has all."))
        rows = [*rows[:_EPOCHS_AT_AN_END], *rows[-_EPOCHS_AT_AN_END:]]
    table = Table(f"epochs-{run_id}", f"{a.name(run_id)} epoch by epoch", columns, tuple(rows), notes=tuple(notes))
    return [filled(table)]


def _one_value_each(a: Analysis, run_id: str) -> Table:
    """Return a table of a log with one value per epoch; the best of each metric is bold."""
    run, d = a.run(run_id), a.rules_of_thumb[run_id]
    shown = [name for name in dict.fromkeys((a.curve, *shown_metrics(run))) if run.series(name).size][
        :_METRICS_AN_EPOCH
    ]
    at = {name: dict(zip(run.steps_of(name).tolist(), run.series(name).tolist(), strict=True)) for name in shown}
    best = {name: best_value(run, name).best_step for name in shown if metric_of(name).direction != "none"}
    marked = {number for number, epoch in enumerate(d.epochs) if epoch.last_step in best.values()}
    ends = {*range(_EPOCHS_AT_AN_END), *range(len(d.epochs) - _EPOCHS_AT_AN_END, len(d.epochs))}
    kept = [number for number in range(len(d.epochs)) if number in ends | marked]
    rows = tuple(
        (
            cell(f"Epoch {d.epochs[number].epoch}"),
            *(
                cell(in_unit(name, at[name].get(step)), bold=best.get(name) == step)
                for name in shown
                for step in (d.epochs[number].last_step,)
            ),
        )
        for number in kept
    )
    notes = [text("One value an epoch was logged; the best of each metric is bold.")]
    if hidden := len(d.epochs) - len(kept):
        notes.append(text(f"{count(hidden, 'epoch')} between {'is' if hidden == 1 else 'are'} left out here."))
    columns = (Column("Epoch"), *(Column(metric_of(name).label, "right") for name in shown))
    return Table(f"epochs-{run_id}", f"{a.name(run_id)} epoch by epoch", columns, rows, notes=tuple(notes))


def _leading_factor(a: Analysis) -> str | None:
    """Return the factor to show beside the runs: the learning rate, else one that differs."""
    if any(run.factor("learning_rate") is not None for run in a.runs):
        return "learning_rate"
    changed = [name for name in changed_factors(a.runs) if name != "seed"]
    return changed[0] if changed else None
