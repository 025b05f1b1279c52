"""The fine-tuning APIs of OpenAI and Azure: the real client against a server on loopback that answers as they do."""

from __future__ import annotations

import base64
import http.server
import json
import math
import os
import sys
import threading
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from analysis.core.errors import AnalysisError, LogError, MissingExtra, RunNotFound
from analysis.sources.openai import api as source

needs_client = pytest.mark.skipif(
    find_spec("openai") is None, reason="openai is not installed: pip install -e '.[sources-test]'"
)
pytestmark = pytest.mark.filterwarnings("ignore")

JOB = "ftjob-abc123"
STEPS = 250
RESULT = "step,train_loss,train_accuracy,valid_loss,valid_mean_token_accuracy\n" + "".join(
    f"{s},{1 / s:.5f},0.75,{'0.5' if s % 50 == 0 else ''},{'0.8' if s % 50 == 0 else ''}\n" for s in range(1, STEPS + 1)
)


def job(**changes: Any) -> dict[str, Any]:
    """A job as the API returns it."""
    return {
        "object": "fine_tuning.job",
        "id": JOB,
        "model": "gpt-4o-mini-2024-07-18",
        "created_at": 1_700_000_000,
        "finished_at": 1_700_009_000,
        "fine_tuned_model": "ft:gpt-4o-mini-2024-07-18:org:mine:xyz",
        "organization_id": "org-1",
        "result_files": ["file-result"],
        "status": "succeeded",
        "validation_file": "file-valid",
        "training_file": "file-train",
        "hyperparameters": {"n_epochs": 2, "batch_size": 64, "learning_rate_multiplier": 0.5},
        "trained_tokens": 5000,
        "seed": 42,
        "error": None,
        "method": {"type": "supervised", "supervised": {"hyperparameters": {"n_epochs": 2}}},
        "user_provided_suffix": "mine",
        **changes,
    }


def events() -> list[dict[str, Any]]:
    """Events of the job, newest first, as the API lists them."""
    listed = []
    for step in range(STEPS, 0, -1):
        data = {"step": step, "total_steps": STEPS, "train_loss": 1 / step, "train_mean_token_accuracy": 0.75}
        if step % 125 == 0:
            data |= {"full_valid_loss": 0.4, "full_valid_mean_token_accuracy": 0.85}
        listed.append(_event(f"ftevent-{step}", 1_700_000_000 + step, "metrics", data))
    return [_event("ftevent-end", 1_700_009_000, "message", {}), *listed]


def _event(name: str, at: int, kind: str, data: dict[str, Any]) -> dict[str, Any]:
    about = {"object": "fine_tuning.job.event", "level": "info", "message": kind}
    return {"id": name, "created_at": at, "type": kind, "data": data, **about}


def checkpoint(step: int, **metrics: float) -> dict[str, Any]:
    """A checkpoint as the API lists it."""
    return {
        "object": "fine_tuning.job.checkpoint",
        "id": f"ftckpt-{step}",
        "created_at": 1_700_000_000 + step,
        "fine_tuned_model_checkpoint": "ft:x",
        "fine_tuning_job_id": JOB,
        "step_number": step,
        "metrics": {"step": step, **metrics},
    }


