"""The option ``--out``: a folder, or a URL to which reports are uploaded from a temporary folder."""

from __future__ import annotations

import argparse
import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from analysis.batch.remote_reports import RemoteReports


def add(parser: argparse.ArgumentParser) -> None:
    """Add the option."""
    parser.add_argument(
        "--out",
        type=_place,
        default=Path("reports"),
        metavar="DIR",
        help="where reports go: a folder, or a URL such as s3://bucket/reports (default: reports)",
    )


def _place(text: str) -> Path | str:
    if "://" not in text:
        return Path(text)
    from analysis.sources.remote import PACKAGES, is_url, without_file_scheme

    if is_url(text):
        return text
    if text.startswith("file://"):
        return Path(without_file_scheme(text))
    known = ", ".join(f"{protocol}://" for protocol in ("file", *PACKAGES))
    raise argparse.ArgumentTypeError(f"reports cannot be put there; give a folder or one of {known}")


@contextlib.contextmanager
def workplace(out: Path | str) -> Iterator[tuple[Path, RemoteReports | None]]:
    """Yield the folder in which reports are made, and the `RemoteReports` they are uploaded to, None for a folder.

    Raises
    ------
    AnalysisError
        If a package for such URLs is missing.
    """
    if isinstance(out, Path):
        yield out, None
        return
    from analysis.batch.remote_reports import RemoteReports
    from analysis.core.scratch import scratch

    remote = RemoteReports(out)
    with scratch() as locked:  # publishing locks the folder of reports too, so it must be another
        folder = locked / "reports"
        folder.mkdir()
        yield folder, remote


@contextlib.contextmanager
def replaced(remote: RemoteReports | None, report_id: str, folder: Path) -> Iterator[None]:
    """Download a report before it is made again in ``folder``; upload the new one, or the log of a failure."""
    from analysis.publish.publisher import ReportFailed

    if remote is None:
        yield
        return
    remote.bring(report_id, folder)
    try:
        yield
    except ReportFailed as failure:
        remote.put_failed(report_id, folder)
        failure.args = (str(failure).replace(str(folder), remote.url),)
        raise
    remote.put(report_id, folder)
