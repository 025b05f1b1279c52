"""Configurations: the same factor under any tool's key, and what differs between runs."""

from __future__ import annotations

import pytest

from analysis.seed_groups import seed_groups
from analysis.factors import changed_factors, factor_values
from analysis.schema import FACTORS, Run
from tests.builders import run


def of(name: str = "a", **config: object) -> Run:
    return run(name, {"train_loss": [1.0]}, config=config)


@pytest.mark.parametrize(("factor", "key"), [(factor, key) for factor, keys in FACTORS.items() for key in keys])
def test_every_spelling_of_a_factor_is_the_factor(factor: str, key: str) -> None:
    one, other = of(**{key: 1}), of("b", **{key: 2})
    assert factor_values(one) == {factor: 1}
    assert changed_factors([one, other]) == {factor: {"a": 1, "b": 2}}


def test_two_tools_spellings_are_one_factor() -> None:
    assert changed_factors([of(lr=0.1), of("b", learning_rate=0.1)]) == {}
    assert changed_factors([of(lr=0.1), of("b", learning_rate=0.2)]) == {"learning_rate": {"a": 0.1, "b": 0.2}}


def test_standard_factors_come_first_and_missing_values_are_none() -> None:
    runs = [of(zeta=1, batch_size=4, lr=0.1), of("b", alpha=2, lr=0.2)]
    assert list(changed_factors(runs)) == ["learning_rate", "batch_size", "zeta", "alpha"]
    assert changed_factors(runs)["zeta"] == {"a": 1, "b": None}
    assert changed_factors([of(), of("b")]) == {}


@pytest.mark.parametrize(
    ("one", "other", "together"),
    [
        ({"lr": 1, "seed": 1}, {"learning_rate": 1, "seed": 2}, True),
        ({"lr": 1, "seed": 1}, {"lr": 1, "seed": 1}, False),
        ({"lr": 1, "seed": 1}, {"lr": 2, "seed": 2}, False),
        ({"seed": 1}, {"seed": 2}, False),
    ],
)
def test_seeds_alone_make_the_same_configuration(one: dict[str, int], other: dict[str, int], together: bool) -> None:
    assert len(seed_groups([of(**one), of("b", **other)])) == 2 - together
