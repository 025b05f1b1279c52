"""The results files in a report folder: the current results, and the earlier ones that they replaced."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from analysis.core.plain_data import loads

RESULTS = "training_analysis_results.json"

EARLIER = "training_analysis_results.earlier.json"
"""The newest results of an earlier day, kept beside the current ones.

What a report knows about earlier ones must not depend on whether they were made again on its own day.
"""

Report = Mapping[str, Any]
"""The results JSON of an earlier report."""


def load_report(path: Path) -> Report | None:
    """Return a results JSON; None if the file cannot be read or is not one."""
    try:
        return parse_report(path.read_bytes())
    except OSError:
        return None


def parse_report(content: bytes) -> Report | None:
    """Return the results in the content of a file; None if it is not a results JSON."""
    try:
        report = _renamed(loads(content))
    except ValueError:
        return None
    return report if _is_report(report) else None


def _renamed(report: Any) -> Any:
    """Return results with current key names: the rules of thumb used to be called "document"."""
    if not isinstance(report, dict):
        return report
    runs, verdict = report.get("runs"), report.get("verdict")
    for part in (verdict, *(runs.values() if isinstance(runs, dict) else ())):
        for old in ("document", "document_detail") if isinstance(part, dict) else ():
            if old in part:
                part.setdefault(old.replace("document", "rules_of_thumb"), part[old])
    return report


def _is_report(value: Any) -> bool:
    """True if a JSON value has the keys that are read of an earlier report."""
    if not isinstance(value, dict) or not {"date", "report_id", "title"} <= set(value):
        return False
    runs, verdict = value.get("runs"), value.get("verdict")
    if not isinstance(runs, dict) or not isinstance(verdict, dict):
        return False
    return all(isinstance(run, dict) and {"rules_of_thumb", "evidence"} <= set(run) for run in runs.values())


def log_of(report: Report) -> str | None:
    """Return the SHA-256 of the candidate's log; None if it is not known."""
    log = report["runs"].get(report.get("candidate"), {}).get("provenance", {}).get("sha256")
    return log if isinstance(log, str) else None


def keep_earlier(old: Path, new: Path) -> None:
    """Copy to a report's new folder the results that it replaces or, if these are of the same day, the earlier ones.

    Parameters
    ----------
    old, new : pathlib.Path
        The current folder of the report, which may be missing, and the one with its new results.
    """
    replaced, results = load_report(old / RESULTS), load_report(new / RESULTS)
    is_earlier = replaced is not None and results is not None and str(replaced["date"]) < str(results["date"])
    kept = old / (RESULTS if is_earlier else EARLIER)
    if kept.is_file():
        shutil.copyfile(kept, new / EARLIER)
