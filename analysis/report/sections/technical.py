"""Technical Specifications: methods and definitions, data quality, files."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from analysis.core.blocks import Block, Cell, Column, Details, Item, Items, Prose, Table
from analysis.core.metrics import metric as metric_of
from analysis.core.number_format import cell, count, listed
from analysis.core.rich_text import Rich, join, plain, rich, text
from analysis.core.run_names import metric_words
from analysis.evidence.comparisons import ALL_PAIRS
from analysis.findings.analysis_result import Analysis
from analysis.findings.definitions import DEFINITIONS
from analysis.findings.finding import Finding
from analysis.report.results_json import files
from analysis.report.sections.appendix import appendix
from analysis.report.sections.assessments import MOST_RUNS, left_out, shown_runs
from analysis.report.sections.detail import curves, gap
from analysis.report.sections.effort import coverage, efficiency
from analysis.report.sections.impact import impact
from analysis.report.sections.key_findings import epochs, stability
from analysis.report.sections.narrative import claims, findings_of, item, remedies, shown_findings, stated_elsewhere
from analysis.report.sections.performance import final_training, final_validation
from analysis.report.sections.rankings import ranking


def methodology(a: Analysis) -> list[Block]:
    """State the methods with the values of this report, the limits, and all definitions by ID."""
    named, tests = definitions_named(a), sum(c.p_adjusted is not None for c in a.comparisons)
    scale, unit = (100, " pp") if metric_of(a.deciding_metric).bounded else (1, "")
    lines = [
        rich(
            "**Oscillation Counting**: changes of more than 1% between consecutive values "
            "([rule.oscillations](#def-rule.oscillations))"
        ),
        rich("**Epoch Boundary**: {how}", how=_boundary(a)),
        rich("**Validation Coverage**: percentage of steps with validation data"),
        rich("**Volatility**: rolling standard deviation (window = 20)"),
        rich(
            "**Tests**: two-sided at {alpha}, adjusted by Holm over {n}; "
            "equivalence margin ±{margin} in {metric}{pairs}",
            alpha=f"{a.settings.alpha:.0%}",
            n=count(tests, "comparison"),
            margin=f"{scale * a.margin:.3g}{unit}",
            metric=metric_words(a.deciding_metric),
            pairs=_PAIRS.format(n=len(a.runs)) if len(a.runs) > ALL_PAIRS else "",
        ),
    ]
    limits = Items(tuple(Item(text(limit)) for limit in _LIMITS))
    rows = tuple(
        (
            Cell(rich("`{id}`", id=d.id), id=f"def-{d.id}"),
            cell(d.text),
            Cell(rich("`{f}`", f=d.formula) if d.formula else ()),
            cell(d.source),
        )
        for d in DEFINITIONS.values()
        if d.id in named
    )
    columns = (Column("ID"), Column("What it is"), Column("Formula"), Column("Source"))
    table = Table("definitions", "Definitions", columns, rows)
    settings = join(
        [rich("`{n}` {v}", n=name, v=_setting(value)) for name, value in a.settings.to_mapping().items()], "; "
    )
    return [
        Items(tuple(Item(line) for line in lines)),
        Details(text("Known limits"), (limits,)),
        Details(text("Definitions"), (table,)),
        Details(text("All thresholds"), (Prose(settings),)),
        *_muted(a),
    ]


def _boundary(a: Analysis) -> str:
    """Return where epochs end in the candidate's log, and how that is known."""
    d = a.rules_of_thumb[a.candidate.id]
    if a.candidate.only_evaluated:
        return "none, as no training was logged"
    if a.candidate.counts_epochs:
        return "each row is an epoch"
    ends = [f"{epoch.last_step:,}" for epoch in d.epochs[:-1]]
    where = listed([*ends[:3], *([f"{len(ends) - 3} more"] if len(ends) > 3 else [])])
    return f"after step {where} ({_HOW[d.epoch_boundary]})" if ends else f"one epoch ({_HOW[d.epoch_boundary]})"


def definitions_named(a: Analysis) -> set[str]:
    """Return the IDs of definitions that columns and findings of the other sections name."""
    named = {f.definition for f in shown_findings(a) if f.definition} | {"rule.oscillations"}
    for build in _TABLES:
        named |= {column.definition for column in _columns(build(a)) if column.definition}
    return named


_TABLES: tuple[Callable[[Analysis], list[Block]], ...] = (
    stability,
    final_training,
    final_validation,
    efficiency,
    epochs,
    coverage,
    curves,
    gap,
    impact,
    ranking,
    appendix,
)
"""Sections whose tables name definitions."""


def _columns(blocks: Sequence[Block]) -> Iterator[Column]:
    for block in blocks:
        if isinstance(block, Table):
            yield from block.columns
        elif isinstance(block, Details):
            yield from _columns(block.blocks)


def _setting(value: object) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{grade} {bound:g}" for grade, bound in value.items())
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, str):
        return value or "–"
    return f"{value:g}"


def _muted(a: Analysis) -> list[Block]:
    """List the muted rules."""
    if not a.parameters.mute:
        return []
    return [Prose(rich("Muted on request: {ids}.", ids=", ".join(a.parameters.mute)))]


_LIMITS = (
    "One run of each cannot tell the configuration from the seed.",
    "Slow drift hidden under white noise makes window means look surer than they are; the setting strict halves that.",
    "Smooth curves of few points, such as one row an epoch, hold few independent points; "
    "comparisons within one run are then refused.",
    "Strongly skewed noise (batches of one or two examples) raises a false spike in about a tenth of runs.",
)

