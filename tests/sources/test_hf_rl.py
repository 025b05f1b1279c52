"""Trainer states of reinforcement learning and preferences, with the names TRL's trainers log under."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from analysis.core.metrics import metric
from analysis.core.run import Run
from analysis.sources import load_runs
from tests.builders import analyzed

STEPS, EVERY = 300, 50
Rows = list[dict[str, Any]]


def grpo_rows(gain: float, *, seed: int, sets: tuple[str, ...]) -> Rows:
    """Make the rows of a GRPO run: a reward that rises by ``gain``, a policy loss about zero, evaluations."""
    rng = np.random.default_rng(seed)
    rows: Rows = []
    for step in range(1, STEPS + 1):
        reward, kl = gain * step / STEPS + rng.normal(0, 0.05), 0.001 + gain * step * 1e-5
        about = {"step": step, "epoch": step / STEPS}
        rows.append(
            {
                **{"loss": rng.normal(0, 0.004), "grad_norm": 0.3, "learning_rate": 1e-6 * (1 - step / STEPS)},
                **{"num_tokens": 900.0 * step, "completions/mean_length": 200 + step / 10, "entropy": 0.4},
                **{"completions/clipped_ratio": 0.1, "rewards/accuracy_reward/mean": 0.8 * reward},
                **{"rewards/accuracy_reward/std": 0.4, "rewards/format_reward/mean": 0.2 * reward, "reward": reward},
                **{"reward_std": 0.3, "frac_reward_zero_std": 0.1, "kl": kl, "clip_ratio/region_mean": 0.0, **about},
            }
        )
        for place, name in enumerate(sets if step % EVERY == 0 else ()):
            own = f"eval_{name}_" if name else "eval_"
            rows.append(
                {
                    **{f"{own}loss": 0.01 * place, f"{own}runtime": 4.0, f"{own}samples_per_second": 2.0},
                    **{"eval_reward": reward - place, "eval_kl": kl, "eval_rewards/accuracy_reward/mean": reward},
                    **{"eval_completions/mean_length": 150.0, **about},
                }
            )
    return [*rows, {"train_runtime": 90.0, "train_loss": 0.001, "total_flos": 0.0, "step": STEPS, "epoch": 1.0}]


def saved(folder: Path, rows: Rows) -> Rows:
    """Let transformers write the state, and return the history as it reads it."""
    callback = pytest.importorskip("transformers.trainer_callback", reason="transformers is not installed")
    folder.mkdir(parents=True)
    state = callback.TrainerState(max_steps=STEPS, num_train_epochs=1)
    state.log_history.extend(rows)
    state.save_to_json(str(folder / "trainer_state.json"))
    return list(callback.TrainerState.load_from_json(str(folder / "trainer_state.json")).log_history)


def read(folder: Path) -> Run:
    (run,) = load_runs([str(folder)], runs_dir=folder.parent)
    return run


def test_a_grpo_state_reads_whole_under_names_with_directions(tmp_path: Path) -> None:
    """Every value of every row, as the library reads it back; more reward is better, more divergence worse."""
    history = saved(tmp_path / "grpo", grpo_rows(0.5, seed=1, sets=("",)))
    run = read(tmp_path / "grpo")
    standard = {"loss": "train_loss", "eval_loss": "full_valid_loss"}
    for own in {key for row in history[:-1] for key in row} - {"step", "epoch"}:
        logged = [(row["step"], row[own]) for row in history[:-1] if own in row]
        name = standard.get(own, own)
        assert list(zip(run.steps_of(name).tolist(), run.series(name).tolist(), strict=True)) == logged, own
    assert run.provenance.rows_read == len(history)
    directions = {name: metric(name).direction for name in ("reward", "eval_reward", "kl")}
    assert directions == {"reward": "higher", "eval_reward": "higher", "kl": "lower"}
    assert metric("rewards/accuracy_reward/mean").direction == "higher"
    neither = ("completions/mean_length", "reward_std", "rewards/accuracy_reward/std", "frac_reward_zero_std")
    assert {metric(name).direction for name in neither} == {"none"}


def test_of_several_evaluation_sets_each_keeps_its_values(tmp_path: Path) -> None:
    """The trainers log the rewards of every set under one name; the set's own runtime beside them says whose."""
    history = saved(tmp_path / "two", grpo_rows(0.5, seed=2, sets=("math", "math_hard")))
    run = read(tmp_path / "two")
    for name in ("math", "math_hard"):
        rows = [row for row in history if f"eval_{name}_runtime" in row]
        assert run.series(f"eval_{name}_reward").tolist() == [row["eval_reward"] for row in rows]
        assert run.series(f"eval_{name}_loss").tolist() == [row[f"eval_{name}_loss"] for row in rows]
        assert metric(f"eval_{name}_reward").direction == "higher"
    assert not {"eval_reward", "full_valid_loss"} & set(run.metrics)
    assert not run.provenance.dropped


def test_a_dpo_state_keeps_its_rewards_apart(tmp_path: Path) -> None:
    """Margins and accuracies are better higher; the rewards of one side alone say nothing."""
    rows: Rows = []
    for step in range(1, 61):
        one = {"rewards/chosen": 0.01 * step, "rewards/rejected": -0.02 * step, "rewards/margins": 0.03 * step}
        one |= {"rewards/accuracies": 0.5 + step / 200, "logps/chosen": -90.0, "logits/chosen": 0.2}
        rows.append({"loss": 0.7 - step / 200, **one, "step": step})
        if step % 20 == 0:
            rows.append(
                {"eval_loss": 0.6, "eval_runtime": 1.0, **{f"eval_{k}": v for k, v in one.items()}, "step": step}
            )
    history = saved(tmp_path / "dpo", rows)
    run = read(tmp_path / "dpo")
    assert run.series("reward_margin").tolist() == [row["rewards/margins"] for row in history if "loss" in row]
    assert run.series("eval_rewards/margins").tolist() == [0.03 * step for step in (20, 40, 60)]
    directions = {name: metric(name).direction for name in run.metrics if "reward" in name and "eval" not in name}
    assert directions == {
        **{"reward_margin": "higher", "rewards/accuracies": "higher"},
        **{"rewards/chosen": "none", "rewards/rejected": "none"},
    }
    assert metric("eval_rewards/accuracies").direction == metric("eval_rewards/margins").direction == "higher"


def test_two_grpo_runs_are_judged_by_their_reward(tmp_path: Path) -> None:
    """The one that earns more ranks first, though its policy loss is the same and its divergence larger."""
    for name, gain in (("low", 0.3), ("high", 0.9)):
        saved(tmp_path / name, grpo_rows(gain, seed=len(name), sets=("math", "code")))
    a = analyzed([read(tmp_path / "low"), read(tmp_path / "high")], baseline="low", candidate="high")
    assert a.verdict.primary is not None
    assert (a.curve, a.verdict.primary.metric, a.verdict.result) == ("reward", "eval_math_reward", "improved")
    assert (a.evidence_grades["high"].group, a.evidence_grades["low"].group) == (1, 2)
    verdicts = {c.metric: c.verdict(0.05) for c in a.comparisons}
    assert (verdicts["train_loss"], verdicts["kl"]) == ("no difference", "worse")
