"""`diqkd demo` as a user types it."""

import json
import subprocess
import sys

import pytest

from postprocess.errors import ExitStatus

KEYS = {
    "n", "measured_score", "measured_qber", "ell", "accepted", "abort_reason", "keys_equal", "apparatus", "insecure",
    "balance", "seconds",
}  # fmt: skip
SMALL = ("demo", "--rounds", "3000", "--gamma", "1/2", "--block-rounds", "500")


def diqkd(*words):
    command = [sys.executable, "-m", "diqkd", *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, timeout=300)


def test_report_json_keep_and_resume(tmp_path):
    words = (*SMALL, "--seed", "3", "--json", "--report", tmp_path / "r.json", "--keep", tmp_path / "run")
    first = diqkd(*words)
    assert first.returncode == ExitStatus.DONE, first.stderr
    report = json.loads(first.stdout)
    assert report == json.loads((tmp_path / "r.json").read_text())
    assert set(report) >= KEYS
    assert report["accepted"] and report["keys_equal"] and report["n"] == 3000 and report["seconds"]["total"] > 0
    again = diqkd(*words)
    assert json.loads(again.stdout)["balance"] == report["balance"]
    other = diqkd("demo", "--rounds", "4000", "--gamma", "1/2", "--keep", tmp_path / "run")
    assert other.returncode == ExitStatus.BAD_INPUT
    assert "holds another session" in other.stderr and other.stderr.count("\n") == 1


def test_what_a_person_sees_says_emulated_and_insecure():
    shown = diqkd(*SMALL)
    assert shown.returncode == ExitStatus.DONE, shown.stderr
    assert "identical" in shown.stdout and "Final shared key K1" in shown.stdout
    assert "not a secret key" in shown.stdout and shown.stdout.count("INSECURE") >= 2


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("demo", "--rounds", "10"), "rounds = 10"),
        (("demo", "--rounds", "2000"), "too few"),
        (("demo", "--preset", "longest"), "the nodes measure one key basis only"),
        (("demo", "--bases", "2"), "the nodes measure one key basis only"),
        (("demo", "--seed", "-1"), "--seed: '-1' is not a whole number"),
        (("demo", "--report", "no/such/folder/r.json"), "create it first"),
    ],
)
def test_bad_input_is_one_line(words, says):
    ended = diqkd(*words)
    assert ended.returncode == ExitStatus.BAD_INPUT
    assert says in ended.stderr and ended.stderr.count("\n") == 1
