"""A pattern made of a printed line tells the lines, and reads the numbers, that the search for numbers does."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator, Sequence
from itertools import permutations
from pathlib import Path

import numpy as np
import pytest

from analysis.sources import load_runs
from analysis.sources.printed_lines import NUMBER, form_of
from analysis.sources.printed_wordings import Wordings

LINES = {
    "speedrun": "step:10/200 val_loss:3.2781 train_time:1000ms step_avg:100.04ms",
    "dict": "{'loss': 2.3, 'grad_norm': 1.5, 'learning_rate': 5e-05, 'epoch': 0.1}",
    "logger": "2024-05-01 10:11:12,123 INFO [train.py:150] Epoch: [3][ 10/1000] Loss 2.5e+00 (2.4e+00) Acc@1 50.10",
    "bar": " 12%|    | 12/100 [00:12<1:02:03,  9.87it/s, loss=0.5, lr=1e-4]",
    "thousands": "[1,234/10,000] loss=-0.5, tok/s: 2,971",
    "signs": "Epoch-5 loss: +0.5 acc -0.25",
}
NUMBERS = ("5", "12", "2024", "0.5", "-3", "+2", "nan", "-inf", "1e-5", "1,234", "12,345.6", "1_000", "3.", ".5")
MOMENTS = ("10:10", "1:02:03,5", "2024-05-01", "2024-05-01 10:10:10", "12/31 10:10:10")
OTHERS = (*NUMBERS, *MOMENTS, "05/06", "1-2", "7e", "Infinity")
BETWEEN = (
    *("/", "-", " ", ", ", ",", ":", ": ", "=", "[", "]", " | ", " x", "Epoch-", "epoch ", "Top-5", "loss: ", "@1 "),
    *("-1 ", "e", "ms", "x2024/", "a-", "A12-", "+", " -", ".", "12-", "nan", "inf "),
)


def like(line: str, chance: random.Random, others: Sequence[str]) -> str:
    """Return a line with other numbers, some of another kind; moments stay unless there are others."""
    return NUMBER.sub(
        lambda found: (
            chance.choice(others)
            if chance.random() < 0.3
            else found[0]
            if ":" in found[0]
            else f"{chance.random():.4f}"
        ),
        line,
    )


def searched(line: str, slot: int) -> float:
    number = float(NUMBER.findall(line)[slot].replace(",", ""))
    return np.inf if np.isnan(number) else number


@pytest.mark.parametrize("line", LINES.values(), ids=LINES)
def test_lines_and_their_numbers_are_those_that_a_search_finds(line: str) -> None:
    chance = random.Random(line)
    lines = [line, *(like(line, chance, NUMBERS) for _ in range(1200))]
    wordings = Wordings(lines)
    assert list(wordings) == [NUMBER.sub("\0", other) for other in lines]
    form = form_of(line)
    assert form is not None
    places = [place for place, wording in enumerate(wordings) if wording == wordings[0]]
    for slot, values in wordings.numbers(wordings[0], places, form.slots).items():
        assert values.tolist() == [searched(lines[place], slot) for place in places]


class Counting:
    """Does what `NUMBER` does, and keeps the texts that are searched."""

    pattern = NUMBER.pattern

    def __init__(self, searches: list[str]) -> None:
        self.searches = searches

    def sub(self, other: str, text: str) -> str:
        self.searches.append(text)
        return NUMBER.sub(other, text)

    def finditer(self, text: str) -> Iterator[re.Match[str]]:
        return NUMBER.finditer(text)


def test_no_line_is_mistaken_for_another(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("analysis.sources.printed_wordings._FIRST", 30)
    for seed in range(400):
        chance = random.Random(seed)
        line = "".join(chance.choice(BETWEEN if place % 2 else OTHERS) for place in range(chance.randint(2, 9)))
        lines = [*[line] * 30, *(like(line, chance, OTHERS) for _ in range(30))]
        assert list(Wordings(lines)) == [NUMBER.sub("\0", other) for other in lines], line


def test_most_lines_are_not_searched(monkeypatch: pytest.MonkeyPatch) -> None:
    lines = [f"step {step} loss {1 / step:.4f} took 00:{step % 60:02d}" for step in range(1, 3000)]
    expected = Wordings(lines).numbers("step \0 loss \0 took \0", range(2999), [0, 1])
    assert expected[0].tolist() == list(range(1, 3000))
    searches: list[str] = []
    monkeypatch.setattr("analysis.sources.printed_wordings.NUMBER", Counting(searches))
    Wordings(lines)
    assert len("\n".join(searches).split("\n")) < 1000


def test_a_text_that_differs_on_each_line_changes_nothing(tmp_path: Path) -> None:
    """More lines than kinds of line that are kept apart, none of them alike."""
    words = list(map("".join, permutations("abcdef", 5)))
    losses = {step: 2 / step for step in range(1, 400)}
    path = tmp_path / "a.log"
    path.write_text("".join(f"step {k} loss {loss!r} sample: {words[k]} it\n" for k, loss in losses.items()))
    (run,) = load_runs([str(path)], runs_dir=tmp_path)
    assert run.metrics == ("train_loss",)
    assert dict(zip(run.steps_of("train_loss").tolist(), run.series("train_loss").tolist(), strict=True)) == losses
