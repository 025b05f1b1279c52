"""Printed logs as services keep them: every line in JSON or a CSV, or behind what a process is called."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest

from tests.sources.test_printed_kinds import EPOCHS, LOSSES, VALID, column, only

LINES = [f"step {e} loss {t} val_loss {v}" for e, t, v in zip(EPOCHS, LOSSES, VALID, strict=True)]
TIMES = [f"2024-05-01T10:00:0{e}.123456789Z" for e in EPOCHS]
TIMED = list(zip(TIMES, LINES, strict=True))


def json_lines(*rows: dict[str, object]) -> str:
    return "".join(json.dumps(row) + "\n" for row in rows)


def table(rows: list[tuple[str, str]]) -> str:
    stream = io.StringIO()
    csv.writer(stream).writerows([("@timestamp", "@message"), *rows])
    return stream.getvalue()


DOCKER = [{"log": f"{line}\n", "stream": "stdout", "time": time} for time, line in TIMED]
CLOUD = [{"insertId": "x", "textPayload": line, "timestamp": time, "severity": "INFO"} for time, line in TIMED]
KEPT = {
    "docker-json.log": json_lines(*DOCKER),
    "docker.jsonl": json_lines(
        *DOCKER[:3], {**DOCKER[3], "log": LINES[3][:9]}, {**DOCKER[3], "log": LINES[3][9:] + "\n"}
    )
    + json_lines(*DOCKER[4:]),
    "google.json": json.dumps(CLOUD, indent=2),
    "newest first.json": json.dumps(CLOUD[::-1]),
    "payload.json": json.dumps([{"jsonPayload": {"message": line}, "timestamp": time} for time, line in TIMED]),
    "rows.json": json_lines(
        *({"jsonPayload": {"step": e, "loss": t, "val_loss": v}} for e, t, v in zip(EPOCHS, LOSSES, VALID, strict=True))
    ),
    "cloudwatch.json": json.dumps({"events": [{"timestamp": 1, "message": line} for line in LINES], "token": "f"}),
    "cloudwatch.csv": table(TIMED),
    "insights.csv": table(TIMED[::-1]),
    "structlog.log": json_lines(*({"event": line, "level": "info"} for line in LINES)),
    "kaggle.log": json.dumps([{"stream_name": "stdout", "time": e, "data": f"{x}\n"} for e, x in enumerate(LINES)]),
}


@pytest.mark.parametrize("name", KEPT)
def test_lines_kept_one_by_one(name: str, tmp_path: Path) -> None:
    run = only(tmp_path, KEPT[name], name)
    assert run.frame["step"].tolist() == list(EPOCHS)
    assert run.frame["train_loss"].tolist() == LOSSES
    assert run.frame["full_valid_loss"].tolist() == VALID


def test_rows_of_values_with_a_message_are_rows(tmp_path: Path) -> None:
    rows = [{"message": f"step {e} loss 9.0", "step": e, "loss": t} for e, t in zip(EPOCHS, LOSSES, strict=True)]
    assert only(tmp_path, json_lines(*rows), "a.jsonl").frame["train_loss"].tolist() == LOSSES
    cells = "".join(f"{row['step']},{row['loss']},{row['message']}\n" for row in rows)
    assert only(tmp_path, f"step,loss,message\n{cells}", "a.csv").frame["train_loss"].tolist() == LOSSES


@pytest.mark.parametrize(
    "front",
    [
        "2024-05-01T10:00:0{e}.123456789Z stdout F ",  # Kubernetes
        "2024-05-01T10:00:0{e}.1234567Z ",  # GitHub Actions
        "May 01 10:00:0{e} gpu-1 python3[12345]: ",  # journald
        "2024-05-01T10:00:0{e}+0200 eval-host train.sh[99]: ",
        "[pod/eval-0/main] ",
        "[rank0]: ",
        "[default0]:",  # torchrun
        "0: ",  # srun -l
        "[1,0]<stdout>:",  # mpirun
        "(RayTrainWorker pid=2345, ip=10.0.0.1) ",
        "trainer-1  | ",  # docker compose
        "24/05/01 10:00:0{e} INFO Trainer: ",
    ],
)
def test_what_stands_in_front_of_each_line_is_no_value(front: str, tmp_path: Path) -> None:
    run = only(tmp_path, "\n".join(front.format(e=e) + line for e, line in zip(EPOCHS, LINES, strict=True)))
    assert run.frame["step"].tolist() == list(EPOCHS)
    assert run.frame["train_loss"].tolist() == LOSSES
    assert run.frame["full_valid_loss"].tolist() == VALID
    assert len(run.metrics) == 2


@pytest.mark.parametrize("front", ["{}: ", "[1,{}]<stdout>:", "(Worker pid={}) "])
def test_of_several_processes_the_first_speaks_for_the_run(front: str, tmp_path: Path) -> None:
    """What the others say is kept under their number."""
    other = [f"step {e} loss {t + 1} val_loss {v}" for e, t, v in zip(EPOCHS, LOSSES, VALID, strict=True)]
    lines = [front.format(rank) + both[rank] for both in zip(LINES, other, strict=True) for rank in (0, 1)]
    run = only(tmp_path, "\n".join(lines))
    assert run.frame["train_loss"].tolist() == LOSSES
    assert column(run, "loss (rank 1)") == [round(t + 1, 6) for t in LOSSES]
