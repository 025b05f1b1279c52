"""Rule about the detectors: one finding each, with cause and remedy for problems."""

from __future__ import annotations

from analysis.core.blocks import Status
from analysis.core.rich_text import rich
from analysis.core.run_facts import in_epochs
from analysis.findings.analysis_result import Analysis
from analysis.findings.finding import Finding
from analysis.statistics.detectors import DETECTORS, Detection


def problems(a: Analysis) -> list[Finding]:
    """State what was raised on each run, and for the candidate also what was not raised."""
    found = []
    for run in a.runs:
        for detection in a.detections[run.id]:
            if detection.status == "raised" or (run.id == a.candidate.id and detection.status != "muted"):
                found.append(_finding(a, run.id, detection))
    return found


def _finding(a: Analysis, run_id: str, detection: Detection) -> Finding:
    detector = DETECTORS[detection.id]
    raised = detection.status == "raised"
    status: Status = {"raised": "supported", "not raised": "not supported"}.get(detection.status, "cannot tell")  # type: ignore[assignment]
    stands = raised and detector.problem
    return Finding(
        f"{detection.id}:{run_id}",
        detection.id,
        "curves",
        rich(
            "{what} ({run}): {statement}",
            what=detector.title,
            run=a.name(run_id),
            statement=in_epochs(detection.statement, a.run(run_id), a.curve),
        ),
        status,
        estimate=next(iter(detection.numbers.values()), None),
        definition=detection.id,
        runs=(run_id,),
        steps=(min(detection.steps), max(detection.steps)) if detection.steps else None,
        tone="bad" if stands else "neutral",
        cause=detector.cause if stands else "",
        remedy=detector.remedy if stands else "",
    )
