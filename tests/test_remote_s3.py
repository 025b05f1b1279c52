"""The command line with logs and reports on S3: a server process on this machine that speaks its protocol."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from analysis.publish.forked import fork_is_safe
from tests import warm
from tests.builders import ROOT, RUN_IDS

pytestmark = pytest.mark.skipif(not fork_is_safe(), reason="forking is not safe on this system")

SECRET = "wJalrXUtnFEMIEXAMPLEKEY"


SERVE = """
from signal import pause
from moto.server import ThreadedMotoServer
server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
server.start()
print(server.get_host_and_port()[1], flush=True)
pause()
"""


@pytest.fixture(scope="module")
def environment() -> Iterator[dict[str, str]]:
    """What a process needs to reach the server, which runs meanwhile."""
    pytest.importorskip("moto", reason="the S3 server for tests (moto) is not installed")
    pytest.importorskip("s3fs", reason="s3fs is not installed: pip install 'run-reports[remote]'")
    keys = {"AWS_ACCESS_KEY_ID": "AKIAEXAMPLE", "AWS_SECRET_ACCESS_KEY": SECRET, "AWS_DEFAULT_REGION": "us-east-1"}
    server = subprocess.Popen(
        [sys.executable, "-c", SERVE], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    try:
        assert server.stdout is not None
        port = int(server.stdout.readline())
        path = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
        yield {**os.environ, **keys, "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}", "PYTHONPATH": path}
    finally:
        server.kill()
        server.communicate()


@pytest.fixture
def bucket(environment: dict[str, str]) -> Iterator[Any]:
    """A bucket with the sample runs."""
    boto3 = pytest.importorskip("boto3", reason="S3's client is not installed: pip install 'run-reports[remote]'")
    s3 = boto3.resource(
        "s3",
        endpoint_url=environment["AWS_ENDPOINT_URL"],
        aws_access_key_id=environment["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=SECRET,
        region_name="us-east-1",
    )
    bucket = s3.create_bucket(Bucket="team")
    for run_id in RUN_IDS:
        for ending in (".csv", ".yaml"):
            bucket.upload_file(str(ROOT / "runs" / f"{run_id}{ending}"), f"runs/{run_id}{ending}")
    yield bucket
    bucket.objects.delete()
    bucket.delete()
    s3.meta.client.close()


def command(*arguments: str, environment: dict[str, str], cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*warm.command(), *arguments], cwd=cwd, env=environment, capture_output=True, text=True)


def contents(bucket: Any, prefix: str) -> dict[str, bytes]:
    found = bucket.objects.filter(Prefix=prefix)
    return {one.key.removeprefix(prefix): one.get()["Body"].read() for one in found}


def test_a_report_of_logs_on_s3_lands_on_s3(bucket: Any, environment: dict[str, str], tmp_path: Path) -> None:
    """Its parts, the index, the URLs it names; no secret, no copy of anything here."""
    asked = ("run_3", "run_4", "--runs-dir", "s3://team/runs", "--out", "s3://team/reports", "--date", "2025-09-11")
    done = command("report", *asked, environment=environment, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "s3://team/reports/run_4/report.pdf" in done.stdout.splitlines()
    made = contents(bucket, "reports/")
    assert {"index.html", "run_4/report.html", "run_4/report.pdf", "run_4/.made.json"} <= set(made)
    (row,) = json.loads(made["index.json"])["reports"].values()
    assert {"report.html", "report.pdf"} <= set(row["shown"]["files"])
    assert b'"run_4":{' in made["index.html"]
    assert b"s3://team/runs" in made["run_4/report.html"]
    for name, content in made.items():
        assert SECRET.encode() not in content, name
        assert b"/run-reports-" not in content, name
    assert bucket.Object("reports/run_4/report.html").content_type.startswith("text/html")
    assert list(tmp_path.iterdir()) == []


def test_a_killed_batch_goes_on_where_it_was(bucket: Any, environment: dict[str, str], tmp_path: Path) -> None:
    """It ends with the files of one that was never killed, and then has nothing more to do."""
    sets = [
        {"run_ids": [f"s3://team/runs/{r}.csv"], "runs_dir": "s3://team/runs", "date": "2025-09-11"} for r in RUN_IDS
    ]
    (tmp_path / "sets.yaml").write_text(json.dumps(sets))
    asked = ("batch", "sets.yaml", "--out", "s3://team/reports", "--pdf", "none", "--json")
    words = [sys.executable, "-m", "analysis", *asked]
    with subprocess.Popen(words, cwd=tmp_path, env=environment, stdout=subprocess.PIPE, text=True) as batch:
        assert batch.stdout is not None
        while '"done"' not in batch.stdout.readline():
            assert batch.poll() is None
        batch.kill()
    again = command(*asked, environment=environment, cwd=tmp_path)
    ended = {
        event["report"]: event["event"] for event in map(json.loads, again.stdout.splitlines()) if "report" in event
    }
    assert set(ended) == set(RUN_IDS)
    assert list(ended.values()).count("skipped") >= 1
    made = contents(bucket, "reports/")
    third = command(*asked, environment=environment, cwd=tmp_path)
    assert json.loads(third.stdout.splitlines()[-1]).items() >= {"skipped": 3, "done": 0, "failed": 0}.items()
    assert command(*asked, "--force", environment=environment, cwd=tmp_path).returncode == 0
    there = contents(bucket, "reports/")
    assert reports(there) == reports(made)
    assert set(json.loads(there["index.json"])["reports"]) == set(RUN_IDS)


def reports(made: dict[str, bytes]) -> dict[str, bytes]:
    return {name: content for name, content in made.items() if name.startswith("run_")}


def test_what_is_not_there_is_one_line(bucket: Any, environment: dict[str, str], tmp_path: Path) -> None:
    """A log, a bucket, a key that is wrong."""
    said = command("report", "run_9", "--runs-dir", "s3://team/runs", environment=environment, cwd=tmp_path)
    assert said.returncode == 2
    assert said.stderr.startswith("error: no run 'run_9'")
    assert "there are run_2, run_3, run_4" in said.stderr
    said = command("report", "s3://nobody/x.csv", environment=environment, cwd=tmp_path)
    assert (said.returncode, said.stderr.count("\n")) == (2, 1)
    assert "s3://nobody/x.csv" in said.stderr
    gone = {**environment, "AWS_ENDPOINT_URL": "http://127.0.0.1:9", "AWS_MAX_ATTEMPTS": "1"}
    said = command("report", "s3://team/runs/run_2.csv", environment=gone, cwd=tmp_path)
    assert (said.returncode, said.stderr.count("\n")) == (2, 1)
    assert "cannot be reached" in said.stderr
