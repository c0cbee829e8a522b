"""Ions get lost by the number of the herald, and come back by pulses."""

import json

import numpy as np
import pytest

from testbed.physics import truth
from testbed.physics.faults import Fault, Faults
from testbed.physics.heralds import CHUNK, last_of_chunk
from testbed.physics.instability import Instability
from testbed.physics.ion_losses import IonLosses
from testbed.physics.laboratory import Laboratory
from testbed.physics.trapped_ions import TrappedIons

PER_HERALD = 1 / 500


def test_lifetimes_are_exponential_and_the_same_for_a_seed():
    losses = IonLosses(3, "alice", PER_HERALD)
    found = np.array([herald for herald in range(1, 60 * CHUNK) if losses.at(herald)])
    gaps = np.diff(found) * PER_HERALD
    assert np.mean(gaps) == pytest.approx(1, abs=0.2) and np.std(gaps) == pytest.approx(1, abs=0.25)
    again = IonLosses(3, "alice", PER_HERALD)
    assert all(again.at(int(herald)) for herald in found[::-1])
    assert not all(IonLosses(3, "bob", PER_HERALD).at(int(herald)) for herald in found)


def test_nothing_is_promised_past_a_loss():
    faults = Faults((), "alice", IonLosses(3, "alice", PER_HERALD))
    for herald in range(1, 3 * CHUNK, 7):
        last = min(herald + 47, last_of_chunk(herald))
        until = faults.harmless_until(herald, last)
        assert herald <= until <= last
        assert not any(map(faults.loses_ion_for_good, range(herald + 1, until + 1)))
        assert until == last or faults.loses_ion_for_good(until + 1)


def test_a_lifetime_is_machine_time():
    """10.7 ms from herald to herald: 20 ions of both nodes in a session of the paper."""
    faults = Laboratory(3, instability=Instability(ion_lifetime_s=1600.0)).faults_of("bob")
    lost = sum(map(faults.loses_ion_for_good, range(1, 1_500_000)))
    assert 3 <= lost <= 20
    stable = Laboratory(3, (Fault("ion lost until reloaded", "bob", 9),)).faults_of("bob")
    assert [herald for herald in range(20) if stable.loses_ion_for_good(herald)] == [9]


def test_what_a_trap_holds_outlives_its_process(tmp_path):
    trap = TrappedIons(tmp_path, "bob")
    assert trap.number == 1 and trap.lose(5)
    other = TrappedIons(tmp_path, "bob")
    assert other.number == 0 and not other.lose(5)
    other.load(4, 0)
    other.load(4, 3)
    assert other.number == truth.MOST_IONS and trap.number == 0
    trap.recall()
    assert (trap.number, trap.pulses) == (2, 8)
    trap.expel()
    assert json.loads((tmp_path / "ion-bob.json").read_text()) == {"ions": 0, "lost_at": 5, "pulses": 8}
    assert TrappedIons(tmp_path, "alice").number == 1


def test_an_ion_that_stays_away_for_a_kernel_comes_back(tmp_path):
    for folder in (tmp_path, None):
        trap = TrappedIons(folder, "bob")
        trap.stay_away()
        assert trap.number == 0
        trap.recall()
        assert trap.number == 1
    assert trap.lose(3)
    trap.recall()
    assert trap.number == 0  # a node on its own keeps it in mind, too
