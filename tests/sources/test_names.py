"""Names of metrics: what tools call a thing becomes its one name, and says which way is better."""

from __future__ import annotations

import pytest

from analysis.core.metrics import metric
from analysis.sources.metric_aliases import BY_SOURCE, common, plain, standard_names

AS_LOGGED = {
    "train_loss": [
        *("loss", "train/loss", "Train Loss", "Loss/train", "train.loss", "lm loss", "reduced_train_loss"),
        *("Train/Samples/train_loss", "loss_metrics/global_avg_loss", "loss/train/total"),
    ],
    "full_valid_loss": ["eval/loss", "val_loss", "Loss/val", "Loss/validation", "lm loss validation", "eval_loss"],
    "full_valid_mean_token_accuracy": ["eval/mean_token_accuracy", "Accuracy/val", "val/acc", "val_accuracy"],
    "learning_rate": [
        *("lr", "learning-rate", "train/lr", "lr-AdamW", "lr-SGD/pg1", "lr/pg0", "Train/Samples/lr"),
        *("charts/learning_rate", "train/learning_rate"),
    ],
    "grad_norm": ["grad-norm", "train/grad_norm", "train/global_gradient_norm", "grad_2.0_norm_total"],
    "reward": [
        *("rollout/ep_rew_mean", "charts/episodic_return", "env_runners/episode_return_mean", "eprewmean"),
        *("AverageEpRet", "objective/rlhf_reward", "train/reward", "episode_reward_mean"),
    ],
    "eval_reward": ["eval/mean_reward", "eval_reward", "evaluation/episode_reward_mean"],
    "reward_margin": ["rewards/margins", "train/rewards/margins"],
    "episode_length": ["rollout/ep_len_mean", "charts/episodic_length", "EpLen"],
    "map50": ["metrics/mAP50(B)", "metrics/mAP_0.5", "mAP@0.5", "val_map_50", "coco/bbox_mAP_50"],
    "map50_95": ["metrics/mAP50-95(B)", "metrics/mAP_0.5:0.95", "mAP@0.5:0.95", "coco/bbox_mAP"],
}
"""Standard name to what real tools write: HF, Lightning, Keras, Megatron, NeMo, DeepSpeed, RLlib, YOLO ..."""


@pytest.mark.parametrize(("standard", "logged"), [(s, name) for s, names in AS_LOGGED.items() for name in names])
def test_what_tools_write_gets_its_standard_name(standard: str, logged: str) -> None:
    """Whatever the case and the separators."""
    assert standard_names([logged], source="jsonl", chosen={}) == {logged: standard}


@pytest.mark.parametrize(
    ("logged", "standard"),
    [
        (["train/loss", "valid/loss"], ["train_loss", "full_valid_loss"]),
        (["train/epoch_loss", "validation/epoch_loss"], ["train_loss", "full_valid_loss"]),
        (["train_loss_step", "train_loss_epoch", "val_loss_epoch"], ["train_loss", None, "full_valid_loss"]),
        (["loss", "valid_loss", "full_valid_loss"], ["train_loss", "valid_loss", "full_valid_loss"]),
        (
            ["loss", "valid_acc", "full_valid_acc"],
            ["train_loss", "valid_mean_token_accuracy", "full_valid_mean_token_accuracy"],
        ),
        (["Loss/valid", "Accuracy/valid"], ["full_valid_loss", "full_valid_mean_token_accuracy"]),
        (["dev/loss", "val/total_loss"], [None, "full_valid_loss"]),
    ],
)
@pytest.mark.parametrize("source", ["tensorboard", "mlflow", "dvclive"])
def test_a_validation_curve_of_a_tracker_is_of_the_whole_set(
    source: str, logged: list[str], standard: list[str | None]
) -> None:
    """Unless the log has both, as an OpenAI job that was logged there."""
    names = standard_names(logged, source=source, chosen={})
    assert [names.get(name) for name in logged] == standard


