"""Advice that rests on evidence: refuse where the gate failed, and say which experiment would tell."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from analysis import statistics as st
from analysis.core.metrics import REWARDS
from analysis.core.metrics import metric as metric_of
from analysis.core.number_format import count, interval, number
from analysis.core.rich_text import Rich, rich, text
from analysis.core.run import Run
from analysis.core.run_names import factor_title, short_value
from analysis.evidence.comparability import ATTRIBUTION
from analysis.evidence.seed_groups import seed_groups
from analysis.findings.plan import Recommendation
from analysis.findings.recommend.record import missing_record

if TYPE_CHECKING:
    from analysis.findings.analysis_result import Analysis

LEAST_RATES = 5
"""Comparable learning rates from which on a curve through them is worth anything."""

LEAST_SEEDS = 3
"""Seeds an arm until their spread is known."""


def evidence_recommendations(a: Analysis) -> tuple[Recommendation, ...]:
    """Give the advice that the evidence carries, most important first; of models alone none about a training."""
    if a.candidate.only_evaluated:
        return tuple(advice for advice in (_verdict_action(a), _more_examples(a)) if advice is not None)
    found = [_verdict_action(a), _design(a), missing_record(a), _learning_rate(a), _noise(a), _stopping(a)]
    return tuple(recommendation for recommendation in found if recommendation is not None)


def _verdict_action(a: Analysis) -> Recommendation | None:
    """Say whether to keep the candidate, where the evidence says so."""
    if a.baseline is None or a.verdict.result not in ("improved", "regressed", "mixed"):
        return None
    keep = a.verdict.result == "improved"
    title = {
        "improved": "Keep {cand}",
        "regressed": "Go back to {base}",
        "mixed": "Choose between {cand} and {base} by what matters more: performance or noise",
    }[a.verdict.result]
    return Recommendation(
        f"evidence.{'keep' if keep else 'choose'}",
        "evidence",
        "action",
        rich("**" + title + "**", cand=a.spoken(a.candidate.id), base=a.spoken(a.baseline.id)),
        (text(a.verdict.sentence),),
        a.candidate.id if keep else a.baseline.id,
    )


def _more_examples(a: Analysis) -> Recommendation | None:
    """Say how many examples would tell two models apart that these do not."""
    primary = a.verdict.primary
    pair = next((p for p in a.evaluations if primary is not None and p.metric == primary.metric), None)
    if (
        pair is None
        or pair.required is None
        or pair.required <= pair.n
        or a.verdict.result in ("improved", "regressed")
    ):
        return None
    told = text(
        f"A difference of this size would show with 80% power in about {pair.required:,} examples of this kind."
    )
    title = rich("**Evaluate both on more examples**, the same ones")
    return Recommendation("evidence.examples", "evidence", "action", title, (told,), pair.required)


def _design(a: Analysis) -> Recommendation | None:
    """Refuse to attribute, and give the experiment that would settle it."""
    if a.baseline is None or a.gate is None:
        return None
    # What is merely not stated is to be stated, not to be trained again.
    settled = a.verdict.result in ("improved", "regressed", "equivalent") and a.gate.attributable != "different"
    replicated = all(
        len(arm.runs) > 1 for arm in seed_groups(a.runs) if {a.baseline.id, a.candidate.id} & set(arm.runs)
    )
    if settled and replicated:
        return None
    factors = a.gate.factors
    plan = design(a)
    why = a.gate.reason(*ATTRIBUTION)
    if len(factors) > 1:
        changed = ", ".join(factor_title(f).lower() for f in factors)
        why = "; ".join(filter(None, [f"{changed} changed together", why]))
    points: list[Rich] = []
    if why:
        points.append(rich("The effect of a single setting is not identified: {why}.", why=why))
    elif not replicated:
        points.append(text("One run a configuration cannot separate the configuration from the seed."))
    points.append(
        rich(
            "Train {arms} with {n} each that differ in {factor} only: from the same parent, on the same training data.",
            arms=count(len(plan["arms"]), "configuration"),
            n=count(plan["seeds_per_arm"], "seed"),
            factor=plan["factor_title"],
        )
    )
    points.append(
        text("Evaluate each on the same dozens of episodes, with the same environment seeds (eval_reward).")
        if a.deciding_metric in REWARDS
        else text(_validation_words(plan, plan["difference_sought"]))
    )
    return Recommendation(
        "evidence.design",
        "evidence",
        "design",
        rich("**Settle it by an experiment**"),
        tuple(points),
        plan,
    )


def design(a: Analysis) -> dict[str, Any]:
    """Plan the experiment that would tell candidate and baseline apart: arms, seeds, validation examples."""
    assert a.baseline is not None
    assert a.gate is not None
    factor = next((f for f in a.gate.factors), "seed")
    key = a.candidate.factor_key(factor) if factor in ("learning_rate", "n_epochs", "batch_size", "seed") else factor
    key = key or factor
    arms_ = [dict(a.candidate.config), {**a.candidate.config, key: _value(a, factor)}]
    unique = arms_ if arms_[0] != arms_[1] else arms_[:1]
    tau, primary = _seed_sd(a), a.verdict.primary
    # What was seen is worth confirming; less than what matters is not worth looking for.
    seen = abs(primary.result.value) if primary is not None and math.isfinite(primary.result.value) else 0.0
    sought = max(a.margin, seen)
    seeds = st.required_size(tau, sought) if tau is not None else None
    batch = a.candidate.factor("batch_size")
    minibatches = a.evidence[a.candidate.id].settled.get("valid_loss")
    examples = (
        st.required_examples(minibatches, batch=batch, effect=sought)
        if minibatches is not None and isinstance(batch, int)
        else None
    )
    return {
        "factor": key,
        "factor_title": factor_title(factor).lower(),
        "arms": unique,
        "seeds_per_arm": max(LEAST_SEEDS, seeds or 0),
        "seed_sd": tau,
        "difference_sought": sought,
        "validation_examples": examples,
        "parent": a.candidate.parent if a.candidate.parent != a.baseline.id else a.baseline.parent,
        "validation": "one frozen file, in no ancestor's training data, with the loss of each example logged",
    }


def _value(a: Analysis, factor: str) -> Any:
    assert a.baseline is not None
    key = a.baseline.factor_key(factor) if factor in ("learning_rate", "n_epochs", "batch_size", "seed") else factor
    return a.baseline.config.get(key) if key else None


def _seed_sd(a: Analysis) -> float | None:
    """Return the spread of the deciding metric between seeds: measured, stated, else the usual one."""
    known = a.seed_spread.of(a.deciding_metric)
    primary = a.verdict.primary
    return known.sd if known is not None else primary.usual_seed_sd if primary is not None else None


def _validation_words(plan: dict[str, Any], margin: float) -> str:
    examples = plan["validation_examples"]
    size = (
        f"of at least {examples:,} examples (to see a loss difference of {margin:g})"
        if examples
        else "of a size that the spread of minibatch validations would tell, once logged"
    )
    keep = "keep it out of every ancestor's training data and log the loss of each example"
    return f"Validate on one frozen file {size}; {keep}."


def _learning_rate(a: Analysis) -> Recommendation | None:
    """Recommend a learning rate where five or more comparable ones were tried; else say what is missing."""
    rates = {run.id: rate for run in a.runs if (rate := _rate(run)) is not None}
    if len(set(rates.values())) < 2 or a.baseline is None or a.candidate.id not in rates:
        return None
    usable = [run_id for run_id in _comparable_runs(a) if run_id in rates]
    tried = {rates[run_id] for run_id in usable}
    if len({rates[r] for r in _comparable_runs(a, if_stated=True) if r in rates}) >= LEAST_RATES > len(tried):
        return None  # enough were tried: what keeps them apart is to be stated, which other advice says
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
                    "a recommendation takes {least}.",
                    run=a.spoken(a.candidate.id),
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
    """List the runs whose learning rate is the one factor that sets them apart from the candidate.

    With ``if_stated`` also those of which that is not known, as something is not stated.
    """
    from analysis.evidence.comparability import gate, requirements

    # Validation data need not agree where the metric was not measured on any.
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
    sign = metric_of(metric).sign  # the curve is searched for its lowest place
    points = []
    for run_id, rate in tried.items():
        level = a.evidence[run_id].window.get(metric)
        if level is not None and level.known:
            points.append((rate, sign * level.value, level.se))
    if len({rate for rate, _, _ in points}) < LEAST_RATES:
        return None
    rates, levels, errors = (np.array(column) for column in zip(*points, strict=True))
    curve = st.rate_curve(rates, levels, errors, seed_sd=_seed_sd(a), reference=tried[a.candidate.id])
    if curve is None:
        return None
    if curve.p_better <= 0.8:
        return Recommendation(
            "evidence.learning_rate_keep",
            "evidence",
            "optimization",
            rich("**Keep the learning rate {rate}**", rate=short_value(a.candidate.factor("learning_rate"))),
            (
                rich(
                    "No other rate is better with a probability above .8 (best: {p}).",
                    p=f"{curve.p_better:.2f}",
                ),
            ),
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
    """Explain oscillations that are sampling noise, and what would reduce them."""
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
                "Training is {x} times as noisy as minibatch validation, which samples alike.",
                x=interval(e.excess_noise),
            ),
            rich(
                "Neither learning rate nor clipping reduces sampling noise; {batch} would halve it.",
                batch=f"batch size {4 * batch}" if isinstance(batch, int) else "four times the batch",
            ),
        ),
    )


def _stopping(a: Analysis) -> Recommendation | None:
    """Name the checkpoints that are as good as the best by full validation."""
    detection = a.detection(a.candidate.id, "det.early_stopping")
    if detection is None or detection.status != "raised":
        return None
    return Recommendation(
        "evidence.checkpoint",
        "evidence",
        "optimization",
        rich("**Choose the checkpoint of {run} by full validation**", run=a.name(a.candidate.id)),
        (text(detection.statement),),
        [number(float(step)) for step in detection.steps],
    )
