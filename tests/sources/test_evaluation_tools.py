"""Logs that evaluation tools wrote themselves: every score, and the level and standard error that each tool states.

What lies in ``tests/evaluation_logs`` was made by its ``make.py``. OpenAI's evals is written here, in the form that its
``record.py`` documents: the package needs an account to run.
"""

from __future__ import annotations

import importlib
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from analysis import statistics as st
from analysis.core.errors import AnalysisError, LogError, MissingExtra
from analysis.core.examples import Examples
from analysis.core.metrics import metric
from analysis.core.run import Run
from analysis.pipeline import analyze
from analysis.sources import resolve

LOGS = Path(__file__).parents[1] / "evaluation_logs"


def read(path: Path) -> Run:
    """The one run that a path holds."""
    (run,) = resolve(str(path), runs_dir=path.parent)
    return run


def by_name(run: Run) -> dict[str, Examples]:
    """Scores by the short name of their metric."""
    return {metric(name).label: examples for name, examples in run.examples.items()}


def level(examples: Examples) -> st.Estimate:
    """Mean and standard error, as for any score."""
    return st.example_mean("examples.level", examples.scores, clusters=examples.clusters)


@pytest.mark.parametrize("model", ["model_1", "model_2"])
def test_lm_eval_states_the_same_level_and_error(model: str) -> None:
    """Each metric of each task and filter, as in the table that lm_eval prints."""
    folder = LOGS / "lm_eval" / model
    (results,) = folder.glob("results_*.json")
    stated = json.loads(results.read_text(encoding="utf-8"))["results"]
    found = by_name(read(folder))
    wanted = {
        "sums/acc": ("sums", "acc", "none"),
        "sums/acc_norm": ("sums", "acc_norm", "none"),
        "words/exact_match,first": ("words", "exact_match", "first"),
        "words/exact_match,digits": ("words", "exact_match", "digits"),
    }
    assert found.keys() == wanted.keys()
    for name, (task, score, way) in wanted.items():
        own = level(found[name])
        assert own.value == pytest.approx(stated[task][f"{score},{way}"])
        assert own.se == pytest.approx(stated[task][f"{score}_stderr,{way}"], rel=1e-9)


def test_lm_eval_models_are_joined_by_document(tmp_path: Path) -> None:
    """One model against the other; the same if the lines of one lie in another order."""
    shutil.copytree(LOGS / "lm_eval", tmp_path / "logs")
    before = analyze(run_ids=[str(tmp_path / "logs" / f"model_{n}") for n in (1, 2)], reports_dir=str(tmp_path))
    (samples,) = (tmp_path / "logs" / "model_2").glob("samples_sums_*")
    lines = samples.read_text(encoding="utf-8").splitlines()
    samples.write_text("\n".join(reversed(lines)) + "\n", encoding="utf-8")
    after = analyze(run_ids=[str(tmp_path / "logs" / f"model_{n}") for n in (1, 2)], reports_dir=str(tmp_path))
    assert [p.result for p in before.evaluations] == [p.result for p in after.evaluations]
    sums = next(pair for pair in before.evaluations if metric(pair.metric).label == "sums/acc")
    assert (sums.n, sums.only, sums.changed) == (16, (0, 0), 0)
    assert before.differing[0].question.endswith("=")


def test_lm_eval_without_samples_says_what_to_run(tmp_path: Path) -> None:
    """Results alone cannot be compared by example."""
    (results,) = (LOGS / "lm_eval" / "model_1").glob("results_*.json")
    shutil.copy(results, tmp_path)
    with pytest.raises(LogError, match="run lm_eval with --log_samples"):
        read(tmp_path / results.name)


def test_lm_eval_run_again_counts_last(tmp_path: Path) -> None:
    """Two evaluations of one model in a folder: the newer one, and a note."""
    shutil.copytree(LOGS / "lm_eval" / "model_1", tmp_path / "model")
    for path in (LOGS / "lm_eval" / "model_2").iterdir():
        text = path.read_text(encoding="utf-8").replace(
            _model_name(LOGS / "lm_eval" / "model_2"), _model_name(LOGS / "lm_eval" / "model_1")
        )
        (tmp_path / "model" / path.name).write_text(text, encoding="utf-8")
    run, last = read(tmp_path / "model"), by_name(read(LOGS / "lm_eval" / "model_2"))
    assert "sums/acc: evaluated more than once, the last counts" in run.notes
    assert np.array_equal(by_name(run)["sums/acc"].scores, last["sums/acc"].scores)


def _model_name(folder: Path) -> str:
    (results,) = folder.glob("results_*.json")
    return str(json.loads(results.read_text(encoding="utf-8"))["model_name"])


@pytest.mark.parametrize("model", ["model_1", "model_2"])
@pytest.mark.parametrize("task", ["doubles", "twice"])
def test_inspect_states_the_same_level_and_error(model: str, task: str) -> None:
    """Its clustered standard error too, and of two answers to a sample their mean, as it reduces them itself."""
    path = LOGS / "inspect_ai" / model / f"{task}.json"
    stated = json.loads(path.read_text(encoding="utf-8"))["results"]["scores"][0]["metrics"]
    examples = by_name(read(path))[f"{task}/contains"]
    assert examples.clusters is not None
    assert examples.left_out.repeated == (16 if task == "twice" else 0)
    own = level(examples)
    assert own.value == pytest.approx(stated["accuracy"]["value"])
    assert own.se == pytest.approx(stated["stderr"]["value"], rel=1e-9)