class Api:
    """What the server knows and what it was asked."""

    def __init__(self) -> None:
        self.job: dict[str, Any] | None = job()
        self.events = events()
        self.checkpoints = [checkpoint(250, full_valid_loss=0.39), checkpoint(125, full_valid_loss=0.41)]
        self.result: bytes = RESULT.encode()
        self.fails: dict[str, int] = {}
        self.hangs = threading.Event()
        self.hang = False
        self.asked: list[tuple[str, dict[str, list[str]], dict[str, str]]] = []

    def answer(self, path: str, query: dict[str, list[str]]) -> tuple[int, Any]:
        """Answer a request."""
        for part, code in self.fails.items():
            if part in path:
                return code, {"error": {"message": f"no\nsk-{'a' * 40}", "type": "x", "code": None}}
        if path.endswith(f"/files/{'file-result'}/content"):
            return 200, self.result
        if self.job is None or JOB not in path:
            return 404, {"error": {"message": "No such job", "type": "invalid_request_error", "code": "not_found"}}
        if path.endswith("/events"):
            return 200, self._page(self.events, query)
        if path.endswith("/checkpoints"):
            return 200, self._page(self.checkpoints, query)
        return 200, self.job

    def _page(self, items: list[dict[str, Any]], query: dict[str, list[str]]) -> dict[str, Any]:
        limit = int(query.get("limit", ["20"])[0])
        after = query.get("after", [None])[0]
        first = next((i + 1 for i, item in enumerate(items) if item["id"] == after), 0)
        page = items[first : first + limit]
        return {"object": "list", "data": page, "has_more": first + limit < len(items)}


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch) -> Iterator[Api]:
    """A server on loopback, the environment set for OpenAI's client."""
    state = Api()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            state.asked.append((parts.path, parse_qs(parts.query), dict(self.headers)))
            if state.hang:
                state.hangs.wait(10)
                return
            code, content = state.answer(parts.path, parse_qs(parts.query))
            body = content if isinstance(content, bytes) else json.dumps(content).encode()
            self.send_response(code)
            self.send_header(
                "Content-Type", "application/octet-stream" if isinstance(content, bytes) else "application/json"
            )
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    for name in [name for name in os.environ if name.startswith(("OPENAI_", "AZURE_"))]:
        monkeypatch.delenv(name)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        address = f"http://127.0.0.1:{server.server_port}"
        monkeypatch.setenv("OPENAI_BASE_URL", f"{address}/v1")
        monkeypatch.setenv("OPENAI_API_KEY", "sk-" + "k" * 40)
        monkeypatch.setenv("NO_PROXY", "*")
        yield state
        state.hangs.set()
        server.shutdown()
        thread.join()


def fetch(reference: str = JOB) -> Any:
    (log,) = source.fetch(reference, runs_dir=Path("runs"), columns={})
    return log


def column(log: Any, name: str) -> dict[int, float]:
    logged = log.frame.loc[log.frame[name].notna(), ["step", name]]
    return dict(zip(logged["step"].astype(int), logged[name], strict=True))


@needs_client
@pytest.mark.parametrize("encode", [lambda b: b, base64.b64encode, base64.encodebytes])
def test_a_result_file_is_read_plain_or_base64(api: Api, encode: Any) -> None:
    """Both encodings give the same table; full validation and times are added from events."""
    api.result = encode(RESULT.encode())
    log = fetch()
    assert column(log, "train_loss") == {s: round(1 / s, 5) for s in range(1, STEPS + 1)}
    assert column(log, "valid_loss") == dict.fromkeys(range(50, STEPS + 1, 50), 0.5)
    assert column(log, "full_valid_loss") == {125: 0.4, 250: 0.4}
    assert "train_mean_token_accuracy" not in log.frame  # it is the file's train_accuracy
    assert log.frame["timestamp"].iloc[6].timestamp() == 1_700_000_007
    assert log.size_bytes == len(api.result)
    assert log.rows_read == STEPS
    assert log.notes == ()


@needs_client
def test_the_job_gives_configuration_data_and_ids(api: Api) -> None:
    """Hyperparameters, seed, model, files, planned steps; a base model is no parent, a fine-tuned one is."""
    log = fetch()
    expected = {"n_epochs": 2, "batch_size": 64, "learning_rate_multiplier": 0.5, "seed": 42}
    assert expected.items() <= log.config.items()
    assert log.config["model"] == "gpt-4o-mini-2024-07-18"
    assert (log.training_set, log.validation_set, log.expected_steps) == ("file-train", "file-valid", STEPS)
    assert (log.id, log.parent, log.parent_known) == (JOB, None, True)
    assert log.uri == f"{os.environ['OPENAI_BASE_URL']}/fine_tuning/jobs/{JOB}"
    api.job = job(model="ft:gpt-4o-mini:org:first:abc")
    assert fetch().parent == "ft:gpt-4o-mini:org:first:abc"


