"""What a run reference leads to: names, paths, globs, schemes, labels, and nothing by accident."""

from __future__ import annotations

import re
import socket
from pathlib import Path

import pytest

from analysis.core.errors import AnalysisError, LogError, RunNotFound, UsageError
from analysis.sources import SOURCES, load_runs, resolve

LOG = "step,train_loss\n1,0.5\n2,0.4\n"


@pytest.fixture
def runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A runs folder with two logs; the working directory is its parent; the network is shut."""

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("a reference without a scheme, native ID or URL must not touch the network")

    monkeypatch.setattr(socket, "socket", refuse)
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "runs"
    folder.mkdir()
    for name in ("run_1", "run_2"):
        (folder / f"{name}.csv").write_text(LOG)
    return folder


def ids(reference: str, runs: Path) -> list[str]:
    """Names of the runs a reference leads to."""
    return [run.id for run in resolve(reference, runs_dir=runs)]


@pytest.mark.parametrize("reference", ["run_1", "run_1.csv", "runs/run_1.csv", "./runs/run_1.csv", " run_1 "])
def test_a_name_and_a_path_lead_to_the_same_run(runs: Path, reference: str) -> None:
    """However it is written, the run is called run_1."""
    (run,) = resolve(reference, runs_dir=runs)
    assert run.id == "run_1"
    assert run.label is None
    assert Path(run.provenance.path).resolve() == (runs / "run_1.csv").resolve()


def test_an_absolute_path_needs_no_runs_folder(runs: Path) -> None:
    """A log elsewhere is as good as one in the folder."""
    assert ids(str(runs / "run_2.csv"), Path("no-such-folder")) == ["run_2"]


@pytest.mark.parametrize("reference", ["Best one=run_1", "Best one=runs/run_1.csv", "Best one = run_1"])
def test_a_label_stands_before_the_reference(runs: Path, reference: str) -> None:
    """The label changes how the run is shown, not what it is called."""
    (run,) = resolve(reference, runs_dir=runs)
    assert (run.id, run.label) == ("run_1", "Best one")


def test_an_existing_path_wins_over_any_syntax(runs: Path) -> None:
    """Files called like a label, a scheme or a pattern are still files."""
    for name in ("a=b.csv", "tb:x.csv", "lr[0.1].csv"):
        Path(name).write_text(LOG)
        (run,) = resolve(name, runs_dir=runs)
        assert run.label is None
        assert run.id == name.removesuffix(".csv")


def test_a_pattern_loads_every_log_it_matches_in_order(runs: Path) -> None:
    """Other files among the matches are passed over; a pattern works in the runs folder too."""
    (runs / "notes.md").write_text("no log")
    (runs / "run_1.yaml").write_text("label: A\n")
    assert ids("runs/*", runs) == ["run_1", "run_2"]
    assert ids("run_*", runs) == ["run_1", "run_2"]
    labelled = resolve("Seed=run_*", runs_dir=runs)
    assert [run.label for run in labelled] == ["Seed run_1", "Seed run_2"]


BESIDE = {
    "run_1.yaml": b"config: {seed: 1}\n",
    "README.md": b"| epoch | loss |\n|---|---|\n| 1 | 0.5 |\n| 2 | 0.4 |\n",
    "curve.png": b"\x89PNG\r\n\x1a\n\0",
    "config.json": b'{"lr": 0.1}',
    "requirements.txt": b"torch==2.1\nnumpy\n",
    "train.py": b"for step in range(10):\n    print(step)\n",
    "best.pt": b"PK\x03\x04\0\0",
}


@pytest.mark.parametrize("name", BESIDE)
def test_what_a_shell_takes_along_beside_the_logs_is_left_out_with_a_word(runs: Path, name: str) -> None:
    """``report runs/*`` of a shell names every file; where nothing else is given it is refused as ever."""
    (runs / name).write_bytes(BESIDE[name])
    found = load_runs(sorted(map(str, runs.iterdir())), runs_dir=runs)
    assert [run.id for run in found] == ["run_1", "run_2"]
    assert f"left out: {runs / name}" in found[0].notes[-1]
    if name != "README.md":
        with pytest.raises(AnalysisError, match=re.escape(name)):
            load_runs([str(runs / name)], runs_dir=runs)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("run_3.csv", None),  # mistyped
        ("run_3.yaml", None),
        ("run_3.csv", "step,train_loss\n"),
        ("run_3.csv", ""),
        ("run_3.log", "Traceback (most recent call last)"),
        ("run_3.json", '[{"step": 1, "loss": 0.5}, {"st'),  # cut off
    ],
)
def test_a_mistyped_name_and_a_damaged_log_are_not_left_out(runs: Path, name: str, content: str | None) -> None:
    if content is not None:
        (runs / name).write_text(content)
    with pytest.raises(AnalysisError, match="run_3"):
        load_runs(["run_1", "run_2", str(runs / name)], runs_dir=runs)


def test_two_matches_for_one_name_are_an_error_that_lists_them(runs: Path) -> None:
    """Guessing which of two logs is meant would compare the wrong run."""
    (runs / "run_1.tsv").write_text(LOG.replace(",", "\t"))
    with pytest.raises(RunNotFound, match=r"'run_1' matches 2 logs: .*run_1\.csv, .*run_1\.tsv"):
        resolve("run_1", runs_dir=runs)
    assert ids("run_1.tsv", runs) == ["run_1"]


def test_a_run_in_the_folder_and_another_in_the_working_directory_are_two_matches(runs: Path) -> None:
    """A folder run_1 beside the runs folder must not silently win or lose."""
    Path("run_1").mkdir()
    Path("run_1/log.csv").write_text(LOG)
    with pytest.raises(RunNotFound, match="matches 2 logs"):
        resolve("run_1", runs_dir=runs)


def test_a_missing_run_names_the_nearest_and_the_available(runs: Path) -> None:
    """A typing error is corrected by the message."""
    with pytest.raises(RunNotFound) as caught:
        resolve("runn_1", runs_dir=runs)
    message = str(caught.value)
    assert "did you mean run_1" in message
    assert "run_1, run_2" in message
    with pytest.raises(RunNotFound, match="no folder elsewhere"):
        resolve("elsewhere/run_1.csv", runs_dir=runs)
    with pytest.raises(RunNotFound, match="no log in"):
        resolve("run_1", runs_dir=runs / "none")


@pytest.mark.parametrize("reference", [r"C:\logs\run.csv", "C:/logs/run.csv", r"label=D:\x\run.csv"])
def test_a_windows_path_is_a_path(runs: Path, reference: str) -> None:
    """A drive letter is no scheme; elsewhere than on Windows there is simply no such file."""
    with pytest.raises(RunNotFound, match="no run"):
        resolve(reference, runs_dir=runs)


def test_an_unknown_scheme_names_the_known_ones(runs: Path) -> None:
    """The list comes from the sources themselves."""
    with pytest.raises(RunNotFound) as caught:
        resolve("comet:abc", runs_dir=runs)
    for scheme in {source.SCHEME for source in SOURCES if source.SCHEME}:
        assert f"{scheme}:" in str(caught.value)


def test_a_url_that_no_tool_claims_is_never_opened(runs: Path) -> None:
    """pandas would download it; here it is refused, without its credentials."""
    with pytest.raises(RunNotFound) as caught:
        resolve("https://joe:pw@example.org/log.csv?sig=abcdef12", runs_dir=runs)
    assert "no source reads this URL" in str(caught.value)
    assert "pw@" not in str(caught.value)
    assert "abcdef12" not in str(caught.value)


@pytest.mark.parametrize("reference", ["", "  ", "a\0b"])
def test_an_empty_reference_is_a_mistake_of_use(runs: Path, reference: str) -> None:
    """It says what a reference looks like."""
    with pytest.raises(UsageError, match="a run reference is empty"):
        resolve(reference, runs_dir=runs)


@pytest.mark.parametrize("reference", ["tb:", "wandb:", "label=hf:"])
def test_a_scheme_alone_names_no_run(runs: Path, reference: str) -> None:
    """It does not stand for whatever lies in the working directory."""
    with pytest.raises(RunNotFound, match="names no run"):
        resolve(reference, runs_dir=runs)


@pytest.mark.parametrize("reference", ["~/mine/log.csv", "A=~/mine/log.csv", "~/mine/*.csv"])
def test_a_tilde_is_the_home_folder(runs: Path, monkeypatch: pytest.MonkeyPatch, reference: str) -> None:
    """In a notebook, and behind a label, no shell replaces it."""
    monkeypatch.setenv("HOME", str(runs.parent / "home"))
    monkeypatch.setenv("USERPROFILE", str(runs.parent / "home"))
    (runs.parent / "home" / "mine").mkdir(parents=True)
    (runs.parent / "home" / "mine" / "log.csv").write_text(LOG)
    assert ids(reference, runs) == ["log"]


@pytest.mark.parametrize("reference", ["two\nlines", "x" * 5000, "mlflow:two\nlines", "*two\nlines", "a#two\nlines"])
def test_whatever_is_written_is_answered_in_one_line_of_a_screen(runs: Path, reference: str) -> None:
    """A pasted paragraph does not come back whole."""
    with pytest.raises(AnalysisError) as caught:
        resolve(reference, runs_dir=runs)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 600


@pytest.mark.parametrize("page", ["https://wandb.ai/e/p", "https://wandb.ai/e/p/sweeps/x", "https://app.wandb.ai/e"])
def test_a_page_of_wandb_that_is_no_run_says_what_to_give(runs: Path, page: str) -> None:
    """A project or a sweep has many runs; the message names the form for one and for all."""
    with pytest.raises(RunNotFound, match=r"wandb:entity/project/run_id or wandb:entity/project/\*"):
        resolve(page, runs_dir=runs)
    with pytest.raises(RunNotFound, match="no source reads this URL"):
        resolve(page.replace("wandb.ai", "evilwandb.ai"), runs_dir=runs)


def test_a_folder_stands_for_every_log_in_it(runs: Path) -> None:
    """One or several; one without any is an error that says what to give."""
    Path("one").mkdir()
    Path("one/log.csv").write_text(LOG)
    assert ids("one", Path("none")) == ["log"]
    Path("one/other.csv").write_text(LOG)
    assert ids("one", Path("none")) == ["log", "other"]
    Path("empty").mkdir()
    with pytest.raises(LogError, match="a folder without a log"):
        resolve("empty", runs_dir=Path("none"))


def test_runs_of_one_name_are_told_apart_by_their_folders(runs: Path) -> None:
    """Lightning calls every run version_0; the report must not."""
    for sweep in ("a", "b"):
        folder = Path(sweep) / "logs" / "version_0"
        folder.mkdir(parents=True)
        (folder / "metrics.csv").write_text("epoch,step,train_loss\n0,1,0.5\n")
    for log in ("", "/metrics.csv"):
        loaded = load_runs([f"a/logs/version_0{log}", f"b/logs/version_0{log}", "run_1"], runs_dir=runs)
        assert [run.id for run in loaded] == ["a/logs/version_0", "b/logs/version_0", "run_1"]


def test_logs_of_one_name_in_one_folder_are_told_apart_by_their_endings(tmp_path: Path) -> None:
    """Two tools that log one run side by side can be compared, labelled or not; a namesake elsewhere keeps its name."""
    (tmp_path / "other").mkdir()
    for name in ("a.csv", "a.tsv", "other/a.csv"):
        (tmp_path / name).write_text("step\tloss\n1\t0.5\n".replace("\t", "," if name.endswith("csv") else "\t"))
    references = [str(tmp_path / "a.csv"), f"second={tmp_path / 'a.tsv'}", str(tmp_path / "other" / "a.csv")]
    found = load_runs(references, runs_dir=tmp_path)
    assert [(run.id, run.label) for run in found] == [("a.csv", None), ("a.tsv", "second"), ("a", None)]


def test_the_same_run_twice_is_an_error(runs: Path) -> None:
    """Comparing a run with itself is a mistake in the run set."""
    with pytest.raises(RunNotFound, match="is given twice"):
        load_runs(["run_1", "runs/run_1.csv"], runs_dir=runs)


def test_a_file_without_permission_says_so(runs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The system's refusal arrives as one line with a remedy."""
    opened = Path.open

    def forbidden(self: Path, *args: object, **kwargs: object) -> object:
        if self.name == "run_1.csv":
            raise PermissionError(13, "Permission denied")
        return opened(self, *args, **kwargs)  # type: ignore[arg-type]

    monkeypatch.setattr(Path, "open", forbidden)
    with pytest.raises(LogError, match=r"run_1\.csv: no permission to read it; allow reading it"):
        resolve("runs/run_1.csv", runs_dir=runs)


@pytest.mark.parametrize("source", SOURCES, ids=lambda source: source.NAME)
def test_every_source_keeps_the_contract(source: object, tmp_path: Path) -> None:
    """Sniffing raises nothing, whatever lies there; a wrong file is an error of one line."""
    hostile = {
        "nothing.csv": b"",
        "noise.csv": bytes(range(256)) * 64,
        "noise.json": b'{"a": [',
        "noise.jsonl": b'{"a": ',
        "deep.json": b"[" * 100_000,
        "half.gz": b"\x1f\x8b\x08\x00",
        "events.out.tfevents.1": b"\x00" * 40,
        "x.wandb": b":W&B\x01",
        "x.db": b"SQLite format 3\x00" + b"\x00" * 100,
        "x.parquet": b"PAR1PAR1",
        "metrics.csv": b"epoch,step\n",
        "trainer_state.json": b"null",
    }
    paths = [tmp_path / name for name in hostile]
    for path, content in zip(paths, hostile.values(), strict=True):
        path.write_bytes(content)
    for path in (*paths, tmp_path, tmp_path / "missing.csv"):
        assert source.recognises(path) in (True, False)  # type: ignore[attr-defined]
        if source.recognises(path):  # type: ignore[attr-defined]
            with pytest.raises(AnalysisError) as caught:
                resolve(str(path), runs_dir=Path("no-such-folder"))
            assert "\n" not in str(caught.value)
