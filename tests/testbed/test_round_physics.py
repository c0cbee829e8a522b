"""From kernel pulses to correlations: table S4, phases, a missing shuttle; on the nodes' own kernels."""

import json
from pathlib import Path

import numpy as np
import pytest
from testbed_kit import node_experiment, run_blocks

from contract.patterns import PATTERNS
from postprocess.characterisation.prediction import outcome_probabilities
from postprocess.characterisation.state_tomography import published_states

FIGURES = json.loads((Path(__file__).parents[1] / "data" / "reference_figures.json").read_text())
TABLE = FIGURES["table_S4_probabilities"]
T_LINE = "round_type"
SETTINGS = {"alice": (0, 1), "bob": (0, 1, 2)}


def effects(node, prepare=lambda built: None, rounds=400):
    """(pattern, setting used) -> effect operator of 'bright' that the kernels' pulses made, and the records."""
    built, devices = node_experiment(node, seed=11)
    state = devices.get("laboratory").round
    seen = []
    herald_effect = state.ion.herald_effect

    def spy(programme):
        found = herald_effect(programme)
        seen.append((state.herald, state.pattern, found))
        return found

    state.ion.herald_effect = spy
    state.cached = 0
    prepare(built)
    draw = np.random.default_rng(5)
    code, host = run_blocks(built, draw.choice(SETTINGS[node], rounds))
    assert code == 0
    assert len(host.records) == rounds
    by_herald = {herald: (pattern, effect) for herald, pattern, effect in seen}
    found = {}
    for i, record in enumerate(host.records):
        pattern, effect = by_herald[i + 1]
        assert record[0] == pattern
        found.setdefault((pattern, record[2]), []).append(effect)  # X = 0 in key rounds, whatever she drew
    return found, host.records


def mean_effects(found):
    return {key: np.mean(values, axis=0) for key, values in found.items()}


def joint(alice, bob):
    """P(A, B | X, Y) averaged over patterns; Alice's bright is 0, Bob's bright is 1."""
    states = published_states()
    identity = np.eye(2)
    table = {}
    for x, y in ((0, 0), (0, 1), (1, 0), (1, 1), (0, 2)):
        total = np.zeros((2, 2))
        for pattern in PATTERNS:
            a, b = alice[pattern, x], bob[pattern, y]
            for i, mine in enumerate((a, identity - a)):
                for j, theirs in enumerate((identity - b, b)):
                    total[i, j] += np.trace(states[pattern] @ np.kron(mine, theirs)).real / 4
        table[x, y] = total
    return table


def chsh(table):
    value = {key: p[0, 0] + p[1, 1] - p[0, 1] - p[1, 0] for key, p in table.items()}
    return value[0, 0] + value[0, 1] + value[1, 0] - value[1, 1]


@pytest.fixture(scope="module")
def alice():
    return effects("alice")[0]


@pytest.fixture(scope="module")
def bob():
    return effects("bob")[0]


def test_the_same_setting_makes_the_same_pulses_every_round(alice, bob):
    for found in (alice, bob):
        for values in found.values():
            assert np.ptp(values, axis=0).max() < 1e-9


def test_table_s4_setting_by_setting(alice, bob):
    table = joint(mean_effects(alice), mean_effects(bob))
    for (x, y), found in table.items():
        assert found == pytest.approx(np.array(TABLE[f"X{x}Y{y}"]), abs=0.03), (x, y)


def test_score_and_qber_are_those_of_the_ideal_protocol(alice, bob):
    table = joint(mean_effects(alice), mean_effects(bob))
    assert chsh(table) == pytest.approx(2.68, abs=0.005)
    assert table[0, 2][0, 1] + table[0, 2][1, 0] == pytest.approx(0.0174, abs=0.001)


