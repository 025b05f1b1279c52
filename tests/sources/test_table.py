"""Any table: delimiters, axes, names, several runs in one file, Parquet, and limits before memory."""

from __future__ import annotations

import builtins
import gzip
import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from analysis.core.errors import LogError, MissingExtra, UsageError
from analysis.core.run import Run
from analysis.sources import load_runs, resolve
from analysis.sources.delimited import read_delimited
from analysis.sources.metric_aliases import common, plain, standard_names
from analysis.sources.table_layout import sniff

VALUES = [(1, 0.5, 0.9), (2, 0.25, 0.8), (5, 0.125, 0.7)]


def only(path: Path, columns: dict[str, str] | None = None) -> Run:
    """Resolve a path that leads to one run."""
    (run,) = resolve(str(path), runs_dir=Path("no-such-folder"), columns=columns)
    return run


@pytest.mark.parametrize("delimiter", [",", "\t", ";", "|"])
@pytest.mark.parametrize("ending", [".csv", ".tsv", ".csv.gz"])
def test_a_table_reads_with_any_delimiter(tmp_path: Path, delimiter: str, ending: str) -> None:
    """The delimiter is told from the header, whatever the file is called."""
    lines = [delimiter.join(("iteration", "loss", "foo"))] + [delimiter.join(map(str, row)) for row in VALUES]
    content = "\n".join(lines).encode()
    path = tmp_path / f"log{ending}"
    path.write_bytes(gzip.compress(content) if ending.endswith("gz") else content)
    run = only(path)
    assert run.id == "log"
    assert run.steps.tolist() == [1, 2, 5]
    assert run.series("train_loss").tolist() == [0.5, 0.25, 0.125]
    assert run.series("foo").tolist() == [0.9, 0.8, 0.7]


def test_the_users_column_mapping_wins_over_the_table(tmp_path: Path) -> None:
    """What the user names is the step and the loss, even where other columns have those names."""
    path = tmp_path / "a.csv"
    path.write_text("step,loss,n,mine\n1,9,10,0.5\n2,8,20,0.4\n")
    run = only(path, {"step": "n", "train_loss": "mine"})
    assert run.steps.tolist() == [10, 20]
    assert run.series("train_loss").tolist() == [0.5, 0.4]
    assert run.series("loss").tolist() == [9.0, 8.0]


@pytest.mark.parametrize("columns", [{"step": "nope"}, {"train_loss": "nope"}, {"timestamp": "nope"}])
def test_a_mapping_to_a_column_that_is_not_there_lists_those_that_are(tmp_path: Path, columns: dict[str, str]) -> None:
    """A slip in the mapping is corrected by the message."""
    path = tmp_path / "a.csv"
    path.write_text("iter,my_loss\n1,0.5\n")
    with pytest.raises(
        LogError, match=r"a\.csv: columns says '.*: nope', but there is no .*iter, my_loss|step, my_loss"
    ):
        only(path, columns)


def test_without_a_step_column_rows_or_epochs_count_and_the_run_says_so(tmp_path: Path) -> None:
    """Whole rising epochs are steps; anything else is counted by rows, with what to write in a note."""
    path = tmp_path / "a.csv"
    path.write_text("foo,loss\n7,0.5\n9,0.4\n")
    run = only(path)
    assert run.steps.tolist() == [1, 2]
    assert any("columns: {step: <column>}" in note for note in run.notes)
    path.write_text("epoch,error,loss\n3,1,0.5\n4,1,0.4\n")
    assert only(path, {"train_loss": "error"}).steps.tolist() == [3, 4]


def test_several_runs_in_one_table_are_several_runs(tmp_path: Path) -> None:
    """A column of run names splits the table; settings are those of each part."""
    path = tmp_path / "sweep.csv"
    path.write_text("run_name,step,loss,lr,batch_size\na,1,0.5,0.1,8\nb,1,0.6,0.2,16\na,2,0.4,0.1,8\nb,2,0.5,0.2,16\n")
    a, b = resolve(str(path), runs_dir=Path("no-such-folder"))
    assert (a.id, b.id) == ("a", "b")
    assert a.series("train_loss").tolist() == [0.5, 0.4]
    assert (a.factor("learning_rate"), b.factor("learning_rate")) == (0.1, 0.2)
    assert (a.factor("batch_size"), b.factor("batch_size")) == (8, 16)


