"""The barrier in a round of one node: Alice says that she is isolated, Bob announces nothing before that."""

import numpy as np
import pytest

from contract import codes
from contract import record_layout as layout
from node.schedule import BARRIER_WAIT, RoundSchedule
from node.settings import with_barrier

PLAIN, SCHEDULE = RoundSchedule(), RoundSchedule().with_barrier()


def with_rig(make_rig, name):
    rig = make_rig(name)
    rig.node.configure(with_barrier(rig.node.settings))
    return rig


def pulses(rig, herald_mu, prefix):
    """(device, us after the herald) of the rising edges on lines of a name."""
    return [
        (event.device, (event.time_mu - int(herald_mu)) / 1000)
        for event in rig.log.between(herald_mu, int(herald_mu) + 460_000)
        if event.device.startswith(prefix) and event.action == "set" and event.value == 1
    ]


def barrier_bits(records):
    return (records.to_words()[:, 3] >> layout.BARRIER_SHIFT & 1).tolist()


def test_the_schedule_leaves_time_for_bob_to_hear_it():
    isolated = PLAIN.disconnect + PLAIN.electrode_wait
    assert SCHEDULE.barrier - SCHEDULE.listen > isolated
    assert SCHEDULE.announce - SCHEDULE.barrier == pytest.approx(BARRIER_WAIT)
    assert SCHEDULE.reconnect - PLAIN.reconnect == pytest.approx(BARRIER_WAIT)
    for name in ("mapping", "disconnect", "electrode_wait", "pulse_slot"):
        assert getattr(SCHEDULE, name) == getattr(PLAIN, name)
    with pytest.raises(ValueError, match="barrier must come after disconnect"):
        RoundSchedule(barrier=60e-6)
    with pytest.raises(ValueError, match="announce must come after barrier"):
        RoundSchedule(barrier=68e-6)


def test_alice_pulses_the_line_of_her_bit_once_isolated(make_rig):
    rig = with_rig(make_rig, "alice")
    choices = [0, 1, 2, 3, 2, 0]
    code, host = rig.measure(choices, log=True)
    assert code == 0 and barrier_bits(host.records) == [choice >> 1 for choice in choices]
    assert (host.records.settings == [choice & 1 for choice in choices] * host.records.types).all()
    for choice, herald in zip(choices, host.records.timestamps_mu, strict=True):
        assert pulses(rig, herald, "ttl_barrier") == [(f"ttl_barrier_{choice >> 1}", 1e6 * SCHEDULE.barrier)]


def test_bob_announces_after_the_barrier(make_rig):
    rig = with_rig(make_rig, "bob")
    code, host = rig.measure([0, 1, 2] * 8, log=True)
    assert code == 0 and set(barrier_bits(host.records)) == {0, 1}
    for herald in host.records.timestamps_mu:
        ((_, at),) = pulses(rig, herald, "ttl_round_type")
        assert at == pytest.approx(1e6 * SCHEDULE.announce)


@pytest.mark.parametrize("edges", [[], [(0, -1), (1, -1)], [(1, -1), (1, -1)]], ids=["missing", "doubled", "twice"])
def test_without_exactly_one_pulse_no_round_type_leaves(make_rig, edges):
    rig = with_rig(make_rig, "bob")
    right = rig.physics.partner.edges
    rig.physics.partner.edges = lambda herald: edges if herald == 3 else right(herald)
    code, host = rig.measure([1] * 10, log=True)
    assert code == codes.BARRIER_FAULT
    assert host.records.flags.tolist() == [0, 0, layout.FLAG_BARRIER]
    assert (host.records.outcomes[2], barrier_bits(host.records)[2]) == (0, 0)
    assert [len(pulses(rig, herald, "ttl_round_type")) for herald in host.records.timestamps_mu] == [1, 1, 0]


def line_or_device(name):
    return next((lines for lines in ("ttl_barrier", "ttl_round_type") if name.startswith(lines)), name)


@pytest.mark.parametrize("name", ["alice", "bob"])
def test_times_depend_on_nothing(make_rig, name):
    """All RTIO events of a round, times and devices, are the same whatever setting, outcome and bit."""
    rig = with_rig(make_rig, name)
    _, host = rig.measure(np.tile([0, 1, 2, 3] if name == "alice" else [0, 1, 2], 22)[:64], log=True)
    shapes = set()
    for herald in host.records.timestamps_mu[:-1]:
        events = rig.log.between(herald, int(herald) + 1000 * round(1e6 * SCHEDULE.reconnect))
        shapes.add(tuple((e.time_mu - int(herald), line_or_device(e.device), e.action) for e in events))
    assert len(shapes) == 1
    assert len(set(zip(host.records.outcomes, host.records.settings, barrier_bits(host.records), strict=True))) > 4


def test_a_node_without_a_barrier_has_none(make_rig):
    rig = make_rig("alice")
    _, host = rig.measure([1] * 8, log=True)
    assert not any(pulses(rig, herald, "ttl_barrier") for herald in host.records.timestamps_mu)
    assert not any(barrier_bits(host.records))
