"""A link of chosen S, Q and herald rate: its states, and what both nodes then measure."""

import math

import numpy as np
import pytest
from pair_kit import measure, score

from node_bob.settings import BOB_QUBIT
from postprocess.characterisation.prediction import chsh_score, qber
from postprocess.characterisation.state_tomography import published_states
from testbed.physics import laboratory, truth
from testbed.physics.emulated_link import EmulatedLink, scores_at


@pytest.mark.parametrize(("s", "q"), [(2.64, 0.018), (2.0, 0.05), (2.6, 0.0), (1.5, 0.018), (scores_at(0.1)[1], 0.1)])
def test_states_have_the_chosen_score_and_error_rate(s, q):
    for phase, state in zip(BOB_QUBIT.pattern_phase, EmulatedLink(s, q).states().values(), strict=True):
        assert np.trace(state) == pytest.approx(1) and np.linalg.eigvalsh(state).min() > -1e-12
        assert chsh_score(state, phase) == pytest.approx(s, abs=1e-6)
        assert qber(state) == pytest.approx(q)


def test_visibility_is_that_of_a_werner_state():
    link = EmulatedLink.of_visibility(0.95)
    assert link.score == pytest.approx(2 * math.sqrt(2) * 0.95) and link.qber == pytest.approx(0.025)


def test_by_default_it_is_the_published_link():
    assert EmulatedLink().states() is published_states()
    assert EmulatedLink().success_per_attempt == truth.SUCCESS_PER_ATTEMPT


@pytest.mark.parametrize("bad", [{"score": 2.8, "qber": 0.05}, {"score": 2.6}, {"herald_rate_hz": 1e4}])
def test_impossible_links_are_refused(bad):
    with pytest.raises(ValueError, match="the link"):
        EmulatedLink(**bad)


def test_the_laboratory_keeps_it(tmp_path):
    link = EmulatedLink(2.5, 0.03, 20.0)
    laboratory.create(tmp_path / "lab", seed=3, link=link)
    assert laboratory.open_laboratory(tmp_path / "lab").link == link


def test_what_both_nodes_measure(tmp_path):
    link = EmulatedLink(2.2, 0.1, 250.0)
    pair = measure(tmp_path, 3000, link=link)
    s, q = score(pair)
    assert s == pytest.approx(link.score, abs=5 * 0.07) and q == pytest.approx(link.qber, abs=5 * 0.011)
    per_round = np.mean(pair.bob.attempts) * link.success_per_attempt
    assert per_round == pytest.approx(1.0, abs=5 / math.sqrt(3000))
