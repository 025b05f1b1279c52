"""Rules about performance: last rows and windows, one minibatch and the whole set."""

from __future__ import annotations

from analysis.core.blocks import Status
from analysis.core.number_format import listed, loss, p_words, percent
from analysis.core.rich_text import join, rich, text
from analysis.core.run_facts import died
from analysis.core.run_names import metric_words
from analysis.evidence.comparisons import Comparison
from analysis.evidence.log_kind import log_kind
from analysis.evidence.verdict_words import seeds_explain, shown_scale, undecided
from analysis.findings.analysis_result import Analysis
from analysis.findings.finding import Finding
from analysis.findings.rules.build import comparison_fields, difference_words, sentence, withhold_support
from analysis.heuristics.run_numbers import validation_fields


def final_training(a: Analysis) -> list[Finding]:
    """Check "best training performance", based on the last row, by the window means of the first metric it quotes."""
    leader = a.leaders["training_performance"]
    other = _opponent(a, leader)
    if leader is None or other is None:
        return []
    mine, theirs = a.rules_of_thumb[leader], a.rules_of_thumb[other]
    if mine.final_train_loss is None or theirs.final_train_loss is None:
        return []
    window, accuracy = (
        a.comparison(other, leader, metric) or a.comparison(leader, other, metric)
        for metric in ("train_loss", "train_mean_token_accuracy")
    )
    if window is None:
        return []
    quoted = mine.final_train_accuracy is not None and accuracy is not None and accuracy.known
    used = accuracy if quoted and accuracy is not None else window
    status: Status = "cannot tell"
    but = ""
    if used.known:
        status = _leads(used.candidate == leader, used.result.low, used.result.high, higher=used.direction == "higher")
    status, but = _withhold_chance(a, used, status)
    scale, unit = shown_scale(used)
    means = f"over the last window the mean losses differ by {difference_words(window)}"
    if used is not window:
        means += f"; the mean accuracies by {difference_words(used, scale=scale, unit=unit)}"
    text_ = sentence(f"{_last_row(a, leader)}; {means}{but}")
    claim = rich(
        "{run} has the best training performance ({shown} on the last row)",
        run=a.name(leader),
        shown=f"{percent(mine.final_train_accuracy)}, {loss(mine.final_train_loss)}"
        if mine.final_train_accuracy is not None
        else loss(mine.final_train_loss),
    )
    return [
        Finding(
            f"performance.final_training:{leader}",
            "performance.final_training",
            "final-training",
            text_,
            status,
            claim,
            runs=(used.baseline, used.candidate),
            **comparison_fields(used, scale=scale, unit=unit),
        )
    ]


