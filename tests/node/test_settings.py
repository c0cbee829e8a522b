"""Default settings, the schedule of a round and the calibration file: what fits, what is refused and in which words."""

import json
import math
from dataclasses import replace

import pytest

from contract import codes
from node.crate import BEAMS, kasli_crate
from node.node_errors import CalibrationError
from node.schedule import RoundSchedule
from node.settings import AttemptSettings, NodeSettings, ReadoutSettings
from node.units import to_coarse_mu, to_mu
from node_alice.settings import DEFAULTS as ALICE
from node_bob.settings import DEFAULTS as BOB
from postprocess.characterisation import prediction
from postprocess.characterisation import state_tomography as tomography
from procedures import calibration_file as calibration


def test_round_type_is_announced_after_the_isolation_of_both_nodes():
    for node in (ALICE, BOB):
        s = node.schedule
        assert s.electrode_wait >= 30e-6
        assert BOB.schedule.announce - s.listen > s.disconnect + s.electrode_wait
    assert ALICE.schedule == BOB.schedule
    assert ALICE.schedule.reconnect == pytest.approx(425e-6)
    assert ALICE.schedule.analysis_follower - ALICE.schedule.analysis_leader == pytest.approx(20e-6)


@pytest.mark.parametrize(
    ("name", "time"),
    [
        ("announce", 60e-6),
        ("analysis_leader", 50e-6),
        ("analysis_follower", 68e-6),
        ("disconnect", 20e-6),
        ("electrode_wait", 10e-6),
        ("scramble", 100e-6),
        ("reconnect", 300e-6),
    ],
)
def test_a_schedule_out_of_order_is_refused(name, time):
    with pytest.raises(ValueError, match="round schedule: "):
        replace(RoundSchedule(), **{name: time})


def test_times_round_to_the_nearest_unit():
    assert to_mu(1.9999999e-6) == 2000
    assert to_mu(30e-6) == 30_000  # 30e-6 // 1e-9 is 29999
    assert to_coarse_mu(13e-9) == 16
    assert all(RoundSchedule().mu(name) % 8 == 0 for name in ("mapping", "disconnect", "announce", "reconnect"))


def test_bobs_phases_are_the_best_for_the_published_states():
    for phase, state in zip(BOB.qubit.pattern_phase, tomography.published_states().values(), strict=True):
        assert phase == pytest.approx(prediction.best_analysis_phase(state), abs=1e-3)


def test_turns_hold_setting_and_pattern():
    assert BOB.qubit.turns(0, 1) == pytest.approx(4.4689 / (2 * math.pi))
    assert BOB.qubit.turns(1, 1) == pytest.approx((4.4689 + math.pi) / (2 * math.pi) % 1)
    assert ALICE.qubit.turns(1, 3) == 0


def test_each_setting_uses_one_of_analysis_and_shelving():
    assert ALICE.qubit.amplitude[:2] == (0.0, 1.0)
    assert BOB.qubit.amplitude[:3] == (1.0, 1.0, 0.0)
    with pytest.raises(ValueError, match="computational basis"):
        replace(BOB.qubit, amplitude=(1.0, 0.5, 0.0, 0.0))


@pytest.mark.parametrize(
    "wrong",
    [
        {"cycle": 9e-6},
        {"window": 2.5},
        {"pump": (0.0, 2e-6)},
        {"excitation": (500e-9, 400e-9)},
        {"gate": (4e-9, 50e-9)},
    ],
)
def test_attempt_timings_that_the_gateware_cannot_do_are_refused(wrong):
    with pytest.raises(ValueError):
        AttemptSettings(**wrong)


def test_a_readout_that_does_not_fit_is_refused():
    with pytest.raises(ValueError, match="does not fit between analysis and scrambling"):
        NodeSettings(qubit=BOB.qubit, readout=ReadoutSettings(gate=300e-6))


def test_calibration_overrides_single_values_and_keeps_the_rest(tmp_path):
    path = tmp_path / "calibration.json"
    assert calibration.calibrated(BOB, path) is BOB
    phases = [1.0, 2.0, 3.0, 4.0]
    calibration.write(BOB, path, {"readout.threshold": 7, "qubit.pattern_phase": phases}, by="test")
    settings = calibration.write(BOB, path, {"qubit.mapping.frequency": 199.9e6}, by="test")
    assert settings == calibration.calibrated(BOB, path)
    assert settings.readout.threshold == 7
    assert settings.qubit.pattern_phase == tuple(phases)
    assert settings.qubit.mapping == replace(BOB.qubit.mapping, frequency=199.9e6)
    assert settings.shuttle == BOB.shuttle
    assert path.stat().st_mode & 0o777 == 0o600
    assert calibration.read(path)["readout.threshold"]["by"] == "test"


@pytest.mark.parametrize(
    ("name", "value", "complaint"),
    [
        ("readout.treshold", 5, "no setting 'treshold' here, only gate, threshold"),
        ("readout.threshold", 5.5, "a whole number is needed"),
        ("readout.threshold", "5", "a number is needed"),
        ("readout.threshold", True, "a number is needed"),
        ("readout", 5, "name one of its values"),
        ("qubit.angle.degrees", 5, "'angle' has no parts"),
        ("qubit.pattern_phase", [1, 2, 3], "a list of 4 numbers"),
        ("schedule.announce", 1e-3, "no setting 'schedule'"),
        ("qubit.angle", 7.0, "must be above 0"),
    ],
)
def test_a_wrong_calibration_is_one_clear_line_and_changes_nothing(tmp_path, name, value, complaint):
    path = tmp_path / "calibration.json"
    calibration.write(BOB, path, {"readout.threshold": 7}, by="test")
    before = path.read_text()
    with pytest.raises(CalibrationError, match=complaint) as caught:
        calibration.write(BOB, path, {name: value}, by="test")
    assert "\n" not in str(caught.value)
    assert path.read_text() == before
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("text", ["{", "[]", json.dumps({"readout.threshold": 5})])
def test_a_file_of_another_kind_is_refused(tmp_path, text):
    path = tmp_path / "calibration.json"
    path.write_text(text)
    with pytest.raises(CalibrationError, match="correct or delete"):
        calibration.calibrated(BOB, path)


def test_both_crates_have_the_same_devices():
    alice, bob = kasli_crate("alice", "a", is_master=False), kasli_crate("bob", "b", is_master=True)
    assert set(alice) == set(bob)
    assert bob["entangler"]["arguments"]["is_master"] and not alice["entangler"]["arguments"]["is_master"]
    assert alice["ttl_round_type_test"]["class"] == "TTLInOut" and bob["ttl_round_type_test"]["class"] == "TTLOut"
    assert set(BEAMS) | {"dds_qubit", "pmt_counter", "zotino0", "ttl_laser_locked"} <= set(bob)


@pytest.mark.parametrize("master", [False, True])
def test_no_channel_is_used_twice(master):
    table = kasli_crate("bob", "b", is_master=master)
    arguments = [entry["arguments"] for entry in table.values() if "arguments" in entry]
    channels = [each["channel"] for each in arguments if "channel" in each]
    assert len(channels) == len(set(channels))


def test_nothing_offers_settings_or_counts_to_the_network():
    for table in (kasli_crate("alice", "a", is_master=False), kasli_crate("bob", "b", is_master=True)):
        assert not {"core_analyzer", "core_moninj"} & set(table)


def test_every_leave_code_is_described():
    values = {value for name, value in vars(codes).items() if name.isupper() and not name.startswith(("FLAG", "DESC"))}
    assert values == set(codes.DESCRIPTIONS) == set(range(8))
