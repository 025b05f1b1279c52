"""Messages to a webhook: what is said, what never is, and trouble that costs one line."""

from __future__ import annotations

import contextlib
import json
import re
import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from analysis.cli.main import main
from analysis.findings.analysis_result import Analysis
from analysis.publish.notify import batch_text, notify, payload, report_text
from analysis.report.results_json import to_json
from tests.builders import log, write_run

SECRET = "sk-abcdefghijklmnopqrstuvwx"


class Webhook:
    """A server on loopback that keeps what it is sent and answers with a status."""

    def __init__(self) -> None:
        webhook = self
        self.bodies: list[dict[str, Any]] = []
        self.paths: list[str] = []
        self.status, self.headers = 200, {}  # type: ignore[var-annotated]

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                assert self.headers["Content-Type"] == "application/json"
                webhook.paths.append(self.path)
                webhook.bodies.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
                self.send_response(webhook.status)
                for name, value in webhook.headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", "0")
                self.end_headers()

            do_GET = do_POST

            def log_message(self, *_: object) -> None:
                """Keep quiet."""

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/services/{SECRET}"


@pytest.fixture
def webhook() -> Iterator[Webhook]:
    hook = Webhook()
    thread = threading.Thread(target=hook.server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield hook
    hook.server.shutdown()
    thread.join()
    hook.server.server_close()


def test_a_report_is_told_in_a_few_lines(webhook: Webhook, two_alike: Analysis) -> None:
    """Title, verdict, sentence and the headline differences with intervals, as the results have them."""
    results = to_json(two_alike)
    assert notify(webhook.url, report_text(results)) is None
    lines = webhook.bodies[0]["text"].splitlines()
    assert lines[0] == f"{two_alike.title}: {two_alike.verdict.result}"
    assert lines[1] == two_alike.verdict.sentence
    for line, difference in zip(lines[2:], results["summary"]["differences"], strict=True):
        assert difference["shown"] in line
        assert difference["interval"] in line
    assert webhook.bodies[0]["mrkdwn"] is False


def test_nothing_that_redaction_drops_is_sent(webhook: Webhook, two_alike: Analysis) -> None:
    """A title that somebody gave with a key, an address and a password in a URL is sent without them."""
    title = f"run of jane@example.org with {SECRET} from https://joe:hunter2@host/x?token=abcdefgh"
    notify(webhook.url, report_text({**to_json(two_alike), "title": title}))
    sent = json.dumps(webhook.bodies)
    for secret in ("jane@", SECRET, "hunter2", "abcdefgh"):
        assert secret not in sent
    assert "[redacted]" in sent


def test_no_text_calls_a_channel_or_becomes_a_link() -> None:
    text = payload("<!channel> <@U123> <https://evil.example|here> a & b \u202e")["text"]
    assert "<" not in text
    assert text.startswith("&lt;!channel&gt; &lt;@U123&gt; ")
    assert "[U+202E" in text
    assert len(payload("x" * 9000)["text"]) == 1500


@pytest.mark.parametrize("status", [400, 404, 500])
def test_a_refusal_is_one_line_without_the_address(webhook: Webhook, status: int) -> None:
    webhook.status = status
    warning = notify(webhook.url, "x")
    assert warning == f"--notify: 127.0.0.1 did not take the message: HTTP {status}"
    assert len(webhook.bodies) == 1


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_not_followed(webhook: Webhook, status: int) -> None:
    """The message goes where it was meant to, or nowhere; and there is no second try."""
    webhook.status, webhook.headers = status, {"Location": "/elsewhere"}
    assert "HTTP" in str(notify(webhook.url, "x"))
    assert webhook.paths == [f"/services/{SECRET}"]


@pytest.mark.parametrize(
    "url", ["file:///etc/passwd", "ftp://host/x", "hooks.example/x", "", "http://", "http://[::1", "javascript:1"]
)
def test_other_addresses_are_refused(url: str) -> None:
    assert "must start with http" in str(notify(url, "x"))


@pytest.mark.parametrize("address", ["http://127.0.0.1:port/", "http://127.0.0.1/a b", "http://127.0.0.1:1/é"])
def test_an_address_that_cannot_be_called_is_one_line(address: str) -> None:
    warning = str(notify(f"{address}{SECRET}", "x", timeout=1))
    assert warning.startswith("--notify: 127.0.0.1 cannot be reached (")
    assert SECRET not in warning


def test_nobody_there_is_one_line_without_the_address() -> None:
    hook = Webhook()
    hook.server.server_close()
    warning = str(notify(hook.url, "x", timeout=1))
    assert warning.startswith("--notify: 127.0.0.1 cannot be reached")
    assert SECRET not in warning
    assert "\n" not in warning


def test_an_answer_that_never_comes_is_given_up() -> None:
    """A server that takes the connection and says nothing costs the timeout, not the report."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        warning = notify(f"http://127.0.0.1:{silent.getsockname()[1]}/", "x", timeout=0.05)
    assert re.fullmatch(r"--notify: 127.0.0.1 (gives no answer; .*|cannot be reached \(Timeout.*)", str(warning))


def test_an_answer_in_drops_is_given_up_as_a_whole() -> None:
    """Each drop comes in time, but the whole never does."""
    ended = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as server:

        def drip() -> None:
            connection, _ = server.accept()
            with connection, contextlib.suppress(OSError):
                while not ended.wait(0.02):
                    connection.sendall(b"x")

        thread = threading.Thread(target=drip)
        thread.start()
        warning = notify(f"http://127.0.0.1:{server.getsockname()[1]}/{SECRET}", "x", timeout=0.2)
        ended.set()
        thread.join()
    assert warning == "--notify: 127.0.0.1 gives no answer; it may have the message or not"


@pytest.mark.parametrize("answer", [b"SSH-2.0-OpenSSH_9.6\r\n", b"", b"HTTP/1.1 999999 what\r\n\r\n"])
def test_an_answer_that_is_no_http_is_one_line(answer: bytes) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:

        def say() -> None:
            connection, _ = server.accept()
            with connection:
                connection.recv(10_000)
                connection.sendall(answer)

        thread = threading.Thread(target=say)
        thread.start()
        warning = str(notify(f"http://127.0.0.1:{server.getsockname()[1]}/{SECRET}", "x"))
        thread.join()
    assert warning.startswith("--notify: 127.0.0.1 cannot be reached (")
    assert SECRET not in warning


def test_a_batch_is_told_by_its_outcomes() -> None:
    """Counts first, then names by verdict, long lists cut short; failures named without what was in them."""
    events = [{"event": "start", "report": "a"}, {"event": "skipped", "report": "s"}]
    events += [{"event": "done", "report": f"r{n}", "verdict": "improved"} for n in range(14)]
    events += [{"event": "failed", "report": "bad", "error": f"/home/jane: {SECRET}", "log": "/home/jane/x"}]
    lines = batch_text(events).splitlines()
    assert lines[0] == "14 reports made, 1 unchanged, 1 failed"
    assert lines[1].startswith("improved: r0, r1, ")
    assert lines[1].endswith("r11 and 2 more")
    assert lines[2:] == ["failed: bad"]


def test_the_batch_command_sends_one_message_and_keeps_the_index(webhook: Webhook, tmp_path: Path) -> None:
    """One message for all reports, the failed one among them; the index lists the one that was made."""
    write_run(tmp_path / "runs", "a", log(1))
    sets = tmp_path / "sets.yaml"
    sets.write_text(f"runs_dir: {tmp_path / 'runs'}\nrun_sets:\n- run_ids: [a]\n- run_ids: [missing]\n")
    out = tmp_path / "out"
    assert main(["batch", str(sets), "--out", str(out), "--pdf", "none", "--notify", webhook.url]) == 2
    lines = webhook.bodies[0]["text"].splitlines()
    assert lines == ["1 report made, 0 unchanged, 1 failed", "insufficient data: a", "failed: missing"]
    assert len(webhook.bodies) == 1
    assert list(json.loads((out / "index.json").read_text())["reports"]) == ["a"]
