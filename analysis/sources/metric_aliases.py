"""From the metric names of all tools to the standard ones: the aliases of `METRICS`, and what differs in one tool.

Names are compared in lower case with ``/ . : -`` and spaces as ``_``, so that ``train/loss`` and
``Train Loss`` are both ``train_loss``. For each standard name the log's columns are tried
in the order of its row; the first that exists gets the name, and what is not mapped keeps its own.

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
from functools import lru_cache

from analysis.core.metrics import METRICS, metric

Table = Mapping[str, tuple[str, ...]]


def common() -> Table:
    """Return by standard name the names under which tools log it, best first: the rows of `METRICS`."""
    return {row.name: row.names for row in METRICS.values()}


_OPENAI: Table = {
    "valid_loss": ("valid_loss", "validation_loss"),
    "valid_mean_token_accuracy": ("valid_mean_token_accuracy", "validation_token_accuracy"),
    "train_sequence_accuracy": ("training_sequence_accuracy",),
    "valid_sequence_accuracy": ("validation_sequence_accuracy",),
}

_ACCURACY = "full_valid_mean_token_accuracy"
_WHOLE_SET: Table = {
    "full_valid_loss": ("full_valid_loss", "eval_loss", "val_loss", "validation_loss", "valid_loss"),
    _ACCURACY: (
        *(_ACCURACY, "full_valid_accuracy", "full_valid_acc", "eval_accuracy", "val_accuracy", "validation_accuracy"),
        *("eval_acc", "val_acc", "valid_accuracy", "valid_acc"),
    ),
}

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
        _ACCURACY: (
            *("val_accuracy", "val_acc", "val_sparse_categorical_accuracy"),
            *("val_categorical_accuracy", "val_binary_accuracy", "valid_accuracy", "valid_acc"),
        ),
    },
    "stable-baselines3": {"reward": ("rollout_ep_rew_mean", "episode_reward")},
    "lightning csv": {
        "full_valid_loss": ("val_loss", "valid_loss", "validation_loss", "val_loss_epoch"),
        _ACCURACY: ("val_accuracy", "val_acc", "valid_accuracy", "valid_acc"),
    },
}
"""What a name means in one tool where that differs from `METRICS`; tried first."""

_OF_EPISODES = (
    r"(?=\w*(?<![a-z])(?:return|reward|rew|ret(?<!^ret))s?(?:_|$))(?:(?:ep|episode|episodic|mean|avg|average|total|sum|"
    r"cumulative|undiscounted|rollout|train|charts|env|runners|returns?|rewards?|rews?|rets?)(?:_|$))+"
)
"""What an episode brought in, in whichever words: EpRet, returns, average_return, episode_rewards."""

SOLE: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"eval_(?!.*(runtime|per_second)).+_loss"), "full_valid_loss"),
    (re.compile(r"eval_.+_(mean_token_)?accuracy"), "full_valid_mean_token_accuracy"),
    (re.compile(r"val(id(ation)?)?_loss_.+"), "full_valid_loss"),
    (re.compile(rf"(?:eval|evaluation|val|valid|validation|test)_{_OF_EPISODES}"), "eval_reward"),
    (re.compile(_OF_EPISODES), "reward"),
    (re.compile(r"lr_\w*(adam|sgd|rmsprop|adagrad|adafactor|lion)\w*"), "learning_rate"),
)
"""Families (a column an evaluation set) that take a standard name only if a single column belongs to them."""

_VALIDATED = re.compile(
    r"(?:full_)?(?:val|valid|validation|dev|eval|test)_(.+)|(.+)_(?:val|valid|validation|dev|eval|test)"
)


@lru_cache(maxsize=10_000)
def plain(name: str) -> str:
    """Return a name in the form in which names are compared.

    >>> plain(" Train/Loss"), plain("metrics/mAP50-95(B)")
    ('train_loss', 'metrics_map50_95(b)')
    """
    joined = re.sub(r"[/.:\-\s_]*[/.:\-\s][/.:\-\s_]*|_(?=_)", "_", name.strip().lstrip("/")).lower()
    return re.sub(
        r"(^|_)(losse|accuracie|acc)s$",
        lambda found: found[1] + found[2].replace("accuracie", "accuracy").replace("losse", "loss"),
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
    taken |= {column: f"train_{column}" for column in _trained(own) if column not in taken}
    first: dict[str, str] = {}
    for column in own:
        first.setdefault(plain(column), column)
    for column in own:  # camel case comes second: EpLen is a name of its own
        first.setdefault(_apart(column), column)
    for column in own:
        first.setdefault(_bare(plain(column)), column)
    for table in (BY_SOURCE.get(source, {}), common()):
        for standard, candidates in table.items():
            free = [first[c] for c in candidates if c in first and first[c] not in taken]
            if free and standard not in used:
                taken[_densest(free, count) if standard.startswith("train_") else free[0]] = standard
                used.add(standard)
    for pattern, standard in SOLE:
        family = [c for c in own if c not in taken and (pattern.fullmatch(plain(c)) or pattern.fullmatch(_apart(c)))]
        if len(family) == 1 and standard not in used:
            taken[family[0]] = standard
            used.add(standard)
    return {column: taken[column] for column in own if column in taken}


def _apart(column: str) -> str:
    """Return the plain form of a name in camel case, its words apart."""
    return plain(re.sub(r"(?<=[a-z])(?=[A-Z][a-z])", "_", column))


def _bare(form: str) -> str:
    """Return a name without a tool's prefix (Ray's, Chainer's, `metrics`), a phase said twice, and words for a mean.

    >>> _bare("validation_main_loss"), _bare("train_avg_loss"), _bare("lm_loss_value"), _bare("metrics_val_loss")
    ('validation_loss', 'train_loss', 'lm_loss', 'val_loss')
    """
    form = re.sub(r"^metrics?_(?=(?:train|val|valid|validation|eval|test)_)", "", form)
    form = re.sub(r"\((train|val|valid|validation|test|eval|dev)\)$", r"_\1", form)
    form = re.sub(r"_?[\[(](?:nats|bits|%|pct|percent|a_u_|-|s|ms)[\])]$", "", form)
    form = re.sub(
        r"^ray_tune_|(?:^|(?<=_))(?:metrics|scalars|data(?=_(?:loss|acc)))_|(?:^|(?<=_))main_|^(train|eval)_(?=\w*_\1_)",
        "",
        form,
    )
    form = re.sub(r"(?:^|(?<=_))(?:avg|avr|average|mean|running|smooth)_+(?=(?:[a-z]+_)?loss$)", "", form)
    form = re.sub(r"(?:^|(?<=_))(?:avg|average)_+(?=(?:[a-z]+_)?acc(?:uracy)?$)|(?<=_loss)_value$", "", form)
    form = re.sub(r"^(?:vali|va|vl)_|_(?:va|vl)$", lambda found: "val_" if found[0][-1] == "_" else "_val", form)
    form = re.sub(r"^trn?_|_trn?$", lambda found: "train_" if found[0][-1] == "_" else "_train", form)
    form = re.sub(r"^full_(?:val|validation|eval)_", "full_valid_", form)
    return re.sub(r"^learn_", "train_", re.sub(r"(?:^|(?<=_))mini_?batch_", "batch_", form))


def _trained(columns: Iterable[str]) -> list[str]:
    """List the scores that count as held out though a log has the same of validation data: they are the training's.

    >>> _trained(["f1", "val_f1", "bleu", "lr", "eval/lr"])
    ['f1']
    """
    forms = {column: plain(column) for column in columns}
    validated = {found[1] or found[2] for form in forms.values() if (found := _VALIDATED.fullmatch(form))}
    return [
        column
        for column, form in forms.items()
        if form in validated and f"train_{form}" not in forms.values() and metric(column).validates
    ]


def _densest(columns: list[str], count: Callable[[str], int]) -> str:
    """Return the first column, or the one that has most values if these are twice as many."""
    if len(columns) == 1:
        return columns[0]
    most = max(columns, key=count)
    return most if count(most) >= 2 * count(columns[0]) else columns[0]
