"""Train small real models over many seeds and count how often a report on two of them is wrong.

Neighbouring seeds are declared as two learning rates although they had the same one: a report that
names a winner, or says that the learning rate had an effect, is wrong. Pairs that differ in truth show
how often a difference is decided. The classes overlap, so that no setting reaches an error of zero.

    python benchmarks/real_trainings.py [--seeds 12]
"""

from __future__ import annotations

import argparse
import tempfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
import yaml

from analysis.calibrate.worlds import CAUSES, WINNERS
from analysis.pipeline import analyze

Floats = npt.NDArray[np.float64]

SIZES = (200, 500, 2_000, 10_000)
"""Validation examples at which the spread over seeds is measured; the largest is drawn, the others are its first."""


@dataclass(frozen=True)
class Setting:
    """A model and its data: ``width`` 0 is softmax regression, else one hidden layer of that width."""

    name: str
    width: int
    n_train: int
    n_valid: int
    classes: int
    epochs: int
    learning_rate: float = 0.1
    features: int = 20
    batch: int = 32


SETTINGS = (
    Setting("softmax regression", 0, 1000, 2000, 10, 10),
    Setting("narrow network", 32, 2000, 2000, 10, 30),
    Setting("wide network, few examples", 128, 1000, 1000, 4, 60),
)


@dataclass(frozen=True)
class Training:
    """The logs of one training, a row an epoch and a row a step.

    ``early`` (a tenth of the way) and ``late`` (at the end) hold the loss of every validation example and
    whether it was classified right, shape (2, 10000).
    """

    epochs: pd.DataFrame
    steps: pd.DataFrame
    early: Floats
    late: Floats


def examples(
    rng: np.random.Generator, setting: Setting, n: int, centres: Floats
) -> tuple[Floats, npt.NDArray[np.intp]]:
    """Draw examples about the centres of their classes, shapes (n, features) and (n,)."""
    labels = rng.integers(setting.classes, size=n)
    return centres[labels] + rng.standard_normal((n, setting.features)), labels


