"""Key length: the paper's point, the printed formula, optimality, monotonicity and the edges."""

import math
from dataclasses import replace
from decimal import Decimal
from fractions import Fraction

import pytest
import slow_proposition2 as slow
from hypothesis import assume, given
from hypothesis import strategies as st

from postprocess.errors import InvalidInput
from postprocess.privacy import TrevisanExtractor
from postprocess.security import acceptance_threshold, asymptotic_key_rate, depolarising, finite_key_bound, key_length
from postprocess.security.chsh_entropy import OMEGA_MAX, eta, eta_slope, smoothing_cost
from postprocess.security.entropy_accumulation import CHAIN_RULE, EPS_HASH, chain_rule_inverse

PAPER = (1_500_000, Fraction(13, 256), 2.64, 0.018)
TSIRELSON = 2 * math.sqrt(2)


def test_paper_point():
    length = key_length(*PAPER, eps_snd=1e-10)
    assert (length.ell, length.syndrome_bits) == (95_885, 296_517)
    assert length.omega_thr == pytest.approx(0.8255376, abs=5e-8)
    assert length.bound == pytest.approx(95_885.7, abs=0.05)
    free = length.free
    assert free.t == pytest.approx(0.8118, abs=1e-4)
    assert free.alpha_1 - 1 == pytest.approx(6.1e-4, rel=0.01)
    assert free.alpha_2 - 1 == pytest.approx(3.7e-3, rel=0.01)
    assert free.soundness == pytest.approx(1e-10, rel=1e-12)


def test_paper_point_fits_the_paper_extractor():
    length = key_length(*PAPER)
    extractor = TrevisanExtractor(PAPER[0], length.ell, length.eps_pa / length.ell)
    assert (extractor.t, extractor.t_plus, extractor.blocks, extractor.seed_bits) == (284, 293, 14, 1_201_886)


@pytest.mark.parametrize("gamma", ["13/256", "0.05078125", 13 / 256, Fraction(13, 256)])
def test_gamma_in_every_writing(gamma):
    assert key_length(1_500_000, gamma, 2.64, 0.018).ell == 95_885


def test_perfect_link_needs_some_260_000_rounds():
    score, qber = depolarising(1.0)
    best = {n: max(key_length(n, Fraction(k, 256), score, qber).ell for k in range(20, 45)) for n in (250_000, 265_000)}
    assert best[250_000] == 0 < best[265_000]


@pytest.mark.parametrize(
    ("n", "gamma", "score", "qber"),
    [PAPER, (500_000, 0.1, 2.8, 0.001), (10**7, 0.02, 2.6, 0.02), (10**9, 0.003, 2.5, 0.03), (300_000, 0.5, 2.82, 0.0)],
)
@pytest.mark.parametrize("seed", range(3))
def test_bound_is_the_printed_formula(n, gamma, score, qber, seed):
    """At the optimum and at points scattered around it."""
    length = key_length(n, gamma, score, qber)
    free = length.free
    if seed:
        scale = 1 + 0.3 * math.sin(seed + n)
        free = replace(free, t=0.75 + (free.t - 0.75) * (1 - 0.1 * seed), delta_1=free.delta_1 * scale)
        free = replace(free, delta_2=free.delta_2 / scale, eps_s1=free.eps_s1 / 2, eps_pa=free.eps_pa * scale)
    printed = (free.t, free.alpha_1, free.alpha_2, free.eps_ea, free.eps_pa, free.eps_s, free.eps_s1, free.eps_s2)
    expected = slow.bound(n, float(gamma), length.omega_thr, length.syndrome_bits, *printed)
    bound = finite_key_bound(n, float(gamma), length.omega_thr, length.syndrome_bits, free)
    assert bound == pytest.approx(expected, abs=0.02 + 1e-8 * n)


