"""Kinds of tables and JSON that people publish: which rows are the training's, what is its own run."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from analysis.core.errors import AnalysisError
from analysis.core.run import Run
from analysis.sources import load_runs

EPOCHS = range(1, 7)
LOSSES = [round(2.0 - 0.1 * e, 2) for e in EPOCHS]
VALID = [round(2.5 - 0.1 * e, 2) for e in EPOCHS]
ROWS = list(zip(EPOCHS, LOSSES, VALID, strict=True))
TABLE = "epoch,loss,val_loss\n" + "".join(f"{e},{t},{v}\n" for e, t, v in ROWS)


def read(folder: Path, text: str, name: str = "log.csv") -> tuple[Run, ...]:
    path = folder / name
    path.write_text(text)
    return load_runs([str(path)], runs_dir=folder)


def is_whole(run: Run) -> bool:
    """True if a run has just the rows that were logged."""
    return (
        run.frame["step"].tolist() == list(EPOCHS)
        and run.frame["train_loss"].tolist() == LOSSES
        and run.frame["full_valid_loss"].tolist() == VALID
    )


@pytest.mark.parametrize("summary", ["mean,1.5,2.0\n", "Average,1.5,2.0\nbest,1.4,1.9\n", "std,0.1,0.1\n"])
def test_a_summary_below_the_rows_is_no_row(summary: str, tmp_path: Path) -> None:
    """Its value would be the final one."""
    (run,) = read(tmp_path, TABLE + summary)
    assert is_whole(run)
    (lost,) = run.provenance.dropped
    assert (lost.count, lost.reason) == (summary.count("\n"), "a summary, which says so in 'epoch'")


@pytest.mark.parametrize(
    "text",
    [
        TABLE.replace("\n", ",\n").replace("val_loss,", "val_loss"),
        "sep=,\n" + TABLE,
        TABLE.replace("epoch", "# epoch"),
    ],
)
def test_tables_as_other_programs_write_them(text: str, tmp_path: Path) -> None:
    """With a comma at the end of each row, a word for spreadsheets, the header in a comment."""
    (run,) = read(tmp_path, text)
    assert is_whole(run)


def test_a_table_whose_columns_are_the_steps_is_refused(tmp_path: Path) -> None:
    with pytest.raises(AnalysisError, match="its columns are the steps; turn it"):
        read(tmp_path, "epoch,1,2,3\ntrain_loss,2.0,1.9,1.8\nval_loss,2.1,2.0,1.9\n")


def test_rows_under_named_epochs(tmp_path: Path) -> None:
    rows = {f"epoch_{e}": {"train_loss": t, "val_loss": v} for e, t, v in ROWS}
    (run,) = read(tmp_path, json.dumps(rows), "log.json")
    assert is_whole(run)


def test_results_by_fold_are_no_columns(tmp_path: Path) -> None:
    with pytest.raises(AnalysisError, match="settings or a summary, not a log of steps"):
        read(tmp_path, json.dumps({f"fold_{k}": {"loss": 0.5, "acc": 0.9} for k in (1, 2)}), "results.json")


def test_histories_of_several_models_are_several_runs(tmp_path: Path) -> None:
    histories = {"small": {"loss": LOSSES, "val_loss": VALID}, "large": {"loss": LOSSES[:4], "val_loss": VALID[:4]}}
    small, large = read(tmp_path, json.dumps(histories), "log.json")
    assert (small.id, large.id) == ("small", "large")
    assert small.frame["full_valid_loss"].tolist() == VALID
    assert large.frame["full_valid_loss"].tolist() == VALID[:4]


def test_lists_of_training_and_validation_are_one_run(tmp_path: Path) -> None:
    (run,) = read(tmp_path, json.dumps({"train": {"loss": LOSSES}, "val": {"loss": VALID}}), "log.json")
    assert is_whole(run)


def test_settings_above_and_results_below_the_rows_of_json_lines(tmp_path: Path) -> None:
    rows: list[dict[str, object]] = [{"config": {"lr": 0.1, "seed": 3}}]
    rows += [{"epoch": e, "loss": t, "val_loss": v} for e, t, v in ROWS]
    (run,) = read(tmp_path, "\n".join(map(json.dumps, [*rows, {"test_acc": 0.9}])), "log.jsonl")
    assert is_whole(run)
    assert run.config == {"lr": 0.1, "seed": 3}
    assert run.frame["test_acc"].dropna().to_dict() == {len(ROWS) - 1: 0.9}


def test_metrics_of_train_and_validation_below_one_key(tmp_path: Path) -> None:
    rows = [{"step": e, "metrics": {"train": {"loss": t}, "val": {"loss": v}}} for e, t, v in ROWS]
    (run,) = read(tmp_path, "\n".join(map(json.dumps, rows)), "log.jsonl")
    assert is_whole(run)


@pytest.mark.parametrize(
    ("text", "steps", "losses"),
    [
        ("step;loss\n1.000;2,50\n2.000;2,1\n", [1000, 2000], [2.5, 2.1]),
        ("step;loss\n900;2,50\n1.000;1.234,5\n", [900, 1000], [2.5, 1234.5]),
        ("step;loss\n1.000;2,512\n2.000;2,105\n", [1000, 2000], [2.512, 2.105]),
        ('"step","loss","acc"\n"1.000","2,512","0,5"\n"2.000","2,105","0,6"\n', [1000, 2000], [2.512, 2.105]),
        ("step;loss\n1 000;2,50\n2 000;2,1\n", [1000, 2000], [2.5, 2.1]),
        ("step;loss\n1'000;2.50\n2'000;2.1\n", [1000, 2000], [2.5, 2.1]),
        ("step;loss\n1.000.000;2.512\n2.000.000;2.105\n", [1e6, 2e6], [2.512, 2.105]),
        ("step;loss\n1.000;2.50\n2.000;2.1\n", [1, 2], [2.5, 2.1]),
    ],
)
def test_thousands_and_decimals_are_told_by_the_whole_table(
    text: str, steps: list[float], losses: list[float], tmp_path: Path
) -> None:
    """As spreadsheets write them in much of Europe; how it was read is said."""
    (run,) = read(tmp_path, text)
    assert run.steps_of("train_loss").tolist() == steps
    assert run.series("train_loss").tolist() == losses
    assert any("'step'" in note for note in run.notes)


def test_a_search_of_scikit_learn_is_a_list_of_runs(tmp_path: Path) -> None:
    """A row of ``cv_results_`` is a setting, no step; the mean over the folds counts."""
    sklearn = pytest.importorskip("sklearn.model_selection")
    linear, pandas = pytest.importorskip("sklearn.linear_model"), pytest.importorskip("pandas")
    x = [[float(k % 7), float(k % 3)] for k in range(60)]
    search = sklearn.GridSearchCV(linear.Ridge(), {"alpha": [0.1, 10.0]}, cv=3, return_train_score=True)
    search.fit(x, [a + b for a, b in x])
    pandas.DataFrame(search.cv_results_).to_csv(tmp_path / "search.csv")
    runs = load_runs(["search.csv"], runs_dir=tmp_path)
    assert [dict(run.config) for run in runs] == [{"alpha": 0.1}, {"alpha": 10}]
    assert [run.series("mean_test_score").tolist() for run in runs] == [
        [v] for v in search.cv_results_["mean_test_score"]
    ]
    assert all(set(run.metrics) == {"mean_test_score", "mean_train_score"} for run in runs)
