"""Experiments with the peer other than key generation, and `diqkd run`, through both node processes."""

import os
import re
import subprocess
import sys
from pathlib import Path

import h5py
import numpy as np
import pytest

from diqkd.main import build_parser
from diqkd.run_command import run as run_command
from node_bob.settings import BOB_QUBIT
from postprocess.characterisation.measured_link import read_measured_link
from postprocess.errors import ExitStatus, InvalidInput
from postprocess.results.results_folder import kept_runs
from postprocess.results.self_description import read_public
from procedures.calibration_file import read
from testbed.standin.experiment_catalogue import scan
from tests.results.described_files import assert_described

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def diqkd_run(tmp_path):
    """Runs `diqkd run` in a folder of its own, where its results stay."""

    def run(*words):
        command = [sys.executable, "-m", "diqkd", "run", *map(str, words)]
        environment = os.environ | {"PYTHONPATH": str(ROOT)}
        return subprocess.run(command, capture_output=True, text=True, timeout=300, cwd=tmp_path, env=environment)

    return run


def kept_results(folder):
    """(report, {node: datasets}) of the one run whose results were kept; every file describes itself."""
    ((place, report),) = kept_runs(folder / "results")
    for path in place.glob("*.h5"):
        assert_described(path)
    return report, {path.stem: read_public(path) for path in place.glob("*.h5")}


def newest_results(folder, node):
    return max(Path(folder).rglob(f"homes/{node}/results/**/*.h5"))


def results(folder, node):
    """Datasets of a node's newest results file."""
    with h5py.File(newest_results(folder, node)) as file:
        return {name: value[()] for name, value in file["datasets"].items()}


def test_link_characterisation(tmp_path, diqkd_run):
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
    counts, blocks = one["diqkd.characterisation.counts"], one["diqkd.characterisation.block_counts"]
    assert counts.sum() == 4000 and np.array_equal(blocks.sum(axis=0), counts.sum(axis=0))
    assert blocks.sum(axis=(1, 2, 3, 4)).tolist() == 8 * [500]
    line = one["diqkd.rounds.timeline_rounds"]
    assert line[0] == 1 and line[-1] == 4000 and (np.diff(one["diqkd.rounds.timeline_s"]) >= 0).all()
    assert one["diqkd.rounds.done"] == 4000 and b"exchanged" in one["diqkd.rounds.insecure_because"]
    link = read_measured_link(newest_results(tmp_path / "lab", "alice"))  # what `diqkd plan --from` reads
    assert link.apparatus == "emulated" and link.score.value == one["diqkd.characterisation.total_score"]
    assert link.score_at(0.95) < link.score.value and link.qber_at(0.95) > link.qber.value > 0
    assert 0 < link.rate_at(0.95) <= link.herald_rate.value and link.herald_rate.rounds == 8
    report, kept = kept_results(tmp_path)
    for name, value in one.items():  # what is kept is what the laboratory has
        assert name == "diqkd.description" or np.array_equal(kept["alice"][name], read_as_text(value), equal_nan=False)
    assert report["outcome"].startswith("S = 2.") and "4 000 rounds" in report["outcome"]
    assert ended.stdout.count("results/") == 2 and f"{report['files'][0]}" in ended.stdout


def read_as_text(value):
    return value.decode() if isinstance(value, bytes) else value


def test_phases_are_found_and_kept_by_bob_alone(tmp_path, diqkd_run):
    """From a calibration file that is off by 1 rad; the measured phases do not depend on it."""
    words = ("calibrate_herald_phase", "-o", "pair_rounds=400", "--keep", tmp_path / "lab", "--seed", "5")
    ended = diqkd_run(*words)
    assert ended.returncode == ExitStatus.DONE, ended.stderr
    homes = tmp_path / "lab" / "homes"
    assert not (homes / "alice" / "calibration.json").exists()
    phases = read(homes / "bob" / "calibration.json")["qubit.pattern_phase"]["value"]
    first = results(tmp_path / "lab", "bob")
    errors = first["diqkd.herald_phase.standard_error"]
    assert np.all(np.abs(np.array(phases) - BOB_QUBIT.pattern_phase) < 5 * errors)
    again = diqkd_run(*words[:-2])
    assert again.returncode == ExitStatus.DONE, again.stderr  # measured already: only exchanged and analysed again
    second = results(tmp_path / "lab", "bob")  # usability case 12: it describes all rounds, too
    assert first["diqkd.rounds.done"] == first["diqkd.rounds.total"] == first["diqkd.rounds.pattern_counts"].sum()
    for name in ("total", "done", "pattern_counts", "herald_rate_hz", "remaining_s", "status", "plans"):
        assert np.array_equal(first[f"diqkd.rounds.{name}"], second[f"diqkd.rounds.{name}"]), name
    assert read(homes / "bob" / "calibration.json")["qubit.pattern_phase"]["value"] == phases


