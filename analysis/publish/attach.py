"""Upload of a finished report to its run in the tracking tool."""

from __future__ import annotations

import importlib
import os
import re
from collections.abc import Callable, Sequence
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import urlsplit

from analysis.core.errors import AnalysisError, LogError, MissingExtra, RunNotFound, UsageError
from analysis.core.redact import redact_text
from analysis.sources.mlflow.rest import RestStore

FOLDER = "run-report"
"""Folder of the report among the artifacts of a run."""

Attach = Callable[[Path, Sequence[str]], str]
"""Function of a report's folder and the names of its files; returns one line that says where they are now."""

_MLFLOW_RUN = re.compile(r"[0-9a-zA-Z][\w-]{0,255}")
_WANDB_RUN = re.compile(r"(?P<entity>[^/\s]+)/(?P<project>[^/\s]+)/(?P<run>[^/\s]+)")


_NOT_OURS = {
    **dict.fromkeys(("disable_git", "x_disable_meta", "x_disable_stats"), True),
    **{"console": "off", "save_code": False, "x_save_requirements": False},
}
"""Settings of W&B's client, so that output, metrics and packages of this process do not replace those of the run."""

_PATIENCE = 60
"""Seconds for W&B to answer, and to take a report."""


def attacher(reference: str) -> Attach:
    """Return the function that attaches a report to a run; errors are raised before the report is made.

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
        If the tool's client is needed and not installed.
    AnalysisError
        If an MLflow server does not answer, or has no such run.

    Notes
    -----
    An MLflow server that stores artifacts itself needs no client. The client is needed for stores without a server,
    and for servers whose artifacts are stored elsewhere.
    """
    scheme, _, name = reference.partition(":")
    if scheme == "mlflow" and _MLFLOW_RUN.fullmatch(name):
        kept = _kept_by_server(name)
        if kept is not None:
            server, path = kept
            return lambda folder, files: _to_server(server, path, name, folder, files)
        client = _imported("mlflow")
        return lambda folder, files: _to_mlflow(client, name, folder, files)
    found = _WANDB_RUN.fullmatch(name)
    if scheme == "wandb" and found is not None:
        client = _imported("wandb")
        return lambda folder, files: _to_wandb(client, found, folder, files)
    raise UsageError(
        f"--log-to: '{redact_text(reference)}' names no run; give mlflow:<run id> or wandb:<entity>/<project>/<run id>"
    )


def _kept_by_server(run_id: str) -> tuple[RestStore, str] | None:
    """Return the MLflow server and the path of a run's artifacts there; None if it does not store them itself."""
    address = os.environ.get("MLFLOW_TRACKING_URI", "")
    if not address.startswith(("http://", "https://")):
        return None
    server = RestStore(address)
    try:
        uri = server.artifacts_of(run_id)
    except LogError as problem:
        raise AnalysisError(f"--log-to: {problem}") from None
    if uri is None:
        raise RunNotFound(f"--log-to: {server.place} has no run '{run_id}'; check the ID and MLFLOW_TRACKING_URI")
    parts = urlsplit(uri)
    # Artifacts on another host need MLflow's own client.
    return (server, parts.path) if parts.scheme == "mlflow-artifacts" and not parts.netloc else None


def _to_server(server: RestStore, path: str, run_id: str, folder: Path, files: Sequence[str]) -> str:
    try:
        for name in files:
            server.put_artifact(f"{path}/{FOLDER}/{name}", (folder / name).read_bytes())
    except LogError as problem:
        raise _failed(f"mlflow:{run_id}", problem) from None
    return f"attached to mlflow:{run_id} as {FOLDER}/"


def _to_mlflow(mlflow: Any, run_id: str, folder: Path, files: Sequence[str]) -> str:
    try:
        client = mlflow.MlflowClient()
        for name in files:
            place = PurePosixPath(FOLDER, name).parent
            client.log_artifact(run_id, str(folder / name), artifact_path=str(place))
    except Exception as problem:
        raise _failed(f"mlflow:{run_id}", problem) from None
    return f"attached to mlflow:{run_id} as {FOLDER}/"


def _to_wandb(wandb: Any, found: re.Match[str], folder: Path, files: Sequence[str]) -> str:
    where = f"wandb:{found[0]}"
    name = re.sub(r"[^\w.-]", "-", f"{FOLDER}-{found['run']}")
    try:
        state = wandb.Api(timeout=_PATIENCE).run(found[0]).state
        if state == "running":
            raise ValueError("the run still goes on, and would be marked as ended")
        artifact = wandb.Artifact(name, type="report")
        for file in files:
            artifact.add_file(str(folder / file), name=file)
        run = wandb.init(
            **{"entity": found["entity"], "project": found["project"], "id": found["run"], "resume": "must"},
            settings=wandb.Settings(**_NOT_OURS),
        )
        try:
            run.log_artifact(artifact).wait(_PATIENCE)
        finally:  # restores the state of the run: a failed one must not become finished
            run.finish(exit_code=0 if state == "finished" else 1)
    except Exception as problem:
        raise _failed(where, problem) from None
    return f"attached to {where} as artifact {name}"


def _imported(package: str) -> Any:
    if package == "wandb":
        os.environ.setdefault("WANDB_SILENT", "true")
    try:
        return importlib.import_module(package)
    except ImportError:
        raise MissingExtra(package, package, "--log-to") from None


def _failed(where: str, problem: Exception) -> AnalysisError:
    said = redact_text(" ".join(str(problem).split()))[:300]
    return AnalysisError(f"--log-to: the report is made, but {where} did not take it: {said}")
