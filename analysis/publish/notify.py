"""Notification of a finished report or batch: a short message to a webhook, as Slack and similar tools accept."""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping, Sequence
from http.client import HTTPException
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit
from urllib.request import HTTPRedirectHandler, Request, build_opener

from analysis.core.number_format import count
from analysis.core.redact import redact_text
from analysis.render.visible_text import legible

TIMEOUT = 10.0
"""Seconds for a webhook to answer."""

_NAMED = 12
_LONGEST = 1500


def notify(url: str, text: str, *, timeout: float = TIMEOUT) -> str | None:
    """Send a text to a webhook, once.

    Parameters
    ----------
    url : str
        An ``http(s)`` address. It is a secret itself, so messages of ours name only its host.
    text : str
        Plain text, which is redacted.
    timeout : float
        Seconds.

    Returns
    -------
    str or None
        One line that says what went wrong; None on success.
    """
    try:
        parts = urlsplit(url)
        scheme, host = parts.scheme, parts.hostname
    except ValueError:
        scheme, host = "", None
    if scheme not in ("http", "https") or not host:
        return "--notify: the address must start with http:// or https:// and name a host; nothing was sent"
    trouble = ["gives no answer; it may have the message or not"]
    thread = threading.Thread(target=_post, args=(url, text, timeout, trouble), daemon=True)
    thread.start()
    thread.join(timeout)  # the socket's timeout covers neither name lookup nor an answer that trickles in
    return f"--notify: {host} {trouble[0]}" if trouble else None


def _post(url: str, text: str, timeout: float, trouble: list[str]) -> None:
    """Send a text; replace the content of ``trouble`` by what went wrong, if anything."""
    try:
        request = Request(url, json.dumps(payload(text)).encode(), {"Content-Type": "application/json"})
        with build_opener(NoRedirects()).open(request, timeout=timeout):
            trouble.clear()
    except HTTPError as problem:
        problem.close()
        trouble[:] = [f"did not take the message: HTTP {problem.code}"]
    except (URLError, OSError, ValueError, HTTPException) as problem:
        reason = getattr(problem, "reason", problem)
        trouble[:] = [f"cannot be reached ({type(reason).__name__}); the message is not sent again"]


def payload(text: str) -> dict[str, Any]:
    """Return the JSON of a message in which no text becomes a mention or a link.

    Examples
    --------
    >>> payload("<!channel> a & b, ask joe@example.org")
    {'text': '&lt;!channel&gt; a &amp; b, ask [redacted]', 'mrkdwn': False, 'unfurl_links': False}
    """
    clean = legible(redact_text(text))
    short = clean if len(clean) <= _LONGEST else clean[: _LONGEST - 1] + "…"
    safe = short.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return {"text": safe, "mrkdwn": False, "unfurl_links": False}


def report_text(results: Mapping[str, Any]) -> str:
    """Return a report in a few lines, from its results."""
    summary = results["summary"]
    lines = [f"{results['title']}: {results['verdict']['evidence']}", summary["sentence"]]
    lines += [f"{d['label']} {d['shown']} {d['interval']}: {d['reading']}" for d in summary["differences"]]
    return "\n".join(lines)


def batch_text(events: Sequence[Mapping[str, Any]]) -> str:
    """Return a batch in a few lines, from its events (see `analysis.batch.run_batch.run_batch`).

    Examples
    --------
    >>> print(batch_text([{"event": "done", "report": "a", "verdict": "improved"}, {"event": "failed", "report": "b"}]))
    1 report made, 0 unchanged, 1 failed
    improved: a
    failed: b
    """
    groups: dict[str, list[str]] = {}
    for event in events:
        if event["event"] == "done":
            groups.setdefault(str(event.get("verdict") or "done"), []).append(str(event["report"]))
    done = sum(map(len, groups.values()))
    failed = [str(event["report"]) for event in events if event["event"] == "failed"]
    skipped = sum(event["event"] == "skipped" for event in events)
    lines = [f"{count(done, 'report')} made, {skipped} unchanged, {len(failed)} failed"]
    named = {**dict(sorted(groups.items())), **({"failed": failed} if failed else {})}
    return "\n".join([*lines, *(f"{word}: {_listed(names)}" for word, names in named.items())])


def _listed(names: list[str]) -> str:
    more = len(names) - _NAMED
    return ", ".join(names[:_NAMED]) + (f" and {more} more" if more > 0 else "")


class NoRedirects(HTTPRedirectHandler):
    """Refuses redirects, since the message is for this address only."""

    def redirect_request(self, *_: Any, **__: Any) -> None:
        """Return None, so that the redirect is an error."""
