"""Technical Specifications: how every number was made, what the data lacked, which files were written."""

from __future__ import annotations

from analysis.core.blocks import Block, Cell, Column, Details, Item, Items, Prose, Table
from analysis.core.number_format import cell, listed
from analysis.core.rich_text import Rich, rich, text
from analysis.core.run_names import titled
from analysis.evidence.comparisons import ALL_PAIRS
from analysis.findings.analysis_result import Analysis
from analysis.findings.definitions import DEFINITIONS
from analysis.report.results_json import files
from analysis.report.sections.narrative import told


def methodology(a: Analysis) -> list[Block]:
    """State the document's methods with this report's values, the limits, and all definitions by ID."""
    d = a.document[a.candidate.id]
    ends = [f"step {epoch.last_step}" for epoch in d.epochs[:-1]]
    boundary = ", ".join(ends[:3]) + (f" and {len(ends) - 3} more" if len(ends) > 3 else "")
    lines = [
        rich(
            "**Oscillation Counting**: changes of more than 1% between consecutive values "
            "([doc.oscillations](#def-doc.oscillations))"
        ),
        rich("**Epoch Boundary**: {where} ({how})", where=boundary or "one epoch", how=_HOW[d.epoch_boundary]),
        rich("**Validation Coverage**: percentage of steps with validation data"),
        rich("**Volatility**: rolling standard deviation (window = 20)"),
        rich(
            "**Tests**: two-sided at {alpha}, adjusted by Holm over {n} comparisons; "
            "equivalence margin ±{margin} in loss{pairs}",
            alpha=f"{a.settings.alpha:.0%}",
            n=sum(c.p_adjusted is not None for c in a.comparisons),
            margin=f"{a.margin:g}",
            pairs=_PAIRS.format(n=len(a.runs)) if len(a.runs) > ALL_PAIRS else "",
        ),
        *(rich("**Known limit**: {limit}", limit=limit) for limit in _LIMITS),
    ]
    rows = tuple(
        (
            Cell(rich("`{id}`", id=d.id), id=f"def-{d.id}"),
            cell(d.layer),
            cell(d.text),
            Cell(rich("`{f}`", f=d.formula) if d.formula else ()),
            cell(d.source),
        )
        for d in DEFINITIONS.values()
    )
    columns = (Column("ID"), Column("Layer"), Column("What it is"), Column("Formula"), Column("Source"))
    table = Table("definitions", "Every definition used in this report", columns, rows)
    settings = Table(
        "settings",
        "Thresholds in force",
        (Column("Setting"), Column("Value")),
        tuple((Cell(rich("`{n}`", n=name)), cell(_setting(value))) for name, value in a.settings.to_mapping().items()),
    )
    return [
        Items(tuple(Item(line) for line in lines)),
        Details(text("All definitions"), (table,)),
        Details(text("All thresholds"), (settings,)),
        *_muted(a),
    ]


def _setting(value: object) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{grade} {bound:g}" for grade, bound in value.items())
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, str):
        return value or "–"
    return f"{value:g}"


def _muted(a: Analysis) -> list[Block]:
    """List the rules that were asked not to report."""
    if not a.parameters.mute:
        return []
    return [Prose(rich("Muted on request: {ids}.", ids=", ".join(a.parameters.mute)))]


_LIMITS = (
    "one run a configuration cannot separate the configuration from the seed.",
    "slow drift hidden under white noise makes window means look surer than they are; the setting strict halves that.",
    "smooth curves of few points, such as one row an epoch, are worth few independent points; "
    "comparisons within one run are then refused.",
    "strongly skewed noise (batches of one or two examples) raises a false spike in about a tenth of runs.",
)

_PAIRS = "; of {n} runs those pairs are compared that hold the baseline or the candidate, and neighbours by level"

_HOW = {
    "metadata": "from the run's own data",
    "full validation": "from the rows with a full validation",
    "estimated": "estimated: steps divided by epochs",
    "unknown": "the number of epochs is not known",
}


def data_quality(a: Analysis) -> list[Block]:
    """Show where each log came from, what was dropped, and what could not be known."""
    columns = (
        Column("Run"),
        Column("Source"),
        Column("Rows × columns read", "right"),
        Column("Kept", "right"),
        Column("Steps", "right"),
        Column("Metrics"),
        Column("SHA-256"),
    )
    rows = tuple(
        (
            cell(titled(run)),
            cell(run.provenance.source, run.provenance.path),
            cell(f"{run.provenance.rows_read} × {run.provenance.columns_read}"),
            cell(f"{run.provenance.rows_kept} × {run.provenance.columns_kept}"),
            cell(f"{run.steps[0]} to {run.steps[-1]}"),
            cell(", ".join(run.metrics)),
            Cell(rich("`{sha}`", sha=run.provenance.sha256[:12])),
        )
        for run in a.runs
    )
    table = Table("provenance", "Where the numbers come from", columns, rows)
    unknown = tuple(Item(line) for line in (*_not_stated(a), *(line for run in a.runs for line in _notes(a, run.id))))
    return [table, *told(a, "data-quality"), *([Items(unknown)] if unknown else [])]


def _not_stated(a: Analysis) -> list[Rich]:
    """Say what nobody stated, once for all runs that lack the same."""
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
    named = {what: "all runs" if len(runs) == len(a.runs) > 1 else listed(runs) for what, runs in lacking.items()}
    return [rich("{runs}: not stated: {what}.", runs=runs, what=what) for what, runs in named.items()]


def _notes(a: Analysis, run_id: str) -> list[Rich]:
    run = a.run(run_id)
    lines = [text(f"{a.name(run_id)}: {note}") for note in run.notes]
    kept = ", ".join(f"{key} = {value}" for key, value in run.extra.items() if key != "predictions")
    if kept:
        lines.append(
            rich("{run}: further sidecar keys, kept as they are: {keys}.", run=a.name(run_id), keys=kept),
        )
    return lines


def files_generated(a: Analysis) -> list[Block]:
    """List the files of this report."""
    return [Items(tuple(Item(rich("`{name}`: {what}", name=name, what=what)) for name, what in files(a)))]
