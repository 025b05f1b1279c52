"""What the gate says of each kind of log: what goes in, how it comes out, which words it holds."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml

from analysis.core.errors import AnalysisError
from analysis.publish.check import check

KNOWN: Mapping[str, Any] = {"data": {"validation_set": "v", "n_valid": 10_000}}
NAMED: Mapping[str, Any] = {"data": {"validation_set": "v"}}
STEPS = np.arange(400)

BETTER_WORSE = {
    "val_f1": (0.9, 0.7),
    "eval_mAP50-95": (0.6, 0.4),
    "eval_bleu": (35.0, 25.0),
    "eval_rougeL": (0.4, 0.25),
    "val_r2": (0.9, 0.6),
    "eval_spearman": (0.8, 0.5),
    "eval_exact_match": (0.8, 0.6),
    "val_psnr": (32.0, 29.0),
    "eval_reward": (100.0, 50.0),
    "val_wer": (0.1, 0.2),
    "test_cer": (0.05, 0.1),
    "val_perplexity": (10.0, 15.0),
    "val_rmse": (1.0, 1.4),
    "eval_loss": (1.0, 1.3),
}
"""One row an epoch, one seed each: names as people log them, with a better and a worse value."""


def epochs(end: float, rows: int = 10, *, rises: bool = True) -> np.ndarray:
    """A smooth curve that gets better until it ends at a value, shape (rows,)."""
    approach = end * (1 + (-0.3 if rises else 0.5) * np.exp(-np.arange(rows) / max(rows / 5, 1)))
    return approach - approach[-1] + end


def falls(end: float) -> np.ndarray:
    """The same of a loss."""
    return epochs(end, rises=False)


def noisy(seed: int, level: float = 0.3, rows: int = 400) -> np.ndarray:
    return level + np.random.default_rng(seed).normal(0, 0.02, rows)


def few(values: float) -> np.ndarray:
    """A value on every 40th step."""
    return np.where(STEPS % 40 == 39, values, np.nan)


LOGS: dict[str, tuple[dict[str, np.ndarray], Mapping[str, Any]]] = {
    **{f"acc90_{n}": ({"val_accuracy": epochs(0.90, n)}, KNOWN) for n in (3, 30)},
    **{f"acc86_{n}": ({"val_accuracy": epochs(0.86, n)}, KNOWN) for n in (3, 30)},
    "acc899": ({"val_accuracy": epochs(0.899, 30)}, KNOWN),
    "unsized90": ({"val_accuracy": epochs(0.901237)}, NAMED),
    "unsized86": ({"val_accuracy": epochs(0.861237)}, NAMED),
    "percent90": ({"val_acc": epochs(90.0)}, KNOWN),
    "percent86": ({"val_acc": epochs(86.0)}, KNOWN),
    "whole_percent86": ({"val_acc": np.round(epochs(86.0))}, KNOWN),
    **{f"good {m}": ({m: epochs(good, rises=good > bad)}, KNOWN) for m, (good, bad) in BETTER_WORSE.items()},
    **{f"bad {m}": ({m: epochs(bad, rises=good > bad)}, KNOWN) for m, (good, bad) in BETTER_WORSE.items()},
    "unstated1": ({"val_loss": falls(1.0)}, {}),
    "unstated2": ({"val_loss": falls(1.3)}, {}),
    "other_set": ({"eval_loss": falls(1.1)}, {"data": {"validation_set": "w"}}),
    "same_on_other_set": ({"eval_loss": falls(1.001)}, {"data": {"validation_set": "w"}}),
    "one_says_the_set": ({"val_loss": falls(1.3)}, NAMED),
    "in_another_case": ({"eval_loss": falls(1.3)}, {"data": {"validation_set": "V", "n_valid": 10_000}}),
    "ends_infinite": ({"eval_loss": np.where(np.arange(10) < 9, falls(0.9), np.inf)}, KNOWN),
    "of_500": ({"val_accuracy": epochs(0.93, 30)}, {"data": {"validation_set": "v", "n_valid": 500}}),
    "of_50": ({"val_accuracy": epochs(0.86)}, {"data": {"validation_set": "v", "n_valid": 50}}),
    "of_50_better": ({"val_accuracy": epochs(0.90)}, {"data": {"validation_set": "v", "n_valid": 50}}),
    "of_50_bad": ({"val_accuracy": epochs(0.60)}, {"data": {"validation_set": "v", "n_valid": 50}}),
    "fits": ({"train_loss": falls(0.4), "val_accuracy": epochs(0.9)}, KNOWN),
    "overfits": ({"train_loss": falls(0.1), "val_accuracy": epochs(0.8)}, KNOWN),
    "one_more_column": ({"step": np.arange(2_000), "train_loss": noisy(9, 0.300, 2_000), "gpu": np.ones(2_000)}, KNOWN),
    "rounded": ({"step": np.arange(2_000), "train_loss": noisy(9, 0.300, 2_000).round(5)}, KNOWN),
    "other_names": ({"iteration": np.arange(2_000), "step": np.arange(2_000), "loss": noisy(9, 0.3, 2_000)}, KNOWN),
    "other_size": ({"eval_loss": falls(1.2)}, {"data": {"validation_set": "v", "n_valid": 5_000}}),
    "train": ({"step": STEPS, "train_loss": noisy(1)}, KNOWN),
    "train_again": ({"step": STEPS, "train_loss": noisy(2)}, KNOWN),
    "validated": ({"step": STEPS, "train_loss": noisy(3), "val_accuracy": few(0.9)}, KNOWN),
    "validated_worse": ({"step": STEPS, "train_loss": noisy(4), "val_accuracy": few(0.8)}, KNOWN),
    "ends_nan": ({"step": STEPS, "train_loss": np.where(STEPS > 390, np.inf, noisy(5))}, KNOWN),
    "ends_nan_too": ({"step": STEPS, "train_loss": np.where(STEPS > 380, np.inf, noisy(6))}, KNOWN),
    "ends_empty": ({"step": STEPS, "train_loss": np.where(STEPS > 390, np.nan, noisy(5)), "lr": STEPS / 400}, KNOWN),
    "stops_validating": ({"val_loss": np.where(np.arange(10) > 6, np.nan, falls(0.9)), "lr": falls(0.1)}, KNOWN),
    "zero": ({"step": STEPS, "train_loss": np.where(STEPS > 100, 0.0, noisy(7))}, KNOWN),
    "diverges": ({"step": STEPS, "train_loss": noisy(8) + np.clip((STEPS - 200) / 100, 0, 2)}, KNOWN),
    "diverges_in_epochs": ({"train_loss": np.array([2, 1.5, 1.2, 1.1, 1, 1.1, 1.3, 1.6, 2.1, 2.8])}, KNOWN),
    "fine_in_epochs": ({"train_loss": falls(0.9)}, KNOWN),
    "long": ({"step": np.arange(2_000), "train_loss": noisy(9, 0.300, 2_000)}, KNOWN),
    "long_3_percent_worse": ({"step": np.arange(2_000), "train_loss": noisy(10, 0.309, 2_000)}, KNOWN),
    "flat_3": ({"step": STEPS, "train_loss": noisy(11, 0.400)}, KNOWN),
    "flat_3_percent_worse": ({"step": STEPS, "train_loss": noisy(13, 0.412)}, KNOWN),
    "unknown1": ({"foo": epochs(1.0)}, KNOWN),
    "unknown2": ({"foo": epochs(2.0)}, KNOWN),
    "three_rows": ({"train_loss": np.array([0.5, 0.4, 0.41])}, KNOWN),
    "three_rows_more": ({"train_loss": np.array([0.5, 0.42, 0.4])}, KNOWN),
    **{
        f"seed{k}": ({"val_loss": falls(level)}, {**NAMED, "config": {"lr": 0.1, "seed": k}})
        for k, level in enumerate((1.00, 1.02, 0.98, 1.01))
    },
    **{
        f"other_seed{k}": ({"val_loss": falls(level)}, {**NAMED, "config": {"lr": 0.2, "seed": k}})
        for k, level in enumerate((1.21, 1.19, 1.20))
    },
    **{f"one_value{k}": ({"val_loss": falls(1.001)}, {**NAMED, "config": {"lr": 0.4, "seed": k}}) for k in range(3)},
    **{
        f"dying_seed{k}": (
            {"val_loss": np.where(np.arange(10) >= last, np.inf, falls(0.8 + k / 100))},
            {**NAMED, "config": {"lr": 0.5, "seed": k}},
        )
        for k, last in enumerate((10, 10, 7))
    },
    "smoothed": ({"val_loss": falls(1.2)}, {**NAMED, "config": {"label_smoothing": 0.1}}),
    "unsmoothed": ({"val_loss": falls(1.0)}, {**NAMED, "config": {"label_smoothing": 0.0}}),
    "smoothed_acc": ({"val_accuracy": epochs(0.9)}, {**KNOWN, "config": {"label_smoothing": 0.1}}),
    "of_gpt2": ({"val_loss": falls(3.2)}, {**NAMED, "config": {"tokenizer": "gpt2"}}),
    "of_llama": ({"val_loss": falls(2.9)}, {**NAMED, "config": {"tokenizer": "llama"}}),
    "dropout": ({"step": STEPS, "train_loss": noisy(14)}, {**KNOWN, "config": {"dropout": 0.1}}),
    "more_dropout": ({"step": STEPS, "train_loss": noisy(15, 0.4)}, {**KNOWN, "config": {"dropout": 0.5}}),
    "two_tasks": ({"val_loss_seg": falls(0.40), "val_loss_depth": falls(0.80)}, KNOWN),
    "two_tasks_changed": ({"val_loss_seg": falls(0.32), "val_loss_depth": falls(1.00)}, KNOWN),
    "two_tasks_named": (
        {"val_loss_seg": falls(0.32), "val_loss_depth": falls(1.00)},
        {**KNOWN, "primary": "val_loss_seg"},
    ),
    "good_on_test": (
        {"val_acc": epochs(0.90), "test_acc": np.where(np.arange(10) < 9, np.nan, 0.905)},
        KNOWN,
    ),
    "bad_on_test": ({"val_acc": epochs(0.901), "test_acc": np.where(np.arange(10) < 9, np.nan, 0.870)}, KNOWN),
    "top1_24": ({"train_loss": falls(1.0), "top1_err": falls(24.1)}, KNOWN),
    "top1_22": ({"train_loss": falls(1.0), "top1_err": falls(22.4)}, KNOWN),
    "gan": ({"step": STEPS, "d_loss": noisy(16), "g_loss": noisy(17, 2.0)}, KNOWN),
    "other_lr": ({"val_loss": falls(1.2)}, {**NAMED, "config": {"lr": 0.3, "seed": 0}}),
    "same_as_seeds": ({"val_loss": falls(1.03)}, {**NAMED, "config": {"lr": 0.3, "seed": 0}}),
}
SEEDS = ("seed1", "seed2", "seed3")
WORSE_BY_A_LOT = "worse by more than 10"
SPREAD: Mapping[str, Any] = {"settings": {"seed_sd": 0.01}}

CASES: tuple[tuple[str, str, str, str, dict[str, Any]], ...] = (
    # candidate, against, outcome, words, options
    ("acc90_3", "acc86_3", "passed", "better model", {}),
    ("acc86_3", "acc90_3", "failed", "is worse: −4", {}),
    ("acc90_30", "acc86_30", "passed", "better model", {}),
    ("acc86_30", "acc90_30", "failed", "is worse", {}),
    ("acc899", "acc90_30", "passed", "perform alike", {}),
    ("unsized86", "unsized90", "cannot tell", "state data.n_valid", {}),
    ("unsized90", "unsized86", "passed", "no evidence", {}),
    ("percent86", "percent90", "failed", "is worse", {}),
    ("percent90", "percent86", "passed", "better model", {}),
    *((f"bad {m}", f"good {m}", "failed", "worse", {}) for m in BETTER_WORSE),
    *((f"good {m}", f"bad {m}", "passed", "better model", {}) for m in BETTER_WORSE),
    ("unstated1", "unstated2", "cannot tell", "--trust-unstated", {}),
    ("unstated1", "unstated2", "passed", "better model", {"trust_unstated": True}),
    ("unstated2", "unstated1", "failed", "worse model", {"trust_unstated": True}),
    ("other_set", "good eval_loss", "cannot tell", "the validation sets differ", {}),
    ("other_size", "good eval_loss", "cannot tell", "10000 and with 5000", {}),
    ("same_on_other_set", "good eval_loss", "cannot tell", "cannot be compared", {}),
    ("other_size", "good eval_loss", "cannot tell", "10000 and with 5000", {"trust_unstated": True}),
    ("other_size", "good eval_loss", "cannot tell", "cannot be compared", {"fail_if": [WORSE_BY_A_LOT]}),
    ("unstated2", "unstated1", "cannot tell", "--trust-unstated", {"fail_if": [WORSE_BY_A_LOT]}),
    ("copy", "good eval_loss", "cannot tell", "identical", {}),
    ("copy", "good eval_loss", "cannot tell", "identical", {"fail_if": [WORSE_BY_A_LOT]}),
    ("copy", "good eval_loss", "failed", "eval_loss > 0.5", {"fail_if": ["eval_loss > 0.5"], **SPREAD}),
    ("saved_again", "good eval_loss", "cannot tell", "identical in every value: nothing was trained", {}),
    ("first_rows", "good eval_loss", "cannot tell", "every row of the candidate's log stands", {}),
    ("symlink", "good eval_loss", "cannot tell", "identical", {}),
    ("one_more_column", "long", "cannot tell", "agree in every value of every metric that both logged", {}),
    ("rounded", "long", "cannot tell", "agree in every value of every metric that both logged", {}),
    ("long", "rounded", "cannot tell", "nothing was trained", {}),
    ("other_names", "long", "cannot tell", "identical in every value", {}),
    ("percent90", "acc90_30", "passed", "alike", {}),
    ("acc90_30", "percent86", "passed", "better model", {}),
    ("acc90_30", "whole_percent86", "cannot tell", "write both as fractions", {}),
    ("unsmoothed", "smoothed", "cannot tell", "the losses differ (label_smoothing 0.1 and 0)", {}),
    ("smoothed_acc", "acc86_30", "passed", "better model", {}),
    ("of_llama", "of_gpt2", "cannot tell", "tokens of different kinds (gpt2 and llama)", {}),
    ("more_dropout", "dropout", "cannot tell", "training alone differs (dropout 0.1 and 0.5)", {}),
    ("two_tasks_changed", "two_tasks", "failed", "better in val_loss_seg, worse in val_loss_depth", {}),
    ("two_tasks", "two_tasks_changed", "failed", "worse in val_loss_seg, better in val_loss_depth", {}),
    ("bad_on_test", "good_on_test", "failed", "worse model than good_on_test in test_acc", {}),
    ("top1_22", "top1_24", "passed", "better model than top1_24 in top1_err", {}),
    ("top1_24", "top1_22", "failed", "worse model", {}),
    ("two_tasks_named", "two_tasks", "passed", "better model", {}),
    ("of_500", "acc90_30", "cannot tell", "10000 and with 500", {}),
    ("of_50", "of_50_better", "passed", "no evidence", {}),
    ("of_50_bad", "of_50_better", "failed", "is worse: −30", {}),
    ("one_says_the_set", "unstated1", "cannot tell", "--trust-unstated", {}),
    ("one_says_the_set", "unstated1", "failed", "worse model", {"trust_unstated": True}),
    ("in_another_case", "good eval_loss", "cannot tell", "the validation sets differ", {}),
    ("ends_infinite", "good eval_loss", "failed", "ended as NaN or infinite", {}),
    ("acc899", "acc90_30", "passed", "by more than 2 pp", {"fail_if": ["val_accuracy worse by more than 2 pp"]}),
    ("acc899", "acc90_30", "cannot tell", "more than 0.2 pp", {"fail_if": ["val_accuracy worse by more than 0.2 pp"]}),
    ("acc90_30", "acc86_30", "passed", "more than 0 pp", {"fail_if": ["val_accuracy worse by more than 0 pp"]}),
    ("overfits", "fits", "failed", "is worse: −10.00", {}),
    ("hardlink", "good eval_loss", "cannot tell", "identical", {}),
    ("validated_worse", "validated", "failed", "accuracy is worse", {}),
    ("validated", "validated_worse", "passed", "better model", {}),
    ("train", "validated", "cannot tell", "no validation, the baseline did", {}),
    ("validated", "train", "passed", "alike", {}),
    ("train_again", "train", "passed", "alike", {}),
    ("ends_nan", "train", "failed", "ended as NaN", {}),
    ("train", "ends_nan", "passed", "ended as NaN", {}),
    ("ends_nan", "ends_nan_too", "failed", "NaN", {}),
    ("ends_empty", "train", "cannot tell", "after step 390 of 399", {}),
    ("stops_validating", "good eval_loss", "cannot tell", "after step 7 of 10", {}),
    ("zero", "train", "cannot tell", "exactly 0", {}),
    ("diverges", "train", "failed", "diverged", {}),
    ("train", "diverges", "passed", "better", {}),
    ("diverges_in_epochs", "fine_in_epochs", "failed", "rises", {}),
    ("fine_in_epochs", "diverges_in_epochs", "passed", "better", {}),
    ("three_rows_more", "three_rows", "passed", "no evidence", {}),
    ("three_rows_more", "three_rows", "cannot tell", "too few", {"fail_on": ["overfitting", "insufficient"]}),
    ("long_3_percent_worse", "long", "failed", "is worse", {}),
    ("long_3_percent_worse", "long", "passed", "finite", {"fail_on": ["diverged"]}),
    ("long", "long_3_percent_worse", "passed", "no evidence", {}),
    ("long", "long_3_percent_worse", "failed", "train_loss > 0.29", {"fail_if": ["train_loss > 0.29"]}),
    ("long", "long_3_percent_worse", "passed", "train_loss > 0.31", {"fail_if": ["train_loss > 0.31"]}),
    ("acc90_3", "acc86_3", "failed", "val_accuracy < 0.95", {"fail_if": ["val_accuracy < 0.95"]}),
    ("long", "long_3_percent_worse", "passed", "worse by", {"fail_if": ["train_loss worse by more than 0.01"]}),
    ("flat_3_percent_worse", "flat_3", "failed", "train loss is worse: +0.0096 [+0.0033", {}),
    ("flat_3_percent_worse", "flat_3", "passed", "more than 0.03", {"fail_if": ["train_loss worse by more than 0.03"]}),
    ("flat_3_percent_worse", "flat_3", "passed", "more than 10 %", {"fail_if": ["train_loss worse by more than 10 %"]}),
    ("flat_3_percent_worse", "flat_3", "failed", "more than 0.001", {"fail_if": ["worse by more than 0.001"]}),
    ("flat_3_percent_worse", "flat_3", "failed", "more than 0.1 %", {"fail_if": ["worse by more than 0.1 %"]}),
    ("flat_3_percent_worse", "flat_3", "cannot tell", "seeds", {"fail_if": ["train_loss worse by more than 0.013"]}),
    ("flat_3_percent_worse", "flat_3", "passed", "more than 900", {"fail_if": ["worse by more than 900"]}),
    (
        "flat_3_percent_worse",
        "flat_3",
        "failed",
        "is worse",
        {"fail_if": ["worse by more than 900"], "fail_on": ["regressed"]},
    ),
    ("diverges", "train", "failed", "diverged", {"fail_if": ["train_loss worse by more than 900"]}),
    ("acc86_30", "acc90_30", "passed", "by more than 6 pp", {"fail_if": ["val_accuracy worse by more than 6 pp"]}),
    ("acc86_30", "acc90_30", "failed", "by more than 1 pp", {"fail_if": ["val_accuracy worse by more than 1 pp"]}),
    ("percent86", "percent90", "passed", "by more than 6 pp", {"fail_if": ["val_acc worse by more than 6 pp"]}),
    ("acc86_30", "acc90_30", "failed", "val_accuracy < 90 %", {"fail_if": ["val_accuracy < 90 %"]}),
    ("other_seed0", "seed0", "failed", "worse", {"others": (*SEEDS, "other_seed1", "other_seed2")}),
    (
        *("dying_seed0", "seed0", "failed", "of 3 runs of the candidate's configuration dying_seed2 ended as NaN"),
        {"others": (*SEEDS, "dying_seed1", "dying_seed2")},
    ),
    ("seed0", "dying_seed0", "failed", "more of its runs die", {"others": (*SEEDS, "dying_seed1", "dying_seed2")}),
    ("seed0", "other_seed0", "passed", "better", {"others": (*SEEDS, "other_seed1", "other_seed2")}),
    ("seed1", "seed0", "passed", "val_loss > 1.1", {"others": SEEDS[1:], "fail_if": ["val_loss > 1.1"]}),
    (
        "other_seed0",
        "seed0",
        "passed",
        "by more than 0.4",
        {"others": (*SEEDS, "other_seed1", "other_seed2"), "fail_if": ["val_loss worse by more than 0.4"]},
    ),
    ("other_lr", "seed0", "failed", "worse", {"others": SEEDS}),
    ("same_as_seeds", "seed0", "passed", "no evidence", {"others": SEEDS}),
    ("seed0", "other_lr", "passed", "better", {"others": SEEDS}),
    ("seed0", "one_value0", "passed", "no evidence", {"others": ("one_value1", "one_value2")}),
    ("seed1", "one_value0", "passed", "no evidence", {"others": ("one_value1", "one_value2")}),
)

REFUSED: tuple[tuple[str, str, str, dict[str, Any]], ...] = (
    ("empty", "train", "no data rows", {}),
    ("unknown2", "unknown1", "which way is better", {}),
    ("gan", "train", "it has d_loss, g_loss", {}),
    ("missing", "train", "missing", {}),
    ("long", "train", "metric 'foo' was not logged", {"fail_if": ["foo > 1"]}),
    ("long", "train", "is no criterion", {"fail_if": ["train_loss is high"]}),
    ("long", "train", "is not a condition", {"fail_on": ["slow"]}),
    ("long", "train", "worse by more than 0.01", {"fail_if": ["train_loss no worse than baseline by 0.01"]}),
    ("long", "train", "worse by more than 0.01", {"fail_if": ["improve train_loss by 0.01"]}),
    ("long", "train", "must be 0 or more", {"fail_if": ["train_loss worse by more than -0.01"]}),
)


@pytest.fixture(scope="module")
def logs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All logs with their sidecars, and copies of one in three ways."""
    folder = tmp_path_factory.mktemp("logs")
    for name, (columns, sidecar) in LOGS.items():
        rows = len(next(iter(columns.values())))
        axis = {} if "step" in columns else {"epoch": np.arange(1, rows + 1)}
        pd.DataFrame({**axis, **columns}).to_csv(folder / f"{name}.csv", index=False)
        if sidecar:
            (folder / f"{name}.yaml").write_text(yaml.safe_dump(dict(sidecar)), encoding="utf-8")
    original = folder / "good eval_loss.csv"
    shutil.copy(original, folder / "copy.csv")
    os.symlink(original, folder / "symlink.csv")
    os.link(original, folder / "hardlink.csv")
    for name in ("copy", "symlink", "hardlink", "saved_again", "first_rows"):
        shutil.copy(folder / "good eval_loss.yaml", folder / f"{name}.yaml")
    text = original.read_text(encoding="utf-8")
    (folder / "saved_again.csv").write_text(text.replace("\n", "\r\n"), encoding="utf-8", newline="")
    (folder / "first_rows.csv").write_text("".join(text.splitlines(keepends=True)[:8]), encoding="utf-8")
    (folder / "empty.csv").write_text("step,train_loss\n", encoding="utf-8")
    return folder


