"""Random trainings in random forms read as what was measured."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from analysis.sources import load_runs
from tests.sources.random_forms import random_form, random_training
from tests.sources.test_random_logs import SCALE


@pytest.mark.parametrize("seed", range(4 * SCALE))
def test_a_training_reads_as_what_was_measured(seed: int, tmp_path: Path) -> None:
    """Every step and value of each curve, and none besides."""
    for number in range(40):
        rng = np.random.default_rng([seed, number, 2])
        training = random_training(rng)
        form, path = random_form(rng, training, tmp_path)
        (run,) = load_runs([str(path)], runs_dir=tmp_path)
        found = [
            dict(zip(run.steps_of(name).tolist(), run.series(name).tolist(), strict=True))
            for name in ("train_loss", "full_valid_loss")
        ]
        told = f"seeds {seed}, {number}: {form}\n{run.notes}"
        assert found == [training.train, training.valid], told
        path.unlink()
