"""A report as an artifact of a W&B run: W&B's own client against a server on loopback that answers as W&B's does."""

from __future__ import annotations

import http.server
import json
import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from tests.builders import ROOT

pytestmark = pytest.mark.skipif(find_spec("wandb") is None, reason="wandb is not installed: pip install wandb")

FILES = {"report.html": "<p>report</p>", "next_runs/run_5.yaml": "label: Run 5\n"}
ATTACH = """
import sys
from pathlib import Path
from analysis.publish.attach import attacher
from analysis.core.errors import AnalysisError
try:
    print(attacher("wandb:team/project/run1")(Path("report"), sys.argv[1:]))
except AnalysisError as problem:
    print(problem)
"""


class Server(http.server.ThreadingHTTPServer):
    """Knows one run; keeps what the client asks, and puts."""

    daemon_threads = True

    def __init__(self) -> None:
        self.state: str | None = "finished"
        self.refuses = ""
        self.asked: dict[str, Any] = {}
        self.put: dict[str, bytes] = {}
        self.streamed: dict[str, Any] = {}
        super().__init__(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server_port}"

    def answer(self, name: str, variables: dict[str, Any]) -> dict[str, Any]:
        """Answer a question by its name."""
        self.asked[name] = variables
        project = {"id": "P", "internalId": "1", "name": "project", "entity": {"id": "E", "name": "team"}}
        run = {"id": "R", "name": "run1", "displayName": "nice", "project": project, "sweepName": None}
        text = {"summaryMetrics": '{"loss": 0.5}', "config": '{"lr": {"value": 0.1}}', "systemMetrics": "{}"}
        lines = {"logLineCount": 0, "historyLineCount": 2, "eventsLineCount": 0}
        none = dict.fromkeys(("group", "jobType", "commit", "description", "notes"))
        seen = {
            "state": self.state,
            "tags": [],
            "readOnly": False,
            "createdAt": "2024-01-01T00:00:00",
            "projectId": "1",
        }
        seen |= {**none, "user": {"name": "u", "username": "u"}, "historyKeys": None}
        upload = {"uploadUrl": f"{self.url}/put/manifest", "uploadHeaders": []}
        if name in ("RunResumeStatus", "UpsertBucket"):
            tails = {"historyTail": '["{\\"_step\\":1}"]', "eventsTail": "[]", "wandbConfig": '{"t":1}'}
            bucket = {**run, **text, **lines, **tails, "tags": [], "notes": ""}
            return {"model": {**project, "bucket": bucket}, "upsertBucket": {"bucket": bucket, "inserted": False}}
        if name == "CreateArtifactFiles":
            nodes = [
                {
                    **{"uploadUrl": f"{self.url}/put/{f['name']}", "uploadHeaders": [], "storagePath": f["name"]},
                    **{"uploadMultipartUrls": None, "artifact": {"id": "A"}},
                }
                for f in variables["input"]["artifactFiles"]
            ]
            return {"createArtifactFiles": {"files": {"edges": [{"node": node} for node in nodes]}}}
        if name == "CreateRunFiles":
            files = [{"name": f, "uploadUrl": f"{self.url}/put/of-the-run/{f}"} for f in variables["files"]]
            return {"createRunFiles": {"runID": "R", "uploadHeaders": [], "files": files}}
        artifact = {
            **{"__typename": "Artifact", "id": "A", "state": "COMMITTED", "digest": "x", "commitHash": "x"},
            **{"versionIndex": 0, "artifactType": {"name": "report"}, "description": None, "metadata": "{}"},
            **{"ttlDurationSeconds": -1, "ttlIsInherited": False, "tags": [], "historyStep": None, "size": 1},
            **{"fileCount": 2, "createdAt": "2024-01-01T00:00:00", "updatedAt": None, "aliases": []},
            "artifactSequence": {"__typename": "ArtifactSequence", "name": "run-report-run1", "project": project},
        }
        created = {"id": "A", "state": "PENDING", "artifactSequence": {"latestArtifact": None}}
        teams = {"edges": [{"node": {"name": "team"}}]}
        return {
            "project": {**project, "artifact": None, "run": {**run, **text, **seen} if self.state else None},
            "viewer": {"id": "U", "entity": "team", "username": "u", "email": "", "flags": "{}", "teams": teams},
            "serverInfo": {"features": []},
            "createArtifact": {"artifact": created},
            "createArtifactManifest": {"artifactManifest": {"id": "M", "file": {"id": "F", **upload}}},
            "commitArtifact": {"artifact": {"id": "A", "digest": "x"}},
            "artifact": artifact,
        }