def held(folder: Path, candidate: str, against: str, options: Mapping[str, Any]) -> Any:
    given = {**options, "others": [str(folder / f"{name}.csv") for name in options.get("others", ())]}
    parameters = {"runs_dir": str(folder), "settings": given.pop("settings", {})}
    paths = (str(folder / f"{name}.csv") for name in (candidate, against))
    return check(*paths, parameters=parameters, **given)


@pytest.mark.parametrize(("candidate", "against", "outcome", "words", "options"), CASES)
def test_the_gate(logs: Path, candidate: str, against: str, outcome: str, words: str, options: dict[str, Any]) -> None:
    found = held(logs, candidate, against, options)
    told = " ".join([found.analysis.verdict.sentence, *(f"{c.name}: {c.why}" for c in found.conditions)])
    assert (found.outcome, words in told) == (outcome, True), told
    asked = options.get("fail_on")
    assert found.fails == (outcome != "passed" and (outcome == "failed" or asked is None or "insufficient" in asked))


@pytest.mark.parametrize(("candidate", "against", "words", "options"), REFUSED)
def test_what_cannot_be_held_is_one_line(
    logs: Path, candidate: str, against: str, words: str, options: dict[str, Any]
) -> None:
    with pytest.raises(AnalysisError) as refused:
        held(logs, candidate, against, options)
    assert words in str(refused.value)
    assert "\n" not in str(refused.value)


def test_the_table_is_long_enough() -> None:
    assert len(CASES) + len(REFUSED) >= 60
