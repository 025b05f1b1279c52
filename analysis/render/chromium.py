"""Printing of a page as PDF with an installed Chromium."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

from analysis.core.errors import AnalysisError
from analysis.core.scratch import scratch

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome", "msedge")
"""Commands to look for, after the one in the environment variable CHROMIUM."""

_QUIET = (
    "--headless",
    "--no-sandbox",  # the page is ours, without foreign scripts, and the sandbox does not work for root
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-pdf-header-footer",
    "--generate-pdf-document-outline",
)


def find_chromium() -> str:
    """Return the path of the browser.

    Raises
    ------
    AnalysisError
        If there is none.
    """
    for name in (os.environ.get("CHROMIUM"), *NAMES):
        if name and (path := shutil.which(name)):
            return path
    raise AnalysisError("pdf: 'web' needs Chromium or Chrome, and none was found; install one, or use --pdf typst")


def print_page(page: Path, pdf: Path, *, timeout: float = 120.0) -> None:
    """Print a local HTML file as PDF.

    Parameters
    ----------
    page, pdf : pathlib.Path
        The HTML file to read and the PDF file to write.
    timeout : float
        Seconds for the browser.

    Raises
    ------
    AnalysisError
        If there is no Chromium, or it fails.
    """
    browser = find_chromium()
    with scratch() as profile:
        command = [browser, *_QUIET, f"--user-data-dir={profile}", f"--print-to-pdf={pdf}", page.absolute().as_uri()]
        try:
            done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=timeout)
        except subprocess.TimeoutExpired:
            raise AnalysisError(f"pdf: {browser} took more than {timeout:.0f} s; use --pdf typst") from None
    if done.returncode or not pdf.exists():
        said = done.stderr.decode(errors="replace").strip().splitlines()
        raise AnalysisError(f"pdf: {browser} could not print: {said[-1] if said else done.returncode}; use --pdf typst")
