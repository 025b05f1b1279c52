"""The notebooks for people: they run from where they lie, on the sample runs and on logs never seen."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import matplotlib
import matplotlib.pyplot as plt
import nbformat
import numpy as np
import pandas as pd
import papermill
import pytest
import yaml

ROOT = Path(__file__).parents[1]
DIGGING = ("first_dig", "compare_seeds", "sweep")


def read(path: Path) -> Any:
    return nbformat.read(path, as_version=4)


def run_cells(name: str, **parameters: object) -> dict[str, Any]:
    """Run a notebook's cells here, as papermill would with these parameters; return its variables."""
    matplotlib.use("Agg")
    variables: dict[str, Any] = {"__name__": name}
    for number, cell in enumerate(cell for cell in read(ROOT / f"notebooks/{name}.ipynb").cells):
        if cell.cell_type == "code":
            exec(compile(cell.source, f"{name}.ipynb, cell {number}", "exec"), variables)
        if "parameters" in cell.metadata.get("tags", []):
            assert parameters.keys() <= variables.keys()
            variables |= parameters
    plt.close("all")
    return variables


def write_runs(folder: Path, rates: list[float], *, seeds: int = 1, steps: int = 120) -> None:
    """Write simulated logs of a tool of its own: the loss is lowest at a rate of 0.01, by 0.1 a factor of ten."""
    folder.mkdir(exist_ok=True)
    for number, rate in enumerate(rates):
        for seed in range(seeds):
            rng = np.random.default_rng([number, seed])
            level = 0.5 + 0.1 * np.log10(rate / 0.01) ** 2
            loss = level + 0.4 * np.exp(-np.arange(steps) / 10) + rng.normal(0, 0.02, steps)
            log = pd.DataFrame({"global_step": np.arange(steps), "loss": loss})
            log.to_csv(folder / f"r{number}s{seed}.csv", index=False)
            about = {"config": {"lr": rate, "batch_size": 8, "optimizer": "adam", "seed": seed}}
            (folder / f"r{number}s{seed}.yaml").write_text(yaml.safe_dump(about), encoding="utf-8")


@pytest.mark.parametrize("path", sorted([*ROOT.glob("notebooks/*.ipynb"), *ROOT.glob("templates/*.ipynb")]), ids=str)
def test_notebooks_are_kept_without_outputs_and_with_one_parameters_cell(path: Path):
    """What is in git is source: no output, no count, no trace of a machine; papermill finds the parameters."""
    notebook = read(path)
    nbformat.validate(notebook)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert all(not cell.outputs and cell.execution_count is None for cell in code)
    assert sum("parameters" in cell.metadata.get("tags", []) for cell in code) == 1
    assert notebook.metadata.kernelspec.name == "python3"


@pytest.mark.parametrize("name", DIGGING)
def test_cells_are_thin(name: str):
    """A reader changes cells: at most five statements' worth of lines each, and no function to look up."""
    for cell in read(ROOT / f"notebooks/{name}.ipynb").cells:
        if cell.cell_type == "code" and not cell.source.startswith(("import", "from")):
            assert len(cell.source.splitlines()) <= 6, cell.source
            assert "def " not in cell.source


@pytest.mark.parametrize("name", DIGGING)
def test_runs_by_itself_from_its_own_folder(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """As JupyterLab runs it: working folder notebooks/, default parameters, a fresh kernel, nothing on stderr."""
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    out = tmp_path / f"{name}.ipynb"
    papermill.execute_notebook(
        str(ROOT / f"notebooks/{name}.ipynb"),
        str(out),
        cwd=str(ROOT / "notebooks"),
        kernel_name="python3",
        progress_bar=False,
    )
    outputs = [output for cell in read(out).cells for output in cell.get("outputs", [])]
    assert not [o for o in outputs if o.output_type == "error" or o.get("name") == "stderr"]
    assert sum("image/png" in o.get("data", {}) for o in outputs) >= 2


def test_first_dig_gives_the_tidy_table_and_the_level_of_each_run(tmp_path: Path):
    """On logs of another tool: one row a run and step under standard names, and levels near the simulated ones."""
    write_runs(tmp_path, [0.01, 0.1])
    found = run_cells("first_dig", run_ids=["r0s0", "r1s0"], runs_dir=str(tmp_path), zoom=[50, 60])
    assert len(found["tidy"]) == 2 * 120
    assert {"run", "step", "train_loss"} <= set(found["tidy"].columns)
    assert found["near"]["step"].between(50, 60).all()
    assert found["levels"]["r0s0"].value == pytest.approx(0.5, abs=0.02)
    assert found["levels"]["r1s0"].value == pytest.approx(0.6, abs=0.02)
    assert found["against"]["r1s0"].p < 0.001


def test_compare_seeds_finds_the_difference_between_configurations_not_between_seeds(tmp_path: Path):
    """Runs that differ in the seed alone are one configuration; between two of them the shift of 0.1 is seen."""
    write_runs(tmp_path, [0.01, 0.1], seeds=3)
    found = run_cells("compare_seeds", run_ids=[f"{tmp_path}/*.csv"], runs_dir=str(tmp_path))
    assert sorted(len(x) for x in found["by_configuration"].values()) == [3, 3]
    ((_, _, difference),) = found["tests"]
    assert difference.value == pytest.approx(0.1, abs=0.02)
    assert difference.p < 0.01


def test_sweep_orders_the_runs_and_fits_the_best_rate(tmp_path: Path):
    """Six rates with a known optimum: the best run is the one at it, and the fitted curve has its minimum there."""
    write_runs(tmp_path, [0.001, 0.003, 0.01, 0.03, 0.1, 0.3])
    found = run_cells("sweep", run_ids=[f"{tmp_path}/*.csv"], runs_dir=str(tmp_path))
    assert found["sweep"].index[0] == "r2s0"
    assert found["sweep"]["learning_rate"].nunique() == 6
    assert found["fit"].best == pytest.approx(0.01, rel=0.6)


def test_sweep_with_too_few_rates_says_so_instead_of_fitting(tmp_path: Path):
    """Two rates make no curve."""
    write_runs(tmp_path, [0.01, 0.1])
    found = run_cells("sweep", run_ids=[f"{tmp_path}/*.csv"], runs_dir=str(tmp_path))
    assert found["fit"] is None
