"""Whole sessions on the emulated laboratory: keys at the end, or a named abort and no key."""

import json
import math
from fractions import Fraction

import pytest

from node_bob.settings import DEFAULTS
from postprocess.errors import ExitStatus
from postprocess.keystore import Keystore
from tests.demo.emulated_sessions import calibrate, run, small_session, start
from tests.handed_out import hand_out

PHASES = DEFAULTS.qubit.pattern_phase


def assert_no_key(demo):
    for node in ("alice", "bob"):
        with Keystore.open(demo.homes / node / "keystore.sqlite") as keystore:
            states = {record.state for record in keystore.keys()}  # noqa: SIM118 - not a mapping
            assert states <= {"discarded"}
            assert keystore.balance().generated == 0


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    demo = small_session(tmp_path_factory.mktemp("session") / "run", rounds=20_000)
    report, statuses = run(demo)
    return demo, report, statuses


def test_two_equal_keys(finished):
    _, report, statuses = finished
    assert statuses == {"alice": ExitStatus.DONE, "bob": ExitStatus.DONE}
    assert report["accepted"] and report["keys_equal"] and report["ledgers_consistent"]
    assert report["abort_reason"] is None
    assert report["balance"]["consumed"] == 256 and report["balance"]["generated"] == report["ell"] == 1000


def test_score_and_error_rate_come_out_of_the_pulses(finished):
    _, report, _ = finished
    assert report["measured_score"] == pytest.approx(2.68, abs=0.1)
    assert report["measured_qber"] == pytest.approx(0.0174, abs=0.006)


def test_an_emulated_seeded_rehearsal_says_so_everywhere(finished):
    demo, report, _ = finished
    assert report["apparatus"] == "emulated" and report["insecure"] and len(report["insecure_because"]) == 2
    with Keystore.open(demo.homes / "alice" / "keystore.sqlite") as keystore:
        assert keystore.key("rehearsal").apparatus == "emulated"
        assert keystore.key("rehearsal").insecure_because == tuple(report["insecure_because"])


def test_private_strings_stay_out_of_results_and_laboratory(finished):
    """Bob's settings appear nowhere but in his own home: neither packed nor as the kernel's words."""
    import h5py

    demo, _, _ = finished
    private = {"settings", "outcomes", "x", "y", "a", "b", "key", "score", "qber"}
    for results in demo.homes.glob("*/results/*/*/*.h5"):
        with h5py.File(results) as file:
            names = {name.rsplit(".", 1)[-1].lower() for name in file["datasets"]}
            sizes = [file["datasets"][name].size for name in file["datasets"]]
        assert not names & private
        assert max(sizes) < demo.parameters.rounds // 8
    secret = [path for path in (demo.homes / "bob" / "sessions").rglob("*") if path.is_file()]
    assert secret and all(path.stat().st_mode & 0o077 == 0 for path in secret)


def test_a_seed_repeats_a_run_bit_for_bit(tmp_path):
    runs = [small_session(tmp_path / name, seed=5) for name in ("first", "second")]
    reports = [run(demo)[0] for demo in runs]
    assert reports[0]["measured_score"] == reports[1]["measured_score"]
    for node in ("alice", "bob"):
        logs = [sorted((demo.homes / node / "sessions" / "rehearsal").glob("*.log")) for demo in runs]
        assert [path.name for path in logs[0]] == [path.name for path in logs[1]]
        assert logs[0], "no round log found"
        for one, other in zip(*logs, strict=True):
            assert one.read_bytes() == other.read_bytes(), one.name
    keys = []
    for demo in runs:
        with Keystore.open(demo.homes / "bob" / "keystore.sqlite") as keystore:
            keys.append(hand_out(keystore, "rehearsal").tolist())
    assert keys[0] == keys[1]


def test_a_radian_in_bobs_pulses_ends_at_the_bell_threshold(tmp_path):
    demo = small_session(tmp_path / "run", rounds=20_000, block_rounds=5000)
    calibrate(demo, "bob", {"qubit.pattern_phase": [phase + 1.0 for phase in PHASES]})
    report, statuses = run(demo)
    assert report["measured_score"] == pytest.approx(2.07, abs=0.1)
    assert (4 + report["measured_score"]) / 8 < demo.parameters.omega_thr
    assert report["abort_reason"] == "Bell threshold"
    assert set(statuses.values()) == {ExitStatus.ABORTED}
    assert report["ledgers_consistent"]
    assert_no_key(demo)


@pytest.mark.slow
def test_the_phase_of_the_other_class_of_heralds_ends_in_reconciliation(tmp_path):
    """0011's phase used for 0101. Key rounds do not feel it, so nearly all rounds are test rounds here."""
    demo = small_session(tmp_path / "run", rounds=100_000, gamma=Fraction(255, 256), block_rounds=5000)
    calibrate(demo, "bob", {"qubit.pattern_phase": [PHASES[0], PHASES[0], PHASES[2], PHASES[3]]})
    report, _ = run(demo)
    assert report["abort_reason"] == "reconciliation failed"
    assert report["measured_score"] == pytest.approx(0.75 * 2.68, abs=0.05)
    assert report["ledgers_consistent"]
    assert_no_key(demo)


def test_a_private_reason_is_not_what_the_nodes_show(tmp_path):
    """Alice and both results files only know that Bob does not accept."""
    demo = small_session(tmp_path / "run", rounds=4000)
    calibrate(demo, "bob", {"qubit.pattern_phase": [phase + math.pi for phase in PHASES]})
    report, _ = run(demo)
    assert report["abort_reason"] == "reconciliation failed"
    public = json.loads((demo.homes / "alice" / "sessions" / "rehearsal" / "outcome.json").read_text())
    assert public["abort_reason"] == "activation"


def test_different_parameters_are_refused_before_the_first_round(tmp_path, capfd):
    demo = small_session(tmp_path / "run", gamma=Fraction(1, 2))
    statuses = start(demo, {"bob": {"block_rounds": 250}}).watch()
    assert set(statuses.values()) == {ExitStatus.ABORTED}
    printed = capfd.readouterr().err
    assert "parameter mismatch" in printed and "block_rounds" in printed
    assert demo.report(statuses)["abort_reason"] == "parameter mismatch"
    assert_no_key(demo)


def test_a_peer_that_never_comes_is_lost_not_an_abort(tmp_path, capfd):
    demo = small_session(tmp_path / "run")
    pair = start(demo, {"alice": {"peer_timeout": 5.0}})
    pair.processes["bob"].kill()
    pair.processes["alice"].wait(60)
    assert pair.processes["alice"].returncode == ExitStatus.PEER_LOST
    report, statuses = run(demo)
    assert report["accepted"], (report, statuses, capfd.readouterr().err)