def test_what_nobody_can_rank_is_left_out_and_said() -> None:
    """The length of an answer is a score of which more is neither better nor worse."""
    run = read(LOGS / "inspect_ai" / "model_1")
    assert "doubles/length: left out, nobody can tell which way is better" in run.notes
    assert not any("length" in name for name in run.metrics)


def test_models_in_one_folder_are_runs(tmp_path: Path) -> None:
    """inspect_ai writes the logs of all models side by side: a run for each, named by its model."""
    for model in ("model_1", "model_2"):
        for path in (LOGS / "inspect_ai" / model).iterdir():
            shutil.copy(path, tmp_path / f"{model}_{path.name}")
    runs = resolve(str(tmp_path), runs_dir=tmp_path)
    assert [run.id for run in runs] == ["mockllm_model_1", "mockllm_model_2"]
    a = analyze(run_ids=[str(tmp_path)], reports_dir=str(tmp_path / "reports"))
    assert [pair.n for pair in a.evaluations] == [32, 16, 16]
    assert a.verdict.result == "improved"


@pytest.mark.parametrize("task", ["doubles", "twice"])
def test_packed_logs_are_read_by_inspects_own_reader(task: str) -> None:
    """``.eval`` holds the same as ``.json``; without the package the error names the command."""
    packed = LOGS / "inspect_ai_packed" / "model_1" / f"{task}.eval"
    try:
        importlib.import_module("inspect_ai.log")  # a folder of that name on the path is no package
    except ImportError:
        with pytest.raises(MissingExtra, match=r"pip install 'run-reports\[inspect\]'"):
            read(packed)
        return
    own, plain = by_name(read(packed)), by_name(read(LOGS / "inspect_ai" / "model_1" / f"{task}.json"))
    for name, examples in plain.items():
        assert np.array_equal(own[name].scores, examples.scores)
        assert own[name].ids.tolist() == examples.ids.tolist()


def openai_log(path: Path, right: list[bool], **changed: Any) -> Path:
    """Write a log as ``evals.record`` does: the specification, two events a sample, the final report."""
    spec = {"completion_fns": ["gpt-x"], "eval_name": "sums.dev.v0", "base_eval": "sums", "split": "dev", **changed}
    lines: list[dict[str, Any]] = [{"spec": {**spec, "run_config": {}, "run_id": "r", "created_at": "2024-01-01"}}]
    for place, is_right in enumerate(right):
        about = {"run_id": "r", "sample_id": f"sums.dev.{place}", "created_by": "", "created_at": "2024-01-01"}
        prompt = [{"role": "system", "content": "Add."}, {"role": "user", "content": f"{place} + 1 ="}]
        sampled = str(place + 1) if is_right else "42"
        asked = {"prompt": prompt, "sampled": [sampled]}
        judged = {"correct": is_right, "expected": str(place + 1), "picked": sampled, "sampled": sampled}
        lines.append({**about, "event_id": 2 * place, "type": "sampling", "data": asked})
        lines.append({**about, "event_id": 2 * place + 1, "type": "match", "data": judged})
    lines.append({"final_report": {"accuracy": sum(right) / len(right)}})
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    return path


def test_openai_evals_are_read_as_their_report_says(tmp_path: Path) -> None:
    """The share of right answers is that of the final report, and an example carries its question and answers."""
    rng = np.random.default_rng(0)
    for name, p in (("a", 0.5), ("b", 0.8)):
        openai_log(tmp_path / f"{name}.jsonl", (rng.random(200) < p).tolist())
    a = analyze(run_ids=[str(tmp_path / f"{name}.jsonl") for name in "ab"], reports_dir=str(tmp_path))
    reported = json.loads((tmp_path / "b.jsonl").read_text(encoding="utf-8").splitlines()[-1])["final_report"]
    assert by_name(a.run("b"))["sums.dev.v0/correct"].mean == pytest.approx(reported["accuracy"])
    assert a.verdict.result == "improved"
    one = a.differing[0]
    assert one.question == f"{one.id.rpartition('.')[2]} + 1 ="
    assert "42" in one.answers
    assert one.target


@pytest.mark.parametrize("content", ["", "{", '{"version": 2, "status": "started", "eval": {"task": "t"}}', "[]"])
def test_a_broken_log_is_one_clear_line(tmp_path: Path, content: str) -> None:
    """Cut off, empty or without samples: no traceback, whatever the name promises."""
    for name in ("log.json", "results_2026-01-01T00-00-00.000000.json", "a.eval"):
        (tmp_path / name).write_text(content, encoding="utf-8")
        with pytest.raises(AnalysisError) as caught:
            read(tmp_path / name)
        assert "\n" not in str(caught.value)
