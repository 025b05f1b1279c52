"""Write a random training in forms other than tables of rows: printed lines, JSON of many shapes, long tables."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

Series = dict[int, float]


@dataclass(frozen=True)
class Training:
    """What was measured: losses of the training and, more seldom, of the validation, by step."""

    train: Series
    valid: Series
    rate: Series


def random_training(rng: np.random.Generator) -> Training:
    """Return a training whose losses fall, validated at some of its steps or at none."""
    length, stride = int(rng.integers(8, 40)), int(rng.choice([1, 5, 50, 100]))
    steps = [stride * k for k in range(int(rng.integers(0, 2)), length)]
    drops = np.cumsum(0.01 + 0.03 * rng.random(len(steps)))
    digits = int(rng.integers(3, 6))
    train = {step: round(float(3 - drop), digits) for step, drop in zip(steps, drops, strict=True)}
    every = int(rng.choice([0, 2, 3, 5]))
    valid = {step: round(train[step] + 0.2, digits) for step in steps[every - 1 :: every]} if every else {}
    rate = {step: float(f"{1e-3 * (1 - k / (2 * length)):.3e}") for k, step in enumerate(steps)}
    return Training(train, valid if len(valid) > 1 else {}, rate)


def random_form(rng: np.random.Generator, training: Training, folder: Path) -> tuple[str, Path]:
    """Write a training in a random form; return what it is, and the file."""
    forms: dict[str, Callable[[np.random.Generator, Training], tuple[str, str]]] = {
        "printed": _printed,
        "list of rows": _rows,
        "series": _series,
        "long table": _long,
        "columns": _columns,
    }
    form = str(rng.choice(list(forms)))
    name, text = forms[form](rng, training)
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return f"{form}: {text[:300]}", path


def _printed(rng: np.random.Generator, training: Training) -> tuple[str, str]:
    """One line a step, with a prefix and units, other lines between, validation on lines of its own or beside."""
    step = str(rng.choice(["step {}:", "step={}", "iter {:6d} |", "Iteration: {},", "[{}]", "global_step: {} -"]))
    parts = str(rng.choice([", ", " | ", "  ", "; "]))
    loss = str(rng.choice(["loss {}", "loss: {}", "loss={}", "train_loss: {}", "Loss {}"]))
    rate = str(rng.choice(["lr {:.3e}", "lr: {:.3e}", "learning_rate={:.3e}", ""]))
    held_out = str(rng.choice(["val_loss {}", "val_loss: {}", "validation loss: {}", "eval_loss={}"]))
    prefix = str(rng.choice(["", "2024-05-01 10:00:00,123 - INFO - ", "[INFO] ", "2024/05/01 10:00:00 "]))
    unit = str(rng.choice(["", "time 12.5ms", "elapsed 0:01:02", "3.2 it/s"]))
    beside = bool(rng.random() < 0.3) and set(training.valid) == set(training.train)
    noise = ["loading data", "saved to out/ckpt", "Epoch done!", ""]
    lines = [str(rng.choice(noise)) for _ in range(3)]
    for at, value in training.train.items():
        cells = [loss.format(value), rate.format(training.rate[at]) if rate else "", unit]
        if beside:
            cells.append(held_out.format(training.valid[at]))
        lines.append(f"{prefix}{step.format(at)} " + parts.join(cell for cell in cells if cell))
        if at in training.valid and not beside:
            lines.append(f"{prefix}{step.format(at)} {held_out.format(training.valid[at])}")
        if rng.random() < 0.1:
            lines.append(str(rng.choice(noise)))
    end = str(rng.choice(["\n", "\r\n"]))
    text = end.join(lines) + end
    if prefix == "" and parts != ", " and rng.random() < 0.5:
        text = text.replace(".", ",")  # as a program prints in many locales
    return str(rng.choice(["out.log", "slurm-17.out", "train.txt"])), text


def _table(training: Training) -> list[dict[str, Any]]:
    rows = []
    for at, value in training.train.items():
        row: dict[str, Any] = {"step": at, "train_loss": value, "lr": training.rate[at]}
        rows.append(row | ({"val_loss": training.valid[at]} if at in training.valid else {}))
    return rows


def _rows(rng: np.random.Generator, training: Training) -> tuple[str, str]:
    rows: Any = _table(training)
    for key in rng.permutation(["history", "", "log_history"])[:1]:
        rows = {"config": {"width": 8}, str(key): rows} if key else rows
    return str(rng.choice(["a.json", "log", "a.log"])), json.dumps(rows, indent=int(rng.integers(1, 5)))


def _series(rng: np.random.Generator, training: Training) -> tuple[str, str]:
    steps, values = (("steps", "values"), ("x", "y"), ("step", "value"))[int(rng.integers(3))]
    found = {"train/loss": training.train, "val/loss": training.valid, "lr": training.rate}
    series: dict[str, Any] = {
        name: {steps: list(curve), values: list(curve.values())} for name, curve in found.items() if curve
    }
    if rng.random() < 0.3:
        return "a.json", json.dumps([{"name": name, **one} for name, one in series.items()])
    return "a.json", json.dumps(series)


def _long(rng: np.random.Generator, training: Training) -> tuple[str, str]:
    key, value = (("metric", "value"), ("tag", "value"), ("variable", "val"))[int(rng.integers(3))]
    curves = {"train_loss": training.train, "val_loss": training.valid, "lr": training.rate}
    points = [(at, name, number) for name, curve in curves.items() for at, number in curve.items()]
    if rng.random() < 0.5:
        points.sort()
    delimiter = str(rng.choice([",", ";", "\t"]))
    rows = [("step", key, value), *points]
    return "a.csv", "".join(delimiter.join(map(str, row)) + "\n" for row in rows)


def _columns(rng: np.random.Generator, training: Training) -> tuple[str, str]:
    columns: dict[str, list[Any]] = {
        "step": list(training.train),
        "train_loss": list(training.train.values()),
        "lr": list(training.rate.values()),
    }
    if training.valid:
        columns["val_loss"] = [training.valid.get(at) for at in training.train]
    return "a.json", json.dumps(columns, indent=None if rng.random() < 0.5 else 2)
