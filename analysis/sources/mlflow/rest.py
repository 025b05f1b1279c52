"""An MLflow tracking server, read over its REST API; credentials come from the environment alone."""

from __future__ import annotations

import base64
import hashlib
import json
import mimetypes
import os
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import quote, unquote, urlencode, urlsplit
from urllib.request import HTTPRedirectHandler, HTTPSHandler, Request, build_opener

from analysis.core.errors import LogError
from analysis.core.plain_data import loads
from analysis.core.redact import redact_text
from analysis.sources.limits import MB, check_cells, limit
from analysis.sources.mlflow.run import StoredRun, points_of

_PAGE = 25_000  # points per request, the most that a server returns
_MOST_RUNS = 10_000  # of an experiment
_TIMEOUT = 30.0  # seconds without an answer; MLFLOW_HTTP_REQUEST_TIMEOUT changes it
_EXPLAINED = {
    401: "not signed in; set MLFLOW_TRACKING_TOKEN, or MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD",
    403: "no permission; check the account behind MLFLOW_TRACKING_TOKEN or MLFLOW_TRACKING_USERNAME",
}


class _NoRedirects(HTTPRedirectHandler):
    """Refuses redirects, so that credentials never go to another host."""

    def redirect_request(self, *_: Any, **__: Any) -> None:
        """Return None, so that urllib raises the redirect as an `HTTPError`."""


