"""TensorBoard event files: everything the writers write, as TensorBoard's own reader gives it."""

from __future__ import annotations

import json
import math
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from analysis.core.errors import LogError
from analysis.sources import load_runs, tensorboard
from analysis.sources.group_members import members
from analysis.sources.tensorboard.tfrecord import checksums
from tests.sources.hints import follow

CORPUS = Path(__file__).parents[2].parent / "shared" / "corpus" / "tensorboard"

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    pytest.importorskip("tensorboardX", reason="the event writer is not installed: pip install -e '.[sources-test]'")
    pytest.importorskip("tensorboard", reason="the reference reader is not installed: pip install -e '.[sources-test]'")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
    from tensorboard.compat.proto.event_pb2 import Event, SessionLog
    from tensorboard.compat.proto.summary_pb2 import Summary
    from tensorboard.plugins.scalar.summary_v2 import scalar_pb
    from tensorboard.summary.writer.event_file_writer import EventFileWriter
    from tensorboard.util import tensor_util
    from tensorboardX import SummaryWriter


def oracle(folder: Path) -> dict[str, dict[int, float]]:
    """What TensorBoard's reader finds with no size limit: tag -> step -> last value."""
    accumulator = EventAccumulator(str(folder), size_guidance={"scalars": 0, "tensors": 0})
    accumulator.Reload()
    found: dict[str, dict[int, float]] = {}
    for tag in accumulator.Tags()["scalars"]:
        found[tag] = {e.step: e.value for e in accumulator.Scalars(tag)}
    for tag in accumulator.Tags()["tensors"]:
        arrays = {e.step: tensor_util.make_ndarray(e.tensor_proto) for e in accumulator.Tensors(tag)}
        if all(a.size == 1 and a.dtype.kind in "fiub" for a in arrays.values()):
            found[tag] = {step: float(a.item()) for step, a in arrays.items()}
    return found


def read(folder: Path, prefix: str = "") -> dict[str, dict[int, float]]:
    """The same from the source under test; a non-finite value is NaN in the oracle's terms."""
    (log,) = tensorboard.load(folder, columns={})
    return table(log.frame, prefix)


def table(frame: Any, prefix: str = "") -> dict[str, dict[int, float]]:
    found = {}
    for tag in frame.columns.difference(["step", "timestamp"]):
        logged = frame.loc[frame[tag].notna(), ["step", tag]]
        if tag.startswith(prefix):
            found[tag.removeprefix(prefix)] = dict(zip(logged["step"], logged[tag], strict=True))
    return found


def write_events(folder: Path, *events: Any, suffix: str = "") -> Path:
    """Write Event messages with TensorBoard's own writer."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        writer = EventFileWriter(str(folder), filename_suffix=suffix)
    for event in events:
        writer.add_event(event)
    writer.close()
    return max(folder.glob(f"*{suffix}"))


def tensor_event(tag: str, step: int, value: Any, wall: float = 1.7e9) -> Any:
    """A scalar as TensorFlow 2 and Keras write it."""
    return Event(step=step, wall_time=wall + step, summary=scalar_pb(tag, value))


def scalar_event(tag: str, step: int, value: float, wall: float = 1.7e9) -> Any:
    """A scalar as TensorFlow 1 and PyTorch write it."""
    summary = Summary(value=[Summary.Value(tag=tag, simple_value=value)])
    return Event(step=step, wall_time=wall + step, summary=summary)


def test_every_point_of_pytorch_style_scalars_is_read(tmp_path: Path) -> None:
    """5,000 steps of 7 tags with lengths and magnitudes of all kinds equal the reference reader's."""
    rng = np.random.default_rng(1)
    with SummaryWriter(str(tmp_path)) as writer:
        for step in range(5000):
            for tag in ("a", "train/loss", "x" * 100):
                writer.add_scalar(tag, rng.normal() * 10.0 ** rng.integers(-30, 30), step)
            if step % 100 == 0:
                writer.add_scalar("eval/loss", step / 3, step)
                writer.add_histogram("weights", rng.normal(size=20), step)
                writer.add_text("note", f"at {step}", step)
    found = read(tmp_path)
    assert found == oracle(tmp_path)
    assert sum(map(len, found.values())) == 3 * 5000 + 50


