"""From runs to an analysis: order changes nothing, choices follow their rules, and no small log breaks it."""

from __future__ import annotations

import json
from itertools import permutations
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from analysis.core.errors import RunNotFound, UsageError
from analysis.core.metrics import METRICS
from analysis.core.run import Data, Run
from analysis.core.run_names import folder_name
from analysis.findings.analysis_result import Analysis
from analysis.pipeline import analyze
from analysis.render.mimebundle import mimebundle
from analysis.report.results_json import schema, to_json
from analysis.sources.remote import find_folder
from tests.builders import ROOT, altered, analyzed, flat, known, log, run, sections, write_run
from tests.degenerate import CASES


def essence(a: Analysis) -> dict[str, Any]:
    """What must not depend on the order in which runs are given."""
    results = to_json(a)
    for about in results["runs"].values():
        about["evidence"]["grades"].pop("performance_why")  # names the others, in the order given
    compared = [c for c in results["comparisons"] if a.reference_id in (c["baseline"], c["candidate"])]
    return {
        "verdict": results["verdict"],
        "gate": results["gate"],
        "runs": {run_id: results["runs"][run_id] for run_id in sorted(results["runs"])},
        "comparisons": sorted(compared, key=lambda c: (c["baseline"], c["candidate"], c["metric"], c["scope"])),
        "findings": {f["id"]: (f["status"], f["estimate"], f["low"], f["p_adjusted"]) for f in results["findings"]},
        "advice": [(r["id"], r["value"]) for r in results["recommendations"]],
        "next": [(n["name"], n["config"]) for n in results["next_runs"]],
    }


def test_permuting_the_runs_changes_nothing() -> None:
    runs = [
        known("run_1", log(1)),
        known("run_2", log(2, 600, level=0.28), n_epochs=2),
        known("run_3", log(3, 450, sd=0.05), batch_size=32),
        altered(known("run_4", log(4), learning_rate_multiplier=0.1), data={"validation_set": "w"}),
    ]
    first = essence(analyzed(runs, baseline="run_1", candidate="run_2"))
    for order in list(permutations(runs))[1::3]:
        assert essence(analyzed(order, baseline="run_1", candidate="run_2")) == first


def test_permuting_the_reference_runs_changes_nothing(reference: Analysis) -> None:
    first = essence(analyzed(reference.runs, baseline="run_3", candidate="run_4"))
    for order in permutations(reference.runs):
        assert essence(analyzed(order, baseline="run_3", candidate="run_4")) == first


def test_another_run_changes_no_number_of_the_others(two_alike: Analysis) -> None:
    more = analyzed([known("z", log(7)), *two_alike.runs], baseline="a", candidate="b")
    for run_id in ("a", "b"):
        assert more.evidence[run_id].to_json() == two_alike.evidence[run_id].to_json()
        assert more.rules_of_thumb[run_id].oscillations == two_alike.rules_of_thumb[run_id].oscillations
    kept = [repr(c.result) for c in more.comparisons if (c.baseline, c.candidate) == ("a", "b")]
    assert kept == [repr(c.result) for c in two_alike.comparisons]  # NaN in it equals none, from Python 3.13 on


@pytest.mark.parametrize("metric", METRICS)
def test_each_metric_alone_makes_a_report(metric: str) -> None:
    a = analyzed([known("a", {metric: log(1)["train_loss"]}), known("b", {metric: log(2)["train_loss"]})])
    Draft202012Validator(schema()).validate(json.loads(json.dumps(to_json(a), allow_nan=False)))
    for blocks in sections(a, figures=False).values():
        for block in flat(blocks):
            assert mimebundle(block)


# Choices.


def test_the_candidate_is_the_last_and_the_baseline_the_best_of_the_others() -> None:
    """Best in what decides, however often its training loss oscillates."""
    runs = [
        known("a", log(1, 300)),
        known("b", log(2, 600, level=0.25), n_epochs=2),
        known("c", log(3, 400), n_epochs=3),
    ]
    a = analyzed(runs)
    assert (a.candidate.id, a.baseline.id if a.baseline else None) == ("c", "b")
    assert (a.rules_of_thumb["b"].oscillations or 0) > (a.rules_of_thumb["a"].oscillations or 0)


