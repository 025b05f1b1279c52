"""Logs whose words for losses and sets are not English; what may be two things is left as it is."""

from __future__ import annotations

from pathlib import Path

import pytest

from analysis.sources.other_languages import in_english
from tests.sources.test_printed_kinds import EPOCHS, LOSSES, ROWS, VALID, only


@pytest.mark.parametrize(
    "line",
    [
        "第{e}轮 训练损失: {t} 验证损失: {v} 学习率: 0.1",
        "轮次 {e}/6，训练集上的平均损失：{t}，验证集损失：{v}",
        "Epoch {e}/6 训练 loss: {t}, 验证 loss: {v}",
        "エポック {e} 訓練損失 {t} 検証損失 {v}",
        "에포크 {e}: 훈련 손실 {t}, 검증 손실 {v}",
        "Epoche {e}/6 - Trainingsverlust: {t} - Validierungsverlust: {v}",
        "Époque {e} : perte = {t}, perte de validation = {v}",
        "Época {e}: pérdida de entrenamiento {t}, pérdida de validación {v}",
        "Эпоха {e}: потери {t}, потери на валидации {v}",
    ],
)
def test_losses_by_their_names_in_other_languages(line: str, tmp_path: Path) -> None:
    run = only(tmp_path, "\n".join(line.format(e=e, t=t, v=v) for e, t, v in ROWS))
    assert run.frame["train_loss"].tolist() == LOSSES
    assert run.frame["full_valid_loss"].tolist() == VALID
    assert run.frame["step"].tolist() == list(EPOCHS)
    assert any(note.startswith("read in English: ") for note in run.notes)


@pytest.mark.parametrize("head", ["轮次,训练损失,验证损失", "Epoche;Trainingsverlust;Validierungsverlust"])
def test_columns_by_their_names_in_other_languages(head: str, tmp_path: Path) -> None:
    mark = ";" if ";" in head else ","
    run = only(tmp_path, "\n".join([head, *(mark.join(map(str, row)) for row in ROWS)]), "a.csv")
    assert run.frame["train_loss"].tolist() == LOSSES
    assert run.frame["full_valid_loss"].tolist() == VALID
    assert run.frame["step"].tolist() == list(EPOCHS)


@pytest.mark.parametrize("text", ["precisión 0.5", "точность 0.5", "epoch 1 loss 0.5 █████", "expertelo"])
def test_other_words_stay(text: str) -> None:
    """Of precisión and точность nobody can tell whether they are precision or accuracy."""
    assert in_english(text) == (text, ())