def test_numeric_timestamps_are_read_by_their_size(tmp_path: Path) -> None:
    """Seconds and milliseconds since 1970 are the same moment; a small number is no clock."""
    moment = pd.Timestamp("2025-03-01T12:00:00Z")
    for factor in (1, 1000):
        path = tmp_path / f"t{factor}.csv"
        path.write_text(f"step,loss,timestamp\n1,0.5,{int(moment.timestamp() * factor)}\n")
        assert only(path).frame["timestamp"].iloc[0] == moment
    (tmp_path / "t.csv").write_text("step,loss,time\n1,0.5,12.5\n")
    assert "time" in only(tmp_path / "t.csv").metrics


def test_a_header_that_a_restarted_run_wrote_again_is_passed_over(tmp_path: Path) -> None:
    """A script that appends writes its header once more; the rows after it replace those of the same steps."""
    path = tmp_path / "run.csv"
    path.write_text("step, train_loss\n1,0.9\n2,0.8\n3,#N/A\nstep, train_loss\n2,0.7\n3,0.6\n")
    run = only(path)
    assert run.steps.tolist() == [1, 2, 3]
    assert run.series("train_loss").tolist() == [0.9, 0.7, 0.6]
    assert run.seams == (2,)
    assert [(lost.column, lost.count) for lost in run.provenance.dropped] == [("row", 1), ("train_loss", 1)]
    assert "header" in run.provenance.dropped[0].reason


def test_text_that_turns_up_late_costs_its_cell_but_not_the_run(tmp_path: Path) -> None:
    """In a column nobody asked for it is left out and recorded; a loss with text in it is an error."""
    path = tmp_path / "a.csv"
    rows = "".join(f"{k},0.5,1\n" for k in range(1, 1001))
    path.write_text(f"step,loss,foo\n{rows}1001,0.5,text\n")
    run = only(path)
    assert run.series("foo").size == 1000
    (lost,) = run.provenance.dropped
    assert (lost.column, lost.count, lost.reason) == ("foo", 1, "text where numbers are, first in line 1002")
    path.write_text(f"step,loss,foo\n{rows}1001,text,1\n")
    with pytest.raises(LogError, match=r"a\.csv:1002: 'loss' must be a number, got 'text'"):
        only(path)


def test_a_row_too_long_is_found_even_where_columns_are_left_out(tmp_path: Path) -> None:
    """pandas passes over such rows when it reads a selection, and would shift the values."""
    path = tmp_path / "a.csv"
    rows = "".join(f"{k},0.5,note\n" for k in range(1, 1001))
    path.write_text(f"step,loss,remark\n{rows}1001,0,5,note\n")
    with pytest.raises(LogError, match=r"a\.csv:1002: 4 fields where the header has 3"):
        only(path)


def test_a_percentage_does_not_pass_for_a_fraction(tmp_path: Path) -> None:
    """Accuracies above 1 keep their own name, and the run says why."""
    path = tmp_path / "a.csv"
    path.write_text("step,loss,val_acc\n1,0.5,71.5\n2,0.4,80\n")
    run = only(path)
    assert "full_valid_mean_token_accuracy" not in run.metrics
    assert run.series("val_acc").tolist() == [71.5, 80.0]
    assert any("no fraction" in note for note in run.notes)


