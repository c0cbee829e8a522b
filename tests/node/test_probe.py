"""Shots on the ion and windows of the attempt loop outside of rounds: order, times and phases of what goes out."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from node.shots.attempt_counter import ATTEMPTS, AttemptCounter, WindowError, window_words
from node.shots.point_loop import POINT_WORDS, PointLoop
from node.shots.probe import Probe
from node.shots.shot import FIRST_PULSE, GAP, MAX_PULSES, PULSES, READOUT_AT, Shot, ShotError
from node_bob.settings import DEFAULTS
from testbed.drivers.ad9910 import PROFILE_MU
from testbed.physics import truth

LINE = DEFAULTS.qubit.mapping


class Points:
    """The host's side: points from a list, counts kept."""

    def __init__(self, *points):
        self.points, self.kept = list(points), []

    def next_point(self):
        return self.points.pop(0) if self.points else []

    def keep_point(self, index, counts):
        self.kept.append((index, list(counts)))


def measure(rig, task_class, *points, shots=None):
    """(code, counts per point, task) of a loop around a task on this rig."""
    node = rig.node
    task = task_class(node, node.station, DEFAULTS)
    loop = PointLoop(node, node.station, task, DEFAULTS)
    loop.host = Points(*points)
    if shots:
        task.allocate(shots)
    rig.log = rig.core.start_log()
    return loop.measure(), loop.host.kept, task


class Words:
    """Stands for the DDS where only a shot's words matter."""

    frequency_to_ftw = staticmethod(lambda frequency: round(frequency))
    turns_to_pow = staticmethod(lambda turns: round(turns * 65536) & 0xFFFF)
    amplitude_to_asf = staticmethod(lambda amplitude: round(amplitude * 0x3FFF))


def test_steps_of_a_shot_come_in_order_and_at_their_times(make_rig):
    rig = make_rig("bob")
    shot = Shot(DEFAULTS).pump().pi(LINE).pulse(214e6, 3e-6, turns=0.25, after=20e-6).deshelve(2e-6)
    words = shot.words(4, 3, rig.worker.devices.get("dds_qubit"))
    code, kept, _ = measure(rig, Probe, words, shots=3)
    assert code == 0 and [index for index, _ in kept] == [4] and len(kept[0][1]) == 3
    pumps = [e.time_mu for e in rig.log.of("ttl_urukul1_sw3", "set") if e.value == 1]
    assert len(pumps) == 3
    for start in pumps:
        assert start % 8 == 0
        events = [
            (round((e.time_mu - start) / 1000, 3), e.device, e.value)
            for e in rig.log.between(start, start + 400_000)
            if e.action == "set"
        ]
        times = {
            name: [t for t, device, _ in events if device == name]
            for name in ("ttl_urukul1_sw3", "ttl_urukul0_sw0", "ttl_urukul1_sw2", "ttl_urukul1_sw0")
        }
        assert times["ttl_urukul1_sw3"][:2] == [0, 10]
        assert times["ttl_urukul0_sw0"][:4] == [14, 19, 39.0, 42.0]
        assert times["ttl_urukul1_sw2"][:2] == [43, 45]
        assert times["ttl_urukul1_sw0"][:2] == [46, 251]
        gates = [e for e in rig.log.between(start, start + 260_000) if e.action == "gate"]
        assert [((e.time_mu - start) / 1000, e.value / 1000) for e in gates] == [(46, 205)]


def test_pulses_of_a_shot_share_one_reference_time(make_rig):
    rig = make_rig("bob")
    dds, tones = rig.physics.beams.dds["dds_qubit"], []
    program = dds.set_mu

    def note(*arguments):
        word = program(*arguments)
        if arguments[3] == 2:
            tones.append(dds.tones[-1])
        return word

    dds.set_mu = note
    shot = Shot(DEFAULTS).pump().pi(LINE).pulse(214e6, 3e-6, turns=0.25).pulse(225e6, 1e-6, turns=1.5, amplitude=0.5)
    measure(rig, Probe, shot.words(0, 5, rig.worker.devices.get("dds_qubit")), shots=5)
    starts = [e.time_mu for e in rig.log.of("ttl_urukul1_sw3", "set") if e.value == 1]
    assert len(tones) == 15
    for k, start in enumerate(starts):
        mine = tones[3 * k : 3 * k + 3]
        assert [tone.origin for tone in mine] == [start + PROFILE_MU] * 3  # the lag of tracking mode
        assert [tone.phase / 2**32 for tone in mine] == pytest.approx([0, 0.25, 0.5], abs=1e-5)
        assert mine[2].amplitude == pytest.approx(mine[0].amplitude / 2, rel=1e-3)