@dataclass(frozen=True)
class RestStore:
    """A tracking server at ``http(s)://...``."""

    url: str

    @property
    def place(self) -> str:
        """The address without credentials."""
        parts = urlsplit(self.url)
        host = parts.netloc.rsplit("@", 1)[-1]
        return f"{parts.scheme}://{host}{parts.path}".rstrip("/")

    def runs(self, experiment: str | None = None) -> list[tuple[str, str]] | None:
        """Return (ID, name) of the runs of an experiment (name or ID); None without that experiment."""
        if experiment is None:
            raise LogError(f"{self.place}: name an experiment, for example mlflow:<experiment>/*")
        found = self._ask("experiments/get-by-name", {"experiment_name": experiment})
        if found is None and experiment.isdecimal():
            found = self._ask("experiments/get", {"experiment_id": experiment})
        if found is None:
            return None
        query = {"experiment_ids": [found["experiment"]["experiment_id"]], "run_view_type": "ACTIVE_ONLY"}
        runs, token = [], None
        while token != "":
            page = self._ask("runs/search", {}, body={**query, "max_results": 1000, "page_token": token or ""})
            runs += (page or {}).get("runs", [])
            token = (page or {}).get("next_page_token", "")
            if len(runs) > _MOST_RUNS:
                raise LogError(f"{self.place}: more than {_MOST_RUNS:,} runs in {experiment!r}; name one of them")
        infos = [run["info"] for run in runs]
        return [(str(info["run_id"]), str(info.get("run_name", ""))) for info in infos]

    def read(self, run_id: str) -> StoredRun | None:
        """Return a run, or None if the server does not have it.

        Raises
        ------
        LogError
            If the server cannot be reached, refuses, or does not answer like an MLflow server.
        """
        found = self._ask("runs/get", {"run_id": run_id})
        if found is None:
            return None
        try:
            return self._stored(found["run"])
        except (KeyError, TypeError, ValueError, OverflowError, AttributeError):
            raise LogError(f"{self.place}: not the answer of an MLflow server; check MLFLOW_TRACKING_URI") from None

    def artifacts_of(self, run_id: str) -> str | None:
        """Return the URI of a run's artifact folder, or None if the server does not have the run."""
        found = self._ask("runs/get", {"run_id": run_id})
        return None if found is None else str(found.get("run", {}).get("info", {}).get("artifact_uri", ""))

    def put_artifact(self, path: str, content: bytes) -> None:
        """Upload a file through the server's artifact proxy; ``path`` is the run's artifact path and the file's name.

        Raises
        ------
        LogError
            If the server cannot be reached, or refuses.
        """
        kind = mimetypes.guess_type(path)[0] or "application/octet-stream"
        address = f"{self.place}/api/2.0/mlflow-artifacts/artifacts/{quote(path.strip('/'))}"
        self._send(Request(address, content, {"Content-Type": kind}, method="PUT"))

    def _stored(self, run: Mapping[str, Any]) -> StoredRun:
        info, data = run["info"], run.get("data", {})
        digest, size, series = hashlib.sha256(), 0, []
        for name in sorted({str(metric["key"]) for metric in data.get("metrics", [])}):
            history = self._history(info["run_id"], name)
            text = json.dumps([name, history], sort_keys=True).encode()
            digest.update(text)
            size += len(text)
            times, values, steps = zip(*history, strict=True)
            series.append((name, times, values, steps))
        tags = {str(tag["key"]): str(tag.get("value", "")) for tag in data.get("tags", [])}
        return StoredRun(
            id=str(info["run_id"]),
            name=str(info.get("run_name") or tags.get("mlflow.runName", "")),
            deleted=info.get("lifecycle_stage") == "deleted",
            status=str(info.get("status", "")),
            points=points_of(series),
            params={str(param["key"]): str(param.get("value", "")) for param in data.get("params", [])},
            tags=tags,
            uri=f"{self.place}/#/experiments/{info['experiment_id']}/runs/{info['run_id']}",
            sha256=digest.hexdigest(),
            size_bytes=size,
        )

    def _history(self, run_id: str, name: str) -> list[tuple[int, float, int]]:
        """Return all values of a metric as (milliseconds, value, step), in the order of the server."""
        points: list[tuple[int, float, int]] = []
        token = ""
        while True:
            query = {"run_id": run_id, "metric_key": name, "max_results": str(_PAGE), "page_token": token}
            page = self._ask("metrics/get-history", {k: v for k, v in query.items() if v}) or {}
            points += [
                (int(m.get("timestamp", 0)), float(m["value"]), int(m.get("step", 0))) for m in page.get("metrics", [])
            ]
            check_cells(Path(self.place), len(points), 3)
            following = page.get("next_page_token", "")
            if not following or following == token:
                return points
            token = following

    def _ask(self, what: str, query: Mapping[str, str], body: Any = None) -> dict[str, Any] | None:
        """Return the JSON answer of an endpoint; None if the server reports that the resource does not exist."""
        address = f"{self.place}/api/2.0/mlflow/{what}" + (f"?{urlencode(query, quote_via=quote)}" if query else "")
        content = None if body is None else json.dumps(body).encode()
        text = self._send(Request(address, content, {"Accept": "application/json", "Content-Type": "application/json"}))
        if text is None:
            return None
        try:
            value = loads(text)
        except (ValueError, RecursionError):
            value = None
        if not isinstance(value, dict):
            raise LogError(f"{self.place}: not the answer of an MLflow server; check MLFLOW_TRACKING_URI")
        return value

    def _send(self, request: Request) -> bytes | None:
        """Return the body of the answer; None if the server reports that the resource does not exist."""
        for name, value in self._authorization().items():
            request.add_unredirected_header(name, value)
        most = limit("RUN_REPORTS_MAX_JSON_MB") * MB
        try:
            opener = build_opener(_NoRedirects(), HTTPSHandler(context=_tls()))
            with opener.open(request, timeout=_timeout()) as answer:
                text: bytes = answer.read(most + 1)
        except HTTPError as problem:
            with problem:
                if problem.code == 404 and b"RESOURCE_DOES_NOT_EXIST" in problem.read(4096):
                    return None
            reason = _EXPLAINED.get(problem.code, f"{problem.reason}; check MLFLOW_TRACKING_URI")
            raise LogError(f"{self.place}: HTTP {problem.code}, {reason}") from None
        except (URLError, OSError, ValueError) as problem:
            said = redact_text(" ".join(str(getattr(problem, "reason", problem)).split()))
            raise LogError(f"{self.place}: no answer ({said}); check MLFLOW_TRACKING_URI and the network") from None
        if len(text) > most:
            raise LogError(f"{self.place}: an answer above {most // MB} MB; raise RUN_REPORTS_MAX_JSON_MB if meant")
        return text

    def _authorization(self) -> dict[str, str]:
        """Return the header for the user and password of the environment or the URL, otherwise for the token."""
        token = os.environ.get("MLFLOW_TRACKING_TOKEN")
        parts = urlsplit(self.url)
        user = os.environ.get("MLFLOW_TRACKING_USERNAME") or unquote(parts.username or "")
        password = os.environ.get("MLFLOW_TRACKING_PASSWORD") or unquote(parts.password or "")
        if user:
            pair = base64.b64encode(f"{user}:{password}".encode()).decode()
            return {"Authorization": f"Basic {pair}"}
        return {"Authorization": f"Bearer {token}"} if token else {}


def _timeout() -> float:
    text = os.environ.get("MLFLOW_HTTP_REQUEST_TIMEOUT", "")
    return float(text) if text.isdecimal() and int(text) else _TIMEOUT


def _tls() -> ssl.SSLContext:
    """Return a context that verifies certificates, unless MLflow's environment variables turn that off."""
    context = ssl.create_default_context(cafile=os.environ.get("MLFLOW_TRACKING_SERVER_CERT_PATH") or None)
    if os.environ.get("MLFLOW_TRACKING_INSECURE_TLS", "").lower() in ("true", "1"):
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context