def test_tomography(tmp_path, diqkd_run):
    options = ("pair_rounds=120", "resamplings=10", "block_rounds=120", "peer_timeout=120.0")
    ended = diqkd_run("tomography", *(word for option in options for word in ("-o", option)), "--seed", 5)
    assert ended.returncode == ExitStatus.DONE, ended.stderr
    fractions = [float(value) for value in re.findall(r"([\d.]+) \+- [\d.]+ %", ended.stdout)]
    assert len(fractions) == 4 and all(abs(fraction - 96) < 6 for fraction in fractions)
    report, kept = kept_results(tmp_path)  # usability cases 6 and 12: the results stay, and are those of all parts
    rounds = kept["bob"]["diqkd.rounds.done"]
    assert rounds == kept["bob"]["diqkd.rounds.total"] == kept["bob"]["diqkd.rounds.pattern_counts"].sum() == 25 * 120
    assert kept["bob"]["diqkd.tomography.counts"].shape == (4, len(kept["bob"]["diqkd.tomography.bases"].split()), 4)
    assert report["measurement"] == "tomography-1" and report["outcome"].startswith("fully entangled fractions 9")


def test_a_key_is_told_with_its_length_and_only_public_things_stay(tmp_path, diqkd_run):
    """Usability cases 5 and 6: whether there is a key and how long it is, in words and in the kept files."""
    options = ("preset=custom", "rounds=2000", "gamma_256=128", "block_rounds=500", "min_response=0")
    ended = diqkd_run("generate_key", *(word for option in options for word in ("-o", option)))
    assert ended.returncode == ExitStatus.DONE, ended.stderr
    report, kept = kept_results(tmp_path)
    told = re.search(r"A new key of (\d+) bits, rule proposition-2: published bound", ended.stdout)
    assert told and int(told[1]) == kept["alice"]["diqkd.key.bits"] == kept["bob"]["diqkd.key.bits"]
    assert "INSECURE" in ended.stdout and "INSECURE" in report["outcome"]
    names = {name for values in kept.values() for name in values}
    assert {name.split(".")[1] for name in names} == {"rounds", "key", "description"}
    assert not [path for path in tmp_path.rglob("*") if path.is_file() and path.suffix not in (".h5", ".json")]
    assert max(values["diqkd.rounds.herald_rate_hz"].size for values in kept.values()) == 4


def test_what_measured_nothing_does_not_say_so(tmp_path, diqkd_run):
    """Usability cases 20 and 21."""
    applets = diqkd_run("show_applets", "--node", "bob")
    assert "Done; there are no results" in applets.stdout and not (tmp_path / "results").exists()
    check = diqkd_run("check_random_source", "--node", "alice")
    assert "0 of 5 samples fail" in check.stdout or "of 5 samples fail" in check.stdout
    failed = diqkd_run("calibrate_readout", "--node", "alice", "-o", "shots=100", "-o", "no_such=1")
    for ended in (applets, check, failed):
        assert "Emulated apparatus" not in ended.stdout and "NODE" not in ended.stdout
    report, _ = kept_results(tmp_path)
    assert report["apparatus"] == "" and report["files"] == ["alice.h5"]


@pytest.mark.parametrize("listed", scan(ROOT), ids=lambda listed: listed.file.stem)
def test_a_node_alone_is_refused_what_needs_both(tmp_path, monkeypatch, listed):
    """Usability case 22: it waited 120 s in silence, and nobody could have come."""
    monkeypatch.chdir(tmp_path)
    source = listed.file.read_text()
    with_peer = "PeerExperiment" in source or "BasisExperiment" in source or "turn_arguments(self)" in source
    assert listed.needs_peer({}) == with_peer
    assert not (listed.takes_turns and listed.needs_peer({"take_turns": False}))
    if with_peer:
        with pytest.raises(InvalidInput, match=f"--node alice: {listed.file.stem} waits for the other node"):
            run_command(build_parser().parse_args(["run", listed.file.stem, "--node", "alice"]))
        assert not list(tmp_path.iterdir())


def test_the_list_and_the_arguments(diqkd_run):
    listed = diqkd_run()
    assert listed.returncode == ExitStatus.DONE
    assert "generate_key " in listed.stdout and "Characterise the link with the peer" in listed.stdout
    told = diqkd_run("generate_key", "--arguments")
    assert "preset=paper" in told.stdout and "the paper's (1 to 255)" in told.stdout


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("nosuch",), "there are calibrate_"),
        (("tomography", "-o", "rounds=1"), "NAME one of name, pair_rounds"),
        (("tomography", "-o", "nothing"), "write NAME=VALUE"),
    ],
)
def test_bad_input_is_one_line(words, says, diqkd_run):
    ended = diqkd_run(*words)
    assert ended.returncode == ExitStatus.BAD_INPUT
    assert says in ended.stderr and ended.stderr.count("\n") == 1
