"""The closed loop: earlier reports on disk are scored and compared with, and nothing else in the folder disturbs."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from analysis.core.errors import UsageError
from analysis.core.rich_text import plain
from analysis.findings.analysis_result import Analysis
from analysis.findings.earlier_reports import Series, load_reports
from analysis.findings.results_file import EARLIER, keep_earlier, load_report
from analysis.pipeline import analyze
from analysis.report.sections import history
from tests.builders import CONFIG, DATA, log, tables, write_report, write_run

RUNS = ("run_1", "run_2")
DATES = ("2025-09-01", "2025-09-11")


def sidecar(**changed: Any) -> dict[str, Any]:
    data = {"n_train": DATA.n_train, "n_valid": DATA.n_valid, "validation_set": "v", "training_set": "t"}
    return {"config": {**CONFIG, **changed}, "data": data, "parent": None}


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """Two runs on disk, and an empty folder of reports."""
    (tmp_path / "reports").mkdir()
    write_run(tmp_path / "runs", "run_1", log(1), **sidecar())
    write_run(tmp_path / "runs", "run_2", log(2, 600), **sidecar(learning_rate_multiplier=1.0))
    return tmp_path


def report(place: Path, *run_ids: str, date: str = DATES[0], **parameters: Any) -> Analysis:
    return analyze(
        run_ids=run_ids or RUNS,
        runs_dir=str(place / "runs"),
        reports_dir=str(place / "reports"),
        date=date,
        **parameters,
    )


def keep(place: Path, a: Analysis, **changed: Any) -> Path:
    return write_report(place / "reports", a, **changed)


def run_as_advised(place: Path, a: Analysis, columns: Mapping[str, np.ndarray]) -> str:
    """Do what a report advises: its YAML beside the new log."""
    planned = a.next_runs[0]
    write_run(place / "runs", planned.id, columns)
    (place / "runs" / f"{planned.id}.yaml").write_text(planned.to_yaml(), encoding="utf-8")
    return planned.id


def scores(a: Analysis) -> dict[str, str]:
    return {score.metric: score.status for score in a.predictions}


def test_a_run_as_predicted_confirms(place: Path) -> None:
    first = report(place)
    keep(place, first)
    done = run_as_advised(place, first, log(3, 600))
    later = report(place, *RUNS, done, date=DATES[1])
    assert scores(later) == {"full_valid_loss": "confirmed", "noise": "confirmed"}
    for score in later.predictions:
        assert (score.run, score.report, score.predicted_run) == ("run_3", "run_2", "Run 3")
        assert score.low <= score.observed <= score.high


def test_a_run_far_from_the_prediction_contradicts(place: Path) -> None:
    first = report(place)
    keep(place, first)
    done = run_as_advised(place, first, log(3, 600, level=0.5, sd=0.1))
    assert scores(report(place, *RUNS, done, date=DATES[1])) == {
        "full_valid_loss": "contradicted",
        "noise": "contradicted",
    }


def test_a_run_near_the_prediction_is_not_confirmed(place: Path) -> None:
    first = report(place)
    done = run_as_advised(place, first, log(3, 600))
    observed = report(place, *RUNS, done).evidence[done].full_valid_loss
    assert observed is not None
    next_runs = [run.to_json() for run in first.next_runs]
    for prediction in next_runs[0]["predictions"]:
        if prediction["metric"] == "full_valid_loss":
            prediction["high"] = (observed.low + observed.value) / 2
    keep(place, first, next_runs=next_runs)
    assert scores(report(place, *RUNS, done, date=DATES[1]))["full_valid_loss"] == "not confirmed"


def test_a_metric_that_was_not_logged_or_ended_as_nan_cannot_tell(place: Path) -> None:
    first = report(place)
    keep(place, first)
    columns = log(3, 600)
    columns.pop("full_valid_loss")
    done = run_as_advised(place, first, columns)
    assert scores(report(place, *RUNS, done, date=DATES[1]))["full_valid_loss"] == "cannot tell"
    dead = log(3, 600)
    dead["full_valid_loss"][-1] = np.inf
    run_as_advised(place, first, dead)
    later = report(place, *RUNS, done, date=DATES[1])
    assert scores(later)["full_valid_loss"] == "cannot tell"
    assert [s.observed for s in later.predictions if s.metric == "full_valid_loss"] == [None]


def test_only_a_run_with_the_predicted_configuration_is_scored(place: Path) -> None:
    first = report(place)
    keep(place, first)
    assert first.next_runs[0].config != CONFIG
    write_run(place / "runs", "run_3", log(3), **sidecar(learning_rate_multiplier=0.123))
    later = report(place, *RUNS, "run_3", date=DATES[1])
    assert later.predictions == ()
    (told,) = history.predicted(later)
    assert "No earlier report predicted" in plain(told.text)


def test_the_score_is_shown(place: Path) -> None:
    first = report(place)
    keep(place, first)
    done = run_as_advised(place, first, log(3, 600))
    table = tables(history.predicted(report(place, *RUNS, done, date=DATES[1])))["predictions"]
    assert {plain(row[-1].text) for row in table.rows} == {"confirmed"}
    assert {plain(row[0].text) for row in table.rows} == {"Run 3"}


def worse(place: Path) -> None:
    """Replace the candidate's log by that of a far worse run."""
    write_run(place / "runs", "run_2", log(9, 500, level=0.6), **sidecar(learning_rate_multiplier=1.0))


