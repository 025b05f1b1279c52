"""Turn what a source handed over into a `Run`: names, sidecar, redaction, checks, provenance."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date
from typing import Any

import numpy as np
import pandas as pd

from analysis.core.errors import LogError
from analysis.core.metrics import METRICS
from analysis.core.metrics import metric as metric_of
from analysis.core.redact import redact, redact_text
from analysis.core.run import NOT_METRICS, Data, Dropped, Provenance, Run, validated
from analysis.sources._results import without_results
from analysis.sources.axes import check_columns_once
from analysis.sources.bare_losses import bare_losses, bare_scores
from analysis.sources.base import Columns
from analysis.sources.carried import without_carried
from analysis.sources.evaluations import evaluations_of
from analysis.sources.evaluations.evaluation import columns_of, own_names
from analysis.sources.example_losses import load_example_losses
from analysis.sources.inferred import base_rate, with_validation_size
from analysis.sources.metric_aliases import plain, standard_names
from analysis.sources.own_axis import place_rows
from analysis.sources.raw_log import RawLog
from analysis.sources.restarts import settle
from analysis.sources.sidecar import Sidecar
from analysis.sources.stated_metrics import check_chosen, no_fraction, with_stated
from analysis.sources.streams import hash_files

_CONFIG_LEAVES = 2000
_NUMBER = re.compile(r"[+-]?(0|[1-9]\d*|(0|[1-9]\d*)?\.\d+|(0|[1-9]\d*)\.)([eE][+-]?\d+)?")


def finish(raw: RawLog, *, run_id: str, reference: str, sidecar: Sidecar, columns: Columns) -> Run:
    """Make a run of a raw log.

    Parameters
    ----------
    raw : RawLog
    run_id, reference : str
        What the run is called, and what the user wrote to get it.
    sidecar : Sidecar
        What stands beside the log; wins over what the tool says.
    columns : Mapping[str, str]
        Standard name to the log's own, as the user wrote it; wins over the sidecar's.

    Raises
    ------
    LogError
        If there is no row, no step or no metric.
    """
    where = raw.uri or reference
    raw = _without_secret_names(raw)
    wanted = {standard: redact_text(column) for standard, column in {**sidecar.columns, **columns}.items()}
    frame, renamed, notes = _named(raw, wanted, sidecar, redact_text(where))
    frame, placed, merged = place_rows(frame)
    settled = settle(frame)
    frame, nonfinite, seams, dropped = validated(settled.frame, redact_text(where))
    frame, carried, held = without_carried(frame)
    notes += [*placed, *settled.notes, *held]
    examples = {e.metric: e for e in raw.examples}
    if sidecar.evaluations:
        found, told = evaluations_of(sidecar.evaluations)
        examples, notes = examples | {e.metric: e for e in found}, [*notes, *told]
        values = columns_of(examples.values())
        at_end = frame.index == frame.index[-1]
        frame = frame.assign(**{name: np.where(at_end, value, np.nan) for name, value in values.items()})
    renamed |= own_names(name for name in map(str, frame) if metric_of(name).by_example)
    own = {standard: column for column, standard in renamed.items()}
    dropped = tuple(
        replace(lost, column=own.get(lost.column, lost.column))
        for lost in (*merged, *settled.dropped, *dropped, *carried)
    )
    if sidecar.example_losses:
        examples["full_valid_loss"] = load_example_losses(sidecar.example_losses)
    settings, results = without_results(flat(redact(raw.config)))
    if results:
        notes.append(f"results are no settings, left out of the configuration: {', '.join(results)}")
    if not any(column not in NOT_METRICS and frame[column].notna().any() for column in frame) and not nonfinite:
        raise LogError(f"{redact_text(where)}: no metric has a value, only {', '.join(map(str, raw.frame.columns))}")
    run = Run(
        id=redact_text(run_id),
        frame=frame,
        reference=redact_text(reference),
        provenance=_provenance(raw, where, renamed, dropped, frame),
        label=_clean(sidecar.label or raw.label),
        name=_clean(sidecar.name or raw.name),
        config={**settings, **flat(redact(sidecar.config))},
        data=Data(
            n_train=_first(sidecar.n_train, raw.n_train),
            n_valid=_first(sidecar.n_valid, raw.n_valid),
            validation_set=_clean(_first(sidecar.validation_set, raw.validation_set)),
            training_set=_clean(_first(sidecar.training_set, raw.training_set)),
        ),
        expected_steps=_first(sidecar.expected_steps, raw.expected_steps),
        ended=raw.ended,
        parent=_clean(sidecar.parent if sidecar.parent_known else raw.parent),
        parent_known=sidecar.parent_known or raw.parent_known,
        goal=_clean(sidecar.goal),
        group=_clean(sidecar.group or raw.group),
        seed_sd=sidecar.seed_sd,
        examples=examples,
        extra=redact(sidecar.extra),
        nonfinite=nonfinite,
        seams=tuple(sorted({*raw.seams, *settled.seams, *seams})),
        notes=tuple(redact_text(note) for note in (*raw.notes, *notes)),
    )
    primary = sidecar.primary
    if "primary" in sidecar.assumed and primary is not None and run.metric_named(primary) is None:
        primary = None  # said of many runs, of which this one does not log it
    return with_validation_size(_with_deciding_metric(_with_base_rate(run), primary, raw.best_metric))


_BEST_BY = ("metric_for_best_model", "monitor", "early_stopping_metric", "checkpoint_monitor", "eval_metric")
"""Settings in which tools keep the name of the metric by which they choose their best model."""


def _with_deciding_metric(run: Run, primary: str | None, best: str | None) -> Run:
    """Add the metric that shall decide, as the sidecar states it and as the tool chose its best model.

    Raises
    ------
    LogError
        If the sidecar names a metric that was not logged.
    """
    if primary is not None and run.metric_named(primary) is None:
        logged = ", ".join(run.metrics[:12])
        raise LogError(f"{run.sidecar or run.id}: 'primary' is '{primary}', which was not logged; there are {logged}")
    keys = {key.rpartition(".")[2]: key for key in run.config}
    stated = [run.config[keys[key]] for key in _BEST_BY if key in keys]
    names = [name for name in (best, *stated) if isinstance(name, str)]
    # HF's "loss" is the eval_loss; Keras' is the log's own.
    own = {**{name: name for name in run.metrics}, **run.provenance.renamed}
    chosen = next((own[s] for name in names for s in (f"eval_{name}", name) if own.get(s) in run.metrics), None)
    return replace(run, primary=run.metric_named(primary) if primary else None, best_metric=chosen)


def _with_base_rate(run: Run) -> Run:
    """Add the learning rate that a logged schedule shows to a configuration that states none."""
    rate = "learning_rate"
    if run.factor(rate) is not None or rate not in run.frame:
        return run
    found = base_rate(run.steps_of(rate), run.series(rate))
    if found is None:
        return run
    note = f"{rate} {found[0]:g} is the highest logged ({found[1]}); no configuration states it"
    return replace(run, config={**run.config, rate: found[0]}, notes=(*run.notes, note))


def _without_secret_names(raw: RawLog) -> RawLog:
    """Blank secrets in the names of columns, which may come from what a script was given."""
    shown = {str(column): redact_text(str(column)) for column in raw.frame.columns}
    changed = [column for column, name in shown.items() if name != column]
    numbers = [""] if len(changed) == 1 else [f" ({number})" for number in range(1, len(changed) + 1)]
    names = {column: shown[column] + number for column, number in zip(changed, numbers, strict=True)}
    dropped = tuple(replace(lost, column=redact_text(lost.column)) for lost in raw.dropped)
    frame = raw.frame.rename(columns=names) if names else raw.frame
    return replace(raw, frame=frame, dropped=dropped)


def _named(
    raw: RawLog, columns: Columns, sidecar: Sidecar, where: str
) -> tuple[pd.DataFrame, dict[str, str], list[str]]:
    """Rename columns to their standard names; return the table, own name to standard name, and notes."""
    check_columns_once(where, columns)
    table = _chosen_axes(raw.frame, columns)
    own = [str(c) for c in table.columns]
    chosen = {standard: column for standard, column in columns.items() if standard not in NOT_METRICS}
    check_chosen(where, chosen, own)
    metrics = [c for c in own if c not in NOT_METRICS]
    if not metrics:
        lost = "".join(f"; '{one.column}' is left out: {one.reason}" for one in raw.dropped[:3])
        raise LogError(
            f"{where}: no loss or other metric column, only {', '.join(own)}{lost}; a report needs at least one"
        )
    told, table = with_stated(where, table, sidecar.metrics, chosen, sidecar.assumed)
    unsaid = [name for name in metrics if name not in chosen.values() and name not in told]
    said, notes = bare_losses(table, unsaid)
    scores, more = bare_scores(table, unsaid if raw.source in _GENERAL else ())
    said, notes = {**said, **scores}, [*notes, *more]
    spelled = {said.get(name, name): name for name in metrics if name not in told}
    validated = [name for name in metrics if plain(name) in _MAY_BE_MINIBATCH]
    at_ends = table if not validated else table[table[validated].notna().any(axis=1)]
    source = "logs by epoch" if raw.source in _GENERAL and _is_by_epoch(at_ends) else raw.source
    found = standard_names(spelled, source=source, chosen=chosen, count=lambda name: int(table[spelled[name]].count()))
    names = {**said, **{spelled[name]: standard for name, standard in found.items()}, **told}
    for column, standard in list(names.items()):
        if standard not in METRICS or METRICS[standard].unit != "fraction" or not _above_one(table[column]):
            continue
        if column in chosen.values():
            raise no_fraction(where, standard, column, float(table[column].max()))
        del names[column]
        if column == standard:
            names[column] = f"{column}_raw"
        notes.append(f"'{column}' has values above 1, so it is no fraction: kept under its own name")
    changed = {column: standard for column, standard in names.items() if column != standard}
    # A column that keeps its own name must not stand where a renamed one goes.
    clashes = {c: f"{c} (log)" for c in metrics if c in changed.values() and c not in names}
    frame = table.rename(columns={**changed, **clashes}) if changed or clashes else table
    return frame, {**changed, **clashes}, notes


_MAY_BE_MINIBATCH = ("valid_loss", "validation_loss", "valid_accuracy", "valid_acc")
_GENERAL = ("table", "jsonl", "json log", "printed", "notebook")
"""Sources of no tool: whether their validation is of minibatches is told by how often it is logged."""


def _is_by_epoch(table: pd.DataFrame) -> bool:
    """True for one row an epoch: what is validated then is the whole set."""
    if "epoch" not in table or "step" not in table or len(table) < 2:
        return False
    epochs = table["epoch"].to_numpy(dtype=np.float64)
    return bool((np.diff(epochs) > 0).all() and (epochs % 1 == 0).all())


def _chosen_axes(frame: pd.DataFrame, columns: Columns) -> pd.DataFrame:
    """Take the step, epoch or timestamp the user chose, where the source's format has one of its own."""
    for axis in NOT_METRICS:
        column = columns.get(axis, axis)
        if column != axis and column in frame:
            frame = frame.rename(columns={axis: f"{axis} (log)", column: axis})
    return frame


