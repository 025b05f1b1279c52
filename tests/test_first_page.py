"""The first page answers: which is better, on what that rests, which may be best, and what to do next."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
import pytest

from analysis.core.blocks import Block, Callout, Figure, Items, Table
from analysis.core.rich_text import plain
from analysis.core.run import Data, Run
from analysis.findings.analysis_result import Analysis
from analysis.report import plots
from analysis.report.plots.overview import Overview, configuration_line, plot_overview
from analysis.report.plots.theme import run_styles
from analysis.report.sections.answer import executive_summary, headline
from analysis.report.sections.configuration_rows import configuration_rows
from analysis.report.sections.rankings import ordinal
from analysis.report.sections.summary import title
from tests.builders import analyzed, known, log, noise, run, tables

RATES = {"a": 0.1, "b": 0.2, "c": 0.3}
LEVELS = {"a": 0.90, "b": 0.899, "c": 0.80}


def seeds_of(names: str, *, seeds: int = 3, rng: int = 3, **config: object) -> list[Run]:
    """Runs of a few configurations, an accuracy an epoch, that differ in the learning rate and by seed."""
    chance = np.random.default_rng(rng)
    found = []
    for name in names:
        for seed in range(seeds):
            course = LEVELS[name] - 0.3 * np.exp(-np.arange(1, 11) / 2) + chance.normal(0, 0.002, 10)
            settings = {"learning_rate": RATES[name], "n_epochs": 10, "seed": seed, **config}
            data = Data(n_valid=2000, validation_set="v")
            found.append(run(f"{name}_s{seed}", {"full_valid_mean_token_accuracy": course}, config=settings, data=data))
    return found


def answer_of(blocks: Sequence[Block]) -> Callout:
    (found,) = [block for block in blocks if isinstance(block, Callout)]
    return found


def words(table: Table) -> list[list[str]]:
    return [[f"{plain(cell.text)} {plain(cell.minor)}".strip() for cell in row] for row in table.rows]


def test_one_row_a_configuration_best_first_named_by_what_differs() -> None:
    a = analyzed(seeds_of("cab"))
    table = tables(executive_summary(a))["configurations"]
    assert [row[0] for row in words(table)] == ["lr 0.1 baseline", "lr 0.2 candidate", "lr 0.3"]
    labels = [column.label for column in table.columns]
    levels = [row.configuration for row in configuration_rows(a)]
    shown = [row[labels.index("Full validation accuracy, mean ± sd")] for row in words(table)]
    for text, level in zip(shown, levels, strict=True):
        mean, _, sd = text.partition("% ± ")
        assert float(mean) == pytest.approx(100 * level.mean, abs=0.05)
        assert float(sd) == pytest.approx(100 * level.sd, rel=0.1)
    assert [row[labels.index("Best?")].replace("\xa0", " ") for row in words(table)] == ["may be", "may be", "no"]


def test_the_answer_names_no_seed_and_says_which_may_be_best() -> None:
    a = analyzed(seeds_of("cab"))
    told = plain(answer_of(executive_summary(a)).title)
    assert "lr 0.2 (3 seeds)" in told
    assert "of 3 configurations lr 0.1 and lr 0.2 may each be the best" in told
    assert "_s" not in told
    (cover,) = title(a)
    assert cover.title == "Training with lr 0.2 compared with 2 other configurations"  # type: ignore[union-attr]


def test_the_difference_is_this_configuration_minus_the_baseline_whoever_is_compared_with_whom() -> None:
    for order in ("cab", "bca", "abc"):
        a = analyzed(seeds_of(order), baseline="a_s0")
        rows = {row.name: row for row in configuration_rows(a)}
        assert rows["lr 0.1"].is_baseline
        for name, other in (("lr 0.2", "b"), ("lr 0.3", "c")):
            expected = [r.configuration.mean for r in (rows[name], rows["lr 0.1"])]
            assert rows[name].difference is not None, other
            assert rows[name].difference.value == pytest.approx(expected[0] - expected[1], abs=1e-9)  # type: ignore[union-attr]


def test_an_open_question_names_the_step_that_would_tell_and_a_good_result_looks_good() -> None:
    alike = analyzed([known("a", log(1)), known("b", log(2), learning_rate_multiplier=0.7)])
    open_ = answer_of(executive_summary(alike))
    assert open_.tone == "neutral"
    assert any(plain(line).startswith("What would tell: Train") for line in open_.body)
    better = analyzed(seeds_of("ca"), baseline="c_s0")
    answer = answer_of(executive_summary(better))
    assert (better.verdict.result, answer.tone) == ("improved", "good")
    assert not any("What would tell" in plain(line) for line in answer.body)
    assert any("holds for the configurations" in plain(line) for line in answer.body)


def test_at_most_three_things_to_do(reference: Analysis) -> None:
    blocks = executive_summary(reference)
    todo = [item for block in blocks if isinstance(block, Items) for item in block.items]
    told = sum("What would tell" in plain(line) for line in answer_of(blocks).body)
    assert 1 <= len(todo) + told <= 3


def test_a_goal_stands_in_one_row_by_rule_of_thumb_and_by_evidence(reference: Analysis) -> None:
    table = tables(executive_summary(reference))["goal"]
    assert [column.label for column in table.columns] == ["Criterion", "Rule of thumb", "Evidence"]
    stability = words(table)[1]
    assert stability[0].startswith("Stability")
    assert stability[1].startswith("not met +92% oscillations")
    assert stability[2].startswith("met stability is equivalent")


def test_a_single_run_is_a_row_of_its_own_and_a_sentence() -> None:
    a = analyzed([known("run_7", log(1))])
    blocks = executive_summary(a)
    assert plain(answer_of(blocks).title).startswith("Run 7 ended at 0.2995 in full validation loss.")
    assert [row[0] for row in words(tables(blocks)["configurations"])] == ["Run 7"]
    (figure,) = [block for block in blocks if isinstance(block, Figure)]
    assert "difference" not in figure.alt


def test_of_many_configurations_few_are_shown_and_the_rest_is_folded() -> None:
    chance = np.random.default_rng(0)
    runs = [
        run(f"r{k}", {"full_valid_loss": 1 + 0.01 * k + noise(chance, 5, sd=0.001)}, config={"learning_rate": k + 1})
        for k in range(30)
    ]
    found = tables(executive_summary(analyzed(runs)))
    assert len(found["configurations"].rows) == 6
    assert (
        found["configurations"].caption
        == "The configurations, best first, 6 of 30; each run 5 steps; no problems found"
    )
    assert words(found["configurations"])[-1][0] == "lr 30 r29 · candidate"
    assert len(found["all-configurations"].rows) == 30


def test_what_went_wrong_stands_in_plain_words() -> None:
    bad = log(2)
    bad["train_loss"][200:] += np.linspace(0, 3, 100)
    a = analyzed([known("a", log(1)), known("b", bad, n_epochs=2)], baseline="a")
    troubles = {row[0].split()[-1]: row[-1] for row in words(tables(executive_summary(a))["configurations"])}
    assert troubles["candidate"].startswith("diverged from step ")


def test_ranks_end_as_people_write_them() -> None:
    assert [ordinal(n) for n in (1, 12, 21, 22, 23, 113)] == ["1st", "12th", "21st", "22nd", "23rd", "113th"]


def drawn(runs: Sequence[Run], metric: str, names: dict[str, list[Run]]) -> tuple[Overview, object]:
    looks = run_styles(list(names))
    lines = [configuration_line(n, group, metric, look=looks[n], window=1) for n, group in names.items()]
    scene = Overview(metric, tuple(line for line in lines if line), (), curve_metric=metric)
    return scene, plot_overview(scene)


def test_a_band_spans_the_seeds_and_the_line_is_their_mean() -> None:
    metric = "full_valid_mean_token_accuracy"
    runs = seeds_of("a")
    scene, figure = drawn(runs, metric, {"lr 0.1": runs})
    values = np.array([r.series(metric) for r in runs])
    (line,) = scene.lines
    np.testing.assert_allclose(line.curve.strong.values, values.mean(axis=0))
    np.testing.assert_allclose((line.low, line.high), (values.min(axis=0), values.max(axis=0)))
    at = int(values.mean(axis=0).argmax())
    assert line.best == pytest.approx((runs[0].steps_of(metric)[at], values.mean(axis=0)[at]))
    (ax,) = figure.get_axes()  # type: ignore[attr-defined]
    star = next(artist for artist in ax.get_lines() if artist.get_marker() == "*")
    assert (star.get_xdata()[0], star.get_ydata()[0]) == pytest.approx(line.best)


def test_seeds_of_different_lengths_are_averaged_where_all_have_values() -> None:
    long = run("a", {"step": [1, 2, 3, 4], "full_valid_loss": [4.0, 3.0, 2.0, 1.0]})
    short = run("b", {"step": [1, 3], "full_valid_loss": [2.0, 0.0]})
    line = configuration_line("x", [long, short], "full_valid_loss", look=run_styles(["x"])["x"], window=1)
    assert line is not None
    assert line.curve.strong.steps.tolist() == [1, 2, 3]
    assert line.curve.strong.values.tolist() == [3.0, 2.0, 1.0]


def test_what_can_be_pointed_at_is_what_is_drawn() -> None:
    metric = "full_valid_mean_token_accuracy"
    runs = seeds_of("a", seeds=1)
    scene, figure = drawn(runs, metric, {"lr 0.1": runs})
    text = plots.hover(figure, {0: (True, {"lr 0.1": ("#d55e00", scene.lines[0].curve.strong)})})  # type: ignore[arg-type]
    assert '"percent":true' in text
    assert f"[10,{runs[0].series(metric)[-1]:.4g}]" in text


def test_a_mean_over_the_end_is_called_one_and_a_last_value_is_not() -> None:
    """The figure ends at the last value, so that a sentence must not say of a mean that the run ended there."""
    steps = analyzed([run("a", {"train_loss": log(1, 200)["train_loss"]})])
    assert re.search(
        r"a ended at [\d.]+ in train loss, the mean of its last \d+ values\.",
        headline(steps, configuration_rows(steps)),
    )
    losses = [2.0, 1.5, 1.25, 1.0]
    epochs = analyzed([run("a", {"step": [1, 2, 3, 4], "epoch": [1, 2, 3, 4], "full_valid_loss": losses})])
    assert "the mean of" not in headline(epochs, configuration_rows(epochs))