def test_pulses_are_the_protocols_rotations(alice, bob):
    """Against the prediction, which applies the rotations directly; the rest is 100 us of dephasing."""
    from node_bob.settings import DEFAULTS

    mine, theirs = mean_effects(alice), mean_effects(bob)
    phases = dict(zip(PATTERNS, DEFAULTS.qubit.pattern_phase, strict=True))
    for pattern, state in published_states().items():
        for x, y in ((0, 0), (1, 0), (1, 1), (0, 2)):
            a, b = mine[pattern, x], theirs[pattern, y]
            bright_bright = np.trace(state @ np.kron(a, b)).real
            assert bright_bright == pytest.approx(outcome_probabilities(state, x, y, phases[pattern])[0, 1], abs=2e-3)


def test_wrong_reference_time_washes_the_correlations_out(alice):
    """If Bob's phases count from time zero, the 14 MHz beat makes them random from herald to herald."""

    def forget_herald(built):
        dds = built.node.station.qubit.dds_qubit
        update = dds.update

        def from_zero(time):
            update(time)
            dds.tones[-1] = dds.tones[-1]._replace(origin=0)

        dds.update = from_zero

    bob, _ = effects("bob", forget_herald)
    spread = [np.ptp([effect[0, 1].real for effect in values]) for (_, y), values in bob.items() if y < 2]
    assert min(spread) > 0.3
    wrong = chsh(joint(mean_effects(alice), mean_effects(bob)))
    assert abs(wrong) < 2.2


def test_phase_of_the_other_class_of_patterns_brings_s_near_zero(alice):
    def one_phase(built):
        qubit = built.node.station.qubit
        qubit.analysis_turns = [qubit.analysis_turns[4 * (i // 4)] for i in range(16)]

    bob, _ = effects("bob", one_phase)
    table = joint(mean_effects(alice), mean_effects(bob))
    assert abs(chsh(table)) < 1.5


def test_outcomes_follow_the_pulses_not_the_setting():
    """With the 674 nm amplitude at zero the ion stays in S1/2: always bright, for every setting."""

    def no_light(built):
        built.node.station.qubit.dds_qubit.amplitude_to_asf = lambda amplitude: 0

    for node, bright in (("alice", 0), ("bob", 1)):
        _, records = effects(node, no_light, rounds=60)
        assert all(record[1] == bright for record in records)


def test_nothing_configured_no_heralds():
    """Each of these alone leaves the attempt loop without heralds; with all of them there are some."""

    def rounds(spoil):
        built, _ = node_experiment("bob", seed=2)
        built.node.station.heralding.windows = 40
        spoil(built)
        return len(run_blocks(built, [2] * 5)[1].records)

    def no_pump(built):
        built.node.station.heralding.timings_mu[1] = 80

    def no_excitation(built):
        built.node.station.heralding.timings_mu[5] = built.node.station.heralding.timings_mu[4]

    def late_gates(built):
        built.node.station.heralding.gate_start_mu = 60

    def no_patterns(built):
        built.node.station.heralding.patterns = [0b1111, 0b0001, 0b0010, 0b0100]

    def displaced(built):
        built.node.station.shuttle.connected_volts = [1.0] * 4

    assert rounds(lambda built: None) >= 1
    for spoil in (no_pump, no_excitation, late_gates, no_patterns, displaced):
        assert rounds(spoil) == 0, spoil.__name__


def test_constant_time_from_herald_to_reconnection():
    """Everything visible from outside the node happens at the same times after the herald, whatever setting and
    outcome."""
    for node in ("alice", "bob"):
        built, devices = node_experiment(node, seed=3)
        log = devices.get("core").start_log()
        _, host = run_blocks(built, [0, 1, 1, 0, 2, 2, 1, 0] if node == "bob" else [0, 1, 1, 0, 1, 0, 1, 0])
        heralds = [e.value[0] for e in log.of("entangler", "run") if e.value[1] != 0x3FFF]
        assert len(heralds) == 8
        shapes = {
            tuple((e.time_mu - at, e.device, e.action) for e in log.between(at, at + 426_000) if T_LINE not in e.device)
            for at in heralds[:-1]  # the last round runs into the end of the kernel
        }
        outcomes = {(record[1], record[2]) for record in host.records}
        assert len(outcomes) > 2
        assert len(shapes) == 1