def final_validation(a: Analysis) -> list[Finding]:
    """Check "best validation" by comparisons in the metric it quotes, accuracy or loss; state the other beside it."""
    leader = a.leaders["validation_performance"]
    other = _opponent(a, leader)
    if leader is None or other is None:
        return []
    counts, accuracy, full_accuracy, window, full = (
        a.comparison(other, leader, metric) or a.comparison(leader, other, metric)
        for metric in (
            "valid_accuracy_counts",
            "valid_mean_token_accuracy",
            "full_valid_mean_token_accuracy",
            "valid_loss",
            "full_valid_loss",
        )
    )
    mine, theirs = a.rules_of_thumb[leader], a.rules_of_thumb[other]
    values = [getattr(result, name) for name in validation_fields(a.rules_of_thumb) for result in (mine, theirs)]
    shown = _validation_values(*values)
    quoted = (window, full) if None in values[:2] else (counts, accuracy, full_accuracy)
    known = [c for c in quoted if c is not None and c.known]
    # One minibatch may be too few although the whole validation set decides.
    deciding = [c for c in reversed(known) if c.verdict(a.settings.alpha) != "no difference"]
    used = next(iter([*deciding, *known]), None)
    claim = rich("{run} has the best validation performance ({shown})", run=a.name(leader), shown=shown)
    parts = []
    if counts is not None and counts.known:
        one, two = a.evidence[leader].valid_counts, a.evidence[other].valid_counts
        if one is not None and two is not None:
            shares = f"{one.correct}/{one.tokens} against {two.correct}/{two.tokens}"
            words = f"one minibatch each: {shares}, {p_words(counts.p)}"
            parts.append(text(words))
    elif window is not None and window.known:
        parts.append(text(f"last window of minibatch losses: {difference_words(window)}"))
    if accuracy is not None and accuracy is used:
        scale, unit = shown_scale(accuracy)
        words = difference_words(accuracy, scale=scale, unit=unit)
        parts.insert(0, text(f"last window of minibatch accuracies: {words}"))
    if full_accuracy is not None and full_accuracy.known:
        scale, unit = shown_scale(full_accuracy)
        shares = " against ".join(percent(result.final_full_valid_accuracy) for result in (mine, theirs))
        parts.append(
            text(f"full validation accuracy {shares}: {difference_words(full_accuracy, scale=scale, unit=unit)}")
        )
    if full is not None and full.known:
        levels = [a.rules_of_thumb[r].final_full_valid_loss for r in (leader, other)]
        parts.append(text(f"full validation loss {levels[0]:.5f} against {levels[1]:.5f}: {difference_words(full)}"))
    apart = next((c for c in quoted if c is not None and c.verdict(a.settings.alpha) in ("better", "worse")), None)
    status: Status = "cannot tell"
    if used is None and apart is not None:
        parts.insert(0, text("one value each, without an interval, farther apart than seeds usually scatter"))
        leads = (apart.verdict(a.settings.alpha) == "better") == (apart.candidate == leader)
        status = withhold_support("supported" if leads else "contradicted", apart.comparable)
    elif used is None:
        parts.insert(0, text("these are single values without an interval"))
    scale, unit = shown_scale(used) if used is not None else (1, "")
    if used is not None:
        higher = used.direction == "higher"
        status = withhold_support(
            _leads(used.candidate == leader, used.result.low, used.result.high, higher=higher), used.comparable
        )
        status, but = _withhold_chance(a, used, status)
        parts += [text(but.removeprefix("; "))] if but else []
    return [
        Finding(
            f"performance.final_validation:{leader}",
            "performance.final_validation",
            "final-validation",
            sentence(join(parts, "; ")),
            status,
            claim,
            runs=(other, leader),
            **comparison_fields(used, scale=scale, unit=unit),
        )
    ]


def full_validation(a: Analysis) -> list[Finding]:
    """State the primary comparison of candidate and baseline, with the minimum detectable difference."""
    primary = a.verdict.primary
    if primary is None:
        return []
    verdict = primary.verdict(a.settings.alpha)
    words = {
        "better": "is better than",
        "worse": "is worse than",
        "different": "differs from",
        "no difference": "is not shown to differ from",
    }[verdict]
    if primary.comparable is False or (verdict == "no difference" and seeds_explain(primary, a.settings.alpha)):
        words = "against"
    label, (scale, unit) = metric_words(primary.metric), shown_scale(primary)
    named = a.name if primary.seeds is None else a.configuration_name
    text_ = rich(
        "In {metric}, {cand} {words} {base}: {difference}.{mdd}{condition}",
        metric=label,
        cand=named(primary.candidate),
        words=words,
        base=named(primary.baseline),
        difference=difference_words(primary, scale=scale, unit=unit),
        mdd=f" {undecided(primary)}" if verdict == "no difference" else "",
        condition=""
        if primary.comparable
        else f" Whether they can be compared is open: {primary.reason}."
        if primary.comparable is None
        else f" They cannot be compared: {primary.reason}.",
    )
    status: Status = "supported" if verdict == "no difference" else withhold_support("supported", primary.comparable)
    return [
        Finding(
            "performance.primary",
            "performance.primary",
            "final-validation",
            text_,
            status,
            runs=(primary.baseline, primary.candidate),
            **comparison_fields(primary),
        )
    ]


