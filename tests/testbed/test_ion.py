"""Pulses on the ion: rotations, detuning, phases, incoherent light; against textbook formulas."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from postprocess.characterisation.prediction import rxy
from testbed.physics import truth
from testbed.physics.ion import Ion, Light, Pulse

TRUTH = truth.NODE_TRUTHS["bob"]
FTW = {name: round(frequency * 2**32 / 1e9) for name, frequency in truth.RESONANCES.items()}
STILL = truth.NodeTruth(6.7e-6, 1e9, 1e9, 1e-5)  # never loses coherence
MAP_NS = int(truth.PI_TIMES_NS[truth.MAPPING])
PI_NS = truth.PI_TIMES_NS[truth.ANALYSIS]


def tracked(name, start, duration, phi=0.0, amplitude=1.0, frequency_offset=0.0):
    """A pulse whose DDS phase counts from the herald (time 0), as PHASE_MODE_TRACKING gives it."""
    ftw = FTW[name] + round(frequency_offset * 2**32 / 1e9)
    phase = (round(phi / (2 * math.pi) * 2**32) + ftw * start) & 0xFFFFFFFF
    return Pulse(start, duration, ftw, phase, amplitude)


def expected_effect(theta, phi):
    rotation = rxy(theta, phi)
    return rotation.conj().T @ np.diag([1, 0]) @ rotation


@pytest.mark.parametrize("theta", (0.0, math.pi / 4, math.pi / 2, math.pi))
@pytest.mark.parametrize("phi", (0.0, 1.0, 4.5))
@pytest.mark.parametrize("mapping_start, analysis_start", ((25_000, 75_000), (1_234, 99_992)))
def test_map_and_rotate_is_rxy_whenever_it_happens(theta, phi, mapping_start, analysis_start):
    pulses = (
        tracked(truth.MAPPING, mapping_start, MAP_NS),
        tracked(truth.ANALYSIS, analysis_start, int(PI_NS), phi, theta / math.pi),
    )
    assert Ion(STILL).herald_effect(pulses) == pytest.approx(expected_effect(theta, phi), abs=2e-4)


@given(st.floats(0, 6.2), st.floats(0, 6.2))
def test_only_the_difference_of_the_phases_counts(mapping_phi, analysis_phi):
    pulses = (
        tracked(truth.MAPPING, 25_000, MAP_NS, mapping_phi),
        tracked(truth.ANALYSIS, 75_000, int(PI_NS), analysis_phi, 0.5),
    )
    wanted = expected_effect(math.pi / 2, analysis_phi - mapping_phi)
    assert Ion(STILL).herald_effect(pulses) == pytest.approx(wanted, abs=5e-4)


def test_phases_from_another_reference_turn_with_the_beat():
    """A DDS tracked from `early` instead of the herald is off by the 14 MHz beat."""
    early = 1_030  # ns
    shift = 2 * math.pi * 14e6 * early * 1e-9
    mapping, analysis = tracked(truth.MAPPING, 25_000, MAP_NS), tracked(truth.ANALYSIS, 75_000, int(PI_NS), 0.0, 0.5)
    late = [pulse._replace(phase=(pulse.phase + pulse.ftw * early) & 0xFFFFFFFF) for pulse in (mapping, analysis)]
    wanted = expected_effect(math.pi / 2, shift)
    assert Ion(STILL).herald_effect(tuple(late)) == pytest.approx(wanted, abs=5e-4)
    assert abs(Ion(STILL).herald_effect((mapping, analysis)) - wanted).max() > 0.3


def test_without_mapping_everything_is_bright():
    assert Ion(STILL).herald_effect(()) == pytest.approx(np.eye(2))


@pytest.mark.parametrize("detuning", (0.0, 20e3, 83e3, -83e3, 400e3))
@pytest.mark.parametrize("duration", (3_000, 6_000, 14_500))
def test_detuned_rabi_flopping(detuning, duration):
    """P = Omega^2 / (Omega^2 + delta^2) sin^2(sqrt(Omega^2 + delta^2) t / 2) out of S1/2(-1/2)."""
    rabi, delta = math.pi / (PI_NS * 1e-9), 2 * math.pi * detuning
    general = math.hypot(rabi, delta)
    excited = (rabi / general) ** 2 * math.sin(general * duration * 1e-9 / 2) ** 2
    effect = Ion(STILL).effect((tracked(truth.ANALYSIS, 0, duration, frequency_offset=detuning),))
    assert effect[0, 0].real == pytest.approx(1 - excited, abs=1e-4)
    assert effect[1, 1].real == pytest.approx(1)


@given(st.floats(-300e3, 300e3), st.integers(100, 20_000), st.floats(0, 1), st.floats(0, 6))
def test_pulses_are_unitary(detuning, duration, amplitude, phi):
    unitary = Ion(STILL).unitary(tracked(truth.ANALYSIS, 8_000, duration, phi, amplitude, detuning))
    assert unitary @ unitary.conj().T == pytest.approx(np.eye(4), abs=1e-9)


def test_a_split_pulse_is_the_whole_pulse():
    """Two halves back to back, phases going on, turn as the whole does; with a detuning of 60 kHz too."""
    whole = (tracked(truth.ANALYSIS, 1_000, 4_000, 0.3, 1.0, 60e3),)
    halves = tuple(tracked(truth.ANALYSIS, start, 2_000, 0.3, 1.0, 60e3) for start in (1_000, 3_000))
    assert Ion(STILL).effect(halves) == pytest.approx(Ion(STILL).effect(whole), abs=1e-6)


@pytest.mark.parametrize("wait", (0, 1_000_000, 5_000_000))
def test_ramsey_contrast_falls_with_the_coherence_time(wait):
    half = int(PI_NS / 2)
    gap = wait
    contrast = []
    for phi in (0.0, math.pi):
        pulses = (tracked(truth.ANALYSIS, 0, half), tracked(truth.ANALYSIS, half + gap, half, phi))
        contrast.append(Ion(TRUTH).effect(pulses)[0, 0].real)
    visible = abs(contrast[0] - contrast[1])
    assert visible == pytest.approx(math.exp(-((gap * 1e-9 / TRUTH.optical_coherence_s) ** 2)), abs=0.01)


def test_a_tone_off_all_lines_does_nothing():
    stray = Pulse(0, 6_000, round(150e6 * 2**32 / 1e9), 0, 1.0)
    assert Ion(STILL).effect((stray,)) == pytest.approx(np.diag([1, 1, 0, 0]))


def test_shelving_error_is_caught_by_the_second_shelf():
    """A mapping pulse of 0.8 pi leaves S1/2(+1/2) half bright; the extra pi pulse to D5/2(+3/2) makes it dark."""
    short = tracked(truth.MAPPING, 25_000, int(0.8 * MAP_NS))
    shelf = tracked(truth.SHELVING, 85_000, int(truth.PI_TIMES_NS[truth.SHELVING]))
    ion = Ion(STILL)
    assert ion.herald_effect((short,))[1, 1].real > 0.09
    assert ion.herald_effect((short, shelf))[1, 1].real < 1e-3


def test_incoherent_light():
    ion = Ion(TRUTH)
    half = tracked(truth.ANALYSIS, 0, int(PI_NS / 2))
    tau = round(TRUTH.deshelving_s * 1e9)
    shelved = ion.effect((half, Light(10_000, tau, "deshelve")))[0, 0].real
    assert shelved == pytest.approx(1 - 0.5 * math.exp(-1), abs=1e-3)
    pumped = ion.effect((Light(0, 20_000, "pump"), tracked(truth.ANALYSIS, 30_000, int(PI_NS))))
    assert pumped[0, 0].real == pytest.approx(1)  # pumped into S1/2(+1/2), which the analysis line leaves alone
    mixed = ion.effect((Light(0, 20_000, "cool"), tracked(truth.ANALYSIS, 30_000, int(PI_NS))))
    assert mixed[0, 0].real == pytest.approx(0.5, abs=1e-3)
    assert abs(mixed[0, 1]) < 1e-12


def test_phase_error_shifts_the_analysis():
    pulses = (tracked(truth.MAPPING, 25_000, MAP_NS), tracked(truth.ANALYSIS, 75_000, int(PI_NS), 1.0, 0.25))
    wanted = expected_effect(math.pi / 4, 1.5)
    assert Ion(STILL, phase_error=0.5).herald_effect(pulses) == pytest.approx(wanted, abs=5e-4)