@pytest.mark.parametrize(
    ("n", "gamma", "score", "qber", "eps"),
    [
        (*PAPER, 1e-10),
        (10**6, 0.1, 2.8, 0.002, 1e-6),
        (10**8, 0.01, 2.6, 0.02, 1e-15),
        (400_000, 0.2, 2.82, 0.001, 0.3),
    ],
)
def test_no_other_choice_gives_a_longer_key(n, gamma, score, qber, eps):
    """A blind simplex search over all free parameters, started away from the optimum, never gets above it."""
    from scipy.optimize import minimize

    length = key_length(n, gamma, score, qber, eps)
    budget = eps - 4 * EPS_HASH

    def loss(x):
        shares = [math.exp(v) for v in (*x[3:6], 0.0)]
        unit = budget / (shares[0] + 2 * shares[1] + 4 * shares[2] + 2 * shares[3])
        candidate = replace(
            length.free,
            t=0.75 + (OMEGA_MAX - 0.75) / (1 + math.exp(-x[0])),
            delta_1=math.exp(x[1]),
            delta_2=math.exp(x[2]),
            eps_pa=shares[0] * unit,
            eps_s1=shares[1] * unit,
            eps_s2=shares[2] * unit,
            eps_s3=shares[3] * unit,
        )
        try:
            return -finite_key_bound(n, float(gamma), length.omega_thr, length.syndrome_bits, candidate)
        except InvalidInput:
            return 0.0

    free = length.free
    place = (free.t - 0.75) / (OMEGA_MAX - 0.75)
    start = [math.log(place / (1 - place)) + 0.1, math.log(free.delta_1) - 0.1, math.log(free.delta_2) + 0.1]
    start += [math.log(e / free.eps_s3) + 0.2 for e in (free.eps_pa, free.eps_s1, free.eps_s2)]
    found = minimize(loss, start, method="Nelder-Mead", options={"maxfev": 3000, "xatol": 1e-7, "fatol": 1e-4})
    assert -found.fun <= length.bound + 1e-6 * max(1.0, length.bound)
    assert -found.fun == pytest.approx(length.bound, rel=1e-3, abs=1.0)


sizes = st.integers(200_000, 10**10)
gammas = st.floats(1e-4, 0.9)
scores = st.floats(2.3, TSIRELSON)
qbers = st.floats(0.0, 0.06)
errors = st.floats(1e-17, 1e-2)


@given(sizes, sizes, gammas, scores, qbers, errors)
def test_more_rounds_never_hurt(n, more, gamma, score, qber, eps):
    n, more = sorted((n, more))
    assert key_length(n, gamma, score, qber, eps).ell <= key_length(more, gamma, score, qber, eps).ell


@given(sizes, gammas, scores, scores, qbers, errors)
def test_a_higher_score_never_hurts(n, gamma, score, higher, qber, eps):
    score, higher = sorted((score, higher))
    assume(higher - score > 1e-9 or higher == score)
    assert key_length(n, gamma, score, qber, eps).ell <= key_length(n, gamma, higher, qber, eps).ell


@given(sizes, gammas, scores, qbers, qbers, errors)
def test_fewer_errors_never_hurt(n, gamma, score, qber, fewer, eps):
    fewer, qber = sorted((qber, fewer))
    assert key_length(n, gamma, score, qber, eps).ell <= key_length(n, gamma, score, fewer, eps).ell


@given(sizes, gammas, scores, qbers, errors, errors)
def test_asking_for_more_security_costs_bits(n, gamma, score, qber, eps, weaker):
    eps, weaker = sorted((eps, weaker))
    assert key_length(n, gamma, score, qber, eps).ell <= key_length(n, gamma, score, qber, weaker).ell


