"""Secrets and personal names never get past the reading."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest

from analysis.core.errors import AnalysisError
from analysis.core.redact import REDACTED, redact, redact_text
from analysis.sources import resolve

SECRETS = [
    "sk-" + "proj-abcdefghijklmnop1234",
    "hf_" + "abcdefghijklmnopqrstuvwx",
    "AKIA" + "ABCDEFGHIJKLMNOP",
    "ghp_" + "abcdefghijklmnopqrstuvwxyz0123456789",
    "github_pat_" + "11ABCDEFG0abcdefghij_klmnop",
    "xoxb-" + "123456789012-abcdefghij",
    "AIza" + "SyA1234567890abcdefghijklmnopqrstuv",
    "eyJhbGciOiJIUzI1NiJ9." + "eyJzdWIiOiIxMjM0NTY3ODkwIn0.abc_def-ghi",
    "-----BEGIN RSA PRIVATE KEY-----\nMIIEow\n-----END RSA PRIVATE KEY-----",
    "jane.doe+lab@example.ac.uk",
]


@pytest.mark.parametrize("secret", SECRETS)
def test_a_secret_is_known_by_its_shape_anywhere(secret: str) -> None:
    """In the middle of a text, in a list, under an innocent key."""
    for value in (f"before {secret} after", [1, {"note": secret}], {"model": f"x/{secret}"}):
        assert secret not in repr(redact(value)).replace("\\n", "\n")


@pytest.mark.parametrize("secret", SECRETS[:7])
def test_a_key_is_known_behind_an_underscore(secret: str) -> None:
    """As in the name of a folder."""
    assert redact_text(f"logs_{secret}/run.csv") == f"logs_{REDACTED}/run.csv"


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("password", 12345678),
        ("wandb_api_key", "0123456789abcdef0123456789abcdef01234567"),
        ("apiKey", "short"),
        ("hub_token", "anything-long-enough"),
        ("AWS_SECRET_ACCESS_KEY", "wJalrXUtnFEMI"),
        ("db.passwd", "x"),
        ("client-secret", {"nested": "value"}),
        ("Authorization", "Basic dXNlcjpwYXNz"),
        ("email", "not-even-an-address"),
        ("hostname", "gpu-node-7"),
        ("username", "jane"),
    ],
)
def test_a_value_is_secret_by_its_key(key: str, value: Any) -> None:
    """Whatever stands under such a key is blanked, of any type."""
    assert redact({key: value}) == {key: REDACTED}


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("max_tokens", 512),
        ("eos_token", "<|endoftext|>"),
        ("pad_token", "[PAD]"),
        ("tokenizer", "bert-base-uncased-long-name"),
        ("num_input_tokens_seen", 0),
        ("token", True),
        ("push_to_hub", False),
        ("key", 3),
        ("num_key_value_heads", 8),
        ("keys", ["a", "b"]),
        ("hosts", 4),
        ("optimizer", "adamw_torch"),
        ("sha", "7d41cee7ae57ac756ebf18878e12c4f71441a43859c81172c4ddc718a91697da"),
        ("learning_rate", 5e-5),
        ("password", None),
    ],
)
def test_settings_that_only_look_like_secrets_stay(key: str, value: Any) -> None:
    """A report without its tokenizer and token counts would be worth less."""
    assert redact({key: value}) == {key: value}


@pytest.mark.parametrize(
    ("text", "kept", "gone"),
    [
        ("postgresql://joe:pw123@db.example.org/mlflow", "db.example.org/mlflow", "pw123"),
        ("https://joe:p@ss@db.example.org/x", "db.example.org/x", "ss"),
        ("s3://AKEY:wJa/lr+X==@team/runs", "s3://", "lr+X"),
        ("https://host:8080/runs#access_token=abc&x=1", "host:8080/runs#", "abc"),
        ("curl -H 'Authorization: Basic am9lOnB3' https://host", "https://host", "am9lOnB3"),
        ("https://host/log.csv?sig=abc%2Bdef&step=3", "step=3", "abc%2Bdef"),
        ("https://host/a?X-Amz-Signature=deadbeef&x=1", "x=1", "deadbeef"),
        ("train.py --lr 0.1 --api-key s3cr3tvalue --seed 3", "--seed 3", "s3cr3tvalue"),
        ("train.py --hf_token=s3cr3tvalue --lr 0.1", "--lr 0.1", "s3cr3tvalue"),
        ("Server=x;AccountKey=Zm9vYmFyYmF6==;Timeout=3", "Timeout=3", "Zm9vYmFy"),
        ("--password hunter2 --lr 1", "--lr 1", "hunter2"),
        ("the password: hunter2, for all", ", for all", "hunter2"),
        ("curl -H 'Authorization: Bearer abcdef0123456789'", "curl", "abcdef0123456789"),
    ],
)
def test_secrets_inside_texts_go_and_the_rest_stays(text: str, kept: str, gone: str) -> None:
    """URLs and command lines remain readable without their credentials."""
    clean = redact_text(text)
    assert kept in clean
    assert gone not in clean


@pytest.mark.parametrize(
    "text",
    [
        "improve mean token accuracy by 3%",
        "next token prediction without a secret ingredient",
        "credentials checked, signature verified, password protected",
        "--max-tokens 512 --tokenizer bert-base-uncased --key-value-heads 8",
        "train/mean_token_accuracy, rewards/accuracies, mAP@0.5:0.95, Acc@1",
        "C:\\runs\\a.csv and s3://bucket/a@b.c/x",
        "http://localhost:5000/#/experiments/1@2 and http://[::1]:5000/x",
        "a task-specific-fine-tuning-objective and disk-abcdefghijklmnopqrst",
        "https://host/x?token=[redacted]: no source reads this URL; password: [redacted], --api-key [redacted]: no",
    ],
)
def test_ordinary_words_stay(text: str) -> None:
    """A goal that speaks of token accuracy is no secret."""
    assert redact_text(text) == text


@pytest.mark.parametrize(
    "part",
    [
        "a",
        "a.",
        "-",
        "token",
        "--token",
        "a@",
        "eyJ",
        "-eyJabcdefgh",
        "://",
        "://a:",
        "password: ",
        "authorization: a",
        " ",
    ],
)
def test_a_long_text_is_looked_through_once(part: str) -> None:
    """A configuration may hold a megabyte of anything; a search that begins anew at each letter would take hours."""
    text = part * (1_000_000 // len(part))
    began = time.process_time()
    redact_text(text)
    assert time.process_time() - began < 5


def test_an_argument_list_loses_the_value_behind_a_secret_flag() -> None:
    """W&B and scripts keep ``sys.argv`` as a list."""
    assert redact(["--lr", "0.1", "--api-key", "anything", "x"]) == ["--lr", "0.1", "--api-key", REDACTED, "x"]


def test_redaction_is_stable_and_leaves_the_input_alone() -> None:
    """Twice redacted is once redacted, and the caller's configuration is not changed."""
    given = {"a": ["jane@example.org"], "b": {"token": "abcdefghijkl"}}
    once = redact(given)
    assert redact(once) == once
    assert given == {"a": ["jane@example.org"], "b": {"token": "abcdefghijkl"}}


def test_no_secret_of_a_reference_or_sidecar_reaches_a_run_or_a_message(tmp_path: Path) -> None:
    """What is stored and what is said are both clean."""
    secret = "sk-" + "abcdefghijklmnopqrstuv"
    (tmp_path / "run_1.csv").write_text("step,train_loss\n1,0.5\n", encoding="utf-8")
    (tmp_path / "run_1.yaml").write_text(
        f"label: {secret}\nconfig: {{note: {secret}, api_key: abc}}\nowner: jane@example.org\ngoal: {secret}\n",
        encoding="utf-8",
    )
    (run,) = resolve("run_1", runs_dir=tmp_path)
    assert secret not in repr(run)
    assert "jane@example.org" not in repr(run)
    assert run.config["api_key"] == REDACTED
    with pytest.raises(AnalysisError) as caught:
        resolve(f"https://joe:hunter22@host/run.csv?token={secret}", runs_dir=tmp_path)
    assert "hunter22" not in str(caught.value)
    assert secret not in str(caught.value)
