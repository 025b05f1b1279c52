"""A large delimited log is read in parts: what comes out is what the whole gives, wherever the cuts fall."""

from __future__ import annotations

import gzip
import io
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from analysis.errors import LogError
from analysis.schema import Run
from analysis.sources import _parts, delimited, hashing, resolve

SIZES = [60, 61, 64, 97, 150, 400, 5000]


@pytest.fixture(params=SIZES)
def cut(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Callable[[Path], Run]:
    """Return a reader that takes every file in parts of so many bytes."""

    def read(path: Path) -> Run:
        with monkeypatch.context() as small:
            small.setattr(_parts, "BLOCK", request.param)
            small.setattr(delimited, "LARGE", 0)
            return resolve(str(path), runs_dir=path.parent)[0]

    return read


def rows(n: int = 60, *, end: str = "\n") -> str:
    """Write a log with a sparse, a late and a wholly empty column, and times that are blank for long stretches."""
    lines = ["step,loss,valid_loss,late,nothing,timestamp"]
    for step in range(1, n + 1):
        valid = f"{1 / step:.6f}" if step % 7 == 0 else ""
        late = f"{step * 1.5}" if step > 40 else ""
        stamp = f"2025-09-11T18:07:{step % 60:02d}.7700000Z" if step < 20 or step > 50 else ""
        lines.append(f"{step},{np.sin(step):.6f},{valid},{late},,{stamp}")
    return end.join(lines) + end


def same(run: Run, path: Path) -> None:
    """Hold a run against the file read whole."""
    whole = resolve(str(path), runs_dir=path.parent)[0]
    pd.testing.assert_frame_equal(run.frame, whole.frame)
    assert replace(run.provenance, sha256="") == replace(whole.provenance, sha256="")
    assert len(run.frame) >= 60


@pytest.mark.parametrize(
    "content",
    [
        rows(),
        rows(end="\r\n"),
        rows(end="\r"),
        rows().rstrip("\n"),
        rows().rstrip("\n") + "\n\n\n",
        "# made by hand\n\n" + rows(),
        rows().replace("\n30,", "\n\n\n30,"),
        rows().replace("0.142857", '"0.142857"'),
        rows().replace(",", "\t"),
        "\ufeff" + rows(),
    ],
    ids=["plain", "crlf", "cr", "no final newline", "blank end", "comment", "blank rows", "quotes", "tabs", "mark"],
)
def test_parts_give_what_the_whole_gives(tmp_path: Path, content: str, cut: Callable[[Path], Run]) -> None:
    """Every column, every row and the provenance agree, for any size of the parts."""
    path = tmp_path / "log.csv"
    path.write_bytes(content.encode())
    same(cut(path), path)


def test_only_a_log_that_cannot_be_cut_is_read_whole(
    tmp_path: Path, cut: Callable[[Path], Run], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A quote may hold a line end, and a blank line is no row; anything else goes to two parsers."""
    whole: list[object] = []
    read_whole = delimited.read_whole
    monkeypatch.setattr(delimited, "read_whole", lambda *given: whole.append(given) or read_whole(*given))
    path = tmp_path / "log.csv"
    for content, expected in ((rows(), 0), (rows(end="\r\n"), 0), (rows().replace("\n30,", "\n\n30,"), 1)):
        path.write_bytes(content.encode())
        whole.clear()
        assert len(cut(path).frame) >= 60
        assert len(whole) == expected


def test_a_compressed_or_wide_log_is_cut_as_well(tmp_path: Path, cut: Callable[[Path], Run]) -> None:
    """Gzip is unpacked before it is cut; UTF-16, where a line end is two bytes, is read whole."""
    packed, wide = tmp_path / "packed.csv.gz", tmp_path / "wide.csv"
    packed.write_bytes(gzip.compress(rows().encode()))
    wide.write_bytes(rows().encode("utf-16"))
    same(cut(packed), packed)
    same(cut(wide), wide)


@pytest.mark.parametrize("line", [2, 3, 17, 18, 19, 45, 61])
@pytest.mark.parametrize("row", ["5,0.5,,,,,7", "5,much,,,,"])
def test_what_is_wrong_is_named_by_its_line_in_the_file(
    tmp_path: Path, cut: Callable[[Path], Run], line: int, row: str
) -> None:
    """A row too long, or text for a loss, wherever it lies in a part."""
    lines = rows().splitlines()
    lines[line - 1] = row
    path = tmp_path / "log.csv"
    path.write_text("\n".join(lines) + "\n")
    with pytest.raises(LogError, match=rf"log\.csv:{line}: "):
        cut(path)


def test_a_row_too_long_at_the_start_of_a_part_is_not_cut_short(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """There a parser would take its first field for an index; it lies behind the rows that are looked at first."""
    lines = ["step,loss", *(f"{step},0.25" for step in range(1000, 2000))]
    lines[700] = "1700,0.25,7"
    path = tmp_path / "log.csv"
    path.write_text("\n".join(lines) + "\n")
    monkeypatch.setattr(delimited, "LARGE", 0)
    for size in (10, 20, 30, 70, 100, 699, 700, 1000):
        monkeypatch.setattr(_parts, "BLOCK", size)
        with pytest.raises(LogError, match=r"log\.csv:701: 3 fields"):
            resolve(str(path), runs_dir=tmp_path)


@pytest.mark.parametrize(
    ("cell", "kept", "lost"),
    [("1700.0", 1000, 0), ("1.7e3", 1000, 0), ("", 999, 1), (" 1700", 1000, 0), ("nan", 999, 1)],
)
@pytest.mark.parametrize("large", [False, True])
def test_a_step_that_is_not_written_as_a_whole_number_is_read_all_the_same(
    tmp_path: Path, cell: str, kept: int, lost: int, large: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It stands behind the rows that are looked at first, where steps looked like whole numbers."""
    lines = ["step,loss", *(f"{step},0.25" for step in range(1000, 2000))]
    lines[701] = f"{cell},0.5"
    path = tmp_path / "log.csv"
    path.write_text("\n".join(lines) + "\n")
    if large:
        monkeypatch.setattr(delimited, "LARGE", 0)
        monkeypatch.setattr(_parts, "BLOCK", 700)
    run = resolve(str(path), runs_dir=tmp_path)[0]
    assert len(run.frame) == kept
    assert sum(d.count for d in run.provenance.dropped if d.column == "step") == lost
    assert run.steps.dtype == np.int64
    assert run.steps.tolist() == [step for step in range(1000, 2000) if not (lost and step == 1700)]


@pytest.mark.parametrize("cell", ["1e30", "99999999999999999999", "1700.5"])
def test_a_step_that_no_count_can_be_is_refused(tmp_path: Path, cell: str) -> None:
    """Beyond 64 bits or between two steps."""
    lines = ["step,loss", *(f"{step},0.25" for step in range(1000, 2000))]
    lines[701] = f"{cell},0.5"
    path = tmp_path / "log.csv"
    path.write_text("\n".join(lines) + "\n")
    with pytest.raises(LogError, match=r"log\.csv: column 'step' must count in whole numbers"):
        resolve(str(path), runs_dir=tmp_path)


def test_a_row_more_in_one_block_does_not_make_up_for_one_less_in_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A lone carriage return ends a row that no line end counts, a blank line is no row: no row may change places."""
    monkeypatch.setattr(delimited, "LARGE", 0)
    monkeypatch.setattr(_parts, "BLOCK", 700)
    for blank in range(200, 300):
        lines = [f"{step},0.25\n" for step in range(1000, 2000)]
        lines[100] = lines[100].replace("\n", "\r")
        lines[blank] += "\n"
        path = tmp_path / "log.csv"
        path.write_text("step,loss\n" + "".join(lines), newline="")
        run = resolve(str(path), runs_dir=tmp_path)[0]
        assert run.steps.tolist() == list(range(1000, 2000))
        assert run.seams == ()


def test_blocks_end_when_one_of_them_cannot_be_cut() -> None:
    """What follows, such as half a line that was left over, is nobody's to parse."""
    blocks = _parts._Blocks(io.BytesIO(b"1,0.5\n" * 1_000_000 + b"2,-"))
    assert blocks.next() is not None
    blocks.stop()
    assert blocks.next() is None


def test_damage_is_told_as_such_whatever_the_parsers_find_beside_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A stream that breaks off leaves half a row to one parser and an error to the other."""
    path = tmp_path / "log.csv.gz"
    content = gzip.compress(
        "".join(["step,loss\n", *(f"{step},{-1 / step:.9f}\n" for step in range(1, 60_000))]).encode()
    )
    path.write_bytes(content[:-8] + bytes(8))
    monkeypatch.setattr(delimited, "LARGE", 0)
    monkeypatch.setattr(_parts, "BLOCK", 20_000)
    for _ in range(5):
        with pytest.raises(LogError, match=r"log\.csv\.gz: damaged gzip data"):
            resolve(str(path), runs_dir=tmp_path)


def test_a_log_is_read_where_no_thread_is_to_be_had(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A process may not be allowed any more of them."""

    def refuse(_: object) -> None:
        raise RuntimeError("can't start new thread")

    path = tmp_path / "log.csv"
    path.write_text(rows())
    monkeypatch.setattr(delimited, "LARGE", 0)
    monkeypatch.setattr(hashing, "_LARGE", 0)
    monkeypatch.setattr("threading.Thread.start", refuse)
    run = resolve(str(path), runs_dir=tmp_path)[0]
    assert len(run.frame) == 60
    assert run.provenance.sha256


def test_a_quoted_line_end_is_no_place_to_cut(tmp_path: Path, cut: Callable[[Path], Run]) -> None:
    """Text over two lines stays one field, and its row one row."""
    path = tmp_path / "log.csv"
    lines = rows().splitlines()
    path.write_text("\n".join([f"{lines[0]},note", *(f'{line},"a\nb"' for line in lines[1:])]) + "\n")
    same(cut(path), path)


def test_a_copy_of_a_run_remembers_nothing_of_the_first(tmp_path: Path) -> None:
    """Series are kept by the run they were asked of; another table under the same name has its own."""
    path = tmp_path / "log.csv"
    path.write_text(rows())
    run = resolve(str(path), runs_dir=tmp_path)[0]
    before = run.series("valid_loss"), run.steps_of("valid_loss"), run.metrics
    other = replace(run, frame=run.frame.iloc[:20].drop(columns="late"))
    assert other.series("valid_loss").tolist() == before[0][:2].tolist()
    assert other.steps_of("valid_loss").tolist() == [7, 14]
    assert "late" in before[2]
    assert "late" not in other.metrics
    with pytest.raises(ValueError, match="read-only"):
        run.series("valid_loss")[0] = 0.0
