"""Predicted statistics of the published states against table S4, in the orientation that is no-signalling."""

import numpy as np
import pytest
from published_link import average_probabilities

from postprocess.characterisation.prediction import (
    best_analysis_phase,
    chsh_score,
    outcome_probabilities,
    qber,
    rxy,
)
from postprocess.characterisation.state_tomography import published_states, read_counts

# Nadlinger 2022, table S4, read with rows Bob and columns Alice as its marginals demand; here [A][B].
TABLE_S4 = {
    (0, 0): [[0.415, 0.0961], [0.0688, 0.42]],
    (0, 1): [[0.439, 0.0735], [0.0805, 0.4068]],
    (0, 2): [[0.5017, 0.011], [0.00339, 0.4839]],
    (1, 0): [[0.3928, 0.0851], [0.0916, 0.431]],
    (1, 1): [[0.082, 0.397], [0.437, 0.0841]],
}


@pytest.fixture(scope="module")
def phases():
    return {pattern: best_analysis_phase(state) for pattern, state in published_states().items()}


@pytest.fixture(scope="module")
def weights():
    return {pattern: int(sum(row.sum() for row in table.values())) for pattern, table in read_counts().items()}


def test_score_and_qber_averaged_over_heralds(phases, weights):
    states, total = published_states(), sum(weights.values())
    score = sum(weights[k] * chsh_score(states[k], phases[k]) for k in states) / total
    assert score == pytest.approx(2.680, abs=1e-3)
    assert sum(weights[k] * qber(states[k]) for k in states) / total == pytest.approx(0.0174, abs=2e-4)


def test_every_setting_agrees_with_table_s4(phases, weights):
    for setting, probabilities in average_probabilities(published_states(), phases, weights).items():
        assert np.abs(probabilities - TABLE_S4[setting]).max() < 0.03, setting


def test_key_rounds_have_the_sign_of_the_inverted_outcome(phases, weights):
    key = average_probabilities(published_states(), phases, weights)[0, 2]
    assert key[0, 1] == pytest.approx(0.0134, abs=1e-4)
    assert key[1, 0] == pytest.approx(0.0040, abs=1e-4)


def test_the_two_classes_of_patterns_differ_by_pi(phases):
    assert phases[0b0011] == pytest.approx(phases[0b1100], abs=0.04)
    assert phases[0b0101] == pytest.approx(phases[0b1010], abs=0.14)
    assert abs(phases[0b0101] - phases[0b0011]) == pytest.approx(np.pi, abs=0.1)
    states = published_states()
    assert abs(chsh_score(states[0b0101], phases[0b0011])) < 0.2


def test_half_a_radian_costs_the_score_a_sixteenth(phases):
    for pattern, state in published_states().items():
        shifted = chsh_score(state, phases[pattern] + 0.5)
        assert chsh_score(state, phases[pattern]) - shifted == pytest.approx(0.16, abs=0.02)


def test_pulses_turn_the_bloch_vector_the_stated_way():
    z = np.diag([1, -1])
    x, y = np.array([[0, 1], [1, 0]]), np.array([[0, -1j], [1j, 0]])
    for phi, observable in ((0, y), (np.pi / 2, -x), (np.pi, -y), (3 * np.pi / 2, x)):
        pulse = rxy(np.pi / 2, phi)
        assert np.allclose(pulse.conj().T @ z @ pulse, observable)


def test_a_perfect_pair_reaches_tsirelson():
    # On |01> - i|10>, Alice's Y reads Bob's X with the wrong sign: phi = pi/2 turns Bob's readout to -X.
    psi = np.array([0, 1, -1j, 0]) / np.sqrt(2)
    state = np.outer(psi, psi.conj())
    assert chsh_score(state, best_analysis_phase(state)) == pytest.approx(2 * np.sqrt(2))
    assert qber(state) == pytest.approx(0)
    assert outcome_probabilities(state, 0, 2, 0.0)[0, 0] == pytest.approx(0.5)
