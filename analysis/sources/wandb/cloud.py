"""Runs on a W&B server, fetched through W&B's own client; the key comes only from the environment."""

from __future__ import annotations

import contextlib
import hashlib
import importlib
import json
import os
import re
import socket
from collections.abc import Iterable
from dataclasses import dataclass
from types import ModuleType
from typing import Any
from urllib.parse import urlsplit
from urllib.request import getproxies

from analysis.core.errors import LogError, MissingExtra, RunNotFound
from analysis.core.redact import redact_text
from analysis.sources.wandb.log import WandbLog

_URL = re.compile(
    r"(?P<server>https?://[^/]+)/(?P<entity>[^/?#]+)/(?P<project>[^/?#]+)(/groups/[^/]+)?/runs/(?P<run>[^/?#]+).*"
)
_PATH = re.compile(r"(?P<entity>[^/]+)/(?P<project>[^/]+)/(runs/)?(?P<run>[^/]+)")
_SITE = re.compile(r"https?://([\w-]+\.)*wandb\.ai(/|$)")
_TIMEOUT = 30  # seconds for one request
_CONNECT = 5.0  # seconds to connect; the client itself waits for half a minute
_MOST_RUNS = 200  # of a project


@dataclass(frozen=True)
class Fetched:
    """State and address of a run on the server, and hash and size in bytes of the fetched history."""

    state: str
    uri: str
    sha256: str
    size_bytes: int


def is_run_url(reference: str) -> bool:
    """True for the URL of a run's page on the configured server, or of any page of wandb.ai."""
    found = _URL.fullmatch(reference)
    return _SITE.match(reference) is not None or (found is not None and found["server"] == _base_url())


def fetch_runs(reference: str) -> list[tuple[WandbLog, Fetched]]:
    """Fetch the run named by ``entity/project/id`` or a URL, or with ``*`` as ID all runs of a project.

    Returns
    -------
    list of tuple
        The log of each run, and its `Fetched` state.

    Raises
    ------
    MissingExtra
        If W&B's client is not installed.
    RunNotFound
        If the reference is incomplete or the server has no such run.
    LogError
        If there is no key, or the server refuses or does not answer.
    """
    found = _URL.fullmatch(reference) or _PATH.fullmatch(reference.strip("/"))
    if found is None:
        raise RunNotFound(
            f"wandb:{redact_text(reference)}: give the run's URL, wandb:entity/project/run_id or wandb:entity/project/*"
        )
    path = f"{found['entity']}/{found['project']}"
    client = _client()
    shown = f"wandb:{path}/{found['run']}"
    try:
        key = os.environ["WANDB_API_KEY"]
        _check_reachable(shown)
        api = client.Api(timeout=_TIMEOUT, api_key=key)
        if found["run"] == "*":
            return [_collected(run) for run in _first_runs(api.runs(path))]
        return [_collected(api.run(f"{path}/{found['run']}"))]
    except KeyError:
        raise LogError(f"{shown}: set WANDB_API_KEY to your key, from https://wandb.ai/authorize") from None
    except Exception as problem:
        raise _explained(problem, shown) from None


def _client() -> ModuleType:
    os.environ.setdefault("WANDB_ERROR_REPORTING", "false")
    os.environ.setdefault("WANDB_SILENT", "true")
    with contextlib.suppress(ImportError):
        module = importlib.import_module("wandb")
        if hasattr(module, "Api"):  # a folder "wandb" of runs is importable too, as a namespace package
            return module
    raise MissingExtra("wandb", "wandb", "reading a run from W&B")


def _check_reachable(shown: str) -> None:
    """Raise `LogError` if the server refuses or times out; behind a proxy this cannot be tested."""
    server = urlsplit(_base_url())
    if server.scheme not in ("http", "https") or not server.hostname:
        raise LogError("WANDB_BASE_URL must be the address of a server, such as https://wandb.example.org; correct it")
    if server.scheme in getproxies():
        return
    try:
        port = server.port or {"http": 80}.get(server.scheme, 443)
        socket.create_connection((server.hostname, port), timeout=_CONNECT).close()
    except (OSError, ValueError) as problem:
        said = " ".join(str(getattr(problem, "strerror", None) or problem).split())
        raise LogError(f"{server.hostname} cannot be reached ({said}); check WANDB_BASE_URL and the network") from None


def _first_runs(runs: Iterable[Any]) -> Iterable[Any]:
    for count, run in enumerate(runs):
        if count == _MOST_RUNS:
            raise LogError(f"the project has more than {_MOST_RUNS} runs; name the ones that are meant")
        yield run


def _collected(run: Any) -> tuple[WandbLog, Fetched]:
    log, digest, size = WandbLog(), hashlib.sha256(), 0
    for row in run.scan_history():
        text = json.dumps(dict(row), sort_keys=True, default=str).encode()
        digest.update(text)
        size += len(text)
        step = row.get("_step")
        log.add_row(row, int(step) if isinstance(step, int | float) else log.rows)
    log.config = {str(key): value for key, value in dict(run.config).items() if not str(key).startswith("_wandb")}
    log.run = {"id": str(run.id), "name": str(run.name or run.id), "group": str(getattr(run, "group", None) or "")}
    return log, Fetched(str(run.state), str(run.url), digest.hexdigest(), size)


def _explained(problem: Exception, shown: str) -> Exception:
    """Return an error of one line for an exception of W&B's client."""
    if isinstance(problem, LogError):
        return LogError(f"{shown}: {problem}")
    said = " ".join(str(problem).split())
    if re.search(r"could not find run|not found|404", said, re.IGNORECASE):
        return RunNotFound(f"{shown}: no such run, or no access to it; check the reference and WANDB_API_KEY")
    if re.search(r"401|403|permission|api[ _]key|authenticat|login|invalid credentials", said, re.IGNORECASE):
        return LogError(f"{shown}: the server refuses the key; check WANDB_API_KEY")
    return LogError(
        f"{shown}: no answer from the server ({redact_text(said)[:200]}); check WANDB_BASE_URL and try again"
    )


def _base_url() -> str:
    return os.environ.get("WANDB_BASE_URL", "https://api.wandb.ai").rstrip("/")
