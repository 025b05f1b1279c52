"""What a log shows without judgement: best and last values, what is missing, and the names runs go by."""

from __future__ import annotations

import json
import re

import numpy as np
import pytest

from analysis.core.blocks import Block, Callout, Prose, Table
from analysis.core.rich_text import plain
from analysis.core.run import Run
from analysis.core.run_names import display_name, name_among, named_among, shared_parts, short_names
from analysis.evidence.best_values import best_value, shown_metrics
from analysis.findings.analysis_result import Analysis
from analysis.report.results_json import to_json
from tests.builders import altered, analyzed, flat, known, log, run, sections, tables


def an_epoch_each(name: str, *, seed: int = 1, n: int = 30, worst: float = 0.0) -> Run:
    """Make a log of one value an epoch whose validation is best in the middle."""
    train = 1.0 / np.arange(1, n + 1) + 0.001 * seed
    valid = 0.5 + 0.001 * seed + worst * (np.arange(n) / n - 0.5) ** 2
    return run(name, {"epoch": np.arange(n, dtype=float), "train_loss": train, "full_valid_loss": valid})


def words(blocks: list[Block]) -> str:
    """All prose and callouts of some blocks."""
    parts = []
    for block in flat(blocks):
        if isinstance(block, Prose):
            parts.append(plain(block.text))
        elif isinstance(block, Callout):
            parts += [plain(block.title), *map(plain, block.body)]
    return " ".join(parts)


def test_best_and_last_are_read_in_the_metrics_own_direction() -> None:
    one = run("a", {"train_loss": [3.0, 1.0, 2.0], "map50": [0.2, 0.9, 0.4]})
    lower, higher = best_value(one, "train_loss"), best_value(one, "map50")
    assert (lower.first, lower.best, lower.place, lower.last) == (3.0, 1.0, 2, 2.0)
    assert (higher.best, higher.best_step) == (0.9, int(one.steps[1]))
    assert higher.lost_since_best == pytest.approx(0.5)


def test_validation_comes_first_and_what_has_no_direction_is_left_out() -> None:
    columns = {"lr": [1.0, 1.0], "policy_loss": [1.0, 2.0], "train_loss": [2.0, 1.0], "val/box_loss": [1.0, 2.0]}
    assert shown_metrics(run("a", columns)) == ["val/box_loss", "train_loss"]
    assert shown_metrics(run("a", {"box_loss": [1.0, 2.0]})) == ["box_loss"]
    assert shown_metrics(run("a", {"train_loss": [2.0, 1.0], "reward": [0.1, 0.2]})) == ["reward", "train_loss"]


def test_a_report_that_cannot_judge_says_what_is_seen_and_what_to_log() -> None:
    a = analyzed([an_epoch_each("a", worst=0.4)])
    row = tables(sections(a, figures=False)["curves"])["seen"].rows[0]
    assert [plain(cell.text) for cell in row[:2]] == ["Full validation loss", "30"]
    assert plain(row[3].text) == "0.501"
    record = next(r for r in a.recommendations if r.id == "evidence.record")
    points = " ".join(map(plain, record.points))
    assert "Log the training loss of every step" in points
    assert "data.n_valid" in points
    (answer,) = [b for b in sections(a, figures=False)["executive_summary"] if isinstance(b, Callout)]
    assert "#actions-evidence" in {s.href for line in answer.body for s in line}


def test_a_report_that_judges_shows_the_same_values_further_down() -> None:
    told = sections(analyzed([known("a", log(1)), known("b", log(2, level=0.4))]), figures=False)
    assert "seen" not in tables(told["executive_summary"])
    assert "seen" in tables(told["curves"])


def test_a_best_value_says_what_train_loss_did_since() -> None:
    finding = next(f for f in analyzed([an_epoch_each("a", worst=0.4)]).findings if f.rule == "seen.best")
    assert "Full validation loss was best at epoch" in finding.sentence
    assert "train loss changed by −" in finding.sentence
    assert finding.estimate == pytest.approx(0.501)


def test_what_decides_is_told_and_the_best_of_many_single_values_is_called_lucky() -> None:
    """Accuracy where accuracy decides; of noise about a level no value is so many percent worse than another."""
    epochs = np.arange(10)
    runs = [
        run(name, {"train_loss": 1 / (epochs + 1), "val_loss": np.full(10, 0.5), "val_accuracy": top - 0.5**epochs})
        for name, top in (("a", 0.9), ("b", 0.8))
    ]
    (told,) = [
        f.sentence
        for f in analyzed([altered(r, data={"n_valid": 9000}) for r in runs]).findings
        if f.id == "seen.best:b"
    ]
    assert "ccuracy was best" in told
    alone = next(
        f for f in analyzed([run("a", {"train_loss": log(1)["train_loss"]})]).findings if f.rule == "seen.best"
    )
    assert "lucky" in alone.sentence
    assert "worse" not in alone.sentence


