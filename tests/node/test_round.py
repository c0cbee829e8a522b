"""One round on the emulated core device: the order of its steps, and times that tell nothing private."""

import math
from collections import defaultdict

import numpy as np
import pytest

from contract.patterns import PATTERNS
from node.schedule import RoundSchedule
from node.settings import with_barrier
from node_alice.settings import DEFAULTS as ALICE
from node_bob.settings import DEFAULTS as BOB
from testbed.drivers import core as core_module
from testbed.drivers.cpu import Cpu
from testbed.drivers.line import Line

SCHEDULE = RoundSchedule()
SETTINGS = {"alice": (0, 1), "bob": (0, 1, 2)}
ANALYSIS_AT = {"alice": SCHEDULE.analysis_follower, "bob": SCHEDULE.analysis_leader}
DEFAULTS = {"alice": ALICE, "bob": BOB}
READOUT_AFTER_ANALYSIS = 2 * SCHEDULE.pulse_slot


def us(time_mu):
    return round(time_mu / 1000, 3)


def rounds_of(rig, host):
    """Events of each round, time counted from its herald, up to the start of the next attempt window (included).

    After the last round there is no window; its events end with the round.
    """
    runs = rig.log.of("entangler", "run")
    for herald_mu in host.records.timestamps_mu:
        following = next((run.time_mu for run in runs if run.time_mu > herald_mu), int(herald_mu) + 425_000)
        yield [
            (e.time_mu - int(herald_mu), e.device, e.action, e.value) for e in rig.log.between(herald_mu, following + 1)
        ]


@pytest.mark.parametrize("name", ["alice", "bob"])
def test_steps_come_in_the_order_of_the_paper(make_rig, name):
    rig = make_rig(name)
    code, host = rig.measure([SETTINGS[name][-1]] * 3, log=True)
    assert code == 0
    for events in rounds_of(rig, host):
        switch = [us(t) for t, device, action, value in events if device == "ttl_urukul0_sw0" and action == "set"]
        loads = [us(t) for t, device, action, _ in events if action == "load"]
        gates = [(us(t), us(value)) for t, device, action, value in events if device == "pmt_counter" and t < 425_000]
        analysis = us(ANALYSIS_AT[name] * 1e9)
        duration = us(1e9 * DEFAULTS[name].qubit.analysis.pi_time * DEFAULTS[name].qubit.angle / math.pi)
        assert switch == [27, 32, analysis, analysis + duration, analysis + 10, analysis + 15]
        assert loads == [36, 425]
        assert gates == [(analysis + 20, 205)]
        deshelving = [us(t) for t, device, _, _ in events if device == "ttl_urukul1_sw2"]
        assert deshelving[:2] == [325, 425]
        assert deshelving[2:] in ([], [425, 725])  # scrambling, then again with the first cooling pulse


def test_bob_announces_after_isolation_and_on_one_line_only(make_rig):
    rig = make_rig("bob")
    settings = [0, 1, 2, 2, 1, 0]
    _, host = rig.measure(settings, log=True)
    for choice, events in zip(settings, rounds_of(rig, host), strict=True):
        pulses = {
            device: us(t) for t, device, action, value in events if device.startswith("ttl_round_type") and value == 1
        }
        assert pulses == {"ttl_round_type_key_0" if choice == 2 else "ttl_round_type_test": 68.0}


@pytest.mark.parametrize("name", ["alice", "bob"])
def test_times_do_not_depend_on_settings_or_outcomes(make_rig, name):
    """All RTIO events of a round, times and devices, are the same for X, Y, A and B; only the T line shows T."""
    rig = make_rig(name)
    settings = np.tile(SETTINGS[name], 64)[:64]
    _, host = rig.measure(settings, log=True)
    shapes, kinds = defaultdict(set), set()
    records = host.records
    for k, events in enumerate(list(rounds_of(rig, host))[:-1]):
        kinds.add((records.settings[k], records.outcomes[k], records.types[k]))
        end = next(t for t, device, action, _ in events if device == "entangler" and action == "run")
        shape = tuple(
            (t, "T" if device.startswith("ttl_round_type") else device, action) for t, device, action, _ in events
        )
        shapes[end].add(shape)
    assert len(kinds) >= 2 * len(SETTINGS[name])
    assert len(shapes) == 1, "the next window starts at different times"
    assert len(next(iter(shapes.values()))) == 1


def tones_of(rig, measured):
    """Tones that a node's qubit DDS starts while `measured()` runs, in their order."""
    dds, found = rig.physics.beams.dds["dds_qubit"], []
    update = dds.update

    def note(time):
        update(time)
        found.append(dds.tones[-1])

    dds.update = note
    return measured(), found


