"""Definitions of the detectors."""

from __future__ import annotations

_OWN = "own, calibrated by simulation"

DETECTORS = (
    (
        "det.nonfinite",
        "Non-finite loss",
        "The loss became NaN or infinite, which a value beyond 1e100 counts as.",
        "any train or validation loss that is NaN or beyond ±1e100",
        "Arithmetic",
    ),
    (
        "det.broken",
        "Broken loss",
        "The loss is exactly constant to the end of the run, or the gradients were NaN or infinite.",
        "5 rows and a tenth of the run or more of one value at the end; any non-finite grad_norm",
        "Arithmetic",
    ),
    (
        "det.divergence",
        "Divergence",
        "The loss ends far above its lowest stretch and rises.",
        "end window mean > lowest tenth + 5 s and + 10%, with slope > 0",
        _OWN,
    ),
    (
        "det.spikes",
        "Loss spikes",
        "Single losses far above their neighbourhood, beyond what a run of this length shows by chance.",
        "any spike after burn-in; 1% chance in a run of noise",
        "Hampel (1974); " + _OWN,
    ),
    (
        "det.overfitting",
        "Overfitting",
        "Train loss keeps falling while validation loss rises.",
        "train not rising and validation up: 20 evaluations on, last mean of w = max(3, E/10) against the best by "
        "> z(1 − .025/(E − w)) σ √(2/w), σ² = median(Δ²²)/(.4549 · 6); fewer: by > z(1 − .05/(E − 1)) √2 SE, "
        "SE of the set or 2L/√n; else five rises in a row; minibatches: their trend",
        _OWN,
    ),
    (
        "det.plateau",
        "Plateau",
        "What is left of the trend cannot change the loss by more than the margin.",
        "90% slope interval × remaining steps inside the margin",
        _OWN,
    ),
    (
        "det.undertraining",
        "Under-training",
        "The loss was still falling at the end.",
        "upper bound of the last-window slope < 0, and a cubic through the latter half falls at its end",
        _OWN,
    ),
    (
        "det.early_stopping",
        "Better earlier checkpoint",
        "An earlier checkpoint is better than the last one by more than the best of several is by luck.",
        "the test of det.overfitting without the train loss; the set: within half of what it takes",
        _OWN,
    ),
)
