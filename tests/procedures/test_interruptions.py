"""Scans through pauses, a lost ion, a laser out of lock and a late kernel: every point whole, and once."""

import json

import numpy as np
import pytest
from calibrating import SCAN
from calibrating import scan as scan_over

from contract.codes import LASER_UNLOCKED
from node.node_errors import NodeNotReady

SMALL = {"duration": scan_over(0.0, 20e-6, 11), "shots": 20, "write": False}


@pytest.fixture
def scan(calibrate):
    """scan(**choice): a small scan of Rabi flops, with a list of the points whose program was handed out."""

    def make(**choice):
        made = calibrate("bob", "calibrate_pi_time.py", **(SMALL | choice))
        made.asked = []
        loop = made.experiment.loop
        original = loop.next_point

        def next_point():
            words = original()
            made.asked.append(words[0] if words[1] else None)
            if hook := made.hooks.pop(len(made.asked), None):
                hook()
            return words

        made.hooks = {}
        loop.next_point = next_point
        made.physics = made.core.physics
        return made

    return make


def run(made):
    """The scan itself, without the fit, which so few shots may not bear."""
    made.worker.prepare()
    experiment = made.experiment
    experiment.begin("Test", "x", "y")
    x = np.linspace(0, 20e-6, len(experiment.duration))
    from procedures.qubit_transitions import prepared, transferred

    taken = []

    def success(counts):
        taken.append(len(counts))
        return transferred(experiment.settings, "mapping", counts)

    found = experiment.scan_shots(x, lambda at: prepared(experiment.settings, "mapping").pulse(200e6, at), success)
    assert taken == [experiment.shots] * len(x)
    assert made.dataset(SCAN + "y") == pytest.approx(found / experiment.shots)
    p = np.sin(np.pi * x / 2 / 5e-6) ** 2
    assert found / experiment.shots == pytest.approx(p, abs=0.45)
    return found


def test_undisturbed(scan):
    made = scan()
    run(made)
    assert made.asked == [*range(11), None]


def test_a_pause_comes_between_points_and_reads_the_calibrations_again(scan):
    made = scan()
    scheduler, path = made.worker.scheduler, made.home / "calibration.json"
    entry = {"value": 7, "measured": "2026-01-01T00:00:00+00:00", "by": "somebody"}

    def pause():
        path.write_text(json.dumps({"readout.threshold": entry}))
        scheduler.ask_pause()

    made.hooks[4] = pause
    run(made)
    assert made.asked == [0, 1, 2, 3, None, *range(4, 11), None]
    assert scheduler.pauses == 1
    assert made.experiment.settings.readout.threshold == 7


def test_a_lost_ion_is_waited_for_and_its_point_measured_again(scan):
    made = scan()
    made.hooks[3] = made.physics.trap.stay_away
    run(made)
    assert made.asked == [0, 1, 2, 2, *range(3, 11), None]


def test_an_unlocked_laser_is_waited_for(scan, monkeypatch):
    monkeypatch.setattr("procedures.kernel_session.LASER_INTERVAL_S", 0.0)
    made = scan()
    made.hooks[6] = lambda: made.physics.lock.lose(0.3)
    codes = []
    measure = made.experiment.loop.measure
    made.experiment.loop.measure = lambda: codes.append(measure()) or codes[-1]
    run(made)
    assert codes == [LASER_UNLOCKED, 0]
    assert made.asked == [0, 1, 2, 3, 4, 5, *range(5, 11), None]


def late(made, times):
    """The CPU loses a millisecond in the middle of a shot, so many times."""
    dds, left = made.physics.beams.dds["dds_qubit"], [times]
    program = dds.set_mu

    def slow(*arguments):
        if left[0] and arguments[3] == 2:  # PHASE_MODE_TRACKING: a pulse
            left[0] -= 1
            made.core.wall += 1_000_000
        return program(*arguments)

    dds.set_mu = slow


def test_a_late_kernel_measures_the_point_again(scan):
    made = scan()
    made.hooks[5] = lambda: late(made, 2)
    run(made)
    assert made.asked == [*range(11), None]


def test_a_kernel_that_is_always_late_gives_up_with_the_point_named(scan):
    made = scan()
    made.hooks[5] = lambda: late(made, 3)
    with pytest.raises(NodeNotReady, match=r"point 5 of 11: RTIO underflow: .*, 3 times"):
        run(made)
    assert len(made.dataset(SCAN + "y")) == 4


def test_the_operators_end_ends_it(scan):
    from artiq.language.core import TerminationRequested

    made = scan()
    made.hooks[2] = made.worker.scheduler.ask_end
    with pytest.raises(TerminationRequested):
        run(made)
    assert len(made.dataset(SCAN + "y")) == 2


def test_a_fault_of_the_host_leaves_the_kernel_in_order(scan):
    made = scan()
    made.worker.prepare()
    made.experiment.begin("Test", "x", "y")
    with pytest.raises(ZeroDivisionError):
        made.experiment.measure_points(3, lambda index: 1 // index, lambda index, counts: None)
    after = made.core.timeline.now + 1
    assert made.physics.beams.lines["dds_cooling"].pulses(after, after + 1) == [(after, after + 1)]


def test_what_the_operator_has_to_do_is_one_line(calibrate):
    from postprocess.errors import DiqkdError

    made = calibrate("bob", "calibrate_pi_time.py", wrong={"readout.treshold": 6})
    made.worker.prepare()
    with pytest.raises(DiqkdError, match=r"calibration.json: readout.treshold: no setting 'treshold' here"):
        made.worker.run()


@pytest.mark.parametrize("reload", [True, False])
def test_a_lost_ion_is_reloaded_unless_the_operator_wants_to(scan, monkeypatch, reload):
    made, asked = scan(reload=reload), []
    made.worker.prepare()
    made.experiment.begin("Test", "x", "y")
    session = made.experiment.kernel_session
    monkeypatch.setattr(session.upkeep, "reload", lambda: asked.append("reload") or True)
    looks = iter([False, True])
    monkeypatch.setattr(session, "_ion_is_back", lambda: next(looks))
    session.recover_ion()
    assert asked == ["reload"] * reload