def _above_one(column: pd.Series[float]) -> bool:
    values = column.to_numpy(dtype=np.float64)
    return bool(((values > 1.0 + 1e-9) & (values < np.inf)).any())


def _provenance(
    raw: RawLog, where: str, renamed: Mapping[str, str], dropped: Sequence[Dropped], frame: pd.DataFrame
) -> Provenance:
    size, digest = raw.size_bytes or 0, raw.sha256 or ""
    if raw.files and raw.sha256 is None:
        size, digest = hash_files(raw.files)
    return Provenance(
        path=redact_text(where),
        source=raw.source,
        size_bytes=size,
        sha256=digest,
        rows_read=raw.rows_read,
        lines=raw.lines,
        columns_read=raw.columns_read or len(raw.frame.columns),
        rows_kept=len(frame),
        columns_kept=int(frame.notna().any().sum()),
        dropped=(*raw.dropped, *dropped),
        renamed=dict(renamed),
    )


def flat(value: Any, prefix: str = "") -> dict[str, Any]:
    """Flatten a configuration to dotted keys and plain values.

    Text that is a number (YAML reads ``1e-5`` as text, MLflow keeps everything as text) becomes one; what
    JSON cannot hold becomes text; mappings in lists stay as they are.

    >>> flat({"optimizer": {"lr": "1e-5", "name": "adam"}, "layers": [1, 2]})
    {'optimizer.lr': 1e-05, 'optimizer.name': 'adam', 'layers': [1, 2]}
    """
    leaves: dict[str, Any] = {}
    _flatten(value, prefix, leaves, 0)
    return leaves


