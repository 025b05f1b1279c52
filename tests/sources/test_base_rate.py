"""A learning rate is taken from the logged schedule only where that leaves no doubt."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path

import pytest

from analysis.sources import resolve

RATE, STEPS, WARM = 2e-4, 200, 20

SCHEDULES: dict[str, Callable[[int], float]] = {
    "constant": lambda s: 1.0,
    "constant after warm-up": lambda s: min(1.0, s / WARM),
    "warm-up, hold, decay": lambda s: min(1.0, s / WARM, (STEPS - s) / 50),
    "by halves": lambda s: 0.5 ** (s // 80),
    "linear after warm-up": lambda s: s / WARM if s < WARM else (STEPS - s) / (STEPS - WARM),
    "cosine after warm-up": lambda s: (
        s / WARM if s < WARM else 0.5 * (1 + math.cos(math.pi * (s - WARM) / (STEPS - WARM)))
    ),
    "linear": lambda s: (STEPS - s) / STEPS,
    "triangles": lambda s: 1 - abs(s % 40 - 20) / 20,
}
"""As schedulers define them: step to the factor by which the rate is multiplied."""


def config_of(tmp_path: Path, schedule: str, every: int, **config: float) -> tuple[object, tuple[str, ...]]:
    """Log a schedule as Hugging Face's Trainer does; return the learning rate in the run's configuration, notes."""
    logged = range(every, STEPS + 1, every)
    history = [{"step": s, "loss": 1 / s, "learning_rate": RATE * SCHEDULES[schedule](s)} for s in logged]
    (tmp_path / "trainer_state.json").write_text(json.dumps({"log_history": history, "max_steps": STEPS}))
    if config:
        (tmp_path / "args.json").write_text(json.dumps(config))
    (run,) = resolve(str(tmp_path / "trainer_state.json"), runs_dir=tmp_path)
    return run.factor("learning_rate"), run.notes


@pytest.mark.parametrize("every", [1, 10])
@pytest.mark.parametrize("schedule", ["constant", "constant after warm-up", "warm-up, hold, decay", "by halves"])
def test_a_rate_that_is_held_is_the_one_that_was_set(schedule: str, every: int, tmp_path: Path) -> None:
    """However often it is logged; a note says where it is from."""
    rate, notes = config_of(tmp_path, schedule, every)
    assert rate == RATE
    assert "the highest logged" in notes[-1]


@pytest.mark.parametrize("schedule", ["linear after warm-up", "cosine after warm-up"])
def test_a_peak_is_known_only_if_every_step_around_it_was_logged(schedule: str, tmp_path: Path) -> None:
    """At every 15th step the peak at step 20 lies between two values, and nobody can tell how high it was."""
    assert config_of(tmp_path, schedule, 1)[0] == RATE
    assert config_of(tmp_path, schedule, 15) == (None, ())


@pytest.mark.parametrize("every", [1, 5, 7])
def test_a_rate_that_only_falls_tells_nothing(every: int, tmp_path: Path) -> None:
    """It may have begun anywhere above its first value."""
    assert config_of(tmp_path, "linear", every) == (None, ())


def test_two_equal_values_are_no_plateau(tmp_path: Path) -> None:
    """The two sides of one triangle's top are equal, and the top is higher."""
    history = [{"step": s, "loss": 1.0, "learning_rate": RATE * SCHEDULES["triangles"](s)} for s in (5, 15, 25, 35)]
    (tmp_path / "trainer_state.json").write_text(json.dumps({"log_history": history}))
    (run,) = resolve(str(tmp_path), runs_dir=tmp_path)
    assert run.factor("learning_rate") is None


def test_what_a_configuration_states_is_left_alone(tmp_path: Path) -> None:
    """The settings beside the log win over what the log shows."""
    assert config_of(tmp_path, "constant", 1, learning_rate=0.5, num_train_epochs=3) == (
        0.5,
        ("settings from args.json",),
    )


def test_the_loss_by_which_a_trainer_keeps_its_best_model_is_that_of_its_evaluation(tmp_path: Path) -> None:
    """Hugging Face prefixes ``metric_for_best_model: loss`` itself."""
    history = [{"step": s, "loss": 1 / s, "eval_loss": 2 / s} for s in (5, 15, 25, 35)]
    (tmp_path / "trainer_state.json").write_text(json.dumps({"log_history": history}))
    (tmp_path / "args.json").write_text(json.dumps({"metric_for_best_model": "loss"}))
    (run,) = resolve(str(tmp_path / "trainer_state.json"), runs_dir=tmp_path)
    assert run.best_metric == "full_valid_loss"
