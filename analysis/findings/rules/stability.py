"""Rules about stability: counts and rates of oscillations, noise and batch size, volatility."""

from __future__ import annotations

from dataclasses import replace

from analysis.core.blocks import Status
from analysis.core.number_format import interval, p_words, percent, signed
from analysis.core.rich_text import rich
from analysis.core.run_facts import is_per_epoch
from analysis.core.run_names import short_value
from analysis.evidence.comparisons import Comparison
from analysis.findings.analysis_result import Analysis
from analysis.findings.finding import Finding, judge_claim
from analysis.findings.rules.build import comparison_fields, difference_words, sentence, withhold_support
from analysis.heuristics.formulas import change_pct

_NARROW = 0.2
"""Width of an interval of the oscillation rate up to which agreement with noise is informative."""


def oscillation_count(a: Analysis) -> list[Finding]:
    """Check each claim of "N % more oscillations" by the rate per transition."""
    found = []
    base = a.rules_of_thumb[a.reference_id]
    for run in a.runs:
        mine = a.rules_of_thumb[run.id]
        change = change_pct(base.oscillations, mine.oscillations)
        if change is None or abs(change) <= a.settings.more_oscillations_pct:
            continue
        claim = rich(
            "{run} has {n}% {more} oscillations than {base}",
            run=a.name(run.id),
            n=f"{abs(change):.0f}",
            more="more" if change > 0 else "fewer",
            base=a.name(a.reference_id),
        )
        rate = a.comparison(a.reference_id, run.id, "oscillation_rate")
        if rate is None or not rate.known or mine.oscillations is None or base.oscillations is None:
            status: Status = "cannot tell"
            text = rich("The rate per transition cannot be compared.")
        else:
            base_rate = base.oscillations / max(base.transitions, 1)
            status = withhold_support(
                judge_claim(base_rate * change / 100, rate.result.low, rate.result.high), rate.comparable
            )
            text = rich(
                "{steps}; per transition the rate is {mine} against {base}: {difference}.",
                steps=_steps_words(a.name(run.id), mine.total_steps, base.total_steps),
                mine=percent(mine.oscillations / max(mine.transitions, 1), 1),
                base=percent(base_rate, 1),
                difference=difference_words(rate, scale=100, unit=" pp"),
            )
        found.append(
            Finding(
                f"stability.oscillation_count:{run.id}",
                "stability.oscillation_count",
                "stability",
                text,
                status,
                claim,
                runs=(a.reference_id, run.id),
                **comparison_fields(rate, scale=100, unit=" pp"),
            )
        )
    return found


def least_stable(a: Analysis) -> list[Finding]:
    """Check the claim "least stable because of its learning rate" by batch size and noise."""
    counts = {r: d.oscillations for r, d in a.rules_of_thumb.items() if d.oscillations is not None}
    if len(counts) < 2:
        return []
    worst = max(counts, key=lambda run_id: counts[run_id])
    rates = [a.run(run_id).factor("learning_rate") for run_id in (a.reference_id, worst)]
    noise = a.comparison(a.reference_id, worst, "noise")
    if worst == a.reference_id or None in rates or rates[0] == rates[1] or noise is None or not noise.known:
        return []
    per_example = a.comparison(a.reference_id, worst, "noise_per_example")
    claim = rich(
        "{run} is the least stable run because of its learning rate ({rate})",
        run=a.name(worst),
        rate=short_value(rates[1]),
    )
    ratio = f"the noise of {a.name(worst)} is {interval(noise.as_interval())} times that of {a.name(a.reference_id)}"
    if per_example is not None and per_example.known:
        batches = [a.run(run_id).factor("batch_size") for run_id in (worst, a.reference_id)]
        text = rich(
            "{run} ran with batch size {b}, {base} with {c}: {ratio}, per example (times √batch) {norm}, {p}.",
            run=a.name(worst),
            b=batches[0],
            base=a.name(a.reference_id),
            c=batches[1],
            ratio=ratio,
            norm=interval(per_example.as_interval()),
            p=p_words(per_example.p),
        )
        explained = noise.result.low > 1 and per_example.result.low <= 1
        status: Status = "contradicted" if explained or per_example.result.high < 1 else "cannot tell"
        used = per_example
    else:
        text = sentence(f"{ratio}, {p_words(noise.p)}")
        status = (
            "contradicted" if noise.result.high < 1 else "not supported" if noise.result.low <= 1 else "cannot tell"
        )
        used = noise
        if status == "cannot tell":
            text = rich("{text} Whether the learning rate is the cause cannot be told from one run each.", text=text)
    return [
        Finding(
            f"stability.cause:{worst}",
            "stability.cause",
            "stability",
            text,
            status,
            claim,
            runs=(a.reference_id, worst),
            **comparison_fields(used, unit="×"),
        )
    ]


