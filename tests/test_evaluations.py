"""Evaluations by example: read from any table, joined by ID, told by task, and the answer to "these two models"."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pandas as pd
import pytest
from scipy import stats

from analysis.core.errors import AnalysisError, LogError
from analysis.core.examples import OVERALL
from analysis.core.rich_text import Span
from analysis.findings.analysis_result import Analysis
from analysis.pipeline import analyze
from analysis.render.markdown import render as markdown
from analysis.report.results_json import schema, to_json
from analysis.report.sections.effort import coverage
from analysis.sources import resolve
from tests.builders import sections

Rows = Sequence[Mapping[str, Any]]


def write(path: Path, rows: Rows) -> Path:
    """Write rows in the format that the ending of the file names."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".jsonl":
        path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    elif path.suffix == ".json":
        path.write_text(json.dumps(list(rows)), encoding="utf-8")
    elif path.suffix == ".parquet":
        pd.DataFrame(rows).to_parquet(path)
    else:
        pd.DataFrame(rows).to_csv(path, index=False, sep="\t" if path.suffix == ".tsv" else ",")
    return path


def scored(scores: Iterable[float], **also: Sequence[Any]) -> list[dict[str, Any]]:
    """Rows of these scores, with IDs q0, q1 and so on."""
    rows = [{"id": f"q{place}", "score": score} for place, score in enumerate(scores)]
    return [{**row, **{name: cells[place] for name, cells in also.items()}} for place, row in enumerate(rows)]


def compared(folder: Path, baseline: Rows, candidate: Rows, end: str = "jsonl") -> Analysis:
    """Write two evaluations and compare them."""
    write(folder / f"a.{end}", baseline)
    write(folder / f"b.{end}", candidate)
    return analyze(run_ids=[str(folder / f"{name}.{end}") for name in "ab"], reports_dir=str(folder / "reports"))


def section(a: Analysis) -> str:
    """The words of the section, without those before it."""
    return "".join(_words(coverage(a))).partition("Evaluations by Task")[2]


def _words(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Span):
        yield value.text
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from _words(inner)
    elif is_dataclass(value):
        for one in fields(value):
            yield from _words(getattr(value, one.name))


def right(rng: np.random.Generator, n: int, shift: float) -> np.ndarray:
    """Answers of one of several models that share the difficulty of the questions."""
    hard = np.random.default_rng(0).normal(size=n)
    return (hard + 0.7 * rng.normal(size=n) + shift > 0).astype(float)


RNG = np.random.default_rng(7)
WEAK, STRONG = right(RNG, 500, 0.0), right(RNG, 500, 0.4)


@pytest.mark.parametrize("end", ["csv", "tsv", "jsonl", "json", "parquet"])
def test_every_format_gives_the_same(tmp_path: Path, end: str) -> None:
    """CSV, JSON lines, JSON and Parquet hold the same scores, whatever their order of rows."""
    if end == "parquet":
        pytest.importorskip("pyarrow")
    rows = scored(STRONG)
    mixed = [rows[place] for place in np.random.default_rng(1).permutation(len(rows))]
    a = compared(tmp_path, scored(WEAK), mixed, end)
    (pair,) = a.evaluations
    assert (pair.n, pair.only) == (500, (0, 0))
    assert pair.won == int((STRONG > WEAK).sum())
    assert pair.lost == int((WEAK > STRONG).sum())
    assert pair.result.p == pytest.approx(stats.binomtest(pair.won, pair.won + pair.lost).pvalue)
    assert a.verdict.result == "improved"


def test_evaluations_answer_for_these_two_models(tmp_path: Path) -> None:
    """No training was seen, so nothing is said of configurations, and what seeds usually make is no hurdle."""
    a = compared(tmp_path, scored(WEAK), scored(STRONG))
    assert a.verdict.scope == "models"
    assert "is a better model than" in a.verdict.sentence
    assert a.verdict.seed_sd_limit is not None
    assert a.verdict.primary is not None
    assert a.verdict.primary.definition == "examples.mcnemar"
    assert a.next_runs == ()
    assert {r.id for r in a.recommendations} <= {"evidence.keep"}


