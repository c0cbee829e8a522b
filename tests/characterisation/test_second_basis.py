"""The second key basis on known states: Q_1, and one analysis phase for tests and key rounds alike."""

import math

import numpy as np
import pytest

from node_bob.settings import DEFAULTS
from postprocess.characterisation.prediction import best_analysis_phase, chsh_score, qber, second_qber
from postprocess.characterisation.state_tomography import published_states
from postprocess.security.models import expected_second_qber
from testbed.physics.emulated_link import EmulatedLink

PHASES = np.linspace(0, 2 * math.pi, 721)


@pytest.mark.parametrize("place", range(4))
def test_the_phase_that_maximises_s_minimises_q1(place):
    """On the published states; Bob's default settings have it."""
    state = list(published_states().values())[place]
    least = min(second_qber(state, phase) for phase in PHASES)
    assert second_qber(state, best_analysis_phase(state)) == pytest.approx(least, abs=2e-5)
    phase = DEFAULTS.qubit.pattern_phase[place] + DEFAULTS.qubit.phase[3]
    assert second_qber(state, phase) == pytest.approx(least, abs=2e-5)


def test_q1_of_the_published_states():
    """Superpositions suffer more than populations: 3.5 % against 1.7 %."""
    states = published_states().values()
    assert np.mean([second_qber(state, best_analysis_phase(state)) for state in states]) == pytest.approx(
        0.0352, abs=2e-4
    )
    assert np.mean([qber(state) for state in states]) == pytest.approx(0.0175, abs=2e-4)


def test_q1_of_an_emulated_link_is_what_sessions_are_planned_with():
    for state in EmulatedLink(2.64, 0.018).states().values():
        phase = best_analysis_phase(state)
        assert chsh_score(state, phase) == pytest.approx(2.64, abs=1e-6)
        assert second_qber(state, phase) == pytest.approx(expected_second_qber(2.64, 0.018), abs=1e-6)
