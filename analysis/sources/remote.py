"""Places that are reached by a URL, through fsspec: object stores, servers, memory."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from urllib.request import url2pathname

from analysis.core.errors import AnalysisError, MissingExtra, RunNotFound, UsageError
from analysis.core.redact import redact_text

PACKAGES = {
    **dict.fromkeys(("s3", "s3a"), "s3fs"),
    **dict.fromkeys(("gs", "gcs"), "gcsfs"),
    **dict.fromkeys(("az", "abfs", "abfss"), "adlfs"),
    "hdfs": "pyarrow",
    "sftp": "paramiko",
    "memory": "fsspec",
}
"""The protocols of URLs that are opened, and what fsspec needs for each. No other URL is ever opened."""

_URL = re.compile(r"([a-z0-9]+)://\S*", re.DOTALL)

_SPLIT_PASSWORD = re.compile(r"[^:/]+://[^/@:]+:(?!\d*(?:/|$)|[^/]*@)")
"""The beginning of a URL with something behind a colon that is no port: the password may go on behind a slash."""


def is_url(text: object) -> bool:
    """True if a text is a URL that can be opened.

    >>> is_url("s3://bucket/runs"), is_url("https://example.org/x.csv"), is_url("runs/s3")
    (True, False, False)
    """
    found = _URL.fullmatch(text) if isinstance(text, str) else None
    return found is not None and found[1] in PACKAGES


def without_file_scheme(text: str) -> str:
    """Turn a ``file://`` URL into the path it names; leave any other text as it is.

    >>> without_file_scheme("file:///data/runs"), without_file_scheme("runs")
    ('/data/runs', 'runs')
    """
    return url2pathname(text.removeprefix("file://")) if text.startswith("file://") else text


def connect(url: str) -> tuple[Any, str]:
    """Open what a URL leads to: the fsspec file system and the path in it.

    This may start a thread, after which a process cannot fork any more; see `analysis.publish.forked.apart`.

    Raises
    ------
    MissingExtra
        If a package is missing.
    UsageError
        If the URL holds a password: it would stand in the report.
    """
    parts = urlsplit(url)
    cut = _SPLIT_PASSWORD.match(url)
    if parts.password is not None or parts.query or cut:
        raise UsageError(
            f"{parts.scheme}://{parts.hostname if not cut else ''}: a URL with a password or a signature would stand "
            "in the report; leave it out and give it as the tool's own settings do (environment, configuration file)"
        )
    load_file_system(url)
    from fsspec.core import url_to_fs

    with explained(url):
        fs, path = url_to_fs(url, use_listings_cache=False)
    return fs, path.rstrip("/")


def load_file_system(url: str) -> None:
    """Import what a URL needs, which starts no thread.

    Raises
    ------
    MissingExtra, UsageError
        If a package is missing.
    """
    protocol = url.partition("://")[0]
    package = PACKAGES[protocol]
    try:
        import fsspec

        fsspec.get_filesystem_class(protocol)
    except ImportError:
        if package in ("fsspec", "s3fs"):
            raise MissingExtra(package, "remote", f"{protocol}://") from None
        raise UsageError(f"{protocol}:// needs the package '{package}': pip install {package}") from None


@contextlib.contextmanager
def explained(url: str) -> Iterator[None]:
    """Turn whatever a file system raises into an error of one line.

    Raises
    ------
    RunNotFound
        If there is nothing at the URL.
    AnalysisError
        If it cannot be reached.
    """
    try:
        yield
    except AnalysisError:
        raise
    except FileNotFoundError:
        raise RunNotFound(f"{redact_text(url)}: there is nothing; check the address") from None
    except Exception as error:
        said = redact_text(" ".join(f"{type(error).__name__}: {error}".split()))[:200]
        raise AnalysisError(
            f"{redact_text(url)}: cannot be reached ({said}); check the address and the credentials in the environment"
        ) from None


def find_folder(name: str) -> Path | str:
    """Find a folder by its name here or in a folder above, so that notebooks work from where they lie.

    One that is here keeps its relative name: a report then names no folder of the machine that made it.
    The URL of a folder stays as it is.
    """
    if is_url(name):
        return name
    path = Path(without_file_scheme(name)).expanduser()
    if path.is_absolute() or path.is_dir():
        return path
    here = Path.cwd()
    return next((up / path for up in here.parents if (up / path).is_dir()), here / path)
