"""What Keras prints: one row an epoch, whatever it draws in between and behind."""

from __future__ import annotations

from pathlib import Path

import pytest

from analysis.core.run import Run
from analysis.sources import load_runs

EPOCHS = (1, 2, 3)
LOSSES, VALID = [1.8, 1.7, 1.6], [2.8, 2.7, 2.6]
VALUES = [f"accuracy: 0.{e} - loss: {loss}" for e, loss in zip(EPOCHS, LOSSES, strict=True)]
VALIDATED = [
    f"{shown} - val_accuracy: 0.0{e} - val_loss: {VALID[e - 1]}" for e, shown in zip(EPOCHS, VALUES, strict=True)
]
TEST = "accuracy: 0.47 - loss: 1.45"


def bar(values: str, batches: int, version: int) -> str:
    """Return what is drawn of all batches: Keras 3 first draws the running values once more, in colours."""
    if version == 1:  # verbose=2
        return f"{batches}/{batches} - 5s - 50ms/step - {values}\n"
    if version == 2:
        return (
            f"\r 9/{batches} [>....] - ETA: 1s - loss: 9.9\r{batches}/{batches} [=======] - 5s 50ms/step - {values}\n"
        )
    drawn = f"\x1b[1m{batches}/{batches}\x1b[0m \x1b[32m━━━━━━━\x1b[0m\x1b[37m\x1b[0m"
    running = "accuracy: 0.9 - loss: 9.9"
    return f"\r{drawn} \x1b[1m0s\x1b[0m 9ms/step - {running}\r{drawn} \x1b[1m5s\x1b[0m 9ms/step - {values}\n"


def printed(values: list[str], version: int, behind: str = "") -> str:
    return "".join(f"Epoch {e}/3\n{bar(one, 100, version)}" for e, one in enumerate(values, start=1)) + behind


def read(folder: Path, text: str) -> tuple[Run, ...]:
    (folder / "train.log").write_text(text)
    return load_runs(["train.log"], runs_dir=folder)


@pytest.mark.parametrize("version", [1, 2, 3])
@pytest.mark.parametrize("values", [VALUES, VALIDATED])
@pytest.mark.parametrize("evaluated", [False, True])
def test_an_epoch_is_one_row_and_an_evaluation_behind_it_no_training(
    version: int, values: list[str], evaluated: bool, tmp_path: Path
) -> None:
    """The last loss of the training is that of the last epoch, not what evaluate() drew."""
    (run,) = read(tmp_path, printed(values, version, bar(TEST, 313, version) if evaluated else ""))
    assert (run.steps_of("train_loss").tolist(), run.series("train_loss").tolist()) == ([1, 2, 3], LOSSES)
    if values is VALIDATED:
        assert run.series("full_valid_loss").tolist() == VALID
    assert ("test_loss" in run.metrics) == evaluated
    if evaluated:
        assert (run.steps_of("test_loss").tolist(), run.series("test_loss").tolist()) == ([3], [1.45])


def test_what_is_printed_of_an_evaluation_once_more_is_one_measurement(tmp_path: Path) -> None:
    (run,) = read(tmp_path, printed(VALIDATED, 3, bar(TEST, 313, 3) + "Test loss: 1.4523\nTest accuracy: 0.4712\n"))
    assert run.series("test_loss").tolist() == [1.45]


def test_of_two_evaluations_none_is_chosen(tmp_path: Path) -> None:
    (run,) = read(tmp_path, printed(VALUES, 1, bar(TEST, 313, 1) + bar("accuracy: 0.6 - loss: 1.2", 100, 1)))
    assert (run.metrics, len(run.frame)) == (("train_mean_token_accuracy", "train_loss"), 3)
    assert any("2 full bars behind that of their epoch are not read" in note for note in run.notes)


def test_predictions_are_no_evaluation(tmp_path: Path) -> None:
    (run,) = read(tmp_path, printed(VALUES, 3, "10/10 [=======] - 0s 5ms/step\n"))
    assert run.series("train_loss").tolist() == LOSSES
    assert not any("taken for test data" in note for note in run.notes)


@pytest.mark.parametrize("tested", [(0,), (1,), (0, 1)])
def test_each_of_several_trainings_has_its_own_result(tested: tuple[int, ...], tmp_path: Path) -> None:
    """A result belongs to the training above it, whether or not the others have one."""
    texts = [f"Fold {k}\n" + printed(VALIDATED, 2) + f"Test accuracy: 0.{90 + k}\n" * (k in tested) for k in (0, 1)]
    runs = read(tmp_path, "".join(texts))
    found = {k: run.series("Test accuracy").tolist() for k, run in enumerate(runs) if "Test accuracy" in run.metrics}
    assert found == {k: [0.9 + k / 100] for k in tested}
