"""Write random training logs in many forms, each with what a reader must find in it."""

from __future__ import annotations

import csv
import gzip
import io
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

Series = dict[int, float]
Expected = dict[str, dict[str, Series]]
"""Run to metric to step to value; a run that stands alone is called ''."""


@dataclass
class Log:
    """A log as rows, and what it says."""

    rows: list[dict[str, Any]] = field(default_factory=list)
    expected: Expected = field(default_factory=dict)
    form: str = ""


def random_log(rng: np.random.Generator) -> Log:
    """Return a random log: an axis, a way to log validation, and perhaps folds, a rollback or odd columns."""
    log = Log()
    axis = str(rng.choice(["step", "global_step", "iter", "epoch", "epoch+batch", "epoch+iter", "of total", "none"]))
    valid = str(rng.choice(["none", "column", "rows", "phase", "own axis", "carried", "without step"]))
    if axis == "none" and valid not in ("none", "column"):
        valid = "column"
    if axis == "epoch" and valid in ("carried", "without step"):
        valid = "rows"
    if axis == "of total" and valid == "own axis":
        valid = "rows"
    folds = (
        int(rng.integers(2, 5))
        if axis in ("epoch", "step") and valid in ("none", "column") and rng.random() < 0.3
        else 0
    )
    counts = axis in ("step", "global_step", "iter") and valid in ("none", "column")
    restart = str(rng.choice(["no", "no", "rollback", "counter from its start"])) if counts and not folds else "no"
    log.form = f"{axis}, validation: {valid}, folds: {folds}, restart: {restart}"
    for fold in range(max(folds, 1)):
        name = f"fold_{fold}" if folds else ""
        _training(rng, log, axis, valid, fold if folds else None, name)
        if restart == "rollback":
            _roll_back(rng, log, axis)
        elif restart != "no":
            _go_on(rng, log, axis)
    _decorate(rng, log)
    return log


def _training(rng: np.random.Generator, log: Log, axis: str, valid: str, fold: int | None, name: str) -> None:
    epochs, batches = int(rng.integers(3, 7)), int(rng.integers(3, 9))
    stride = int(rng.choice([1, 5, 10, 50]))
    first = int(rng.choice([0, 1])) if axis == "epoch+batch" else stride
    if axis == "epoch":
        batches, stride, first = 1, 1, 1
    train: Series = {}
    held_out: Series = {}
    level = 2.0 + rng.random()
    length = batches * stride
    at = 0
    for epoch in range(1, epochs + 1):
        for batch in range(batches):
            counter = first + batch * stride
            at = (epoch - 1) * length + counter
            if axis == "none":
                at = len(train) + 1
            if axis == "epoch":
                at = epoch
            level -= 0.02 + 0.02 * rng.random()
            row = {**_axis(axis, epoch, counter, at, epochs * length), "loss": round(level, 5)}
            if fold is not None:
                row = {"fold": fold, **row}
            if valid == "phase":
                row["split"] = "train"
            train[at] = row["loss"]
            evaluates = batch == batches - 1
            value = round(level + 0.3 + 0.01 * rng.random(), 5)
            if evaluates and valid == "column":
                row["val_loss"] = held_out[at] = value
            if valid == "carried" and held_out:
                row["val_loss"] = held_out[max(held_out)]
            log.rows.append(row)
            if evaluates and valid == "carried":
                held_out[at] = row["val_loss"] = value
            elif evaluates and valid == "without step":
                held_out[at] = value
                log.rows.append({"val_loss": value})
            elif evaluates and valid in ("rows", "phase", "own axis"):
                held_out[at] = value
                log.rows.append(
                    _evaluation(valid, _axis(axis, epoch, counter, at, epochs * length), axis, epoch, value)
                )
    log.expected[name] = {"train_loss": train} | ({"full_valid_loss": held_out} if held_out else {})


def _axis(axis: str, epoch: int, counter: int, at: int, total: int) -> dict[str, Any]:
    if axis.startswith("epoch+"):
        return {"epoch": epoch, axis.removeprefix("epoch+"): counter}
    if axis == "of total":
        return {"global_step/max_steps": f"{at}/{total}"}
    return {} if axis == "none" else {axis: epoch if axis == "epoch" else at}