def test_tensor_summaries_are_read_as_their_writer_means_them(tmp_path: Path) -> None:
    """TensorFlow 2 scalars of every number type, zero and negative ones and large steps included."""
    kinds = [np.float32(1.5), np.float64(-2.25), np.int32(-3), np.int64(2**40), np.uint8(200), np.int16(-7)]
    kinds += [np.float16(0.5), np.float32(0), np.int8(-1)]
    events = []
    for i, value in enumerate(kinds):
        summary = Summary(value=[Summary.Value(tag=f"k{i}", tensor=tensor_util.make_tensor_proto(value))])
        events += [Event(step=s, wall_time=5.0 + s, summary=summary) for s in (0, 1, 300, 2**33)]
    events += [tensor_event("loss", s, 1 / (s + 1)) for s in range(1000)]
    write_events(tmp_path, *events)
    found = read(tmp_path)
    assert found == oracle(tmp_path)
    assert [found[f"k{i}"][300] for i in range(len(kinds))] == [float(v) for v in kinds]


def test_tensors_that_are_no_scalars_are_counted(tmp_path: Path) -> None:
    """Vectors and the Keras model text are left out and counted; scalars beside them are kept."""
    vector = Summary(value=[Summary.Value(tag="vector", tensor=tensor_util.make_tensor_proto(np.ones(3)))])
    keras = Summary(value=[Summary.Value(tag="keras", tensor=tensor_util.make_tensor_proto("{}"))])
    write_events(tmp_path, Event(step=1, summary=vector), Event(step=1, summary=keras), tensor_event("a", 1, 2.0))
    (log,) = tensorboard.load(tmp_path, columns={})
    assert table(log.frame) == {"a": {1: 2.0}}
    assert sum(d.count for d in log.dropped if d.reason == "not scalars") == 2


def test_merged_summaries_hold_several_scalars_a_record(tmp_path: Path) -> None:
    """TensorFlow 1's merge_all puts all tags, pictures too, into one record."""
    events = []
    for step in range(50):
        values = [Summary.Value(tag=f"tag{i}", simple_value=step * i) for i in range(60)]
        values.append(Summary.Value(tag="image", image=Summary.Image(height=1, encoded_image_string=b"x" * 5000)))
        events.append(Event(step=step, wall_time=9.0, summary=Summary(value=values)))
    write_events(tmp_path, *events)
    assert read(tmp_path) == oracle(tmp_path)


def test_files_of_one_folder_are_one_run_continued(tmp_path: Path) -> None:
    """A second file takes up where the first ended; at steps logged twice the later value stands."""
    first = write_events(tmp_path, *(scalar_event("loss", s, 1.0) for s in range(10)), suffix=".a")
    second = write_events(tmp_path, *(scalar_event("loss", s, 2.0) for s in range(8, 15)), suffix=".b")
    first.rename(tmp_path / "events.out.tfevents.999.host.1.0")
    second.rename(tmp_path / "events.out.tfevents.1000.host.1.0")
    (log,) = tensorboard.load(tmp_path, columns={})
    assert table(log.frame)["loss"] == {s: 1.0 if s < 8 else 2.0 for s in range(15)}
    assert log.seams == (8,)
    assert [(d.column, d.count) for d in log.dropped] == [("step", 2)]


def test_a_restart_takes_back_what_it_logs_again(tmp_path: Path) -> None:
    """A session start at step 50 removes the points from there on, in the same and in earlier files."""
    start = Event(step=50, wall_time=1.8e9, session_log=SessionLog(status=SessionLog.START))
    events = [scalar_event("loss", s, 1.0) for s in range(0, 100, 3)]
    write_events(tmp_path, *events, start, *(scalar_event("loss", s, 2.0) for s in range(50, 80, 5)))
    (log,) = tensorboard.load(tmp_path, columns={})
    assert table(log.frame) == oracle(tmp_path)
    assert 50 in log.seams
    assert [d.count for d in log.dropped] == [sum(s >= 50 for s in range(0, 100, 3))]


def test_keras_train_and_validation_are_one_run(tmp_path: Path) -> None:
    """Keras splits a run over two folders; the part's name goes in front of the tag."""
    run = tmp_path / "2024-01-01"
    write_events(run / "train", *(tensor_event("epoch_loss", s, 1.0) for s in range(5)))
    write_events(run / "validation", *(tensor_event("epoch_loss", s, 2.0) for s in range(5)))
    (log,) = tensorboard.load(run, columns={})
    assert log.id == "2024-01-01"
    assert table(log.frame, "train/")["epoch_loss"] == oracle(run / "train")["epoch_loss"]
    assert table(log.frame, "validation/")["epoch_loss"] == oracle(run / "validation")["epoch_loss"]
    assert len(log.frame) == 5


