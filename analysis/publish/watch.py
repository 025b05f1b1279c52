"""Follow runs that are still going on: make the report again whenever a log has grown, until the run ends."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from analysis.core.errors import AnalysisError
from analysis.core.parameters import Parameters
from analysis.core.run import Run
from analysis.publish.freshness import are_as_they_were, read_from
from analysis.publish.publisher import ReportFailed
from analysis.sources import load_runs
from analysis.sources.remote import find_folder


@dataclass(frozen=True)
class Look:
    """What the logs are at a moment; ``ended`` says by what the run is over, empty while it may go on."""

    logs: str
    ended: str = ""


def watch(
    look: Callable[[], Look],
    render: Callable[[], None],
    *,
    patience: float,
    clock: Callable[[], float],
    wait: Callable[[], None],
    tell: Callable[[str], None] = print,
) -> str:
    """Render now and each time the logs have changed.

    A run is not taken as ended while its log still grows, whatever number of steps was expected. What cannot be
    read or rendered later on, such as a line that is half written, is told and tried again.

    Parameters
    ----------
    look : callable
        Looks at the logs.
    render : callable
        Makes the report.
    patience : float
        Seconds without growth after which a run counts as ended.
    clock, wait : callable
        Give the time in seconds; return when it is time to look again.
    tell : callable
        Is given one line on each trouble.

    Returns
    -------
    str
        Why it stopped.

    Raises
    ------
    AnalysisError, ReportFailed
        If the first look or the first report fails.
    """
    seen, rendered, grown = look(), "", clock()
    while True:
        if seen.logs != rendered:
            with _later_told(tell, first=not rendered):
                render()
                rendered = seen.logs
        elif seen.ended:
            return seen.ended
        if clock() - grown >= patience:
            return f"no growth for {patience:g} s"
        wait()
        with _later_told(tell, first=False):
            before, seen = seen, look()
            if seen.logs != before.logs:
                grown = clock()


class Looks:
    """Looks at the logs of a request, again and again; reads them only if a size or a time has changed."""

    def __init__(self, request: Parameters) -> None:
        self._request = request
        self._watched: object = None
        self._last: Look | None = None

    def __call__(self) -> Look:
        """Look; see `look_at`."""
        if self._last is None or not are_as_they_were(self._watched):
            # First the sizes and times: what grows while it is being read is then read again.
            watched = read_from(self._request)["watched"]
            self._last, self._watched = look_at(self._request), watched
        return self._last


def look_at(request: Parameters) -> Look:
    """Look at the logs of a request; the run that is followed is its candidate.

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
    """Say by what a run is over, as far as its log and its tool tell; empty if nothing does.

    Steps may count from 0 or from 1.
    """
    if run.ended is not None:
        return f"{run.provenance.source} has the run as ended" if run.ended else ""
    expected = run.expected_steps or run.expected_from_data
    made = int(run.steps[-1]) + (1 if run.steps[0] == 0 else 0)
    return f"step {made} of {expected} is reached" if expected and made >= expected else ""


@contextlib.contextmanager
def _later_told(tell: Callable[[str], None], *, first: bool) -> Iterator[None]:
    """Let the first trouble through; tell of any later one."""
    try:
        yield
    except (AnalysisError, ReportFailed) as problem:
        if first:
            raise
        tell(f"{problem}; looking again")
