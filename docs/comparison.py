"""Ten pairs of runs with a known truth, and what four usual ways of reading say of them beside the report.

The ways are the rules that the default views of such tools follow, computed here.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

import numpy as np

from analysis.calibrate.logs import epoch_log, make_run, step_log
from analysis.core.parameters import check_parameters
from analysis.core.run import Run
from analysis.core.settings import Settings
from analysis.pipeline import analyze_runs
from analysis.statistics.estimate import FloatArray

SEED = 16
SMOOTHING = 0.9
"""Weight of the past in the smoothed curve; panels offer 0 to .999."""

Log = Callable[[np.random.Generator], dict[str, FloatArray]]


@dataclass(frozen=True)
class Pair:
    """Two runs; ``truth`` is "equal", "better" or "worse", of the second."""

    what: str
    truth: str
    first: Log
    second: Log
    n_valid: int | None = None
    metric: str = "train_loss"

    def runs(self, rng: np.random.Generator) -> tuple[Run, Run]:
        """Draw the two runs, which differ in a stated learning rate."""
        return (
            make_run("first", self.first(rng), rate=1e-3, seed=1, n_valid=self.n_valid),
            make_run("second", self.second(rng), rate=2e-3, seed=2, n_valid=self.n_valid),
        )


def _equal(what: str, log: Log, **fields: object) -> Pair:
    return Pair(what, "equal", log, log, **fields)  # type: ignore[arg-type]


_STEPS = partial(step_log, rows=400)
_EPOCHS = partial(epoch_log, rows=20, n=2_000)
_ACCURACY: dict[str, object] = {"n_valid": 2_000, "metric": "full_valid_accuracy"}
_LOSS: dict[str, object] = {"n_valid": 2_000, "metric": "full_valid_loss"}

PAIRS = (
    _equal("400 steps of minibatch loss", _STEPS),
    _equal("400 steps, each like the one before", partial(_STEPS, rho=0.9)),
    _equal("1,000 steps of a loss that still falls", partial(step_log, rows=1_000, curve="exponential", rho=0.6)),
    Pair("400 steps against 800", "equal", partial(_STEPS, rho=0.3), partial(step_log, rows=800, rho=0.3)),
    _equal("20 epochs, validation loss, another seed", partial(_EPOCHS, metrics=("loss",), scatter=0.3), **_LOSS),
    _equal(
        "20 epochs, accuracy of 2,000, another seed", partial(_EPOCHS, metrics=("accuracy",), scatter=0.3), **_ACCURACY
    ),
    Pair("400 steps, loss 2% lower", "better", _STEPS, partial(_STEPS, level=0.294)),
    Pair(
        "falls later and ends 10% lower, 1,000 steps",
        "better",
        partial(step_log, rows=1_000, curve="exponential"),
        partial(step_log, rows=1_000, curve="cosine", level=0.27),
    ),
    Pair(
        "20 epochs, error 14% instead of 10% of 10,000",
        "worse",
        partial(epoch_log, rows=20, n=10_000, error=0.10, metrics=("accuracy",)),
        partial(epoch_log, rows=20, n=10_000, error=0.14, metrics=("accuracy",)),
        n_valid=10_000,
        metric="full_valid_accuracy",
    ),
    Pair(
        "better at first, then overfits, 24 epochs",
        "worse",
        partial(_EPOCHS, rows=24, metrics=("loss",)),
        partial(_EPOCHS, rows=24, loss=0.31, metrics=("loss",), rise=0.06),
        **_LOSS,  # type: ignore[arg-type]
    ),
)


def last_value(values: FloatArray, _: bool) -> float:
    """Take what a table of runs shows: the last value logged."""
    return float(values[-1])


def best_value(values: FloatArray, higher: bool) -> float:
    """Take what sorting by the best shows."""
    return float(values.max() if higher else values.min())


def smoothed_end(values: FloatArray, _: bool) -> float:
    """Take the end of a curve smoothed as panels do it: an exponential moving average without bias at its start."""
    weights = SMOOTHING ** np.arange(values.size)[::-1]
    return float(values @ weights / weights.sum())


def mean_of_column(values: FloatArray, _: bool) -> float:
    """Take what AVERAGE over the column of a spreadsheet gives."""
    return float(values.mean())


READINGS: Mapping[str, Callable[[FloatArray, bool], float]] = {
    "last value": last_value,
    "best value": best_value,
    "smoothed curve": smoothed_end,
    "mean of the column": mean_of_column,
}
_SAID = {"improved": "better", "regressed": "worse"}


def read(pair: Pair, first: Run, second: Run) -> dict[str, str]:
    """Say of each way, and of the report last, what it makes of the second run: better, worse or equal."""
    higher = pair.metric.endswith("accuracy")
    said = {}
    for name, reading in READINGS.items():
        a, b = (reading(run.series(pair.metric), higher) for run in (first, second))
        said[name] = "equal" if a == b else "better" if (b > a) == higher else "worse"
    asked = {"run_ids": ["first", "second"], "baseline": "first", "candidate": "second", "date": "2025-09-11"}
    request = check_parameters(asked)
    found = analyze_runs([first, second], request, Settings.from_mapping(request.settings))
    return said | {"this report": _SAID.get(found.verdict.result, "equal"), "its words": found.verdict.result}


WAYS = (*READINGS, "this report")


def rows() -> list[list[str]]:
    """Lay out the pairs, and in the last row how often each way is right."""
    table, right = [], dict.fromkeys(WAYS, 0)
    for pair, said in zip(PAIRS, _draw(0), strict=True):
        for way in WAYS:
            right[way] += said[way] == pair.truth
        shown = {**said, "this report": said["its words"]}
        cells = [shown[way] if said[way] == pair.truth else f"**{shown[way]}**" for way in WAYS]
        table.append([pair.what, pair.truth, *cells])
    return [*table, ["right of ten", "", *(str(count) for count in right.values())]]


def shares(draws: int) -> dict[str, list[float]]:
    """Give the share of draws in which each way is right, by pair."""
    said = [_draw(number) for number in range(draws)]
    return {
        way: [sum(one[place][way] == pair.truth for one in said) / draws for place, pair in enumerate(PAIRS)]
        for way in WAYS
    }


def _draw(number: int) -> list[dict[str, str]]:
    """Draw all pairs anew and read them."""
    seeds = ([SEED, number, place] for place in range(len(PAIRS)))
    return [read(pair, *pair.runs(np.random.default_rng(seed))) for pair, seed in zip(PAIRS, seeds, strict=True)]


if __name__ == "__main__":
    for way, found in shares(int(sys.argv[1])).items():
        print(f"{way:<20}", *(f"{share:5.2f}" for share in found), f"  of all {sum(found) / len(found):.2f}")