def test_the_validation_half_of_a_run_alone_is_validation(tmp_path: Path) -> None:
    """Keras calls the loss epoch_loss in both halves; the folder says which it is, unless the tag does already."""
    write_events(tmp_path / "validation", tensor_event("epoch_loss", 0, 2.0))
    write_events(tmp_path / "eval", scalar_event("eval/loss", 0, 2.0))
    for folder in ("validation", "eval"):
        (run,) = load_runs([str(tmp_path / folder)], runs_dir=tmp_path)
        (log,) = (tmp_path / folder).iterdir()
        (alone,) = load_runs([str(log)], runs_dir=tmp_path)
        assert run.metrics == alone.metrics == ("full_valid_loss",)


def test_keras_epochs_stand_at_their_last_batch(tmp_path: Path) -> None:
    """Batches and epochs are counted apart: a value of an epoch is placed where the epoch ended."""
    events = []
    for batch in range(20):
        events.append(scalar_event("batch_loss", batch, 1.0, wall=1000.0))
        if batch % 10 == 9:
            epoch = Event(step=batch // 10, wall_time=1000.5 + batch)
            epoch.summary.value.add(tag="epoch_val_loss", simple_value=batch)
            events.append(epoch)
    write_events(tmp_path / "a", *events)
    (log,) = tensorboard.load(tmp_path / "a", columns={})
    assert table(log.frame)["epoch_val_loss"] == {9: 9.0, 19: 19.0}
    assert any("last batch" in note for note in log.notes)
    epochs = [tensor_event("epoch_loss", s, 1.0) for s in range(2)]
    write_events(tmp_path / "b" / "validation", *epochs, tensor_event("evaluation_loss_vs_iterations", 1250, 1.0))
    (log,) = tensorboard.load(tmp_path / "b", columns={})
    assert log.frame["step"].tolist() == [0, 1]
    assert [(d.column, d.count) for d in log.dropped] == [("validation/evaluation_loss_vs_iterations", 1)]


def test_a_folder_of_runs_gives_each_of_them(tmp_path: Path) -> None:
    """Runs below a folder are told apart by their place in it; one that cannot be read is noted."""
    for name in ("lr/a", "lr/b", "c"):
        write_events(tmp_path / name, scalar_event("loss", 1, 1.0))
    write_events(tmp_path / "empty")
    logs = tensorboard.load(tmp_path, columns={})
    assert sorted(str(log.id) for log in logs) == ["c", "lr/a", "lr/b"]
    assert all("empty" in log.notes[0] for log in logs)
    assert tensorboard.recognises(tmp_path)


def test_each_run_of_a_folder_has_its_own_sidecar_and_reference(tmp_path: Path) -> None:
    """A run of several event files is found whole by the reference that stands for it; what to write is read."""
    for name in ("a", "b"):
        for part in range(2):
            write_events(tmp_path / "tb" / name, scalar_event("loss", part, 1.0), suffix=f".{part}")
    write_events(tmp_path / "tb" / "b" / "validation", scalar_event("loss", 1, 2.0))
    assert follow(str(tmp_path / "tb"), tmp_path) == 2
    assert follow(f"tb:{tmp_path / 'tb' / 'a'}", tmp_path) == 1
    (event_file,) = (tmp_path / "tb" / "a").glob("*.0")
    assert follow(str(event_file), tmp_path) == 1
    together = members([str(tmp_path / "tb")], runs_dir=tmp_path)
    for member in together:
        (alone,) = load_runs([member.reference], runs_dir=tmp_path)
        assert member.run is not None
        assert alone.frame.equals(member.run.frame)
    assert [len(member.run.frame) for member in together if member.run] == [2, 2]
    event_file.with_name(f"{event_file.name}.yaml").write_text("label: Mine\n")
    assert len(load_runs([str(tmp_path / "tb" / "a")], runs_dir=tmp_path)[0].frame) == 2


def test_nan_and_infinity_are_logged_values(tmp_path: Path) -> None:
    """A diverged loss is handed over as infinity, so that it is not taken for a step without a value."""
    write_events(tmp_path, *(scalar_event("loss", s, v) for s, v in enumerate((1.0, math.nan, math.inf, -math.inf))))
    (log,) = tensorboard.load(tmp_path, columns={})
    assert log.frame["loss"].tolist() == [1.0, math.inf, math.inf, -math.inf]


def test_times_are_the_wall_times_of_the_events(tmp_path: Path) -> None:
    """Wall times arrive as UTC timestamps."""
    write_events(tmp_path, scalar_event("loss", 7, 1.0, wall=1.7e9 + 0.25))
    (log,) = tensorboard.load(tmp_path, columns={})
    assert log.frame["timestamp"].iloc[0].timestamp() == 1.7e9 + 7.25


def test_hyperparameters_come_from_the_plugin_the_yaml_and_texts(tmp_path: Path) -> None:
    """The hparams plugin, hparams.yaml, transformers' JSON text and CleanRL's table all become config."""
    with SummaryWriter(str(tmp_path / "run")) as writer:
        writer.add_scalar("loss", 1.0, 1)
        writer.add_text("args", json.dumps({"learning_rate": 5e-5, "seed": 42}))
        writer.add_text("hyperparameters", "|param|value|\n|-|-|\n|total_timesteps|1000|\n|anneal_lr|True|")
        writer.add_hparams({"batch_size": 8, "optimizer": "adam", "bias": False}, {"final": 0.5})
    (tmp_path / "run" / "hparams.yaml").write_text("warmup: 0.1\nseed: 1\n")
    (log,) = tensorboard.load(tmp_path / "run", columns={})
    expected = {"learning_rate": 5e-5, "seed": 1, "total_timesteps": 1000, "anneal_lr": True, "batch_size": 8}
    expected |= {"optimizer": "adam", "bias": False, "warmup": 0.1}
    assert {key: log.config[key] for key in expected} == expected
    assert log.files[-1].endswith("hparams.yaml")


def test_lightnings_placeholder_is_dropped_with_a_note(tmp_path: Path) -> None:
    """hp_metric = -1 is no metric; a log that holds nothing else is an error that says so."""
    write_events(tmp_path / "a", scalar_event("hp_metric", 0, -1.0), scalar_event("loss", 9, 0.5))
    (log,) = tensorboard.load(tmp_path / "a", columns={})
    assert table(log.frame) == {"loss": {9: 0.5}}
    assert [(d.column, d.count) for d in log.dropped] == [("hp_metric", 1)]
    write_events(tmp_path / "b", scalar_event("hp_metric", 0, -1.0))
    with pytest.raises(LogError, match="placeholder"):
        tensorboard.load(tmp_path / "b", columns={})


def test_add_scalars_below_a_run_is_part_of_it(tmp_path: Path) -> None:
    """PyTorch's add_scalars logs into sub-folders of the run, one a curve."""
    with SummaryWriter(str(tmp_path)) as writer:
        for step in range(3):
            writer.add_scalar("lr", 0.1, step)
            writer.add_scalars("loss", {"train": 1.0 * step, "valid": 2.0 * step}, step)
    found = read(tmp_path)
    curves = [values for tag, values in found.items() if tag != "lr"]
    assert sorted(values[2] for values in curves) == [2.0, 4.0]


def test_a_truncated_file_is_read_up_to_the_damage(tmp_path: Path) -> None:
    """Wherever the file is cut, all records before the cut are read and the cut is noted."""
    path = write_events(tmp_path, *(scalar_event("loss", s, s) for s in range(1, 200)))
    whole = path.read_bytes()
    ends, at = set(), 0
    while at < len(whole):
        at += int.from_bytes(whole[at : at + 8], "little") + 16
        ends.add(at)
    rng = np.random.default_rng(3)
    for size in sorted({int(s) for s in rng.integers(300, len(whole), 40)}):
        path.write_bytes(whole[:size])
        (log,) = tensorboard.load(tmp_path, columns={})
        assert table(log.frame) == oracle(tmp_path)
        assert any("cut off" in note for note in log.notes) == (size not in ends)


def test_a_flipped_bit_never_passes_as_a_value(tmp_path: Path) -> None:
    """With any byte changed the result is a part of the true points, or an error of one line."""
    path = write_events(tmp_path, *(scalar_event("loss", s, s) for s in range(1, 60)))
    whole = path.read_bytes()
    (log,) = tensorboard.load(tmp_path, columns={})
    truth = set(table(log.frame)["loss"].items())
    rng = np.random.default_rng(4)
    for _ in range(300):
        damaged = bytearray(whole)
        damaged[rng.integers(len(whole))] ^= 1 << int(rng.integers(8))
        path.write_bytes(damaged)
        try:
            (log,) = tensorboard.load(tmp_path, columns={})
        except LogError:
            continue
        assert set(table(log.frame)["loss"].items()) <= truth
        assert log.dropped or log.notes


def test_malformed_messages_in_sound_records_are_counted(tmp_path: Path) -> None:
    """Random payloads behind correct checksums give counts or a LogError, never another exception."""
    path = write_events(tmp_path, *(tensor_event("loss", s, s) for s in range(1, 30)))
    whole = path.read_bytes()
    rng = np.random.default_rng(5)
    for size in range(1, 120):
        payload = rng.integers(0, 256, (3, size), dtype=np.uint8)
        if size > 40:  # a sound beginning, so that the damage lies deep inside
            payload[:, :20] = np.frombuffer(whole[-60:-40], dtype=np.uint8)
        header = np.frombuffer(int(size).to_bytes(8, "little"), dtype=np.uint8)
        frames = [
            header.tobytes() + checksums(header[None]).tobytes() + row.tobytes() + checksums(row[None]).tobytes()
            for row in payload
        ]
        path.write_bytes(whole + b"".join(frames))
        (log,) = tensorboard.load(tmp_path, columns={})
        assert table(log.frame)["loss"].items() >= {s: float(s) for s in range(1, 30)}.items()


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "no scalar"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n", "git lfs pull"),
        (b"step,loss\n" * 20, "not an event file"),
        (b"\xff" * 4000, "not an event file"),
    ],
)
def test_files_that_are_no_event_files_give_a_clear_error(tmp_path: Path, content: bytes, said: str) -> None:
    """Empty files, Git LFS pointers and other content end in one line that names the file."""
    path = tmp_path / "events.out.tfevents.1.host"
    path.write_bytes(content)
    with pytest.raises(LogError, match=said) as caught:
        tensorboard.load(path, columns={})
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_checksums_agree_with_the_published_ones() -> None:
    """CRC-32C test vectors of RFC 3720, appendix B.4, and payloads longer than a block."""
    vectors = {bytes(32): 0x8A9136AA, b"\xff" * 32: 0x62A8AB43, bytes(range(32)): 0x46DD794E}
    for data, crc in vectors.items():
        masked = ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF
        assert int(checksums(np.frombuffer(data, dtype=np.uint8)[None])[0]) == masked
    from tensorboard.compat.tensorflow_stub.pywrap_tensorflow import masked_crc32c

    rng = np.random.default_rng(6)
    for length in (0, 1, 3, 4, 5, 4095, 4096, 4097, 9000):
        rows = rng.integers(0, 256, (2, length), dtype=np.uint8)
        assert [int(c) for c in checksums(rows)] == [masked_crc32c(r.tobytes()) & 0xFFFFFFFF for r in rows]


