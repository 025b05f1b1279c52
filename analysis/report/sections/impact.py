"""Configuration Impact Analysis: one subsection per factor that differs."""

from __future__ import annotations

from typing import Any

from analysis.core.blocks import Block, Cell, Column, Details, Heading, Prose, Table, Tone
from analysis.core.config_factors import changed_factors
from analysis.core.number_format import cell, interval_cell, loss, percent, signed
from analysis.core.rich_text import join, rich, text
from analysis.core.run import Run
from analysis.core.run_names import factor_short, factor_title, short_value
from analysis.findings.analysis_result import Analysis
from analysis.heuristics import grades
from analysis.heuristics.formulas import change_pct
from analysis.heuristics.run_numbers import RuleNumbers
from analysis.report.sections.narrative import findings_of, link_to, paragraph, quiet, stated_elsewhere
from analysis.report.sections.sweep import sweep


def impact(a: Analysis) -> list[Block]:
    """Show a comparison for each factor that differs between runs."""
    if len(a.runs) < 2:
        return quiet("There is one run only: nothing differs.")
    changed = changed_factors(a.runs)
    if len(changed) > 1 and any(len(c.runs) > 1 for c in a.configurations):
        changed.pop("seed", None)  # the effect of seeds is in the spread of each configuration
    if not changed:
        stated = any(run.config for run in a.runs)
        why = (
            "All runs state the same configuration."
            if stated
            else "No run states its configuration: put a sidecar <run>.yaml with a 'config' mapping beside the log."
        )
        return quiet(why)
    blocks = sweep(a)
    shown: dict[tuple[str, str], str] = {}
    for factor, values in changed.items():
        before, after = _pair(a, values)
        pair = (before.id, after.id)
        blocks += _factor(a, factor, values, pair=(before, after), shown=shown.get(pair))
        if factor != "n_epochs" or not _phases(a, after):
            shown.setdefault(pair, factor)
    return blocks


def _factor(
    a: Analysis, factor: str, values: dict[str, Any], *, pair: tuple[Run, Run], shown: str | None
) -> list[Block]:
    """Show a factor; ``shown`` is an earlier one whose table already compares the same two runs."""
    before, after = pair
    heading = f"{factor_title(factor)} Impact ({short_value(values[before.id])} → {short_value(values[after.id])})"
    blocks: list[Block] = [Heading(heading, 3, f"impact-{factor}")]
    if (before.id, after.id) != (a.reference_id, a.candidate.id):
        blocks.append(
            Prose(
                text(
                    f"{a.name(a.candidate.id)} and {a.name(a.reference_id)} have the same; {a.name(after.id)} differs."
                )
            )
        )
    if shown is not None and a.gate is not None and factor in a.gate.factors:
        words = "It changed together with {factor}: {a} and {b} are compared [there](#{id})."
        names = {"a": a.name(before.id), "b": a.name(after.id)}
        note = rich(words, factor=factor_title(shown).lower(), id=f"impact-{shown}", **names)
        blocks.append(Prose(join([note, *map(link_to, findings_of(a, f"impact-{factor}"))]), muted=True))
    else:
        blocks += [paragraph(stated_elsewhere(a, f)) for f in findings_of(a, f"impact-{factor}")]
    phases = _phases(a, after) if factor == "n_epochs" else None
    tables: list[Block] = []
    if phases or (shown is None and _in_both(a, before.id, after.id)):
        tables.append(phases or _pair_table(a, factor, values, before, after))
    elif shown is None:
        blocks += quiet("Neither logged a number that the rules of thumb compare.")
    if tables:
        blocks.append(Details(text(f"{factor_title(factor)} in numbers"), tuple(tables)))
    return blocks


def _pair(a: Analysis, values: dict[str, Any]) -> tuple[Run, Run]:
    """Return the runs to compare: baseline and candidate if they differ, else the baseline and another run."""
    reference = a.run(a.reference_id)
    if repr(values[a.candidate.id]) != repr(values[reference.id]):
        return reference, a.candidate
    other = next(run for run in a.runs if repr(values[run.id]) != repr(values[reference.id]))
    return reference, other


def _pair_table(a: Analysis, factor: str, values: dict[str, Any], before: Run, after: Run) -> Table:
    short = factor_short(factor)
    columns = (
        Column("Metric"),
        *(Column(f"{a.name(run.id)} ({short}={short_value(values[run.id])})", "right") for run in (before, after)),
        Column("Change", "right", "rule.change_pct", "rules"),
        Column("Assessment", layer="rules"),
        Column("Difference with interval", "right", None, "evidence"),
    )
    rows = [row for row in _metric_rows(a, before.id, after.id) if row is not None]
    if not rows:
        rows = [(cell("All metrics"), cell("same"), cell("same"), cell("–"), cell("No difference"), cell("–"))]
    return Table(f"impact-{factor}-table", f"{factor_title(factor)}: rows that differ", columns, tuple(rows))


