"""Rows that are added many at once make the table that they make one by one."""

from __future__ import annotations

import math
import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from analysis.core.errors import LogError
from analysis.sources.rows import RowTable

VALUES: tuple[Any, ...] = (
    *(1, -2.5, math.nan, -math.inf, 10**25, 10**400, None, True),
    *("NA", "", "soon", "1.5", "nan", "40 %", "1,234", [1, 2], {}, {"b": 1.0}, {"b": {"c": "x"}}),
)


def random_rows(chance: random.Random) -> list[dict[str, Any]]:
    """Return rows of a few sets of names; most columns hold one kind of value, others a mixture."""
    kinds = []
    for _ in range(chance.randint(1, 3)):
        names = chance.sample(["step", "loss", "a", "b", "a/b"], chance.randint(1, 4))
        kinds.append({name: VALUES if chance.random() < 0.1 else chance.sample(VALUES, 1) for name in names})
    picked = (chance.choice(kinds) for _ in range(chance.randint(1, 20)))
    return [{name: chance.choice(values) for name, values in kind.items()} for kind in picked]


def outcome(blocks: list[list[dict[str, Any]]], *, at_once: bool) -> Any:
    """Return the columns in their order and what is left out; else the error."""
    table, line = RowTable(Path("a.jsonl")), 1
    try:
        for rows in blocks:
            if at_once:
                table.add_all(rows, line)
            for number, row in enumerate(() if at_once else rows, start=line):
                table.add(row, number)
            line += len(rows)
    except LogError as problem:
        return str(problem)
    frame = table.frame(texts=True)
    columns = [(name, frame[name].dtype, frame[name].tolist()) for name in frame]
    return [
        (name, str(dtype), [None if value != value else value for value in cells]) for name, dtype, cells in columns
    ], table.left_out()


def test_many_rows_at_once_are_rows_one_by_one() -> None:
    errors = 0
    for seed in range(2000):
        blocks = [random_rows(random.Random(f"{seed} {number}")) for number in range(3)]
        expected = outcome(blocks, at_once=False)
        assert outcome(blocks, at_once=True) == expected, seed
        errors += isinstance(expected, str)
    assert 0 < errors < 1500  # of text in a column of numbers, with its line


@pytest.mark.parametrize(
    "row", [{"step": 1, "loss": 2.5}, {"step": 1, "train": {"loss": 2.5}, "note": "first", "x": None}]
)
def test_rows_of_one_kind_are_taken_by_columns(row: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(RowTable, "add")
    table = RowTable(Path("a.jsonl"))
    table.add_all([row] * 5, 1)
    assert np.array_equal(table.frame()["step"], np.ones(5))