@given(sizes, gammas, scores, st.integers(0, 10**6), st.integers(0, 10**6), errors)
def test_syndrome_bits_cost_at_least_themselves(n, gamma, score, m, extra, eps):
    short = key_length(n, gamma, score, 0.01, eps, syndrome_bits=m)
    long = key_length(n, gamma, score, 0.01, eps, syndrome_bits=m + extra)
    assert long.ell <= max(0, short.ell - extra * 9 // 10)


@given(sizes, gammas, scores, qbers, errors)
def test_result_keeps_the_error_and_the_limit(n, gamma, score, qber, eps):
    length = key_length(n, gamma, score, qber, eps)
    assert length.free.soundness <= eps * (1 + 1e-12)
    assert 0 <= length.ell <= length.bound < length.ell + 1
    assert length.ell <= n * asymptotic_key_rate(score, qber)


def test_rate_tends_to_the_asymptote():
    rates = [key_length(n, n ** (-1 / 3), 2.7, 0.015).ell / n for n in (10**7, 10**9, 10**11, 10**13)]
    limit = asymptotic_key_rate(2.7, 0.015)
    gaps = [limit - rate for rate in rates]
    assert gaps == sorted(gaps, reverse=True) and 0 < gaps[-1] < 0.01


@pytest.mark.parametrize("gamma", [1e-12, 1e-6, 0.999999])
@pytest.mark.parametrize("score", [0.0, 2.0, TSIRELSON - 1e-15, TSIRELSON])
@pytest.mark.parametrize("eps", [1.8e-18, 1e-10, 0.999])
@pytest.mark.parametrize("n", [1, 1000, 10**15])
def test_edges_give_finite_answers(n, gamma, score, eps):
    length = key_length(n, gamma, score, 0.0, eps, syndrome_bits=0)
    assert math.isfinite(length.bound) and 0 <= length.ell < n
    assert 0 < length.eps_pa < eps


@given(st.floats(0.75 + 1e-14, OMEGA_MAX) | st.floats(1e-15, 1e-2).map(lambda gap: OMEGA_MAX - gap))
def test_entropy_bound_without_cancellation(omega):
    assume(0.75 < omega < OMEGA_MAX)
    assert eta(omega) == pytest.approx(float(slow.exact_eta(omega)), rel=1e-12, abs=1e-18)
    assert eta_slope(omega) == pytest.approx(float(slow.exact_eta_slope(omega)), rel=1e-12)
    assert eta(1 - omega) == pytest.approx(eta(omega), rel=1e-9, abs=1e-13)


@given(st.floats(0.25, 0.75))
def test_no_entropy_without_violation(omega):
    assert eta(omega) == 0 == eta_slope(omega)


@given(st.floats(1e-18, 0.9999))
def test_smoothing_cost_without_cancellation(eps):
    assert smoothing_cost(eps) == pytest.approx(float(slow.exact_theta(eps)), rel=1e-13)


@given(st.floats(-1e4, 1e12))
def test_chain_rule_inverse(z):
    y = chain_rule_inverse(z)
    assume(y > 1e-290)
    assert float(Decimal(y) + Decimal(CHAIN_RULE) * Decimal(y).ln()) == pytest.approx(z, rel=1e-13, abs=1e-11)


def test_threshold_lies_three_deviations_below():
    n, gamma, score = PAPER[:3]
    omega = acceptance_threshold(n, gamma, score)
    lost = float(gamma) * (4 - score) / 8
    deviation = math.sqrt(n * lost * (1 - lost))
    assert n * float(gamma) * (1 - omega) == pytest.approx(n * lost + 3 * deviation, rel=1e-12)
    assert 8 * acceptance_threshold(100_000, 0.5, 2.64) - 4 == pytest.approx(2.598, abs=1e-3)


def test_depolarising_model():
    assert depolarising(1.0) == (TSIRELSON, 0.0)
    assert depolarising(0.0) == (0.0, 0.5)
    assert asymptotic_key_rate(*depolarising(1.0)) == pytest.approx(1.0)
    # Acin et al., Phys. Rev. Lett. 98, 230501 (2007): the critical error of the depolarising channel is 7.1 %.
    assert asymptotic_key_rate(*depolarising(1 - 2 * 0.0714)) > 0 == asymptotic_key_rate(*depolarising(1 - 2 * 0.0716))


@pytest.mark.parametrize(
    ("changed", "named"),
    [
        ({"n": 0}, "n = 0"),
        ({"gamma": 0}, "gamma"),
        ({"gamma": 1}, "gamma"),
        ({"gamma": "thirteen"}, "13/256"),
        ({"gamma": "1/0"}, "gamma"),
        ({"gamma": math.nan}, "gamma"),
        ({"score": 2.83}, "score"),
        ({"score": math.nan}, "score"),
        ({"qber": -0.1}, "qber"),
        ({"qber": 0.6}, "qber"),
        ({"eps_snd": 1e-18}, "eps_snd"),
        ({"eps_snd": 1.0}, "eps_snd"),
        ({"eps_snd": math.nan}, "eps_snd"),
        ({"syndrome_bits": -1}, "syndrome_bits"),
        ({"omega_thr": 0.9}, "omega_thr"),
    ],
)
def test_bad_values_are_named(changed, named):
    values = {"n": 1_500_000, "gamma": "13/256", "score": 2.64, "qber": 0.018, **changed}
    with pytest.raises(InvalidInput, match=named):
        key_length(**values)


def test_bad_free_parameters_are_named():
    free = replace(key_length(*PAPER).free, delta_2=0.5)
    with pytest.raises(InvalidInput, match="delta_2"):
        finite_key_bound(1_500_000, 13 / 256, 0.8255, 296_517, free)
