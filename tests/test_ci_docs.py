"""The action, and the examples of docs/ci.md for GitHub, GitLab and cron, run without the hosts."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import threading
from collections.abc import Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import yaml

from analysis.publish.pull_request import keep_comment
from tests.builders import ROOT, write_command

ACTION: Mapping[str, Any] = yaml.safe_load((ROOT / "action.yml").read_text(encoding="utf-8"))
PAGE = (ROOT / "docs" / "ci.md").read_text(encoding="utf-8")
TOKEN = "ghs_abcdefghijklmnopqrstuvwxyz0123456789"
MARKER = "<!-- run-report:check -->"


class Host:
    """GitHub's and GitLab's comments on loopback: a list, and what was asked of it."""

    def __init__(self) -> None:
        host = self
        self.me, self.comments, self.asked, self.refused = "github-actions[bot]", [], [], 0  # type: ignore[var-annotated]

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                given = self.headers.get("Authorization", "").removeprefix("Bearer "), self.headers.get("PRIVATE-TOKEN")
                assert TOKEN in given
                path, _, query = self.path.partition("?")
                length = int(self.headers.get("Content-Length") or 0)
                body = json.loads(self.rfile.read(length)) if length else None
                host.asked.append(f"{self.command} {path}")
                if host.refused and self.command != "GET":
                    return self.answer(host.refused, {})
                if path.endswith("/user"):
                    bot = host.me == "github-actions[bot]"  # its token may not ask who it is
                    return self.answer(403 if bot else 200, {"login": host.me, "username": host.me})
                if self.command == "POST":
                    host.comments.append(host.comment(body["body"], host.me))
                elif self.command in ("PATCH", "PUT"):
                    found = next(c for c in host.comments if path.endswith(f"/{c['id']}"))
                    found["body"] = body["body"]
                page = int(dict(part.split("=") for part in query.split("&"))["page"]) if query else 1
                return self.answer(200, host.comments[100 * (page - 1) : 100 * page] if query else {})

            do_POST = do_PATCH = do_PUT = do_GET

            def answer(self, status: int, value: Any) -> None:
                content = json.dumps(value).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *_: object) -> None:
                """Keep quiet."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def comment(self, body: str, author: str) -> dict[str, Any]:
        who = {"login": author, "username": author}
        return {"id": len(self.comments) + 1, "body": body, "user": who, "author": who}