def test_a_score_beside_its_validation_is_the_trainings() -> None:
    """Of F1 and val_F1 the first was taken of what was trained on; alone it is of an evaluation set."""
    logged = [
        "loss",
        "f1",
        "bleu",
        "val_loss",
        "val_f1",
        "val_bleu",
        "reward",
        "eval_reward",
        "accuracy",
        "val_accuracy",
    ]
    names = standard_names(logged, source="jsonl", chosen={})
    assert [names.get(name, name) for name in logged] == [
        *("train_loss", "train_f1", "train_bleu", "full_valid_loss", "f1", "val_bleu", "reward", "eval_reward"),
        *("train_mean_token_accuracy", "full_valid_mean_token_accuracy"),
    ]
    assert [metric(name).validates for name in ("train_f1", "f1", "bleu", "rouge1", "wer", "fid")] == [False] + [
        True
    ] * 5


def test_no_name_stands_for_two_things() -> None:
    """In the common table a name leads to one metric, and every metric of the table has a direction or none."""
    listed = [name for names in common().values() for name in names]
    assert len(listed) == len(set(listed))
    assert all(name == plain(name) for table in (common(), *BY_SOURCE.values()) for ns in table.values() for name in ns)


@pytest.mark.parametrize("several", [["lr-Adam/pg1", "lr-Adam/pg2"], ["eval_a_loss", "eval_b_loss"]])
def test_of_several_of_a_kind_none_is_chosen(several: list[str]) -> None:
    """Which of two learning rates or evaluation sets counts is for the user to say."""
    assert standard_names(several, source="jsonl", chosen={}) == {}


@pytest.mark.parametrize(
    ("direction", "names"),
    [
        ("higher", ["reward", "eval_reward", "reward_margin", "map50", "map50_95", "f1", "rewards/accuracies"]),
        ("higher", ["val_mAP", "test/mIoU", "eval_rougeLsum", "val_bleu4", "Acc@1", "top5", "roc_auc", "r2_score"]),
        ("higher", ["mean_episode_reward", "train/rewards/format_reward", "success_rate", "eval_exact_match"]),
        ("lower", ["kl", "train/loss/value", "val_perplexity", "ppl", "rmse", "val_mae", "MAPE", "wer", "eval_cer"]),
        ("lower", ["fid_score", "brier_score", "Loss/test", "dice_loss", "error_rate", "bpb"]),
        ("higher", ["spearmanr", "kendall_tau", "humaneval_pass@1", "average_precision", "ndcg@10", "hit_rate", "npv"]),
        ("higher", ["bertscore", "cohen_kappa", "dice_score", "episode_return", "is_success", "psnr", "elbo"]),
        ("lower", ["cross_entropy", "val_categorical_crossentropy", "nll", "bits_per_byte", "hd95", "abs_rel", "epe"]),
        ("lower", ["chamfer_distance", "mpjpe", "hausdorff_distance", "nme", "log_loss", "eer", "td_error"]),
        ("lower", ["minADE", "val_fde", "silog"]),
        ("higher", ["nds", "MOTA", "hota", "PCKh", "gauc", "mos"]),
        ("none", ["lossD", "D loss", "g_loss", "errG", "loss_G_A", "val/disc_loss", "G/loss", "adversarial_loss"]),
        ("none", ["losses/policy_loss", "train/value_loss", "critic_loss", "qf1_loss", "train/policy_gradient_loss"]),
        ("none", ["forward_pass", "policy_entropy", "samples_per_second", "gpu_mem", "clip_fraction"]),
        ("none", ["learning_rate", "grad_norm", "episode_length", "loss_scale", "reward_std", "rewards/rejected"]),
        ("none", ["rewards/chosen", "box_loss_weight", "accumulated_tokens", "mapped_reads", "epoch_time", "fps"]),
    ],
)
def test_the_direction_is_that_of_the_thing(direction: str, names: list[str]) -> None:
    """Rewards and precisions are better higher, errors lower; spreads, scales and times are neither."""
    assert {name: metric(name).direction for name in names} == dict.fromkeys(names, direction)
