"""Rules about data quality: steps, missing values, cadence, timestamps, rounding."""

from __future__ import annotations

import numpy as np

from analysis import statistics as st
from analysis.core.blocks import Status
from analysis.core.number_format import count, listed, signed
from analysis.core.rich_text import rich
from analysis.core.run import NOT_METRICS, Run
from analysis.core.run_facts import logged_at, same_log
from analysis.core.run_names import short_value
from analysis.findings.analysis_result import Analysis
from analysis.findings.finding import Finding
from analysis.findings.rules.build import sentence

_ALIKE_PCT = 0.05
"""Deviation in percent below which a number of steps is as stated: one step of thousands."""


def expected_steps(a: Analysis) -> list[Finding]:
    """Check a stated number of steps by what the data sizes imply."""
    found = []
    for run in a.runs:
        d, computed, stated = a.rules_of_thumb[run.id], run.expected_from_data, run.expected_steps
        if stated is None or abs(d.overage_pct or 0) < _ALIKE_PCT:
            continue
        over = d.total_steps > stated
        claim = rich(
            "{run} took {steps} steps, {x}% {side} than the ~{stated} expected",
            run=a.name(run.id),
            steps=d.total_steps,
            x=f"{abs(d.overage_pct or 0):.1f}",
            side="more" if over else "fewer",
            stated=stated,
        )
        if computed is None:
            status: Status = "cannot tell"
            text = rich("The data sizes are not stated, so the expected number cannot be computed.")
        else:
            epochs, batch = run.factor("n_epochs"), run.factor("batch_size")
            batches = f"ceil({run.data.n_train} × {short_value(epochs)} / {batch}) = {computed}"
            formula = f"a row an epoch, {computed} epochs" if run.counts_epochs else batches
            same = computed == d.total_steps
            wrong_side = (computed > d.total_steps) == over
            status = "contradicted" if same or wrong_side else "supported"
            so = (
                "exactly as expected"
                if same
                else f"{abs(d.total_steps - computed)} {'more' if d.total_steps > computed else 'fewer'} than that"
            )
            text = (
                rich("{run}: {f}, {so}; the stated number is off.", run=a.name(run.id), f=formula, so=so)
                if same
                else rich("{run}: {f}, {so}.", run=a.name(run.id), f=formula, so=so)
            )
        found.append(
            Finding(
                f"efficiency.expected_steps:{run.id}",
                "efficiency.expected_steps",
                "efficiency",
                text,
                status,
                claim,
                estimate=d.overage_pct,
                unit="% over the stated number",
                n=float(d.total_steps),
                definition="data.expected_steps",
                runs=(run.id,),
            )
        )
    return found


def rounding(a: Analysis) -> list[Finding]:
    """State gaps that differ if printed percentages are subtracted instead of logged values."""
    found = []
    for run in a.runs:
        d = a.rules_of_thumb[run.id]
        if d.gap_pp is None or d.final_valid_accuracy is None or d.final_train_accuracy is None:
            continue
        printed = round(d.final_valid_accuracy * 100, 2) - round(d.final_train_accuracy * 100, 2)
        if f"{printed:.2f}" == f"{d.gap_pp:.2f}":
            continue
        found.append(
            Finding(
                f"gap.rounding:{run.id}",
                "gap.rounding",
                "gap",
                rich(
                    "{run}: {x} pp before rounding; differences are taken before rounding.",
                    run=a.name(run.id),
                    x=signed(d.gap_pp, 2),
                ),
                "contradicted",
                rich(
                    "The gap of {run} is {x} pp, the difference of the printed percentages",
                    run=a.name(run.id),
                    x=signed(printed, 2),
                ),
                estimate=d.gap_pp,
                unit=" pp",
                definition="rule.gap_pp",
                runs=(run.id,),
            )
        )
    return found


def logged_steps(a: Analysis) -> list[Finding]:
    """State how many steps were logged, and that the file has a header line; nothing for an evaluation."""
    if a.candidate.only_evaluated:
        return []
    d, p = a.rules_of_thumb[a.candidate.id], a.candidate.provenance
    header = p.lines is not None and p.lines == p.rows_read + 1
    text = rich(
        "{run} logged {rows}, up to {last}{lines}.",
        run=a.name(a.candidate.id),
        rows=count(len(a.candidate.frame), "row"),
        last=logged_at(a.candidate, int(a.candidate.steps[-1])),
        lines=f"; its file has {p.lines:,} lines, the first of which is the header" if header else "",
    )
    return [
        Finding(
            f"data.logged_steps:{a.candidate.id}",
            "data.logged_steps",
            "data-quality",
            text,
            "supported",
            estimate=float(d.total_steps),
            unit=" steps",
            n=float(p.rows_read),
            definition="data.expected_steps",
            runs=(a.candidate.id,),
        )
    ]


def identical_logs(a: Analysis) -> list[Finding]:
    """State which logs have the same values as the baseline."""
    found = []
    for run in a.runs:
        if a.baseline is None or run is a.baseline or not same_log(run, a.baseline):
            continue
        text = rich("The logs of {base} and {run} are identical.", base=a.name(a.baseline.id), run=a.name(run.id))
        pair = (a.baseline.id, run.id)
        found.append(
            Finding(f"data.identical:{run.id}", "data.identical", "data-quality", text, "supported", runs=pair)
        )
    return found