def changes(a: Analysis) -> dict[tuple[str, str | None], tuple[str, str, bool | None]]:
    return {(c.what, c.run): (c.before, c.after, c.exceeds_noise) for c in a.changes}


def test_the_newest_older_report_of_the_title_is_compared_with(place: Path) -> None:
    first = report(place)
    keep(place, first)
    keep(place, report(place, date="2025-08-01", report_id="older"))
    keep(place, report(place, date="2025-09-05", report_id="other", title="Another title"))
    worse(place)
    later = report(place, date=DATES[1])
    assert later.previous == DATES[0]
    found = changes(later)
    before, after, exceeds = found["Overall result (evidence)", None]
    assert (before, after, exceeds) == (first.verdict.result, "regressed", True)
    assert found["Steps", "run_2"] == ("600", "500", None)
    table = tables(history.changes(later))["changes"]
    assert DATES[0] in table.caption
    assert len(table.rows) == len(later.changes)


def test_a_report_of_the_same_runs_with_another_candidate_goes_on_from_the_last_one(place: Path) -> None:
    first = report(place)
    keep(place, first)
    write_run(place / "runs", "run_3", log(3), **sidecar(learning_rate_multiplier=0.3))
    later = report(place, "run_1", "run_2", "run_3", date=DATES[1])
    assert later.title != first.title
    assert later.previous == DATES[0]
    assert changes(later)["Title", None] == (first.title, later.title, None)
    assert changes(later)["New run", "run_3"] == ("–", "added", None)


@pytest.mark.parametrize(
    ("changed", "likeness"),
    [
        ({}, 3),
        ({"title": "Another"}, 2),
        ({"title": "Another", "report_id": "x"}, 1),
        ({"title": "Another", "report_id": "x", "candidate": "c"}, 1),
        ({"title": "Another", "report_id": "x", "candidate": "c", "runs": ["a", "c", "d"]}, 0),
        ({"title": "Another", "report_id": "x", "candidate": "c", "runs": ["a", "b", "c", "d", "e"]}, 0),
    ],
)
def test_reports_are_about_the_same_by_title_then_folder_then_runs(changed: dict[str, Any], likeness: int) -> None:
    mine = Series("Training run b", False, "b", "b", frozenset({"a", "b"}))
    earlier = {"title": "Training run b", "report_id": "b", "candidate": "b", "runs": ["a", "b", "c"], **changed}
    assert mine.likeness(**earlier) == likeness
    titled = replace(mine, titled=True)
    assert titled.likeness(**earlier) == (likeness if likeness > 1 else 0), "a title that was asked for parts series"


def test_results_with_the_names_of_before_are_still_read(place: Path) -> None:
    path = keep(place, report(place))
    old = json.loads(path.read_text(encoding="utf-8"))
    for part in (old["verdict"], *old["runs"].values()):
        for key in [key for key in part if key.startswith("rules_of_thumb")]:
            assert part.pop(key) == part[key.replace("rules_of_thumb", "document")]
    path.write_text(json.dumps(old), encoding="utf-8")
    later = report(place, date=DATES[1])
    assert (later.previous, later.changes) == (DATES[0], ())


def test_nothing_changed_is_said(place: Path) -> None:
    keep(place, report(place))
    later = report(place, date=DATES[1])
    assert later.changes == ()
    (told,) = history.changes(later)
    assert "Nothing changed since the report of 2025-09-01" in plain(told.text)


def test_a_report_of_the_same_day_is_not_earlier(place: Path) -> None:
    keep(place, report(place))
    assert report(place).previous is None
    assert load_reports(place / "reports", before=report(place).parameters.day) == ()


def test_a_report_that_is_just_being_replaced_counts_once(place: Path) -> None:
    """Beside a report's folder there is for a moment what it was, under a hidden name."""
    path = keep(place, report(place))
    expected = load_reports(place / "reports", before=report(place, date=DATES[1]).parameters.day)
    shutil.copytree(path.parent, place / "reports" / f".{path.parent.name}.x.new")
    assert load_reports(place / "reports", before=report(place, date=DATES[1]).parameters.day) == expected
    assert len(expected) == 1


