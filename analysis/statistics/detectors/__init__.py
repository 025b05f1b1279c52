"""Detectors of training problems in the curves of one run, built to stay quiet on noise."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field

from analysis.statistics.detectors.drift import early_stopping, overfitting, plateau, undertraining
from analysis.statistics.detectors.observed import Curve as Curve
from analysis.statistics.detectors.observed import DetectionStatus, DetectorResult
from analysis.statistics.detectors.observed import Observed as Observed
from analysis.statistics.detectors.sudden import broken, divergence, nonfinite, spikes


@dataclass(frozen=True)
class Detection:
    """Result of one detector on one run.

    ``statement`` is a sentence with numbers, ``numbers`` the same by name, ``steps`` where it shows; ``problem`` is
    True if "raised" is bad news.
    """

    id: str
    status: DetectionStatus
    problem: bool
    statement: str
    numbers: Mapping[str, float] = field(default_factory=dict)
    steps: tuple[int, ...] = ()


@dataclass(frozen=True)
class Detector:
    """A detector; its ``cause`` and ``remedy`` are shown only if it is raised.

    Attributes
    ----------
    judges_loss : bool
        True if it judges the curve of a loss, which means nothing for a run that is judged by a reward.
    """

    id: str
    title: str
    problem: bool
    cause: str
    remedy: str
    look: Callable[[Observed], DetectorResult]
    judges_loss: bool = True


_MINUS = re.compile(r"(?<![\w)])-(?=[\d.])|(?<=\de)-(?=\d)")


def _signed(statement: str) -> str:
    """Set a true minus sign before numbers, as in the rest of the report.

    Examples
    --------
    >>> _signed("slope -0.5, p 2e-06; early-stopping, steps 3-4")
    'slope −0.5, p 2e−06; early-stopping, steps 3-4'
    """
    return _MINUS.sub("−", statement)


def detect(observed: Observed, *, muted: Collection[str] = ()) -> tuple[Detection, ...]:
    """Run every detector on a run, in the order of `DETECTORS`; a muted one is listed as such.

    Examples
    --------
    >>> [d.status for d in detect(Observed(nonfinite=(7,))) if d.id == "det.nonfinite"]
    ['raised']
    """
    return tuple(_run_detector(detector, observed, muted) for detector in DETECTORS.values())


def _run_detector(detector: Detector, observed: Observed, muted: Collection[str]) -> Detection:
    if detector.id in muted:
        return Detection(detector.id, "muted", detector.problem, "muted in the run set")
    if observed.rewarded and detector.judges_loss:
        result = DetectorResult("not raised", "a reward judges this run, beside which its loss may take any course")
    else:
        result = detector.look(observed)
    return Detection(
        detector.id, result.status, detector.problem, _signed(result.statement), result.numbers, result.steps
    )


DETECTORS: Mapping[str, Detector] = {
    detector.id: detector
    for detector in (
        Detector(
            "det.nonfinite",
            "Non-finite loss",
            True,
            "A NaN or infinite loss comes from overflow in half precision, a division by zero or a log of "
            "zero in the loss, or weights that have already diverged.",
            "Go back to the last checkpoint before it; look at the batch of the first such step; lower the "
            "learning rate or scale the loss, and clip gradients.",
            nonfinite,
            judges_loss=False,
        ),
        Detector(
            "det.broken",
            "Broken loss",
            True,
            "A loss that is exactly 0 or constant: masked labels, a frozen model, a learning rate of 0, or gradients "
            "that overflow in half precision.",
            "Check the labels and which parameters are trained; log the norm of the gradient; use bf16 or a smaller "
            "loss scale.",
            broken,
        ),
        Detector(
            "det.divergence",
            "Divergence",
            True,
            "The updates grow faster than the loss can follow: too large a learning rate, too short a "
            "warm-up, or data that change on the way.",
            "Resume from before the rise with a lower learning rate or a longer warm-up; check the order of the data.",
            divergence,
        ),
        Detector(
            "det.spikes",
            "Loss spikes",
            True,
            "Single batches with an unusual loss: damaged or mislabelled examples, or a very large gradient.",
            "Look at the batches of the named steps; clip gradients if they return.",
            spikes,
        ),
        Detector(
            "det.overfitting",
            "Overfitting",
            True,
            "The model goes on learning its training data while it gets worse on data it has not seen.",
            "Use an earlier checkpoint; train for fewer epochs, with more data or more regularisation.",
            overfitting,
        ),
        Detector(
            "det.undertraining",
            "Under-training",
            True,
            "The run ended while its loss was still falling.",
            "Train for longer, if the validation loss is falling too.",
            undertraining,
        ),
        Detector(
            "det.plateau",
            "Plateau",
            False,
            "The loss has settled: more of the same training would not change it by a margin that matters.",
            "Stop here, or change something: data, learning rate or model.",
            plateau,
        ),
        Detector(
            "det.early_stopping",
            "Better earlier checkpoint",
            False,
            "An earlier checkpoint validates better than the last one, by more than chance makes the best of several.",
            "Prefer the earliest checkpoint of the set.",
            early_stopping,
        ),
    )
}
"""Every detector by ID, problems first."""