def test_never_by_order(tmp_path: Path) -> None:
    """Two evaluations of other IDs have no example in common: shown, not compared, however well their rows line up."""
    others = [{**row, "id": f"x{row['id']}"} for row in scored(STRONG)]
    a = compared(tmp_path, scored(WEAK), others)
    assert a.verdict.result == "not comparable"
    assert a.evaluations[0].n == 0
    assert "the evaluations have no example in common" in a.verdict.reason
    assert "not compared are 500 examples of a alone and 500 examples of b alone" in section(a)


def test_what_does_not_match_is_counted_and_said(tmp_path: Path) -> None:
    """Missing partners, missing IDs and scores, repeats, and IDs whose text differs, each on its own."""
    asked = [f"What is {place}?" for place in range(500)]
    baseline = scored(WEAK, question=asked)[:-10]
    candidate = scored(STRONG, question=asked)
    candidate[0]["question"] = "Something else?"
    candidate[1]["score"] = None
    del candidate[2]["id"]
    candidate += [{**candidate[3], "score": 1 - candidate[3]["score"]}, {**candidate[4], "question": "And now?"}]
    a = compared(tmp_path, baseline, candidate)
    (pair,) = a.evaluations
    # Without an ID or a score, or of two texts: questions 1, 2 and 4; of another text: question 0.
    assert (pair.n, pair.only, pair.changed) == (490 - 4, (3, 10), 1)
    assert a.run("b").notes == (
        "score: 497 examples; 1 example without an ID left out; 1 example without a score left out; "
        "1 further answer to an ID that came before: the mean counts; "
        "2 examples left out whose ID stands for several texts",
    )
    assert "not compared are 3 examples of a alone, 10 examples of b alone and 1 ID whose texts differ" in section(a)


def test_numbers_and_texts_are_one_id(tmp_path: Path) -> None:
    """7, 7.0 and "7" are the same example, however a tool has written it."""
    for name, form in (("a", int), ("b", str), ("c", float)):
        write(tmp_path / f"{name}.jsonl", [{**row, "id": form(place)} for place, row in enumerate(scored(WEAK))])
    ids = [resolve(str(tmp_path / f"{name}.jsonl"), runs_dir=tmp_path)[0] for name in "abc"]
    first, second, third = (next(iter(run.examples.values())).ids.tolist() for run in ids)
    assert first == third
    assert first[7] == "7"
    assert second[7] == "7"


def test_clusters_and_weights_enter(tmp_path: Path) -> None:
    """Questions of one passage: a wider interval, with one degree of freedom a passage; weights: their mean."""
    passages = np.repeat(np.random.default_rng(2).random(50) < 0.5, 10).astype(float)
    labels = [f"p{place // 10}" for place in range(500)]
    alone = compared(tmp_path / "1", scored(np.zeros(500)), scored(passages))
    grouped = compared(tmp_path / "2", scored(np.zeros(500), passage=labels), scored(passages, passage=labels))
    assert grouped.evaluations[0].clusters == 50
    assert grouped.evaluations[0].result.df == 49
    assert grouped.evaluations[0].result.half_width > 2.5 * alone.evaluations[0].result.half_width
    weighted = compared(
        tmp_path / "3", scored([0.0, 0.0, 0.0], weight=[1, 1, 2]), scored([1.0, 0.0, 1.0], weight=[1, 1, 2])
    )
    assert weighted.evaluations[0].result.value == 0.75