@pytest.mark.parametrize("name", ["alice", "bob"])
def test_every_pulse_tracks_its_phase_from_the_herald(make_rig, name):
    """Three tones of full amplitude; in turns at the herald: mapping and shelving 0, analysis that of setting and
    pattern. The switch opens for the mapping, and for the one of the other two that the setting wants."""
    rig = make_rig(name)
    choices = np.tile(SETTINGS[name], 22)[:64]
    (_, host), tones = tones_of(rig, lambda: rig.measure(choices, log=True))
    qubit, patterns = DEFAULTS[name].qubit, set()
    assert len(tones) == 3 * len(choices)
    for k, events in enumerate(rounds_of(rig, host)):
        setting, herald = int(host.records.settings[k]), int(host.records.timestamps_mu[k])
        index = PATTERNS.index(int(host.records.patterns[k]))
        patterns.add(index)
        assert herald % 8 == 0
        phases = (0.0, qubit.turns(setting, index), 0.0)
        lines = (qubit.mapping, qubit.analysis, qubit.shelving)
        rotates = qubit.amplitude[setting] == 1.0
        for tone, line, phase, used in zip(
            tones[3 * k : 3 * k + 3], lines, phases, (True, rotates, not rotates), strict=True
        ):
            assert tone.since % 8 == 0 and tone.amplitude > 0
            assert tone.ftw / 2**32 * 1e9 == pytest.approx(line.frequency, abs=0.3)
            if used:
                assert abs((tone.phase_at(herald) / 2**32 - phase + 0.5) % 1 - 0.5) < 3e-5
        switch = [value for _, device, action, value in events if device == "ttl_urukul0_sw0" and action == "set"]
        assert switch == [1, 0, int(rotates), 0, int(not rotates), 0]
    assert len(patterns) == 4


def test_alice_uses_x_only_in_test_rounds(make_rig):
    rig = make_rig("alice")
    _, host = rig.measure([1] * 64)
    assert set(host.records.types) == {0, 1}
    assert (host.records.settings == host.records.types).all()


def test_alices_outcome_is_inverted(make_rig):
    for name, bright in (("alice", 0), ("bob", 1)):
        rig = make_rig(name)
        _, host = rig.measure([0] * 64)
        threshold = DEFAULTS[name].readout.threshold
        assert ((host.records.counts > threshold) == (host.records.outcomes == bright)).all()
        assert set(host.records.outcomes) == {0, 1}


def test_the_phase_word_counts_from_the_herald_to_the_update(make_rig):
    """Case L11: the word is that of the tone's start, the update that clears the accumulator, not of the pulse."""
    rig = make_rig("bob")
    qubit = rig.node.station.qubit
    (_, host), tones = tones_of(rig, lambda: rig.measure(np.tile(SETTINGS["bob"], 22)[:16]))
    words = [qubit.mapping_high, None, qubit.shelving_high]
    for k, herald in enumerate(host.records.timestamps_mu):
        for tone, high in zip(tones[3 * k : 3 * k + 3], words, strict=True):
            assert tone.origin == tone.since
            if high is not None:
                turned = (tone.since - int(herald)) * tone.ftw
                assert int(high) & 0xFFFF == turned >> 16 & 0xFFFF == tone.phase >> 16


@pytest.mark.parametrize("name", ["alice", "bob"])
def test_the_first_tone_and_step_wait_for_the_herald(make_rig, name):
    """Between herald and disconnection nothing is sent to DDS and DAC: their words are there already."""
    rig = make_rig(name)
    sent = []
    for device, method in (("dds_qubit", "write64"), ("zotino0", "write_dac_mu")):
        driver = rig.worker.devices.get(device)
        add = getattr(driver, method)

        def note(*args, _add=add, _device=device):
            sent.append((_device, rig.core.timeline.now))
            _add(*args)

        setattr(driver, method, note)
    _, host = rig.measure([SETTINGS[name][-1]] * 8)
    for herald in host.records.timestamps_mu:
        assert not [device for device, time in sent if herald <= time < herald + 1000 * us_of("disconnect")]
    assert len(sent) >= 8 * (3 + 4)


def us_of(name):
    return round(1e6 * getattr(SCHEDULE, name))


class NotingCpu(Cpu):
    """Also notes (time, how early the CPU was) of every output."""

    def __init__(self, core):
        super().__init__(core)
        self.slack = []

    def submit(self, time, channel, cost_mu):
        super().submit(time, channel, cost_mu)
        self.slack.append((time, time - self.wall))


@pytest.mark.parametrize("barrier", [False, True])
@pytest.mark.parametrize("name", ["alice", "bob"])
def test_the_cpu_is_early_with_every_output(make_rig, name, barrier, monkeypatch):
    """By at least 20 us, in rounds and between windows, with the emulated cost of an output and of a read."""
    monkeypatch.setattr(core_module, "Cpu", NotingCpu)
    monkeypatch.setattr(core_module, "Line", Line)
    rig = make_rig(name)
    if barrier:
        rig.node.configure(with_barrier(rig.node.settings))
    _, host = rig.measure([SETTINGS[name][-1]] * 12)
    first, last = int(host.records.timestamps_mu[0]), int(host.records.timestamps_mu[-1]) + 425_000
    measured = [early for time, early in rig.core.cpu.slack if first <= time <= last]
    assert len(measured) > 500 and min(measured) >= 20_000