def missing_values(a: Analysis) -> list[Finding]:
    """Check "no missing or corrupted data points" by empty columns, non-finite values and dropped ones."""
    problems = []
    empty = {run.id: _empty_columns(run) for run in a.runs}
    everywhere = sorted(set.intersection(*(set(columns) for columns in empty.values())))
    if everywhere:
        verb = "is" if len(everywhere) == 1 else "are"
        problems.append(f"{count(len(everywhere), 'column')} {verb} empty throughout ({listed(everywhere)})")
    for run in a.runs:
        rest = [column for column in empty[run.id] if column not in everywhere]
        if rest:
            problems.append(f"{a.name(run.id)} lacks {listed(rest)}")
        for metric, steps in run.nonfinite.items():
            first = logged_at(run, steps[0])
            problems.append(
                f"{a.name(run.id)} has {count(len(steps), 'non-finite value')} of {metric} (first at {first})"
            )
        problems += [f"{a.name(run.id)}: {one.count} × {one.reason} ({one.column})" for one in run.provenance.dropped]
    text = (
        rich("{problems}.", problems="; ".join(problems))
        if problems
        else rich("Every logged column is complete where it was to be logged.")
    )
    return [
        Finding(
            "data.missing",
            "data.missing",
            "data-quality",
            text,
            "contradicted" if problems else "supported",
            rich("No missing or corrupted data points"),
            n=float(sum(run.provenance.rows_read for run in a.runs)),
            runs=tuple(run.id for run in a.runs),
        )
    ]


def complete_steps(a: Analysis) -> list[Finding]:
    """Check "complete training logs" by gaps in the steps."""
    gaps = []
    for run in a.runs:
        apart, times = st.spacings(run.steps_of(a.curve))
        usual = int(apart[np.searchsorted(np.cumsum(times), times.sum() / 2)]) if apart.size else 1
        wide = int(times[apart > 1.5 * usual].sum())
        if wide:
            gaps.append(f"{a.name(run.id)} has {count(wide, 'gap')} wider than its usual {count(usual, 'step')}")
        if run.seams:
            gaps.append(
                f"{a.name(run.id)} was resumed or repeated at {count(len(run.seams), 'step')} (first {run.seams[0]})"
            )
    return [
        Finding(
            "data.complete",
            "data.complete",
            "data-quality",
            rich("{gaps}.", gaps="; ".join(gaps)) if gaps else rich("The steps follow one another without a gap."),
            "contradicted" if gaps else "supported",
            rich("Complete training logs for all runs"),
            runs=tuple(run.id for run in a.runs),
        )
    ]


def validation_cadence(a: Analysis) -> list[Finding]:
    """Check "consistent validation frequency" by the spacing of validations."""
    spacing: dict[str, set[int]] = {}
    for run in a.runs:
        steps = run.steps_of("valid_loss")
        # Many tools validate once more at the end of an epoch, which does not change the cadence.
        regular = steps[~np.isin(steps, [*run.steps_of("full_valid_loss"), run.steps[-1]])]
        if regular.size > 1:
            usual = int(np.median(np.diff(regular)))
            steady = not np.any((regular - regular[0]) % usual)
            spacing[run.id] = {usual} if steady else {int(x) for x in np.diff(regular)}
    if not spacing:
        return []
    steady = all(len(values) == 1 for values in spacing.values())
    same = steady and len(set.union(*spacing.values())) == 1
    cadences = ", ".join(
        f"{a.name(run_id)} every {'/'.join(str(v) for v in sorted(values)[:4])} steps"
        for run_id, values in spacing.items()
    )
    return [
        Finding(
            "data.cadence",
            "data.cadence",
            "data-quality",
            rich("{cadences}.", cadences=cadences),
            "supported" if same else "contradicted",
            rich("Consistent validation frequency"),
            runs=tuple(spacing),
        )
    ]


def timestamps(a: Analysis) -> list[Finding]:
    """Check "reliable timestamp tracking" by the timestamps; nothing for evaluations, which need none."""
    if all(run.only_evaluated for run in a.runs):
        return []
    problems = []
    logged = [run for run in a.runs if "timestamp" in run.frame and run.frame["timestamp"].notna().any()]
    for run in logged:
        times = run.frame["timestamp"]
        back = int((times.diff().dropna().dt.total_seconds() < 0).sum())
        blank = int(times.isna().sum())
        if back:
            problems.append(f"{a.name(run.id)}: time goes back {count(back, 'time')}")
        if blank:
            problems.append(f"{a.name(run.id)}: {count(blank, 'row')} without a time")
    none = [a.name(run.id) for run in a.runs if not any(run is other for other in logged)]
    if none and logged:
        problems.append(f"{listed(none)} without timestamps")
    status: Status = "cannot tell" if not logged else "contradicted" if problems else "supported"
    text = "no log has timestamps" if not logged else "; ".join(problems) or "every row has one, and they never go back"
    return [
        Finding(
            "data.timestamps",
            "data.timestamps",
            "data-quality",
            sentence(text),
            status,
            rich("Reliable timestamp tracking"),
            runs=tuple(run.id for run in a.runs),
        )
    ]


def _empty_columns(run: Run) -> list[str]:
    return [str(c) for c in run.frame.columns if c not in NOT_METRICS and c not in run.metrics]