def test_losses_are_compared_too(tmp_path: Path) -> None:
    """A loss by example: lower is better, by the paired t test of scipy."""
    base = np.random.default_rng(3).gamma(2, 0.5, 400)
    rows = [{"question_id": place, "loss": float(x)} for place, x in enumerate(base)]
    better = [{**row, "loss": row["loss"] * 0.95} for row in rows]
    a = compared(tmp_path, rows, better)
    assert a.verdict.result == "improved"
    assert a.evaluations[0].result.p == pytest.approx(stats.ttest_rel(base * 0.95, base).pvalue, rel=1e-6)


def test_predictions_with_labels_are_scored_by_exact_match(tmp_path: Path) -> None:
    """What a Hugging Face script writes beside its labels: right where they are the same."""
    rows = [{"id": place, "prediction": place % 3, "label": place % 2} for place in range(60)]
    write(tmp_path / "predictions.csv", rows)
    (run,) = resolve(str(tmp_path / "predictions.csv"), runs_dir=tmp_path)
    assert run.metric_named("exact_match") is not None
    assert run.series(run.metric_named("exact_match") or "")[-1] == sum(p % 3 == p % 2 for p in range(60)) / 60


def tasks(folder: Path, shifts: Mapping[str, float], n: int = 300) -> None:
    """Write an evaluation of several tasks, a file each."""
    for place, (task, shift) in enumerate(shifts.items()):
        write(folder / f"{task}.jsonl", scored(right(np.random.default_rng([place, int(10 + shift * 10)]), n, shift)))


def test_a_folder_is_one_run_and_its_files_are_tasks(tmp_path: Path) -> None:
    """Each task has its own test, adjusted by Holm; their mean is the answer."""
    tasks(tmp_path / "A", {"arc": 0.0, "bias": 0.0, "trivia": 0.0})
    tasks(tmp_path / "B", {"arc": 0.6, "bias": 0.5, "trivia": 0.0})
    a = analyze(run_ids=[str(tmp_path / "A"), str(tmp_path / "B")], reports_dir=str(tmp_path))
    assert [run.id for run in a.runs] == ["A", "B"]
    overall, *rest = a.evaluations
    assert overall.metric == OVERALL
    assert overall.result.value == pytest.approx(np.mean([pair.result.value for pair in rest]))
    raw = sorted(pair.result.p for pair in rest)
    assert sorted(pair.p_adjusted or 0 for pair in rest)[0] == pytest.approx(3 * raw[0])
    assert a.deciding_metric == OVERALL
    assert a.verdict.result == "improved"
    assert "Of 3 metrics, B is better than A in 2 and worse in 0" in section(a)


def test_a_stated_metric_decides_instead_of_the_mean(tmp_path: Path) -> None:
    """``primary`` names a task by its short name."""
    tasks(tmp_path / "A", {"arc": 0.0, "bias": 0.0})
    tasks(tmp_path / "B", {"arc": 1.0, "bias": -0.6})
    references = {"run_ids": [str(tmp_path / "A"), str(tmp_path / "B")], "reports_dir": str(tmp_path)}
    a = analyze(**references, settings={"primary": "bias/score"})
    assert a.verdict.result == "regressed"
    assert analyze(**references, goal="bias/score >= 0.9").goal is not None


def test_a_task_of_one_run_alone_is_named(tmp_path: Path) -> None:
    """It has no counterpart, and the mean is over the tasks that both have."""
    tasks(tmp_path / "A", {"arc": 0.0, "bias": 0.0})
    tasks(tmp_path / "B", {"arc": 0.6, "bias": 0.0, "trivia": 2.0})
    a = analyze(run_ids=[str(tmp_path / "A"), str(tmp_path / "B")], reports_dir=str(tmp_path))
    assert len(a.evaluations) == 3
    assert "Without a counterpart: trivia/score of B." in section(a)
    assert a.evaluations[0].result.value == pytest.approx(np.mean([p.result.value for p in a.evaluations[1:]]))


