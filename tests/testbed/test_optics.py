"""Electrodes behind their low-pass, isolation, photon numbers, the public herald stream."""

import math
from collections import Counter

import numpy as np
import pytest

from contract.nodes import NODES
from testbed.drivers.ad53xx import voltage_to_mu
from testbed.physics import truth
from testbed.physics.heralds import CHUNK, HeraldStream
from testbed.physics.optics import Electrodes, coupling, displaced, gate_fraction, photons

STEP_NS = 1_000_000


def stepped(volts=1.0):
    electrodes = Electrodes()
    electrodes.step(STEP_NS, displaced(*[voltage_to_mu(volts)] * 4))
    return electrodes


def test_the_ion_moves_three_micrometres_behind_a_30_us_low_pass():
    electrodes = stepped()
    assert electrodes.displacement(STEP_NS) == 0.0
    assert electrodes.displacement(STEP_NS + 30_000) == pytest.approx(
        3 * (1 - math.exp(-1)), rel=1e-4
    )  # a DAC of 16 bits
    assert electrodes.displacement(STEP_NS + 10**6) == pytest.approx(3.0, rel=1e-4)


@pytest.mark.parametrize("node", NODES)
def test_the_link_is_cut_after_30_us_and_not_before_10(node):
    isolation = truth.NODE_TRUTHS[node].isolation
    electrodes = stepped()
    assert coupling(electrodes.displacement(STEP_NS - 1), isolation) == 1.0
    assert coupling(electrodes.displacement(STEP_NS + 10_000), isolation) > 1e-2
    for after in range(30_000, 400_000, 10_000):
        assert coupling(electrodes.displacement(STEP_NS + after), isolation) < 1e-4


def test_coming_home():
    electrodes = stepped()
    electrodes.step(STEP_NS + 400_000, displaced(*[voltage_to_mu(0.0)] * 4))
    before = [electrodes.displacement(STEP_NS + t) for t in (100_000, 410_000, 900_000)]
    electrodes.forget(STEP_NS + 405_000)
    assert len(electrodes.steps) == 1
    assert electrodes.displacement(STEP_NS + 410_000) == pytest.approx(before[1])
    assert electrodes.displacement(STEP_NS + 900_000) == pytest.approx(before[2])
    assert coupling(electrodes.displacement(electrodes.home_from), 0.0) > 0.999999


def test_half_the_electrodes_move_it_half_the_way():
    electrodes = Electrodes()
    electrodes.step(STEP_NS, displaced(*(voltage_to_mu(volts) for volts in (1.0, 1.0, 0.0, 0.0))))
    assert electrodes.displacement(2 * STEP_NS) == pytest.approx(1.5, rel=1e-4)


def test_photon_numbers_are_poissonian():
    grid = (np.arange(20_000) + 0.5) / 20_000
    for mean in (0.03, 2.0, 40.0, 900.0):
        drawn = np.array([photons(mean, u) for u in grid])
        assert drawn.mean() == pytest.approx(mean, rel=0.01, abs=1e-3)
        assert drawn.var() == pytest.approx(mean, rel=0.02)


def test_gates_catch_the_photons_or_not():
    assert gate_fraction(8, 58) > 0.99
    assert gate_fraction(8, 12) < 0.3
    assert gate_fraction(200, 300) < 1e-9
    assert gate_fraction(0, 0) == 0


def test_herald_stream_has_the_published_statistics():
    stream = HeraldStream(3)
    drawn = [stream[k] for k in range(1, 40_000)]
    attempts = np.array([a for a, _ in drawn])
    assert 1 / attempts.mean() == pytest.approx(1.6e-4, rel=0.03)
    counts = Counter(pattern for _, pattern in drawn)
    assert set(counts) == {0b0011, 0b0101, 0b1010, 0b1100}
    assert all(count == pytest.approx(10_000, rel=0.05) for count in counts.values())


def test_herald_stream_may_be_read_from_anywhere():
    forward, scattered = HeraldStream(3), HeraldStream(3)
    wanted = {k: forward[k] for k in range(3 * CHUNK)}
    for k in (2 * CHUNK + 5, 7, CHUNK, 2 * CHUNK - 1):
        assert scattered[k] == wanted[k]
    assert HeraldStream(4)[7] != wanted[7]
