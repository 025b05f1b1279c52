"""The one table that maps the metric names of all tools to the standard ones.

Names are compared in lower case with ``/ . : -`` and spaces as ``_``, so that ``train/loss`` and
``Train Loss`` are both ``train_loss``. For each standard name the log's columns are tried
in the order given here; the first that exists gets the name, and what is not mapped keeps its own.

Three decisions are made here and nowhere else:

- A tool evaluates its whole validation set unless it is known not to, so ``eval_loss`` and ``val_loss`` are
  ``full_valid_loss``. Minibatch validation (OpenAI's and Azure's ``valid_loss``) is ``valid_loss``.
- Whatever accuracy a tool logs takes the place of the mean token accuracy, if it is a fraction: a column with
  values above 1 keeps its own name.
- Of several columns of the same training quantity (a loss a step, a mean an epoch) the one with the most
  values is taken, the first in the table if none has twice as many as it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping

Table = Mapping[str, tuple[str, ...]]

COMMON: Table = {
    "train_loss": (
        "train_loss",
        "training_loss",
        "loss",
        "train_loss_step",
        "train_step_loss",
        "loss_step",
        "batch_loss",
        "train_batch_loss",
        "train_loss_epoch",
        "train_epoch_loss",
        "epoch_loss",
        "loss_epoch",
        "train_total_loss",
        "total_loss",
        "loss_train",
        "loss_training",
        "loss_train_total",
        "lm_loss",
        "reduced_train_loss",
        "loss_metrics_global_avg_loss",
        "train_samples_train_loss",
        "trl",
    ),
    "train_mean_token_accuracy": (
        "train_mean_token_accuracy",
        "training_token_accuracy",
        "train_token_accuracy",
        "mean_token_accuracy",
        "train_accuracy",
        "training_accuracy",
        "train_acc",
        "train_accuracy_step",
        "train_acc_step",
        "train_accuracy_epoch",
        "train_acc_epoch",
        "train_epoch_accuracy",
        "accuracy",
        "acc",
        "batch_accuracy",
        "batch_acc",
        "epoch_accuracy",
        "epoch_acc",
        "accuracy_train",
        "acc_train",
    ),
    "train_error_rate": ("train_error_rate",),
    "valid_loss": ("valid_loss", "val_loss_step", "validation_loss_step", "val_step_loss"),
    "valid_mean_token_accuracy": ("valid_mean_token_accuracy", "valid_token_accuracy"),
    "valid_error_rate": ("valid_error_rate",),
    "full_valid_loss": (
        "full_valid_loss",
        "eval_loss",
        "val_loss",
        "validation_loss",
        "val_loss_epoch",
        "eval_epoch_loss",
        "validation_epoch_loss",
        "val_epoch_loss",
        "epoch_val_loss",
        "evaluation_loss",
        "loss_val",
        "loss_valid",
        "loss_validation",
        "loss_eval",
        "lm_loss_validation",
        "val_total_loss",
        "validation_total_loss",
        "dev_loss",
        "tel",
    ),
    "full_valid_mean_token_accuracy": (
        "full_valid_mean_token_accuracy",
        "eval_mean_token_accuracy",
        "eval_accuracy",
        "val_accuracy",
        "validation_accuracy",
        "eval_acc",
        "val_acc",
        "validation_acc",
        "val_accuracy_epoch",
        "val_acc_epoch",
        "validation_epoch_accuracy",
        "val_epoch_accuracy",
        "epoch_val_accuracy",
        "epoch_val_acc",
        "accuracy_val",
        "acc_val",
        "accuracy_validation",
        "val_mean_token_accuracy",
        "validation_mean_token_accuracy",
        "eval_token_accuracy",
        "val_token_accuracy",
        "valid_accuracy",
        "valid_acc",
        "accuracy_valid",
        "dev_accuracy",
        "dev_acc",
    ),
    "full_valid_error_rate": ("full_valid_error_rate", "eval_error_rate", "val_error_rate"),
    "reward": (
        "reward",
        "rollout_ep_rew_mean",
        "train_reward",
        "rewards_mean",
        "mean_reward",
        "episode_reward_mean",
        "episode_return_mean",
        "env_runners_episode_return_mean",
        "episode_reward",
        "charts_episodic_return",
        "episodic_return",
        "ep_rew_mean",
        "eprewmean",
        "averageepret",
        "average_reward",
        "avg_reward",
        "env_reward_mean",
        "objective_rlhf_reward",
    ),
    "eval_reward": (
        "eval_reward",
        "eval_mean_reward",
        "eval_episode_reward",
        "evaluation_episode_reward_mean",
        "evaluation_env_runners_episode_return_mean",
        "test_reward",
    ),
    "reward_margin": ("reward_margin", "rewards_margins", "train_rewards_margins"),
    "kl": ("kl", "train_kl", "objective_kl", "approx_kl", "train_approx_kl"),
    "episode_length": (
        *("episode_length", "rollout_ep_len_mean", "episode_len_mean", "ep_len_mean"),
        *("env_runners_episode_len_mean", "charts_episodic_length", "episodic_length", "eplenmean", "eplen"),
    ),
    "map50": (
        *("map50", "metrics_map50(b)", "metrics_map_0_5", "map_0_5", "metrics_map50", "map@0_5", "map_50"),
        *("eval_map_50", "val_map_50", "val_map50", "bbox_map_50", "coco_bbox_map_50"),
    ),
    "map50_95": (
        *("map50_95", "metrics_map50_95(b)", "metrics_map_0_5_0_95", "map_0_5_0_95", "map@0_5_0_95"),
        *("val_map50_95", "bbox_map", "coco_bbox_map"),
    ),
    "precision": (
        "precision",
        "metrics_precision(b)",
        "metrics_precision",
        "eval_precision",
        "val_precision",
    ),
    "recall": ("recall", "metrics_recall(b)", "metrics_recall", "eval_recall", "val_recall"),
    "f1": ("f1", "eval_f1", "val_f1", "validation_f1"),
    "learning_rate": (
        "learning_rate",
        "lr",
        "train_learning_rate",
        "train_lr",
        "train_learning_rate_schedule",
        "lr_pg0",
        "x_lr0",
        "lr_0",
        "lr_group_0",
        "train_samples_lr",
        "charts_learning_rate",
    ),
    "grad_norm": (
        "grad_norm",
        "gradient_norm",
        "train_grad_norm",
        "train_gradient_norm",
        "grad_2_0_norm_total",
        "total_grad_norm",
        "global_grad_norm",
        "train_global_grad_norm",
        "train_global_gradient_norm",
        "gradnorm",
    ),
}
"""Standard name to the names under which tools log it, best first."""

_OPENAI: Table = {
    "valid_loss": ("valid_loss", "validation_loss"),
    "valid_mean_token_accuracy": ("valid_mean_token_accuracy", "validation_token_accuracy"),
    "train_sequence_accuracy": ("training_sequence_accuracy",),
    "valid_sequence_accuracy": ("validation_sequence_accuracy",),
}

_WHOLE_SET: Table = {"full_valid_loss": ("full_valid_loss", "eval_loss", "val_loss", "validation_loss", "valid_loss")}

BY_SOURCE: Mapping[str, Table] = {
    "logs by epoch": _WHOLE_SET,
    "tensorboard": _WHOLE_SET,
    "mlflow": _WHOLE_SET,
    "dvclive": _WHOLE_SET,
    "openai csv": _OPENAI,
    "openai api": _OPENAI,
    "keras": {
        "full_valid_loss": ("val_loss", "valid_loss"),
        "train_mean_token_accuracy": (
            *("accuracy", "acc", "sparse_categorical_accuracy", "categorical_accuracy", "binary_accuracy"),
        ),
        "full_valid_mean_token_accuracy": (
            *("val_accuracy", "val_acc", "val_sparse_categorical_accuracy"),
            *("val_categorical_accuracy", "val_binary_accuracy"),
        ),
    },
    "stable-baselines3": {"reward": ("rollout_ep_rew_mean", "episode_reward")},
    "lightning csv": {"full_valid_loss": ("val_loss", "valid_loss", "validation_loss", "val_loss_epoch")},
}
"""What a name means in one tool where that differs from `COMMON`; tried first."""

SOLE: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"eval_(?!.*(runtime|per_second)).+_loss"), "full_valid_loss"),
    (re.compile(r"eval_.+_(mean_token_)?accuracy"), "full_valid_mean_token_accuracy"),
    (re.compile(r"val(id(ation)?)?_loss_.+"), "full_valid_loss"),
    (re.compile(r"lr_\w*(adam|sgd|rmsprop|adagrad|adafactor|lion)\w*"), "learning_rate"),
)
"""Families (a column an evaluation set) that take a standard name only if a single column belongs to them."""

FRACTIONS = frozenset(
    name
    for name in COMMON
    if name.endswith(("accuracy", "error_rate")) or name in {"map50", "map50_95", "precision", "recall", "f1"}
)
"""Standard names that stand for a fraction between 0 and 1."""


def plain(name: str) -> str:
    """Return a name in the form in which names are compared.

    >>> plain(" Train/Loss"), plain("metrics/mAP50-95(B)")
    ('train_loss', 'metrics_map50_95(b)')
    """
    joined = re.sub(r"[/.:\-\s_]*[/.:\-\s][/.:\-\s_]*|_(?=_)", "_", name.strip().lstrip("/")).lower()
    return re.sub(
        r"_(losse|accuracie)s$",
        lambda found: "_" + found[1].replace("accuracie", "accuracy").replace("losse", "loss"),
        joined,
    )


def standard_names(
    columns: Iterable[str], *, source: str, chosen: Mapping[str, str], count: Callable[[str], int] = lambda _: 0
) -> dict[str, str]:
    """Choose standard names for the columns of one log.

    Parameters
    ----------
    columns : iterable of str
        Names of the metric columns as the log has them.
    source : str
        ``NAME`` of the source, a key of `BY_SOURCE` where it has rules of its own.
    chosen : Mapping[str, str]
        Standard name to column, as the user wrote it; wins over the table.
    count : callable, optional
        Tells how many values a column has; asked where that decides.

    Returns
    -------
    dict
        Column to standard name, for the columns whose name changes or is confirmed.

    Examples
    --------
    >>> standard_names(["loss", "eval/loss", "lr", "foo"], source="jsonl", chosen={})
    {'loss': 'train_loss', 'eval/loss': 'full_valid_loss', 'lr': 'learning_rate'}
    """
    own = list(columns)
    taken = {column: standard for standard, column in chosen.items() if column in own}
    used = set(taken.values())
    first: dict[str, str] = {}
    for column in own:
        first.setdefault(plain(column), column)
    for column in own:  # camel case comes second: EpLen is a name of its own
        first.setdefault(plain(re.sub(r"(?<=[a-z])(?=[A-Z][a-z])", "_", column)), column)
    for column in own:  # a tool's prefix (Ray's, Chainer's), and CatBoost's word for training
        bare = re.sub(r"^ray_tune_|(?:^|(?<=_))main_", "", plain(column))
        first.setdefault(re.sub(r"^learn_", "train_", bare), column)
    for table in (BY_SOURCE.get(source, {}), COMMON):
        for standard, candidates in table.items():
            free = [first[c] for c in candidates if c in first and first[c] not in taken]
            if free and standard not in used:
                taken[_densest(free, count) if standard.startswith("train_") else free[0]] = standard
                used.add(standard)
    for pattern, standard in SOLE:
        family = [c for c in own if c not in taken and pattern.fullmatch(plain(c))]
        if len(family) == 1 and standard not in used:
            taken[family[0]] = standard
            used.add(standard)
    return {column: taken[column] for column in own if column in taken}


def _densest(columns: list[str], count: Callable[[str], int]) -> str:
    """Return the first column, or the one that has most values if these are twice as many."""
    if len(columns) == 1:
        return columns[0]
    most = max(columns, key=count)
    return most if count(most) > 2 * count(columns[0]) else columns[0]