def trained(folder: Path, name: str, **sidecar: Any) -> None:
    """Write the log of a training with a sidecar."""
    rng = np.random.default_rng(len(name))
    rows = "".join(f"{step},{0.5 + rng.normal(0, 0.02):.4f}\n" for step in range(1, 101))
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}.csv").write_text(f"step,train_loss\n{rows}", encoding="utf-8")
    (folder / f"{name}.yaml").write_text(json.dumps(sidecar), encoding="utf-8")


def test_a_sidecar_gives_a_training_its_evaluations(tmp_path: Path) -> None:
    """They decide before the training loss; of one run each, beside what seeds usually make."""
    for name, scores in (("weak", WEAK), ("better", STRONG)):
        write(tmp_path / "evals" / f"{name}.csv", scored(scores))
        trained(tmp_path, name, evaluations=f"evals/{name}.csv")
    a = analyze(run_ids=["weak", "better"], runs_dir=str(tmp_path), reports_dir=str(tmp_path / "reports"))
    assert a.verdict.primary is not None
    assert a.verdict.primary.metric == a.run("better").metric_named("score")
    assert a.verdict.primary.usual_seed_sd == pytest.approx(np.sqrt((1 - (WEAK.mean() + STRONG.mean()) / 2) / 1000))
    assert a.verdict.result == "improved"
    assert a.run("weak").series("train_loss").size == 100


@pytest.mark.parametrize(
    ("sidecar", "message"),
    [
        ({"evaluations": "nowhere/*.csv"}, "there are no evaluations; check 'evaluations' in the sidecar"),
        ({"evaluations": 3}, "'evaluations' must be a file, folder or pattern beside the sidecar, or a list of them"),
        ({"evaluations": "weak.csv"}, "no column of IDs, by which examples are joined; call it 'id'"),
        ({"evaluations": "."}, "no scores by example"),
    ],
)
def test_a_wrong_sidecar_is_one_clear_line(tmp_path: Path, sidecar: dict[str, Any], message: str) -> None:
    """What, where, and what to do."""
    trained(tmp_path, "weak", **sidecar)
    with pytest.raises(LogError, match=message.replace("(", r"\(")) as caught:
        resolve("weak", runs_dir=tmp_path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (
            '{"question_id": 1, "score": 1}\n{"question_id": 2, "score": "soon"}\n',
            ":2: 'score' must be a number, or true",
        ),
        ('{"question_id": 1, "score": [1, 0]}\n', ":1: 'score' must be a number, or true or false, got '[1, 0]'"),
        (
            '{"question_id": null, "score": 1}\n',
            "no example has an ID, and evaluations are never compared by their order",
        ),
        ('{"question_id": 1, "score": null}\n', "no example has a score"),
        ('{"question_id": 1, "score": NaN}\n', "no example has a score"),
        ('{"question_id": 1, "score": 1, "weight": -1}\n', "'weight' must be a positive number in every row"),
        ('{"question_id": 1, "score": 1}\n[1]\n', ":2: a row must be a JSON object"),
    ],
)
def test_what_is_no_score_is_one_clear_line(tmp_path: Path, content: str, message: str) -> None:
    """The error names file and line and what is wanted."""
    (tmp_path / "a.jsonl").write_text(content)
    with pytest.raises(AnalysisError) as caught:
        resolve(str(tmp_path / "a.jsonl"), runs_dir=tmp_path)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("baseline", "candidate", "result"),
    [
        ([1.0], [0.0], "no evidence of a difference"),
        ([0.3], [0.9], "no evidence of a difference"),
        ([1.0] * 50, [1.0] * 50, "no evidence of a difference"),
        ([0.0] * 5, [0.1] * 5, "no evidence of a difference"),
        ([float("nan"), 1.0, 0.0], [1.0, float("inf"), 0.0], "no evidence of a difference"),
        ([1e300, 0.5, 0.0], [1e300, 1e99, -1e99], "no evidence of a difference"),
    ],
)
def test_hostile_scores_make_no_winner(
    tmp_path: Path, baseline: list[float], candidate: list[float], result: str
) -> None:
    """One example, all right, five alike, NaN and infinity, huge: a report without a winner, and no crash."""
    a = compared(tmp_path, scored(baseline), scored(candidate))
    assert a.verdict.result == result
    assert section(a)
    jsonschema.validate(to_json(a), schema())


