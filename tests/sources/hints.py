"""Follow what a description of a run says to write, to the letter."""

from __future__ import annotations

import json
from pathlib import Path

from analysis.sources import load_runs
from analysis.sources.describe import describe


def follow(reference: str, runs_dir: Path) -> int:
    """Write each run's sidecar where its description says; check that each is read for that run; count them."""
    runs = load_runs([reference], runs_dir=runs_dir)
    places = [Path(run.sidecar) for run in runs]
    assert len(set(places)) == len(places), f"{reference}: one place for several runs: {places}"
    for number, (run, place) in enumerate(zip(runs, places, strict=True)):
        assert not place.exists()
        assert any(problem.endswith(f"in {place}") for problem in describe(run).problems)
        settings = {"learning_rate": 0.5, "n_epochs": 7, "batch_size": 3, "seed": number}
        said = {"config": settings, "data": {"n_train": 100 + number, "n_valid": 5}, "parent": None}
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(json.dumps(said))  # which is YAML too
    again = load_runs([reference], runs_dir=runs_dir)
    for number, (before, run) in enumerate(zip(runs, again, strict=True)):
        assert (run.data.n_train, run.config["seed"], run.parent_known) == (100 + number, number, True), run.sidecar
        assert run.sidecar == before.sidecar
        assert run.notes == tuple(n for n in before.notes if not n.startswith("validation set of"))  # it is stated now
        assert not [problem for problem in describe(run).problems if "not known" in problem]
    for place in places:
        place.unlink()
    return len(runs)
