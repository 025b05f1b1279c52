"""The figures of the report, made from the analysis."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace

from matplotlib.figure import Figure as Drawing

from analysis.core.blocks import Block, Figure, Prose
from analysis.core.deciding import deciding_order, judged_metrics
from analysis.core.metrics import METRICS
from analysis.core.metrics import metric as metric_of
from analysis.core.rich_text import rich
from analysis.core.run_facts import epoch_bounds, unit_of_steps
from analysis.core.run_names import metric_name, named_among
from analysis.evidence.comparisons import COMPANIONS, Comparison
from analysis.evidence.seed_groups import group_of, seed_groups
from analysis.evidence.verdict_words import shown_scale
from analysis.findings.analysis_result import Analysis
from analysis.report import plots
from analysis.report.plots.forest import Outcome
from analysis.report.sections.configuration_rows import Row, level_scale


def overview_figure(a: Analysis, rows: Sequence[Row]) -> Figure:
    """Return the figure of the first page: the deciding metric of configurations and their differences."""
    scene, drawing = scene_of(a, rows)
    curves = {line.name: (line.style.color, line.curve.strong) for line in scene.lines if line.style.named}
    shares = is_share(scene.curve_metric) or scene.percent
    return plots.to_figure(
        drawing,
        id="figure-overview",
        name="training_overview.png",
        caption=plots.overview_caption(scene),
        alt=plots.overview_alt(scene),
        data=None if scene.levels else plots.overview_data_table(scene, id="figure-overview-data"),
        hover="" if scene.levels else plots.hover(drawing, {0: (shares, curves)}, scene.axis),
    )


def scene_of(a: Analysis, rows: Sequence[Row]) -> tuple[plots.Overview, Drawing]:
    """Return the content of the figure of the first page, and the drawing."""
    metric = rows[0].configuration.metric
    drawn = _curve_metric(a, metric)
    window = plots.figure_window(a.runs, drawn)
    looks = _looks(rows)
    lines = [
        plots.configuration_line(
            row.configuration_name, [a.run(r) for r in row.runs], drawn, look=looks[row.name], window=window
        )
        for row in rows
    ]
    base = next((row for row in rows if row.is_baseline), None)
    scale, unit = level_scale(rows[0].configuration)
    scene = plots.Overview(
        metric,
        tuple(line for line in lines if line is not None),
        tuple(
            plots.Difference(row.configuration_name, row.difference, looks[row.name], row.settled)
            for row in rows
            if row.difference is not None and math.isfinite(row.difference.value)
        ),
        base.configuration_name if base is not None else "",
        a.margin if metric == a.deciding_metric else None,
        scale,
        " pp" if unit else "",
        window,
        drawn,
        percent=bool(unit) and drawn == metric,
        axis=unit_of_steps(*(a.run(r) for row in rows for r in row.runs)),
        levels=_levels(a, rows, looks) if all(a.run(r).only_evaluated for row in rows for r in row.runs) else (),
    )
    return scene, plots.plot_overview(scene)


def _levels(a: Analysis, rows: Sequence[Row], looks: Mapping[str, plots.RunStyle]) -> tuple[plots.Difference, ...]:
    """Return the level of each configuration's first run, for runs without curves."""
    found = [(row, a.evidence[row.runs[0]].window.get(row.configuration.metric)) for row in rows]
    return tuple(
        plots.Difference(row.configuration_name, e, looks[row.name], True) for row, e in found if e is not None
    )


def is_share(metric: str) -> bool:
    """True if a metric is a fraction, which is shown in percent."""
    return metric_of(metric).unit == "fraction"


_LEAST_POINTS = 3


def _curve_metric(a: Analysis, metric: str) -> str:
    """Return the metric of the curves: the deciding one, unless no run logged it often enough."""
    ordered = deciding_order(name for run in a.runs for name in run.metrics)
    wanted = (metric, *(name for name in ordered if metric_of(name).validates), a.curve)
    return next((m for m in wanted if any(run.series(m).size >= _LEAST_POINTS for run in a.runs)), metric)


def _looks(rows: Sequence[Row]) -> dict[str, plots.RunStyle]:
    """Return the style of each configuration, the same as in the other figures if it is one run."""
    names = [row.name for row in rows]
    candidate = next((row.name for row in rows if row.is_candidate), names[-1])
    baseline = next((row.name for row in rows if row.is_baseline), None)
    return plots.run_styles(names, candidate=candidate, baseline=baseline)


def shown_metrics(a: Analysis) -> plots.Shown:
    """Return the metrics of the panels of the training figure."""
    return plots.Shown(loss=a.curve, accuracy=_second(a, "train_mean_token_accuracy", a.curve))