def test_a_run_without_validation_is_told_what_to_do() -> None:
    columns = {"train_loss": log(1)["train_loss"]}
    a = analyzed([run("a", columns, config={"learning_rate": 1.0}), run("b", columns, config={"learning_rate": 2.0})])
    claim = next(f for f in a.findings if f.rule == "attribution")
    assert claim.status == "cannot tell"
    assert "Log a validation loss" in claim.remedy
    assert "config.batch_size" in claim.remedy
    record = next(r for r in a.recommendations if r.id == "evidence.record")
    advised = " ".join(map(plain, record.points))
    assert "Log a validation loss" in advised
    assert "config.batch_size" in advised
    assert claim.remedy not in words(sections(a, figures=False)["impact"])  # it is said once


def test_nothing_is_asked_for_where_nothing_is_missing() -> None:
    a = analyzed([known("a", log(1)), known("b", log(2))])
    assert all(r.id != "evidence.record" for r in a.recommendations)
    assert all(not f.remedy for f in a.findings if f.rule == "gate")


def test_what_could_not_be_looked_for_says_why() -> None:
    filled = sections(analyzed([an_epoch_each("a", n=6)]), figures=False)
    assert "Could not be checked in a: " in words(filled["curves"])
    assert "validations are too few for a trend" in str(tables(filled["appendix"])["findings"])


def test_full_validation_leads_where_no_run_has_another() -> None:
    a = analyzed([an_epoch_each("a", seed=9), an_epoch_each("b", seed=1)])
    assert a.leaders["validation_performance"] == "b"
    table = tables(sections(a, figures=False)["final_validation"])["final-validation"]
    assert [c.label for c in table.columns] == ["Run", "Assessment", "Full validation loss"]
    assert [plain(row[1].text) for row in table.rows] == ["Worse than b", "Best"]


def test_one_run_is_neither_ranked_nor_called_the_best() -> None:
    told = sections(analyzed([known("a", log(1))]), figures=False)
    assert all("one run only" in words(told[name]) for name in ("ranking", "leaders"))
    stability = tables(told["stability"])["stability"]
    assert "Assessment" not in [c.label for c in stability.columns]


def test_a_log_of_one_value_an_epoch_is_listed_as_such_with_its_best() -> None:
    a = analyzed([an_epoch_each("a", worst=0.4)])
    table = next(b for b in flat(sections(a, figures=False)["epochs"]) if isinstance(b, Table))
    assert [c.label for c in table.columns] == ["Epoch", "Train loss", "Full validation loss"]
    assert [row[2].text[0].bold for row in table.rows].count(True) == 1
    assert "left out" in " ".join(plain(note) for note in table.notes)


def test_an_epoch_of_a_reward_improves_when_it_rises() -> None:
    a = analyzed([run("a", {"reward": np.linspace(-2.0, 3.0, 40)})])
    assert a.rules_of_thumb["a"].epochs[0].improvement_pct == pytest.approx(250)


def test_the_loss_relative_to_the_baseline_stands_beside_the_window_means() -> None:
    a = analyzed([known("a", log(1)), known("b", log(2, level=0.36))])
    table = tables(sections(a, figures=False)["final_training"])["final-training"]
    column = [c.definition for c in table.columns].index("loss.window_ratio")
    shown = {plain(row[0].text): plain(row[column].text) for row in table.rows}
    assert shown["a"] == "baseline"
    means = [a.evidence[r].window["train_loss"].value for r in "ab"]
    assert float(shown["b"]) == pytest.approx(means[1] / means[0], abs=0.006)


def test_statements_write_minus_one_way() -> None:
    falling = known("a", {**log(1), "train_loss": np.linspace(0.9, 0.3, 300) + 0.02 * np.sin(np.arange(300) * 7.0)})
    a = analyzed([known("b", log(2)), falling])
    told = [f.sentence for f in a.findings] + [d.statement for ds in a.detections.values() for d in ds]
    assert any("−" in sentence for sentence in told)
    assert [s for s in told if re.search(r"(?<![\w.])-\.?\d|\de-\d", s)] == []


NAMES = ("sweep_bs128_lr0p001_1777", "sweep_bs128_lr0p01_1777", "sweep_bs128_lr1p0_1777")


