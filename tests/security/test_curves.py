"""Data of the figures on the key length: paper's points, consistency with key_length, optimality over gamma."""

import math
from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest

from postprocess.security import asymptotic_key_rate, curves, key_length
from postprocess.security.chsh_entropy import eta
from postprocess.support.entropy import binary_entropy

TSIRELSON = 2 * math.sqrt(2)


def test_figure_4_passes_through_the_run_of_the_paper():
    rates = {link: curves.key_rates([1_500_000], *link)[0] for link in curves.FIGURE_4_LINKS}
    assert rates[2.64, 0.018] == pytest.approx(95_885 / 1_500_000, rel=1e-12)
    assert rates[2.73, 0.018] > rates[2.64, 0.018] > rates[2.64, 0.033] == 0


@pytest.mark.parametrize("link", curves.FIGURE_4_LINKS)
def test_figure_4_rises_to_its_asymptote(link):
    rates = curves.key_rates(np.logspace(5, 12, 15), *link)
    assert rates[0] == 0 and (np.diff(rates) >= 0).all()
    limit = asymptotic_key_rate(*link, curves.PAPER_GAMMA)
    assert limit - 2e-3 < rates[-1] < limit


def test_rate_falls_with_the_error_asked_for():
    rates = curves.key_rates_by_error(np.logspace(-17, -2, 16), 1_500_000, 2.64, 0.018)
    assert (np.diff(rates) >= 0).all()
    assert rates[7] == pytest.approx(95_885 / 1_500_000)


def test_best_gamma_of_256_against_all_others():
    gamma, length = curves.best_gamma(1_500_000, 2.64, 0.018, steps=256)
    lengths = {k: key_length(1_500_000, Fraction(k, 256), 2.64, 0.018).ell for k in range(1, 100)}
    assert isinstance(gamma, Fraction) and lengths[256 * gamma] == length.ell == max(lengths.values())


def test_best_gamma_is_a_maximum():
    gamma, length = curves.best_gamma(10**8, 2.6, 0.02)
    for factor in (0.5, 0.9, 1.1, 2.0):
        assert key_length(10**8, gamma * factor, 2.6, 0.02).ell < length.ell


def test_optimal_gamma_falls_with_the_number_of_rounds():
    gammas = curves.optimal_gammas([1e5, 2e6, 1e7, 1e8, 1e9], 2.64, 0.018)
    assert math.isnan(gammas[0])
    assert all(0 < later < earlier for earlier, later in pairwise(gammas[1:]))


def test_depolarising_model_first_yields_a_key_near_260_000_rounds():
    assert curves.depolarising_key_rates([1.0], 2.5e5)[0] == 0 < curves.depolarising_key_rates([1.0], 2.6e5)[0]


def test_depolarising_rates_rise_with_visibility():
    rates = curves.depolarising_key_rates([0.8, 0.93, 0.97, 1.0], 1e7)
    assert rates[0] == 0 and (np.diff(rates) > 0).all()


@pytest.mark.parametrize(("score", "n"), [(2.64, 2e6), (2.8, 3e5), (2.3, 1e9)])
def test_tolerated_qber_is_where_the_key_ends(score, n):
    largest = curves.tolerated_qbers([score], n)[0]
    assert curves.best_gamma(round(n), score, largest * 0.995)[1].ell > 0
    assert curves.best_gamma(round(n), score, largest * 1.005)[1].ell == 0


def test_tolerated_qber_grows_with_rounds_and_score():
    scores = np.linspace(2.5, TSIRELSON, 4)
    lines = np.array([curves.tolerated_qbers(scores, n) for n in (2e6, 1e8, math.inf)])
    seen = np.nan_to_num(lines, nan=-1.0)
    assert (np.diff(seen, axis=0) > 0).all() and (np.diff(seen, axis=1) >= 0).all()
    assert [binary_entropy(q) for q in lines[-1]] == pytest.approx([eta((4 + s) / 8) for s in scores], rel=1e-9)


def test_no_number_of_rounds_helps_a_link_without_secrecy():
    assert np.isnan(curves.tolerated_qbers([1.9, 2.0], 1e9)).all()
