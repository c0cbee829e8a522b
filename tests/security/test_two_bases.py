"""Rule `two-bases`: reference table, test vectors, the certificate against a slow maximum, and what it refuses."""

import math
from dataclasses import replace
from fractions import Fraction

import pytest
from mpmath import mp, mpf

from postprocess.errors import InvalidInput
from postprocess.plans.paper import PAPER_PRIORS
from postprocess.plans.presets import Choice, long_choice, longest_choice, planned
from postprocess.reconciliation.syndrome_length import conditional_entropy
from postprocess.security import acceptance_threshold
from postprocess.security.chsh_entropy import eta
from postprocess.security.intervals import exact
from postprocess.security.models import expected_second_qber
from postprocess.security.rules import Problem, best_plan, rule_named
from postprocess.security.rules.renyi_bound import log_g
from postprocess.security.rules.two_bases import certified_bound, certified_r, log_best_q, mixing
from postprocess.support.entropy import binary_entropy

GAMMA = Fraction(13, 256)
RULE = rule_named("two-bases")


def problem(n, k=13, extractor="toeplitz", qber2=0.018, m=None):
    gamma = Fraction(k, 256)
    if m is None:
        m = math.ceil(1.15 * n * conditional_entropy(gamma, 2.64, 0.018, qber2)[0])
    threshold = acceptance_threshold(n, gamma, 2.64)
    return Problem(n, gamma, threshold, m, 1e-10, extractor, uncounted_bits=0, bases=2)


def ell(*arguments, **more):
    plan = best_plan(RULE, problem(*arguments, **more))
    return 0 if plan is None else plan.ell


# n, extractor, Q_1, k of 256: bits. The table was made with 512 cells (1.2e-6 bits a round less) and a coarser search,
# so that lengths here may be a little longer; never shorter.
TABLE = [
    (100_000, "toeplitz", 0.018, 56, 19_724), (100_000, "trevisan", 0.018, 67, 10_823),
    (150_000, "toeplitz", 0.018, 47, 37_779), (150_000, "trevisan", 0.018, 58, 26_256),
    (300_000, "toeplitz", 0.018, 40, 98_664), (300_000, "trevisan", 0.018, 46, 80_699),
    (500_000, "toeplitz", 0.018, 32, 187_332), (500_000, "trevisan", 0.018, 38, 162_384),
    (1_000_000, "toeplitz", 0.018, 25, 424_940), (1_000_000, "trevisan", 0.018, 31, 386_076),
    (1_500_000, "toeplitz", 0.018, 22, 673_837), (1_500_000, "trevisan", 0.018, 27, 623_249),
    (3_000_000, "toeplitz", 0.018, 18, 1_450_564), (3_000_000, "trevisan", 0.018, 22, 1_371_406),
    (10_000_000, "toeplitz", 0.018, 12, 5_267_764), (10_000_000, "trevisan", 0.018, 14, 5_093_942),
    (100_000, "toeplitz", 0.025, 60, 18_006), (100_000, "trevisan", 0.025, 67, 9_185),
    (300_000, "toeplitz", 0.025, 40, 93_045), (300_000, "trevisan", 0.025, 46, 75_237),
    (1_000_000, "toeplitz", 0.025, 27, 405_025), (1_000_000, "trevisan", 0.025, 32, 366_572),
    (1_500_000, "toeplitz", 0.025, 23, 643_517), (1_500_000, "trevisan", 0.025, 28, 593_539),
    (10_000_000, "toeplitz", 0.025, 12, 5_056_206), (10_000_000, "trevisan", 0.025, 15, 4_884_589),
    (300_000, "toeplitz", 0.018, 13, 75_553), (300_000, "trevisan", 0.018, 13, 42_375),
    (1_500_000, "toeplitz", 0.018, 13, 656_351), (1_500_000, "trevisan", 0.018, 13, 586_689),
    (1_500_000, "toeplitz", 0.0486, 25, 556_165), (1_500_000, "trevisan", 0.0486, 30, 507_940),
    (100_000, "toeplitz", 0.018, 13, 0), (100_000, "trevisan", 0.018, 13, 0),
]  # fmt: skip


@pytest.mark.parametrize(("n", "extractor", "qber2", "k", "bits"), TABLE)
def test_reference_table(n, extractor, qber2, k, bits):
    assert bits - 2 <= ell(n, k, extractor, qber2) <= bits + 2 + 1.2e-6 * n + 8e-5 * bits