def test_texts_are_redacted_shortened_and_no_markup(tmp_path: Path) -> None:
    """Where two runs differ the question stands in the report: without its secret, and cut."""
    token = "ghp_" + "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8"
    asked = [f"<script>*{place}*</script> Bearer {token} " + "x" * 500 for place in range(500)]
    a = compared(tmp_path, scored(WEAK, question=asked), scored(STRONG, question=asked))
    assert len(a.differing) == 10
    assert {one.candidate - one.baseline for one in a.differing} == {1.0, -1.0}
    results = json.dumps(to_json(a))
    assert token not in results
    assert token not in section(a)
    assert "[redacted]" in results
    assert max(len(one.question) for one in a.differing) <= 240


def test_results_hold_the_evaluations_and_none_without(tmp_path: Path) -> None:
    """The JSON has a key for them only where there are any, and keeps to its schema."""
    a = compared(tmp_path, scored(WEAK), scored(STRONG))
    results = to_json(a)
    jsonschema.validate(results, schema())
    assert results["evaluations"][0]["won"] == int((STRONG > WEAK).sum())
    trained(tmp_path, "weak")
    alone = analyze(run_ids=["weak"], runs_dir=str(tmp_path), reports_dir=str(tmp_path / "reports"))
    assert not {"evaluations", "differing_examples"} & to_json(alone).keys()
    assert "Evaluations" not in section(alone)


def test_a_log_of_steps_is_no_evaluation(tmp_path: Path) -> None:
    """Tables that are read today stay what they are: logs, and lists of runs."""
    for name, text in (
        ("steps", "index,loss\n1,0.5\n2,0.4\n3,0.3\n"),
        ("sweep", "id,lr,score\na,0.1,0.5\nb,0.2,0.6\n"),
        ("log", "step,score\n1,0.5\n2,0.4\n"),
    ):
        (tmp_path / f"{name}.csv").write_text(text)
        assert resolve(name, runs_dir=tmp_path)[0].provenance.source == "table"


def test_seeds_of_equal_models_have_no_winner(tmp_path: Path) -> None:
    """40 pairs of equal models, a whole analysis each: at most 4 with a winner, nominal 2."""
    winners = 0
    for seed in range(40):
        rng = np.random.default_rng(seed)
        a = compared(tmp_path, scored(right(rng, 300, 0.0)), scored(right(rng, 300, 0.0)))
        winners += a.verdict.result in ("improved", "regressed")
    assert winners <= 4


def test_a_million_examples_take_seconds(tmp_path: Path) -> None:
    """10⁶ examples read and joined; CPU time, so that a busy machine does not count."""
    n = 10**6
    rng = np.random.default_rng(0)
    for name in "ab":
        ids = rng.permutation(n)
        pd.DataFrame({"id": ids, "score": (ids % 7 > 2).astype(int)}).to_csv(tmp_path / f"{name}.csv", index=False)
    start = time.process_time()
    a = analyze(run_ids=[str(tmp_path / f"{name}.csv") for name in "ab"], reports_dir=str(tmp_path))
    assert time.process_time() - start < 20
    assert a.evaluations[0].n == n
    assert a.verdict.result != "improved"