_PAIRS = "; of {n} runs those pairs are compared that hold the baseline or the candidate, and neighbours by level"

_HOW = {
    "metadata": "from the run's own data",
    "full validation": "from the rows with a full validation",
    "estimated": "estimated: steps divided by epochs",
    "unknown": "how many there were is not known",
}


def data_quality(a: Analysis) -> list[Block]:
    """Show the origin of each log, what was dropped, and what is unknown."""
    columns = (
        Column("Run"),
        Column("Source"),
        Column("Rows × columns read", "right"),
        Column("Kept", "right"),
        Column("Steps", "right"),
        Column("SHA-256"),
    )
    rows = tuple(
        (
            cell(a.title_of(run.id)),
            cell(run.provenance.source, run.provenance.path),
            cell(f"{run.provenance.rows_read:,} × {run.provenance.columns_read}"),
            cell(f"{run.provenance.rows_kept:,} × {run.provenance.columns_kept}"),
            cell(f"{run.steps[0]:,} to {run.steps[-1]:,}"),
            Cell(rich("`{sha}`", sha=run.provenance.sha256[:12])),
        )
        for run in shown_runs(a)
    )
    table = Table("provenance", "Where the numbers come from", columns, rows, notes=left_out(a))
    unknown = tuple(Item(line) for line in (*_not_stated(a), *_notes(a)))
    rest: list[Block] = [Items(unknown)] if unknown else []
    return [*_checked(a), *rest, Details(text("Where the numbers come from"), (table,))]


def _checked(a: Analysis) -> list[Block]:
    """List the findings on data quality; supported claims of rules of thumb take one line."""
    found = findings_of(a, "data-quality")
    fine = [f for f in found if f.claim and f.status == "supported"]
    others = [f for f in found if f not in fine and f.rule != "gate"]
    as_said = join([claims(f) for f in fine], ", ")
    line = [Item(rich("As the rules of thumb say: {claims}.", claims=as_said))] if fine else []
    items = (*line, *_gates(a, [f for f in found if f.rule == "gate"]), *map(item, others))
    return [Items(items)] if items else []


def _gates(a: Analysis, found: Sequence[Finding]) -> list[Item]:
    """List how comparable the runs are with the baseline, once for all runs with the same findings."""
    by_reason: dict[str, list[Finding]] = {}
    for f in found:
        by_reason.setdefault(plain(f.text).partition(": ")[2], []).append(f)
    items, base = [], a.name(a.reference_id)
    for what, alike in by_reason.items():
        named = [rich("[{run}](#finding-{id})", run=a.name(f.runs[-1]), id=f.id) for f in alike]
        runs = join([join(named[:-1], ", "), named[-1]], " and ")
        words = rich("Comparing {runs} with {base} like for like: {what}", runs=runs, base=base, what=what)
        items.append(Item(words, tuple(below for f in alike for below in remedies(stated_elsewhere(a, f)))))
    return items


def _not_stated(a: Analysis) -> list[Rich]:
    """Return what is not stated, once for all runs that lack the same."""
    lacking: dict[str, list[str]] = {}
    for run in a.runs:
        gone = {
            "configuration": not run.config,
            "number of training examples": run.data.n_train is None,
            "number of validation examples": run.data.n_valid is None,
            "identity of the validation set": run.data.validation_set is None,
            "parent": not run.parent_known,
        }
        if any(gone.values()):
            lacking.setdefault(", ".join(name for name, absent in gone.items() if absent), []).append(a.name(run.id))
    named = {what: _runs(a, runs) for what, runs in lacking.items()}
    return [rich("Not stated for {runs}: {what}.", runs=runs, what=what) for what, runs in named.items()]


def _notes(a: Analysis) -> list[Rich]:
    """Return the notes of the sources, once for all runs with the same note."""
    noted: dict[str, list[str]] = {}
    for run in a.runs:
        kept = ", ".join(f"{key} = {value}" for key, value in run.extra.items() if key != "predictions")
        further = [f"further sidecar keys, kept as they are: {kept}."] if kept else []
        for note in (*run.notes, *further):
            noted.setdefault(note, []).append(a.name(run.id))
    whole = [(note, _runs(a, runs)) for note, runs in noted.items()]
    lines = [text(note) if runs == _ALL else rich("{runs}: {note}", runs=runs, note=note) for note, runs in whole]
    more = len(lines) - _NOTES
    return [*lines[:_NOTES], *([text(f"The results JSON has {count(more, 'further note')}.")] if more > 0 else [])]


_NOTES, _ALL = 12, "all runs"


def _runs(a: Analysis, names: list[str]) -> str:
    if len(names) == len(a.runs) > 1:
        return _ALL
    return listed(names) if len(names) <= MOST_RUNS else f"{len(names)} runs"


def files_generated(a: Analysis) -> list[Block]:
    """Show the list of files of this report."""
    return [files_block([name for name, _ in files(a)])]


def files_block(files: Sequence[str]) -> Prose:
    """Return the list of files as prose; tables are summarized by a pattern."""
    names = dict.fromkeys(
        f"tables/*.{name.rpartition('.')[2]}" if name.startswith("tables/") else name for name in files
    )
    shown = join([rich("`{name}`", name=name) for name in names], ", ")
    return Prose(rich("This report consists of {names}.", names=shown), id=FILES)


FILES = "files-generated"
"""ID of the list of files."""