def curves_figure(a: Analysis) -> list[Block]:
    """Show the curves: loss, accuracy, the candidate's curve, volatility; nothing for evaluations."""
    if all(run.only_evaluated for run in a.runs):
        return []
    shown = shown_metrics(a)
    marks = _marks(a)
    base = a.baseline.id if a.baseline else None
    curves = plots.training_curves(a.runs, candidate=a.candidate.id, baseline=base, marks=marks, shown=shown)
    with _names(a):
        drawing = plots.draw_training(curves)
        return [
            plots.to_figure(
                drawing,
                id="figure-curves",
                name="training_analysis_visualization.png",
                caption=plots.training_analysis_caption(curves),
                alt=plots.training_analysis_alt(curves),
                data=plots.training_analysis_data_table(curves, id="figure-curves-data"),
                hover=plots.hover(drawing, _pointed(a, curves), curves.unit),
            )
        ]


def _pointed(a: Analysis, curves: plots.TrainingCurves) -> dict[int, tuple[bool, dict[str, tuple[str, plots.Trace]]]]:
    """Return the named curves in the panels of the training figure, for `plots.hover`."""
    panels = {0: (curves.shown.loss, curves.loss), 1: (curves.shown.accuracy, curves.accuracy)}
    return {
        index: (
            is_share(metric),
            {
                a.name(run_id): (curves.styles[run_id].color, curve.strong)
                for run_id, curve in drawn.items()
                if curves.styles[run_id].named
            },
        )
        for index, (metric, drawn) in panels.items()
    }


def metrics_figure(a: Analysis) -> list[Block]:
    """Show the final metrics of all runs, with intervals, folded."""
    train, validation = _final_metrics(a)
    summaries = [_summary(a, run_id, train, validation) for run_id in _foremost_first(a)]
    panels = plots.comparison_panels(summaries, train=train, validation=validation)
    trained = any(not run.only_evaluated for run in a.runs)
    panels = tuple(panel for panel in panels if any(panel.bars.values()) and (trained or panel.title != "Steps"))
    with _names(a):
        drawn = plots.to_figure(
            plots.plot_metrics_comparison(panels, colors=_colors(a)),
            id="figure-metrics",
            name="training_metrics_comparison.png",
            caption=rich("Lines are 95% intervals. Bars start at zero; points are used where zero means nothing."),
            alt=plots.metrics_comparison_alt(panels),
            data=plots.metrics_comparison_data_table(panels, id="figure-metrics-data"),
        )
    return [replace(drawn, summary="Final metrics as bars")]


def forest_figure(a: Analysis) -> list[Block]:
    """Explain the two kinds of columns, and show every comparison with the baseline, folded."""
    compared = compared_runs(a)
    shown = _foremost(a, compared)
    groups = _forest_groups(a, shown)
    if not groups or a.baseline is None:
        return [Prose(_TWO_LAYERS)]
    some = f" Of {len(compared)} runs the candidate and those that do best are drawn; the results JSON has all."
    with _names(a):
        drawn = _forest(a, groups, a.baseline.id, note=some if len(shown) < len(compared) else "")
    return [Prose(_TWO_LAYERS), replace(drawn, summary="All metrics against the baseline")]


_TWO_LAYERS = rich(
    "Columns headed **Rules of thumb** hold single values, counts and fixed thresholds; those headed **Evidence** hold "
    "what the logs support, with 95% intervals. A badge says what the evidence makes of a rule of thumb."
)


def _names(a: Analysis) -> AbstractContextManager[None]:
    return named_among(a.names)


def _forest(a: Analysis, groups: list[plots.ForestGroup], baseline: str, *, note: str) -> Figure:
    return plots.to_figure(
        plots.plot_forest(groups, baseline=baseline, colors=_colors(a)),
        id="figure-forest",
        name="training_comparisons.png",
        caption=rich(
            "Every comparison against {base}, with 95% intervals; the shaded band is the margin within which "
            "a difference is too small to matter. Significance is judged after Holm's adjustment.{note}",
            base=a.name(baseline),
            note=note,
        ),
        alt=plots.forest_alt(groups, baseline=baseline),
        data=plots.forest_data_table(groups, id="figure-forest-data", baseline=baseline),
    )


def _marks(a: Analysis) -> plots.Marks:
    ends, how = epoch_bounds(a.candidate)
    intervals = {}
    for run in a.runs:
        level, steps = a.evidence[run.id].full_valid_loss, run.steps_of("full_valid_loss")
        if level is not None and level.known and steps.size:
            intervals[run.id] = {int(steps[-1]): (level.low, level.high)}
    return plots.Marks(tuple(int(e) for e in ends) if ends.size > 1 else (), how == "estimated", intervals)


def _final_metrics(a: Analysis) -> tuple[str, str]:
    """Return the training and the validation metric: accuracy if any run has it, else loss."""
    logged = {metric for run in a.runs for metric in run.metrics}
    train = "train_mean_token_accuracy" if "train_mean_token_accuracy" in logged else a.curve
    wanted = ("valid_mean_token_accuracy", "valid_loss", "full_valid_loss", "full_valid_mean_token_accuracy")
    return train, next((m for m in wanted if m in logged and m != train), _second(a, "valid_loss", train))


