"""Advice based on evidence."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from analysis import statistics as st
from analysis.core.metrics import metric as metric_of
from analysis.core.number_format import interval, listed, number
from analysis.core.rich_text import rich, text
from analysis.core.run import Run
from analysis.core.run_facts import in_epochs
from analysis.core.run_names import short_value
from analysis.findings.plan import Recommendation
from analysis.findings.recommend.design import failure, seed_sd, settling_experiment
from analysis.findings.recommend.record import measure_alike, missing_record

if TYPE_CHECKING:
    from analysis.findings.analysis_result import Analysis

LEAST_RATES = 5
"""Least number of comparable learning rates for a curve."""


def evidence_recommendations(a: Analysis) -> tuple[Recommendation, ...]:
    """Return the advice based on evidence, most important first; none on training for runs that only evaluate."""
    if a.candidate.only_evaluated:
        return tuple(advice for advice in (_verdict_action(a), _more_examples(a)) if advice is not None)
    fix, settle = _fix_training(a), settling_experiment(a)
    rates = _learning_rate(a) if fix is None else None
    if settle is not None and rates is not None and rates.id == "evidence.learning_rate_missing":
        rates = None  # one experiment at a time: its result may make further rates needless
    checkpoint = _stopping(a) if fix is None else None
    found = [_verdict_action(a), measure_alike(a), fix, checkpoint, settle, missing_record(a), rates, _noise(a)]
    return tuple(recommendation for recommendation in found if recommendation is not None)


def _verdict_action(a: Analysis) -> Recommendation | None:
    """Advise to keep the candidate or not, if the evidence decides."""
    if a.baseline is None or a.verdict.result not in ("improved", "regressed", "mixed"):
        return None
    keep = a.verdict.result == "improved"
    title = {
        "improved": "Keep {cand}",
        "regressed": "Go back to {base}",
        "mixed": "Choose between {cand} and {base} by what matters more: {choice}",
    }[a.verdict.result]
    return Recommendation(
        f"evidence.{'keep' if keep else 'choose'}",
        "evidence",
        "action",
        rich(
            "**" + title + "**",
            cand=a.configuration_name(a.candidate.id),
            base=a.configuration_name(a.baseline.id),
            choice=a.verdict.choice,
        ),
        (),
        a.candidate.id if keep else a.baseline.id,
    )


def _more_examples(a: Analysis) -> Recommendation | None:
    """Advise the number of examples that would separate two models."""
    primary = a.verdict.primary
    pair = next((p for p in a.evaluations if primary is not None and p.metric == primary.metric), None)
    if (
        pair is None
        or pair.required is None
        or pair.required <= pair.n
        or a.verdict.result in ("improved", "regressed")
    ):
        return None
    point = text(
        f"A difference of this size would show with 80% power in about {pair.required:,} examples of this kind."
    )
    title = rich("**Evaluate both on more examples**, the same ones")
    return Recommendation("evidence.examples", "evidence", "action", title, (point,), pair.required)


def _fix_training(a: Analysis) -> Recommendation | None:
    """Advise to fix a failed training, which comes before further seeds and experiments."""
    found = [(run, why) for run in (a.candidate, a.baseline) if run is not None and (why := failure(a, run))]
    if not found:
        return None
    return Recommendation(
        "evidence.mend",
        "evidence",
        "action",
        rich("**Fix the training of {runs} first**", runs=listed([a.name(run.id) for run, _ in found])),
        tuple(rich("{run}: {why}.", run=a.name(run.id), why=why.rstrip(".")) for run, why in found),
    )


def _learning_rate(a: Analysis) -> Recommendation | None:
    """Advise a learning rate if five or more comparable ones were tried, else to try more."""
    rates = {run.id: rate for run in a.runs if (rate := _rate(run)) is not None}
    if len(set(rates.values())) < 2 or a.baseline is None or a.candidate.id not in rates:
        return None
    usable = [run_id for run_id in _comparable_runs(a) if run_id in rates]
    tried = {rates[run_id] for run_id in usable}
    if len({rates[r] for r in _comparable_runs(a, if_stated=True) if r in rates}) >= LEAST_RATES > len(tried):
        return None  # enough were tried, but statements are missing, for which other advice asks
    if len(tried) < LEAST_RATES:
        missing = LEAST_RATES - len(tried)
        return Recommendation(
            "evidence.learning_rate_missing",
            "evidence",
            "optimization",
            rich("**Try more learning rates**"),
            (
                rich(
                    "Train {missing} more with everything else as in {run}, evenly spaced on a logarithmic scale: "
                    "from {least} rates on the best one can be estimated.",
                    run=a.configuration_name(a.candidate.id),
                    least=LEAST_RATES,
                    missing=missing,
                ),
            ),
        )
    return _rate_curve(a, {run_id: rates[run_id] for run_id in usable})


def _rate(run: Run) -> float | None:
    rate = run.factor("learning_rate")
    usable = isinstance(rate, int | float) and not isinstance(rate, bool) and math.isfinite(rate) and rate > 0
    return float(rate) if usable else None


def _comparable_runs(a: Analysis, *, if_stated: bool = False) -> list[str]:
    """Return the runs that differ from the candidate only in their learning rate.

    With ``if_stated`` also those that may do so, because something is not stated.
    """
    from analysis.evidence.comparability import gate, requirements

    # The validation set matters only for metrics measured on it.
    needed = {"parent", "training_data", "batch_size", *requirements(a.deciding_metric)}
    enough = ("same", "cannot tell") if if_stated else ("same",)
    return [
        run.id
        for run in a.runs
        if run.id == a.candidate.id
        or ((pair := gate(a.candidate, run)).factors in (("learning_rate",), ()) and pair.state(*needed) in enough)
    ]


def _rate_curve(a: Analysis, tried: Mapping[str, float]) -> Recommendation | None:
    metric = a.deciding_metric
    sign = metric_of(metric).sign  # the minimum of the curve is searched
    points = []
    for run_id, rate in tried.items():
        level = a.evidence[run_id].window.get(metric)
        if level is not None and level.known:
            points.append((rate, sign * level.value, level.se))
    if len({rate for rate, _, _ in points}) < LEAST_RATES:
        return None
    rates, levels, errors = (np.array(column) for column in zip(*points, strict=True))
    curve = st.rate_curve(rates, levels, errors, seed_sd=seed_sd(a), reference=tried[a.candidate.id])
    if curve is None:
        return None
    if curve.p_better <= 0.8:
        return Recommendation(
            "evidence.learning_rate_keep",
            "evidence",
            "optimization",
            rich("**Keep the learning rate {rate}**", rate=short_value(a.candidate.factor("learning_rate"))),
            (rich("No other rate is better with a probability above .8 (best: {p}).", p=f"{curve.p_better:.2f}"),),
        )
    return Recommendation(
        "evidence.learning_rate",
        "evidence",
        "action",
        rich("**Try learning rate {rate}**", rate=short_value(float(f"{curve.best:.3g}"))),
        (
            rich(
                "Better than the candidate's with probability {p}, by a Gaussian process over {n} runs.",
                p=f"{curve.p_better:.2f}",
                n=len(points),
            ),
        ),
        curve.best,
    )


def _noise(a: Analysis) -> Recommendation | None:
    """Advise not to tune for oscillations that are sampling noise."""
    e = a.evidence[a.candidate.id]
    if e.excess_noise is None or not e.excess_noise.known or e.excess_noise.low > 1:
        return None
    batch = a.candidate.factor("batch_size")
    return Recommendation(
        "evidence.sampling_noise",
        "evidence",
        "optimization",
        rich("**Do not tune for oscillations**: they are sampling noise"),
        (
            rich(
                "The training loss is {x} times as noisy as minibatch validation, where no weight moves.",
                x=interval(e.excess_noise),
            ),
            rich(
                "Neither learning rate nor clipping reduces sampling noise; {batch} would halve it.",
                batch=f"batch size {4 * batch}" if isinstance(batch, int) else "four times the batch",
            ),
        ),
    )


def _stopping(a: Analysis) -> Recommendation | None:
    """Advise an earlier checkpoint that is better by full validation."""
    detection = a.detection(a.candidate.id, "det.early_stopping")
    if detection is None or detection.status != "raised":
        return None
    statement = in_epochs(detection.statement, a.candidate, a.curve)
    return Recommendation(
        "evidence.checkpoint",
        "evidence",
        "optimization",
        rich("**Use an earlier checkpoint of {run}**", run=a.name(a.candidate.id)),
        (text(f"{statement[:1].upper()}{statement[1:]}."),),
        [number(float(step)) for step in detection.steps],
    )
