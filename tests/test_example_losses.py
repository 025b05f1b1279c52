"""Losses of single examples make the comparison of two full validations a paired one."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from analysis.core.errors import LogError
from analysis.pipeline import analyze
from analysis.sources.example_losses import load_example_losses

HEADER = "step,train_loss,valid_loss,full_valid_loss\n"


def _write(folder: Path, name: str, losses: np.ndarray, *, validation_set: str = "frozen") -> None:
    rng = np.random.default_rng(len(name) + int(losses.sum() * 1e6) % 1000)
    steps = range(1, 121)
    rows = [
        f"{s},{0.5 + rng.normal(0, 0.02):.6f},{0.5 + rng.normal(0, 0.05):.6f},{losses.mean() if s == 120 else ''}"
        for s in steps
    ]
    (folder / f"{name}.csv").write_text(HEADER + "\n".join(rows) + "\n")
    (folder / f"{name}_losses.csv").write_text("loss\n" + "\n".join(repr(float(x)) for x in losses) + "\n")
    (folder / f"{name}.yaml").write_text(
        f"config: {{batch_size: 8}}\nparent: base\n"
        f"data: {{n_valid: {losses.size}, validation_set: {validation_set}, example_losses: {name}_losses.csv}}\n"
    )


def test_same_examples_are_compared_in_pairs(tmp_path: Path) -> None:
    """The estimate is the paired t test's of scipy, and finds what two independent levels could not."""
    rng = np.random.default_rng(5)
    base = rng.gamma(2.0, 0.25, 400)
    candidate = base - 0.02 + rng.normal(0, 0.02, 400)
    _write(tmp_path, "a", base)
    _write(tmp_path, "b", candidate)
    a = analyze(run_ids=["a", "b"], runs_dir=str(tmp_path), reports_dir=str(tmp_path))
    found = a.comparison("a", "b", "full_valid_loss")
    assert found is not None
    assert found.definition == "fullval.paired"
    assert found.p == pytest.approx(stats.ttest_rel(candidate, base).pvalue, rel=1e-6, abs=1e-300)
    assert a.verdict.result == "improved"


def test_other_examples_are_not_paired(tmp_path: Path) -> None:
    """Losses of different validation sets have no pairs, whatever their number."""
    losses = np.random.default_rng(6).gamma(2.0, 0.25, 300)
    _write(tmp_path, "a", losses)
    _write(tmp_path, "b", losses, validation_set="another")
    found = analyze(run_ids=["a", "b"], runs_dir=str(tmp_path), reports_dir=str(tmp_path)).comparison(
        "a", "b", "full_valid_loss"
    )
    assert found is not None
    assert found.definition == "fullval.diff"


@pytest.mark.parametrize(
    ("content", "message"),
    [("loss\n0.1\nn/a\n", ":3: an example loss must be a finite number, got 'n/a'"), ("", ": no example losses")],
)
def test_what_is_no_loss_is_one_clear_line(tmp_path: Path, content: str, message: str) -> None:
    """The error names file and line and what is wanted."""
    path = tmp_path / "losses.csv"
    path.write_text(content)
    with pytest.raises(LogError, match=message.replace("(", "\\(")):
        load_example_losses(path)
