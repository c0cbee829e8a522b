"""Calibrations find what has become of a laboratory that drifts."""

import math

import pytest
from calibrating import scan

from testbed.physics import truth
from testbed.physics.drift import Drift
from testbed.physics.emulated_link import PUBLISHED
from testbed.physics.instability import Instability
from testbed.physics.laboratory import Laboratory
from testbed.physics.optics import saturated

HERALD = 1_200_000  # after so many a 674 nm line has moved by some kHz
SEED, SPEED, SIGMAS = 5, 3.0, 4.0


@pytest.fixture
def drifted(calibrate):
    """drifted(node, file, **arguments): (what it found, what is true)."""

    def run(node, file, **arguments):
        drift = Drift(SEED, node, PUBLISHED.herald_s, SPEED)
        made = calibrate(node, file, emulated=Laboratory(SEED, instability=Instability(SPEED)), **arguments)
        made.core.physics.partner._next = HERALD
        return made.run(), drift.at(drift.step_of(HERALD))

    return run


def assert_found(made, name, true):
    entry = made.written[name]
    assert abs(entry["value"] - true) < SIGMAS * entry["error"]
    return entry["error"]


def test_frequency(drifted):
    scanned = scan(-20e3, 20e3, 41)
    made, now = drifted("alice", "calibrate_frequency.py", line="mapping", detuning=scanned, amplitude=0.1)
    true = truth.RESONANCES["mapping"] + now.frequency_hz
    assert abs(now.frequency_hz) > 10 * assert_found(made, "qubit.mapping.frequency", true)


def test_pi_time(drifted):
    made, now = drifted("bob", "calibrate_pi_time.py", line="mapping", shots=400)
    true = truth.PI_TIMES_NS["mapping"] * 1e-9 / now.qubit_amplitude
    error = assert_found(made, "qubit.mapping.pi_time", true)
    assert abs(true - truth.PI_TIMES_NS["mapping"] * 1e-9) > SIGMAS * error


def test_readout(drifted):
    made, now = drifted("alice", "calibrate_readout.py")
    gate = made.settings.readout.gate
    mean = truth.BRIGHT_RATE * saturated(math.sqrt(now.cooling_power)) * gate + truth.DARK_RATE * gate
    found = float(made.result.split("bright ")[1].split()[0])
    assert found == pytest.approx(mean, abs=0.6) != pytest.approx(37, abs=0.6)
