"""Time the evidence for three runs of one length, for lengths from 700 steps to 10^6.

Usage: ``python benchmarks/evidence.py [STEPS ...]``
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

# Beside this file lie modules that bear the names of packages.
sys.path[:] = [p for p in sys.path if Path(p or ".").resolve() != Path(__file__).resolve().parent]

import numpy as np  # noqa: E402
import pandas as pd  # noqa: E402

from analysis.core.run import Data, Provenance, Run, validated  # noqa: E402
from analysis.evidence.run_evidence import run_evidence  # noqa: E402

STEPS = (700, 10_000, 100_000, 1_000_000)
AIMS = {700: 0.3, 1_000_000: 3.0}
"""Seconds that evidence may take, by the number of steps."""
REPEATS = 3


def make_run(seed: int, steps: int) -> Run:
    """Make a run as a fine-tuning service logs it: loss and accuracy a step, minibatch validation every ten."""
    rng = np.random.default_rng(seed)
    every_ten = np.arange(1, steps + 1) % 10 == 0
    columns = {
        "step": np.arange(1, steps + 1),
        "train_loss": 0.3 + rng.normal(0, 0.025, steps),
        "train_mean_token_accuracy": rng.binomial(192, 0.86, steps) / 192,
        "valid_loss": np.where(every_ten, 0.3 + rng.normal(0, 0.025, steps), np.nan),
        "valid_mean_token_accuracy": np.where(every_ten, rng.binomial(192, 0.86, steps) / 192, np.nan),
    }
    frame, *_ = validated(pd.DataFrame(columns), "made")
    config = {"batch_size": 64, "n_epochs": 1}
    data = Data(n_train=64 * steps, n_valid=3000)
    return Run(f"run_{seed}", frame, "made", Provenance("made", "made", 0, "", steps), config=config, data=data)


def seconds(steps: int) -> float:
    """Give the median time of the evidence for three new runs."""
    taken = []
    for turn in range(REPEATS):
        runs = [make_run(3 * turn + seed, steps) for seed in range(3)]
        start = time.perf_counter()
        run_evidence(runs)
        taken.append(time.perf_counter() - start)
    return sorted(taken)[REPEATS // 2]


def main(lengths: list[int]) -> None:
    """Print the table."""
    seconds(lengths[0])  # loads what is loaded when it is first needed
    print(f"{'evidence for 3 runs of':<24}{'seconds':>10}{'aim':>10}{'per step':>12}{'growth':>24}")
    before: tuple[int, float] | None = None
    for steps in lengths:
        took = seconds(steps)
        aim = f"< {AIMS[steps]:g}" if steps in AIMS else ""
        growth = f"{took / before[1]:.1f} times for {steps / before[0]:.0f}" if before else ""
        print(f"{steps:>16,} steps{took:>12.3f}{aim:>10}{took / steps / 3 * 1e9:>9.0f} ns{growth:>24}", flush=True)
        before = steps, took


if __name__ == "__main__":
    main([int(float(argument)) for argument in sys.argv[1:]] or list(STEPS))
