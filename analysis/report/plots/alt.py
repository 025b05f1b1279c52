"""Alt texts and captions of the figures, from the numbers that are drawn."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from analysis.core.number_format import count, in_unit, listed, loss
from analysis.core.rich_text import Rich, rich
from analysis.core.run_facts import logged_at
from analysis.core.run_names import metric_words
from analysis.report.plots.bars import MetricPanel, bar_words
from analysis.report.plots.curves import Curve
from analysis.report.plots.forest import ForestGroup, difference_words, direction_words, outcome_words
from analysis.report.plots.theme import short_name
from analysis.report.plots.training import TrainingCurves, metric_label

_DESCRIBED = 4
"""Number of runs up to which each is described; for more, only candidate, baseline and the extremes."""


def training_analysis_alt(curves: TrainingCurves) -> str:
    """Return the alt text of the training analysis figure: courses, epochs of the candidate, noise."""
    if not curves.loss:
        return f"Four panels; no run logs {metric_words(curves.shown.loss)}."
    described = _described(curves)
    courses = [f"{short_name(run)} {_course(curves.loss[run], curves.unit)}" for run in described]
    highest = max(curves.loss, key=lambda run: curves.loss[run].strong.values[-1])
    runs = count(len(curves.loss), "run")
    sentences = [f"{metric_label(curves.shown.loss)}, smoothed, of {runs}: {'; '.join(courses)}"]
    if len(curves.loss) > 1:
        sentences[0] += f"; {short_name(highest)} ends highest"
    accuracy = [
        f"{short_name(r)} {in_unit(curves.shown.accuracy, float(curves.accuracy[r].strong.values[-1]))}"
        for r in described
        if r in curves.accuracy
    ]
    second = curves.shown.accuracy
    accuracy_words = (
        f"{metric_label(second)} ends at {listed(accuracy)}" if accuracy else f"No run logs {metric_words(second)}"
    )
    noise = [
        f"{short_name(r)} {loss(float(curves.volatility[r].strong.values[-1]))}"
        for r in described
        if r in curves.volatility
    ]
    noise_words = f"rolling volatility ends at {listed(noise)}" if noise else f"too few {curves.unit}s for volatility"
    sentences.append(_candidate_words(curves))
    sentences.append(f"{accuracy_words}; {noise_words}")
    return ". ".join(sentence for sentence in sentences if sentence) + "."


def _described(curves: TrainingCurves) -> list[str]:
    runs = list(curves.loss)
    if len(runs) <= _DESCRIBED:
        return runs
    by_end = sorted(runs, key=lambda run: float(curves.loss[run].strong.values[-1]))
    chosen = {curves.candidate, curves.baseline, by_end[0], by_end[-1]}
    return [run for run in runs if run in chosen]


def _course(curve: Curve, unit: str) -> str:
    logged = curve.logged
    low = int(np.nanargmin(logged.values))
    high = int(np.nanargmax(logged.values))
    first, last = float(curve.strong.values[0]), float(curve.strong.values[-1])
    return (
        f"from {loss(first)} to {loss(last)} at {unit} {curve.strong.steps[-1]:,.0f} (single {unit}s between "
        f"{loss(float(logged.values[low]))} at {logged.steps[low]:,.0f} and "
        f"{loss(float(logged.values[high]))} at {logged.steps[high]:,.0f})"
    )


def _candidate_words(curves: TrainingCurves) -> str:
    run = next(run for run in curves.runs if run.id == curves.candidate)
    parts = []
    if curves.marks.epoch_ends and not run.counts_epochs:
        ends = [f"{step:,}" for step in curves.marks.epoch_ends[:6]]
        more = len(curves.marks.epoch_ends) - len(ends)
        about = "about " if curves.marks.estimated else ""
        parts.append(f"epochs end at {about}step {listed(ends)}" + (f" and {more} more" if more else ""))
    full = run.series(curves.shown.full_valid)
    if full.size:
        at = run.steps_of(curves.shown.full_valid)
        shown = [f"{loss(float(v))} ({logged_at(run, int(s))})" for s, v in list(zip(at, full, strict=True))[-4:]]
        parts.append(f"full validation loss {listed(shown)}")
    points = run.series(curves.shown.valid).size
    if points:
        parts.append(f"{count(points, 'minibatch validation')} marked")
    return f"{short_name(run.id)}: {'; '.join(parts)}" if parts else ""


def training_analysis_caption(curves: TrainingCurves) -> Rich:
    """Return the caption of the training analysis figure: how to read it."""
    width = "Each value is drawn as it was logged"
    if curves.window > 1:
        width = (
            f"Faint lines are what was logged, strong lines the mean over {curves.window:,} values about each, "
            "and at the ends a line through the last of them"
        )
    marks = {curves.shown.full_valid: "diamonds are full validations", curves.shown.valid: "circles minibatch ones"}
    drawn = [words for metric, words in marks.items() if any(run.series(metric).size for run in curves.runs)]
    return rich(
        "{width}.{marks} Lines break where a run was resumed or a value was no number.",
        width=width,
        marks=f" {', '.join(drawn).capitalize()}." if drawn else "",
    )


def metrics_comparison_alt(panels: Sequence[MetricPanel]) -> str:
    """Return the alt text of the comparison figure: the value of each run per panel, or that there is none."""
    sentences = []
    for panel in panels:
        known = {run: bar for run, bar in panel.bars.items() if bar is not None}
        if not known:
            sentences.append(f"{panel.title}: no run has a value")
            continue
        chosen = dict(list(known.items())[:8])
        words = [
            f"{short_name(run)} {' '.join(bar_words(b, panel)).strip()}".replace("\n", ", ")
            for run, b in chosen.items()
        ]
        rest = len(known) - len(chosen)
        highest = max(known, key=lambda run: known[run].value)
        tail = f"; {count(rest, 'further run')}" if rest else ""
        sentences.append(f"{panel.title}: {'; '.join(words)}{tail}; highest {short_name(highest)}")
    return ". ".join(sentences) + "."


def forest_alt(groups: Sequence[ForestGroup], *, baseline: str) -> str:
    """Return the alt text of the forest plot: every difference with its interval and result."""
    sentences = []
    for group in groups:
        rows = []
        for item in group.rows:
            value, bounds = difference_words(item, group)
            rows.append(f"{short_name(item.run)} {value} {bounds}, {outcome_words(item)[2:]}".replace(" ,", ","))
        side = direction_words(group.direction)[0].removeprefix("← ")
        sentences.append(f"{group.label} (left is {side}): {'; '.join(rows)}")
    return f"Differences from {short_name(baseline)}. " + ". ".join(sentences) + "."