@pytest.mark.parametrize(
    ("extractor", "m", "bits", "one_basis"),
    [("toeplitz", 296_517, 630_430, 422_169), ("trevisan", 296_517, 560_754, 353_697),
     ("toeplitz", 271_740, 655_207, 446_946), ("trevisan", 271_740, 585_531, 378_474)],
)  # fmt: skip
def test_the_papers_run(extractor, m, bits, one_basis):
    asked = problem(1_500_000, 13, extractor, m=m)
    assert bits - 2 <= best_plan(RULE, asked).ell <= bits + (5 if extractor == "toeplitz" else 30)
    assert best_plan(rule_named("renyi"), asked).ell == pytest.approx(one_basis, abs=2)


@pytest.mark.parametrize(
    ("extractor", "delta", "phi", "bits"),
    [("toeplitz", 4.29743e-4, 192.517, 630_430), ("toeplitz", 2.0**-11, 194.0, 627_241),
     ("trevisan", 6.17647e-4, 194.774, 560_754), ("trevisan", 2.0**-11, 194.0, 552_791)],
)  # fmt: skip
def test_reference_lengths_at_their_own_parameters(extractor, delta, phi, bits):
    """To two bits and what the finer grid saves."""
    asked = problem(1_500_000, 13, extractor, m=296_517)
    free = {"delta": delta, "phi": phi, **RULE.own(asked, delta, phi)}
    if extractor == "trevisan":
        budget = 1e-10 * (1 - 1e-6)
        free["eps_pa"] = budget * 5 / (5 + 2 / delta)
        free["eps_s"] = (budget - free["eps_pa"]) / 2
    assert RULE.certify(asked, free) == pytest.approx(bits + 1, abs=3)


def test_vectors():
    d = 2.0**-11
    assert math.exp(log_g(0.75, d)) == pytest.approx(0.9998455803163177625772254, abs=2e-16)
    assert mixing(d) == pytest.approx((0.0008059010394175851318192159, 0.981370504368354), abs=1e-15)
    assert mixing(2.0**-4)[0] == pytest.approx(0.1000702047316520414820938, abs=1e-15)
    certified = certified_bound(GAMMA, d, 194.0, 13 / 16).b
    assert mpf("0.9991947795080566604313626") < certified <= mpf("0.99919477964153234700")
    certified = certified_bound(GAMMA, 2.0**-4, 16.0, 13 / 16).b
    assert 0 < certified - mpf("0.9938918787877214925023") < 1e-8
    rho = RULE.own(problem(1_500_000), d, 194.0)["rho"]
    kappa = -math.log2(certified_bound(GAMMA, d, 194.0, rho).b) / d
    assert 1_500_000 * kappa == pytest.approx(3_570_146.189, abs=0.05)


def slow_r(mu, delta, psis=17):
    """R(mu) by Theorem B in 40 digits, on a grid in psi; the inner maxima by golden section in the rapidity of t."""
    mp.dps = 40
    d = mpf(delta)
    alpha = 1 + d

    def distance(t):
        return 1 - 2 ** (-d) * (((1 + t) / 2) ** (1 / alpha) + ((1 - t) / 2) ** (1 / alpha)) ** alpha

    def inner(x, y):
        low, high, ratio = mpf(0), mpf(40), (mp.sqrt(5) - 1) / 2
        for _ in range(60):
            left, right = high - ratio * (high - low), low + ratio * (high - low)
            at = [x * mp.tanh(a) - y * distance(mp.tanh(a)) for a in (left, right)]
            low, high = (left, high) if at[0] < at[1] else (low, right)
        return max(at)

    def at_psi(psi):
        c, s = mp.cos(psi), mp.sin(psi)
        return inner(mu * c, s * s) + inner(mu * s, c * c)

    return max(at_psi(mp.pi / 4 * j / (psis - 1)) for j in range(psis))


@pytest.mark.parametrize(("delta", "factor"), [(2.0**-11, 1.0), (4.3e-4, 0.6), (1e-3, 1.7), (2.0**-4, 1.1), (1.0, 1.3)])
def test_certificate_against_a_slow_maximum(delta, factor):
    mu = exact(factor * mixing(delta)[0])
    slow, mu = slow_r(mpf(mu.mid), delta), mpf(mu.mid)
    bend = mp.sqrt(2) * mu + 2 * (1 - mpf(2) ** -delta)
    for nodes in (16, 1024):
        pad = bend * (mp.pi / 4 / nodes) ** 2 / 8
        assert slow <= mpf(certified_r(exact(float(mu)), delta, nodes).mid) <= slow + pad * (1 + mpf(10) ** -6)