def test_what_would_settle_it_is_said(tmp_path: Path) -> None:
    """Few differing answers: the exact test decides, and the verdict names the examples that would tell."""
    baseline, candidate = (
        np.repeat([1.0, 0.0, 0.0, 1.0], [20, 6, 10, 1]),
        np.repeat([1.0, 1.0, 0.0, 0.0], [20, 6, 10, 1]),
    )
    a = compared(tmp_path, scored(baseline), scored(candidate))
    (pair,) = a.evaluations
    assert pair.result.p == pytest.approx(stats.binomtest(6, 7).pvalue)
    assert a.verdict.result == "no evidence of a difference"
    assert f"one of this size in {pair.required} examples" in a.verdict.numbers
    assert [r.id for r in a.recommendations] == ["evidence.examples"]


def test_a_goal_against_the_baseline_is_tested_on_the_same_examples(tmp_path: Path) -> None:
    """No worse by 3 points: shown by the paired difference, which two levels of 500 answers could not show."""
    rng = np.random.default_rng(1)
    flipped = np.where(rng.random(500) < 0.01, 1 - WEAK, WEAK)
    write(tmp_path / "a.csv", scored(WEAK))
    write(tmp_path / "b.csv", scored(flipped))
    a = analyze(
        run_ids=[str(tmp_path / f"{name}.csv") for name in "ab"],
        reports_dir=str(tmp_path),
        goal="score no worse than baseline by 0.03",
    )
    assert a.goal is not None
    (criterion,) = a.goal.criteria
    assert criterion.tested is not None
    assert criterion.tested.state == "met"
    assert criterion.tested.estimate is not None
    assert criterion.tested.estimate.definition == "examples.mcnemar"


def test_a_scheme_reads_what_does_not_look_like_one(tmp_path: Path) -> None:
    """An index and a loss are the log of a training, unless somebody says otherwise."""
    path = write(tmp_path / "index.csv", [{"index": place, "loss": 0.5} for place in range(9)])
    (run,) = resolve(f"eval:{path}", runs_dir=tmp_path)
    assert run.only_evaluated
    assert run.metric_named("loss") is not None


def test_more_tasks_than_a_table_holds(tmp_path: Path) -> None:
    """Of thirty tasks those of the smallest p are shown, the mean first; the results have all."""
    for name, shift in (("A", 0.0), ("B", 0.3)):
        tasks(tmp_path / name, {f"t{place:02d}": shift for place in range(30)}, n=60)
    a = analyze(run_ids=[str(tmp_path / "A"), str(tmp_path / "B")], reports_dir=str(tmp_path))
    assert len(to_json(a)["evaluations"]) == 31
    assert "6 further metrics, of larger p: in the results JSON." in section(a)


def test_a_task_of_one_example_does_not_spoil_the_mean(tmp_path: Path) -> None:
    """It shows no spread: it stands in the table, and the mean is that of the others."""
    for name, shift in (("A", 0.0), ("B", 0.6)):
        tasks(tmp_path / name, {"arc": shift, "bias": shift})
        write(tmp_path / name / "lone.jsonl", scored([shift]))
    a = analyze(run_ids=[str(tmp_path / "A"), str(tmp_path / "B")], reports_dir=str(tmp_path))
    overall, *rest = a.evaluations
    assert overall.metric == OVERALL
    assert overall.result.value == pytest.approx(np.mean([pair.result.value for pair in rest if pair.n > 1]))
    assert a.verdict.result == "improved"


def test_of_evaluations_no_curves_are_drawn(tmp_path: Path) -> None:
    """They have neither steps nor a course: no axis, table or bar speaks of any."""
    rng = np.random.default_rng(0)
    for name, share in (("old", 0.5), ("new", 0.7)):
        scores = rng.random(400) < share
        write(tmp_path / f"{name}.csv", [{"id": f"q{k}", "score": int(s)} for k, s in enumerate(scores)])
    a = analyze(run_ids=[str(tmp_path / f"{name}.csv") for name in ("old", "new")])
    filled = sections(a)
    assert not filled["curves_figure"]
    shown = "\n".join(markdown(block) for blocks in filled.values() for block in blocks)
    assert "step 0" not in shown
    assert "expected unknown" not in shown
