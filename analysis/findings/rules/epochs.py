"""Rules about epochs, curves and the gap between training and validation."""

from __future__ import annotations

from analysis.core.blocks import Status
from analysis.core.number_format import interval, loss, p_words, signed
from analysis.core.rich_text import rich
from analysis.core.run_facts import ended_nonfinite
from analysis.findings.analysis_result import Analysis
from analysis.findings.finding import Finding
from analysis.findings.rules.build import estimate_fields, sentence
from analysis.heuristics import grades
from analysis.heuristics.run_numbers import Epoch


def epoch_change(a: Analysis) -> list[Finding]:
    """Check each "epoch k improved or degraded", based on two single points, by the slope and full validation."""
    found = []
    epochs = a.rules_of_thumb[a.candidate.id].epochs
    if len(epochs) < 2:
        return []
    slopes = a.evidence[a.candidate.id].epoch_slopes
    for number, epoch in enumerate(epochs):
        word = grades.epoch_word(epoch.improvement_pct, a.settings)
        if epoch.improvement_pct is None or word not in ("Good", "Poor"):
            continue
        slope = slopes[number] if number < len(slopes) else None
        hundreds = epoch.steps / 100
        if slope is None or not slope.known:
            status: Status = "cannot tell"
            trend = "the epoch has too few points for a slope"
        else:
            # The slope excludes a burn-in, so it can only confirm the direction, not the claimed size.
            status = _slope_status(slope.low, slope.high, falls=word == "Good", against=False, whole=number > 0)
            whole = slope.scaled(hundreds / abs(epoch.start_loss) * 100) if epoch.start_loss else slope
            after = " after burn-in" if slope.n < epoch.steps - 1 else ""
            change = interval(whole, sign=True, unit="%")
            trend = f"the trend over the epoch{after} amounts to {change}, {p_words(slope.p)}"
        verb = "degraded" if word == "Poor" else "improved"
        text = rich(
            "Epoch {k}: two single points, {start} and {end}; {trend}{full}.",
            k=epoch.epoch,
            start=loss(epoch.start_loss),
            end=loss(epoch.end_loss),
            trend=trend,
            full=_full_validation(a, epochs, number),
        )
        claim = rich("Epoch {k} {verb} by {x}%", k=epoch.epoch, verb=verb, x=f"{abs(epoch.improvement_pct):.1f}")
        found.append(
            Finding(
                f"epochs.change:{a.candidate.id}:{epoch.epoch}",
                "epochs.change",
                "epochs",
                text,
                status,
                claim,
                runs=(a.candidate.id,),
                steps=(epoch.first_step, epoch.last_step),
                **estimate_fields(slope, unit=" per 100 steps"),
            )
        )
    return found


def more_epochs(a: Analysis) -> list[Finding]:
    """Check "the last epoch caused overfitting", as claimed for a rising loss, by validation."""
    epochs = a.rules_of_thumb[a.candidate.id].epochs
    if len(epochs) < 2 or grades.epoch_word(epochs[-1].improvement_pct, a.settings) != "Poor":
        return []
    detection = a.detection(a.candidate.id, "det.overfitting")
    full = a.candidate.series("full_valid_loss")
    worsened = detection is not None and detection.status == "raised"
    improved = full.size > 1 and bool(full[-1] <= full[-2])
    gap = a.rules_of_thumb[a.candidate.id].gap_pp
    status: Status
    if worsened:
        status = "supported"
    elif detection is None or detection.status in ("cannot tell", "muted"):
        status = "cannot tell"
    else:
        status = "contradicted" if improved or (gap is not None and gap > 0) else "not supported"
    parts = [detection.statement.rstrip(".") if detection is not None else "validation was not logged"]
    if gap is not None and gap > 0:
        parts.append(f"the accuracy gap of {signed(gap, 2)} pp has the sign of the opposite")
    return [
        Finding(
            f"epochs.overfitting:{a.candidate.id}",
            "epochs.overfitting",
            "epochs",
            sentence("; ".join(parts)),
            status,
            rich("Epoch {k} caused overfitting", k=epochs[-1].epoch),
            runs=(a.candidate.id,),
            steps=(epochs[-1].first_step, epochs[-1].last_step),
            definition="det.overfitting",
        )
    ]