@pytest.mark.parametrize("delta", [1e-7, 4.3e-4, 0.05, 1.0])
def test_any_rho_is_sound_and_the_chosen_one_is_best(delta):
    phi = min(194.0, 1 / delta)
    rho = RULE.own(problem(1_500_000), delta, phi)["rho"]
    best = certified_bound(GAMMA, delta, phi, rho).b
    for other in (0.5 * rho, 0.97 * rho, 1.03 * rho, 3.0 * rho):
        assert certified_bound(GAMMA, delta, phi, other).b >= best * (1 - mpf(1e-7) * delta)


def test_critical_error_rate():
    """In the limit alpha -> 1, gamma -> 0 the entropy at S = 2 sqrt2 (1 - 2 Q) is h(Q) at Q = 8.4447 %."""
    delta = 1e-7

    def entropy(score):
        return -log_best_q((4 + score) / 8, delta) / (delta * math.log(2))

    assert entropy(2.64) == pytest.approx(0.76214, abs=5e-6)
    for qber, sign in ((0.08442, 1), (0.08447, -1)):
        assert math.copysign(1, entropy(2 * math.sqrt(2) * (1 - 2 * qber)) - binary_entropy(qber)) == sign
    for qber, sign in ((0.0714, 1), (0.0716, -1)):
        assert math.copysign(1, eta((2 + math.sqrt(2) * (1 - 2 * qber)) / 4) - binary_entropy(qber)) == sign


def test_a_session_with_one_basis_is_refused():
    two = planned("s", "kasli", longest_choice(gamma=GAMMA, qber2=0.025))
    assert not two.insecure and two.bases == 2 and two.qber2 == 0.025
    with pytest.raises(InvalidInput, match="rule two-bases: no proof for sessions with one key basis"):
        replace(two, bases=1, qber2=None, priors=PAPER_PRIORS)
    with pytest.raises(InvalidInput, match="no proof for sessions with one key basis"):
        RULE.certify(replace(two.problem, bases=1), dict(two.free))
    with pytest.raises(InvalidInput, match="no proof for sessions with one key basis"):
        planned("s", "kasli", Choice(rule="two-bases"))
    for rule in ("proposition-2", "counting"):
        with pytest.raises(InvalidInput, match=f"rule {rule}: no proof for sessions with two key bases"):
            planned("s", "kasli", Choice(rule=rule, bases=2))


def test_the_length_for_one_basis_is_sound_with_two():
    one = planned("s", "kasli", Choice(rule="renyi"))
    two = planned("s", "kasli", Choice(rule="renyi", bases=2, qber2=0.018))
    assert one.ell == two.ell and one.free == two.free and one.digest() != two.digest()


def test_longest_is_long_with_two_bases_and_their_syndrome():
    choices = (long_choice(gamma=GAMMA), longest_choice(gamma=GAMMA, qber2=0.018))
    long, longest = (planned("s", "kasli", choice) for choice in choices)
    assert longest.ell - long.ell > 200_000
    others = {"gamma", "omega_thr", "syndrome_bits", "ell", "eps_pa", "rule", "free", "bases", "qber2", "priors"}
    assert set(long.differences(longest)) <= others
    unequal = planned("s", "kasli", longest_choice(gamma=Fraction(25, 256)))
    assert unequal.qber2 == pytest.approx(1 - 2.64 / math.sqrt(8) - 0.018) == expected_second_qber(2.64, 0.018)
    assert unequal.ell > 540_000


@pytest.mark.parametrize("change", [{"rho": 0.0}, {"rho": -1.0}, {"rho": math.inf}, {"rho": 1}, {"delta": 0.0}])
def test_free_parameters_out_of_range(change):
    with pytest.raises(InvalidInput, match="free parameter"):
        RULE.certify(problem(1_500_000), {"delta": 4e-4, "phi": 194.0, "rho": 0.8} | change)
    with pytest.raises(InvalidInput, match="has delta, phi, rho"):
        RULE.certify(problem(1_500_000), {"delta": 4e-4, "phi": 194.0})
