"""Follow running trainings: make the report again whenever a log has grown, until the run ends."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from analysis.core.errors import AnalysisError
from analysis.core.parameters import Parameters
from analysis.core.run import Run
from analysis.publish.freshness import are_unchanged, read_from
from analysis.publish.publisher import ReportFailed
from analysis.sources import load_runs
from analysis.sources.remote import find_folder


@dataclass(frozen=True)
class Look:
    """State of the logs at one moment; ``ended`` says why the run is over, empty while it may go on."""

    logs: str
    ended: str = ""


def watch(
    look: Callable[[], Look],
    render: Callable[[], None],
    *,
    patience: float,
    clock: Callable[[], float],
    wait: Callable[[], None],
    report: Callable[[str], None] = print,
) -> str:
    """Render now and each time the logs have changed.

    A run does not count as ended while its log still grows, whatever number of steps was expected. A later failure to
    read or render, such as for a half-written line, is reported and tried again.

    Parameters
    ----------
    look : callable
        Returns the state of the logs.
    render : callable
        Makes the report.
    patience : float
        Seconds without growth after which a run counts as ended.
    clock, wait : callable
        ``clock`` returns the time in seconds; ``wait`` returns when it is time to look again.
    report : callable
        Called with one line for each failure.

    Returns
    -------
    str
        Why watching stopped.

    Raises
    ------
    AnalysisError, ReportFailed
        If the first look or the first report fails.
    """
    current, rendered, grown = look(), "", clock()
    while True:
        if current.logs != rendered:
            with _errors_reported(report, first=not rendered):
                render()
                rendered = current.logs
        elif current.ended:
            return current.ended
        if clock() - grown >= patience:
            return f"no growth for {patience:g} s"
        wait()
        with _errors_reported(report, first=False):
            before, current = current, look()
            if current.logs != before.logs:
                grown = clock()


class Looks:
    """Repeated looks at the logs of a request; they are read only if a size or a time has changed."""

    def __init__(self, request: Parameters) -> None:
        self._request = request
        self._watched: object = None
        self._last: Look | None = None

    def __call__(self) -> Look:
        """Return the current state; see `look_at`."""
        if self._last is None or not are_unchanged(self._watched):
            # Sizes and times first: a log that grows while it is read is then read again.
            watched = read_from(self._request)["watched"]
            self._last, self._watched = look_at(self._request), watched
        return self._last


def look_at(request: Parameters) -> Look:
    """Return the state of the logs of a request; the run that is followed is its candidate.

    Raises
    ------
    AnalysisError
        If a log cannot be found or read.
    """
    runs = load_runs(request.run_ids, runs_dir=find_folder(request.runs_dir), columns=request.columns)
    wanted = request.candidate
    followed = next((run for run in runs if wanted and wanted in (run.id, run.reference, run.label)), runs[-1])
    return Look(" ".join(run.provenance.sha256 for run in runs), end_of(followed))


def end_of(run: Run) -> str:
    """Return why a run is over, according to its tool or its number of steps; empty if it is not known to be.

    Steps may count from 0 or from 1.
    """
    if run.ended is not None:
        return f"{run.provenance.source} has the run as ended" if run.ended else ""
    expected = run.expected_steps or run.expected_from_data
    made = int(run.steps[-1]) + (1 if run.steps[0] == 0 else 0)
    return f"step {made} of {expected} is reached" if expected and made >= expected else ""


@contextlib.contextmanager
def _errors_reported(report: Callable[[str], None], *, first: bool) -> Iterator[None]:
    """Raise an error of the first look or report; report any later one."""
    try:
        yield
    except (AnalysisError, ReportFailed) as problem:
        if first:
            raise
        report(f"{problem}; looking again")
