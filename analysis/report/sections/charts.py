"""The report's figures, arranged from the analysis and drawn once each."""

from __future__ import annotations

import math
from contextlib import AbstractContextManager

from analysis.core.blocks import Block, Figure
from analysis.core.metrics import METRICS, judged
from analysis.core.metrics import metric as metric_of
from analysis.core.rich_text import rich
from analysis.core.run_facts import epoch_bounds
from analysis.core.run_names import metric_name, named_among
from analysis.evidence.comparisons import COMPANIONS, Comparison
from analysis.evidence.seed_groups import group_of, seed_groups
from analysis.evidence.verdict_words import shown_scale
from analysis.findings.analysis_result import Analysis
from analysis.report import plots
from analysis.report.plots.forest import Outcome


def curves_figure(a: Analysis) -> list[Block]:
    """Draw the curves: loss, accuracy, the candidate's own, volatility."""
    shown = plots.Shown(loss=a.curve, accuracy=_second(a, "train_mean_token_accuracy", a.curve))
    marks = _marks(a)
    base = a.baseline.id if a.baseline else None
    curves = plots.training_curves(a.runs, candidate=a.candidate.id, baseline=base, marks=marks, shown=shown)
    with _names(a):
        return [
            plots.to_figure(
                plots.draw_training(curves),
                id="figure-curves",
                name="training_analysis_visualization.png",
                caption=plots.training_analysis_caption(curves),
                alt=plots.training_analysis_alt(curves),
                data=plots.training_analysis_data_table(curves, id="figure-curves-data"),
            )
        ]


def metrics_figure(a: Analysis) -> list[Block]:
    """Draw the final metrics of all runs, with intervals."""
    train, validation = _final_metrics(a)
    summaries = [_summary(a, run_id, train, validation) for run_id in _foremost_first(a)]
    panels = plots.comparison_panels(summaries, train=train, validation=validation)
    panels = tuple(panel for panel in panels if any(panel.bars.values()))
    with _names(a):
        return [
            plots.to_figure(
                plots.plot_metrics_comparison(panels, colors=_colors(a)),
                id="figure-metrics",
                name="training_metrics_comparison.png",
                caption=rich(
                    "Bars start at zero; where zero means nothing, points stand for values. Lines are 95% intervals."
                ),
                alt=plots.metrics_comparison_alt(panels),
                data=plots.metrics_comparison_data_table(panels, id="figure-metrics-data"),
            )
        ]


def forest_figure(a: Analysis) -> list[Block]:
    """Draw every comparison against the baseline; nothing where there is none."""
    compared = _compared_runs(a)
    shown = _foremost(a, compared)
    groups = _forest_groups(a, shown)
    if not groups or a.baseline is None:
        return []
    some = f" Of {len(compared)} runs the candidate and those that do best are drawn; the results JSON has all."
    with _names(a):
        return [_forest(a, groups, a.baseline.id, note=some if len(shown) < len(compared) else "")]


def _names(a: Analysis) -> AbstractContextManager[None]:
    return named_among([run.id for run in a.runs])


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
    """Choose accuracy where any run has it, else loss; the whole validation set before a minibatch."""
    logged = {metric for run in a.runs for metric in run.metrics}
    train = "train_mean_token_accuracy" if "train_mean_token_accuracy" in logged else a.curve
    wanted = ("valid_mean_token_accuracy", "valid_loss", "full_valid_loss", "full_valid_mean_token_accuracy")
    return train, next((m for m in wanted if m in logged and m != train), _second(a, "valid_loss", train))


def _second(a: Analysis, usual: str, first: str) -> str:
    """Choose what a second panel shows where no run has the usual metric: another fraction, else what is judged."""
    logged = {metric for run in a.runs for metric in run.metrics}
    fractions = (m for m, row in METRICS.items() if row.unit == "fraction" and row.split == metric_of(first).split)
    others = (*fractions, "full_valid_loss", *judged(dict.fromkeys(m for run in a.runs for m in run.metrics)))
    return usual if usual in logged else next((m for m in others if m in logged and m != first), usual)


def _summary(a: Analysis, run_id: str, train: str, validation: str) -> plots.RunSummary:
    d, e = a.document[run_id], a.evidence[run_id]
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


_FOREST_RUNS = 24
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
    groups = []
    for metric in metrics:
        rows = [
            c for run_id in shown for c in (a.comparison(a.reference_id, run_id, metric),) if c is not None and c.known
        ]
        if rows:
            groups.append(_forest_group(a, metric, rows))
    return groups[:8]


def _compared_runs(a: Analysis) -> list[str]:
    """List whom to hold against the baseline; of several seeds of a configuration the one that speaks for all."""
    groups = seed_groups(a.runs)
    if a.candidate.id in group_of(groups, a.reference_id).runs:
        return [run.id for run in a.runs if run.id != a.reference_id]
    others = [group for group in groups if a.reference_id not in group.runs]
    return [a.candidate.id if a.candidate.id in group.runs else group.runs[0] for group in others]


def _foremost(a: Analysis, runs: list[str]) -> list[str]:
    """Keep the candidate and the runs that do best, in their order: a drawing of hundreds shows nothing."""
    metric = a.deciding_metric
    sign = metric_of(metric).sign

    def place(run_id: str) -> tuple[bool, float]:
        found = a.comparison(a.reference_id, run_id, metric)
        value = found.result.value if found is not None else math.nan
        return run_id != a.candidate.id, sign * value if math.isfinite(value) else math.inf

    kept = set(sorted(runs, key=place)[:_FOREST_RUNS])
    return [run_id for run_id in runs if run_id in kept]


def _foremost_first(a: Analysis) -> list[str]:
    """Order runs for a drawing that ends where there is no more room."""
    runs = [run.id for run in a.runs]
    first = [a.reference_id, *_foremost(a, [run_id for run_id in runs if run_id != a.reference_id])]
    return runs if len(runs) <= len(first) else [*first, *(run_id for run_id in runs if run_id not in first)]


def _forest_group(a: Analysis, metric: str, rows: list[Comparison]) -> plots.ForestGroup:
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
    """Leave out what stands in brackets: the figure has room for a few words."""
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
