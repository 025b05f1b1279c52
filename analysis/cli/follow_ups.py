"""Follow-ups of a finished report: the index, a message to a webhook, a copy in the tracking tool."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from analysis.batch.remote_reports import RemoteReports
    from analysis.publish.publisher import Published


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options for the follow-ups of one report."""
    add_message_options(parser)
    parser.add_argument(
        "--log-to", metavar="RUN", help="attach the report to mlflow:<run id> or wandb:<entity>/<project>/<run id>"
    )


def add_message_options(parser: argparse.ArgumentParser) -> None:
    """Add the options for the follow-ups of a report or a batch."""
    parser.add_argument("--no-index", action="store_true", help="leave the index of all reports as it is")
    parser.add_argument("--notify", metavar="URL", help="post a short summary to this webhook (Slack-compatible JSON)")


def prepared(options: argparse.Namespace) -> Callable[[Published], None]:
    """Check the options before a report is made; return a function to call with the finished report.

    Raises
    ------
    AnalysisError
        If the report could not be attached to the run named by ``--log-to``.
    """
    attach = None
    if options.log_to:
        from analysis.publish.attach import attacher

        attach = attacher(options.log_to)

    def follow(published: Published) -> None:
        if options.notify:
            from analysis.publish.notify import report_text

            send(options.notify, report_text(published.results))
        if attach is not None:
            print(attach(published.folder, published.files))

    return follow


def send(url: str, text: str) -> None:
    """Send a message; a failure is only a warning on stderr, since the report is made."""
    from analysis.publish.notify import notify

    warning = notify(url, text)
    if warning:
        print(f"warning: {warning}", file=sys.stderr)


def index(options: argparse.Namespace, remote: RemoteReports | None = None) -> Path | str | None:
    """Update the index and return the path or URL of its page; do nothing with ``--no-index``."""
    if options.no_index:
        return None
    if remote is not None:
        return remote.update_index()
    from analysis.publish.reports_index import update_index

    return update_index(options.out)
