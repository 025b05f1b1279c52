"""Say what was found in a run: for people who check a reference before they ask for a report."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from analysis.core.metrics import METRICS
from analysis.core.metrics import metric as metric_of
from analysis.core.run import FACTORS, Run
from analysis.sources.metric_aliases import BY_SOURCE

_SHOWN = 12
_POINTS = ("tensorboard", "mlflow")
"""Sources of which each value is read by itself, with its step."""


@dataclass(frozen=True)
class Description:
    """What is known about a run.

    Attributes
    ----------
    kept : str
        Rows and columns read and kept.
    metrics : tuple
        Standard name, the log's own name, number of values.
    problems : tuple of str
        What could not be read or is missing, each with what to write where.
    lost : tuple of str
        Those of them that were met in reading.
    """

    id: str
    label: str | None
    source: str
    path: str
    kept: str
    steps: int
    first_step: int
    last_step: int
    metrics: tuple[tuple[str, str, int], ...]
    config: Mapping[str, Any]
    problems: tuple[str, ...]
    notes: tuple[str, ...]
    lost: tuple[str, ...] = ()

    def line(self) -> str:
        """Return the description in one line of plain text."""
        named = ", ".join(name for name, _, _ in self.metrics[:4]) + (" …" if len(self.metrics) > 4 else "")
        lost = f"; {_counted(len(self.lost), 'problem')} in reading it" if self.lost else ""
        label = f" ({self.label})" if self.label else ""
        return f"{self.id}{label}: {self.source}, {_counted(self.steps, 'step')}, {named}{lost}"

    def lines(self) -> list[str]:
        """Return the description as lines of plain text."""
        title = f"{self.id}" + (f" ({self.label})" if self.label else "")
        config = ", ".join(f"{key}={value}" for key, value in list(self.config.items())[:_SHOWN])
        more = len(self.config) - _SHOWN
        return [
            title,
            f"  source   {self.source}: {self.path}",
            f"  read     {self.kept}",
            f"  steps    {self.steps} ({self.first_step} to {self.last_step})",
            *(
                f"  metric   {name}" + (f" (log: {own})" if own != name else "") + f", {_counted(count, 'value')}"
                for name, own, count in self.metrics
            ),
            f"  config   {config or 'none'}" + (f", and {more} more" if more > 0 else ""),
            *(f"  note     {note}" for note in self.notes),
            *(f"  problem  {problem}" for problem in self.problems),
        ]


def describe(run: Run) -> Description:
    """Describe a run: its source, steps, metrics and the names they were mapped from, settings, problems."""
    own = {standard: name for name, standard in run.provenance.renamed.items()}
    metrics = tuple((name, own.get(name, name), int(run.series(name).size)) for name in run.metrics)
    return Description(
        id=run.id,
        label=run.label,
        source=run.provenance.source,
        path=run.provenance.path,
        kept=_kept(run),
        steps=len(run.frame),
        first_step=int(run.steps[0]),
        last_step=int(run.steps[-1]),
        metrics=metrics,
        config=run.config,
        problems=(*_read_problems(run), *_missing(run)),
        lost=tuple(_read_problems(run)),
        notes=run.notes,
    )


def _kept(run: Run) -> str:
    """Return how much of the log was read and kept."""
    p = run.provenance
    unit = "point" if p.source in _POINTS else "row"
    read = f"{_counted(p.rows_read, unit)} of {_counted(p.columns_read, 'column')}"
    return f"{read}, kept as {_counted(p.rows_kept, 'step')} of {_counted(p.columns_kept, 'column')}"


def _read_problems(run: Run) -> list[str]:
    """What the reader left out or found odd."""
    problems = [f"{lost.column}: {lost.count} left out ({lost.reason})" for lost in run.provenance.dropped]
    problems += [
        f"{metric}: {_counted(len(steps), 'value')} NaN or infinite, first at step {steps[0]}"
        for metric, steps in run.nonfinite.items()
    ]
    if run.seams:
        problems.append(f"the log starts again at {len(run.seams)} steps, first at {run.seams[0]}")
    return problems


def _missing(run: Run) -> list[str]:
    """What a report would lack, and what to write where."""
    if run.only_evaluated:
        return []
    sidecar = run.sidecar
    known = {*METRICS, *(name for table in BY_SOURCE.values() for name in table)}
    unmapped = [name for name in run.metrics if name not in known]
    problems = [
        f"no {standard}: if one of {', '.join(among[:8])} is it, "
        f"write for example columns: {{{standard}: {quoted(among[0])}}} in {sidecar}"
        for standard, among in _could_be(run.metrics, unmapped).items()
    ]
    if not any(metric_of(name).direction != "none" for name in run.metrics) and unmapped:
        problems.append(
            f"nobody can tell which way is better in {', '.join(unmapped[:8])}: state it of the one that counts: "
            f"metrics: {{{quoted(unmapped[0])}: {{direction: higher}}}}, or lower, in {sidecar}"
        )
    factors = [name for name in FACTORS if run.factor(name) is None]
    if factors:
        settings = ", ".join(f"{name}: …" for name in factors)
        problems.append(f"{', '.join(factors)} not known: write config: {{{settings}}} in {sidecar}")
    if run.data.n_train is None:
        problems.append(f"size of the training data not known: write data: {{n_train: …, n_valid: …}} in {sidecar}")
    if not run.parent_known:
        problems.append(
            f"parent not known: write parent: <run or model>, or parent: null for a base model, in {sidecar}"
        )
    return problems


def _could_be(metrics: Sequence[str], unmapped: Sequence[str]) -> dict[str, list[str]]:
    """Return the standard losses that a run lacks, each with the columns that could be it by their own name.

    Only what is a loss by its words, measured on the data in question, is offered: never a score, a count or a metric
    of which nobody can tell which way is better.
    """
    own = [name for name in unmapped if metric_of(name).label == name]  # of the others somebody stated what they are
    losses = [name for name in own if metric_of(name).direction == "lower" and not metric_of(name).share]
    held_out = [name for name in losses if metric_of(name).validates]
    wanted = {"train_loss": [name for name in losses if name not in held_out], "full_valid_loss": held_out}
    lacking = {name: among for name, among in wanted.items() if among and name not in metrics}
    if "valid_loss" in metrics:
        lacking.pop("full_valid_loss", None)
    return lacking


def quoted(name: str) -> str:
    """Write a name as YAML reads it inside braces."""
    return name if re.fullmatch(r"[A-Za-z_][\w./()-]*", name) else json.dumps(name, ensure_ascii=False)


def _counted(number: int, one: str) -> str:
    return f"1 {one}" if number == 1 else f"{number} {one}s"
