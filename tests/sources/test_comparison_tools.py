"""What MLflow and W&B themselves return of the ten pairs of docs/comparison.md: the value logged last."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest

from analysis.core.run import Run
from tests.builders import ROOT

pytestmark = pytest.mark.filterwarnings("ignore")


def pairs() -> list[tuple[str, Run]]:
    """The runs of the page's first draw, with the metric that is read of each."""
    spec = importlib.util.spec_from_file_location("comparison", ROOT / "docs" / "comparison.py")
    assert spec is not None
    assert spec.loader is not None
    page = sys.modules["comparison"] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(page)
    drawn = ((pair.metric, pair.runs(np.random.default_rng([page.SEED, 0, n]))) for n, pair in enumerate(page.PAIRS))
    return [(metric, run) for metric, both in drawn for run in both]


def test_mlflow_shows_the_value_logged_last(tmp_path: Path) -> None:
    """``search_runs``, from which its table of runs is drawn."""
    mlflow = pytest.importorskip("mlflow")
    from mlflow.entities import Metric

    client = mlflow.MlflowClient(f"sqlite:///{tmp_path / 'm.db'}")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        experiment = client.create_experiment("pairs", artifact_location=str(tmp_path / "artifacts"))
        wanted = {}
        for metric, run in pairs():
            made = client.create_run(experiment).info.run_id
            points = zip(run.steps_of(metric), run.series(metric), strict=True)
            client.log_batch(made, [Metric("m", float(value), int(step), int(step)) for step, value in points])
            wanted[made] = float(run.series(metric)[-1])
        shown = {run.info.run_id: run.data.metrics["m"] for run in client.search_runs([experiment])}
    assert shown == wanted


def test_w_and_b_shows_the_value_logged_last(tmp_path: Path) -> None:
    """A run's summary, from which its table of runs is drawn; of one pair, as each run takes seconds."""
    pytest.importorskip("wandb")
    metric, run = pairs()[0]
    np.save(tmp_path / "values.npy", run.series(metric))
    script = (
        "import numpy as np, wandb\n"
        "run = wandb.init(mode='offline', project='p', settings=wandb.Settings(console='off', silent=True))\n"
        "for value in np.load('values.npy'): run.log({'m': float(value)})\n"
        "print(repr(run.summary['m'])); run.finish()\n"
    )
    done = subprocess.run([sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True, timeout=120)
    assert float(done.stdout.split()[0]) == float(run.series(metric)[-1]), done.stderr
