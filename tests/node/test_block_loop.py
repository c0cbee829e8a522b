"""The block loop on the emulated core device: exact counts whatever happens, and every fault by its own code."""

import numpy as np
import pytest
from artiq.coredevice.exceptions import RTIOOverflow

from contract import codes
from contract import record_layout as layout
from testbed.physics.faults import Fault, Faults


def choices(count, seed=3, highest=1):
    return np.random.default_rng(seed).integers(0, highest + 1, count)


def test_blocks_of_any_length_come_back_whole_and_in_order(make_rig):
    rig = make_rig("bob")
    blocks = [choices(count, seed=count, highest=2) for count in (64, 1, 17, 33)]
    code, host = rig.measure(*blocks)
    assert code == codes.LEFT_BY_HOST
    assert host.calls == ["next", "keep"] * 4 + ["next"]
    assert [(sequence, first, count) for sequence, first, count, _ in host.kept] == [
        (1, 1000, 64),
        (2, 2000, 1),
        (3, 3000, 17),
        (4, 4000, 33),
    ]
    last = 0
    for block, (_, _, _, records) in zip(blocks, host.kept, strict=True):
        assert (records.settings == block).all()
        assert (records.types == (block != 2)).all()
        assert not records.flags.any()
        assert records.timestamps_mu[0] > last and (np.diff(records.timestamps_mu) > 725_000).all()
        last = records.timestamps_mu[-1]


def test_attempts_come_from_timestamps(make_rig):
    rig = make_rig("bob")
    _, host = rig.measure(choices(64, highest=2))
    stream = rig.physics.loop.stream
    for k, attempts in enumerate(host.records.attempts):
        needed, pattern = stream[k + 1]
        assert 0 <= attempts - needed <= 1 + needed // 500  # the trigger may add a cycle to each window
        assert host.records.patterns[k] == pattern


def test_the_kernel_can_be_entered_again_and_again(make_rig):
    """A reset clears the entangler; heralds after it show that timings, patterns and enable were written again."""
    rig = make_rig("bob")
    for _ in range(3):
        code, host = rig.measure(choices(5, highest=2))
        assert code == codes.LEFT_BY_HOST and len(host.records) == 5


@pytest.mark.parametrize("name", ["alice", "bob"])
def test_an_underflow_leaves_the_round_recorded_once_with_a_flag(make_rig, name):
    rig = make_rig(name, [Fault("underflow", node=name, round=4)])
    block = choices(10, highest=1)
    code, host = rig.measure(block)
    assert code == codes.UNDERFLOW
    assert host.calls == ["next", "keep"]
    assert host.kept[0][2] == 4
    assert host.records.flags.tolist() == [0, 0, 0, layout.FLAG_UNDERFLOW]
    assert host.records.outcomes[3] == 0
    assert host.records.patterns[3] == rig.physics.loop.stream[4][1]
    if name == "bob":
        assert (host.records.settings == block[:4]).all() and host.records.types[3] == 1
    code, host = rig.measure(block[4:])
    assert (code, host.kept[0][2]) == (codes.LEFT_BY_HOST, 6)


def test_an_overflow_leaves_the_round_recorded_once_with_a_flag(make_rig):
    rig = make_rig("bob")
    fetch, readouts = rig.physics.dmgr.get("pmt_counter").fetch_count, []

    def overflowing():
        if rig.physics.round.open:
            readouts.append(1)
            if len(readouts) == 3:
                raise RTIOOverflow("too late")
        return fetch()

    rig.physics.dmgr.get("pmt_counter").fetch_count = overflowing
    code, host = rig.measure(choices(10))
    assert code == codes.OVERFLOW
    assert host.records.flags.tolist() == [0, 0, layout.FLAG_OVERFLOW]
    assert host.records.outcomes[2] == 0


def test_an_exception_nobody_foresaw_loses_no_earlier_round(make_rig):
    import emulated

    rig = make_rig("bob")
    counter = rig.physics.dmgr.get("pmt_counter")
    fetch, readouts = counter.fetch_count, []

    def broken():
        if rig.physics.round.open:
            readouts.append(1)
            if len(readouts) == 4:
                raise ValueError("DAC over temperature")
        return fetch()

    counter.fetch_count = broken
    host = emulated.Host(choices(10))
    rig.node.blocks.allocate(host.block_rounds)
    rig.node.blocks.host = host
    with pytest.raises(ValueError, match="over temperature"):
        rig.node.blocks.measure()
    assert host.kept[0][2] == 3 and not host.records.flags.any()


def test_an_underflow_before_a_herald_drops_and_adds_no_round(make_rig):
    rig = make_rig("bob")
    loop_run = type(rig.physics.attempts(rig.physics.dmgr.get("entangler"))).run
    rig.physics.dmgr.get("entangler")._loop = None
    late = []

    def run(self, start, duration):
        if len(late) == 20:
            rig.core.wall += 5_000_000
        late.append(1)
        return loop_run(self, start, duration)

    loop = rig.physics.dmgr.get("entangler").loop
    loop.run = run.__get__(loop)
    code, host = rig.measure(choices(20))
    assert code == codes.UNDERFLOW
    assert not host.records.flags.any()
    assert host.kept[0][2] == len(host.records) == loop.site.round.heralds_seen


