"""Seeds that only names tell: runs named alike but for ``seed0``, ``seed1`` are one configuration."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from analysis.core.run import Run
from analysis.evidence.seed_groups import seed_groups
from analysis.sources import load_runs
from analysis.sources.seeds_in_names import perhaps_seeds


@pytest.fixture
def loaded(tmp_path: Path) -> object:
    """Load runs that lie at the given places, each with the given sidecar."""

    def load(names: Sequence[str], sidecar: str = "") -> tuple[Run, ...]:
        for number, name in enumerate(names):
            path = tmp_path / f"{name}.csv"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(f"step,train_loss\n1,0.5\n2,0.{number + 1}\n")
            if sidecar:
                path.with_suffix(".yaml").write_text(sidecar)
        return load_runs([str(tmp_path / f"{name}.csv") for name in names], runs_dir=tmp_path)

    return load


@pytest.mark.parametrize(
    ("names", "groups"),
    [
        (["lr0.1_seed0", "lr0.1_seed1", "lr0.2_seed0", "lr0.2_seed1"], {"lr0.1": 2, "lr0.2": 2}),
        (["a-seed=3", "a-seed=4"], {"a": 2}),
        (["seed_1_wide", "seed_2_wide", "seed_1_deep"], {"wide": 2, "seed_1_deep": 1}),
        (
            ["wide/seed1/metrics", "wide/seed2/metrics", "deep/seed1/metrics", "deep/seed2/metrics"],
            {"wide": 2, "deep": 2},
        ),
        (["SEED7", "SEED8"], {None: 2}),
        (["vit_fold0", "vit_fold1", "cnn_fold0", "cnn_fold1"], {"vit": 2, "cnn": 2}),
        (["rep1-small", "rep2-small"], {"small": 2}),
        (["run_1", "run_2", "run_3"], {"run_1": 1, "run_2": 1, "run_3": 1}),
        (["linseed1", "linseed2"], {"linseed1": 1, "linseed2": 1}),
        (["seed1_of_seed2", "seed2_of_seed2"], {"seed1_of_seed2": 1, "seed2_of_seed2": 1}),
        (["a_seed1", "b_seed2"], {"a_seed1": 1, "b_seed2": 1}),
    ],
)
def test_names_alike_but_for_the_seed_are_one_configuration(loaded, tmp_path, names, groups) -> None:
    found = {group.name: len(group.runs) for group in seed_groups(loaded(names))}
    assert found == {tmp_path.name if name is None else name: n for name, n in groups.items()}


def test_the_seed_is_kept_and_said(loaded) -> None:
    one, two = loaded(["a_seed3", "a_seed11"])
    assert (one.factor("seed"), two.factor("seed")) == (3, 11)
    assert "seed 3, as the name says; one of 2 of a" in one.notes


def test_what_a_configuration_states_is_not_overruled(loaded) -> None:
    """A stated seed stays, and stated configurations say themselves what belongs together."""
    stated = loaded(["a_seed1", "a_seed2"], "config: {seed: 5, lr: 0.1}")
    assert {run.factor("seed") for run in stated} == {5}
    one, two = loaded(["b_seed1", "b_seed2"], "config: {lr: 0.1}")
    assert (one.group, two.group) == (None, None)
    assert len(seed_groups([one, two])) == 1


def test_numbers_alone_are_asked_about(loaded) -> None:
    """Two lots of the same numbers may be repetitions; one lot may as well be three configurations."""
    assert perhaps_seeds(loaded(["old_1", "old_2", "new_1", "new_2", "run_7"])) == {
        "old": ["old_1", "old_2"],
        "new": ["new_1", "new_2"],
    }
    assert perhaps_seeds(loaded(["run_1", "run_2", "run_3"])) == {}
