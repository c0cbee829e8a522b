"""Experiments with the peer other than key generation, and `diqkd run`, through both node processes."""

import re
import subprocess
import sys
from pathlib import Path

import h5py
import numpy as np
import pytest

from node_bob.settings import BOB_QUBIT
from postprocess.characterisation.measured_link import read_measured_link
from postprocess.errors import ExitStatus
from procedures.calibration_file import read


def diqkd_run(*words):
    command = [sys.executable, "-m", "diqkd", "run", *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, timeout=300)


def newest_results(folder, node):
    return max(Path(folder).rglob(f"homes/{node}/results/**/*.h5"))


def results(folder, node):
    """Datasets of a node's newest results file."""
    with h5py.File(newest_results(folder, node)) as file:
        return {name: value[()] for name, value in file["datasets"].items()}


def test_link_characterisation(tmp_path):
    ended = diqkd_run(
        "characterise_link", "-o", "rounds=4000", "-o", "window=1000", "-o", "block_rounds=500",
        "--keep", tmp_path / "lab", "--seed", "5",
    )  # fmt: skip
    assert ended.returncode == ExitStatus.DONE, ended.stderr
    assert "Alice and Bob" in ended.stdout and "P(A, B | X, Y)" in ended.stdout and "Emulated apparatus" in ended.stdout
    found = [results(tmp_path / "lab", node) for node in ("alice", "bob")]
    for name in ("score", "qber", "total_score", "counts"):
        assert np.array_equal(*(each[f"diqkd.characterisation.{name}"] for each in found)), name
    one = found[0]
    error = one["diqkd.characterisation.total_score_error"]
    assert abs(one["diqkd.characterisation.total_score"] - 2.68) < 5 * error
    assert one["diqkd.characterisation.counts"].sum() == 4000
    assert one["diqkd.rounds.done"] == 4000 and b"exchanged" in one["diqkd.rounds.insecure_because"]
    link = read_measured_link(newest_results(tmp_path / "lab", "alice"))  # what `diqkd plan --from` reads
    assert link.apparatus == "emulated" and link.score.value == one["diqkd.characterisation.total_score"]
    assert link.score_at(0.95) < link.score.value and link.qber_at(0.95) > link.qber.value > 0
    assert 0 < link.rate_at(0.95) <= link.herald_rate.value and link.herald_rate.rounds >= 8


def test_phases_are_found_and_kept_by_bob_alone(tmp_path):
    """From a calibration file that is off by 1 rad; the measured phases do not depend on it."""
    words = ("calibrate_herald_phase", "-o", "pair_rounds=400", "--keep", tmp_path / "lab", "--seed", "5")
    ended = diqkd_run(*words)
    assert ended.returncode == ExitStatus.DONE, ended.stderr
    homes = tmp_path / "lab" / "homes"
    assert not (homes / "alice" / "calibration.json").exists()
    phases = read(homes / "bob" / "calibration.json")["qubit.pattern_phase"]["value"]
    errors = results(tmp_path / "lab", "bob")["diqkd.herald_phase.standard_error"]
    assert np.all(np.abs(np.array(phases) - BOB_QUBIT.pattern_phase) < 5 * errors)
    again = diqkd_run(*words[:-2])
    assert again.returncode == ExitStatus.DONE, again.stderr  # measured already: only exchanged and analysed again
    assert read(homes / "bob" / "calibration.json")["qubit.pattern_phase"]["value"] == phases


def test_tomography(tmp_path):
    options = ("pair_rounds=120", "resamplings=10", "block_rounds=120", "peer_timeout=120.0")
    ended = diqkd_run("tomography", *(word for option in options for word in ("-o", option)), "--seed", 5)
    assert ended.returncode == ExitStatus.DONE, ended.stderr
    fractions = [float(value) for value in re.findall(r"([\d.]+) \+- [\d.]+ %", ended.stdout)]
    assert len(fractions) == 4 and all(abs(fraction - 96) < 6 for fraction in fractions)


def test_the_list_and_the_arguments():
    listed = diqkd_run()
    assert listed.returncode == ExitStatus.DONE
    assert "generate_key " in listed.stdout and "Characterise the link with the peer" in listed.stdout
    told = diqkd_run("generate_key", "--arguments")
    assert "preset=paper" in told.stdout and "Bell-test round (1 to 255)" in told.stdout


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("nosuch",), "there are calibrate_"),
        (("tomography", "-o", "rounds=1"), "NAME one of name, pair_rounds"),
        (("tomography", "-o", "nothing"), "write NAME=VALUE"),
    ],
)
def test_bad_input_is_one_line(words, says):
    ended = diqkd_run(*words)
    assert ended.returncode == ExitStatus.BAD_INPUT
    assert says in ended.stderr and ended.stderr.count("\n") == 1