class Handler(http.server.BaseHTTPRequestHandler):
    """Speaks as much HTTP as the client does."""

    protocol_version = "HTTP/1.1"
    server: Server

    def do_POST(self) -> None:
        content, status = self.rfile.read(int(self.headers.get("Content-Length") or 0)), 200
        answer: dict[str, Any] = {}
        if self.path == "/graphql":
            asked = json.loads(content)
            name = re.sub(r"^\s*(?:query|mutation)?\s*(\w*).*", r"\1", asked["query"], flags=re.DOTALL)
            if name and name == self.server.refuses:
                answer, status = {"errors": [{"message": "no permission, key " + "sk-" + "a1" * 12}]}, 403
            else:
                answer = {"data": self.server.answer(name, asked.get("variables") or {})}
        elif self.path.startswith("/put/"):
            self.server.put[self.path.removeprefix("/put/")] = content
        elif self.path.endswith("/file_stream"):
            self.server.streamed |= json.loads(content)
        body = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_PUT = do_GET = do_POST

    def log_message(self, *_: object) -> None:
        """Keep quiet."""


@pytest.fixture
def server() -> Iterator[Server]:
    server = Server()
    server.handle_error = lambda *_: None  # type: ignore[method-assign]  # the client hangs up as it pleases
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def attached(server: Server, place: Path) -> str:
    """Attach a report in a process of its own: the client starts others, and threads."""
    for name, content in {**FILES, "private.txt": "not of the report"}.items():
        (place / "report" / name).parent.mkdir(parents=True, exist_ok=True)
        (place / "report" / name).write_text(content)
    folders = dict.fromkeys(("HOME", "WANDB_DIR", "WANDB_CACHE_DIR", "WANDB_CONFIG_DIR", "WANDB_DATA_DIR"), str(place))
    said = {"WANDB_BASE_URL": server.url, "WANDB_API_KEY": "a" * 40, "NO_PROXY": "*", "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-W", "ignore", "-c", ATTACH, *FILES]
    done = subprocess.run(
        command, cwd=place, env={**os.environ, **folders, **said}, capture_output=True, text=True, timeout=100
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.mark.parametrize(("state", "exit_code"), [("finished", 0), ("crashed", 1)])
def test_the_run_has_the_report_as_an_artifact(server: Server, tmp_path: Path, state: str, exit_code: int) -> None:
    """Its files and no other; nothing takes the place of the run's own files; what had failed is not finished now."""
    server.state = state
    assert attached(server, tmp_path) == "attached to wandb:team/project/run1 as artifact run-report-run1"
    assert {name: server.put[name].decode() for name in FILES} == FILES
    assert set(json.loads(server.put["manifest"])["contents"]) == set(FILES)
    made = server.asked["CreateArtifact"]["input"]
    assert (made["entityName"], made["projectName"], made["runName"]) == ("team", "project", "run1")
    assert (made["artifactTypeName"], made["artifactCollectionName"]) == ("report", "run-report-run1")
    assert "CommitArtifact" in server.asked
    joined = {"of-the-run/wandb-summary.json", "of-the-run/config.yaml"}
    assert set(server.put) - joined == {*FILES, "manifest"}
    assert json.loads(server.put["of-the-run/wandb-summary.json"])["loss"] == 0.5
    assert b"lr:" in server.put["of-the-run/config.yaml"]
    assert server.streamed["complete"] is True
    assert server.streamed["exitcode"] == exit_code


def test_what_w_and_b_does_not_take_is_one_line(server: Server, tmp_path: Path) -> None:
    """A run that still goes on is let be; one that is not there is not made; a refusal tells no key."""
    server.state = "running"
    said = attached(server, tmp_path)
    assert said == (
        "--log-to: the report is made, but wandb:team/project/run1 did not take it: "
        "the run still goes on, and would be marked as ended"
    )
    server.state = None
    assert "did not take it: " in (said := attached(server, tmp_path))
    assert "\n" not in said
    server.state, server.refuses = "finished", "CreateArtifact"
    assert "did not take it: " in (said := attached(server, tmp_path))
    assert "\n" not in said
    assert "a1a1" not in said
    assert not set(FILES) & set(server.put)