def train(setting: Setting, seed: int) -> Training:
    """Train by stochastic gradient descent; data are the same for all seeds, start and order are not."""
    fixed = np.random.default_rng(7)
    centres = fixed.standard_normal((setting.classes, setting.features)) * 0.5
    x, y = examples(fixed, setting, setting.n_train, centres)
    valid_x, valid_y = examples(fixed, setting, max(SIZES), centres)
    rng = np.random.default_rng([seed, 11])
    weights = _start(rng, setting)
    rows, steps = [], []
    step = 0
    kept = {}
    for epoch in range(1, setting.epochs + 1):
        order = rng.permutation(len(y))
        epoch_losses = []
        for first in range(0, len(y), setting.batch):
            chosen = order[first : first + setting.batch]
            loss, correct = _update(weights, x[chosen], y[chosen], setting.learning_rate)
            step += 1
            epoch_losses.append(loss)
            steps.append({"step": step, "train_loss": loss, "train_accuracy": correct})
        kept[epoch] = _evaluate(weights, valid_x, valid_y)
        loss_of_set, right = kept[epoch][:, : setting.n_valid].mean(axis=1)
        measured = {"val_loss": loss_of_set, "val_accuracy": right}
        rows.append({"epoch": epoch, "train_loss": np.mean(epoch_losses), **measured})
        steps[-1].update(measured)
    return Training(pd.DataFrame(rows), pd.DataFrame(steps), kept[max(setting.epochs // 10, 1)], kept[setting.epochs])


def _start(rng: np.random.Generator, setting: Setting) -> list[Floats]:
    sizes = (setting.features, *([setting.width] if setting.width else []), setting.classes)
    return [
        part
        for into, out in pairwise(sizes)
        for part in (rng.standard_normal((into, out)) * (2 / into) ** 0.5, np.zeros(out))
    ]


def _forward(weights: list[Floats], x: Floats) -> list[Floats]:
    """Return the inputs of every layer and, last, the probabilities of the classes."""
    layers = [x]
    for k in range(0, len(weights) - 2, 2):
        layers.append(np.maximum(layers[-1] @ weights[k] + weights[k + 1], 0))
    logits = layers[-1] @ weights[-2] + weights[-1]
    odds = np.exp(logits - logits.max(axis=1, keepdims=True))
    return [*layers, odds / odds.sum(axis=1, keepdims=True)]


def _evaluate(weights: list[Floats], x: Floats, y: npt.NDArray[np.intp]) -> Floats:
    shares = _forward(weights, x)[-1]
    return np.stack([-np.log(np.maximum(shares[np.arange(len(y)), y], 1e-300)), shares.argmax(axis=1) == y])


def _update(weights: list[Floats], x: Floats, y: npt.NDArray[np.intp], rate: float) -> tuple[float, float]:
    """Take one step down the gradient in place; return loss and accuracy of the minibatch before it."""
    *layers, shares = _forward(weights, x)
    rows = np.arange(len(y))
    loss = float(-np.log(np.maximum(shares[rows, y], 1e-300)).mean())
    correct = float((shares.argmax(axis=1) == y).mean())
    slope = shares.copy()
    slope[rows, y] -= 1
    slope /= len(y)
    for k in range(len(layers) - 1, -1, -1):
        back = (slope @ weights[2 * k].T) * (layers[k] > 0)
        weights[2 * k] -= rate * layers[k].T @ slope
        weights[2 * k + 1] -= rate * slope.sum(axis=0)
        slope = back
    return loss, correct


def seed_figures(setting: Setting, trainings: list[Training]) -> Iterator[str]:
    """Set the spread over seeds beside what could stand in for it, a line for each time and size of the set."""
    for when in ("early", "late"):
        for n in SIZES:
            measured = np.array([getattr(t, when)[:, :n] for t in trainings])
            (loss, accuracy), (sd, accuracy_sd) = measured.mean(axis=(0, 2)), measured.mean(axis=2).std(axis=0, ddof=1)
            of_set = measured[:, 0].std(axis=1, ddof=1).mean() / n**0.5
            rules = ", ".join(f"{sd * n**0.5 / (k * loss):.2f}" for k in (1, 2, 3))
            yield (
                f"{setting.name}, {when}, n_valid {n}: val_loss {loss:.4f}, seed sd {sd:.5f} = {sd / loss:.2%} of level"
                f" = {rules} x (1, 2, 3) level/sqrt(n) = {sd / of_set:.2f} x SE of the set; accuracy {accuracy:.4f}, "
                f"seed sd {accuracy_sd:.5f} = {accuracy_sd / ((1 - accuracy) / (2 * n)) ** 0.5:.2f} x sqrt(e/(2n))"
            )


def write_log(folder: Path, name: str, frame: pd.DataFrame, setting: Setting, seed: int) -> None:
    """Write a log and the sidecar that declares its configuration."""
    frame.to_csv(folder / f"{name}.csv", index=False)
    stated = {
        "config": {
            "learning_rate": setting.learning_rate,
            "width": setting.width,
            "n_epochs": setting.epochs,
            "batch_size": setting.batch,
            "seed": seed,
        },
        "data": {
            "n_train": setting.n_train,
            "n_valid": setting.n_valid,
            "validation_set": "v",
            "training_set": "t",
        },
        "parent": None,
    }
    (folder / f"{name}.yaml").write_text(yaml.safe_dump(stated), encoding="utf-8")


def outcome(folder: Path, baseline: str, candidate: str) -> tuple[str, bool]:
    """Analyze two logs; return the verdict's result and whether a factor is said to have had an effect."""
    found = analyze(
        run_ids=[baseline, candidate],
        baseline=baseline,
        candidate=candidate,
        runs_dir=str(folder),
        reports_dir=str(folder / "reports"),
        date="2025-09-11",
    )
    causes = [f for f in found.findings if f.rule in CAUSES and f.claim and f.status == "supported"]
    return found.verdict.result, bool(causes)


def count(
    declared: tuple[Setting, Setting], first: list[Training], second: list[Training], kind: str
) -> tuple[Counter[str], int]:
    """Count the results of the reports on pairs of trainings, and those that name a cause."""
    results: Counter[str] = Counter()
    causes = 0
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for seed, (a, b) in enumerate(zip(first, second, strict=True)):
            write_log(folder, f"a{seed}", getattr(a, kind), declared[0], 2 * seed)
            write_log(folder, f"b{seed}", getattr(b, kind), declared[1], 2 * seed + 1)
            result, cause = outcome(folder, f"a{seed}", f"b{seed}")
            results[result] += 1
            causes += cause
    return results, causes


def truth(first: list[Training], second: list[Training]) -> str:
    """Say which is better over all seeds and 10,000 examples: "mixed" if loss and accuracy disagree."""
    change = np.mean([t.late.mean(axis=1) for t in second], axis=0) - np.mean(
        [t.late.mean(axis=1) for t in first], axis=0
    )
    return {(True, True): "improved", (False, False): "regressed"}.get((change[0] < 0, change[1] > 0), "mixed")


def main() -> None:
    """Print the spread over seeds, then the results of null pairs and of real differences."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--seeds", type=int, default=12, help="seeds a setting (default: 12)")
    options = parser.parse_args()
    for setting in SETTINGS:
        runs = [train(setting, seed) for seed in range(options.seeds)]
        print(*seed_figures(setting, runs), sep="\n", flush=True)
        # Early in a training seeds differ most, and a large set hides none of it.
        short = replace(setting, epochs=max(setting.epochs // 10, 3), n_valid=max(SIZES))
        short_runs = [train(short, seed) for seed in range(options.seeds)]
        for kind in ("epochs", "steps"):
            for null, equal in ((setting, runs), (short, short_runs)):
                doubled = replace(null, learning_rate=2 * null.learning_rate)
                results, causes = count((null, doubled), equal, [*equal[1:], equal[0]], kind)
                wrong = sum(results[result] for result in WINNERS)
                print(
                    f"{null.name}, {kind}, {null.epochs} epochs, n_valid {null.n_valid}: null pairs {dict(results)}: "
                    f"{wrong} false winners, {causes} false causes",
                    flush=True,
                )
        for change, other in (
            ("a 30th of the learning rate", replace(setting, learning_rate=setting.learning_rate / 30)),
            ("4 hidden units", replace(setting, width=4)),
        ):
            others = [train(other, 100 + seed) for seed in range(options.seeds)]
            right = truth(runs, others)
            for kind in ("epochs", "steps"):
                real, _ = count((setting, other), runs, others, kind)
                print(f"{setting.name}, {kind}: {change}, in truth {right}: {dict(real)}", flush=True)


if __name__ == "__main__":
    main()
