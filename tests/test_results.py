"""The results JSON: it conforms to the published schema, is the same bytes for the same input, and loses nothing."""

from __future__ import annotations

import datetime
import json
import math
from collections.abc import Iterator
from copy import deepcopy
from typing import Any

import numpy as np
import pytest
import yaml
from jsonschema import Draft202012Validator, ValidationError

from analysis.findings.analysis_result import Analysis
from analysis.report.results_json import extra_files, plain_json, schema, to_json
from analysis.sources import load_runs
from tests.builders import REFERENCE, ROOT, RUN_IDS, analyzed, known, log, reference, write_report
from tests.degenerate import CASES, analysis_of

VALIDATOR = Draft202012Validator(schema())


def written(a: Analysis) -> str:
    """The JSON as it is put into a file: a NaN would be an error."""
    return json.dumps(to_json(a), indent=2, ensure_ascii=False, allow_nan=False)


def parts(node: Any, path: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """All subschemas that describe a property or a definition."""
    if isinstance(node, dict):
        for group in ("properties", "$defs"):
            for name, inner in node.get(group, {}).items():
                yield f"{path}/{name}", inner
        for name, inner in node.items():
            yield from parts(inner, f"{path}/{name}")
    elif isinstance(node, list):
        for inner in node:
            yield from parts(inner, path)


def test_the_schema_is_one_and_every_key_is_described() -> None:
    Draft202012Validator.check_schema(schema())
    assert schema()["$schema"].endswith("2020-12/schema")
    described = list(parts(schema()))
    assert len(described) > 150
    for path, inner in described:
        assert inner.get("description") or "$ref" in inner, path


@pytest.mark.parametrize("case", CASES)
def test_results_at_the_edges_conform(case: str) -> None:
    VALIDATOR.validate(json.loads(written(analysis_of(case))))


@pytest.mark.parametrize("which", ["reference", "sample", "two_alike"])
def test_results_of_whole_reports_conform(which: str, request: pytest.FixtureRequest) -> None:
    VALIDATOR.validate(json.loads(written(request.getfixturevalue(which))))


def test_results_with_predictions_changes_goal_and_muted_rules_conform(tmp_path: Any) -> None:
    runs = [known("a", log(1)), known("b", log(2, 600), learning_rate_multiplier=1.0)]
    earlier = analyzed(runs, date="2025-09-01", goal="better, faster")
    next_run = known("c", log(3), **dict(earlier.next_runs[0].config))
    reports = [json.loads(written(earlier))]
    later = analyzed([*runs, next_run], reports=reports, title=earlier.title, mute="gate", baseline="a")
    results = json.loads(written(later))
    VALIDATOR.validate(results)
    assert results["predictions"]
    assert results["changes"]
    assert results["muted"] == ["gate"]
    assert write_report(tmp_path, later).is_file()


def test_the_schema_refuses_what_results_are_not(two_alike: Analysis) -> None:
    good = json.loads(written(two_alike))
    for spoil in (
        lambda r: r["runs"]["a"]["rules_of_thumb"].pop("volatility"),
        lambda r: r["runs"]["a"]["rules_of_thumb"].update(oscillation=3),
        lambda r: r["runs"]["a"]["rules_of_thumb"].update(oscillations=3.5),
        lambda r: r["verdict"].update(evidence="maybe"),
        lambda r: r["findings"][0].update(status="true"),
        lambda r: r["comparisons"][0].update(p=1.5),
        lambda r: r["settings"].pop("alpha"),
        lambda r: r.update(runs={}),
    ):
        bad = deepcopy(good)
        spoil(bad)
        with pytest.raises(ValidationError):
            VALIDATOR.validate(bad)


PROMISED = {
    "runs.<id>.document": "total_steps expected_steps final_train_loss final_train_accuracy final_valid_loss "
    "final_valid_accuracy final_full_valid_loss final_full_valid_accuracy validation_count full_validation_count "
    "oscillations volatility first_train_loss best_train_loss worst_train_loss gap_pp rank grades epochs",
    "runs.<id>.document.grades": "stability performance overall",
    "runs.<id>": "label reference config data parent evidence",
    "leaders": "stability training_performance validation_performance efficiency monitoring",
    "verdict": "rules_of_thumb evidence",
    "": "recommendations next_runs files findings comparisons predictions changes",
    "comparisons.0": "baseline candidate metric definition estimate low high p p_adjusted mdd comparable reason",
    "findings.0": "id section sentence status estimate low high p p_adjusted n definition runs steps",
    "next_runs.0": "name config",
    "runs.<id>.rules_of_thumb.epochs.0": "epoch steps start_loss end_loss improvement_pct oscillations",
}


@pytest.mark.parametrize("place", PROMISED)
def test_stable_keys_are_there(place: str, two_alike: Analysis) -> None:
    node: Any = to_json(two_alike)
    for name in filter(None, place.split(".")):
        node = node[0] if name == "0" else node[two_alike.candidate.id if name == "<id>" else name]
    assert set(PROMISED[place].split()) <= set(node)


def test_the_same_input_and_date_give_the_same_bytes() -> None:
    if not REFERENCE.is_dir():
        pytest.skip("the reference logs (../shared/reference) are not on this machine")
    assert written(reference()) == written(reference())


def test_the_same_sample_gives_the_same_bytes(sample: Analysis) -> None:
    again = analyzed(load_runs(RUN_IDS, runs_dir=ROOT / "runs"))
    assert written(again) == written(sample)


def test_numbers_are_not_rounded(two_alike: Analysis) -> None:
    results = json.loads(written(two_alike))
    for run in two_alike.runs:
        document = results["runs"][run.id]["rules_of_thumb"]
        assert document["final_train_loss"] == float(run.series("train_loss")[-1])
        assert document["final_valid_accuracy"] == float(run.series("valid_mean_token_accuracy")[-1])


def test_no_path_of_this_machine_gets_into_the_results(sample: Analysis) -> None:
    assert str(ROOT) not in written(sample)


def test_whatever_a_configuration_holds_becomes_json() -> None:
    value = {
        "day": datetime.date(2025, 9, 11),
        "nan": math.nan,
        "inf": -math.inf,
        "np": np.float64(0.5),
        "n": np.int64(3),
        "flag": np.bool_(True),
        "deep": ({"a": (1, {2})},),
        3: None,
    }
    assert plain_json(value) == {
        "day": "2025-09-11",
        "nan": None,
        "inf": None,
        "np": 0.5,
        "n": 3,
        "flag": True,
        "deep": [{"a": [1, [2]]}],
        "3": None,
    }


def test_files_of_next_runs_are_the_sidecars_to_submit(two_alike: Analysis) -> None:
    files = extra_files(two_alike)
    results = to_json(two_alike)
    assert set(files) == {name for name in results["files"] if name.startswith("next_runs/")}
    for planned in results["next_runs"]:
        sidecar = yaml.safe_load(files[planned["file"]])
        assert sidecar["config"] == planned["config"]
        for kept, exact in zip(sidecar["predictions"], planned["predictions"], strict=True):
            assert kept == {k: pytest.approx(v, rel=1e-5) if isinstance(v, float) else v for k, v in exact.items()}