def test_a_report_that_was_made_again_today_still_counts_as_it_was_before(place: Path) -> None:
    """Which reports of a day are made first makes no difference, nor does making one twice."""
    keep(place, report(place, date=DATES[0]))
    expected = report(place, date=DATES[1], baseline="run_1")
    assert expected.previous == DATES[0]
    standing = place / "reports" / expected.report_id
    for _ in range(2):
        new = write_report(place / "new", expected).parent
        keep_earlier(standing, new)
        shutil.rmtree(standing)
        new.rename(standing)
        again = report(place, date=DATES[1], baseline="run_1")
        assert (again.previous, again.changes) == (expected.previous, expected.changes)


def test_what_is_kept_is_the_newest_of_an_earlier_day(place: Path) -> None:
    """Day of each report that is made in one folder, in turn, and of what it then keeps."""
    made = report(place)
    days = [("01", None), ("01", None), ("02", "01"), ("02", "01"), ("04", "02"), ("03", "02")]
    for number, (day, kept) in enumerate(days):
        new = write_report(place / str(number), made, date=f"2025-09-{day}").parent
        keep_earlier(place / str(number - 1) / made.report_id, new)
        was = load_report(new / EARLIER)
        assert (was and was["date"]) == (kept and f"2025-09-{kept}")


def test_an_explicit_previous_report_wins_and_none_asks_for_none(place: Path) -> None:
    keep(place, report(place))
    old = keep(place, report(place, date="2025-07-07", report_id="old", title="Another title"))
    assert report(place, date=DATES[1], previous=str(old)).previous == "2025-07-07"
    assert report(place, date=DATES[1], previous="none").previous is None
    (told,) = history.changes(report(place, date=DATES[1], previous="none"))
    assert "no earlier report" in plain(told.text)


@pytest.mark.parametrize("content", [None, "no JSON", "[]", "{}", '{"date": "2025-01-01", "runs": {"a": 3}}'])
def test_a_previous_report_that_is_none_is_one_clear_error(place: Path, content: str | None) -> None:
    path = place / "x.json"
    if content is not None:
        path.write_text(content, encoding="utf-8")
    with pytest.raises(UsageError, match=r"'previous': .*x\.json is no results JSON") as error:
        report(place, previous=str(path))
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    "content",
    ["", "{", "[1]", '{"date": "2025-01-01", "report_id": "x", "title": "t", "runs": {"a": {}}, "verdict": {}}'],
)
def test_what_is_no_report_is_passed_over(place: Path, content: str) -> None:
    keep(place, report(place))
    broken = place / "reports" / "broken" / "training_analysis_results.json"
    broken.parent.mkdir()
    broken.write_text(content, encoding="utf-8")
    assert load_report(broken) is None
    assert report(place, date=DATES[1]).previous == DATES[0]


def test_new_and_left_out_runs_are_changes(place: Path) -> None:
    keep(place, report(place))
    write_run(place / "runs", "run_3", log(3), **sidecar(learning_rate_multiplier=0.3))
    later = report(place, "run_1", "run_3", "run_2", date=DATES[1])
    assert changes(later)["New run", "run_3"] == ("–", "added", None)
    keep(place, later, date="2025-09-12")
    last = report(place, date="2025-09-13")
    assert ("Run left out", "run_3") in changes(last)


def test_a_grade_that_moved_within_noise_says_so(place: Path) -> None:
    keep(place, report(place))
    columns = log(2, 600)
    columns["valid_mean_token_accuracy"] = columns["valid_mean_token_accuracy"] * 0.5
    write_run(place / "runs", "run_2", columns, **sidecar(learning_rate_multiplier=1.0))
    assert changes(report(place, date=DATES[1]))["Performance grade", "run_2"][1:] == ("F", False)


def test_data_quality_that_changed_is_told(place: Path) -> None:
    first = report(place)
    findings = [{**f.to_json(), "status": "supported"} for f in first.findings if f.rule == "data.missing"]
    keep(place, first, findings=findings)
    columns = log(2, 600)
    columns["train_loss"][100] = np.inf
    write_run(place / "runs", "run_2", columns, **sidecar(learning_rate_multiplier=1.0))
    later = report(place, date=DATES[1])
    assert changes(later)["Data quality: data.missing", None] == ("supported", "contradicted", None)


def test_the_plan_reads_as_a_sidecar(place: Path) -> None:
    first = report(place)
    planned = yaml.safe_load(first.next_runs[0].to_yaml())
    done = run_as_advised(place, first, log(3, 600))
    run = report(place, *RUNS, done).run(done)
    assert dict(run.config) == planned["config"]
    assert run.expected_steps == planned["expected_steps"]