def test_long_names_are_shortened_to_what_tells_them_apart() -> None:
    assert list(short_names(NAMES).values()) == ["lr0p001", "lr0p01", "lr1p0"]
    assert shared_parts(NAMES) == "sweep_bs128_…_1777"
    assert short_names(NAMES[:1]) == {NAMES[0]: NAMES[0]}


@pytest.mark.parametrize("names", [("run_2", "run_3"), ("a_very_long_name_of_a_run", "quite_another_name_for_it")])
def test_names_are_left_alone_where_shortening_would_gain_nothing(names: tuple[str, ...]) -> None:
    assert short_names(names) == {name: display_name(name) for name in names}
    assert shared_parts(names) == ""


def test_shortened_names_are_never_empty_nor_alike() -> None:
    short = short_names(("experiment_with_a_long_name", "experiment_with_a_long_name_again", "experiment_with_a"))
    assert all(short.values())
    assert len(set(short.values())) == 3


def test_names_hold_only_within_their_context() -> None:
    with named_among(short_names(NAMES)):
        assert name_among(NAMES[0]) == "lr0p001"
    assert name_among(NAMES[0]) == NAMES[0]


def test_a_report_says_what_its_names_leave_out_and_its_json_keeps_them_whole() -> None:
    a: Analysis = analyzed([known(name, log(k)) for k, name in enumerate(NAMES)])
    cover = sections(a, figures=False)["title"][0]
    assert "sweep_bs128_…_1777" in plain(dict(cover.facts)["Run names without"])  # type: ignore[union-attr]
    stability = tables(sections(a, figures=False)["stability"])["stability"]
    assert [plain(row[0].text) for row in stability.rows] == ["lr0p001", "lr0p01", "lr1p0"]
    assert set(json.loads(json.dumps(to_json(a)))["runs"]) == set(NAMES)


def test_a_validation_without_an_error_decides_and_says_that_it_has_none() -> None:
    def train_and_a_few_validations(seed: int, level: float) -> dict[str, np.ndarray]:
        columns = log(seed, level=level)
        return {"train_loss": columns["train_loss"], "full_valid_loss": columns["full_valid_loss"]}

    a = analyzed([known(n, train_and_a_few_validations(k, 0.3 + 0.1 * k)) for k, n in enumerate("ab")])
    assert a.verdict.result == "regressed"
    assert a.verdict.sentence == "b is a worse model than a."
    assert (
        "without an interval: its error is known only from scores by example, or from at least 5 minibatch validations"
        in a.verdict.numbers
    )
    assert "unless seeds scatter by more than" in a.verdict.condition


def test_many_comparisons_are_told_against_the_baseline_and_by_pairs() -> None:
    runs = [
        known(f"run_{k}", log(k, 200, level=0.3 + 0.05 * (k == 3)), learning_rate_multiplier=k) for k in range(1, 7)
    ]
    a = analyzed(runs)
    found = tables(sections(a, figures=False)["appendix"])
    against = found["comparisons"]
    assert against.caption == f"Comparisons against {a.name(a.reference_id)}"
    assert a.name(a.reference_id) not in {plain(row[0].text) for row in against.rows}
    assert not any(cell.minor for row in against.rows for cell in row), "a comparison is one line"
    pairs = found["comparisons-train_loss"]
    shown = [plain(cell.text) for row in pairs.rows for cell in row[1:]]
    known_pairs = [c for c in a.comparisons if c.metric == "train_loss" and c.known and c.scope == "whole"]
    assert sum(any(ch.isdigit() for ch in words) for words in shown) == len(known_pairs) == 15
    worse = [row for row in pairs.rows if plain(row[0].text) == "Run 3"] or [pairs.rows[0]]
    assert any("▼" in words or "▲" in words for words in (plain(c.text) for c in worse[0]))
    assert len(to_json(a)["comparisons"]) == len(a.comparisons)


def test_reasons_against_comparisons_are_said_once_below_them() -> None:
    runs = [known(f"run_{k}", log(k, 200), learning_rate_multiplier=k, batch_size=32 * k) for k in range(1, 7)]
    table = tables(sections(analyzed(runs), figures=False)["appendix"])["comparisons"]
    states = {plain(row[-1].text) for row in table.rows}
    numbers = {int(n) for state in states for n in re.findall(r"\((\d+)\)", state)}
    assert numbers == set(range(1, len(table.notes) + 1))
    assert len({plain(note).partition(") ")[2] for note in table.notes}) == len(table.notes) > 0


def test_few_comparisons_stay_in_one_table() -> None:
    found = tables(sections(analyzed([known("a", log(1)), known("b", log(2))]), figures=False)["appendix"])
    assert list(found) == ["findings", "comparisons"]