def _second(a: Analysis, usual: str, first: str) -> str:
    """Return the metric of a second panel: the usual one if logged, else another fraction, else a judged one."""
    logged = {metric for run in a.runs for metric in run.metrics}
    fractions = (m for m, row in METRICS.items() if row.unit == "fraction" and row.split == metric_of(first).split)
    others = (*fractions, "full_valid_loss", *judged_metrics(dict.fromkeys(m for run in a.runs for m in run.metrics)))
    return usual if usual in logged else next((m for m in others if m in logged and m != first), usual)


def _summary(a: Analysis, run_id: str, train: str, validation: str) -> plots.RunSummary:
    d, e = a.rules_of_thumb[run_id], a.evidence[run_id]
    return plots.RunSummary(
        run=run_id,
        oscillation_rate=e.oscillation_rate,
        oscillations=d.oscillations,
        transitions=d.transitions or None,
        train=e.window.get(train),
        validation=e.window.get(validation),
        steps=d.total_steps,
        expected_steps=d.expected_steps,
    )


def _colors(a: Analysis) -> dict[str, str]:
    base = a.baseline.id if a.baseline else None
    return plots.run_colors([run.id for run in a.runs], candidate=a.candidate.id, baseline=base)


_FOREST_RUNS, _MOST_METRICS = 24, 6
_SHOWN = (
    "full_valid_loss",
    "valid_loss",
    "train_loss",
    "valid_mean_token_accuracy",
    "oscillation_rate",
    "noise",
    "noise_per_example",
)


def _forest_groups(a: Analysis, shown: list[str]) -> list[plots.ForestGroup]:
    primary = [a.verdict.primary.metric] if a.verdict.primary else []
    others = (c.metric for c in a.comparisons if c.metric not in _SHOWN and _is_outcome(c.metric))
    metrics = dict.fromkeys([*primary, *_SHOWN, *others])
    groups = (forest_group(a, metric, shown) for metric in metrics)
    return [group for group in groups if group is not None][:_MOST_METRICS]


def compared_runs(a: Analysis) -> list[str]:
    """Return the runs to compare with the baseline; one run for the seeds of a configuration."""
    groups = seed_groups(a.runs)
    if a.candidate.id in group_of(groups, a.reference_id).runs:
        return [run.id for run in a.runs if run.id != a.reference_id]
    others = [group for group in groups if a.reference_id not in group.runs]
    return [a.candidate.id if a.candidate.id in group.runs else group.runs[0] for group in others]


def _foremost(a: Analysis, runs: list[str]) -> list[str]:
    """Return the candidate and the best runs, in their order, since a drawing of hundreds would be unreadable."""
    metric = a.deciding_metric
    sign = metric_of(metric).sign

    def place(run_id: str) -> tuple[bool, float]:
        found = a.comparison(a.reference_id, run_id, metric)
        value = found.result.value if found is not None else math.nan
        return run_id != a.candidate.id, sign * value if math.isfinite(value) else math.inf

    kept = set(sorted(runs, key=place)[:_FOREST_RUNS])
    return [run_id for run_id in runs if run_id in kept]


def _foremost_first(a: Analysis) -> list[str]:
    """Return all runs, in an order for a drawing that shows only the first."""
    runs = [run.id for run in a.runs]
    first = [a.reference_id, *_foremost(a, [run_id for run_id in runs if run_id != a.reference_id])]
    return runs if len(runs) <= len(first) else [*first, *(run_id for run_id in runs if run_id not in first)]


def forest_group(a: Analysis, metric: str, shown: list[str]) -> plots.ForestGroup | None:
    """Return the differences of some runs to the baseline in one metric; None if none is known."""
    found = (a.comparison(a.reference_id, run_id, metric) for run_id in shown)
    rows = [c for c in found if c is not None and c.known]
    if not rows:
        return None
    scale, unit = shown_scale(rows[0])
    margin = a.margin if metric == a.deciding_metric else None
    return plots.ForestGroup(
        label=metric_name(metric),
        direction=rows[0].direction,
        rows=tuple(
            plots.ForestRow(c.candidate, c.result, _outcome(a, c), c.comparable is True, _short(c.reason)) for c in rows
        ),
        margin=margin,
        scale=scale,
        unit=unit,
        null=1.0 if rows[0].ratio else 0.0,
    )


def _is_outcome(metric: str) -> bool:
    return metric_of(metric).split in ("run", "full validation") and metric not in COMPANIONS


def _short(reason: str) -> str:
    """Return a reason without its part in brackets, since the figure has little room."""
    return reason.split(" (")[0]


def _outcome(a: Analysis, comparison: Comparison) -> Outcome:
    verdict = comparison.verdict(a.settings.alpha)
    if verdict == "better":
        return "better"
    if verdict == "worse":
        return "worse"
    if comparison.equivalence_p is not None and comparison.equivalence_p <= a.settings.alpha and comparison.comparable:
        return "equivalent"
    return "no evidence of a difference"
