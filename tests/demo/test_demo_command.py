"""`diqkd demo` as a user types it."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from postprocess.errors import ExitStatus
from postprocess.results.results_folder import kept_runs

ROOT = Path(__file__).resolve().parents[2]
KEYS = {
    "n", "measured_score", "measured_qber", "ell", "accepted", "abort_reason", "keys_equal", "apparatus", "insecure",
    "balance", "seconds",
}  # fmt: skip
SMALL = ("demo", "--rounds", "3000", "--gamma", "1/2", "--block-rounds", "500")


@pytest.fixture
def diqkd(tmp_path):
    """Runs a command in a folder of its own, where its results stay."""

    def run(*words):
        command = [sys.executable, "-m", "diqkd", *map(str, words)]
        environment = os.environ | {"PYTHONPATH": str(ROOT)}
        return subprocess.run(command, capture_output=True, text=True, timeout=300, cwd=tmp_path, env=environment)

    return run


def test_report_json_keep_and_resume(tmp_path, diqkd):
    words = (
        *SMALL,
        "--seed",
        "3",
        "--json",
        "--no-results",
        "--report",
        tmp_path / "r.json",
        "--keep",
        tmp_path / "run",
    )
    first = diqkd(*words)
    assert first.returncode == ExitStatus.DONE, first.stderr
    report = json.loads(first.stdout)
    assert report == json.loads((tmp_path / "r.json").read_text())
    assert not (tmp_path / "results").exists() and report["results"] is None
    assert set(report) >= KEYS
    assert report["accepted"] and report["keys_equal"] and report["n"] == 3000 and report["seconds"]["total"] > 0
    again = diqkd(*words)
    assert json.loads(again.stdout)["balance"] == report["balance"]
    other = diqkd("demo", "--rounds", "4000", "--gamma", "1/2", "--keep", tmp_path / "run")
    assert other.returncode == ExitStatus.BAD_INPUT
    assert "holds another session" in other.stderr and other.stderr.count("\n") == 1


def test_what_a_person_sees_says_emulated_and_insecure(tmp_path, diqkd):
    shown = diqkd(*SMALL)
    assert shown.returncode == ExitStatus.DONE, shown.stderr
    assert "identical" in shown.stdout and "Final shared key K1" in shown.stdout
    assert "not a secret key" in shown.stdout and shown.stdout.count("INSECURE") >= 2
    ((place, report),) = kept_runs(tmp_path / "results")
    assert f"{place.name}/alice.h5 and results/{place.name}/bob.h5" in shown.stdout
    assert report["outcome"].startswith("a new key of ") and report["session"]["accepted"]
    text = (place / "report.json").read_text()
    for private in ("measured", "abort_reason", "seconds", str(tmp_path), "/tmp"):  # Bob's record and the machine's
        assert private not in text
    listed = diqkd("results")
    assert listed.returncode == 0 and report["outcome"] in " ".join(listed.stdout.split())
    assert place.name in listed.stdout
    assert re.search(
        r"Measured S = \d\.\d{4} \+- \d\.\d{4}, Q = \d+\.\d\d \+- \d\.\d\d %", shown.stdout
    )  # usability case 25


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("demo", "--rounds", "10"), "rounds = 10"),
        (("demo", "--rounds", "2000"), "too few"),
        (("demo", "--bases", "2"), "no proof for sessions with two key bases"),
        (("demo", "--seed", "-1"), "--seed: '-1' is not a whole number"),
        (("demo", "--report", "no/such/folder/r.json"), "create it first"),
    ],
)
def test_bad_input_is_one_line(words, says, diqkd):
    ended = diqkd(*words)
    assert ended.returncode == ExitStatus.BAD_INPUT
    assert says in ended.stderr and ended.stderr.count("\n") == 1
