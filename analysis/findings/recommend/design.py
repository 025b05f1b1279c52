"""Design of the experiment that would settle a comparison: arms, seeds, validation, first runs."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from analysis import statistics as st
from analysis.core.deciding import REWARDS
from analysis.core.metrics import metric as metric_of
from analysis.core.number_format import count, listed
from analysis.core.rich_text import Rich, rich, text
from analysis.core.run import FACTORS, Run
from analysis.core.run_facts import died
from analysis.core.run_names import factor_title, next_ids
from analysis.evidence.comparability import ATTRIBUTION, other_quantity
from analysis.evidence.seed_groups import seed_groups
from analysis.evidence.verdict import DESCRIBED
from analysis.evidence.verdict_words import LEAST_SEEDS, MOST_SEEDS, shown_scale
from analysis.findings.plan import NextRun, Recommendation, planned_run, with_seed

if TYPE_CHECKING:
    from analysis.findings.analysis_result import Analysis

_GIVEN = {"parent": "starting model", "training_data": "training data"}
"""Factors that are not settings, by the check that finds them."""


def failure(a: Analysis, run: Run) -> str:
    """Return how the training of a run failed; empty if it did not."""
    raised = {d.id: d.statement for d in a.detections[run.id] if d.status == "raised"}
    wanted = (*(("det.nonfinite",) if died(run) else ()), "det.broken", "det.divergence")
    return next((raised[detector] for detector in wanted if detector in raised), "")


def settling_experiment(a: Analysis) -> Recommendation | None:
    """Return the advice on the experiment that would settle the comparison; None if there is nothing to settle."""
    if a.baseline is None or a.gate is None or failure(a, a.candidate) or failure(a, a.baseline):
        return None
    if other_quantity(a.deciding_metric, a.gate):
        return None
    # Something that is only not stated needs a statement, not a new training.
    settled = a.verdict.result in ("improved", "regressed", "equivalent") and a.gate.attributable != "different"
    replicated = all(
        len(arm.runs) > 1 for arm in seed_groups(a.runs) if {a.baseline.id, a.candidate.id} & set(arm.runs)
    )
    if settled and replicated:
        return None
    seeds, sought = _seeds(a)
    if seeds > MOST_SEEDS and _assumed(a):
        return None  # stating the number of validation examples comes first
    if not _differing(a):
        open_ = a.verdict.result == "no evidence of a difference" and not replicated and sought > 0
        if not open_ or a.verdict.headline == DESCRIBED:
            return None
        return _too_small(a, seeds, sought) if seeds > MOST_SEEDS else _more_seeds(a, seeds)
    if seeds > MOST_SEEDS:
        return _too_small(a, seeds, sought)
    return _experiment(a, design(a), replicated=replicated)


def _assumed(a: Analysis) -> bool:
    """True if the spread of seeds of the deciding metric follows from an assumed number of examples."""
    runs = [run for run in (a.candidate, a.baseline) if run is not None]
    unsized = metric_of(a.deciding_metric).validates and None in [run.n_valid for run in runs]
    return unsized and a.deciding_metric not in REWARDS and a.seed_spread.of(a.deciding_metric) is None


def _more_seeds(a: Analysis, seeds: int) -> Recommendation:
    """Advise more seeds for two runs without a stated difference."""
    assert a.baseline is not None
    pair = {
        "cand": a.configuration_name(a.candidate.id),
        "base": a.configuration_name(a.baseline.id),
        "n": count(seeds, "seed"),
    }
    todo = rich("Train {n} of each, {cand} and {base}, and state in the sidecars how they differ.", **pair)
    why = text("One run each cannot tell the configuration from the seed.")
    return Recommendation("evidence.seeds", "evidence", "design", rich("**Train more seeds**"), (todo, why))


def _experiment(a: Analysis, plan: dict[str, Any], *, replicated: bool) -> Recommendation:
    assert a.gate is not None
    factors = a.gate.factors
    why = a.gate.reason(*(name for name in ATTRIBUTION if name not in factors))
    if len(factors) > 1:
        changed = listed([factor_title(f).lower() for f in factors])
        why = "; ".join(filter(None, [f"{changed} changed together", why]))
    points: list[Rich] = []
    if why:
        points.append(rich("What a single setting does cannot be told: {why}.", why=why))
    elif not replicated:
        points.append(text("One run each cannot tell the configuration from the seed."))
    kept = {"parent": "from the same parent", "training_data": "on the same training data"}
    points.append(
        rich(
            "Train {arms} that differ only in {factor}, {n} each: {kept}.",
            arms="two configurations" if len(plan["arms"]) > 1 else "both again, now so",
            n=count(plan["seeds_per_arm"], "seed"),
            factor=plan["factor_title"],
            kept=", ".join(words for name, words in kept.items() if name != plan["factor"]),
        )
    )
    points.append(
        text("Evaluate each on the same dozens of episodes, with the same environment seeds (eval_reward).")
        if a.deciding_metric in REWARDS
        else text(_validation_words(plan, plan["difference_sought"]))
    )
    title = rich("**Settle it by an experiment**")
    return Recommendation("evidence.design", "evidence", "design", title, tuple(points), plan)


def _too_small(a: Analysis, seeds: int, sought: float) -> Recommendation:
    scale, unit = shown_scale(a.verdict.primary) if a.verdict.primary is not None else (1, "")
    return Recommendation(
        "evidence.too_small",
        "evidence",
        "design",
        rich("**Train no more seeds for this difference**"),
        (
            rich(
                "Showing a difference of {size} would take {n} seeds of each configuration. "
                "Choose on other grounds, such as cost.",
                size=f"{scale * sought:.2g}{unit}",
                n=f"{seeds:,}",
            ),
        ),
    )


def _differing(a: Analysis) -> str | None:
    """Return the factor to vary: the first setting that differs, else the parent or the training data; None if none."""
    assert a.gate is not None
    return next(iter([*a.gate.factors, *(name for name in _GIVEN if a.gate.state(name) == "different")]), None)


def _seeds(a: Analysis) -> tuple[int, float]:
    """Return the number of seeds per configuration, at least `LEAST_SEEDS`, and the difference that they would show."""
    tau, primary = seed_sd(a), a.verdict.primary
    # The observed difference is worth confirming, but nothing smaller than the margin that matters.
    seen = abs(primary.result.value) if primary is not None and math.isfinite(primary.result.value) else 0.0
    sought = max(a.margin, seen)
    if primary is not None and seen and (not primary.known or not primary.result.low <= 0 <= primary.result.high):
        sought = seen  # beyond its own error, so the observed size is a fair estimate
    seeds = st.required_size(tau, sought) if tau is not None else None
    return max(LEAST_SEEDS, seeds or 0), sought


def design(a: Analysis) -> dict[str, Any]:
    """Return the experiment that would separate candidate and baseline: arms, seeds, validation examples."""
    assert a.baseline is not None
    factor = _differing(a)
    assert factor is not None
    key = (a.candidate.factor_key(factor) if factor in FACTORS else factor) or factor
    value = a.baseline.config.get((a.baseline.factor_key(factor) if factor in FACTORS else factor) or factor)
    arms = [dict(a.candidate.config), {**a.candidate.config, key: value}]
    seeds, sought = _seeds(a)
    batch = a.candidate.factor("batch_size")
    minibatches = a.evidence[a.candidate.id].settled.get("valid_loss")
    examples = (
        st.required_examples(minibatches, batch=batch, effect=sought)
        if minibatches is not None and isinstance(batch, int)
        else None
    )
    return {
        "factor": key,
        "factor_title": _GIVEN.get(factor) or factor_title(factor).lower(),
        "arms": arms if factor not in _GIVEN else arms[:1],
        "seeds_per_arm": seeds,
        "seed_sd": seed_sd(a),
        "difference_sought": float(f"{sought:.12g}"),
        "validation_examples": examples,
        "parent": a.candidate.parent if a.candidate.parent != a.baseline.id else a.baseline.parent,
        "validation": "one frozen file, in no ancestor's training data, with the loss of each example logged",
    }


def seed_sd(a: Analysis) -> float | None:
    """Return the spread of the deciding metric between seeds: measured, stated, else the usual one."""
    known = a.seed_spread.of(a.deciding_metric)
    primary = a.verdict.primary
    return known.sd if known is not None else primary.usual_seed_sd if primary is not None else None


def _validation_words(plan: dict[str, Any], margin: float) -> str:
    examples = plan["validation_examples"]
    size = f" of at least {examples:,} examples (to see a difference in loss of {margin:.2g})" if examples else ""
    keep = "keep it out of every ancestor's training data and log the loss of each example"
    return f"Validate on one frozen file{size}; {keep}."


def first_runs(a: Analysis, advice: tuple[Recommendation, ...]) -> tuple[NextRun, ...]:
    """Return the first run of each arm of the advised experiment, or another seed of a single run.

    Nothing is planned if there is nothing to settle, or if a failed training has to be fixed first.
    """
    ids = [run.id for run in a.runs]
    if a.baseline is None:
        (one,) = next_ids(ids, a.candidate.id, 1)
        when, outcome = "the same configuration with another seed", "The same results within noise"
        config = with_seed(a.runs, a.candidate.config)
        return () if failure(a, a.candidate) else (planned_run(one, a.candidate, config, "evidence", when, outcome),)
    plan = next((r.value for r in advice if r.id == "evidence.design"), None)
    if plan is None or len(plan["arms"]) < 2:
        return ()
    when = f"the first of {plan['seeds_per_arm']} seeds of each configuration in design.yaml"
    outcome = f"Together with the other seeds they show whether {plan['factor_title']} matters"
    names = next_ids(ids, a.candidate.id, len(plan["arms"]))
    return tuple(
        replace(
            planned_run(name, a.candidate, with_seed(a.runs, arm), "evidence", when, outcome), parent=plan["parent"]
        )
        for name, arm in zip(names, plan["arms"], strict=True)
    )