@pytest.mark.parametrize(
    ("values", "kept"),
    [
        ((71.5, 80), "full_valid_mean_token_accuracy"),
        ((71, 80), "val_acc"),
        ((0.9, 1.02), "val_acc"),
        ((-1.5, 7.5), "val_acc"),
    ],
)
def test_beside_a_fraction_a_certain_percentage_becomes_one(
    tmp_path: Path, values: tuple[float, float], kept: str
) -> None:
    """Whole numbers may count right answers, and what is no share stays."""
    (tmp_path / "a.csv").write_text(f"step,loss,val_acc\n1,0.5,{values[0]}\n2,0.4,{values[1]}\n")
    (tmp_path / "b.csv").write_text("step,loss,val_acc\n1,0.5,0.7\n2,0.4,0.8\n")
    run, _ = load_runs([str(tmp_path / "a.csv"), str(tmp_path / "b.csv")], runs_dir=tmp_path)
    assert kept in run.metrics
    scale = 1 if kept == "val_acc" else 100
    assert (scale * run.series(kept)).tolist() == pytest.approx([*values])


def test_a_gzip_bomb_stops_at_the_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A few kilobytes that unpack to far more are refused by the setting's name, not by the kernel."""
    monkeypatch.setenv("RUN_REPORTS_MAX_LOG_MB", "1")
    path = tmp_path / "bomb.csv.gz"
    path.write_bytes(gzip.compress(b"step,loss\n" + b"1,0.5\n" * 500_000))
    assert path.stat().st_size < 20_000
    with pytest.raises(LogError, match="more than the limit of 1 MB; set RUN_REPORTS_MAX_LOG_MB"):
        only(path)


@pytest.mark.parametrize(("name", "row"), [("a.csv", "1,0.5\n"), ("a.jsonl", '{"step": 1, "loss": 0.5}\n')])
def test_too_many_cells_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, row: str) -> None:
    """Rows are counted before, or while, their columns are built."""
    monkeypatch.setenv("RUN_REPORTS_MAX_CELLS", "1000")
    (tmp_path / name).write_text(("step,loss\n" if name == "a.csv" else "") + row * 9000)
    with pytest.raises(LogError, match="set RUN_REPORTS_MAX_CELLS"):
        only(tmp_path / name)


