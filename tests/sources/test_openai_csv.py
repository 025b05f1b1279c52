"""The results CSV of fine-tuning jobs: three layouts, and everything that real files have been seen to do."""

from __future__ import annotations

import base64
import csv
import gzip
import io
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from analysis.core.errors import LogError
from analysis.core.run import Run
from analysis.sources import resolve

LAYOUT_A = "step,train_loss,train_accuracy,valid_loss,valid_mean_token_accuracy"
LAYOUT_B = (
    "step,train_loss,train_mean_token_accuracy,train_error_rate,valid_loss,valid_mean_token_accuracy,"
    "valid_error_rate,full_valid_loss,full_valid_mean_token_accuracy,full_valid_error_rate,timestamp"
)
LAYOUT_C = (
    "step,elapsed_tokens,elapsed_examples,training_loss,training_sequence_accuracy,training_token_accuracy,"
    "validation_loss,validation_sequence_accuracy,validation_token_accuracy,classification/f1.0"
)


def write(folder: Path, text: str, name: str = "run_1.csv", encoding: str = "utf-8") -> Path:
    """Write a log byte for byte, line ends as they are."""
    path = folder / name
    path.write_bytes(text.encode(encoding))
    return path


def only(reference: Path | str, runs_dir: Path | None = None) -> Run:
    """Resolve a reference that leads to one run."""
    runs = resolve(str(reference), runs_dir=runs_dir or Path("no-such-folder"))
    assert len(runs) == 1
    return runs[0]


def simply_read(text: str) -> dict[str, list[float]]:
    """Read a CSV with the csv module alone: an oracle that shares no code with the reader."""
    rows = list(csv.DictReader(io.StringIO(text)))
    return {name: [float(row[name]) if row[name] else np.nan for row in rows] for name in rows[0]}


def test_layout_b_keeps_every_value_and_parses_seven_fractional_digits(tmp_path: Path) -> None:
    """Sparse validation columns stay sparse; the timestamp is UTC to the last digit."""
    first = "1,0.5,0.75,,,,,,,,2025-09-11T18:07:08.7700001Z\n"
    second = "2,0.25,,,0.125,0.5,,0.3,0.9,,2025-09-11T18:07:13.2620000Z\n"
    run = only(write(tmp_path, f"{LAYOUT_B}\n{first}{second}"))
    assert run.provenance.source == "openai csv"
    assert list(run.steps) == [1, 2]
    assert run.series("train_loss").tolist() == [0.5, 0.25]
    assert run.steps_of("full_valid_loss").tolist() == [2]
    assert run.series("full_valid_mean_token_accuracy").tolist() == [0.9]
    assert run.frame["timestamp"].iloc[0] == pd.Timestamp("2025-09-11T18:07:08.7700001Z")
    assert run.provenance.renamed == {}


def test_layout_a_maps_its_accuracy_and_keeps_empty_validation_columns(tmp_path: Path) -> None:
    """A wholly empty validation column is no metric of the run."""
    run = only(write(tmp_path, f"{LAYOUT_A}\n1,0.5,0.75,,\n2,0.4,,,\n"))
    assert run.metrics == ("train_loss", "train_mean_token_accuracy")
    assert run.provenance.renamed == {"train_accuracy": "train_mean_token_accuracy"}
    assert run.steps_of("train_mean_token_accuracy").tolist() == [1]


def test_layout_c_maps_the_legacy_names(tmp_path: Path) -> None:
    """Legacy minibatch validation is minibatch validation, not a full one."""
    run = only(write(tmp_path, f"{LAYOUT_C}\n1,100,8,1.5,0.1,0.2,1.25,0.3,0.4,0.5\n"))
    values = {name: run.series(name).tolist() for name in run.metrics}
    assert values["train_loss"] == [1.5]
    assert values["train_mean_token_accuracy"] == [0.2]
    assert values["valid_loss"] == [1.25]
    assert values["valid_mean_token_accuracy"] == [0.4]
    assert values["classification/f1.0"] == [0.5]
    assert "full_valid_loss" not in values


PLAIN = f"{LAYOUT_A}\n1,0.5,0.75,0.6,0.5\n2,0.4,0.8,,\n3,0.3,1e-1,0.2,0.25\n"


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(PLAIN.encode(), id="plain"),
        pytest.param(PLAIN.replace("\n", "\r\n").encode(), id="CRLF"),
        pytest.param(PLAIN.rstrip("\n").encode(), id="no final newline"),
        pytest.param(b"\xef\xbb\xbf" + PLAIN.encode(), id="BOM"),
        pytest.param(PLAIN.encode("utf-16"), id="UTF-16"),
        pytest.param(b"\xfe\xff" + PLAIN.encode("utf-16-be"), id="UTF-16 big-endian"),
        pytest.param(base64.b64encode(PLAIN.encode()), id="base64"),
        pytest.param(base64.encodebytes(PLAIN.encode()), id="base64 in lines"),
        pytest.param(gzip.compress(PLAIN.encode()), id="gzip"),
        pytest.param(PLAIN.replace("\n2,", "\n\n2,").encode(), id="blank line"),
    ],
)
def test_the_same_log_reads_the_same_however_it_is_wrapped(tmp_path: Path, content: bytes) -> None:
    """Line ends, byte order marks, encodings and packing change no value."""
    path = tmp_path / "step_metrics (1).csv"
    path.write_bytes(content)
    run = only(path)
    expected = simply_read(PLAIN)
    assert run.id == "step_metrics (1)"
    assert run.provenance.size_bytes == len(content)
    for name in ("step", "train_loss", "valid_loss", "valid_mean_token_accuracy"):
        np.testing.assert_array_equal(run.frame[name].to_numpy(dtype=float), expected[name])