@needs_client
def test_a_job_that_still_runs_is_read_from_its_events(api: Api) -> None:
    """No result file: the metrics of all pages of events, filled up from checkpoints, with a note."""
    api.job = job(status="running", result_files=[], fine_tuned_model=None, finished_at=None)
    log = fetch()
    assert column(log, "train_loss") == {s: 1 / s for s in range(1, STEPS + 1)}
    assert column(log, "full_valid_loss") == {125: 0.4, 250: 0.4}
    assert any("running" in note for note in log.notes)
    assert any("no result file" in note for note in log.notes)
    pages = [query for path, query, _ in api.asked if path.endswith("/events")]
    assert len(pages) == 3
    api.events = []
    assert column(fetch(), "full_valid_loss") == {125: 0.41, 250: 0.39}


@needs_client
def test_a_value_that_is_not_finite_is_kept_as_such(api: Api) -> None:
    """A diverged loss in an event is infinity, not a step without a value."""
    api.job = job(result_files=[])
    api.events = [_event("e", 1_700_000_001, "metrics", {"step": 3, "train_loss": math.nan, "note": "x", "flag": True})]
    api.checkpoints = []
    assert column(fetch(), "train_loss") == {3: math.inf}
    assert list(fetch().frame) == ["step", "timestamp", "train_loss"]


@needs_client
def test_azure_is_asked_as_azure(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    """Endpoint, key and API version of the environment; its own layout of the result file, with times."""
    monkeypatch.setenv("AZURE_OPENAI_ENDPOINT", os.environ["OPENAI_BASE_URL"].removesuffix("/v1"))
    monkeypatch.setenv("AZURE_OPENAI_API_KEY", "azure-key")
    monkeypatch.setenv("OPENAI_API_VERSION", "2025-01-01-preview")
    monkeypatch.delenv("OPENAI_API_KEY")
    monkeypatch.delenv("OPENAI_BASE_URL")
    api.fails = {"/checkpoints": 404}
    api.result = (
        b"step,train_loss,train_mean_token_accuracy,train_error_rate,valid_loss,full_valid_loss,timestamp\r\n"
        b"1,2.5,0.5,,,,2025-09-11T18:07:08.7700000Z\r\n2,2.25,0.6,,0.75,0.625,2025-09-11T18:07:09.7700000Z"
    )
    log = fetch()
    assert column(log, "train_loss") == {1: 2.5, 2: 2.25}
    assert column(log, "full_valid_loss") == {2: 0.625}
    assert log.frame["timestamp"].iloc[0].isoformat() == "2025-09-11T18:07:08.770000+00:00"
    path, query, headers = api.asked[0]
    assert path == f"/openai/fine_tuning/jobs/{JOB}"
    assert query["api-version"] == ["2025-01-01-preview"]
    assert {name.lower(): value for name, value in headers.items()}["api-key"] == "azure-key"


@needs_client
def test_with_two_accounts_the_second_is_asked_too(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    """A job that OpenAI does not know is looked for at Azure."""
    monkeypatch.setenv("AZURE_OPENAI_ENDPOINT", os.environ["OPENAI_BASE_URL"].removesuffix("/v1"))
    monkeypatch.setenv("AZURE_OPENAI_API_KEY", "azure-key")
    api.fails = {"/v1/fine_tuning": 404}
    assert fetch().uri.endswith(f"/openai/fine_tuning/jobs/{JOB}")


@needs_client
@pytest.mark.parametrize(
    ("fails", "kind", "said"),
    [
        ({"/jobs": 401}, LogError, "check OPENAI_API_KEY"),
        ({"/jobs": 403}, LogError, "may not read"),
        ({"/jobs": 404}, RunNotFound, "no such job"),
        ({"/jobs": 429}, LogError, "try again later"),
        ({"/events": 500}, LogError, "500"),
        ({"/content": 404}, LogError, "no such file"),
        ({"/content": 401}, LogError, "check OPENAI_API_KEY"),
    ],
)
def test_refusals_are_one_line(
    api: Api, fails: dict[str, int], kind: type[AnalysisError], said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each refusal says what to check, and shows neither a key nor a second line."""
    monkeypatch.setattr("openai._base_client.BaseClient._calculate_retry_timeout", lambda *_, **__: 0.0)
    api.fails = fails
    with pytest.raises(kind, match=said) as caught:
        fetch()
    assert "\n" not in str(caught.value)
    assert "sk-" not in str(caught.value)


@needs_client
def test_no_answer_is_one_line(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that hangs, and one that is not there."""
    monkeypatch.setattr("openai._base_client.BaseClient._calculate_retry_timeout", lambda *_, **__: 0.0)
    monkeypatch.setattr("analysis.sources.openai.job.TIMEOUT", 0.05)
    api.hang = True
    with pytest.raises(LogError, match="did not answer within"):
        fetch()
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:9/v1")
    with pytest.raises(LogError, match="cannot be reached"):
        fetch()


@needs_client
@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"status": "queued"}, "no metrics; try again"),
        ({"status": "failed", "error": {"code": "x", "message": "bad file\nline 2", "param": None}}, "bad file line 2"),
        ({"status": "cancelled"}, "start it again"),
        ({}, "result file is gone"),
    ],
)
def test_a_job_without_metrics_says_why(api: Api, changes: dict[str, Any], said: str) -> None:
    """Queued, failed with the reason the API gives, cancelled."""
    api.job = job(result_files=[], **changes)
    api.events, api.checkpoints = [], []
    with pytest.raises(LogError, match=said) as caught:
        fetch()
    assert JOB in str(caught.value)


