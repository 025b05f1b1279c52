"""Names of step, epoch and time columns, and the metric by whose rows a log is ordered."""

from __future__ import annotations

import pandas as pd

from analysis.core.metrics import metric
from analysis.core.run import NOT_METRICS
from analysis.sources.metric_aliases import plain

STEP_NAMES = (
    *("step", "global_step", "train_global_step", "trainer_global_step", "_step", "current_steps", "steps"),
    *("train_step", "training_step", "iteration", "iter", "iterations", "itr", "n_iter", "training_iteration"),
    *("time_total_timesteps", "total_timesteps", "num_timesteps", "timesteps_total", "timestep", "timesteps"),
    *(
        "misc_total_timesteps",
        "misc_nupdates",
        "env_steps",
        "num_updates",
        "update",
        "updates",
        "round",
        "boosting_round",
        "batch",
        "batch_idx",
        "batch_id",
        "number_of_trees",
        "episode",
    ),
)
"""Names of step columns, in order of preference, in the form of `metric_aliases.plain`."""

EPOCH_NAMES = ("epoch", "epochs", "train_epoch", "epoch_num", "epoch_idx")
TIME_NAMES = ("timestamp", "_timestamp", "time", "datetime", "date", "created_at", "wall_time", "ts")

AXIS_NAMES = frozenset({*STEP_NAMES, *EPOCH_NAMES, *TIME_NAMES})


def step_text(step: float) -> str:
    """Return a step as text for a note.

    >>> step_text(1234567.0), step_text(0.5)
    ('1234567', '0.5')
    """
    return str(int(step)) if float(step).is_integer() else f"{step:g}"


def metric_columns(frame: pd.DataFrame) -> list[str]:
    """Return the numeric columns that are not an axis and do not have the name of one."""
    numeric = [name for name in frame.columns if name not in NOT_METRICS and frame[name].dtype.kind in "fi"]
    return [name for name in numeric if plain(str(name)).removesuffix("_(log)") not in AXIS_NAMES]


def main_metric(frame: pd.DataFrame) -> str | None:
    """Return the metric that marks training rows: the one with most values, if possible one with a direction, or None.

    >>> main_metric(pd.DataFrame({"step": [1, 2], "lr": [0.1, 0.1], "loss": [2.0, 1.0], "val_loss": [None, 1.5]}))
    'loss'
    """
    counts = {name: int(frame[name].count()) for name in metric_columns(frame)}
    if not counts:
        return None
    most = max(counts.values())
    return max(
        counts, key=lambda name: (metric(str(name)).direction != "none" and 2 * counts[name] >= most, counts[name])
    )
