"""`METRICS`, the one table of metric names, units, directions and splits, and how other names are interpreted."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

Direction = Literal["lower", "higher", "none"]
Split = Literal["train", "minibatch validation", "full validation", "run"]


@dataclass(frozen=True)
class Metric:
    """A logged quantity.

    Attributes
    ----------
    direction : str
        Which way is better; "none" if the name does not say.
    unit : str
        "fraction" for values between 0 and 1.
    split : str
        The data that it was measured on.
    share : bool
        True for a share of examples (accuracy, error rate, exact match), whose sampling error follows from their
        number. F1, mAP and AUC are fractions but not shares.
    by_example : bool
        True for the mean of an evaluation that is known example by example (`analysis.core.examples`).
    aliases : str
        Other names under which tools log it, best first, separated by spaces; in the form of `metric_aliases.plain`.
    """

    name: str
    label: str
    direction: Direction
    unit: Literal["", "fraction", "lr"] = ""
    split: Split = "train"
    share: bool = False
    by_example: bool = False
    aliases: str = ""

    @property
    def names(self) -> tuple[str, ...]:
        """The names under which logs have it, best first."""
        return (self.name, *self.aliases.split())

    @property
    def validates(self) -> bool:
        """True for a metric of held-out data."""
        return self.split in ("full validation", "minibatch validation")

    @property
    def bounded(self) -> bool:
        """True if values are between 0 and 1, or 0 and 100: a share, or another fraction."""
        return self.unit == "fraction" or self.share

    @property
    def sign(self) -> int:
        """The factor, 1 or -1, after which smaller is better; 1 if the direction is unknown."""
        return -1 if self.direction == "higher" else 1


_FULL: Split = "full validation"
_MINIBATCH: Split = "minibatch validation"

# fmt: off
_ROWS = (
    Metric(
        "train_loss", "Train loss", "lower",
        aliases="training_loss loss train_loss_step train_step_loss loss_step batch_loss train_batch_loss "
        "train_loss_epoch train_epoch_loss epoch_loss loss_epoch step_loss train_total_loss total_loss loss_train "
        "loss_total loss_training loss_train_total lm_loss reduced_train_loss loss_metrics_global_avg_loss "
        "train_samples_train_loss trl",
    ),
    Metric(
        "train_mean_token_accuracy", "Train accuracy", "higher", "fraction", share=True,
        aliases="training_token_accuracy train_token_accuracy mean_token_accuracy train_accuracy training_accuracy "
        "train_acc train_accuracy_step train_acc_step train_accuracy_epoch train_acc_epoch "
        "train_epoch_accuracy accuracy acc batch_accuracy batch_acc epoch_accuracy epoch_acc accuracy_train "
        "acc_train",
    ),
    Metric("train_error_rate", "Train error rate", "lower", "fraction", share=True),
    Metric(
        "valid_loss", "Minibatch validation loss", "lower", split=_MINIBATCH,
        aliases="val_loss_step validation_loss_step val_step_loss",
    ),
    Metric(
        "valid_mean_token_accuracy", "Minibatch validation accuracy", "higher", "fraction", _MINIBATCH, share=True,
        aliases="valid_token_accuracy valid_accuracy valid_acc",
    ),
    Metric("valid_error_rate", "Minibatch validation error rate", "lower", "fraction", _MINIBATCH, share=True),
    Metric(
        "full_valid_loss", "Full validation loss", "lower", split=_FULL,
        aliases="eval_loss val_loss validation_loss val_loss_epoch eval_epoch_loss validation_epoch_loss "
        "val_epoch_loss epoch_val_loss evaluation_loss loss_val loss_valid loss_validation loss_eval "
        "lm_loss_validation val_lm_loss val_total_loss validation_total_loss dev_loss tel",
    ),
    Metric(
        "full_valid_mean_token_accuracy", "Full validation accuracy", "higher", "fraction", _FULL, share=True,
        aliases="full_valid_accuracy full_valid_acc eval_mean_token_accuracy eval_accuracy val_accuracy "
        "validation_accuracy eval_acc val_acc validation_acc val_accuracy_epoch val_acc_epoch "
        "validation_epoch_accuracy val_epoch_accuracy epoch_val_accuracy epoch_val_acc accuracy_val acc_val "
        "accuracy_validation val_mean_token_accuracy validation_mean_token_accuracy eval_token_accuracy "
        "val_token_accuracy accuracy_valid dev_accuracy dev_acc",
    ),
    Metric(
        "full_valid_error_rate", "Full validation error rate", "lower", "fraction", _FULL, share=True,
        aliases="eval_error_rate val_error_rate",
    ),
    Metric(
        "reward", "Reward", "higher", split="run",
        aliases="rollout_ep_rew_mean train_reward rewards_mean mean_reward episode_reward_mean episode_return_mean "
        "env_runners_episode_return_mean episode_reward charts_episodic_return episodic_return ep_rew_mean "
        "eprewmean averageepret average_reward avg_reward env_reward_mean objective_rlhf_reward",
    ),
    Metric(
        "eval_reward", "Evaluation reward", "higher", split=_FULL,
        aliases="eval_mean_reward eval_episode_reward evaluation_episode_reward_mean "
        "evaluation_env_runners_episode_return_mean test_reward",
    ),
    Metric(
        "reward_margin", "Reward margin", "higher", split="run",
        aliases="rewards_margins train_rewards_margins",
    ),
    Metric(
        "kl", "KL divergence", "lower", split="run",
        aliases="train_kl objective_kl approx_kl train_approx_kl",
    ),
    Metric(
        "episode_length", "Episode length", "none", split="run",
        aliases="rollout_ep_len_mean episode_len_mean ep_len_mean env_runners_episode_len_mean "
        "charts_episodic_length episodic_length eplenmean eplen",
    ),
    Metric(
        "map50_95", "mAP 50-95", "higher", "fraction", _FULL,
        aliases="metrics_map50_95(b) metrics_map_0_5_0_95 map_0_5_0_95 map@0_5_0_95 metrics_map@_5_95 val_map50_95 "
        "bbox_map coco_bbox_map",
    ),
    Metric(
        "map50", "mAP 50", "higher", "fraction", _FULL,
        aliases="metrics_map50(b) metrics_map_0_5 map_0_5 metrics_map50 metrics_map@_5 map@_5 map@0_5 map_50 "
        "eval_map_50 val_map_50 val_map50 bbox_map_50 coco_bbox_map_50",
    ),
    Metric(
        "precision", "Precision", "higher", "fraction", _FULL,
        aliases="metrics_precision(b) metrics_precision eval_precision val_precision",
    ),
    Metric(
        "recall", "Recall", "higher", "fraction", _FULL,
        aliases="metrics_recall(b) metrics_recall eval_recall val_recall",
    ),
    Metric(
        "f1", "F1", "higher", "fraction", _FULL,
        aliases="eval_f1 val_f1 validation_f1",
    ),
    Metric(
        "learning_rate", "Learning rate", "none", "lr", "run",
        aliases="lr train_learning_rate train_lr train_learning_rate_schedule lr_pg0 x_lr0 lr_0 lr_group_0 "
        "train_samples_lr charts_learning_rate",
    ),
    Metric(
        "grad_norm", "Gradient norm", "none", split="run",
        aliases="gradient_norm train_grad_norm train_gradient_norm grad_2_0_norm_total total_grad_norm "
        "global_grad_norm train_global_grad_norm train_global_gradient_norm gradnorm",
    ),
)
# fmt: on

METRICS: dict[str, Metric] = {row.name: row for row in _ROWS}
"""Every metric with a standard name; `analysis.sources.known_sources` adds those of plug-ins.

