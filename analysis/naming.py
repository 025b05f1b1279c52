"""How runs are called in the report, and what the next ones will be called."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from analysis.metrics import metric as metric_of
from analysis.schema import Run

_NUMBERED = re.compile(r"(?P<word>[A-Za-z]+)[ _-]?(?P<number>\d+)")


def display_name(run_id: str) -> str:
    """Spell a run ID as a title; only IDs that are one word and a number change.

    Examples
    --------
    >>> display_name("run_4"), display_name("lr3e-5/seed1")
    ('Run 4', 'lr3e-5/seed1')
    """
    match = _NUMBERED.fullmatch(run_id)
    return f"{match['word'].capitalize()} {int(match['number'])}" if match else run_id


COMPARED = {
    "oscillation_rate": "Oscillation rate",
    "noise": "Noise ratio",
    "noise_per_example": "Noise ratio, per example",
    "valid_accuracy_counts": "Last validation accuracy, counted",
}
"""What is compared without being logged, by name."""


def metric_name(metric: str) -> str:
    """Name a compared metric.

    Examples
    --------
    >>> metric_name("full_valid_loss"), metric_name("noise"), metric_name("eval/my_loss")
    ('Full validation loss', 'Noise ratio', 'eval/my_loss')
    """
    return COMPARED.get(metric) or metric_of(metric).label


def titled(run: Run) -> str:
    """Name a run with its label: ``Run 4 (Optimized)``."""
    return f"{display_name(run.id)} ({run.label})" if run.label else display_name(run.id)


def next_ids(run_ids: Sequence[str], candidate: str, count: int) -> list[str]:
    """Name the runs that should come next.

    Examples
    --------
    >>> next_ids(["run_2", "run_4"], "run_4", 2), next_ids(["a"], "a", 1)
    (['run_5', 'run_6'], ['a-next-1'])
    """
    match = _NUMBERED.fullmatch(candidate)
    if not match:
        return [f"{candidate}-next-{number}" for number in range(1, count + 1)]
    stem = candidate[: match.start("number")]
    numbers = [int(r[len(stem) :]) for r in run_ids if r.startswith(stem) and r[len(stem) :].isdigit()]
    return [f"{stem}{max(numbers) + step}" for step in range(1, count + 1)]


def short_value(value: Any) -> str:
    """Write a config value as people do: 0.75, 2e-05, 64, none."""
    if value is None:
        return "none"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return f"{value:g}"
    return str(value)


FACTOR_NAMES = {
    "learning_rate": ("Learning Rate", "lr"),
    "n_epochs": ("Epoch Count", "epochs"),
    "batch_size": ("Batch Size", "batch"),
    "seed": ("Seed", "seed"),
}


def factor_title(factor: str) -> str:
    """Give a factor's heading: the standard ones by name, any other config key in words."""
    if factor in FACTOR_NAMES:
        return FACTOR_NAMES[factor][0]
    return factor.replace("_", " ").replace(".", " ").strip().title()


def factor_short(factor: str) -> str:
    """Give the short name used in column heads, such as ``lr`` in ``Run 3 (lr=0.5)``."""
    return FACTOR_NAMES[factor][1] if factor in FACTOR_NAMES else factor
