"""Read ``trainer_state.json`` of Hugging Face's Trainer (SFT, DPO, GRPO ...) and its checkpoint folders."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from analysis.core.errors import LogError
from analysis.sources.adjacent_config import any_settings, named_settings
from analysis.sources.base import Columns, head
from analysis.sources.raw_log import RawLog
from analysis.sources.rows import merge_rows, table_of
from analysis.sources.yaml_files import load_json

NAME = "hf trainer"
SCHEME = "hf"

STATE = "trainer_state.json"
_FROM_STATE = (
    "num_train_epochs",
    "train_batch_size",
    "max_steps",
    "logging_steps",
    "eval_steps",
    "save_steps",
)
_SET = re.compile(r"eval_(.+)_runtime")


@dataclass(frozen=True)
class _State:
    path: Path
    content: Mapping[str, Any]

    @property
    def history(self) -> list[Mapping[str, Any]]:
        return [row for row in self.content["log_history"] if isinstance(row, Mapping)]

    @property
    def last_step(self) -> float:
        return max((row["step"] for row in self.history if isinstance(row.get("step"), int | float)), default=-1)

    def continues(self, earlier: _State) -> bool:
        """True if this state's history begins with an earlier one's."""
        ours, theirs = _training(self.history), _training(earlier.history)
        return bool(theirs) and ours[: len(theirs)] == theirs


def recognises(path: Path) -> bool:
    """True for a trainer state, or a folder with one or with checkpoints that hold one."""
    if path.is_dir():
        return bool(_states_in(path))
    return path.name == STATE or (path.suffix == ".json" and b'"log_history"' in head(path, 65536))


def load(path: Path, *, columns: Columns) -> list[RawLog]:
    """Read a state; of a folder its newest one, and those of other runs whose checkpoints lie beside it."""
    if not path.is_dir():
        return [_log(_state(path))]
    found = [_state(file) for file in _states_in(path)]
    if not found:
        raise LogError(f"{path}: no {STATE} in this folder or its checkpoints; give the Trainer's output folder")
    states = sorted(found, key=lambda state: (state.last_step, state.path.parent == path))
    runs: list[_State] = []
    for state in reversed(states):
        if not any(longer.continues(state) for longer in runs):
            runs.append(state)
    return [_log(state, folder=path, alone=len(runs) == 1) for state in reversed(runs)]


def _states_in(folder: Path) -> list[Path]:
    return [p for p in (folder / STATE, *sorted(folder.glob(f"checkpoint-*/{STATE}"))) if p.is_file()]


def _state(path: Path) -> _State:
    content = load_json(path, setting="RUN_REPORTS_MAX_JSON_MB")
    if not isinstance(content, Mapping) or not isinstance(content.get("log_history"), list):
        raise LogError(f"{path}: no list 'log_history', so not a trainer state; give the file the Trainer wrote")
    return _State(path, content)


def _log(state: _State, *, folder: Path | None = None, alone: bool = False) -> RawLog:
    history = state.history
    summary = [row for row in history if "train_runtime" in row]
    rows = _by_set([row for row in history if "train_runtime" not in row])
    table = table_of(state.path, rows)
    frame = table.frame()
    if not rows or "step" not in frame:
        raise LogError(f"{state.path}: 'log_history' has no step; nothing was logged yet (see logging_steps)")
    frame, dropped = merge_rows(frame)
    config, files, notes = _settings(state, folder or state.path.parent)
    for row in summary:
        if isinstance(row.get("train_loss"), int | float):
            notes += (f"summary row: mean train_loss {row['train_loss']:.6g} over the whole run, not a step's",)
    others = sorted({key for row in summary for key in row} - {"step", "epoch", "train_loss"})
    if others:
        notes += (f"summary row: {', '.join(others)} are of the whole run and left out",)
    planned = state.content.get("max_steps")
    return RawLog(
        frame,
        NAME,
        (str(state.path), *files),
        len(history),
        config=config,
        id=_run_id(state.path, folder if alone else None),
        expected_steps=planned if isinstance(planned, int) and planned > 0 else None,
        best_metric=_best_metric(state),
        dropped=(*dropped, *table.left_out(texts=False)),
        notes=notes,
    )


def _best_metric(state: _State) -> str | None:
    """Return the evaluation metric that once had the value of ``best_metric``; None where none or several did."""
    best = state.content.get("best_metric")
    if not isinstance(best, float):
        return None
    names = {key for row in state.history for key, value in row.items() if key.startswith("eval_") and value == best}
    return names.pop() if len(names) == 1 else None


def _run_id(path: Path, folder: Path | None) -> str:
    """Name a run by its folder; by folder and checkpoint where one checkpoint of several was asked for."""
    if folder is not None and not folder.name.startswith("checkpoint-"):
        return folder.resolve().name
    home = path.resolve().parent
    return f"{home.parent.name}/{home.name}" if home.name.startswith("checkpoint-") else home.name


def _settings(state: _State, folder: Path) -> tuple[dict[str, Any], tuple[str, ...], tuple[str, ...]]:
    config = {key: state.content[key] for key in _FROM_STATE if state.content.get(key) is not None}
    if isinstance(state.content.get("trial_params"), Mapping):
        config.update(state.content["trial_params"])
    home = folder.parent if folder.name.startswith("checkpoint-") else folder
    found, files, notes = any_settings(home, but=STATE)
    adapter, adapter_files, adapter_notes = named_settings(state.path.parent, ("adapter_config.json",))
    lora = {
        f"adapter.{key}": adapter[key] for key in ("peft_type", "r", "lora_alpha", "lora_dropout") if key in adapter
    }
    if isinstance(base := adapter.get("base_model_name_or_path"), str):
        lora["model"] = base
    config = {**config, **found, **lora}
    if config.get("max_steps") == -1:
        config["max_steps"] = state.content.get("max_steps")
    return config, (*files, *adapter_files), (*notes, *adapter_notes)


def _by_set(rows: list[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Name the evaluation set in all values of a row, where several sets are evaluated at a step.

    The Trainer puts the name into its own values (``eval_math_loss``); trainers built on it log theirs of every
    set under one name (``eval_reward``, ``eval_rewards/chosen``).
    """
    sets = [next((found[1] for key in row if (found := _SET.fullmatch(key))), None) for row in rows]
    if len({name for name in sets if name}) < 2:
        return rows
    return [
        row if name is None else {_with_set(key, name): value for key, value in row.items()}
        for row, name in zip(rows, sets, strict=True)
    ]


def _with_set(key: str, name: str) -> str:
    own = key.startswith("eval_") and not key.startswith(f"eval_{name}_")
    return f"eval_{name}_{key.removeprefix('eval_')}" if own else key


def _training(history: list[Mapping[str, Any]]) -> list[tuple[Any, Any]]:
    return [(row.get("step"), repr(row["loss"])) for row in history if "loss" in row]