@pytest.mark.skipif(not CORPUS.is_dir(), reason="the corpus of real logs is not here")
def test_real_event_files_equal_the_reference_reader() -> None:
    """Every real event file gives exactly the points that TensorBoard's reader finds, or a stated error."""
    files = [p for p in sorted(CORPUS.rglob("*tfevents*")) if p.is_file()]
    assert files
    for path in files:
        expected = oracle(path.parent)
        if set(expected) <= {"hp_metric"}:
            with pytest.raises(LogError, match="hp_metric"):
                tensorboard.load(path, columns={})
            continue
        expected.pop("hp_metric", None)
        (log,) = tensorboard.load(path, columns={})
        found = table(log.frame, "validation/" if path.parent.name == "validation" else "")
        if "batch_loss" in expected:  # Keras: epochs are placed at their last batch, see above
            places = sorted({step for tag, points in found.items() if tag.startswith("epoch_") for step in points})
            epochs = [tag for tag in expected if tag.startswith("epoch_")]
            assert len(places) == max(len(expected[tag]) for tag in epochs)
            expected |= {tag: {places[s]: v for s, v in expected[tag].items()} for tag in epochs}
        elif any(tag.startswith("epoch_") for tag in expected):
            expected = {tag: points for tag, points in expected.items() if not tag.endswith("_vs_iterations")}
        assert found == expected, path