Any other metric is classified by the words in its name: see `metric`.
"""

_SPLITS: tuple[tuple[re.Pattern[str], Split], ...] = (
    (
        re.compile(r"val\d*|vali|valid(ation)?s?|dev|eval(uation|uate)?s?|test(ing|set)?s?\d*|held(out)?|holdout|ood"),
        _FULL,
    ),
    (re.compile(r"tr|train(ing|er)?|learn|fit|rollout|batch"), "train"),
)
_STRONG: tuple[tuple[re.Pattern[str], Split], ...] = (_SPLITS[0], (re.compile(r"tr|train(ing)?"), "train"))
"""Words that, in the last part of a path, name the split whatever the parts before say."""

_SILENT = re.compile(
    r"epoch|step|iter(ation)?|mean|avg|average|metrics?|set|full|total|final|best|last|\d+|b|m|online|offline"
)
"""Words that name neither the quantity nor a direction."""

_PER_UNIT = re.compile(
    r"_?per_(token|tok|char(acter)?|byte|word|dim(ension)?|sample|example|pixel|sequence|class)\b|(?<=acc)_norm\b"
)

_NEITHER = re.compile(
    # counts and costs, what scales a loss, its spread, rewards of single answers, raw outputs of a model
    r"num|number|count(er|s)?|n|tokens?|samples|examples|per|\w*time|sec(onds)?|hours?|ms|lr|scale|scaling|weights?"
    r"|coef(f|ficient)?|std|stddev|stdev|stdv|sd|var|variance|rejected|chosen|logits?|logps?|log_?probs?|scores|signs?"
    r"|tags?|grad(ient)?s?|norm|entropy|temperature|threshold|patience|improvement|delta|diff|ratio|ema|bytes"
)
_BENCHMARKS = r"mmlu\w*|hellaswag|winogrande|gsm8k|truthfulqa|humaneval\w*|mbpp|piqa|boolq|lambada|ifeval|bbh|gpqa"
_LOWER = re.compile(
    r"\w*loss(es)?|err(or)?s?|perplexity|ppl|nll|ce|bce|xent|\w*mse|\w*rmsle|s?m[ad]?pe|n?mae|mase|crps|deviance"
    r"|[wcptm]er|fid\w*|fvd\w*|kid\w*|lpips|bp[bcd]|brier|ece|kld?|regret|cost|surprisal|hter|eer|edit|\w*_?divergence"
    r"|bits|\w*crossentropy|hinge|nme|epe|hd\d*|hausdorff|assd|chamfer|mpjpe|wasserstein|[ma]error|nelbo"
    r"|f[pna]r|frr|(min)?dcf|collisions?|violations?|hallucinations?|toxicity|(min)?[af]de|a?epe|silog"
)
_HIGHER = re.compile(
    r"\w*acc(u|uracy|uracies|s)?\d*|success(es)?|win(rate|s)?|exact|em|top\d+|(pr|roc)?auc|auc(roc|pr)?|au(ro|pr)c|m?ap\d*"
    r"|mar\d*|ar\d*|m?io?u\d*|dice|jaccard|\w*f[12]|f[12]?score|prec(ision)?|recall|sensitivity|specificity|npv|ppv|r2|mcc|kappa|ndcg"
    r"|mrr|psnr|ssim|bleu\d*|sacrebleu|rouge\w*|meteor|chrf\d*|bertscore|comet|cider|spice|score|\w+score|rewards?"
    r"|\w*returns?|spearman\w*|pearson\w*|kendall\w*|\w*corr(elation)?s?|ccc|matthews|likelihood|loglik|elbo|hits?\d*|solved"
    r"|t[pn]r|pesq|stoi|(si_?)?(snr|sdri?)|elo|mos|gini|[gu]auc|nds|a?mota|hota|pckh?|oks"
    r"|sharpe|" + _BENCHMARKS
)
_OF_A_GAME = re.compile(
    r"[dg]|disc(riminator)?|gen(erator)?|adv(ersarial)?|gan|policy|pg|actor|critic|vf|q|qf?\d+|td|real|fake"
)
"""Owners of adversarial and actor-critic losses, for which lower is not better."""

_OF_A_SET = re.compile(
    r"bleu\d*|sacrebleu|rouge\w*|meteor|chrf\d*|cider|spice|comet|bertscore|[wct]er|map\d*|mar\d*|fid\w*|kid\w*|fvd\w*|"
    + _BENCHMARKS
)
"""Scores of a whole set of examples: no trainer computes them on a minibatch, so a bare name means an evaluation."""

_OF_ANSWERS = re.compile(
    r"\w*f[12]|f[12]?score|(pr|roc)?auc|au(ro|pr)c|precision|recall|sensitivity|specificity|npv|ppv|balanced"
)
"""Scores that are computed from right and wrong answers, as a share is, and vary at least as much."""

_SHARES = re.compile(r"\w*acc(uracy|uracies)?\d*|top\d+|exact|em|success|win|solved")
_NEGATED = re.compile(r"neg(ative)?_(?!log|ll)|minus_|inv(erse)?_")
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")


def metric(name: str) -> Metric:
    """Return a metric by name: its row of `METRICS`, else what was stated in the name, else a guess from its words.

    In a path such as ``Loss/scores/fake`` the last part that names a quantity decides: a tag in a group named after
    a loss is not a loss for that, and neither is a count (``num_loss_tokens``).

    Examples
    --------
    >>> metric("train_loss").label, metric("val/box_loss").direction, metric("eval_dice_multi").direction
    ('Train loss', 'lower', 'higher')
    >>> [metric(name).direction for name in ("foo", "rewards/rejected", "val_mape", "test_mAP")]
    ['none', 'none', 'lower', 'higher']
    >>> [metric(name).direction for name in ("num_loss_tokens", "loss_ratio", "Loss/scores/fake", "mmlu/acc_norm")]
    ['none', 'none', 'none', 'higher']
    >>> [metric(name).split for name in ("testRmse", "tr_f1", "cosine_spearman", "eval/train_loss", "eval/batch_loss")]
    ['full validation', 'train', 'run', 'train', 'full validation']
    """
    return METRICS.get(name) or _stated(name) or _by_words(name)


_VALIDATION = re.compile(r"(?:full_|minibatch_)?(?:val|valid|validation|eval|dev|test)_")


def match_metric(name: str, logged: Sequence[str]) -> str | None:
    """Return the one logged metric that a name written by a person matches; None if none or several match.

    Metrics of held-out data are tried first: people who set a goal for training data say so.

    Examples
    --------
    >>> match_metric("validation accuracy", ["train_loss", "full_valid_mean_token_accuracy"])
    'full_valid_mean_token_accuracy'
    >>> match_metric("valid_loss", ["full_valid_loss"]), match_metric("loss", ["train_loss", "full_valid_loss"])
    ('full_valid_loss', 'full_valid_loss')
    >>> match_metric("wer", ["valid_wer", "wer_train"]), match_metric("train accuracy", ["full_valid_accuracy"])
    ('valid_wer', None)
    """
    wanted = _spelled(name)
    held_out = [] if re.match("train(ing)?_", wanted) else [m for m in logged if metric(m).validates]
    for among, form in ((held_out, _bare), (logged, str)):
        found = [m for m in among if form(wanted) in {form(_spelled(n)) for n in (*metric(m).names, metric(m).label)}]
        if len(found) == 1:
            return found[0]
    return None


def _spelled(name: str) -> str:
    return re.sub(r"[^a-z0-9@()]+", "_", name.lower()).strip("_")


def _bare(name: str) -> str:
    """Return a normalized name without its words for held-out data."""
    return re.sub(r"(^|_)acc$", r"\1accuracy", _VALIDATION.sub("", name).replace("mean_token_", ""))


def of_answers(name: str) -> bool:
    """True if a score is computed from right and wrong answers to single examples: F1, AUC, precision, recall.

    Examples
    --------
    >>> [of_answers(name) for name in ("f1", "eval/roc_auc", "val_macro_f1", "map50", "val_bleu")]
    [True, True, True, False, False]
    """
    return any(map(_OF_ANSWERS.fullmatch, _words(name.lower().replace("roc_auc", "rocauc").replace("pr_auc", "prauc"))))


_STATED = re.compile(
    r"(?P<name>.+) \[(?P<direction>lower|higher|none)"
    r"(?:, (?P<split>train|minibatch validation|validation|examples|run))?(?:, (?P<unit>fraction|share))?\]"
)


def stated_name(name: str, *, direction: str, split: str = "", unit: str = "") -> str:
    """Return a metric name that carries what a sidecar states about the metric; `metric` parses it again.

    Examples
    --------
    >>> stated_name("thing", direction="higher", split="validation")
    'thing [higher, validation]'
    >>> metric("thing [higher, validation]").direction, metric("thing [higher, validation]").validates
    ('higher', True)
    """
    return f"{name} [{', '.join(part for part in (direction, split, unit) if part)}]"


def _stated(name: str) -> Metric | None:
    if (found := _STATED.fullmatch(name)) is None:
        return None
    split = found["split"] or "run"
    direction, on = found["direction"], _FULL if split in ("validation", "examples") else split
    unit, share = "fraction" if found["unit"] else "", found["unit"] == "share"
    return Metric(name, found["name"], direction, unit, on, share, split == "examples")  # type: ignore[arg-type]


@lru_cache(maxsize=10_000)
def _by_words(name: str) -> Metric:
    plain = _PER_UNIT.sub("", re.sub(r"(?<![a-z])top[-_ ](?=\d)", "top", name.lower()).replace("-", "_"))
    camel = _PER_UNIT.sub("", _CAMEL.sub("_", name).lower().replace("-", "_"))
    parts = [[_words(part) for part in re.split(r"[/.:\\]+", form)] for form in (plain, camel)]
    words = [word for form in reversed(parts) for part in form for word in part]
    last = [word for form in reversed(parts) for word in form[-1]]
    split = _split(last, _STRONG) or _split(words, _SPLITS) or "run"
    telling = [
        [word for word in part if not _SILENT.fullmatch(word) and not _split([word], _SPLITS)]
        for form in parts
        for part in reversed(form)
    ]
    own, direction = next(((part, said) for part in telling if (said := _direction(part))), ([], "none"))
    split = _FULL if split == "run" and any(map(_OF_A_SET.fullmatch, own)) else split
    share = direction != "none" and _is_share(own, direction)
    if direction == "lower" and any(_is_of_a_game([word for part in form for word in part]) for form in parts):
        direction = "none"
    if direction != "none" and _NEGATED.search(camel):
        direction = "lower" if direction == "higher" else "higher"
    return Metric(name, name, direction, split=split, share=share)  # type: ignore[arg-type]


def _split(words: Sequence[str], among: Iterable[tuple[re.Pattern[str], Split]]) -> Split | None:
    return next((split for word in words for pattern, split in among if pattern.fullmatch(word)), None)


def _words(part: str) -> list[str]:
    return [word for word in re.split(r"[^a-z0-9]+", part) if word]


def _direction(words: Sequence[str]) -> str | None:
    """Return the direction that the words of one part of a path imply; None if they imply nothing."""
    if {"explained", "variance"} <= set(words) or {"win", "rate"} <= set(words) or "pass" in (*words[:1], *words[-1:]):
        return "none" if {"forward", "backward"} & set(words) else "higher"
    if {"cross", "entropy"} <= set(words) or {"abs", "rel"} <= set(words) or words in (["l1"], ["l2"]):
        return "lower"
    if {"log", "likelihood"} <= set(words):
        return "lower" if {"neg", "negative"} & set(words) else "higher"
    for pattern, said in ((_NEITHER, "none"), (_LOWER, "lower"), (_HIGHER, "higher")):
        if any(map(pattern.fullmatch, words)):
            return said
    return None


def _is_of_a_game(words: Sequence[str]) -> bool:
    if not {"loss", "losses", "err"} & set(words):
        return False
    return any(map(_OF_A_GAME.fullmatch, words)) or ("value", "loss") in itertools.pairwise(words)


def _is_share(words: Sequence[str], direction: str) -> bool:
    if direction == "lower":
        of_classes = any(re.fullmatch(r"rate|class(ification)?|top\d+", word) for word in words)
        return of_classes and not {"error", "err"}.isdisjoint(words)
    return any(map(_SHARES.fullmatch, words)) and "balanced" not in words
