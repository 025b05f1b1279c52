"""The rows of the first page: one per configuration, best first, with level, cost and problems."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from analysis.core.metrics import metric as metric_of
from analysis.core.number_format import count
from analysis.core.run import Run
from analysis.core.run_facts import place, total_steps
from analysis.evidence.comparisons import Comparison
from analysis.evidence.configurations import Configuration, between
from analysis.evidence.seed_groups import seed_groups
from analysis.findings.analysis_result import Analysis
from analysis.report.plots.thin import figure_window
from analysis.statistics import Estimate
from analysis.statistics.detectors import DETECTORS, Detection

NBSP = "\N{NO-BREAK SPACE}"


@dataclass(frozen=True)
class Row:
    """A configuration with its name and ``difference``, which is this configuration minus the baseline.

    ``settled`` is True if the interval of the difference excludes zero.
    """

    configuration: Configuration
    name: str
    configuration_name: str
    is_baseline: bool
    is_candidate: bool
    difference: Estimate | None
    settled: bool

    @property
    def runs(self) -> tuple[str, ...]:
        """IDs of its runs."""
        return self.configuration.runs


def configuration_rows(a: Analysis) -> tuple[Row, ...]:
    """Return the configurations, best first; those without a value of the deciding metric come last."""
    found = a.configurations or _unranked(a)
    base = next((c for c in found if a.baseline is not None and a.baseline.id in c.runs), None)
    return tuple(_row(a, c, base) for c in found)


def _unranked(a: Analysis) -> tuple[Configuration, ...]:
    """Return the groups of seeds in their order, for runs without a metric that ranks them."""
    return tuple(
        Configuration(a.name(group.runs[0]), group.runs, a.curve, math.nan, math.nan, False)
        for group in seed_groups(a.runs)
    )


def _row(a: Analysis, c: Configuration, base: Configuration | None) -> Row:
    same = base is not None and c.runs == base.runs
    found = None if base is None or same else between(base.runs, c.runs, c.metric, a.comparisons)
    result = None
    if found is not None and base is not None:
        result = found.result.negated() if found.baseline in c.runs else found.result
    settled = found is not None and found.comparable is not False and found.known and not _spans_zero(found)
    configuration_name = a.name(c.runs[0]) if len(c.runs) == 1 else c.name
    return Row(c, c.name, configuration_name, same, a.candidate.id in c.runs, result, settled)


def _spans_zero(found: Comparison) -> bool:
    return found.result.low <= 0 <= found.result.high


def level_scale(c: Configuration) -> tuple[float, str]:
    """Return factor and unit for displaying the level of a configuration: percent for fractions."""
    about = metric_of(c.metric)
    fraction = about.unit == "fraction" or (about.share and abs(c.mean) <= 1)
    return (100.0, "%") if fraction else (1.0, "")


def foremost(a: Analysis, rows: Sequence[Row], most: int) -> list[Row]:
    """Return the best rows, at most ``most``, always with those of candidate and baseline, in their order."""
    first = [row for row in rows if row.is_candidate or row.is_baseline]
    kept = first + [row for row in rows if row not in first][: max(most - len(first), 0)]
    return [row for row in rows if row in kept]


def best_checkpoint(a: Analysis, row: Row) -> str:
    """Return where a metric was best, for several seeds a range; "–" for minibatch metrics (their best is chance)."""
    metric = row.configuration.metric
    direction = metric_of(metric).direction
    chance = metric_of(metric).split != "full validation" and figure_window(a.runs, metric) > 1
    if direction == "none" or chance:
        return "–"
    at = []
    for run_id in row.runs:
        values, steps = a.run(run_id).series(metric), a.run(run_id).steps_of(metric)
        if values.size > 1:
            at.append((run_id, int(steps[int(values.argmax() if direction == "higher" else values.argmin())])))
    if not at:
        return "–"
    names = [place(a.run(run_id), a.curve, step) for run_id, step in sorted(at, key=lambda pair: pair[1])]
    if len(set(names)) == 1:
        last = all(step == int(a.run(run_id).steps_of(metric)[-1]) for run_id, step in at)
        return names[0] + (" (last)" if last else "")
    return f"{names[0]} to {names[-1].split(' ', 1)[1]}"


def cost(a: Analysis, row: Row) -> str:
    """Return what a run of the configuration took, in words: steps, epochs, and time if logged."""
    runs = [a.run(run_id) for run_id in row.runs]
    if all(run.only_evaluated for run in runs):
        return ""
    steps = sorted(total_steps(run) for run in runs)
    rows_are_epochs = all(a.evidence[run.id].per_epoch for run in runs) and max(steps) == max(
        run.series(a.curve).size for run in runs
    )
    noun = "epoch" if rows_are_epochs else "step"
    parts = [count(steps[0], noun) if steps[0] == steps[-1] else f"{steps[0]:,} to {steps[-1]:,} {noun}s"]
    epochs = {run.factor("n_epochs") for run in runs}
    # If the number of epochs differs, the name of the configuration has it.
    same = len({str(run.factor("n_epochs")) for run in a.runs}) == 1
    if same and not rows_are_epochs and len(epochs) == 1 and isinstance(number := epochs.pop(), int | float):
        parts.append(f"{number:g} epoch{'' if number == 1 else 's'}")
    times = [seconds for run in runs if (seconds := elapsed(run)) is not None]
    if len(times) == len(runs):
        parts.append(duration(sum(times) / len(times)))
    return ", ".join(parts)


def elapsed(run: Run) -> float | None:
    """Return the seconds between the first and the last row; None if the log has no times."""
    if "timestamp" not in run.frame:
        return None
    times = run.frame["timestamp"].dropna()
    seconds = (times.max() - times.min()).total_seconds() if len(times) > 1 else 0.0
    return seconds if seconds > 0 else None


def duration(seconds: float) -> str:
    """Format a time in its two largest units.

    Examples
    --------
    >>> [duration(s).replace(NBSP, " ") for s in (0.8, 75, 7260, 200_000)]
    ['0.8 s', '1 min 15 s', '2 h 1 min', '2 d 7 h']
    """
    if seconds < 60:
        return f"{seconds:.2g}{NBSP}s" if seconds < 10 else f"{seconds:.0f}{NBSP}s"
    units = (("d", 86_400), ("h", 3_600), ("min", 60), ("s", 1))
    index = next(i for i, (_, size) in enumerate(units) if seconds >= size)
    (name, size), (below, part) = units[index], units[index + 1]
    rest = int(seconds % size // part)
    return f"{int(seconds // size)}{NBSP}{name}" + (f" {rest}{NBSP}{below}" if rest else "")


_PROBLEMS = {
    "det.nonfinite": "NaN or infinite loss",
    "det.broken": "broken loss",
    "det.divergence": "diverged",
    "det.spikes": "loss spikes",
    "det.overfitting": "overfits",
    "det.undertraining": "still improving at the end",
    "det.early_stopping": "earlier checkpoint better",
}
"""Problems in plain words by detector, in their order."""


def problems(a: Analysis, row: Row) -> str:
    """Return the problems of a configuration's runs; for several seeds, in how many."""
    many = len(row.runs)
    raised = Counter(words for run_id in row.runs for words in _raised(a, run_id, alone=many == 1))
    return "; ".join(words if many == 1 or n == many else f"{words} ({n} of {many})" for words, n in raised.items())


def _raised(a: Analysis, run_id: str, *, alone: bool) -> list[str]:
    found = [d for d in a.detections[run_id] if d.status == "raised" and d.id in _PROBLEMS]
    return [_words(d) + (_where(a, run_id, d) if alone else "") for d in found]


def _words(d: Detection) -> str:
    if d.id == "det.broken" and "value" in d.numbers:
        return "loss exactly 0" if d.numbers["value"] == 0 else "loss does not change"
    return _PROBLEMS[d.id]


def _where(a: Analysis, run_id: str, d: Detection) -> str:
    at = {"det.nonfinite": " from ", "det.divergence": " from ", "det.overfitting": " after "}.get(d.id)
    return f"{at}{place(a.run(run_id), a.curve, d.steps[0])}" if at and d.steps else ""


assert _PROBLEMS.keys() <= DETECTORS.keys()