@pytest.mark.parametrize("edges", [[], [(0, -1), (1, -1)], [(0, -1), (0, -1)]])
def test_a_round_type_that_is_not_one_edge_is_a_fault_not_a_value(make_rig, edges):
    rig = make_rig("alice")
    right = rig.physics.partner.edges
    rig.physics.partner.edges = lambda herald: edges if herald == 3 else right(herald)
    code, host = rig.measure([1] * 10)
    assert code == codes.ROUND_TYPE_FAULT
    assert host.records.flags.tolist() == [0, 0, layout.FLAG_ROUND_TYPE]
    assert (host.records.outcomes[2], host.records.settings[2], host.records.types[2]) == (0, 0, 0)


def test_a_lost_ion_leaves_between_rounds(make_rig):
    rig = make_rig("bob", [Fault("ion lost", round=5)])
    code, host = rig.measure(choices(10))
    assert code == codes.ION_LOST
    assert host.kept[0][2] == 4 and not host.records.flags.any()
    rig.physics.faults = Faults((), "bob")
    code, host = rig.measure(choices(6))
    assert (code, host.kept[0][2]) == (codes.LEFT_BY_HOST, 6)


def test_an_unlocked_laser_leaves_before_the_next_attempt(make_rig):
    rig = make_rig("alice", [Fault("laser unlocked", node="alice", round=3)])
    code, host = rig.measure([1] * 10)
    assert code == codes.LASER_UNLOCKED
    assert host.kept[0][2] == 2 and not host.records.flags.any()


def test_a_dead_link_is_noticed(make_rig):
    rig = make_rig("bob", [Fault("link dead", round=3)])
    rig.node.station.heralding.windows = 200
    code, host = rig.measure(choices(10))
    assert code == codes.NO_HERALD
    assert host.kept[0][2] == 2


def test_a_late_partner_costs_only_time(make_rig):
    rig = make_rig("bob", [Fault("partner late", round=3, value=40)])
    code, host = rig.measure(choices(6))
    assert code == codes.LEFT_BY_HOST
    assert host.records.attempts[2] >= 40 * 500


def test_after_any_end_the_ion_is_home_and_cooled(make_rig):
    rig = make_rig("bob", [Fault("underflow", round=2)])
    rig.measure(choices(4), log=True)
    cooling, repump, deshelve, pump = (f"ttl_urukul1_sw{number}" for number in range(4))
    expected = {cooling: 1, repump: 1, deshelve: 0, pump: 0, "ttl_urukul0_sw0": 0}
    for line, level in expected.items():
        assert rig.log.of(line, "set")[-1].value == level, line
    volts = [load.value[:4] for load in rig.log.of("spi_zotino0", "load")]
    assert volts[-1] == volts[0] and len(set(volts)) == 2


class Trouble(Exception):
    """Raised by a host's side in these tests."""


def test_trouble_in_handing_out_ends_the_loop_in_order(make_rig):
    rig = make_rig("bob")

    def next_block(self=None):
        raise Trouble("the peer is gone")

    import emulated

    host = emulated.Host(choices(4))
    host.next_block = next_block
    rig.node.blocks.host = host
    with pytest.raises(Trouble, match="the peer is gone"):
        rig.node.blocks.measure()
    assert rig.physics.round.heralds_seen == 0
    code, _ = rig.measure(choices(2))
    assert code == codes.LEFT_BY_HOST


def test_trouble_in_keeping_stops_before_the_next_block(make_rig):
    rig = make_rig("bob")
    import emulated

    host = emulated.Host(choices(4), choices(4))

    def keep_block(*args):
        raise Trouble("disk full")

    host.keep_block = keep_block
    rig.node.blocks.allocate(64)
    rig.node.blocks.host = host
    with pytest.raises(Trouble, match="disk full"):
        rig.node.blocks.measure()
    assert host.calls == ["next"]
    assert rig.physics.round.heralds_seen == 4


def test_a_block_of_the_wrong_size_never_starts(make_rig):
    rig = make_rig("bob")
    import emulated

    rig.node.blocks.allocate(1000)
    rig.node.blocks.host = emulated.Host(choices(4))
    with pytest.raises(RuntimeError, match="block of 8 words for a buffer of 67"):
        rig.node.blocks.measure()
    assert rig.physics.round.heralds_seen == 0


def test_without_an_experiment_there_is_nothing_to_measure(make_rig):
    assert make_rig("alice").node.blocks.measure() == codes.LEFT_BY_HOST


def test_recovery_sees_ion_and_laser(make_rig):
    rig = make_rig("bob", [Fault("laser unlocked", round=1, value=0.5)])
    assert rig.node.recovery.ion_is_back(50)
    rig.core.on_kernel.append(lambda started: rig.physics.trap.stay_away())
    assert not rig.node.recovery.ion_is_back(50)
    rig.core.on_kernel.pop()
    assert rig.node.recovery.laser_is_locked()
    rig.measure(choices(3))
    assert not rig.node.recovery.laser_is_locked()