def curve_shape(a: Analysis) -> list[Finding]:
    """Check what a rule of thumb says about the shape of a curve by its slope."""
    found = []
    for run in a.runs:
        d, slope = a.rules_of_thumb[run.id], a.evidence[run.id].slope.get(a.curve)
        first, values = d.first_train_loss, run.series(a.curve)
        if first is None or values.size < 2 or a.curve != "train_loss":
            continue
        last = float(values[-1])
        change = (last - first) / abs(first) * 100 if first else None
        relative = min(first, last) >= 0  # a loss that is below zero has no percentage
        claim = _shape_claim(a, run.id, change, f"{abs(change or 0):.0f}%" if relative else f"{abs(last - first):.3g}")
        if claim is None or change is None:
            continue
        falls = claim[1] < 0
        status: Status
        if ended_nonfinite(run, a.curve):
            status, trend = "contradicted" if falls else "supported", "then it was NaN or infinite to the end"
        elif slope is None or not slope.known:
            why = slope.reason if slope is not None and slope.reason else "too few points"
            status, trend = "cannot tell", f"its slope cannot be told: {why}"
        else:
            grew = change > 0
            status = _slope_status(slope.low, slope.high, falls=falls, against=falls and grew, whole=falls == grew)
            each, unit = (slope.scaled(0.01), "epoch") if run.counts_epochs else (slope, "100 steps")
            trend = f"once it has settled its slope is {interval(each, sign=True)} per {unit}, {p_words(slope.p)}"
        found.append(
            Finding(
                f"curves.shape:{run.id}",
                "curves.shape",
                "curves",
                rich(
                    "{run}: from its first to its last value the loss changed {c}; {trend}.",
                    run=a.name(run.id),
                    c=f"by {signed(change, 0, '%')}" if relative else f"from {loss(first)} to {loss(last)}",
                    trend=trend,
                ),
                status,
                rich("{run}: {claim}", run=a.name(run.id), claim=claim[0]),
                runs=(run.id,),
                steps=(int(run.steps_of(a.curve)[0]), int(run.steps_of(a.curve)[-1])),
                **estimate_fields(slope, unit=" per 100 steps"),
            )
        )
    return found


def gap_sign(a: Analysis) -> list[Finding]:
    """Check an "overfitting risk", based on the size of the accuracy gap, by the sign of the gap."""
    found = []
    for run in a.runs:
        d, e = a.rules_of_thumb[run.id], a.evidence[run.id]
        word = grades.risk_word(d.gap_pp, a.settings)
        if d.gap_pp is None or word not in ("Moderate", "High"):
            continue
        opposite = d.gap_pp > 0
        worse = e.loss_gap is not None and e.loss_gap.known and e.loss_gap.low > 0
        status: Status = "contradicted" if opposite and not worse else "supported" if worse else "not supported"
        sign = (
            "validation is better than training, the opposite of overfitting"
            if opposite
            else "validation is worse than training on one minibatch each"
        )
        gap = (
            f"; the loss gap is {interval(e.loss_gap, sign=True)}, {p_words(e.loss_gap.p)}"
            if e.loss_gap and e.loss_gap.known
            else ""
        )
        found.append(
            Finding(
                f"gap.risk:{run.id}",
                "gap.risk",
                "gap",
                rich("{run}: {sign}{gap}.", run=a.name(run.id), sign=sign, gap=gap),
                status,
                rich(
                    "{run} shows a {size} gap ({gap} pp), suggesting overfitting",
                    run=a.name(run.id),
                    size=word.lower(),
                    gap=signed(d.gap_pp, 2),
                ),
                runs=(run.id,),
                **estimate_fields(e.loss_gap),
            )
        )
    return found


def _shape_claim(a: Analysis, run_id: str, change: float | None, size: str) -> tuple[str, int] | None:
    """Return the claim about a curve and the direction it implies, -1 for a falling loss; None without a change."""
    d = a.rules_of_thumb[run_id]
    epochs = d.epochs
    if len(epochs) > 1 and grades.epoch_word(epochs[-1].improvement_pct, a.settings) == "Poor":
        if grades.epoch_word(epochs[0].improvement_pct, a.settings) == "Good":
            return "two-phase behaviour, improvement then degradation", 1
        return "degradation", 1
    if a.leaders["stability"] == run_id and len(a.runs) > 1:
        return "smooth, consistent improvement", -1
    if change is None or change == 0:
        return None
    return (f"improvement of {size}", -1) if change < 0 else (f"degradation of {size}", 1)


def _slope_status(low: float, high: float, *, falls: bool, against: bool, whole: bool) -> Status:
    """Return the status of a claimed fall or rise, given the interval of the slope.

    ``against`` is True if the first and last value contradict the claim; ``whole`` is True if an opposite slope
    contradicts it too, because it covers all of what the claim is about and not only the part after a burn-in.
    """
    if (falls and high < 0) or (not falls and low > 0):
        return "supported"
    other_way = (falls and low > 0) or (not falls and high < 0)
    return "contradicted" if against or (other_way and whole) else "not supported"


def _full_validation(a: Analysis, epochs: tuple[Epoch, ...], number: int) -> str:
    run, ends = a.candidate, []
    for epoch in epochs[max(0, number - 1) : number + 1]:
        steps = run.steps_of("full_valid_loss")
        inside = (steps >= epoch.first_step) & (steps <= epoch.last_step)
        if inside.any():
            ends.append(float(run.series("full_valid_loss")[inside][-1]))
    if number == 0 or len(ends) < 2:
        return ""
    verb = "improved" if ends[1] < ends[0] else "worsened" if ends[1] > ends[0] else "stayed"
    return f"; full validation loss {verb} from {ends[0]:.5f} to {ends[1]:.5f}"