def matched_steps(a: Analysis) -> list[Finding]:
    """State the comparison of candidate and baseline over equally many steps if one ran longer."""
    if a.baseline is None:
        return []
    matched = next((c for c in a.comparisons if c.definition == "loss.step_matched"), None)
    if matched is None or not matched.known:
        return []
    whole = a.comparison(a.baseline.id, a.candidate.id, a.curve)
    so = _at_equal_length(matched, whole, a.settings.alpha)
    text_ = rich(
        "{so}: over {scope}, which both ran, the window means of {metric} differ by {matched}{whole}.",
        so=so,
        scope=f"the {matched.scope}",
        metric=metric_words(a.curve),
        matched=difference_words(matched),
        whole=f" (over the whole runs: {difference_words(whole)})" if whole is not None and whole.known else "",
    )
    return [
        Finding(
            "performance.step_matched",
            "performance.step_matched",
            "final-training",
            text_,
            "supported" if "no difference" in so or (whole is not None and _shown(a, whole)) else "cannot tell",
            runs=(a.baseline.id, a.candidate.id),
            steps=(int(a.candidate.steps[0]), min(int(a.baseline.steps[-1]), int(a.candidate.steps[-1]))),
            **comparison_fields(matched),
        )
    ]


def trade_off(a: Analysis) -> list[Finding]:
    """Check the rule-of-thumb "best validation at the cost of stability" by both comparisons."""
    if a.rule_verdict.outcome != "mixed" or a.baseline is None:
        return []
    primary, stability = a.verdict.primary, a.verdict.stability
    p = primary.verdict(a.settings.alpha) if primary is not None else None
    s = stability.verdict(a.settings.alpha) if stability is not None else None
    better = a.rule_verdict.performance_better
    claim = rich(
        "**Key Trade-off**: {run} achieved {one} validation performance {but} training stability",
        run=a.name(a.candidate.id),
        one="better" if better else "worse",
        but="at the cost of" if better else "with better",
    )
    status: Status
    if p is None or s is None:
        status, so = "cannot tell", "one of the two cannot be compared"
    elif {p, s} == {"better", "worse"}:
        status, so = "supported", "both differ, in opposite directions"
    else:
        status, so = "not supported", "there is no trade-off to see"
    shown = [
        f"performance: {_in_unit(primary)}" if primary is not None else "",
        f"noise ratio: {difference_words(stability)}" if stability is not None else "",
    ]
    return [
        Finding(
            "performance.trade_off",
            "performance.trade_off",
            "trade-off",
            sentence(f"{so} ({'; '.join(filter(None, shown))})"),
            status,
            claim,
            runs=(a.baseline.id, a.candidate.id),
            definition="verdict.evidence",
        )
    ]


def ranking(a: Analysis) -> list[Finding]:
    """Check the first rank by rules of thumb by the groups that the evidence separates."""
    ranked = sorted(
        (r for r in a.rules_of_thumb if a.rules_of_thumb[r].rank is not None),
        key=lambda r: a.rules_of_thumb[r].rank or 0,
    )
    if len(ranked) < 2 or a.rules_of_thumb[ranked[0]].rank == a.rules_of_thumb[ranked[1]].rank:
        return []  # no single run ranks first
    first, name, groups = ranked[0], a.name(ranked[0]), {r: a.evidence_grades[r].group for r in ranked}
    better = [a.name(r) for r in ranked if _ahead(groups[r], groups[first])]
    tied = [a.name(r) for r in ranked if groups[r] == groups[first] and r != first]
    unknown = {c.reason for c in a.comparisons if _of_primary(a, c) and c.comparable is None}
    status: Status
    if died(a.run(first)):
        status, so = "contradicted", f"the loss of {name} ended as NaN or infinite"
    elif groups[first] is None:
        status, so = "cannot tell", f"the evidence does not place {name}: {a.evidence_grades[first].performance_why}"
    elif unknown:
        status, so = "cannot tell", f"the runs may not be comparable: {min(unknown)}"
    elif better:
        status, so = "contradicted", f"the evidence has {listed(better)} ahead of {name}"
    elif tied:
        rest = listed(tied) if len(tied) <= 3 else f"the {len(tied)} runs tied with it"
        status, so = "not supported", f"no difference in performance is shown between {name} and {rest}"
    else:
        status, so = "supported", f"no other run performs as well: {name} is shown to be better than all of them"
    return [
        Finding(
            f"ranking.first:{first}",
            "ranking.first",
            "ranking",
            sentence(so),
            status,
            rich(
                "{run} ranks first (grade {grade})",
                run=a.name(first),
                grade=a.rules_of_thumb[first].grades.overall or "–",
            ),
            runs=tuple(ranked),
            definition="grade.performance",
        )
    ]


