"""Read Stable-Baselines3's ``progress.csv``, the episodes of its ``monitor.csv``, and ``evaluations.npz``."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np
import pandas as pd

from analysis.core.errors import LogError
from analysis.core.plain_data import loads
from analysis.sources.adjacent_config import log_with_settings, named_settings
from analysis.sources.base import Columns, head
from analysis.sources.clock import parse_timestamps
from analysis.sources.delimited import read_delimited
from analysis.sources.limits import MB, limit, too_large
from analysis.sources.raw_log import RawLog
from analysis.sources.rows import as_axis, merge_rows
from analysis.sources.table_layout import Layout, sniff

NAME = "stable-baselines3"
SCHEME = ""

LOG = "progress.csv"
EVALUATIONS = "evaluations.npz"
STEP = "time/total_timesteps"
_EPISODES = ("r", "l", "t")
_SETTINGS = ("config.yml", "args.yml")


def recognises(path: Path) -> bool:
    """True for a CSV that counts ``time/total_timesteps``, a monitor file, or the folder of a progress.csv."""
    file = path / LOG if path.is_dir() else path
    if file.is_file() and file.name == EVALUATIONS:
        return True
    if not file.is_file() or file.suffix != ".csv":
        return False
    layout = sniff(file, delimiter=",")
    return layout is not None and (STEP in layout.header or _is_monitor(layout))


def load(path: Path, *, columns: Columns) -> list[RawLog]:
    """Read a progress file by its timesteps, a monitor file by the timesteps at the end of each episode."""
    path = path / LOG if path.is_dir() else path
    if path.name == EVALUATIONS:
        return [_evaluations(path)]
    layout = sniff(path, delimiter=",")
    if layout is not None and _is_monitor(layout):
        return [_monitor(path, layout)]
    if layout is None or STEP not in layout.header:
        raise LogError(f"{path}: no column '{STEP}'; give the progress.csv that the csv logger wrote")
    numbers = [name for name in layout.header if not layout.is_text(name)]
    read = read_delimited(path, layout, numbers=numbers, lenient=set(numbers) - {STEP})
    frame, dropped = merge_rows(as_axis(read.frame, STEP, "step"))
    return [log_with_settings(path, layout, read, frame, source=NAME, log=LOG, settings=_SETTINGS, dropped=dropped)]


def _is_monitor(layout: Layout) -> bool:
    return layout.header[:3] == _EPISODES and layout.first_line > 1


def _monitor(path: Path, layout: Layout) -> RawLog:
    others = [name for name in layout.header[3:] if not layout.is_text(name)]
    read = read_delimited(path, layout, numbers=(*_EPISODES, *others), lenient=others)
    frame = read.frame.rename(columns={"r": "episode_reward", "l": "episode_length"})
    frame.insert(0, "step", frame["episode_length"].cumsum())
    try:
        about = loads(head(path).splitlines()[0].lstrip(b"# "))
    except (ValueError, IndexError):
        about = {}
    started = about.get("t_start") if isinstance(about, dict) else None
    seconds = frame.pop("t")
    if isinstance(started, int | float):
        frame["timestamp"], _ = parse_timestamps(seconds + started)
    text = [name for name in layout.header[3:] if name not in others]
    left_out = (f"text columns left out: {', '.join(text)}",) if text else ()
    env = about.get("env_id") if isinstance(about, dict) else None
    config, files, notes = _settings(path.parent, str(env) if env else None)
    if env:
        config["env"] = env
    return RawLog(
        frame,
        NAME,
        (str(path), *files),
        len(frame),
        lines=read.lines,
        columns_read=len(layout.header),
        config=config,
        id=path.resolve().parent.name if path.name.endswith("0.monitor.csv") else None,
        dropped=read.dropped,
        notes=(
            "an episode a row (r: reward, l: length, 't': its time): steps are the timesteps at its end",
            *left_out,
            *notes,
        ),
    )


def _settings(folder: Path, env: str | None = None) -> tuple[dict[str, object], tuple[str, ...], tuple[str, ...]]:
    """Read the settings that rl-zoo keeps beside the log or in a folder called after the environment."""
    inner = folder / env if env and (folder / env).is_dir() else folder
    return named_settings(inner, _SETTINGS)


_MOST = "RUN_REPORTS_MAX_LOG_MB"
_EVALUATED = {"results": "eval_reward", "ep_lengths": "eval_episode_length", "successes": "eval_success_rate"}


def _evaluations(path: Path) -> RawLog:
    """Read the evaluations of EvalCallback: of each the mean over its episodes. Nothing is unpickled."""
    try:
        with zipfile.ZipFile(path) as packed:
            size = sum(part.file_size for part in packed.infolist()) / MB
        if size > limit(_MOST):
            raise too_large(path, size, _MOST)
        with np.load(path, allow_pickle=False) as held:
            steps = np.asarray(held["timesteps"], dtype=np.float64)
            found = {name: np.asarray(held[name], dtype=np.float64) for name in _EVALUATED if name in held.files}
    except (OSError, ValueError, KeyError, zipfile.BadZipFile, EOFError) as problem:
        said = " ".join(str(problem).split())[:120]
        raise LogError(f"{path}: not the evaluations that EvalCallback writes ({said}); give progress.csv") from None
    if steps.ndim != 1 or "results" not in found or any(len(values) != len(steps) for values in found.values()):
        raise LogError(f"{path}: not as many results as timesteps; give progress.csv")
    columns = {_EVALUATED[name]: values.reshape(len(steps), -1).mean(axis=1) for name, values in found.items()}
    episodes = found["results"].reshape(len(steps), -1)
    note = f"each value is the mean of {episodes.shape[1]} episodes"
    frame = pd.DataFrame({"step": steps, **columns, "eval_reward_std": episodes.std(axis=1)})
    return RawLog(frame, NAME, (str(path),), len(frame), id=path.resolve().parent.name, notes=(note,))
