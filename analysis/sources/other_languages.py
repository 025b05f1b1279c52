"""Translate the words of a log in other languages: 训练损失, Validierungsverlust, perte d'entraînement."""

from __future__ import annotations

import re
from collections.abc import Sequence

from analysis.sources.metric_aliases import plain

EPOCHS = frozenset(
    {
        *("epoche", "época", "epoca", "époque", "epoka", "эпоха", "轮次", "轮数", "轮", "周期", "エポック"),
        *("에폭", "에포크"),
    }
)
"""Words for an epoch, in the form of `metric_aliases.plain`."""
_CJK = {
    "train": "训练集?|訓練|学習(?=損失|精度|誤差)|훈련|학습(?= ?(?:손실|정확도))",
    "val": "验证集?|驗證集?|検証|검증",
    "test": "测试集?|測試集?|テスト|테스트",
    "avg": "平均",
    "loss": "损失函?数?值?|損失值?|손실",
    "accuracy": "准确率|准确度|正确率|準確率|精度|正解率|정확도",
    "step": "步数|迭代次数|迭代|ステップ|스텝",
    "lr": "学习率|學習率|学習率|학습률",
}
_PARTS = [f"(?P<{word}>{forms})" for word, forms in _CJK.items()]
_CHAIN = re.compile(rf"(?<![A-Za-z])(?:(?:{'|'.join(_CJK.values())})[上的 ]{{0,2}})+")
_ONE = re.compile("|".join(_PARTS))
_WORDS = (
    *(("train", set_) for set_ in ("Trainings?", "Trainings-")),
    *(("val", set_) for set_ in ("Validierungs?", "Validierungs-", "Validations?")),
    ("test", "Tests?"),
)
_PHRASES: tuple[tuple[str, str], ...] = (
    *((f"{word} loss", rf"{form}[vV]erlust") for word, form in _WORDS),
    *((f"{word} accuracy", rf"{form}[gG]enauigkeit") for word, form in _WORDS),
    ("loss", "Verlust"),
    ("accuracy", "Genauigkeit"),
    ("lr", "Lernrate"),
    ("step", "Schritt"),
    *(
        (f"{word} {what}".strip(), rf"{name}{of}")
        for what, name in (
            ("loss", "(?:[pP](?:erte|[eé]rdida|erda|erdita))"),
            ("accuracy", "(?:[eE]xactitude?|[aA]cur[aá]cia|[aA]ccuratezza)"),
        )
        for word, of in (
            ("train", r" (?:d['’]|de |di |en )(?:entra[iî]nement|entrenamiento|treinamento|treino|addestramento)"),
            ("val", r" (?:de |di |en )(?:validation|validaci[oó]n|valida[cç][aã]o|validazione)"),
            ("test", r" (?:de |di |en )(?:test|prueba|teste)"),
            ("", ""),
        )
    ),
    ("train loss", r"[пП]отери на (?:обучении|тренировке|трейне)"),
    ("val loss", r"[пП]отери на валидации"),
    ("test loss", r"[пП]отери на тесте"),
    ("loss", r"[пП]отери|[фФ]ункция потерь|[лЛ]осс"),
)
_PHRASE = re.compile(r"\b(?:" + "|".join(f"(?P<p{at}>{form})" for at, (_, form) in enumerate(_PHRASES)) + r")\b")
_SIGNS = (
    "erlust",
    "enauigkeit",
    "Lernrate",
    "Schritt",
    "erte",
    "erdida",
    "erda",
    "erdita",
    "xactitud",
    "curacia",
    "ccuratezza",
)
"""Parts of the words that are plain ASCII: other ASCII texts need no search."""
_SAMPLE = 200_000  # characters
_WIDE = str.maketrans({"：": ": ", "，": ", ", "；": "; ", "（": " (", "）": ") ", "％": "%", "＝": "="})


def in_english(text: str) -> tuple[str, tuple[str, ...]]:
    """Return a text with the words for losses, scores and data sets in English, and a note that lists them.

    >>> in_english("第3轮 训练损失：1.9")
    ('第3轮 train loss: 1.9', ('read in English: 训练损失 as train loss',))
    """
    head = text[:_SAMPLE]
    if head.isascii() and not any(sign in head for sign in _SIGNS):
        return text, ()
    said: dict[str, str] = {}

    def chain(found: re.Match[str]) -> str:
        words = " ".join(str(one.lastgroup) for one in _ONE.finditer(found[0]))
        said.setdefault(found[0].strip(), words)
        behind = text[found.end() : found.end() + 1]
        before = text[max(found.start() - 1, 0) : found.start()]
        return " " * (before.isalnum()) + words + " " * (behind.isalnum() or found[0][-1] == " ")

    def phrase(found: re.Match[str]) -> str:
        words = _PHRASES[int(str(found.lastgroup)[1:])][0]
        return said.setdefault(found[0], words)

    if _ONE.search(head):
        text = _CHAIN.sub(chain, text)
    text = _PHRASE.sub(phrase, text)
    return (text.translate(_WIDE), (_note(said),)) if said else (text, ())


def columns_in_english(names: Sequence[str]) -> tuple[dict[str, str], tuple[str, ...]]:
    """Return the English names of columns in other languages, by column, and a note; empty if names would clash."""
    read = {name: "epoch" if plain(name) in EPOCHS else in_english(name)[0] for name in names}
    own = {name: english for name, english in read.items() if english != name}
    if not own or len({*own.values(), *names}) < len(own) + len(names):
        return {}, ()
    return own, (_note(own),)


def _note(said: dict[str, str]) -> str:
    return f"read in English: {', '.join(f'{own} as {english}' for own, english in list(said.items())[:8])}"