@needs_client
@pytest.mark.parametrize("content", [b"", b"\0\1\2" * 50, b"a,b\n1,2\n", b"step,train_loss\n1,x\n", b"!" * 200])
def test_a_strange_result_file_is_one_line(api: Api, content: bytes) -> None:
    """The error names the job and the file, not a temporary path."""
    api.result = content
    with pytest.raises(LogError, match=f"openai:{JOB}/file-result") as caught:
        fetch()
    assert "\n" not in str(caught.value)
    assert "run-reports-" not in str(caught.value)


@needs_client
def test_a_result_file_above_the_limit_is_refused(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its size is checked while it arrives."""
    monkeypatch.setenv("RUN_REPORTS_MAX_LOG_MB", "1")
    api.result = b"step,train_loss\n" + b"1,0.5\n" * 300_000
    with pytest.raises(LogError, match="RUN_REPORTS_MAX_LOG_MB"):
        fetch()


def test_only_job_ids_are_claimed(tmp_path: Path) -> None:
    """Bare IDs are taken without asking anybody; other texts and files are not."""
    assert source.claims(JOB)
    assert not any(source.claims(text) for text in ("ftjob", "run_4", "ftjob-x/y", "file-abc", "ftjob-a b"))
    assert not source.recognises(tmp_path)
    with pytest.raises(RunNotFound, match="openai:ftjob-"):
        source.fetch("my job", runs_dir=tmp_path, columns={})


def test_what_is_missing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """No client: the pip command. No key: the settings."""
    for name in [name for name in os.environ if name.startswith(("OPENAI_", "AZURE_"))]:
        monkeypatch.delenv(name)
    if find_spec("openai") is not None:
        with pytest.raises(LogError, match="set OPENAI_API_KEY"):
            fetch()
    monkeypatch.setitem(sys.modules, "openai", None)
    with pytest.raises(MissingExtra, match=r"pip install 'run-reports\[openai\]'"):
        fetch()
