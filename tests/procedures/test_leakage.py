"""The leak during readout (table S5) on the emulated apparatus: found as it is, and missed by nobody where the link is
not cut."""

import json
from contextlib import contextmanager

import numpy as np
import pytest

from contract.patterns import PATTERNS
from node.heralding import GATE_APD0, SEQUENCER_EXCITATION
from node.shots.leak_counter import CYCLE_MU, LeakWindowError, leak_words
from node.shots.shot import Shot
from postprocess.calibration.curve_fit import FitFailed
from procedures.leak_counts import CONDITIONS
from testbed.physics import truth
from testbed.physics.attempts import AttemptLoop
from testbed.physics.faults import Fault

LEAK = "diqkd.calibration.leak."
NODES = ("alice", "bob")
GATE_S = truth.READOUT_REFERENCE_S
ALONE = {"take_turns": False, "readouts": 100}
LONG = ALONE | {"windows": 4000}
SHORT = ALONE | {"windows": 1000}


def true_leak(node):
    """Photons into the link per readout of a bright ion."""
    return truth.NODE_TRUTHS[node].isolation * truth.STATION_PHOTONS_PER_S * GATE_S


@pytest.mark.parametrize("node", NODES)
def test_the_leak_is_found_within_its_error(calibrate, node):
    made = calibrate(node, "measure_leakage.py", **LONG).run()
    value, error, limit = (made.dataset(LEAK + name) for name in ("probability", "standard_error", "limit"))
    assert error < 8e-4  # Bob's leak is six of them
    assert value == pytest.approx(true_leak(node), abs=4 * error)
    assert value + error < limit < value + 5 * error
    assert f"{value:.5f} +- {error:.5f}" in made.result and f"below {limit:.5f} at 97.5 %" in made.result
    assert made.dataset(LEAK + "dark_counts_hz") == pytest.approx(truth.STATION_BACKGROUND / GATE_S, rel=0.05)
    in_focus = truth.STATION_DETECTION * truth.STATION_PHOTONS_PER_S * GATE_S
    assert made.dataset(LEAK + "in_focus") == pytest.approx(in_focus, rel=0.05)
    assert made.written == {}
    windows = made.dataset(LEAK + "windows")
    assert windows.sum(1).tolist() == [4000, 4000, 4000, 200, 200]
    prepared = [windows[number, int(each.bright and each.lit)] for number, each in enumerate(CONDITIONS)]
    assert (np.array(prepared) > 0.9 * windows.sum(1)).all()
    assert (made.dataset(LEAK + "histogram").sum(2) == windows).all()
    assert (made.dataset(LEAK + "cycles") == windows * -(-100 * 205_000 // CYCLE_MU)).all()


def fails(made):
    made.worker.prepare()
    with pytest.raises(FitFailed) as failure:
        made.worker.run()
    assert made.result == "" and "measure_leakage" not in json.dumps(made.written)
    assert not (made.home / "calibrations.json").exists()
    return str(failure.value)


@pytest.mark.parametrize("node", NODES)
def test_a_broken_shuttle_is_no_small_leak(calibrate, node):
    made = calibrate(node, "measure_leakage.py", faults=[Fault("shuttle broken", node)], **SHORT)
    said = fails(made)
    assert "the ion does not leave the focus; make no key" in said
    in_focus = truth.STATION_PHOTONS_PER_S * GATE_S
    assert made.dataset(LEAK + "probability") == pytest.approx(in_focus, rel=0.05)
    assert made.dataset(LEAK + "limit") == made.dataset(LEAK + "bits_per_round") == 1.0


def test_a_step_that_is_too_short_leaks(calibrate):
    wrong = {"shuttle.disconnected": [0.45, 0.45, 0.45, 0.45]}
    assert "make no key; move the ion further" in fails(calibrate("bob", "measure_leakage.py", wrong=wrong, **SHORT))


def test_too_few_windows_bound_nothing(calibrate):
    assert "count more windows" in fails(calibrate("alice", "measure_leakage.py", tolerated=1e-4, **SHORT))


def test_gates_that_never_opened_are_no_absence_of_light(calibrate, monkeypatch):
    """The gateware counts only after a reference edge: without laser pulses it would see no leak whatever happens."""
    monkeypatch.setattr(AttemptLoop, "_count_light", lambda *of: None)
    assert "photons per readout from the bright ion in the focus" in fails(
        calibrate("alice", "measure_leakage.py", **SHORT)
    )


def test_the_attempt_loop_is_as_it_was(calibrate):
    made = calibrate("alice", "measure_leakage.py", **SHORT).run()
    entangler, attempts = made.worker.devices.get("entangler"), made.settings.attempts
    assert entangler.cycle_mu == round(attempts.cycle * 1e9) and not entangler.standalone
    assert entangler.heralds == list(PATTERNS)
    assert all(entangler.timings[GATE_APD0 + apd] == (8, 58) for apd in range(4))
    excitation = tuple(round(edge * 1e9) for edge in attempts.excitation)
    assert entangler.timings[SEQUENCER_EXCITATION] == excitation


def test_who_waits_for_the_other_stands_aside(calibrate, monkeypatch):
    """Cooled, but out of the focus, both before and after its turn: in the focus it would blind the peer's counting."""
    made = calibrate("bob", "measure_leakage.py", **(SHORT | {"take_turns": True}))
    seen = []

    @contextmanager
    def turn(*of):
        seen.append(displaced())
        yield
        seen.append(displaced())

    def displaced():
        physics = made.core.physics
        now = made.core.timeline.now
        light = physics.beams.lit(now + 1_000_000, now + 2_000_000)
        return light, physics.electrodes.displacement(now + 1_000_000)

    monkeypatch.setitem(type(made.experiment).calibrate.__globals__, "laser_turn", turn)
    made.run()
    assert len(seen) == 2
    for light, displacement in seen:
        assert light == 1_000_000
        assert displacement == pytest.approx(truth.MICROMETRES_PER_VOLT, rel=1e-3)


def test_what_the_gateware_cannot_count_is_refused(calibrate):
    made = calibrate("alice", "measure_leakage.py", **SHORT)
    shot, dds = Shot(made.settings), made.experiment.counter.probe.dds_qubit
    with pytest.raises(LeakWindowError, match="the gateware counts up to 134"):
        leak_words(0, 1, shot, dds, 0.2, shuttled=True, lit=True)
    for _ in range(3):
        shot.pi(made.settings.qubit.mapping)
    with pytest.raises(LeakWindowError, match="at most two pulses"):
        leak_words(0, 1, shot, dds, GATE_S, shuttled=True, lit=True)
