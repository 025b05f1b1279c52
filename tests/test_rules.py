"""Findings: the fourteen slips of the hand-written report are found by general rules, which hold for any runs."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from analysis.core.errors import UsageError
from analysis.core.parameters import check_parameters
from analysis.core.rich_text import plain
from analysis.core.run import Data
from analysis.evidence.comparability import gate
from analysis.findings.analysis_result import Analysis
from analysis.findings.definitions import DEFINITIONS
from analysis.findings.finding import Finding
from analysis.findings.rules import RULES
from analysis.findings.rules.advice import stopping_step
from analysis.pipeline import analyze
from analysis.statistics.detectors import DETECTORS
from tests.builders import ROOT, altered, analyzed, at, known, log, run

STATUSES = {"supported", "not supported", "contradicted", "cannot tell", "not tested"}


def finding(a: Analysis, finding_id: str) -> Finding:
    (found,) = [f for f in a.findings if f.id == finding_id]
    return found


def of_rule(a: Analysis, rule: str) -> list[Finding]:
    return [f for f in a.findings if f.rule == rule]


FOURTEEN = [
    ("stability.oscillation_count:run_4", "contradicted", r"92% more", r"92\.5.*92\.8.*−0\.3 pp .*p = \.89"),
    ("stability.cause:run_2", "contradicted", r"least stable .* learning rate", r"batch size 32.*64.*1\.4\d.*√batch"),
    ("performance.final_validation:run_4", "not supported", r"87\.50% against 86\.46%", r"168/192.*166/192, p = \.76"),
    ("performance.final_training:run_3", "not supported", r"best training", r"partial batch of 15 examples \(38/45"),
    ("epochs.change:run_4:2", "not supported", r"Epoch 2 degraded by 5\.2", r"two single points.*0\.29762 to 0\.29568"),
    ("epochs.overfitting:run_4", "contradicted", r"Epoch 2 caused overfitting", r"\+4\.17 pp has the sign of the opp"),
    ("stability.volatility:run_4", "contradicted", r"higher volatility", r"0\.0244 against 0\.0254"),
    ("curves.shape:run_3", "contradicted", r"smooth, consistent improvement", r"\+16%.*p = \.\d+"),
    ("efficiency.expected_steps:run_2", "contradicted", r"683 steps, 95\.1% more.*350", r"21852.*32\) = 683, exactly"),
    ("efficiency.expected_steps:run_3", "contradicted", r"291 steps.*280", r"18575.*64\) = 291, exactly"),
    ("gap.rounding:run_3", "contradicted", r"\+2\.02 pp", r"\+2\.01 pp before rounding"),
    ("data.logged_steps:run_4", "supported", r"", r"560 rows, up to step 560; its file has 561 lines"),
    ("attribution.learning_rate", "cannot tell", r"rate 0\.75 is too high", r"chained"),
    ("attribution.data_balancing", "cannot tell", r"had an effect", r"cannot be told"),
    ("attribution.validation", "cannot tell", r"had an effect", r"cannot be told"),
    ("data.missing", "contradicted", r"No missing", r"3 columns .*full_valid_error_rate.*train_error_rate"),
    ("advice.patience", "contradicted", r"20 steps", r"2 evaluations.*step 50 of 683.*30 of 291.*50 of 560"),
]
"""Finding, status, what the claim says, what the logs say."""


@pytest.mark.parametrize(("finding_id", "status", "claim", "sentence"), FOURTEEN)
def test_each_slip_of_the_report_is_a_finding(
    reference: Analysis, finding_id: str, status: str, claim: str, sentence: str
) -> None:
    found = finding(reference, finding_id)
    assert found.status == status
    assert re.search(claim, plain(found.claim))
    assert re.search(sentence, found.sentence)


def test_numbers_behind_the_slips(reference: Analysis) -> None:
    rate = finding(reference, "stability.oscillation_count:run_4")
    assert rate.estimate == pytest.approx((517 / 559 - 269 / 290) * 100, abs=1e-9)
    assert rate.low < 0 < rate.high
    assert rate.high - rate.estimate == pytest.approx(3.9, abs=0.3)
    noise = finding(reference, "stability.cause:run_2")
    assert noise.estimate == pytest.approx(0.99, abs=0.02)
    assert (noise.low, noise.high) == (pytest.approx(0.89, abs=0.03), pytest.approx(1.12, abs=0.03))
    full = finding(reference, "performance.primary")
    assert full.estimate == pytest.approx(0.29568 - 0.29535, abs=2e-5)
    assert (full.low, full.high) == (pytest.approx(-0.0086, abs=5e-4), pytest.approx(0.0093, abs=5e-4))


def test_nothing_that_judges_knows_the_reference_runs() -> None:
    folder = ROOT / "analysis"
    # Parameters, command and sources speak of run_2 in their hints; calibration simulates the runs' lengths.
    told = ("core/parameters.py", "cli/", "sources/", "calibrate/")
    judging = [path for path in folder.rglob("*.py") if not path.relative_to(folder).as_posix().startswith(told)]
    assert len(judging) > 50
    for path in judging:
        code = re.sub(r'""".*?"""|#.*', "", path.read_text(encoding="utf-8"), flags=re.DOTALL)
        assert not re.search(r"run_[234]\b|Run [234]\b|\b(683|291|560|654|269|517)\b|balanced_optimal", code), path


def test_every_rule_answers_to_its_id(reference: Analysis) -> None:
    known_ids = {*RULES, *DETECTORS}
    for found in reference.findings:
        assert found.rule in known_ids
        assert found.status in STATUSES
        assert found.definition is None or found.definition in DEFINITIONS
        assert set(found.runs) <= {r.id for r in reference.runs}
        assert found.sentence.strip()
    assert max(Counter(f.id for f in reference.findings).values()) == 1


def test_the_rules_find_their_ids_in_the_sample_runs_too(sample: Analysis) -> None:
    assert max(Counter(f.id for f in sample.findings).values()) == 1
    assert {f.definition for f in sample.findings} - {None} <= set(DEFINITIONS)
    assert finding(sample, "data.complete").status == "supported"


@pytest.mark.parametrize("rule", [*RULES, *DETECTORS])
def test_a_muted_rule_is_absent(rule: str, two_alike: Analysis) -> None:
    muted = analyzed(two_alike.runs, mute=[rule])
    assert of_rule(muted, rule) == []
    kept = [f.id for f in two_alike.findings if f.rule != rule]
    if rule in RULES and rule != "problems":
        assert [f.id for f in muted.findings] == kept
    else:
        assert {f.id for f in muted.findings} <= set(kept)


def test_an_unknown_rule_cannot_be_muted() -> None:
    with pytest.raises(UsageError, match=r"'mute' names 'gate\.x', which is no rule; known: .*stability\.cause"):
        analyze(run_ids=["a"], mute=["gate.x"])


# Each claim, on logs in which the truth is known.


def pair(first: dict[str, np.ndarray], second: dict[str, np.ndarray], **config: object) -> Analysis:
    config = config or {"learning_rate_multiplier": 1.0}
    return analyzed([known("a", first), known("b", second, **config)], baseline="a", candidate="b")


def test_more_steps_are_not_less_stability() -> None:
    found = finding(pair(log(1, 300), log(2, 600)), "stability.oscillation_count:b")
    assert found.status == "contradicted"


def test_a_higher_rate_of_oscillation_is_less_stability() -> None:
    calm, shaky = log(1, 600, sd=0.002), log(2, 600, sd=0.05)
    found = finding(pair(calm, shaky), "stability.oscillation_count:b")
    assert found.status == "supported"
    assert finding(pair(calm, shaky), "stability.volatility:b").status == "supported"


def test_a_small_batch_explains_its_noise() -> None:
    wide, narrow = log(1, 400, sd=0.02), log(2, 400, sd=0.02 * np.sqrt(4))
    runs = [known("a", wide), known("b", narrow, batch_size=16, learning_rate_multiplier=2.0)]
    found = finding(analyzed(runs, baseline="a"), "stability.cause:b")
    assert found.status == "contradicted"
    assert found.low < 1 < found.high
    same_batch = [known("a", wide), known("b", narrow, learning_rate_multiplier=2.0)]
    assert finding(analyzed(same_batch, baseline="a"), "stability.cause:b").status == "cannot tell"


def test_better_validation_on_one_set_is_supported_and_on_two_is_not() -> None:
    better = log(2, 600, level=0.2)
    better["valid_mean_token_accuracy"] = at(600, 10, np.random.default_rng(3).binomial(192, 0.97, 60) / 192)
    runs = [known("a", log(1, 600)), known("b", better, learning_rate_multiplier=1.0)]
    found = finding(analyzed(runs, baseline="a"), "performance.final_validation:b")
    assert found.status == "supported"
    assert finding(analyzed(runs, baseline="a"), "rule.result").status == "supported"
    other = altered(runs[1], data={"validation_set": "another"})
    assert finding(analyzed([runs[0], other], baseline="a"), "performance.final_validation:b").status == "cannot tell"


def losses(columns: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    return {name: values for name, values in columns.items() if name.endswith("loss")}


def test_a_better_window_supports_the_better_last_row() -> None:
    found = of_rule(pair(losses(log(1)), losses(log(2, level=0.2))), "performance.final_training")
    assert [f.status for f in found] == ["supported"]


def test_a_window_without_a_difference_contradicts_no_last_row() -> None:
    """The claim is who is best, not by how much: one row is off by more than the means can be."""
    lucky = losses(log(2))
    lucky["train_loss"][-1] = 0.1
    found = of_rule(pair(losses(log(1)), lucky), "performance.final_training")
    assert [f.status for f in found] == ["not supported"]


def test_values_too_far_apart_for_seeds_name_the_best_validation_as_the_verdict_does() -> None:
    def few(seed: int, level: float) -> dict[str, np.ndarray]:
        return {name: log(seed, level=level)[name] for name in ("train_loss", "full_valid_loss")}

    a = pair(few(0, 0.3), few(1, 0.4))
    (found,) = of_rule(a, "performance.final_validation")
    assert a.verdict.result == "regressed"
    assert (found.runs[1], found.status) == ("a", "supported")
    assert "farther apart than seeds usually scatter" in found.sentence


def test_a_difference_that_is_held_back_says_why() -> None:
    runs = [known(f"{arm}{k}", losses(log(10 * k + (arm == "b"), level=0.3 - 0.02 * (arm == "b"))), seed=k,
                  learning_rate_multiplier=1.0 + (arm == "b")) for arm in "ab" for k in range(3)]  # fmt: skip
    a = analyzed(runs)
    found = [*of_rule(a, "performance.final_training"), *of_rule(a, "performance.final_validation")]
    held = [f for f in found if f.status == "not supported" and (f.low or 0) * (f.high or 0) > 0]
    assert held
    assert all("it may be chance" in f.sentence or "seeds may differ" in f.sentence for f in held)


def test_where_rules_of_thumb_rank_two_runs_alike_neither_ranks_first() -> None:
    same = log(1)
    a = pair(same, {name: values.copy() for name, values in same.items()})
    assert not of_rule(a, "ranking.first")


def test_best_validation_is_held_against_what_it_quotes() -> None:
    """Label smoothing: a higher accuracy beside a higher loss contradicts no claim in accuracy."""
    runs = []
    for k in range(6):
        arm = k // 3
        values = {"full_valid_loss": 0.3 + 0.2 * arm, "full_valid_mean_token_accuracy": 0.8 + 0.1 * arm}
        columns = {name: at(300, 150, value + 0.001 * (k % 3)) for name, value in values.items()}
        plain_log = {"train_loss": log(k)["train_loss"], **columns}
        runs.append(known(f"{'ab'[arm]}{k}", plain_log, seed=k, label_smoothing=0.1 * arm))
    (found,) = of_rule(analyzed(runs), "performance.final_validation")
    assert found.runs[1].startswith("b")
    assert found.status == "supported"
    assert "pp" in found.sentence


def test_accuracies_of_minibatches_alone_are_told_by_their_windows() -> None:
    def accuracies(seed: int, level: float) -> dict[str, np.ndarray]:
        shares = at(300, 10, level + 0.02 * np.random.default_rng(seed).standard_normal(30))
        return {"train_loss": log(seed)["train_loss"], "valid_mean_token_accuracy": shares}

    (found,) = of_rule(pair(accuracies(1, 0.7), accuracies(2, 0.9)), "performance.final_validation")
    assert "window of minibatch accuracies" in found.sentence
    assert found.status == "supported"


def test_a_rise_after_a_fall_is_no_contradiction_of_the_fall() -> None:
    """A loss that falls by far while the rate warms up and rises a little after it has improved all the same."""
    columns = losses(log(2))
    columns["train_loss"] = columns["train_loss"] + np.r_[np.linspace(2, 0, 30), np.linspace(0, 0.1, 270)]
    shape = finding(pair(losses(log(1)), columns), "curves.shape:b")
    assert (shape.low or 0) > 0
    assert shape.status == "not supported"


def test_a_loss_below_zero_has_no_percentage() -> None:
    columns = {"train_loss": log(2)["train_loss"] + np.linspace(1, -2, 300)}
    shape = finding(pair(losses(log(1)), columns), "curves.shape:b")
    assert "%" not in shape.sentence + plain(shape.claim)


def test_a_run_that_died_neither_improved_smoothly_nor_ranks_first() -> None:
    """The fewest oscillations before a NaN make it the most stable by count; the evidence says what came of it."""
    dead = log(2)
    dead["train_loss"][150:] = np.inf
    a = analyzed([known("run_1", log(1)), known("run_2", dead)])
    shape, first = finding(a, "curves.shape:run_2"), of_rule(a, "ranking.first")[0]
    assert shape.status == "contradicted"
    assert "smooth, consistent improvement" in plain(shape.claim or ())
    assert "NaN or infinite to the end" in plain(shape.text)
    assert (first.runs[0], first.status) == ("run_2", "contradicted")


def test_an_epoch_that_rises_throughout_did_degrade() -> None:
    columns = log(3, 400, sd=0.01)
    columns["train_loss"] = columns["train_loss"] + np.where(np.arange(400) >= 200, np.arange(400) - 200, 0) * 1e-3
    alone = analyzed([known("a", columns, n_epochs=2)])
    changed = {f.id: f.status for f in of_rule(alone, "epochs.change")}
    assert changed["epochs.change:a:2"] == "supported"


def test_a_validation_that_rises_is_overfitting() -> None:
    columns = log(3, 400, sd=0.01, full=50)
    ramp = np.maximum(0, np.arange(400) - 200) * 1e-3
    columns["train_loss"] = columns["train_loss"] - ramp + np.where(np.arange(400) == 399, 0.5, 0)
    for name in ("valid_loss", "full_valid_loss"):
        columns[name] = columns[name] + 2 * ramp
    alone = analyzed([known("a", columns, n_epochs=2)])
    assert [f.status for f in of_rule(alone, "epochs.overfitting")] == ["supported"]
    raised = finding(alone, "det.overfitting:a")
    assert (raised.status, raised.tone) == ("supported", "bad")
    assert raised.cause
    assert raised.remedy


def test_cause_and_remedy_stand_only_where_a_problem_does(reference: Analysis, two_alike: Analysis) -> None:
    for a in (reference, two_alike):
        for found in a.findings:
            if found.cause:
                assert found.status == "supported"


def test_steps_as_stated_and_as_computed() -> None:
    right = run("a", log(1), config={"n_epochs": 1, "batch_size": 64}, data=Data(n_train=19200), expected_steps=200)
    found = finding(analyzed([right]), "efficiency.expected_steps:a")
    assert found.status == "contradicted"
    assert "300, exactly as expected" in found.sentence
    late = altered(right, data={"n_train": 12800})
    assert finding(analyzed([late]), "efficiency.expected_steps:a").status == "supported"
    unknown = altered(right, data=Data())
    assert finding(analyzed([unknown]), "efficiency.expected_steps:a").status == "cannot tell"
    assert of_rule(analyzed([altered(right, expected_steps=300)]), "efficiency.expected_steps") == []


@pytest.mark.parametrize(
    ("accuracies", "status"),
    [((0.80, 0.95), "contradicted"), ((0.95, 0.80), "supported")],
    ids=["validation better", "validation worse"],
)
def test_a_gap_is_overfitting_only_with_the_right_sign(accuracies: tuple[float, float], status: str) -> None:
    columns = log(1)
    train, valid = accuracies
    columns["train_mean_token_accuracy"] = np.full(300, train)
    columns["valid_mean_token_accuracy"] = at(300, 10, valid)
    worse = 0.3 if valid < train else 0.0
    columns["valid_loss"] = columns["valid_loss"] + worse
    columns["full_valid_loss"] = columns["full_valid_loss"] + worse
    assert finding(analyzed([known("a", columns)]), "gap.risk:a").status == status


def test_one_changed_factor_is_identified_and_two_are_not() -> None:
    worse = log(2, 600, level=0.4)
    alone = pair(log(1, 600), worse)
    assert finding(alone, "attribution.learning_rate").status == "not tested"
    assert "One seed each" in finding(alone, "attribution.learning_rate").sentence
    both = pair(log(1, 600), worse, learning_rate_multiplier=1.0, n_epochs=2)
    assert {f.status for f in of_rule(both, "attribution")} == {"cannot tell"}
    nothing = pair(log(1, 600), log(2, 600))
    assert finding(nothing, "attribution.learning_rate").status == "not tested"


def test_missing_values_are_named() -> None:
    broken = run("a", {"train_loss": [1.0, np.inf, 0.9], "valid_loss": [np.nan] * 3})
    found = finding(analyzed([broken]), "data.missing")
    assert found.status == "contradicted"
    assert "non-finite value of train_loss (first at step 2)" in found.sentence
    assert "valid_loss" in found.sentence
    whole = run("a", {"train_loss": [1.0, 0.95, 0.9]})
    assert finding(analyzed([whole]), "data.missing").status == "supported"


def test_gaps_and_resumptions_are_not_complete_logs() -> None:
    steps = [1, 2, 3, 9, 10]
    assert finding(analyzed([run("a", {"train_loss": np.ones(5), "step": steps})]), "data.complete").status == (
        "contradicted"
    )
    assert finding(analyzed([run("a", {"train_loss": np.ones(5)}, seams=(3,))]), "data.complete").status == (
        "contradicted"
    )
    assert finding(analyzed([run("a", {"train_loss": np.ones(5)})]), "data.complete").status == "supported"


def test_patience_by_hand() -> None:
    values = np.full(100, np.nan)
    values[9::10] = [5, 4, 4.5, 3, 3.1, 3.2, 2, 1, 1, 1]
    one = run("a", {"train_loss": np.ones(100), "valid_loss": values})
    # New minima at 10, 20, 40, 70, 80; two without one first at 60, three first not before the log ends.
    assert stopping_step(one, "valid_loss", 2) == 60
    assert stopping_step(one, "valid_loss", 3) is None
    assert stopping_step(one, "valid_loss", 1) == 30


def test_more_full_validations_in_more_epochs_are_no_better_coverage() -> None:
    longer = pair(log(1, 300, full=300), log(2, 600, full=300), n_epochs=2)
    assert finding(longer, "coverage.full").status == "contradicted"
    denser = pair(log(1, 300, full=300), log(2, 300, full=100))
    assert finding(denser, "coverage.full").status == "supported"


def test_sampling_noise_is_not_cured_by_a_lower_rate() -> None:
    a = pair(log(1, 300), log(2, 600))
    assert finding(a, "advice.noise:b").status == "not supported"
    noisy = log(2, 600)
    noisy["train_loss"] = 0.3 + np.random.default_rng(9).normal(0, 0.2, 600)
    assert finding(pair(log(1, 300), noisy), "advice.noise:b").status == "supported"


def test_a_rule_on_comparability_never_reads_unknown_as_a_pass() -> None:
    unknown = analyzed([run("a", log(1)), run("b", log(2))], baseline="a")
    assert finding(unknown, "gate:b").status == "cannot tell"
    stated = [known("a", log(1)), known("b", log(2))]
    assert finding(analyzed(stated, baseline="a"), "gate:b").status == "supported"
    assert gate(*stated).failed() == ()


def test_muting_leaves_the_numbers_alone(two_alike: Analysis) -> None:
    muted = analyzed(two_alike.runs, mute=["gate", "det.spikes"])
    assert muted.comparisons == two_alike.comparisons
    assert muted.verdict == two_alike.verdict
    assert check_parameters({"run_ids": "a", "mute": "gate det.spikes"}).mute == ("gate", "det.spikes")


def test_rules_live_in_files_of_their_topic() -> None:
    topics = {path.stem for path in (Path(ROOT) / "analysis" / "findings" / "rules").glob("*.py")} - {
        "__init__",
        "build",
    }
    assert {rule.__module__.rpartition(".")[2] for rule in RULES.values()} == topics


def test_a_copy_of_a_log_is_said_to_be_one() -> None:
    """Two logs of the same values are no two measurements."""
    a = analyzed([known("a", log(1)), known("b", log(1)), known("c", log(2))], baseline="a")
    assert [f.runs for f in a.findings if f.rule == "data.identical"] == [("a", "b")]


def test_a_wide_interval_is_no_proof_of_noise() -> None:
    """Eight rows oscillate on anything between none and all of their transitions."""
    for n, status in ((8, "cannot tell"), (300, "supported")):
        first, second = ({"train_loss": log(seed, 300)["train_loss"][:n]} for seed in (4, 5))
        assert [f.status for f in of_rule(pair(first, second), "stability.white_noise")] == [status]