def test_a_parent_among_the_runs_is_the_baseline() -> None:
    runs = [known("a", log(1, 600)), known("b", log(2)), altered(known("c", log(3)), parent="a")]
    assert analyzed(runs).baseline is analyzed(runs).runs[0] or analyzed(runs).baseline.id == "a"  # type: ignore[union-attr]


def test_options_win_and_may_name_a_label() -> None:
    runs = [altered(known(name, log(seed)), label=name.upper()) for seed, name in enumerate("abc")]
    a = analyzed(runs, candidate="A", baseline="C")
    assert (a.candidate.id, a.reference_id) == ("a", "c")


def test_options_may_say_where_a_run_lies(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Beside a glob the runs have no reference of their own; a folder that holds several logs names none."""
    monkeypatch.chdir(tmp_path)
    for name in ("one", "two"):
        Path("out", name).mkdir(parents=True)
        Path("out", name, "metrics.csv").write_text("step,train_loss\n" + "".join(f"{k},0.5\n" for k in range(1, 20)))
    for candidate in ("out/one", "./out/one/metrics.csv", tmp_path / "out" / "one"):
        assert analyze(run_ids=["out/*/metrics.csv"], candidate=str(candidate)).candidate.id == "one"
    Path("out", "two", "more.csv").write_text("step,train_loss\n1,0.5\n")
    with pytest.raises(UsageError, match="parameter 'baseline' is 'out/two', which is not among the runs: one"):
        analyze(run_ids=["out/*/*.csv"], candidate="out/one", baseline="out/two")


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"candidate": "x"}, "parameter 'candidate' is 'x', which is not among the runs: a, b"),
        ({"baseline": "x"}, "parameter 'baseline' is 'x', which is not among the runs: a, b"),
        ({"baseline": "b"}, "parameter 'baseline' is the candidate itself"),
        ({"settings": {"alfa": 1}}, "settings: unknown key 'alfa'; known keys: .*alpha"),
        ({"settings": {"alpha": "x"}}, "settings: 'alpha' must be a number"),
    ],
)
def test_a_wrong_choice_is_one_line_that_names_the_known(parameters: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message) as error:
        analyzed([run("a", log(1)), run("b", log(2))], **parameters)
    assert "\n" not in str(error.value)


def test_runs_are_found_from_folders_below(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_run(tmp_path / "runs", "a", log(1))
    (tmp_path / "notebooks").mkdir()
    monkeypatch.chdir(tmp_path / "notebooks")
    assert find_folder("runs") == tmp_path / "runs"
    assert analyze(run_ids=["a"]).candidate.id == "a"
    assert find_folder("nowhere") == tmp_path / "notebooks" / "nowhere"


def test_a_run_that_is_nowhere_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(RunNotFound) as error:
        analyze(run_ids=["no_such_run"], runs_dir=str(tmp_path))
    assert "no_such_run" in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("run_id", "folder"),
    [("run_4", "run_4"), ("a/b c", "a-b-c"), ("..", "report"), ("é✓", "é"), ("x" * 300, "x" * 100)],
)
def test_a_folder_name_is_made_of_any_run_id(run_id: str, folder: str) -> None:
    assert folder_name(run_id) == folder


def test_titles_are_made_or_taken() -> None:
    assert analyzed([known("run_7", log(1))]).title == "Training run 7"
    assert analyzed([known("x", log(1))]).title == "Training run x"
    assert analyzed([known("x", log(1))], title="Mine").title == "Mine"


def test_loading_from_disk_gives_what_arrays_give(tmp_path: Path) -> None:
    # Few digits: of more the older versions of pandas may miss the last bit.
    columns = {name: np.round(values, 4) for name, values in log(1).items()}
    sidecar = {"config": {"n_epochs": 1, "batch_size": 64}, "data": {"n_train": 19200}}
    write_run(tmp_path, "a", columns, **sidecar)
    loaded = analyze(run_ids=["a"], runs_dir=str(tmp_path), reports_dir=str(tmp_path / "none"), date="2025-09-11")
    made = analyzed([run("a", columns, config=sidecar["config"], data=loaded.run("a").data)])
    assert loaded.rules_of_thumb == made.rules_of_thumb
    assert loaded.evidence["a"].to_json() == made.evidence["a"].to_json()
    assert loaded.rules_of_thumb["a"].expected_steps == 300


def test_nothing_is_written_by_an_analysis(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_run(tmp_path / "runs", "a", log(1))
    monkeypatch.chdir(tmp_path)
    analyze(run_ids=["a"])
    assert sorted(p.name for p in tmp_path.iterdir()) == ["runs"]
    assert (ROOT / "analysis").is_dir()


# Logs nobody thought of.

VALUES = st.one_of(
    st.floats(-10, 10, allow_nan=False),
    st.floats(allow_nan=True, allow_infinity=True, width=32),
    st.sampled_from([0.0, np.nan, np.inf, -np.inf, 1.0]),
)
NAMES = st.sampled_from([*list(METRICS)[:9], "reward", "map50", "odd {name}"])
CONFIGS = st.dictionaries(
    st.sampled_from(["learning_rate", "n_epochs", "batch_size", "seed", "x.y", "{z}"]),
    st.one_of(st.integers(-2, 100), st.floats(allow_nan=True), st.text(max_size=5), st.none(), st.booleans()),
    max_size=4,
)


@st.composite
def small_runs(draw: st.DrawFn) -> list[Run]:
    count = draw(st.integers(1, 3))
    made = []
    for name in draw(st.lists(st.text(min_size=1, max_size=4), min_size=count, max_size=count, unique=True)):
        rows = draw(st.integers(1, 30))
        metrics = draw(st.lists(NAMES, min_size=1, max_size=4, unique=True))
        columns = {metric: draw(st.lists(VALUES, min_size=rows, max_size=rows)) for metric in metrics}
        parent = draw(st.sampled_from([None, "a", name]))
        made.append(
            run(
                name,
                {key: np.array(values, dtype=float) for key, values in columns.items()},
                config=draw(CONFIGS),
                label=draw(st.none() | st.text(max_size=4)),
                parent=parent,
                parent_known=draw(st.booleans()),
                expected_steps=draw(st.none() | st.integers(0, 50)),
                goal=draw(st.none() | st.sampled_from(["better and faster", "stable", ""])),
            )
        )
    return made


@settings(max_examples=60, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(small_runs())
def test_no_small_run_set_breaks_a_report(runs: list[Run]) -> None:
    a = analyzed(runs)
    text = json.dumps(to_json(a), allow_nan=False)
    Draft202012Validator(schema()).validate(json.loads(text))
    for blocks in sections(a, figures=False).values():
        for block in flat(blocks):
            mimebundle(block)


def test_the_edges_are_many() -> None:
    assert len(CASES) >= 25


@pytest.mark.parametrize("columns", [{}, {"epoch": np.arange(15.0)}, {"epoch": np.arange(1.0, 16.0)}])
def test_a_row_that_is_an_epoch_is_expected_once_an_epoch(columns: dict[str, Any]) -> None:
    """Batches say nothing of such a log: a whole training is no early stop; one of ten epochs stopped a third early."""
    falling = {"train_loss": np.linspace(2, 1, 15), **columns}
    config, data = {"n_epochs": 15, "batch_size": 64}, Data(n_train=40_000)
    whole = run("whole", falling, config=config, data=data)
    short = run("short", {name: values[:10] for name, values in falling.items()}, config=config, data=data)
    a = analyzed([whole, short])
    assert [a.rules_of_thumb[r].overage_from_data_pct for r in ("whole", "short")] == [0, pytest.approx(-100 / 3)]
    assert a.evidence["whole"].per_epoch
    steps = run("steps", {"train_loss": np.linspace(2, 1, 40)}, config=config, data=data)
    assert steps.expected_from_data == 9375