def _flatten(value: Any, prefix: str, leaves: dict[str, Any], depth: int) -> None:
    if len(leaves) >= _CONFIG_LEAVES:
        leaves["…"] = f"only the first {_CONFIG_LEAVES} settings are kept"
        return
    if isinstance(value, Mapping) and depth < 20:
        for key, item in value.items():
            _flatten(item, f"{prefix}.{key}" if prefix else str(key), leaves, depth + 1)
    elif prefix:
        leaves[prefix] = _plain(value)


def _plain(value: Any) -> Any:
    if value is None or isinstance(value, bool | int):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    if isinstance(value, str):
        return _number_in(value)
    if isinstance(value, list | tuple) and len(value) <= 100:
        return [_plain(item) if not isinstance(item, Mapping) else flat(item) for item in value]
    if isinstance(value, date):
        return value.isoformat()
    return str(value)[:1000]


def _number_in(text: str) -> Any:
    if not _NUMBER.fullmatch(text) or len(text) > 30:
        return {"True": True, "true": True, "False": False, "false": False}.get(text, text)
    number = float(text)
    if not math.isfinite(number):
        return text
    return int(text) if re.fullmatch(r"[+-]?\d+", text) else number


def _clean(text: str | None) -> str | None:
    return None if text is None else redact_text(text)


def _first(*values: Any) -> Any:
    return next((value for value in values if value is not None), None)
