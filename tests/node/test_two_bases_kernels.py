"""Two announced key bases in a round of one node: what Bob announces and measures, what Alice's X is."""

import math

import numpy as np
import pytest

from contract import codes
from contract import record_layout as layout
from node.node_errors import CalibrationError
from node.schedule import RoundSchedule
from node.settings import with_barrier, with_two_bases
from node_bob.settings import DEFAULTS as BOB

SCHEDULE = RoundSchedule()
LINE_OF = {0: "ttl_round_type_test", 1: "ttl_round_type_test", 2: "ttl_round_type_key_0", 3: "ttl_round_type_key_1"}
LINES = ("ttl_round_type", "ttl_barrier")


def with_rig(make_rig, name, barrier=False):
    rig = make_rig(name)
    settings = with_two_bases(rig.node.settings)
    rig.node.configure(with_barrier(settings) if barrier else settings)
    if name == "alice":
        rig.physics.partner.lines = 3
    return rig


def rising(rig, herald, prefix):
    """(device, us after the herald) of the rising edges on lines of a name."""
    return [
        (event.device, (event.time_mu - int(herald)) / 1000)
        for event in rig.log.between(herald, int(herald) + 460_000)
        if event.device.startswith(prefix) and event.action == "set" and event.value == 1
    ]


def test_bob_pulses_the_line_of_what_he_announces(make_rig):
    rig = with_rig(make_rig, "bob")
    choices = [0, 1, 2, 3, 3, 2, 1, 0]
    code, host = rig.measure(choices, log=True)
    assert code == 0
    assert host.records.settings.tolist() == choices
    assert host.records.types.tolist() == [int(choice < 2) for choice in choices]
    for choice, herald in zip(choices, host.records.timestamps_mu, strict=True):
        assert rising(rig, herald, "ttl_round_type") == [(LINE_OF[choice], 1e6 * SCHEDULE.announce)]


def test_alice_measures_her_own_bit_in_tests_and_the_announced_basis_in_key_rounds(make_rig):
    rig = with_rig(make_rig, "alice")
    own, announced = np.tile([0, 1], 32), []
    right = rig.physics.partner.edges

    def edges(herald):
        if herald == len(announced) + 1:
            announced.append(right(herald)[0][0])
        return right(herald)

    rig.physics.partner.edges = edges
    code, host = rig.measure(own)
    assert code == 0 and set(announced) == {0, 1, 2}
    heard = np.array(announced)
    assert (host.records.types == (heard == 0)).all()
    assert (host.records.settings == np.where(heard == 0, own, heard == 2)).all()


@pytest.mark.parametrize("edges", [[], [(1, -1), (2, -1)], [(0, -1), (2, -1)], [(2, -1), (2, -1)]],
                         ids=["missing", "two bases", "test and key", "twice"])  # fmt: skip
def test_anything_but_one_pulse_is_a_fault(make_rig, edges):
    rig = with_rig(make_rig, "alice")
    right = rig.physics.partner.edges
    rig.physics.partner.edges = lambda herald: edges if herald == 3 else right(herald)
    code, host = rig.measure([1] * 10)
    assert code == codes.ROUND_TYPE_FAULT
    assert host.records.flags.tolist() == [0, 0, layout.FLAG_ROUND_TYPE]
    assert (host.records.outcomes[2], host.records.settings[2], host.records.types[2]) == (0, 0, 0)


def test_with_one_basis_the_third_line_is_none(make_rig):
    rig = make_rig("alice")
    rig.physics.partner.edges = lambda herald: [(2, -1)] if herald == 2 else [(1, -1)]
    code, host = rig.measure([1] * 4)
    assert code == codes.ROUND_TYPE_FAULT and host.records.flags.tolist() == [0, layout.FLAG_ROUND_TYPE]


@pytest.mark.parametrize("barrier", [False, True])
@pytest.mark.parametrize("name", ["alice", "bob"])
def test_times_depend_on_nothing(make_rig, name, barrier):
    """All RTIO events of a round, times and devices, are the same whatever X, Y, r, outcome and bit."""
    rig = with_rig(make_rig, name, barrier)
    values = 2 if name == "alice" and not barrier else 4
    _, host = rig.measure(np.tile(range(values), 32)[:64], log=True)
    shapes, kinds, records = set(), set(), host.records
    for k, herald in enumerate(records.timestamps_mu[:-1]):
        events = rig.log.between(herald, int(herald) + 425_000)
        shapes.add(tuple((e.time_mu, next((i for i in LINES if e.device.startswith(i)), e.device), e.action)
                         for e in (e._replace(time_mu=e.time_mu - int(herald)) for e in events)))  # fmt: skip
        kinds.add((records.settings[k], records.types[k]))
    assert len(kinds) == 4
    assert len(shapes) == 1


def waves(rig, herald, tones):
    """What a round's qubit beam is: levels of its switch, and word and frequency of each tone, by time."""
    switch = [
        (event.time_mu - int(herald), event.value)
        for event in rig.log.between(herald, int(herald) + 420_000)
        if event.device == "ttl_urukul0_sw0" and event.action == "set"
    ]
    return tuple(switch), tuple((t.since - int(herald), t.ftw, t.phase, t.amplitude) for t in tones)


def test_a_test_and_a_key_round_with_the_same_x_are_the_same_to_alices_device(make_rig):
    """Whatever her own bit was in the key round, which selects nothing there."""
    rig = with_rig(make_rig, "alice")
    dds, tones, seen = rig.physics.beams.dds["dds_qubit"], [], {}
    update = dds.update

    def note(time):
        update(time)
        tones.append(dds.tones[-1])

    dds.update = note
    own = np.random.default_rng(1).integers(0, 2, 64)
    _, host = rig.measure(own, log=True)
    records = host.records
    for k, herald in enumerate(records.timestamps_mu):
        wave = waves(rig, herald, tones[3 * k : 3 * k + 3])
        seen.setdefault((records.settings[k], records.types[k], own[k]), set()).add(wave)
    assert len(seen) == 6, "tests with both bits, key rounds with both bases and both bits"
    for x in (0, 1):
        assert len(set.union(*[found for (setting, *_), found in seen.items() if setting == x])) == 1


def test_bobs_second_basis_is_twice_the_pulse_of_his_first_setting(make_rig):
    rig = with_rig(make_rig, "bob")
    choices = np.tile([0, 1, 2, 3], 8)
    _, host = rig.measure(choices, log=True)
    analysis = round(1e9 * BOB.qubit.analysis.pi_time * BOB.qubit.angle / math.pi)
    at = round(1e9 * SCHEDULE.analysis_leader)
    open_for = {0: (1, 0, 0), 1: (1, 0, 0), 2: (0, 0, 0), 3: (1, 1, 0)}
    for choice, herald in zip(choices, host.records.timestamps_mu, strict=True):
        edges = waves(rig, herald, ())[0]
        assert edges[2:5] == tuple((at + i * analysis, level) for i, level in enumerate(open_for[int(choice)]))
        assert [level for _, level in edges[5:]] == [int(choice == 2), 0]


def test_alices_first_setting_must_not_rotate(make_rig):
    from dataclasses import replace

    rig = make_rig("alice")
    settings = rig.node.settings
    turned = replace(settings, qubit=replace(settings.qubit, amplitude=(1.0, 1.0, 0.0, 0.0)))
    rig.node.configure(turned)
    with pytest.raises(CalibrationError, match=r"qubit\.amplitude: with two key bases"):
        rig.node.configure(with_two_bases(turned))