def _of_primary(a: Analysis, comparison: Comparison) -> bool:
    return a.verdict.primary is not None and comparison.metric == a.verdict.primary.metric


def _in_unit(primary: Comparison) -> str:
    scale, unit = shown_scale(primary)
    return difference_words(primary, scale=scale, unit=unit)


def _ahead(group: int | None, other: int | None) -> bool:
    return group is not None and other is not None and group < other


def _opponent(a: Analysis, leader: str | None) -> str | None:
    """Return the run that a leader is compared with: the baseline, else the candidate, else any other run."""
    if leader is None or len(a.runs) < 2:
        return None
    wanted = [a.reference_id, a.candidate.id, *(run.id for run in a.runs)]
    return next((run_id for run_id in wanted if run_id != leader), None)


def _shown(a: Analysis, comparison: Comparison) -> bool:
    return comparison.verdict(a.settings.alpha) != "no difference"


def _withhold_chance(a: Analysis, comparison: Comparison, status: Status) -> tuple[Status, str]:
    """Withhold "supported" for a difference that multiple testing or the usual scatter of seeds can explain.

    Returns
    -------
    tuple
        The status, and a clause with the reason if it was changed.
    """
    if status != "supported" or _shown(a, comparison):
        return status, ""
    adjusted = comparison.p_adjusted
    many = adjusted is not None and adjusted > a.settings.alpha
    why = f"among all comparisons it may be chance ({p_words(adjusted)})" if many else "seeds may differ as much"
    return "not supported", f"; {why}"


def _at_equal_length(matched: Comparison, whole: Comparison | None, alpha: float) -> str:
    """Return in words what remains of a difference at equal length."""
    reading = matched.verdict(alpha)
    if reading == "no difference":
        return "At equal length no difference is shown"
    too = " too" if whole is not None and whole.verdict(alpha) == reading else ""
    return f"At equal length{too} " + ("the runs differ" if reading == "different" else f"the candidate is {reading}")


def _last_row(a: Analysis, run_id: str) -> str:
    counts, run = a.evidence[run_id].train_counts, a.run(run_id)
    last = int(run.steps[-1])
    if last not in a.evidence[run_id].partial_rows or log_kind(run, "train_loss").kind != "step":
        return f"the last row of {a.name(run_id)} is {log_kind(run, 'train_loss').words}"
    parts = [f"the last row of {a.name(run_id)} is a partial batch"]
    if counts is not None:
        parts.append(f"of {counts.examples} examples" if counts.examples else "")
        parts.append(f"({counts.correct}/{counts.tokens} correct)")
    return " ".join(filter(None, parts))


def _validation_values(
    mine: float | None, theirs: float | None, mine_loss: float | None, theirs_loss: float | None
) -> str:
    if mine is not None and theirs is not None:
        return f"{percent(mine)} against {percent(theirs)}"
    return f"loss {loss(mine_loss)}{f' against {loss(theirs_loss)}' if theirs_loss is not None else ''}"


def _leads(leader_is_candidate: bool, low: float, high: float, *, higher: bool) -> Status:
    """Return the status of "the leader is better" by the interval of candidate minus baseline."""
    sign = 1 if leader_is_candidate == higher else -1
    bounds = sorted((sign * low, sign * high))
    return "supported" if bounds[0] > 0 else "contradicted" if bounds[1] < 0 else "not supported"
