"""One round on the emulated core device: the order of its steps, and times that tell nothing private."""

import math
from collections import defaultdict

import numpy as np
import pytest

from contract.patterns import PATTERNS
from node.schedule import RoundSchedule
from node_alice.settings import DEFAULTS as ALICE
from node_bob.settings import DEFAULTS as BOB
from testbed.drivers import ad9910

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
        assert switch == [25, 30, analysis, analysis + duration, analysis + 10, analysis + 15]
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
        assert pulses == {"ttl_round_type_key" if choice == 2 else "ttl_round_type_test": 68.0}


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


@pytest.mark.parametrize("name", ["alice", "bob"])
def test_every_pulse_tracks_its_phase_from_the_herald(make_rig, name):
    """Tones, in turns at the herald: mapping 0, analysis that of setting and pattern, amplitude 0 where not wanted."""
    rig = make_rig(name)
    choices = np.tile(SETTINGS[name], 22)[:64]
    dds, seen = rig.physics.beams.dds["dds_qubit"], []
    finish = rig.physics.begin_round
    rig.physics.begin_round = lambda *args, **kwargs: (seen.append(len(tones)), finish(*args, **kwargs))[1]
    tones = []
    add = dds.set_mu

    def note(*args):
        word = add(*args)
        tones.append(dds.tones[-1])
        return word

    dds.set_mu = note
    _, host = rig.measure(choices)
    qubit, patterns = DEFAULTS[name].qubit, set()
    assert len(tones) == 3 * len(choices)
    for k in range(len(choices)):
        setting, herald = int(host.records.settings[k]), int(host.records.timestamps_mu[k])
        index = PATTERNS.index(int(host.records.patterns[k]))
        patterns.add(index)
        mapping, analysis, shelving = tones[3 * k : 3 * k + 3]
        for tone, line in zip(
            (mapping, analysis, shelving), (qubit.mapping, qubit.analysis, qubit.shelving), strict=True
        ):
            assert tone.origin == herald and herald % 8 == 0
            assert tone.ftw / 2**32 * 1e9 == pytest.approx(line.frequency, abs=0.3)
        assert mapping.phase == 0 and mapping.amplitude > 0
        assert analysis.phase / 2**32 == pytest.approx(qubit.turns(setting, index), abs=2e-5)
        assert (analysis.amplitude > 0) == (qubit.amplitude[setting] == 1.0)
        assert (shelving.amplitude > 0) == (qubit.amplitude[setting] == 0.0)
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


def test_the_phase_word_is_that_of_the_driver(make_rig):
    """Case L11: the word counts the turns from the herald to the end of set_cfr1, not to the pulse's own start."""
    rig = make_rig("bob")
    dds, seen = rig.physics.beams.dds["dds_qubit"], []
    add = dds.set_mu

    def note(ftw, pow_, asf, mode, reference):
        word = add(ftw, pow_, asf, mode, reference)
        seen.append((int(ftw) & 0xFFFFFFFF, int(pow_), int(reference), word, dds.tones[-1].since))
        return word

    dds.set_mu = note
    rig.measure(np.tile(SETTINGS["bob"], 22)[:16])
    assert len(seen) == 3 * 16
    for ftw, pow_, reference, word, update in seen:
        turns = (update - ad9910.PROFILE_MU - reference) * ftw
        assert word == (pow_ + (turns >> 16)) & 0xFFFF
