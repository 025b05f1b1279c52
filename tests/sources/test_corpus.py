"""Every log of a large collection from public repositories reads, or says in one line why it cannot."""

from __future__ import annotations

import csv
import io
import json
import math
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from analysis.core.errors import AnalysisError
from analysis.core.run import NOT_METRICS, Run
from analysis.sources import resolve

CORPUS = Path(__file__).parents[3] / "shared" / "corpus"

pytestmark = pytest.mark.skipif(
    not CORPUS.is_dir(), reason="the collection of public logs (../shared/corpus) is not here"
)

LOGS = re.compile(
    r"metrics\.csv|trainer_state\.json|trainer_log\.jsonl|.*\.jsonl|results\.csv|progress\.csv|.*monitor\.csv"
    r"|training\.log|training_history.*\.csv.*|step_metrics.*\.csv|finetune_results\.csv|history.*\.json.*"
    r"|(?!epoch).*\.tsv|events\.out\.tfevents\.(?!.*profile-empty).*|.*_history\.csv|wandb_export\.csv"
)
"""Names of files that are logs; the collection also holds the settings and summaries beside them."""

REASONS = {
    "part of a run": re.compile(r"one file of MLflow's store; give the folder of the run, (.*)"),
    "settings": re.compile(r"settings or a summary, not a log"),
    "empty": re.compile(r"the file is empty|no data rows|no scalar|holds no"),
    "no metric": re.compile(r"no loss or other metric column"),
    "other file": re.compile(r"no source knows this file|a binary file"),
}


def entries() -> list[dict[str, str]]:
    """Return the collection's table of contents."""
    with (CORPUS / "SOURCES.tsv").open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream, delimiter="\t", quoting=csv.QUOTE_NONE))


def simple_rows(path: Path, run: Run) -> list[dict[str, Any]]:
    """Read a log with csv and json alone: an oracle that shares no code with the readers."""
    text = path.read_text(encoding="utf-8")
    if run.provenance.source in {"jsonl", "llama-factory"}:
        return [json.loads(line) for line in text.splitlines() if line.strip()]
    if run.provenance.source == "hf trainer":
        return list(json.loads(text)["log_history"])
    if run.provenance.source == "keras" and text.startswith("{"):
        history = json.loads(text)
        return [dict(zip(history, values, strict=True)) for values in zip(*history.values(), strict=True)]
    body = "".join(line for line in text.splitlines(keepends=True) if not line.startswith("#"))
    delimiter = "\t" if path.suffix == ".tsv" else ","
    return [
        {(name or "").strip(): (value or "").strip() for name, value in row.items()}
        for row in csv.DictReader(io.StringIO(body), delimiter=delimiter)
    ]


def simple_series(rows: list[dict[str, Any]], run: Run, name: str) -> dict[float, float]:
    """Return step to value of one column; of a repeated step the last."""
    steps = {"stable-baselines3": "time/total_timesteps", "llama-factory": "current_steps"}
    column = steps.get(run.provenance.source, "step")
    found: dict[float, float] = {}
    for place, row in enumerate(rows):
        step = row.get(column, row.get("epoch", row.get("", place)))
        value = row.get(name)
        summary = run.provenance.source == "hf trainer" and "train_runtime" in row
        if summary or value in (None, ""):
            continue
        found[float(step)] = float(value)
    return found


def in_the_file(run: Run, path: Path, metric: str) -> str:
    """Return the file's own name of a metric."""
    own = {standard: name for name, standard in run.provenance.renamed.items()}.get(metric, metric)
    if run.provenance.source == "dvclive":
        return path.read_text(encoding="utf-8").splitlines()[0].split("\t")[-1]
    return own


def check_against_simple_reading(run: Run, path: Path, entry: dict[str, str]) -> Iterator[str]:
    """Yield what differs from an independent reading: row count, first and last value of each metric."""
    rows = simple_rows(path, run)
    if run.provenance.rows_read != len(rows):
        yield f"{run.provenance.rows_read} rows read, {len(rows)} in the file"
    if entry["last_step"] and run.provenance.source != "jsonl" and run.steps[-1] != float(entry["last_step"]):
        yield f"last step {run.steps[-1]}, the collection says {entry['last_step']}"
    for metric in set(run.metrics) - set(NOT_METRICS):
        expected = simple_series(rows, run, in_the_file(run, path, metric))
        finite = {step: value for step, value in expected.items() if math.isfinite(value)}
        if not finite:
            yield f"{metric} has values, {in_the_file(run, path, metric)} of the file has none"
            continue
        steps, values = run.steps_of(metric), run.series(metric)
        for place, end in ((0, min(finite)), (-1, max(finite))):
            if (steps[place], values[place]) != (end, finite[end]):
                yield f"{metric} at {steps[place]} is {values[place]}, the file has {finite[end]} at {end}"


