"""Attach a finished report to the run it is about, where the tracking tool keeps it."""

from __future__ import annotations

import importlib
import os
import re
from collections.abc import Callable, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

from analysis.errors import AnalysisError, MissingExtra, UsageError
from analysis.sources.redact import redact_text

FOLDER = "run-report"
"""Where the report lies among the artifacts of a run."""

Attach = Callable[[Path, Sequence[str]], str]
"""Takes a report's folder and the names of its files; gives one line that says where they are now."""

_MLFLOW_RUN = re.compile(r"[0-9a-zA-Z][\w-]{0,255}")
_WANDB_RUN = re.compile(r"(?P<entity>[^/\s]+)/(?P<project>[^/\s]+)/(?P<run>[^/\s]+)")


def attacher(reference: str) -> Attach:
    """Find out how to attach to a run, before a report is made for it.

    Parameters
    ----------
    reference : str
        ``mlflow:<run id>`` (on the server or in the store of ``MLFLOW_TRACKING_URI``) or
        ``wandb:<entity>/<project>/<run id>``.

    Raises
    ------
    UsageError
        If the reference is neither.
    MissingExtra
        If the tool's client is not installed.
    """
    scheme, _, name = reference.partition(":")
    if scheme == "mlflow" and _MLFLOW_RUN.fullmatch(name):
        client = _imported("mlflow")
        return lambda folder, files: _to_mlflow(client, name, folder, files)
    found = _WANDB_RUN.fullmatch(name)
    if scheme == "wandb" and found is not None:
        client = _imported("wandb")
        return lambda folder, files: _to_wandb(client, found, folder, files)
    raise UsageError(
        f"--log-to: '{redact_text(reference)}' names no run; give mlflow:<run id> or wandb:<entity>/<project>/<run id>"
    )


def _to_mlflow(mlflow: Any, run_id: str, folder: Path, files: Sequence[str]) -> str:
    try:
        client = mlflow.MlflowClient()
        for name in files:
            place = PurePosixPath(FOLDER, name).parent
            client.log_artifact(run_id, str(folder / name), artifact_path=str(place))
    except Exception as problem:
        raise _failed(f"mlflow:{run_id}", folder, problem) from None
    return f"attached to mlflow:{run_id} as {FOLDER}/"


def _to_wandb(wandb: Any, found: re.Match[str], folder: Path, files: Sequence[str]) -> str:
    where = f"wandb:{found[0]}"
    name = re.sub(r"[^\w.-]", "-", f"{FOLDER}-{found['run']}")
    try:
        artifact = wandb.Artifact(name, type="report")
        for file in files:
            artifact.add_file(str(folder / file), name=file)
        with wandb.init(entity=found["entity"], project=found["project"], id=found["run"], resume="must") as run:
            run.log_artifact(artifact).wait()
    except Exception as problem:
        raise _failed(where, folder, problem) from None
    return f"attached to {where} as artifact {name}"


def _imported(package: str) -> Any:
    if package == "wandb":
        os.environ.setdefault("WANDB_SILENT", "true")
    try:
        return importlib.import_module(package)
    except ImportError:
        raise MissingExtra(package, package, "--log-to") from None


def _failed(where: str, folder: Path, problem: Exception) -> AnalysisError:
    said = redact_text(" ".join(str(problem).split()))[:300]
    return AnalysisError(f"--log-to: the report is in {folder}, but {where} did not take it: {said}")