@pytest.fixture
def host() -> Iterator[Host]:
    made = Host()
    thread = threading.Thread(target=made.server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield made
    made.server.shutdown()
    thread.join(timeout=10)
    made.server.server_close()


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A repository with runs, and what a runner has beside it; the command is installed."""
    shutil.copytree(ROOT / "runs", tmp_path / "runs")
    (tmp_path / "temp" / "run-reports").mkdir(parents=True)
    write_command(tmp_path / "temp" / "run-reports" / "bin")
    (tmp_path / "event.json").write_text(json.dumps({"pull_request": {"number": 7}}))
    return tmp_path


def block(heading: str, language: str = "yaml") -> str:
    found = re.search(rf"## {heading}\n.*?```{language}\n(.*?)```", PAGE, re.DOTALL)
    assert found is not None
    return found[1]


def github(folder: Path, host: Host) -> dict[str, str]:
    """What a job of a pull request finds in its environment."""
    return {
        "PATH": os.environ["PATH"],
        "GITHUB_API_URL": host.url,
        "GITHUB_REPOSITORY": "o/r",
        "GITHUB_EVENT_PATH": str(folder / "event.json"),
        "GITHUB_EVENT_NAME": "pull_request",
        "GITHUB_STEP_SUMMARY": str(folder / "summary.md"),
        "GITHUB_OUTPUT": str(folder / "output"),
        "GITHUB_ACTION_PATH": str(ROOT),
        "RUNNER_TEMP": str(folder / "temp"),
    }


def run_step(name: str, folder: Path, host: Host, given: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    """Run a step of the action as the runner does: its inputs in place, bash that stops at the first failure."""
    values = (
        {key: str(one.get("default", "")) for key, one in ACTION["inputs"].items()} | {"token": TOKEN} | dict(given)
    )
    step = next(step for step in ACTION["runs"]["steps"] if step.get("name") == name)

    def resolved(text: str) -> str:
        return re.sub(r"\$\{\{ inputs\.([\w-]+) \}\}", lambda found: values[found[1]], text)

    environment = {name: resolved(text) for name, text in step["env"].items()}
    return subprocess.run(
        ["bash", "--noprofile", "--norc", "-e", "-o", "pipefail", "-c", step["run"]],
        cwd=folder,
        env={**github(folder, host), **environment},
        capture_output=True,
        text=True,
        timeout=120,
    )


def outputs(folder: Path) -> dict[str, str]:
    return dict(line.split("=", 1) for line in (folder / "output").read_text().splitlines())


def test_the_action_is_whole() -> None:
    """Every input is used, every one used is declared; no input stands in a script, where it could be a command."""
    steps = ACTION["runs"]["steps"]
    used = set(re.findall(r"\$\{\{ inputs\.([\w-]+) \}\}", json.dumps(steps)))
    assert used == set(ACTION["inputs"])
    assert ACTION["runs"]["using"] == "composite"
    for step in steps:
        assert "uses" in step or step["shell"] == "bash"
        assert "${{" not in step.get("run", "")
    for output in ACTION["outputs"].values():
        step, name = re.fullmatch(r"\$\{\{ steps\.(\w+)\.outputs\.(\w+) \}\}", output["value"]).groups()  # type: ignore[union-attr]
        script = next(one["run"] for one in steps if one.get("id") == step)
        assert f'"{name}=' in script


def test_the_action_installs_itself_with_the_pinned_versions(checkout: Path, host: Host) -> None:
    python = checkout / "python"
    python.write_text('#!/bin/sh\nprintf "%s\\n" "$*" >> calls\nmkdir -p "$3/bin" && cp "$0" "$3/bin/python"\n')
    python.chmod(0o755)
    step = next(step for step in ACTION["runs"]["steps"] if step.get("name") == "Install")
    environment = {**github(checkout, host), "PYTHON": str(python), "RUNNER_TEMP": str(checkout / "fresh")}
    subprocess.run(
        ["bash", "-e", "-o", "pipefail", "-c", step["run"]], cwd=checkout, env=environment, check=True, timeout=60
    )
    made, *installed = (checkout / "calls").read_text().splitlines()
    assert made == f"-m venv {checkout}/fresh/run-reports"
    assert installed == [
        f"-m pip install --quiet --no-deps --require-hashes -r {ROOT}/requirements.txt",
        f"-m pip install --quiet --no-deps --no-build-isolation {ROOT}",
    ]


def test_the_example_for_github_asks_for_what_the_action_has() -> None:
    workflow = yaml.safe_load(block("GitHub Actions"))
    step = next(step for step in workflow["jobs"]["check"]["steps"] if "run-reports" in step.get("uses", ""))
    assert set(step["with"]) <= set(ACTION["inputs"])
    assert workflow["permissions"] == {"contents": "read", "pull-requests": "write"}


def test_the_gate_passes_and_fails_and_keeps_one_comment(checkout: Path, host: Host) -> None:
    """The first check posts its comment, the next one, which fails, replaces it; comments of others stay."""
    host.comments += [host.comment("looks good", "someone") for _ in range(130)]
    host.comments.append(host.comment(f"{MARKER}\n### ✓ Passed", "impostor"))
    workflow = yaml.safe_load(block("GitHub Actions"))
    given = next(step["with"] for step in workflow["jobs"]["check"]["steps"] if "with" in step)
    done = run_step("Check", checkout, host, given)
    assert (done.returncode, done.stderr) == (0, "")
    assert outputs(checkout)["outcome"] == "passed"
    assert json.loads(Path(outputs(checkout)["json"]).read_text())["outcome"] == "passed"
    assert host.asked[-1] == "POST /repos/o/r/issues/7/comments"
    assert "Passed" in host.comments[-1]["body"].splitlines()[1]

    done = run_step("Check", checkout, host, {"candidate": "run_3", "against": "run_4"})
    assert (done.returncode, outputs(checkout)["outcome"]) == (3, "failed")
    assert host.asked[-1] == "PATCH /repos/o/r/issues/comments/132"
    assert "Failed" in host.comments[-1]["body"].splitlines()[1]
    assert len(host.comments) == 132
    assert host.comments[-2]["body"].endswith("Passed")
    assert (checkout / "summary.md").read_text().count(MARKER) == 2
    assert TOKEN not in done.stdout + done.stderr + (checkout / "summary.md").read_text()


def test_every_input_of_the_action_reaches_the_check(checkout: Path, host: Host) -> None:
    (checkout / "strict.yaml").write_text("alpha: 0.01\n")
    given = {
        "candidate": "runs/seeds/run_4_seed1.csv",
        "against": "history:3:runs/seeds/run_3*",
        "with": "runs/seeds/run_4_seed2.csv runs/seeds/run_4_seed3.csv",
        "fail-on": "regressed,diverged",
        "fail-if": "full_valid_loss > 5\n\ntrain_loss worse by more than 50 %\n",
        "settings": "strict.yaml",
        "trust-unstated": "true",
        "comment": "false",
        "marker": "nightly",
    }
    done = run_step("Check", checkout, host, given)
    assert done.returncode == 0, done.stderr
    result = json.loads((checkout / "temp" / "nightly.json").read_text())
    names = ["regressed", "diverged", "full_valid_loss > 5", "train_loss worse by more than 50 %"]
    assert [condition["name"] for condition in result["conditions"]] == names
    assert "3 of 4 runs" in result["history"]
    assert host.asked == []


@pytest.mark.parametrize(("candidate", "said"), [("$(touch x)", "no run"), ("--help", "no run")])
def test_bad_input_is_one_line_and_no_comment(checkout: Path, host: Host, candidate: str, said: str) -> None:
    done = run_step("Check", checkout, host, {"candidate": candidate, "against": "run_3"})
    assert (done.returncode, host.asked) == (2, [])
    assert said in done.stderr
    assert not (checkout / "x").exists()
    assert not (checkout / "output").exists()


def test_the_gate_counts_where_no_comment_can_be_made(checkout: Path, host: Host) -> None:
    host.refused = 403
    done = run_step("Check", checkout, host, {"candidate": "run_3", "against": "run_4"})
    assert done.returncode == 3
    assert done.stderr.startswith("warning: --comment github: the host answered with HTTP 403; the token may not write")
    assert TOKEN not in done.stdout + done.stderr


def test_gitlab_keeps_one_note(checkout: Path, host: Host) -> None:
    host.me = "project_7_bot"
    job = yaml.safe_load(block("GitLab"))["training gate"]
    script = next(line for line in job["script"] if line.startswith("run-reports "))
    environment = {
        "PATH": f"{checkout / 'temp' / 'run-reports' / 'bin'}:{os.environ['PATH']}",
        "CI_API_V4_URL": f"{host.url}/api/v4",
        "CI_PROJECT_ID": "7",
        "CI_MERGE_REQUEST_IID": "3",
        "GITLAB_TOKEN": TOKEN,
        **job["variables"],
    }
    for _ in range(2):
        subprocess.run(["sh", "-e", "-c", script], cwd=checkout, env=environment, check=True, timeout=120)
    assert len(host.comments) == 1
    assert host.asked[-1] == "PUT /api/v4/projects/7/merge_requests/3/notes/1"
    assert [(checkout / path).is_file() for path in job["artifacts"]["paths"]] == [True]


@pytest.mark.parametrize(
    ("environment", "said"),
    [
        ({}, "belongs to no pull request"),
        ({"GITHUB_EVENT_PATH": "event.json"}, "GITHUB_REPOSITORY and GITHUB_TOKEN must be set"),
        ({"GITHUB_EVENT_PATH": "missing.json"}, "cannot be reached or understood (FileNotFoundError)"),
    ],
)
def test_what_is_missing_is_said(
    checkout: Path, environment: dict[str, str], said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(checkout)
    assert said in keep_comment("github", f"{MARKER}\n", environment)


def test_a_job_without_a_merge_request_says_so() -> None:
    assert "no merge request" in keep_comment("gitlab", f"{MARKER}\n", {"CI_PROJECT_ID": "7"})


def test_the_line_for_cron_sends_a_message_only_if_the_gate_fails(checkout: Path) -> None:
    """The line of the page, in a shell as cron starts it: % is none in it, and mail gets what was said."""
    line = next(line for line in PAGE.splitlines() if "run-reports check nightly" in line)
    assert "%" not in line
    command = line.split(None, 5)[5].replace("/srv/training", shlex.quote(str(checkout)))
    (checkout / ".venv").mkdir()
    write_command(checkout / ".venv" / "bin")
    tools = checkout / "tools"
    tools.mkdir()
    (tools / "mail").write_text(f'#!/bin/sh\n{{ echo "$@"; cat; }} > {shlex.quote(str(checkout / "sent"))}\n')
    (tools / "mail").chmod(0o755)
    log = checkout / "runs" / "nightly.csv"
    for suffix in (".csv", ".yaml"):
        os.rename(checkout / "runs" / f"run_4{suffix}", log.with_suffix(suffix))
    for worse in (False, True):
        frame = pd.read_csv(log)
        losses = [name for name in frame if name.endswith("_loss")]
        frame[losses] *= 3 if worse else 1
        frame.to_csv(log, index=False)
        environment = {"PATH": f"{tools}:/usr/bin:/bin", "HOME": str(checkout)}
        subprocess.run(["sh", "-c", command], env=environment, check=True, timeout=120)
        assert (checkout / "sent").exists() == worse, (checkout / "gate.log").read_text()
    assert "team@example.org\nfailed: regressed" in (checkout / "sent").read_text()
