"""Logs as tools, crashes and people leave them: each reads right, or is refused in one line that says what to do."""

from __future__ import annotations

import gzip
import json
import re
from pathlib import Path
from typing import Any

import pytest

from analysis.core.errors import AnalysisError
from analysis.core.run import Run
from analysis.sources import resolve


def state(*rows: dict[str, Any]) -> str:
    return json.dumps({"log_history": list(rows)})


def lines(*rows: dict[str, Any]) -> str:
    return "".join(json.dumps(row) + "\n" for row in rows)


def written(folder: Path, name: str, content: str | bytes) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


READ: dict[str, tuple[str, str | bytes, dict[str, dict[int, float]]]] = {
    "NaN and infinity as text": (
        *("a.csv", "step,train_loss\n1,nan\n2,NaN\n3,0.9\n4,inf\n5,0.5\n"),
        {"train_loss": {3: 0.9, 5: 0.5}},
    ),
    "blanks, dashes and N/A": (
        *("a.csv", "step,loss,val_loss\n1,-,N/A\n2,0.5,None\n3,0.4,0.6\n"),
        {"train_loss": {2: 0.5, 3: 0.4}, "full_valid_loss": {3: 0.6}},
    ),
    "a run that went back": (
        *("a.csv", "step,loss\n1,1\n2,0.5\n3,0.4\n2,0.3\n3,0.2\n4,0.1\n"),
        {"train_loss": {1: 1, 2: 0.3, 3: 0.2, 4: 0.1}},
    ),
    "a trainer that went back": (
        *("r/trainer_state.json", state(*({"step": s, "loss": i} for i, s in enumerate((10, 20, 30, 20, 30))))),
        {"train_loss": {10: 0, 20: 3, 30: 4}},
    ),
    "an evaluation that never happened": (
        *("a.csv", "step,train_loss,full_valid_loss\n1,1.0,\n2,0.9,\n"),
        {"train_loss": {1: 1.0, 2: 0.9}},
    ),
    "a list of rows with more names than rows": (
        *(
            "a.json",
            json.dumps([{"step": s, "loss": 1 / s, **{f"norm/{n}": s + n for n in range(60)}} for s in (1, 2)]),
        ),
        {"train_loss": {1: 1, 2: 0.5}, **{f"norm/{n}": {1: 1 + n, 2: 2 + n} for n in range(60)}},
    ),
    "a list of rows whose numbers are texts": (
        *("a.json", '[{"step": "1/3", "loss": "nan"}, {"step": "2/3", "loss": "0.5"}, {"step": "3/3", "loss": "0.4"}]'),
        {"train_loss": {2: 0.5, 3: 0.4}},
    ),
    "metrics in an object of their own": (
        *("a.jsonl", lines(*({"step": s, "metrics": {"loss": 1 / s, "val_loss": 2 / s}} for s in (1, 2)))),
        {"train_loss": {1: 1, 2: 0.5}, "full_valid_loss": {1: 2, 2: 1}},
    ),
    "the same with the phase beside it": (
        *(
            "a.jsonl",
            lines(
                *({"step": s // 2, "split": "val" if s % 2 else "train", "metrics": {"loss": s}} for s in range(2, 8))
            ),
        ),
        {"train_loss": {1: 2, 2: 4, 3: 6}, "full_valid_loss": {1: 3, 2: 5, 3: 7}},
    ),
    "epochs behind the numbers of rows": (
        *("a.csv", ",epoch,loss\n0,1,2.5\n1,2,2.4\n2,3,2.3\n"),
        {"train_loss": {1: 2.5, 2: 2.4, 3: 2.3}},
    ),
    "bars between columns, the last one mostly empty": (
        *("a.csv", "# today\nepoch|loss|val_loss\n1|2.5|\n1||2.7\n2|2.4|\n2||2.6\n"),
        {"train_loss": {1: 2.5, 2: 2.4}, "full_valid_loss": {1: 2.7, 2: 2.6}},
    ),
    "bars, and the numbers of rows": (
        *("a.csv", "|step|loss|val_loss\n0|5|2.5|\n1|10|2.4|2.6\n2|15|2.3|\n"),
        {"train_loss": {5: 2.5, 10: 2.4, 15: 2.3}, "full_valid_loss": {10: 2.6}},
    ),
    "a rate that falls with each epoch, in which the counter starts again": (
        *("a.csv", "epoch,iter,loss,lr\n1,1,4,0.1\n1,2,3,0.1\n2,1,2.5,0.05\n2,2,2.2,0.05\n3,1,2,0.02\n3,2,1.9,0.02\n"),
        {
            "train_loss": {1: 4, 2: 3, 3: 2.5, 4: 2.2, 5: 2, 6: 1.9},
            "learning_rate": {1: 0.1, 2: 0.1, 3: 0.05, 4: 0.05, 5: 0.02, 6: 0.02},
        },
    ),
    "not a number where the counter starts again": (
        *("a.csv", "step,loss\n" + "".join(f"{s},{5 - s / 2}\n" for s in range(1, 7)) + "1,nan\n2,1.5\n3,1\n"),
        {"train_loss": {**{s: 5 - s / 2 for s in range(1, 7)}, 8: 1.5, 9: 1}},
    ),
    "not a number before the counter starts again": (
        *("a.csv", "step,loss\n" + "".join(f"{s},{5 - s / 2}\n" for s in range(1, 6)) + "6,inf\n1,1.9\n2,1.5\n3,1\n"),
        {"train_loss": {**{s: 5 - s / 2 for s in range(1, 6)}, 7: 1.9, 8: 1.5, 9: 1}},
    ),
    "names in any alphabet": (
        *("Größe 損失 🚀/metrics.csv", "epoch,step,потери,val_loss\n0,1,1.5,\n0,2,,0.9\n"),
        {"потери": {1: 1.5}, "full_valid_loss": {2: 0.9}},
    ),
    "half a letter in a name": (
        *("a.jsonl", '{"step": 1, "loss": 1, "a\\ud800": 2}\n'),
        {"train_loss": {1: 1}, "a?": {1: 2}},
    ),
    "gzipped rows": ("a.jsonl.gz", gzip.compress(lines({"step": 1, "loss": 1}).encode()), {"train_loss": {1: 1}}),
    "gzipped timesteps": (
        *("p.csv.gz", gzip.compress(b"time/total_timesteps,rollout/ep_rew_mean\n100,\n200,2\n")),
        {"reward": {200: 2}},
    ),
    "a second fit of Keras with a header of its own": (
        *("k.csv", "epoch,loss\n0,1\n1,0.5\nepoch,loss\n0,0.6\n1,0.4\n"),
        {"train_loss": {0: 1, 1: 0.5, 2: 0.6, 3: 0.4}},
    ),
    "one row": ("a.csv", "step,loss\n7,0.5\n", {"train_loss": {7: 0.5}}),
    "one row of a trainer": ("r/trainer_state.json", state({"loss": 1.0, "step": 10}), {"train_loss": {10: 1.0}}),
    "a trainer's bare NaN": (
        *("r/trainer_state.json", '{"log_history": [{"loss": NaN, "step": 1}, {"loss": 2.0, "step": 2}]}'),
        {"train_loss": {2: 2.0}},
    ),
    "numbers as text": (
        *("a.jsonl", lines({"step": "1", "loss": "nan"}, {"step": "2", "loss": "0.5"})),
        {"train_loss": {2: 0.5}},
    ),
    "first rows that lack columns": (
        *("s/progress.csv", "rollout/ep_rew_mean,time/total_timesteps,train/loss\n21.5,2048,\n,4096,3.5\n"),
        {"reward": {2048: 21.5}, "train_loss": {4096: 3.5}},
    ),
    "a row cut short": ("a.csv", "step,loss\n1,1.0\n2\n3,0.8\n", {"train_loss": {1: 1.0, 3: 0.8}}),
    "two columns of one name": ("a.csv", "step,loss,loss\n1,1,2\n", {"train_loss": {1: 1}, "loss (2)": {1: 2}}),
    "a total that is cut off": (
        *("t/trainer_log.jsonl", lines({"current_steps": 10, "total_steps": 20, "loss": 1.0}) + '{"current_st'),
        {"train_loss": {10: 1.0}},
    ),
    "carriage returns alone": ("a.csv", "step,loss\r1,1\r2,0.5\r", {"train_loss": {1: 1, 2: 0.5}}),
    "decimal commas": ("a.csv", "step;loss\n1;1,5\n2;0,75\n", {"train_loss": {1: 1.5, 2: 0.75}}),
    "UTF-16": ("a.csv", "step,loss\n1,1\n".encode("utf-16"), {"train_loss": {1: 1}}),
}

REFUSED: dict[str, tuple[str, str | bytes, str]] = {
    "no rows": ("a.csv", "step,loss\n", r"a\.csv: no data rows; a log needs at least one step"),
    "no rows of Lightning": ("v/metrics.csv", "epoch,step,train_loss\n", "no data rows"),
    "no rows of a trainer": ("r/trainer_state.json", state(), r"no step; nothing was logged yet \(see logging_steps\)"),
    "nothing at all": ("a.jsonl", "\n\n", "the file is empty"),
    "a message among rows": ("a.jsonl", '{"step": 1, "loss": 1}\nWARNING\n', r"a\.jsonl:2: not a JSON object"),
    "a history of unequal lists": (
        *("h.json", '{"loss": [1, 0.5], "val_loss": [1]}'),
        r"differ in length \(loss has 2, val_loss has 1\); write null",
    ),
    "a list of rows": ("rows.json", '[{"step": 1, "loss": 1}]', r"one list, .* call the file \.jsonl"),
    "decimal commas or thousands": (
        *("a.csv", 'step,loss\n1,"1,500"\n2,"1,250"\n'),
        "'loss' is left out: ambiguous: a comma before",
    ),
    "a field too many": ("a.csv", "step,loss\n1,1.0\n2,0.9,7\n", r"a\.csv:3: 3 fields where the header has 2"),
    "half a gzip": ("a.csv.gz", gzip.compress(b"step,loss\n" * 99)[:20], "damaged gzip"),
    "a packed trainer state": ("trainer_state.json.gz", gzip.compress(state().encode()), "unpack it with gunzip"),
    "texts alone": ("a.csv", "step,msg\n1,hello\n2,bye\n", "no loss or other metric column"),
    "broken steps": ("a.csv", "step,loss\n0.5,1\n1.0,1\n", "must count in whole numbers, got 0.5"),
    "no event file": ("t/events.out.tfevents.1", "hello", "not an event file"),
    "events without one": ("t/events.out.tfevents.1", b"", "no scalar"),
    "a pickle": ("a.pkl", b"\x80\x04\x95", "no source knows this file"),
}


@pytest.mark.parametrize("kind", READ)
def test_an_odd_log_reads_right(kind: str, tmp_path: Path) -> None:
    """Each metric has just the values that the log has, at their steps."""
    name, content, expected = READ[kind]
    run = only(written(tmp_path, name, content))
    found = {m: dict(zip(run.steps_of(m).tolist(), run.series(m).tolist(), strict=True)) for m in run.metrics}
    assert found == expected


@pytest.mark.parametrize("kind", REFUSED)
def test_what_is_no_log_is_refused_in_a_line(kind: str, tmp_path: Path) -> None:
    """The line names the file, says what is wrong, and what to do."""
    name, content, said = REFUSED[kind]
    path = written(tmp_path, name, content)
    with pytest.raises(AnalysisError) as caught:
        resolve(str(path), runs_dir=tmp_path)
    message = str(caught.value)
    assert message.startswith(str(path))
    assert "\n" not in message
    assert re.search(said, message), message


def only(path: Path) -> Run:
    (run,) = resolve(str(path), runs_dir=path.parent)
    return run