def _metric_rows(a: Analysis, before: str, after: str) -> list[tuple[Cell, ...] | None]:
    one, two = a.rules_of_thumb[before], a.rules_of_thumb[after]
    return [
        _number_row(a, before, after, "Oscillations", ("oscillations", "oscillation_rate", False)),
        _stability_row(one, two),
        _number_row(
            a,
            before,
            after,
            "Training Performance (accuracy)",
            ("final_train_accuracy", "train_mean_token_accuracy", True),
        ),
        _number_row(a, before, after, "Training Loss", ("final_train_loss", "train_loss", False)),
        _number_row(
            a, before, after, "Validation Performance", ("final_valid_accuracy", "valid_accuracy_counts", True)
        ),
        _number_row(a, before, after, "Validation Loss", ("final_valid_loss", "valid_loss", False)),
        _number_row(a, before, after, "Full Validation Loss", ("final_full_valid_loss", "full_valid_loss", False)),
    ]


def _in_both(a: Analysis, before: str, after: str) -> bool:
    """True if both runs have one of the numbers that the table compares."""
    fields = ("oscillations", "final_train_accuracy", "final_train_loss", "final_valid_accuracy", "final_valid_loss")
    pair = a.rules_of_thumb[before], a.rules_of_thumb[after]
    return any(all(getattr(d, field) is not None for d in pair) for field in (*fields, "final_full_valid_loss"))


def _number_row(
    a: Analysis, before: str, after: str, label: str, what: tuple[str, str, bool]
) -> tuple[Cell, ...] | None:
    field, metric, higher = what
    one, two = getattr(a.rules_of_thumb[before], field), getattr(a.rules_of_thumb[after], field)
    if one is None or two is None or one == two:
        return None
    show = percent if "accuracy" in field else loss if "loss" in field else str
    change = change_pct(one, two)
    compared = a.comparison(before, after, metric)
    fraction = "accuracy" in field or metric == "oscillation_rate"
    better = (two > one) == higher
    much = abs(change or 0) > a.settings.more_oscillations_pct
    word: tuple[str, Tone] = ("Improved", "good") if better else ("Much worse" if much else "Worse", "bad")
    points = f"{signed((two - one) * 100, 2)} pp" if "accuracy" in field else ""
    return (
        cell(label),
        cell(show(one)),
        cell(show(two)),
        cell(signed(change, 1 if "accuracy" in field or abs(change or 0) < 10 else 0, "%"), points),
        cell(*word[:1], tone=word[1]),
        interval_cell(compared.as_interval(), scale=100 if fraction else 1, unit=" pp" if fraction else "", sign=True)
        if compared
        else cell("–"),
    )


def _stability_row(one: RuleNumbers, two: RuleNumbers) -> tuple[Cell, ...] | None:
    words = [_level(result.grades.stability) for result in (one, two)]
    if None in words or words[0] == words[1]:
        return None
    order = ["Low", "Medium", "High"]
    worse = order.index(str(words[1])) < order.index(str(words[0]))
    return (
        cell("Training Stability"),
        cell(str(words[0])),
        cell(str(words[1])),
        cell("↓" if worse else "↑"),
        cell("Degraded" if worse else "Improved", tone="bad" if worse else "good"),
        cell("–"),
    )


def _level(grade: str | None) -> str | None:
    return None if grade is None else {"A": "High", "B": "Medium"}.get(grade[0], "Low")


def _phases(a: Analysis, run: Run) -> Table | None:
    """Return a table of the effect of each epoch; None for fewer than two epochs."""
    epochs = a.rules_of_thumb[run.id].epochs
    if len(epochs) < 2:
        return None
    columns = (
        Column("Phase"),
        Column("Performance Trend", layer="rules"),
        Column("Conclusion", layer="rules"),
        Column("Slope per 100 steps", "right", "loss.trend", "evidence"),
    )
    words: dict[str, tuple[str, str, Tone]] = {
        "Good": ("Improvement", "Beneficial", "good"),
        "Poor": ("Degradation", "Harmful", "bad"),
        "Flat": ("No change", "Neutral", "neutral"),
        "Not assessed": ("Not assessed", "Not assessed", "unknown"),
    }
    rows = []
    for index, epoch in enumerate(epochs):
        trend, conclusion, tone = words[grades.epoch_word(epoch.improvement_pct, a.settings)]
        slopes = a.evidence[run.id].epoch_slopes
        rows.append(
            (
                cell(f"Epoch {epoch.epoch}"),
                cell(f"{trend} ({signed(epoch.improvement_pct, 1, '%')})", tone=tone),
                cell(conclusion, tone=tone),
                interval_cell(slopes[index] if index < len(slopes) else None, sign=True),
            )
        )
    return Table("impact-n_epochs-table", f"{a.name(run.id)}: what each epoch did", columns, tuple(rows))
