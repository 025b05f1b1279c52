"""Convert metrics that are in percent in one run and a fraction in another to fractions in all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from analysis.core.metrics import match_metric
from analysis.core.metrics import metric as metric_of
from analysis.core.run import FloatArray, Run


def as_fractions(runs: Sequence[Run]) -> list[Run]:
    """Return runs with metrics that are certainly in percent, but a fraction in another run, as standard fractions.

    Percentages in all runs, and metrics that are usually stated in percent, are unchanged.
    """
    return [_as_in(runs, run) for run in runs]


def _as_in(runs: Sequence[Run], run: Run) -> Run:
    for own in run.metrics:
        if metric_of(own).unit == "fraction":
            continue
        found = (match_metric(own, other.metrics) for other in runs if other is not run and own not in other.metrics)
        standard = next((name for name in found if name and metric_of(name).unit == "fraction"), None)
        if standard is None or standard in run.frame or not _is_percent(run.series(own)):
            continue
        frame = run.frame.rename(columns={own: standard})
        log_name = next((log for log, name in run.provenance.renamed.items() if name == own), own)
        note = f"'{log_name}' is in percent, and a fraction in another run: kept as a fraction"
        run = replace(
            run,
            frame=frame.assign(**{standard: frame[standard] / 100}),
            provenance=replace(run.provenance, renamed={**run.provenance.renamed, log_name: standard}),
            nonfinite={standard if name == own else name: steps for name, steps in run.nonfinite.items()},
            notes=(*run.notes, note),
        )
    return run


def _is_percent(values: FloatArray) -> bool:
    """True if values can only be in percent: whole numbers might be counts of right answers."""
    values = values[np.isfinite(values)]
    return bool(values.size and values.min() >= 0 and 2 < values.max() <= 100 and (values % 1 != 0).any())
