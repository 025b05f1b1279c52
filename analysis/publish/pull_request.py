"""The comment on the pull or merge request of a CI job, posted once and replaced by later jobs."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.parse import quote
from urllib.request import Request, build_opener

from analysis.core.plain_data import loads
from analysis.publish.notify import NoRedirects

TIMEOUT = 20.0
"""Seconds for each request."""

_LONGEST = 60_000  # characters; GitHub takes 65,536
_PAGE, _PAGES = 100, 50
_ACTIONS = "github-actions[bot]"
"""Author of comments with the token of a GitHub job, which may not query its own user."""


@dataclass(frozen=True)
class _Place:
    """API addresses and headers for the comments of a request; ``name`` is the key of an author's name."""

    comments: str
    one: Callable[[int], str]
    me: str
    headers: Mapping[str, str]
    method: str
    name: str


def keep_comment(host: str, body: str, environment: Mapping[str, str] = os.environ) -> str:
    """Post a comment, or replace our own comment with the same first line.

    Parameters
    ----------
    host : str
        "github" or "gitlab", whose jobs have the address and the token in their environment.
    body : str
        Markdown whose first line is a hidden marker.
    environment : Mapping[str, str]

    Returns
    -------
    str
        One line that says why there is no comment; empty on success. It never contains the token.
    """
    if len(body) > _LONGEST:
        body = body[: _LONGEST - 2] + "…\n"
    try:
        place = _github(environment) if host == "github" else _gitlab(environment)
        if isinstance(place, str):
            return f"--comment {host}: {place}; no comment was made"
        me = _me(place)
        for comment in _comments(place):
            author = comment.get("user") or comment.get("author") or {}
            text = str(comment.get("body") or "")
            if author.get(place.name) == me and text.splitlines()[:1] == body.splitlines()[:1]:
                _ask(place, place.method, place.one(int(comment["id"])), {"body": body})
                return ""
        _ask(place, "POST", place.comments, {"body": body})
    except HTTPError as problem:
        problem.close()
        hint = (
            "; the token may not write comments, as in pull requests from forks" if problem.code in (401, 403) else ""
        )
        return f"--comment {host}: the host answered with HTTP {problem.code}{hint}"
    except (OSError, ValueError, HTTPException, KeyError, TypeError, AttributeError) as problem:
        return f"--comment {host}: the host cannot be reached or understood ({type(problem).__name__})"
    return ""


def _github(environment: Mapping[str, str]) -> _Place | str:
    repository, token = environment.get("GITHUB_REPOSITORY"), environment.get("GITHUB_TOKEN")
    number = _pull_request(environment)
    if number is None:
        return "this job belongs to no pull request"
    if not repository or not token:
        return "GITHUB_REPOSITORY and GITHUB_TOKEN must be set"
    api = environment.get("GITHUB_API_URL", "https://api.github.com")
    issues = f"{api}/repos/{quote(repository)}/issues"
    headers = {"Authorization": f"Bearer {token}", "Accept": "application/vnd.github+json"}
    return _Place(
        f"{issues}/{number}/comments",
        lambda comment: f"{issues}/comments/{comment}",
        f"{api}/user",
        headers,
        "PATCH",
        "login",
    )


def _pull_request(environment: Mapping[str, str]) -> int | None:
    event = environment.get("GITHUB_EVENT_PATH")
    told = loads(Path(event).read_text(encoding="utf-8")) if event else {}
    number = (told.get("pull_request") or {}).get("number")
    return int(number) if number is not None else None


def _gitlab(environment: Mapping[str, str]) -> _Place | str:
    names = ("CI_API_V4_URL", "CI_PROJECT_ID", "CI_MERGE_REQUEST_IID", "GITLAB_TOKEN")
    missing = [name for name in names if not environment.get(name)]
    if "CI_MERGE_REQUEST_IID" in missing:
        return "this job belongs to no merge request"
    if missing:
        return f"{' and '.join(missing)} must be set"
    api, project, number, token = (environment[name] for name in names)
    notes = f"{api}/projects/{quote(project, safe='')}/merge_requests/{quote(number, safe='')}/notes"
    return _Place(notes, lambda note: f"{notes}/{note}", f"{api}/user", {"PRIVATE-TOKEN": token}, "PUT", "username")


def _me(place: _Place) -> str:
    try:
        return str(_ask(place, "GET", place.me)[place.name])
    except HTTPError as problem:
        problem.close()
        if problem.code != 403:
            raise
        return _ACTIONS


def _comments(place: _Place) -> Iterator[Mapping[str, Any]]:
    for page in range(1, _PAGES + 1):
        found = _ask(place, "GET", f"{place.comments}?per_page={_PAGE}&page={page}")
        yield from found
        if len(found) < _PAGE:
            return


def _ask(place: _Place, method: str, url: str, value: Mapping[str, Any] | None = None) -> Any:
    if not url.startswith(("https://", "http://")):
        raise ValueError("the address of the API must start with https://")
    headers = {**place.headers, "Content-Type": "application/json", "User-Agent": "run-reports"}
    request = Request(url, json.dumps(value).encode() if value is not None else None, headers, method=method)
    with build_opener(NoRedirects()).open(request, timeout=TIMEOUT) as answer:
        return loads(answer.read())
