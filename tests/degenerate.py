"""Run sets at the edges of what a log can be; every part of a report must hold for each."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

import numpy as np

from analysis.core.run import Data, Run
from analysis.findings.analysis_result import Analysis
from tests.builders import analyzed, known, log, run

HOSTILE = '<script>alert("x")</script> {braces} **stars** [a](#b) $x$ | `tick` \\ #let'
"""Text that is markup in one format or another."""


def _seeded(make: Callable[[int], Mapping[str, Any]], **fields: Any) -> list[Run]:
    return [run(name, make(seed), **fields) for seed, name in enumerate("ab", start=1)]


def _diverged() -> list[Run]:
    columns = log(2)
    columns["train_loss"][200:250] = np.linspace(0.3, 50, 50)
    columns["train_loss"][250:] = np.inf
    return [known("a", log(1)), known("b", columns, learning_rate_multiplier=2.0)]


def _per_epoch(seed: int) -> dict[str, Any]:
    falling = np.linspace(1, 0.3, 10) + 0.01 * seed
    return {"train_loss": falling, "valid_loss": falling + 0.1, "full_valid_loss": falling + 0.1}


def _hostile(seed: int) -> Run:
    config = {
        HOSTILE: HOSTILE,
        "nested": {"a": [1, {"b": HOSTILE}]},
        "seen": datetime.date(2025, 9, seed),
        "limit": float("nan"),
        "n_epochs": "two",
        "batch_size": True,
        "learning_rate": "1e-5",
    }
    return run(
        f"{HOSTILE} {seed}",
        {**log(seed), HOSTILE: log(seed)["train_loss"]},
        config=config,
        label=HOSTILE,
        name=HOSTILE,
        goal=f"better performance {HOSTILE}",
        parent=HOSTILE,
        parent_known=True,
        data=Data(n_train=0, validation_set=HOSTILE),
        extra={HOSTILE: HOSTILE},
        notes=(HOSTILE,),
    )


def _without(log_of: Mapping[str, Any], word: str) -> dict[str, Any]:
    return {name: values for name, values in log_of.items() if word not in name}


def _rates() -> list[Run]:
    return [
        known(f"run_{k}", log(k, 200, level=0.3 + 0.02 * (k - 3) ** 2), learning_rate_multiplier=10.0**-k)
        for k in range(6)
    ]


def _spiked(seed: int, height: float) -> dict[str, Any]:
    columns = log(seed)
    columns["train_loss"][100] = height
    return columns


def _scaled(factor: float) -> list[Run]:
    return _seeded(lambda seed: {name: values * factor for name, values in log(seed).items() if "loss" in name})


CASES: Mapping[str, Callable[[], list[Run]]] = {
    "losses near the largest number": lambda: _scaled(1e300),
    "losses whose square is too large": lambda: _scaled(1e99),
    "losses near zero": lambda: _scaled(1e-300),
    "losses whose square vanishes": lambda: _scaled(1e-160),
    "one spike beyond all bounds": lambda: [known("a", log(1)), known("b", _spiked(2, 1e300))],
    "steps out of order": lambda: _seeded(
        lambda seed: {"step": np.random.default_rng(seed).permutation(300), **log(seed)}
    ),
    "huge step numbers": lambda: _seeded(lambda seed: {"step": 10**15 + 10**12 * np.arange(300), **log(seed)}),
    "one row": lambda: [run("a", {"train_loss": [0.3]})],
    "one row each": lambda: [run("a", {"train_loss": [0.3]}), run("b", {"train_loss": [0.4]})],
    "two rows each": lambda: [run("a", {"train_loss": [0.3, 0.2]}), run("b", {"train_loss": [0.4, 0.5]})],
    "constant loss": lambda: _seeded(lambda seed: {"train_loss": np.full(100, 0.3)}),
    "zero loss": lambda: _seeded(lambda seed: {"train_loss": np.zeros(50 * seed)}),
    "one metric all NaN": lambda: [
        run("a", {"train_loss": np.full(100, np.nan), "valid_loss": np.full(100, np.nan)}),
        run("b", log(1)),
    ],
    "everything NaN": lambda: [run("a", {"train_loss": np.full(100, np.nan)})],
    "infinite values": lambda: [
        run("a", {"train_loss": np.where(np.arange(100) % 7 == 3, np.inf, 0.3)}),
        run("b", {"train_loss": np.full(100, np.inf)}),
    ],
    "diverged": _diverged,
    "one value an epoch": lambda: _seeded(_per_epoch, config={"n_epochs": 10}),
    "no accuracy": lambda: _seeded(lambda seed: _without(log(seed), "accuracy")),
    "no validation": lambda: _seeded(lambda seed: _without(log(seed), "valid")),
    "no sidecar": lambda: _seeded(log),
    "only reward": lambda: _seeded(lambda seed: {"reward": np.linspace(0, 9, 200) + log(seed, 200)["train_loss"]}),
    "an unknown metric": lambda: _seeded(lambda seed: {"perplexity of mine": log(seed)["train_loss"]}),
    "no metric in common": lambda: [run("a", {"reward": np.linspace(0, 9, 200)}), run("b", log(1))],
    "one run": lambda: [known("a", log(1))],
    "twelve runs": lambda: [known(f"run_{k}", log(k, 120), learning_rate_multiplier=k / 10) for k in range(1, 13)],
    "six learning rates": _rates,
    "hostile text": lambda: [_hostile(1), _hostile(2)],
    "unicode names": lambda: [run("läuf ✓ 运行", log(1)), run("🏃 <i>run</i>|x", log(2))],
    "long": lambda: _seeded(lambda seed: {"train_loss": log(seed, 100_000)["train_loss"]}),
    "counted from zero": lambda: [run("a", {"step": np.arange(100), "train_loss": log(1)["train_loss"][:100]})],
    "other strides": lambda: [
        run("a", {"step": np.arange(1, 101) * 500, "train_loss": log(1)["train_loss"][:100]}),
        run("b", {"step": np.arange(1, 51) * 1000, "train_loss": log(2)["train_loss"][:50]}),
    ],
    "losses far apart": lambda: [
        run("a", {"train_loss": log(1)["train_loss"] * 1e30}),
        run("b", {"train_loss": log(2)["train_loss"] * 1e-30}),
    ],
    "negative losses": lambda: _seeded(lambda seed: {"train_loss": log(seed)["train_loss"] - 0.3}),
    "a batch of none": lambda: _seeded(log, config={"n_epochs": 0, "batch_size": 0}, data=Data(n_train=0, n_valid=0)),
    "broken epochs": lambda: _seeded(
        log, config={"n_epochs": 1.5, "batch_size": 64, "learning_rate": -1}, data=Data(n_train=12800)
    ),
    "absurd sizes": lambda: _seeded(log, config={"n_epochs": 1e6, "batch_size": 10**9}, data=Data(n_train=1)),
}


@cache
def analysis_of(case: str) -> Analysis:
    """Analyze one of the cases, once."""
    return analyzed(CASES[case]())