def _evaluation(valid: str, place: dict[str, Any], axis: str, epoch: int, value: float) -> dict[str, Any]:
    if valid == "phase":
        return {**place, "loss": value, "split": "val"}
    if valid == "own axis" and axis in ("step", "global_step", "iter"):
        place = {axis: epoch}  # how an evaluation is counted by a writer that knows the epoch alone
    return {**place, "val_loss": value}


def _roll_back(rng: np.random.Generator, log: Log, axis: str) -> None:
    """Set the training back by some rows, and go on from there with other values."""
    found = log.expected[""]["train_loss"]
    steps = sorted(found)
    back = int(rng.integers(len(steps) // 2, len(steps) - 1))
    again = steps[back:]
    kept = again[: int(rng.integers(2, len(again) + 1))] if len(again) > 2 else again
    for metric in log.expected[""].values():
        for step in [step for step in metric if step >= again[0]]:
            del metric[step]
    for step in kept:
        value = round(float(rng.random()), 5)
        log.rows.append({axis: step, "loss": value})
        found[step] = value


def _go_on(rng: np.random.Generator, log: Log, axis: str) -> None:
    """Resume the training with the counter at its start again."""
    found = log.expected[""]["train_loss"]
    steps, level = sorted(found), found[max(found)]
    stride = steps[1] - steps[0]
    for number in range(int(rng.integers(2, len(steps) + 1))):
        level = round(level - 0.02 - 0.02 * float(rng.random()), 5)
        log.rows.append({axis: steps[number], "loss": level})
        found[steps[-1] + (number + 1) * stride] = level


def _decorate(rng: np.random.Generator, log: Log) -> None:
    """Add columns of other kinds, losses that are not finite, or numbers as texts."""
    extra = str(
        rng.choice(
            ["none", "note", "time", "percent", "thousands", "tensor", "constant", "many", "unit", "flags", "rates"]
        )
    )
    log.form += f", beside: {extra}"
    many = int(rng.integers(3, 120))
    for place, row in enumerate(log.rows):
        if extra == "note":
            row["note"] = f"row number {place}"
        elif extra == "time":
            row["date"] = f"2024-05-01T10:{place // 60 % 60:02d}:{place % 60:02d}"
        elif extra == "percent":
            row["gpu"] = f"{40 + place % 7} %"
        elif extra == "thousands":
            row["flops"] = f"{1 + place:,},000"
        elif extra == "tensor":
            row["scale"] = f"tensor({1 + place / 8}, device='cuda:0')"
        elif extra == "constant":
            row["batch_size"] = 16
        elif extra == "many":
            row |= {f"norm/layer_{number}": round(number + place / 16, 4) for number in range(many)}
        elif extra == "unit":
            row["memory"] = f"{2 + place / 4} GB"
        elif extra == "flags":
            row["clipped"] = bool(place % 3 == 0)
        elif extra == "rates" and "loss" in row and row.get("split") != "val":
            row["lr"] = f"{0.003 * 0.5 ** row.get('epoch', place // 8):.2e}"
    if rng.random() < 0.15 and "carried" not in log.form:
        _lose(rng, log)
    if rng.random() < 0.15:
        log.form += ", losses as texts"
        shape = str(rng.choice(["{:.5f}", "{:.6e}", "+{:.5f}", " {:.5f} ", "tensor({:.5f})"]))
        for row in log.rows:
            row |= {name: shape.format(row[name]) for name in ("loss", "val_loss") if isinstance(row.get(name), float)}


_NOT_FINITE = ("nan", "NaN", "inf", "-inf", "Infinity")


def _lose(rng: np.random.Generator, log: Log) -> None:
    """Make some losses of the training NaN or infinite; a reader must not find them, and must count them."""
    wrong = str(rng.choice(_NOT_FINITE))
    log.form += f", losses {wrong}"
    gone = {id(row) for row in log.rows if row.get("split") != "val" and "loss" in row and rng.random() < 0.1}
    found = {id(row): place for place, row in enumerate(row for row in log.rows if "loss" in row)}
    if len(gone) > len(found) // 2:
        return
    for train in (metrics["train_loss"] for metrics in log.expected.values()):
        for row in log.rows:
            if id(row) in gone:
                step = next((step for step, value in train.items() if value == row["loss"]), None)
                if step is not None:
                    del train[step]
                    row["loss"] = wrong


def write(log: Log, rng: np.random.Generator, folder: Path) -> Path:
    """Write a log as a table or as JSON, as one of many writers would."""
    kind = str(rng.choice(["csv", "tsv", "semicolon", "jsonl", "pipe", "decimal comma", "json", "nested jsonl"]))
    around = str(rng.choice(["plain", "plain", "CRLF", "mark", "UTF-16", "gzip", "blank lines", "comments", "index"]))
    if kind == "decimal comma" and {*log.rows[0]} == {"loss"}:
        kind = "csv"  # of a single column nobody can tell what its commas are
    if around == "index" and log.form.startswith("none"):
        around = "plain"  # where nothing else counts the rows, it would
    log.form += f", as {kind}, {around}"
    if "json" in kind:
        name, text = "log.json" if kind == "json" else "log.jsonl", _json(log.rows, kind)
    else:
        name, text = f"log.{'tsv' if kind == 'tsv' else 'csv'}", _table(log.rows, kind, around, rng)
    if around == "CRLF":
        text = text.replace("\n", "\r\n")
    content = text.encode({"mark": "utf-8-sig", "UTF-16": "utf-16"}.get(around, "utf-8"))
    if around == "gzip":
        name, content = f"{name}.gz", gzip.compress(content, mtime=0)
    path = folder / name
    path.write_bytes(content)
    return path


def _json(rows: list[dict[str, Any]], kind: str) -> str:
    rows = [{name: float(v) if v in _NOT_FINITE else v for name, v in row.items()} for row in rows]
    if kind == "json":
        return json.dumps(rows)
    if kind == "nested jsonl":
        rows = [{"metrics": {"loss": row["loss"]}, **row} if "loss" in row else row for row in rows]
        for row in rows:
            if "metrics" in row:
                del row["loss"]
    return "".join(json.dumps(row) + "\n" for row in rows)


def _table(rows: list[dict[str, Any]], kind: str, around: str, rng: np.random.Generator) -> str:
    delimiter = {"csv": ",", "tsv": "\t", "pipe": "|"}.get(kind, ";")
    names = list(dict.fromkeys(name for row in rows for name in row))
    if kind == "decimal comma":
        rows = [{n: str(v).replace(".", ",") if isinstance(v, float) else v for n, v in row.items()} for row in rows]
    text = io.StringIO()
    quoting = csv.QUOTE_ALL if rng.random() < 0.1 else csv.QUOTE_MINIMAL
    writer = csv.DictWriter(text, names, delimiter=delimiter, lineterminator="\n", quoting=quoting)
    writer.writeheader()
    writer.writerows(rows)
    lines = text.getvalue().splitlines()
    if around == "index":
        lines = [delimiter + lines[0], *(f"{number}{delimiter}{line}" for number, line in enumerate(lines[1:]))]
    elif around == "comments":
        lines = ["# a run of today", "# seed: 3", *lines]
    elif around == "blank lines":
        lines = [*(line for first in lines for line in (first, "")), ""]
    return "\n".join(lines) + "\n"


def mutated(content: bytes, rng: np.random.Generator) -> bytes:
    """Damage a log in one to four places, as editors, transfers and killed writers do."""
    for _ in range(int(rng.integers(1, 5))):
        if not content:
            return content
        at, length = int(rng.integers(len(content))), int(rng.integers(1, 12))
        piece = bytes(rng.integers(0, 256, length, dtype=np.uint8))
        kind = int(rng.integers(8))
        lines = content.split(b"\n")
        line = int(rng.integers(len(lines)))
        if kind == 0:
            content = content[:at]
        elif kind == 1:
            content = content[:at] + piece + content[at:]
        elif kind == 2:
            content = content[:at] + content[at + length :]
        elif kind == 3:
            content = b"\n".join([*lines[:line], lines[line], *lines[line:]])
        elif kind == 4:
            content = b"\n".join(lines[:line] + lines[line + 1 :])
        elif kind == 5:
            order = rng.permutation(len(lines))
            content = b"\n".join(lines[place] for place in order)
        elif kind == 6:
            word = [
                b"nan",
                b"1e999",
                b"-",
                b'"',
                b"\x00",
                b"\r",
                b"0x1F",
                b"1,5",
                b"{",
                b"null",
                b"\xff\xfe",
                b"999999999999999999999",
            ]
            content = content[:at] + word[int(rng.integers(len(word)))] + content[at:]
        else:
            content = content.replace(
                b"loss", [b"step", b"epoch", b"timestamp", b"", b"run", b"seed"][int(rng.integers(6))], 1
            )
    return content