@pytest.mark.parametrize("written", ["nan", "NaN", "inf", "-inf", "Infinity", "-nan"])
def test_a_value_logged_as_not_finite_is_counted_and_not_taken_for_a_gap(tmp_path: Path, written: str) -> None:
    """A written nan is a diverged step; a blank is a step without the metric."""
    run = only(write(tmp_path, f"{LAYOUT_A}\n1,0.5,,,\n2,{written},,,\n3,0.4,,,\n4,,,,\n"))
    assert run.nonfinite == {"train_loss": (2,)}
    assert run.series("train_loss").tolist() == [0.5, 0.4]
    assert len(run.frame) == 4


def test_values_are_those_that_python_reads(tmp_path: Path) -> None:
    """The fast parser must not lose the last digit: comparisons at a threshold depend on it."""
    rng = np.random.default_rng(7)
    texts = [repr(float(value)) for value in rng.normal(size=3000)] + ["1e-320", "0.1", "123456789.123456789"]
    rows = "".join(f"{step},{text},,,\n" for step, text in enumerate(texts, start=1))
    run = only(write(tmp_path, f"{LAYOUT_A}\n{rows}"))
    assert run.series("train_loss").tolist() == [float(text) for text in texts]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "run_1.csv: the file is empty"),
        ("\r\n \n", "run_1.csv: the file is empty"),
        (f"{LAYOUT_A}\n", "run_1.csv: no data rows"),
        (f"{LAYOUT_A}\n1,0.5,,,\n\n2,oops,,,\n", "run_1.csv:4: 'train_loss' must be a number, got 'oops'"),
        (f'{LAYOUT_A}\n1,"0.5",,,\n2,"0,5",,,\n', "run_1.csv:3: 'train_loss' must be a number, got '0,5'"),
        (f"{LAYOUT_A}\n1,0,5,,,\n", "run_1.csv:2: 6 fields where the header has 5 (decimal commas?"),
        (f"{LAYOUT_A}\nfirst,0.5,,,\n", "run_1.csv:2: 'step' must be a number, got 'first'"),
        (f"{LAYOUT_A}\n,0.5,,,\n", "run_1.csv: column 'step' holds no number"),
        ("step,timestamp\n1,2025-01-01T00:00:00Z\n", "run_1.csv: no loss or other metric column"),
        ("one line of prose\n", "run_1.csv: no source knows this file"),
    ],
)
def test_bad_content_gets_one_line_with_the_place(tmp_path: Path, text: str, message: str) -> None:
    """The file's own line number, what was found and what to do; never a traceback of pandas."""
    path = write(tmp_path, text)
    with pytest.raises(LogError) as caught:
        only(path)
    assert str(caught.value).startswith(str(tmp_path / message.split(":")[0]))
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_the_line_is_right_far_behind_what_was_sampled(tmp_path: Path) -> None:
    """Trouble after thousands of good rows is found by the slow reading, at its true line."""
    rows = "".join(f"{step},0.5,,,\n" for step in range(1, 3001))
    with pytest.raises(LogError, match=r"run_1\.csv:3002: 'train_loss' must be a number, got 'late'"):
        only(write(tmp_path, f"{LAYOUT_A}\n{rows}3001,late,,,\n"))
    with pytest.raises(LogError, match=r"run_1\.csv:3002: 6 fields where the header has 5"):
        only(write(tmp_path, f"{LAYOUT_A}\n{rows}3001,0,5,,,\n"))


def test_a_row_cut_off_by_a_killed_writer_is_left_out_and_recorded(tmp_path: Path) -> None:
    """The half-written number of a last line must not be taken for a measurement."""
    run = only(write(tmp_path, f"{LAYOUT_A}\n1,0.5,0.75,,\n2,0.4,0.8,,\n3,0.0"))
    assert list(run.steps) == [1, 2]
    assert [(d.column, d.count) for d in run.provenance.dropped] == [("row", 1)]


def test_a_binary_file_is_refused(tmp_path: Path) -> None:
    """No source takes arbitrary bytes for a log."""
    path = tmp_path / "run_1.csv"
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 20)
    with pytest.raises(LogError, match=r"run_1\.csv: a binary file"):
        only(path)


def test_a_repeated_step_keeps_the_last_row_and_marks_the_seam(tmp_path: Path) -> None:
    """A resumed run logs steps again; the later values count and nothing is differenced across."""
    run = only(write(tmp_path, f"{LAYOUT_A}\n1,0.5,,,\n2,0.4,,,\n3,0.3,,,\n2,0.9,,,\n3,0.8,,,\n4,0.7,,,\n"))
    assert run.series("train_loss").tolist() == [0.5, 0.9, 0.8, 0.7]
    assert run.seams == (2,)
    assert [(d.count, d.reason) for d in run.provenance.dropped] == [(2, "rows replaced by a restart at step 2")]
