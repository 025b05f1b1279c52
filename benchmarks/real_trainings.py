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
    """The logs of one training: a row an epoch, a row a step, and the final loss of each validation example."""

    epochs: pd.DataFrame
    steps: pd.DataFrame
    losses: Floats


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
    valid_x, valid_y = examples(fixed, setting, setting.n_valid, centres)
    rng = np.random.default_rng([seed, 11])
    weights = _start(rng, setting)
    rows, steps = [], []
    step = 0
    for epoch in range(1, setting.epochs + 1):
        order = rng.permutation(len(y))
        epoch_losses = []
        for first in range(0, len(y), setting.batch):
            chosen = order[first : first + setting.batch]
            loss, correct = _update(weights, x[chosen], y[chosen], setting.learning_rate)
            step += 1
            epoch_losses.append(loss)
            steps.append({"step": step, "train_loss": loss, "train_accuracy": correct})
        losses, right = _evaluate(weights, valid_x, valid_y)
        measured = {"val_loss": losses.mean(), "val_accuracy": right.mean()}
        rows.append({"epoch": epoch, "train_loss": np.mean(epoch_losses), **measured})
        steps[-1].update(measured)
    return Training(pd.DataFrame(rows), pd.DataFrame(steps), losses)


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


def _evaluate(weights: list[Floats], x: Floats, y: npt.NDArray[np.intp]) -> tuple[Floats, npt.NDArray[np.bool_]]:
    shares = _forward(weights, x)[-1]
    return -np.log(np.maximum(shares[np.arange(len(y)), y], 1e-300)), shares.argmax(axis=1) == y


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


def seed_figures(setting: Setting, trainings: list[Training]) -> str:
    """Set the spread over seeds beside what could stand in for it, at the last epoch, in one line."""
    loss = np.array([t.epochs["val_loss"].iloc[-1] for t in trainings])
    train_loss = np.array([t.epochs["train_loss"].iloc[-1] for t in trainings])
    accuracy = np.array([t.epochs["val_accuracy"].iloc[-1] for t in trainings])
    error = 1 - accuracy.mean()
    of_set = float(np.mean([t.losses.std(ddof=1) for t in trainings])) / setting.n_valid**0.5
    half = (error / (2 * setting.n_valid)) ** 0.5
    level_rule = loss.mean() / setting.n_valid**0.5
    sd = loss.std(ddof=1)
    return (
        f"{setting.name}: n_valid {setting.n_valid}, {setting.epochs} epochs, {len(trainings)} seeds; "
        f"val_loss {loss.mean():.4f}, seed sd {sd:.5f} = {sd / loss.mean():.2%} of level; "
        f"train_loss {train_loss.mean():.4f}, seed sd {train_loss.std(ddof=1) / train_loss.mean():.2%} of level; "
        f"accuracy {accuracy.mean():.4f}, seed sd {accuracy.std(ddof=1):.5f} = "
        f"{accuracy.std(ddof=1) / half:.2f} x sqrt(e/(2n)); "
        "seed sd of val_loss / (k level/sqrt(n)): "
        f"{sd / (2 * level_rule):.2f} (k 2), {sd / (3 * level_rule):.2f} (k 3); "
        f"/ standard error of the set's loss: {sd / of_set:.2f}"
    )


def write_log(folder: Path, name: str, frame: pd.DataFrame, setting: Setting, rate: float, seed: int) -> None:
    """Write a log and the sidecar that declares its learning rate."""
    frame.to_csv(folder / f"{name}.csv", index=False)
    stated = {
        "config": {"learning_rate": rate, "n_epochs": setting.epochs, "batch_size": setting.batch, "seed": seed},
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


def pairs(trainings: list[Training], others: list[Training], kind: str) -> Iterator[tuple[pd.DataFrame, pd.DataFrame]]:
    """Pair each training with its neighbour, or with the one of a different configuration."""
    for first, second in zip(trainings, others, strict=True):
        yield getattr(first, kind), getattr(second, kind)


def count(setting: Setting, first: list[Training], second: list[Training], kind: str) -> tuple[Counter[str], int]:
    """Count the results of the reports on all pairs, and those that name a cause."""
    results: Counter[str] = Counter()
    causes = 0
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for seed, (a, b) in enumerate(pairs(first, second, kind)):
            write_log(folder, f"a{seed}", a, setting, setting.learning_rate, 2 * seed)
            write_log(folder, f"b{seed}", b, setting, 2 * setting.learning_rate, 2 * seed + 1)
            result, cause = outcome(folder, f"a{seed}", f"b{seed}")
            results[result] += 1
            causes += cause
    return results, causes


def main() -> None:
    """Print the spread over seeds, then the results of null pairs and of real differences."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--seeds", type=int, default=12, help="seeds a setting (default: 12)")
    options = parser.parse_args()
    trained = {s.name: [train(s, seed) for seed in range(options.seeds)] for s in SETTINGS}
    for setting in SETTINGS:
        print(seed_figures(setting, trained[setting.name]), flush=True)
    for setting in SETTINGS:
        runs = trained[setting.name]
        slower = replace(setting, learning_rate=setting.learning_rate / 30)
        slow = [train(slower, 100 + seed) for seed in range(options.seeds)]
        for kind in ("epochs", "steps"):
            null, causes = count(setting, runs, [*runs[1:], runs[0]], kind)
            wrong = sum(null[result] for result in WINNERS)
            print(f"{setting.name}, {kind}: null pairs {dict(null)}: {wrong} false winners, {causes} false causes")
            real, _ = count(setting, slow, runs, kind)
            better = np.mean([r.losses.mean() for r in runs]) < np.mean([r.losses.mean() for r in slow])
            right = real["improved" if better else "regressed"]
            print(f"{setting.name}, {kind}: 30 x the learning rate {dict(real)}: {right} decided right", flush=True)


if __name__ == "__main__":
    main()