def noise_change(a: Analysis) -> list[Finding]:
    """State how the noise of the candidate compares with that of the baseline."""
    noise = a.verdict.stability
    if noise is None or a.baseline is None:
        return []
    per_example = noise.metric == "noise_per_example"
    verdict = noise.verdict(a.settings.alpha)
    differs = noise.p is not None and noise.p <= a.settings.alpha
    alike, why = _why_alike(noise) if differs else ("not shown to differ in noise from", "")
    words = {"better": "less noisy than", "worse": "noisier than"}.get(verdict, alike)
    text = rich(
        "{cand} is {words} {base}: noise ratio{per} {ratio}, {p}{why}.",
        cand=a.name(a.candidate.id),
        words=words,
        base=a.name(a.baseline.id),
        per=" per example" if per_example else "",
        ratio=interval(noise.as_interval()),
        p=p_words(noise.p),
        why=why if words == alike else "",
    )
    return [
        Finding(
            "stability.noise",
            "stability.noise",
            "stability",
            text,
            "supported",
            runs=(noise.baseline, noise.candidate),
            **comparison_fields(noise, unit="×"),
        )
    ]


def _why_alike(noise: Comparison) -> tuple[str, str]:
    """Return words and reason why a noise ratio other than 1 is not a difference: it follows the level, or is small."""
    if not replace(noise, level_ratio=1.0).within_margin:
        more = "no noisier" if noise.result.value > 1 else "no less noisy"
        why = f"; its loss is {noise.level_ratio:.2g} times as high, and noise goes with the level"
        return f"{more} for its level than", why
    return "about as noisy as", f"; within a factor of {noise.equivalence_ratio:g} counts as alike"


def white_noise(a: Analysis) -> list[Finding]:
    """State whether the oscillation rate of the candidate is that of independent noise of its size."""
    e = a.evidence[a.candidate.id]
    rate = e.oscillation_rate
    if rate is None or not rate.known or e.white_noise_rate is None or is_per_epoch(a.candidate, a.curve):
        return []
    inside = rate.low <= e.white_noise_rate <= rate.high
    informative = not inside or rate.high - rate.low <= _NARROW  # a wide interval contains any rate
    alike = (
        "the count measures noise and length, not stability"
        if informative
        else "too few transitions to tell them apart"
    )
    text = rich(
        "{run} oscillates on {rate} of its transitions; independent noise of its size would on {white}: {so}.",
        run=a.name(a.candidate.id),
        rate=interval(rate, scale=100, unit="%"),
        white=percent(e.white_noise_rate, 1),
        so=alike if inside else "the steps are not independent",
    )
    return [
        Finding(
            f"stability.white_noise:{a.candidate.id}",
            "stability.white_noise",
            "stability",
            text,
            "supported" if informative else "cannot tell",
            estimate=rate.value * 100,
            low=rate.low * 100,
            high=rate.high * 100,
            unit="%",
            n=float(rate.n),
            definition="osc.expected",
            runs=(a.candidate.id,),
        )
    ]


def volatility(a: Analysis) -> list[Finding]:
    """Check "higher volatility", as claimed for more oscillations, by the volatility itself."""
    if a.baseline is None:
        return []
    mine, base = a.rules_of_thumb[a.candidate.id], a.rules_of_thumb[a.baseline.id]
    change = change_pct(base.oscillations, mine.oscillations)
    if mine.volatility is None or base.volatility is None or change is None:
        return []
    if change <= a.settings.more_oscillations_pct:
        return []
    noise = a.comparison(a.baseline.id, a.candidate.id, "noise")
    lower = mine.volatility <= base.volatility
    proven = noise is not None and noise.verdict(a.settings.alpha) == "worse"
    status: Status = "contradicted" if lower else "supported" if proven else "not supported"
    text = rich(
        "The volatility of {run} is {mine} against {base} ({change}){noise}.",
        run=a.name(a.candidate.id),
        mine=f"{mine.volatility:.4f}",
        base=f"{base.volatility:.4f}",
        change=signed(change_pct(base.volatility, mine.volatility), 1, "%"),
        noise=f"; noise ratio {difference_words(noise)}" if noise is not None and noise.known else "",
    )
    return [
        Finding(
            f"stability.volatility:{a.candidate.id}",
            "stability.volatility",
            "curves",
            text,
            status,
            rich("{run} has the higher volatility", run=a.name(a.candidate.id)),
            runs=(a.baseline.id, a.candidate.id),
            **{**comparison_fields(noise, unit="×"), "definition": "rule.volatility"},
        )
    ]


def _steps_words(run: str, mine: int, base: int) -> str:
    if mine == base:
        return f"Both ran {mine:,} steps"
    if base == 0:
        return f"{run} ran {mine:,} steps"
    return f"{run} ran {mine:,} steps against {base:,}, {mine / base:.2g} times as many"