def test_a_shot_without_pulses_is_bright(make_rig):
    rig = make_rig("alice")
    words = Shot(DEFAULTS).words(0, 50, rig.worker.devices.get("dds_qubit"))
    _, ((_, counts),), _ = measure(rig, Probe, words, shots=50)
    mean = (truth.BRIGHT_RATE + truth.DARK_RATE) * 205e-6
    assert np.mean(counts) == pytest.approx(mean, abs=5 * (mean / 50) ** 0.5)


@given(
    st.lists(st.tuples(st.floats(1e-7, 1e-4), st.floats(GAP, 1e-2)), max_size=MAX_PULSES),
    st.booleans(),
    st.floats(0, 1e-4),
)
def test_words_of_any_shot_fit_and_keep_their_order(pulses, pumped, deshelved):
    shot = Shot(DEFAULTS)
    if pumped:
        shot.pump()
    for duration, after in pulses:
        shot.pulse(200e6, duration, after=after)
    if deshelved:
        shot.deshelve(deshelved)
    words = shot.words(1, 2, Words)
    assert len(words) <= POINT_WORDS and words[PULSES] == len(pulses)
    end = words[2]
    for k in range(len(pulses)):
        start, duration = words[FIRST_PULSE + 5 * k + 3 : FIRST_PULSE + 5 * k + 5]
        assert start % 8 == 0 and start - end >= 3600  # time to program the DDS
        end = start + duration
    assert words[READOUT_AT] > end and words[READOUT_AT] % 8 == 0
    assert all(-(2**31) <= word < 2**31 for word in words)


def test_shots_that_cannot_be_programmed_are_refused():
    with pytest.raises(ShotError, match="programming it takes 4 us"):
        Shot(DEFAULTS).pulse(200e6, 1e-6, after=1e-6)
    shot = Shot(DEFAULTS)
    for _ in range(MAX_PULSES):
        shot.pi(LINE)
    with pytest.raises(ShotError, match="at most 3 pulses"):
        shot.pi(LINE)


@pytest.mark.parametrize("name", ["alice", "bob"])
def test_clicks_follow_the_gates_and_the_place_of_the_ion(make_rig, name):
    rig = make_rig(name)
    wide, narrow = (replace(DEFAULTS.attempts, gate=gate) for gate in ((8e-9, 120e-9), (8e-9, 10e-9)))
    points = [
        window_words(0, 40, 500, wide),
        window_words(1, 40, 500, narrow),
        window_words(2, 40, 500, wide, 30e-6),
        window_words(3, 40, 500, wide),
    ]
    code, kept, _ = measure(rig, AttemptCounter, *points)
    assert code == 0
    clicks = [sum(counts[:ATTEMPTS]) for _, counts in kept]
    assert [counts[ATTEMPTS] for _, counts in kept] == [20_000] * 4
    full = 20_000 * truth.STATION_EFFICIENCY
    assert abs(clicks[0] - full) < 5 * full**0.5 and abs(clicks[3] - full) < 5 * full**0.5
    assert clicks[1] == 0 and clicks[2] <= 1


@pytest.mark.parametrize("delay", [0.0, 12e-6, 30e-6])
def test_windows_begin_so_long_after_the_step(make_rig, delay):
    rig = make_rig("bob")
    measure(rig, AttemptCounter, window_words(0, 3, 20, DEFAULTS.attempts, delay))
    runs = [e.time_mu for e in rig.log.of("entangler", "run")]
    out = [e.time_mu for e in rig.log.of("spi_zotino0", "load") if e.value[0] > 0x8000]
    assert len(runs) == len(out) == 3
    for run, step in zip(runs, out, strict=True):
        assert run - step == pytest.approx(1e9 * delay, abs=16)


def test_no_excitation_no_clicks(make_rig):
    rig = make_rig("bob")
    attempts = replace(DEFAULTS.attempts, excitation=(600e-9, 600.1e-9))
    rig.node.station.configure(replace(DEFAULTS, attempts=attempts))
    _, ((_, counts),), _ = measure(rig, AttemptCounter, window_words(0, 20, 500, attempts))
    assert counts == [0, 0, 0, 0, 10_000]


@pytest.mark.parametrize("attempts", [0, 16_384])
def test_windows_that_the_gateware_cannot_count_are_refused(attempts):
    with pytest.raises(WindowError, match="counts 1 to 16383"):
        window_words(0, 1, attempts, DEFAULTS.attempts)
