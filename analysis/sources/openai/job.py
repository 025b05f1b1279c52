"""The fine-tuning API of OpenAI or Azure OpenAI, called through the ``openai`` client, with one-line errors."""

from __future__ import annotations

import importlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from types import ModuleType
from typing import Any

from analysis.core.errors import LogError, MissingExtra, RunNotFound
from analysis.core.redact import redact_text
from analysis.sources.limits import MB, limit, too_large

TIMEOUT = 30.0  # seconds for one request
_EVENTS = 20_000  # events read of a job, newest first
_AZURE_VERSION = "2024-10-21"  # where OPENAI_API_VERSION is not set


@dataclass(frozen=True)
class Service:
    """A configured API: its name, the environment variable of its key, and its client."""

    name: str
    key: str
    client: Any

    @property
    def address(self) -> str:
        """The base URL, without credentials or query."""
        return redact_text(str(self.client.base_url).split("?")[0]).rstrip("/")


@dataclass(frozen=True)
class Job:
    """A fine-tuning job as plain data: the job itself, its events oldest first, and its checkpoints."""

    service: Service
    about: dict[str, Any]
    events: list[dict[str, Any]]
    checkpoints: list[dict[str, Any]]

    @property
    def uri(self) -> str:
        """URL of the job."""
        return f"{self.service.address}/fine_tuning/jobs/{self.about['id']}"


def services() -> list[Service]:
    """Return the APIs for which the environment has a key, OpenAI first.

    Raises
    ------
    MissingExtra
        If the client is not installed.
    LogError
        If no key is set.
    """
    openai = _client()
    found: list[Service] = []
    settings: dict[str, Any] = {"timeout": TIMEOUT, "max_retries": 2}
    if os.environ.get("OPENAI_API_KEY"):
        found.append(Service("OpenAI", "OPENAI_API_KEY", openai.OpenAI(**settings)))
    endpoint = os.environ.get("AZURE_OPENAI_ENDPOINT")
    if endpoint and (os.environ.get("AZURE_OPENAI_API_KEY") or os.environ.get("AZURE_OPENAI_AD_TOKEN")):
        version = os.environ.get("OPENAI_API_VERSION") or _AZURE_VERSION
        azure = openai.AzureOpenAI(azure_endpoint=endpoint, api_version=version, **settings)
        found.append(Service("Azure OpenAI", "AZURE_OPENAI_API_KEY", azure))
    if not found:
        raise LogError(
            "no key for a fine-tuning API; set OPENAI_API_KEY, or AZURE_OPENAI_ENDPOINT and AZURE_OPENAI_API_KEY"
        )
    return found


def fetch_job(job_id: str) -> Job:
    """Fetch a job with its events and checkpoints from the first API that knows it.

    Raises
    ------
    RunNotFound
        If no API knows the job.
    LogError
        If an API refuses or does not answer.
    """
    tried = services()
    for service in tried:
        with _errors(service, job_id):
            try:
                about = service.client.fine_tuning.jobs.retrieve(job_id).model_dump(warnings=False)
            except _client().NotFoundError:
                continue
            listed = service.client.fine_tuning.jobs.list_events(job_id, limit=100)
            events = [event.model_dump(warnings=False) for event in islice(listed, _EVENTS)]
            checkpoints = _checkpoints(service, job_id)
            return Job(service, about, events[::-1], checkpoints)
    names = " or ".join(service.name for service in tried)
    raise RunNotFound(f"openai:{job_id}: no such job at {names}; check the ID and which account the key belongs to")


def download(job: Job, file_id: str, path: Path) -> None:
    """Download a file of the job to ``path``; its size is checked while it arrives.

    Raises
    ------
    LogError
        If the file is larger than allowed, or the API refuses or does not answer.
    """
    most, size = limit("RUN_REPORTS_MAX_LOG_MB") * MB, 0
    with (
        _errors(job.service, file_id),
        path.open("wb") as stream,
        job.service.client.files.with_streaming_response.content(file_id) as answer,
    ):
        for piece in answer.iter_bytes():
            size += len(piece)
            if size > most:
                raise too_large(Path(file_id), size / MB, "RUN_REPORTS_MAX_LOG_MB")
            stream.write(piece)


def _checkpoints(service: Service, job_id: str) -> list[dict[str, Any]]:
    """Return a job's checkpoints, oldest first; none if the API version does not support them."""
    try:
        listed = list(service.client.fine_tuning.jobs.checkpoints.list(job_id, limit=100))
    except _client().NotFoundError:
        return []
    found = [checkpoint.model_dump(warnings=False) for checkpoint in listed]
    return sorted(found, key=lambda checkpoint: checkpoint.get("step_number") or 0)


def _client() -> ModuleType:
    try:
        return importlib.import_module("openai")
    except ImportError:
        raise MissingExtra("openai", "openai", "reading a fine-tuning job from the API") from None


@contextmanager
def _errors(service: Service, what: str) -> Iterator[None]:
    """Convert exceptions of the client to a `LogError` of one line that says what to do."""
    openai = _client()
    where = f"openai:{what}: {service.name}"
    try:
        yield
    except openai.AuthenticationError:
        raise LogError(f"{where} refuses the key (401); check {service.key}") from None
    except openai.PermissionDeniedError:
        raise LogError(f"{where}: the key may not read it (403); check {service.key} and its project") from None
    except openai.NotFoundError:
        raise LogError(f"{where} has no such file (404); it may have been deleted") from None
    except openai.RateLimitError:
        raise LogError(f"{where}: too many requests or no quota (429); try again later") from None
    except openai.APITimeoutError:
        raise LogError(f"{where} did not answer within {TIMEOUT:g} s; try again") from None
    except openai.APIConnectionError:
        raise LogError(f"{where} cannot be reached at {service.address}; check the address and the network") from None
    except openai.APIStatusError as problem:
        said = redact_text(" ".join(str(problem.message).split()))[:200]
        raise LogError(f"{where} answers with an error ({problem.status_code}: {said}); try again later") from None
    except openai.OpenAIError as problem:
        said = redact_text(" ".join(str(problem).split()))[:200]
        raise LogError(f"{where}: the answer cannot be read ({said}); check the address") from None
