"""Parameter estimation against a slow, obvious reference and against the published characterisation run."""

import json
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from postprocess.errors import InvalidInput
from postprocess.estimation.binomial import binomial_error
from postprocess.estimation.score_and_qber import chsh_score, lost_test_rounds, moving_averages, qber

FIGURES = json.loads((Path(__file__).parents[1] / "data" / "reference_figures.json").read_text())

rounds = st.lists(
    st.tuples(st.integers(0, 1), st.integers(0, 2), st.integers(0, 1), st.integers(0, 1)), min_size=1, max_size=200
)


def columns(listed):
    x, y, a, b = np.array(listed, np.uint8).T
    return np.where(y == 2, 0, x).astype(np.uint8), y.copy(), a.copy(), b.copy()


def slow_score(x, y, a, b):
    score = 0.0
    for i in (0, 1):
        for j in (0, 1):
            signs = [1 if a[k] == b[k] else -1 for k in range(len(x)) if x[k] == i and y[k] == j]
            if not signs:
                return math.nan
            score += (-1 if i and j else 1) * sum(signs) / len(signs)
    return score


@given(rounds)
def test_against_the_definitions(listed):
    x, y, a, b = columns(listed)
    u = [int((a[k] ^ b[k]) == x[k] * y[k]) for k in range(len(x)) if y[k] != 2]
    assert lost_test_rounds(x, y, a, b) == u.count(0)
    assert chsh_score(x, y, a, b).value == pytest.approx(slow_score(x, y, a, b), nan_ok=True)
    errors = [a[k] != b[k] for k in range(len(x)) if y[k] == 2]
    expected = sum(errors) / len(errors) if errors else math.nan
    assert qber(x, y, a, b).value == pytest.approx(expected, nan_ok=True)
    assert qber(x, y, a, b).rounds == len(errors)


@given(rounds, st.integers(1, 200))
def test_moving_averages_are_the_averages_of_each_window(listed, window):
    strings = columns(listed)
    window = min(window, len(listed))
    moving = moving_averages(*strings, window)
    assert len(moving.score) == len(moving.qber) == len(listed) - window + 1
    for start in range(len(moving.score)):
        part = [string[start : start + window] for string in strings]
        score, rate = chsh_score(*part), qber(*part)
        assert moving.score[start] == pytest.approx(score.value, nan_ok=True)
        assert moving.qber[start] == pytest.approx(rate.value, nan_ok=True)
        assert moving.score_error[start] == pytest.approx(score.standard_error, nan_ok=True)
        assert moving.qber_error[start] == pytest.approx(rate.standard_error, nan_ok=True)


@pytest.mark.parametrize("window", [0, 5])
def test_window_must_fit(window):
    with pytest.raises(InvalidInput, match="window"):
        moving_averages(*(np.zeros(4, np.uint8) for _ in range(4)), window)


def draw(rounds, seed):
    """Rounds with the probabilities of table S4, settings uniform as in the characterisation run."""
    random = np.random.default_rng(seed)
    test = random.random(rounds) < 0.5
    x = np.where(test, random.integers(0, 2, rounds), 0).astype(np.uint8)
    y = np.where(test, random.integers(0, 2, rounds), 2).astype(np.uint8)
    a, b = np.zeros(rounds, np.uint8), np.zeros(rounds, np.uint8)
    for name, table in FIGURES["table_S4_probabilities"].items():
        if name != "comment":
            here = (x == int(name[1])) & (y == int(name[3]))
            both = random.choice(4, here.sum(), p=np.ravel(table) / np.sum(table))
            a[here], b[here] = both // 2, both % 2
    return x, y, a, b


def test_characterisation_run_of_the_paper():
    run = FIGURES["characterisation_run"]
    strings = draw(run["rounds"], seed=5)
    score, rate = chsh_score(*strings), qber(*strings)
    assert score.value == pytest.approx(run["S"], abs=4 * run["S_err"])
    assert rate.value == pytest.approx(run["Q"], abs=4 * run["Q_err"])
    # The paper gives one digit of each error; S's is that of 960 000 test rounds or larger.
    assert 0.002 < score.standard_error < 0.006 and rate.standard_error < 0.0002


def test_standard_errors_are_those_of_repeated_runs():
    repeats = [draw(4000, seed) for seed in range(300)]
    scores, rates = [chsh_score(*one) for one in repeats], [qber(*one) for one in repeats]
    for estimates in (scores, rates):
        spread = np.std([one.value for one in estimates])
        assert spread == pytest.approx(np.mean([one.standard_error for one in estimates]), rel=0.15)


def test_a_rate_that_is_never_or_always_seen_has_an_error():
    """Half an event more of either kind, and the usual error everywhere else."""
    assert binomial_error(0.25, 100) == pytest.approx(math.sqrt(0.25 * 0.75 / 100), rel=1e-15)
    for count in (1, 75, 150):
        assert 0 < binomial_error(0.0, count) < 1.3 / count
        assert binomial_error(1.0, count) == pytest.approx(binomial_error(0.0, count), rel=1e-12)
    assert math.isnan(binomial_error(math.nan, 0))


def test_no_error_among_many_rounds_says_how_well_that_is_known():
    """Usability case 26."""
    n = 150
    key = (np.zeros(n, np.uint8), np.full(n, 2, np.uint8), np.zeros(n, np.uint8), np.zeros(n, np.uint8))
    found = qber(*key)
    assert found.value == 0.0 and 0.3 / n < found.standard_error < 1 / n
    x, y = (np.repeat(np.array(pair, np.uint8), n) for pair in ((0, 0, 1, 1), (0, 1, 0, 1)))
    perfect = chsh_score(x, y, x & y, np.zeros_like(x))
    assert perfect.value == 4.0 and 0 < perfect.standard_error < 8 / n
