"""The rules of thumb: the hand-written report comes out number for number, and its definitions hold for any log."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest

from analysis.core.blocks import Block
from analysis.core.run import Data
from analysis.core.run_facts import (
    breaks_of,
    curve_metric,
    ended_nonfinite,
    epoch_bounds,
    first_step,
    is_per_epoch,
    total_steps,
)
from analysis.core.settings import Settings
from analysis.findings.analysis_result import Analysis
from analysis.heuristics.run_numbers import leaders, rule_numbers
from analysis.render import markdown
from tests.builders import RUN_IDS, flat, known, log, run, tables

NAMES = {run_id: f"Run {run_id[-1]}" for run_id in RUN_IDS}


def written(blocks: list[Block]) -> str:
    """The Markdown form of a section as a reader sees it: no escapes, no emphasis, plain minus signs."""
    text = "\n".join(markdown.render(block) for block in flat(blocks))
    return re.sub(r"\\(.)", r"\1", text).replace("**", "").replace("−", "-")


def row(blocks: list[Block], head: str, *, table: int = 0) -> list[str]:
    """The cells of a rendered table row that begins with these words."""
    lines = [line for line in written(blocks).splitlines() if line.startswith(f"| {head}")]
    return [cell.strip() for cell in lines[table].strip("|").split("|")]


def decimals(value: float) -> int:
    """The digits after the point that a printed number shows."""
    text = repr(value)
    return len(text.partition(".")[2]) if "." in text else 0


def shows(value: float, printed: float, scale: float = 1.0) -> bool:
    """Whether an unrounded number rounds to a printed one, at the digits printed."""
    return round(value * scale, decimals(printed)) == pytest.approx(printed, abs=1e-12)


PLACES = [
    ("stability", "oscillations", "oscillations", 1),
    ("final_train", "loss", "final_train_loss", 1),
    ("final_train", "accuracy_pct", "final_train_accuracy", 100),
    ("final_valid", "loss", "final_valid_loss", 1),
    ("final_valid", "accuracy_pct", "final_valid_accuracy", 100),
    ("efficiency", "total_steps", "total_steps", 1),
    ("efficiency", "expected_in_report", "expected_steps_stated", 1),
    ("efficiency", "expected_from_data", "expected_steps", 1),
    ("validation_coverage", "standard", "validation_count", 1),
    ("validation_coverage", "full", "full_validation_count", 1),
]
"""Group and key of a printed number, and key and scale of the one in the results."""


@pytest.mark.parametrize("run_id", RUN_IDS)
@pytest.mark.parametrize(("group", "key", "ours", "scale"), PLACES)
def test_results_hold_each_printed_number(
    reference_results: dict[str, Any], printed: dict[str, Any], run_id: str, group: str, key: str, ours: str, scale: int
) -> None:
    found = reference_results["runs"][run_id]["rules_of_thumb"][ours]
    assert shows(found, printed[group][run_id][key], scale)


def test_results_hold_the_other_printed_numbers(reference_results: dict[str, Any], printed: dict[str, Any]) -> None:
    documents = {run_id: about["rules_of_thumb"] for run_id, about in reference_results["runs"].items()}
    base = documents["run_3"]["oscillations"]
    for run_id, document in documents.items():
        assert shows(document["volatility"], printed["volatility_mean_rolling20"][run_id])
        assert shows(document["oscillations"] / base - 1, printed["stability"][run_id]["vs_baseline_pct"], 100)
        coverage = printed["validation_coverage"][run_id]
        assert shows(document["validation_count"] / document["total_steps"], coverage["standard_pct"], 100)
        assert shows(document["full_validation_count"] / document["total_steps"], coverage["full_pct"], 100)
        full = printed["full_valid_not_in_the_report"][run_id]
        assert shows(document["final_full_valid_loss"], np.atleast_1d(full["loss"])[-1].item())
        assert shows(document["final_full_valid_accuracy"], np.atleast_1d(full["accuracy_pct"])[-1].item(), 100)
    assert shows(documents["run_4"]["gap_pp"], printed["gap_pp"]["run_4"])
    impact = printed["learning_rate_impact_run_3_to_4"]
    old, new = documents["run_3"], documents["run_4"]
    assert shows(new["final_valid_accuracy"] / old["final_valid_accuracy"] - 1, impact["validation_pct_relative"], 100)
    assert shows(
        new["final_train_accuracy"] / old["final_train_accuracy"] - 1, impact["train_accuracy_pct_relative"], 100
    )
    assert reference_results["verdict"]["rules_of_thumb_detail"]["oscillation_change_pct"] == pytest.approx(
        (517 / 269 - 1) * 100
    )


def test_results_hold_the_epochs(reference_results: dict[str, Any], printed: dict[str, Any]) -> None:
    found = reference_results["runs"]["run_4"]["rules_of_thumb"]["epochs"]
    assert len(found) == len(printed["epochs_run_4"])
    for ours, theirs in zip(found, printed["epochs_run_4"], strict=True):
        for key, value in theirs.items():
            assert shows(ours[key], value), key


def test_results_hold_grades_leaders_and_overall_result(
    reference_results: dict[str, Any], printed: dict[str, Any]
) -> None:
    for run_id, grades in printed["grades"].items():
        document = reference_results["runs"][run_id]["rules_of_thumb"]
        assert {"rank": document["rank"], **document["grades"]} == grades
    assert reference_results["leaders"] == printed["leaders"]
    assert reference_results["verdict"]["rules_of_thumb"] == printed["overall_result"]


def test_the_three_slips_come_out_right(reference: Analysis, reference_sections: dict[str, list[Block]]) -> None:
    assert f"{reference.rules_of_thumb['run_3'].gap_pp:.2f}" == "2.01"
    assert f"{reference.rules_of_thumb['run_2'].overage_pct:.1f}" == "95.1"
    assert reference.rules_of_thumb["run_4"].total_steps == 560
    assert "Analysis includes 560 training steps across 2 epochs" in written(reference_sections["footer"])
    assert "Differences are taken before rounding, which shows in Run 2, Run 3." in written(reference_sections["gap"])
    assert "561 lines, the first of which is the header" in written(reference_sections["data_quality"])


def test_stability_table_is_printed(reference_sections: dict[str, list[Block]]) -> None:
    table = reference_sections["stability"]
    assert row(table, "Run 2")[:5] == ["Run 2 (Problematic)", "1.5", "654", "+143%", "✕ Worst"]
    assert row(table, "Run 3")[:5] == ["Run 3 (Fixed)", "0.5", "269", "Baseline", "✓ Best"]
    assert row(table, "Run 4")[:5] == ["Run 4 (Optimized)", "0.75", "517", "+92%", "✕ Poor"]


def test_performance_tables_are_printed(reference_sections: dict[str, list[Block]]) -> None:
    train, valid = reference_sections["final_training"], reference_sections["final_validation"]
    assert row(train, "Run 2")[:4] == ["Run 2", "0.314", "80.95%", "✕ Poor"]
    assert row(train, "Run 3")[:4] == ["Run 3", "0.286", "84.44%", "✓ Best"]
    assert row(train, "Run 4")[:4] == ["Run 4", "0.317", "83.33%", "Worse than Run 3"]
    assert row(valid, "Run 2")[:4] == ["Run 2", "0.298", "84.38%", "✕ Poor"]
    assert row(valid, "Run 3")[:4] == ["Run 3", "0.288", "86.46%", "✓ Good"]
    assert row(valid, "Run 4")[:4] == ["Run 4", "0.271", "87.50%", "✓ Best"]


def test_efficiency_and_coverage_tables_are_printed(reference_sections: dict[str, list[Block]]) -> None:
    steps, coverage = reference_sections["efficiency"], reference_sections["coverage"]
    assert row(steps, "Run 2")[:4] == ["Run 2", "683", "~350", "✕ Poor (95% overage)"]
    assert row(steps, "Run 3")[:4] == ["Run 3", "291", "~280", "✓ Excellent (4% overage)"]
    assert row(steps, "Run 4")[:4] == ["Run 4", "560", "~560", "Expected (2 epochs)"]
    assert row(coverage, "Run 2")[:4] == ["Run 2", "69 (10.1%)", "1 (0.1%)", "Basic"]
    assert row(coverage, "Run 3")[:4] == ["Run 3", "30 (10.3%)", "1 (0.3%)", "Basic"]
    assert row(coverage, "Run 4")[:4] == ["Run 4", "56 (10.0%)", "2 (0.4%)", "✓ Enhanced"]


def test_epoch_table_is_printed(reference_sections: dict[str, list[Block]]) -> None:
    table = reference_sections["epochs"]
    assert row(table, "Epoch 1")[:7] == ["Epoch 1", "280", "0.305", "0.299", "+1.8%", "254", "✓ Good"]
    assert row(table, "Epoch 2")[:7] == ["Epoch 2", "280", "0.301", "0.317", "-5.2%", "263", "✕ Poor"]


def test_curves_and_gap_are_printed(reference_sections: dict[str, list[Block]]) -> None:
    numbers = [tables(reference_sections["curves"])["curves"]]
    for run_id, volatility in (("Run 2", "0.0375"), ("Run 3", "0.0254"), ("Run 4", "0.0244")):
        assert row(numbers, run_id)[5] == volatility
    table = reference_sections["gap"]
    assert row(table, "Run 3")[:5] == ["Run 3", "84.44%", "86.46%", "+2.01 pp", "Low"]
    assert row(table, "Run 4")[:5] == ["Run 4", "83.33%", "87.50%", "+4.17 pp", "Moderate"]


def test_impact_tables_are_printed(reference_sections: dict[str, list[Block]]) -> None:
    table = reference_sections["impact"]
    text = written(table)
    assert "Learning Rate Impact (0.5 → 0.75)" in text
    assert "Epoch Count Impact (1 → 2)" in text
    assert "| Metric | Run 3 (lr=0.5) | Run 4 (lr=0.75) |" in text
    assert row(table, "Oscillations")[:5] == ["Oscillations", "269", "517", "+92%", "✕ Much worse"]
    assert row(table, "Training Stability")[1:5] == ["High", "Low", "↓", "✕ Degraded"]
    valid = row(table, "Validation Performance")
    assert valid[1:3] == ["86.46%", "87.50%"]
    assert valid[3].startswith("+1.2%")
    assert valid[4] == "✓ Improved"
    assert row(table, "Training Performance")[3].startswith("-1.3%")
    assert row(table, "Epoch 1")[1:3] == ["✓ Improvement (+1.8%)", "✓ Beneficial"]
    assert row(table, "Epoch 2")[1:3] == ["✕ Degradation (-5.2%)", "✕ Harmful"]


def test_ranking_and_leaders_are_printed(reference_sections: dict[str, list[Block]]) -> None:
    table = reference_sections["ranking"]
    for place, name, grades in (
        ("1st", "Run 3: lr 0.5", ["A+", "A", "A"]),
        ("2nd", "Run 4: lr 0.75", ["C-", "A", "B-"]),
        ("3rd", "Run 2: lr 1.5", ["F", "C", "D"]),
    ):
        cells = row(table, place)
        assert cells[1].startswith(name)
        assert cells[2:5] == grades
    text = written(reference_sections["leaders"])
    for line in (
        "Best Stability: Run 3 (269 oscillations)",
        "Best Training Performance: Run 3 (84.44% accuracy, 0.286 loss)",
        "Best Validation Performance: Run 4 (87.50% accuracy, 0.271 loss)",
        "Best Efficiency: Run 3 (291 steps)",
        "Best Monitoring: Run 4 (2 full validations)",
    ):
        assert line in text


def test_advice_is_printed(
    reference: Analysis, reference_sections: dict[str, list[Block]], printed: dict[str, Any]
) -> None:
    advised = printed["recommended"]
    values = {r.id: r.value for r in reference.recommendations}
    assert values["rule.reduce_learning_rate"] == advised["learning_rate"]
    assert values["rule.fewer_epochs"] == advised["epochs"]
    assert values["rule.early_stopping"] == advised["early_stopping_patience_steps"]
    assert values["rule.learning_rate_schedule"] == advised["decay_to"]
    standard = {"learning_rate": "learning_rate_multiplier", "epochs": "n_epochs"}
    for planned, theirs in zip(reference.next_runs, advised["next"], strict=True):
        config = {standard.get(key, key): value for key, value in theirs.items() if key != "name"}
        assert planned.name == theirs["name"]
        assert {key: planned.config[key] for key in config} == config
    actions, later = written(reference_sections["actions"]), written(reference_sections["optimizations"])
    assert "Target: 0.6 (between 0.5 and 0.75)" in actions
    assert "REVERT to 1 Epoch" in actions
    assert "epoch 2 ends at a higher loss than it starts (-5.2%)" in actions
    assert "Stop if no improvement for 20 steps" in later
    assert "Start at 0.6, decay to 0.4" in later
    assert "Limit gradient norms" in later
    runs = written(reference_sections["next_experiments"])
    assert "Run 5 (what the rules of thumb suggest" in runs
    assert "Run 6 (if Run 5 succeeds" in runs


def test_summary_is_printed(reference_sections: dict[str, list[Block]], printed: dict[str, Any]) -> None:
    text = written(reference_sections["executive_summary"])
    assert f"rule of thumb: “{printed['overall_result'].lower()}”" in text.lower()
    assert "learning rate 0.75, 2 epochs, batch size 64" in written(reference_sections["title"])
    assert "✕ not met (+92% oscillations" in text
    assert "There is no evidence that Run 4 performs differently from Run 3" in text


# Definitions, on logs made by hand.


def document_of(columns: dict[str, Any], **fields: Any) -> Any:
    return rule_numbers([run("a", columns, **fields)], Settings())["a"]


def test_counts_by_hand() -> None:
    result = document_of({"train_loss": [1.0, 1.02, 1.02, 1.03, 0.0, 5.0, 5.0]})
    # 1 -> 1.02 (2%), 1.02 -> 1.03 is under 1%, 1.03 -> 0 (100%), 0 -> 5 has no ratio.
    assert (result.oscillations, result.transitions) == (2, 5)
    assert (result.first_train_loss, result.best_train_loss, result.worst_train_loss) == (1.0, 0.0, 5.0)
    assert result.final_train_loss == 5.0


def test_volatility_is_the_mean_of_rolling_deviations() -> None:
    values = np.random.default_rng(4).normal(size=57)
    by_hand = np.mean([values[i : i + 20].std(ddof=1) for i in range(38)])
    assert document_of({"train_loss": values}).volatility == pytest.approx(by_hand, rel=1e-9)
    assert document_of({"train_loss": values[:19]}).volatility is None


def test_nothing_is_differenced_across_a_seam_or_a_gap() -> None:
    resumed = run("a", {"train_loss": [1.0, 2.0, 4.0, 8.0]}, seams=(3,))
    assert breaks_of(resumed, "train_loss").tolist() == [False, False, True, False]
    assert rule_numbers([resumed], Settings())["a"].oscillations == 2
    broken = run("a", {"train_loss": [1.0, np.inf, 4.0, 8.0]})
    assert breaks_of(broken, "train_loss").tolist() == [False, True, False]
    assert rule_numbers([broken], Settings())["a"].oscillations == 1


def test_a_run_that_ends_as_nan_has_no_final_value() -> None:
    dead = run("a", {"train_loss": [1.0, 0.5, np.inf], "valid_loss": [np.inf, 0.5, np.nan]})
    assert ended_nonfinite(dead, "train_loss")
    assert not ended_nonfinite(dead, "valid_loss")
    result = rule_numbers([dead], Settings())["a"]
    assert (result.final_train_loss, result.final_valid_loss) == (None, 0.5)


@pytest.mark.parametrize(
    ("steps", "total"), [([1, 2, 3], 3), ([0, 1, 2], 3), ([10, 20, 30], 30), ([0, 10, 20], 20), ([7], 7), ([0], 1)]
)
def test_steps_are_counted_from_wherever_the_tool_counts(steps: list[int], total: int) -> None:
    assert total_steps(run("a", {"train_loss": np.ones(len(steps)), "step": steps})) == total


def test_epoch_ends_come_from_the_best_source() -> None:
    values = np.ones(100)
    data = Data(n_train=100)
    stated = run("a", {"train_loss": values}, config={"n_epochs": 2, "batch_size": 2}, data=data)
    assert epoch_bounds(stated)[1] == "metadata"
    assert epoch_bounds(stated)[0].tolist() == [50, 100]
    logged = run("a", {"train_loss": values, "epoch": np.repeat([1.0, 2.0], [30, 70])})
    assert (epoch_bounds(logged)[0].tolist(), epoch_bounds(logged)[1]) == ([30, 100], "metadata")
    full = np.full(100, np.nan)
    full[[39, 99]] = 0.5
    rows = run("a", {"train_loss": values, "full_valid_loss": full}, config={"n_epochs": 2})
    assert (epoch_bounds(rows)[0].tolist(), epoch_bounds(rows)[1]) == ([40, 100], "full validation")
    guessed = run("a", {"train_loss": np.ones(101)}, config={"n_epochs": 2})
    assert (epoch_bounds(guessed)[0].tolist(), epoch_bounds(guessed)[1]) == ([50, 101], "estimated")
    unknown = run("a", {"train_loss": values})
    assert (epoch_bounds(unknown)[0].tolist(), epoch_bounds(unknown)[1]) == ([100], "unknown")


@pytest.mark.parametrize(
    ("steps", "first"),
    [
        ([1, 2, 3], 1), ([0, 1, 2], 0), ([10, 20, 30], 1), ([9, 19, 29], 0), ([1, 10, 20, 30], 1), ([0, 10, 20], 0),
        ([510, 520, 530], 501), ([7], 7),
    ],
)  # fmt: skip
def test_a_row_stands_for_the_steps_since_the_last_one(steps: list[int], first: int) -> None:
    assert first_step(run("a", {"train_loss": np.ones(len(steps)), "step": steps})) == first


def test_the_first_epoch_of_a_log_every_ten_steps_is_as_long_as_the_others() -> None:
    steps = np.arange(10, 301, 10)
    logged = {"step": steps, "epoch": steps / 100, "train_loss": np.linspace(1, 0.5, 30)}
    assert [epoch.steps for epoch in document_of(logged).epochs] == [100, 100, 100]


def test_epochs_cover_every_step_once() -> None:
    result = document_of({"train_loss": np.linspace(1, 0.5, 101)}, config={"n_epochs": 3})
    assert sum(epoch.steps for epoch in result.epochs) == 101
    assert [epoch.first_step for epoch in result.epochs[1:]] == [epoch.last_step + 1 for epoch in result.epochs[:-1]]
    assert sum(epoch.oscillations for epoch in result.epochs) <= result.transitions


def test_one_value_an_epoch_is_no_oscillation() -> None:
    columns = {"train_loss": [1.0, 0.7, 0.9], "epoch": [1.0, 2.0, 3.0]}
    assert is_per_epoch(run("a", columns), "train_loss")
    assert document_of(columns).oscillations is None
    assert document_of({"train_loss": [1.0, 0.7, 0.9]}, config={"n_epochs": 3}).volatility is None
    assert not is_per_epoch(run("a", {"train_loss": [1.0, 0.7, 0.9]}, config={"n_epochs": 2}), "train_loss")


def test_the_curve_is_the_loss_if_any_run_has_one() -> None:
    reward, loss = run("a", {"reward": [1.0, 2.0]}), run("b", {"train_loss": [1.0, 2.0]})
    assert curve_metric([reward]) == "reward"
    assert curve_metric([reward, loss]) == "train_loss"
    assert curve_metric([run("c", {"map50": [0.1]})]) == "map50"


def test_a_higher_reward_is_the_best_value_of_its_curve() -> None:
    result = document_of({"reward": [1.0, 5.0, 3.0]})
    assert (result.best_train_loss, result.worst_train_loss) == (5.0, 1.0)


def test_leaders_fall_back_to_losses_and_to_nobody() -> None:
    runs = [run("a", {"train_loss": [0.3, 0.3, 0.2]}), run("b", {"train_loss": [0.3, 0.5]})]
    assert leaders(rule_numbers(runs, Settings())) == {
        "stability": "a",
        "training_performance": "a",
        "validation_performance": None,
        "efficiency": "b",
        "monitoring": None,
    }


def test_ties_share_a_rank() -> None:
    columns = log(5)
    results = rule_numbers([known("a", columns), known("b", columns), known("c", log(6, n=900))], Settings())
    assert results["a"].rank == results["b"].rank == 1
    assert results["c"].rank == 3
