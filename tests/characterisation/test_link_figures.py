"""S, Q and probabilities of recombined rounds: against table S4, a slow count, and their definitions."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from joint_cases import PATTERNS, joint
from published_link import average_probabilities

from postprocess.characterisation.link import SETTINGS, averages, joint_counts, link_quality, report, settings_of
from postprocess.characterisation.state_tomography import published_states
from postprocess.estimation.score_and_qber import chsh_score, qber

rounds = st.lists(
    st.tuples(st.integers(0, 1), st.integers(0, 2), st.integers(0, 1), st.integers(0, 1), st.integers(0, 3)),
    min_size=1,
    max_size=60,
)


def of(rows):
    x, y, a, b, k = np.array(rows, np.uint8).T
    return joint(x, y, a, b, PATTERNS[k])


@given(rounds)
def test_counts_are_those_of_a_slow_count(rows):
    expected = np.zeros((4, 2, 3, 2, 2), int)
    for x, y, a, b, k in rows:
        expected[k, x, y, a, b] += 1
    assert np.array_equal(joint_counts(of(rows)), expected)


@given(rounds, st.integers(1, 80))
def test_the_last_average_is_that_of_the_last_window(rows, window):
    strings = of(rows)
    found = averages(strings, window)
    part = slice(max(0, len(rows) - window), None)
    tail = [getattr(strings, name)[part] for name in "xyab"]
    assert found.score[-1] == pytest.approx(chsh_score(*tail).value, nan_ok=True)
    assert found.qber[-1] == pytest.approx(qber(*tail).value, nan_ok=True)
    assert found.round[-1] == len(rows) - 1
    width = found.score_high[-1] - found.score[-1]
    assert width == pytest.approx(1.96 * chsh_score(*tail).standard_error, rel=1e-3, nan_ok=True)


def test_averages_are_thinned_out_evenly():
    random = np.random.default_rng(1)
    n = 30_000
    strings = joint(random.integers(0, 2, n), random.integers(0, 3, n), *random.integers(0, 2, (2, n)))
    found = averages(strings, 1000, points=50)
    assert len(found.round) == 50 and (found.round[0], found.round[-1]) == (999, n - 1)
    assert np.ptp(np.diff(found.round)) <= 1
    assert np.all((found.score_low < found.score) & (found.score < found.score_high) & (found.qber_low >= 0))


def test_nothing_known_yet():
    assert len(averages(joint([], [], [], []), 100).round) == 0


def test_probabilities_of_the_published_states_come_back():
    """Rounds drawn from the tomography's states at Bob's default phases, pattern by pattern."""
    from node_bob.settings import BOB_QUBIT

    random = np.random.default_rng(2)
    phases = dict(zip((3, 5, 10, 12), BOB_QUBIT.pattern_phase, strict=True))
    expected = average_probabilities(published_states(), phases, dict.fromkeys(phases, 1.0))
    n = 20_000
    parts = []
    for (x, y), p in expected.items():
        outcome = random.choice(4, n, p=p.ravel() / p.sum())
        parts.append((np.full(n, x), np.full(n, y), outcome >> 1, outcome & 1))
    quality = link_quality(joint(*np.concatenate(parts, axis=1), PATTERNS[random.integers(0, 4, 5 * n)], lost=7))
    for k, setting in enumerate(SETTINGS[:-1]):
        assert quality.probabilities[k] == pytest.approx(expected[setting], abs=0.015)
    assert quality.score.value == pytest.approx(2.68, abs=0.05)
    assert quality.qber.value == pytest.approx(0.0174, abs=0.004)
    text = report(quality)
    assert "X = 1, Y = 1" in text and "7 rounds with a fault" in text and len(text.splitlines()) == 13


def test_the_report_counts_rounds_even_without_a_score():
    """Usability case 11: the column added the rounds of S and of Q, and lost the tests while S was unknown."""
    zeros = [0, 0, 0, 0, 0]
    quality = link_quality(joint(zeros, [0, 0, 2, 2, 0], zeros, zeros, PATTERNS[[0, 0, 1, 1, 2]]))
    lines = report(quality).splitlines()
    columns = [line[14:23].split() for line in lines[1:6]]
    assert columns == [["5"], ["2"], ["2"], ["1"], ["0"]]
    assert "nan" not in "\n".join(lines[1:6]) and lines[1].count("no S yet") == 1


@given(rounds)
def test_no_figure_of_a_report_has_an_error_of_zero(rows):
    """Usability case 26: no error among 150 rounds is not 0.00 +- 0.00 %."""
    x, y, a, _, k = np.array(rows, np.uint8).T
    quality = link_quality(joint(x, y, a, a, PATTERNS[k]))  # A = B in every round
    for estimate in (quality.score, quality.qber, *quality.score_of, *quality.qber_of):
        assert estimate.rounds == 0 or estimate.standard_error > 0
    moving = averages(joint(x, y, a, a, PATTERNS[k]), 10)
    known = np.isfinite(moving.score)
    assert (moving.score_high[known] > moving.score_low[known]).all()
    known = np.isfinite(moving.qber)
    assert (moving.qber_high[known] > moving.qber_low[known]).all()


def test_the_second_key_basis_has_its_own_rate_and_its_own_row():
    x, y = [0, 1, 1, 1, 1, 0], [2, 3, 3, 3, 3, 0]
    quality = link_quality(joint(x, y, [0, 1, 0, 1, 1, 0], [0, 1, 1, 1, 1, 0], PATTERNS[[0, 0, 0, 1, 1, 2]]))
    assert (quality.qber2.value, quality.qber2.rounds, quality.qber.rounds) == (0.25, 4, 1)
    assert [(each.value, each.rounds) for each in quality.qber2_of[:2]] == [(0.5, 2), (0.0, 2)]
    assert quality.counts.shape == (4, 2, 4, 2, 2) and quality.counts.sum() == 6
    assert settings_of(quality.counts)[-1] == (1, 3)
    assert quality.probabilities[-1].tolist() == [[0, 0.25], [0, 0.75]]
    text = report(quality)
    assert "Q_1" in text.splitlines()[0] and "X = 1, Y = 3" in text


two_bases = st.lists(
    st.sampled_from([(0, 0), (0, 1), (1, 0), (1, 1), (0, 2), (1, 3)]).flatmap(
        lambda pair: st.tuples(*map(st.just, pair), st.integers(0, 1), st.integers(0, 1), st.integers(0, 3))
    ),
    min_size=1,
    max_size=60,
)


@given(two_bases, st.integers(1, 80))
def test_the_last_average_of_the_second_key_basis_is_that_of_the_last_window(rows, window):
    strings = of(rows)
    found = averages(strings, window)
    tail = [getattr(strings, name)[max(0, len(rows) - window) :] for name in "xyab"]
    expected = qber(*tail, basis=1)
    assert found.qber2[-1] == pytest.approx(expected.value, nan_ok=True)
    width = found.qber2_high[-1] - found.qber2[-1]
    assert width == pytest.approx(1.96 * expected.standard_error, rel=1e-3, nan_ok=True)