def check_episodes(run: Run, path: Path) -> Iterator[str]:
    """Yield what differs in a log of episodes, which counts the steps that its own rows only imply."""
    rows = list(csv.DictReader(path.read_text(encoding="utf-8").splitlines()[1:]))
    steps, rewards = run.steps_of("reward"), run.series("reward")
    found = run.provenance.rows_read, int(steps[0]), int(steps[-1]), rewards[0], rewards[-1]
    ends = float(rows[0]["r"]), float(rows[-1]["r"])
    expected = len(rows), int(rows[0]["l"]), sum(int(row["l"]) for row in rows), *ends
    if found != expected:
        yield f"episodes give {found}, the file has {expected}"


TEXT_SOURCES = {
    *(
        "openai csv",
        "hf trainer",
        "llama-factory",
        "lightning csv",
        "keras",
        "ultralytics",
        "dvclive",
        "jsonl",
        "stable-baselines3",
    ),
}


def listed(refused: list[tuple[str, str]]) -> dict[tuple[str, str], Counter[str]]:
    """Count the refused files by name; those of a folder of MLflow's, which are called after metrics, by it."""
    found: dict[tuple[str, str], Counter[str]] = {}
    for place, message in sorted(refused):
        path = Path(place)
        reason = next((name for name, shape in REASONS.items() if shape.search(message)), "unknown")
        name = next(
            (f"{p}/…" for p in ("metrics", "params", "tags") if reason == "part of a run" and p in path.parts), ""
        )
        found.setdefault((path.parts[0], reason), Counter())[name or path.name] += 1
    return found


def test_every_file_reads_or_gives_one_clear_line(capsys: pytest.CaptureFixture[str]) -> None:
    """No traceback anywhere; what reads agrees with a simple reading; each refusal has a known reason."""
    read: Counter[str] = Counter()
    refused: list[tuple[str, str]] = []
    wrong: list[str] = []
    for entry in entries():
        path = CORPUS / entry["local_path"]
        try:
            runs = resolve(str(path), runs_dir=Path("no-such-folder"))
        except AnalysisError as problem:
            message = str(problem)
            reason = next((name for name, shape in REASONS.items() if shape.search(message)), None)
            refused.append((entry["local_path"], message))
            if "\n" in message or reason is None:
                wrong.append(f"{entry['local_path']}: refused without a known reason: {message}")
            elif LOGS.fullmatch(path.name) and reason != "empty":
                wrong.append(f"{entry['local_path']}: a log, but refused: {message}")
            continue
        read[entry["format"]] += 1
        for run in runs:
            if path.name.endswith("monitor.csv"):
                wrong += [f"{entry['local_path']}: {difference}" for difference in check_episodes(run, path)]
            elif run.provenance.source in TEXT_SOURCES and len(runs) == 1:
                found = check_against_simple_reading(run, path, entry)
                wrong += [f"{entry['local_path']}: {difference}" for difference in found]
    with capsys.disabled():
        print(f"\n{sum(read.values())} files read ({dict(read)}), {len(refused)} refused:")
        for (source, reason), names in listed(refused).items():
            print(f"  {source}, {reason}: {', '.join(f'{count} × {name}' for name, count in names.most_common())}")
    assert wrong == []
    assert sum(read.values()) + len(refused) == len(entries())


def test_what_is_one_file_of_a_run_names_the_folder_that_reads() -> None:
    """Following the message leads to a run, unless that run logged no metric, or was deleted."""
    folders = set()
    for entry in entries():
        try:
            resolve(str(CORPUS / entry["local_path"]), runs_dir=Path("no-such-folder"))
        except AnalysisError as problem:
            said = REASONS["part of a run"].search(str(problem))
            folders |= {said[1]} if said else set()
    read, refused = set(), []
    for folder in folders:
        try:
            read |= {run.id for run in resolve(folder, runs_dir=Path("no-such-folder"))}
        except AnalysisError as problem:
            refused.append(str(problem))
    assert all(re.search(r"has no metric|no run in it|the run is deleted", problem) for problem in refused)
    assert len(read) > 5


def test_a_folder_reads_as_the_log_in_it() -> None:
    """The folder a tool logged to gives the same table as the file inside."""
    names = {"metrics.csv", "trainer_state.json", "results.csv", "progress.csv"}
    compared = 0
    for entry in entries():
        path = CORPUS / entry["local_path"]
        if path.name not in names or "checkpoint-" in str(path) or (path.parent / "checkpoint-500").exists():
            continue
        (by_file,) = resolve(str(path), runs_dir=Path("no-such-folder"))
        (by_folder,) = resolve(str(path.parent), runs_dir=Path("no-such-folder"))
        assert by_folder.id == by_file.id == path.parent.name
        assert by_folder.frame.equals(by_file.frame)
        compared += 1
    assert compared > 30