@pytest.mark.parametrize("value", ["0", "-1", "many", "1.5"])
def test_a_limit_must_be_a_number(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    """A slip in the environment is said, not ignored."""
    monkeypatch.setenv("RUN_REPORTS_MAX_LOG_MB", value)
    (tmp_path / "a.csv").write_text("step,loss\n1,0.5\n")
    with pytest.raises(UsageError, match="RUN_REPORTS_MAX_LOG_MB must be a whole number"):
        only(tmp_path / "a.csv")


def test_parquet_reads_as_pandas_wrote_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Values, times and run names survive; the number of cells is checked from the metadata."""
    pytest.importorskip("pyarrow", reason="pyarrow is not installed")
    frame = pd.DataFrame(
        {
            "step": [1, 2, 3],
            "loss": [0.5, np.inf, 0.25],
            "eval_loss": [None, 0.75, None],
            "timestamp": pd.to_datetime(["2025-01-01", "2025-01-02", "2025-01-03"], utc=True),
        }
    )
    path = tmp_path / "a.parquet"
    frame.to_parquet(path)
    run = only(path)
    assert run.series("train_loss").tolist() == [0.5, 0.25]
    assert run.nonfinite == {"train_loss": (2,)}
    assert run.steps_of("full_valid_loss").tolist() == [2]
    assert run.frame["timestamp"].tolist() == frame["timestamp"].tolist()
    monkeypatch.setenv("RUN_REPORTS_MAX_CELLS", "5")
    with pytest.raises(LogError, match="set RUN_REPORTS_MAX_CELLS"):
        only(path)


def test_a_parquet_bomb_is_refused_before_it_is_unpacked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows and texts that take no room in the file are counted in its footer and its dictionary."""
    pa = pytest.importorskip("pyarrow", reason="pyarrow is not installed: pip install -e '.[parquet]'")
    pq = pytest.importorskip("pyarrow.parquet")
    rows, path = 100_000, tmp_path / "a.parquet"
    same = pa.array(np.full(rows, 0.5))
    text = pa.DictionaryArray.from_arrays(np.zeros(rows, dtype=np.int32), pa.array(["x" * 100_000]))
    pq.write_table(pa.table({"step": pa.array(np.arange(rows)), "loss": same, "timestamp": text}), path)
    with pytest.raises(LogError, match="'timestamp' has texts of more than 1000 characters"):  # 10 GB of them
        only(path)
    pq.write_table(pa.table({"step": same, "loss": same}), path, compression="zstd")
    assert path.stat().st_size < 5000
    monkeypatch.setenv("RUN_REPORTS_MAX_CELLS", "199999")
    with pytest.raises(LogError, match="200,000 cells is more than the limit"):
        only(path)


def test_parquet_without_pyarrow_names_the_pip_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An optional package is asked for when it is needed, and by name."""
    importer = builtins.__import__

    def without(name: str, *args: Any, **kwargs: Any) -> Any:
        if name.split(".")[0] == "pyarrow":
            raise ImportError(name)
        return importer(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", without)
    monkeypatch.setattr("analysis.sources.parquet.import_module", without)
    (tmp_path / "a.parquet").write_bytes(b"PAR1" + b"\0" * 40 + b"PAR1")
    with pytest.raises(MissingExtra, match=r"pip install 'run-reports\[parquet\]'"):
        only(tmp_path / "a.parquet")


def test_names_of_the_table_are_in_the_form_in_which_they_are_compared() -> None:
    """An entry that could never match would be dead."""
    for candidates in common().values():
        assert all(plain(name) == name for name in candidates)
    flat = [name for candidates in common().values() for name in candidates]
    assert len(flat) == len(set(flat))


def test_every_standard_name_stays_itself() -> None:
    """A log that already speaks the standard is not renamed."""
    for standard in common():
        assert standard_names([standard], source="table", chosen={}) == {standard: standard}


def test_no_two_columns_get_one_name(tmp_path: Path) -> None:
    """The best name wins; the other column keeps its own, also where that is the one taken."""
    path = tmp_path / "a.jsonl"
    rows = [{"step": k, "loss": float(k), "grad": 1.0} for k in range(1, 9)] + [{"step": 9, "train_loss": 99.0}]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    run = only(path)
    assert run.series("train_loss").tolist() == [float(k) for k in range(1, 9)]
    assert run.series("train_loss (log)").tolist() == [99.0]


def test_times_that_cannot_be_read_are_counted_wherever_they_stand(tmp_path: Path) -> None:
    """The fast parser gives up on such a column; the values that are times must survive it."""
    path = tmp_path / "a.csv"
    rows = [f"{k},0.5,2025-01-01T00:{k // 60:02d}:{k % 60:02d}.1234567Z\n" for k in range(1, 1201)]
    rows[1000] = "1001,0.5,soon\n"
    rows[500] = "501,0.5,\n"
    path.write_text("step,loss,timestamp\n" + "".join(rows))
    run = only(path)
    assert run.frame["timestamp"].iloc[0] == pd.Timestamp("2025-01-01T00:00:01.1234567Z")
    assert run.frame["timestamp"].isna().sum() == 2
    assert [(d.column, d.count) for d in run.provenance.dropped] == [("timestamp", 1)]


def test_words_among_numbers_are_read_at_once_and_exactly(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A written NaN counts as infinite, a word for "not logged" as a gap; no row is read by itself."""
    words = {"": math.nan, "NA": math.nan, "None": math.nan, "-": math.nan, "nan": math.inf, "NaN": math.inf}
    words |= {"inf": math.inf, "-inf": math.inf, "1e400": math.inf, " nan": math.inf, "0.1": 0.1}
    rng = np.random.default_rng(0)
    cells = np.where(rng.random(2000) < 0.5, rng.choice(list(words), 2000), rng.normal(size=2000).astype(str))
    path = tmp_path / "a.csv"
    path.write_text("step,loss\n" + "".join(f"{step},{cell}\n" for step, cell in enumerate(cells)))
    monkeypatch.setattr("analysis.sources.delimited._slow", None)
    layout = sniff(path)
    assert layout is not None
    read = read_delimited(path, layout, numbers=["step", "loss"], step="step")
    np.testing.assert_array_equal(read.frame["loss"], [words[cell] if cell in words else float(cell) for cell in cells])
    assert (read.lines, read.dropped) == (2001, ())
