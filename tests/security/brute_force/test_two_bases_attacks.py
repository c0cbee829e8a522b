"""Theorems A, B and C of docs/proofs/two_bases.md against random two-qubit strategies and the best attacks.

Slack is in bits a round: (bound - value) / (delta ln 2) where both are near 1, (log bound - log value)/delta for
Theorem B.
"""

import numpy as np
import pytest
from proof_formulas import (
    big_g,
    distance_to_one,
    g,
    inner_maximum,
    maximum,
    mixed_mean,
    r_at,
    r_searched,
    sandwiched,
    slopes,
    two_bases_bound,
    weight,
)
from random_strategies import (
    PAULI,
    WON,
    correlations,
    effects,
    eve_operators,
    extremal_blocks,
    haar_blocks,
    joined,
    superposed_blocks,
    werner_blocks,
    winning,
)
from test_one_round_attacks import alice_q

GAMMA = 13 / 256
ORDERS = ((1.0, 3.0), (2**-4, 16.0), (2**-11, 194.0))
ROUNDING = 1e-11


def qbar_and_score(omega, alpha):
    return alice_q(omega, alpha).mean(axis=1), 8 * winning(omega).mean(axis=(1, 2)) - 4


def directions(two_effects):
    """Bloch vectors (N, 2, 3) of observables from effects (N, 2, 2, 2, 2)."""
    return np.einsum("kij,nxji->nxk", PAULI, two_effects[:, :, 0] - two_effects[:, :, 1]).real / 2


def theorem_a(psi, a, b):
    """t1, t2, psi of the proof, and the P of its second step, from the correlations in the two planes: (N,) each."""
    vectors_a, vectors_b = directions(a), directions(b)
    plane_a, plane_b = (np.linalg.qr(v.swapaxes(1, 2))[0] for v in (vectors_a, vectors_b))
    u, t, _ = np.linalg.svd(plane_a.swapaxes(1, 2) @ correlations(psi) @ plane_b)
    in_frame = vectors_a @ plane_a @ u  # (cos u_x, sin u_x)
    share = (in_frame[:, :, 1] ** 2).mean(axis=1)
    t1, t2 = t.T
    middle, half = (t1**2 + t2**2) / 2, (t1**2 - t2**2) / 2
    k = 1 - 2 * share
    angle = np.where(k > half / middle, np.arcsin(np.sqrt(share)), np.arctan2(t2, t1))
    return t1, t2, angle, share


def assert_theorem_a(blocks, name):
    """Both inequalities of Theorem A, and the step before it; the smallest slack of each."""
    t1, t2, psi, share = theorem_a(*blocks)
    omega = eve_operators(*blocks)
    for delta, _ in ORDERS:
        alpha = 1 + delta
        qbar, score = qbar_and_score(omega, alpha)
        exact = share * g(t1, alpha) + (1 - share) * g(t2, alpha)
        block = np.sin(psi) ** 2 * g(t1, alpha) + np.cos(psi) ** 2 * g(t2, alpha)
        reach = t1 * np.cos(psi) + t2 * np.sin(psi) - score / 2
        second, third = ((bound - qbar) / (delta * np.log(2)) for bound in (exact, block))
        assert min(second.min(), third.min()) > -ROUNDING / delta
        assert reach.min() > -1e-12
        assert psi.max() <= np.pi / 4 + 1e-12
        violating = score > 2.2
        print(f"{name}: delta {delta:.5f}: Qbar {third[violating].min():.3e} bit, S/2 {reach[violating].min():.3e}")
        yield third[violating].min(), reach[violating].min()


def assert_functional(omega, name):
    """mu S/2 + Qbar - 1 <= R(mu), what Theorem B uses of Theorem A, at several mu; R as searched (never trusted)."""
    for delta, _ in ORDERS:
        qbar, score = qbar_and_score(omega, 1 + delta)
        smallest = np.inf
        for mu in np.array([0.3, 0.9, 1.1, 1.45, 1.8, 2.5, 4.0]) * delta:
            left = mu * score / 2 + qbar - 1
            smallest = min(smallest, (r_searched(mu, 1 + delta) - left).min() / (delta * np.log(2)))
        print(f"{name}: delta {delta:.5f}: functional {smallest:.3e} bit")
        assert smallest > -ROUNDING / delta
        yield smallest


def certified_r(mu, alpha, nodes=64):
    """Nodes in psi and the pad K (pi/4N)^2/8 of the certificate."""
    step = np.pi / 4 / nodes
    pad = (np.sqrt(2) * mu + 2 * distance_to_one(1.0, alpha)) * step**2 / 8
    return max(r_at(j * step, mu, alpha) for j in range(nodes + 1)) + pad


def total_q(omega, alpha, phi, gamma=GAMMA):
    """Q of one round of the two-bases protocol: (N,)."""
    weights = np.where(WON, 1.0, weight(alpha, phi))[..., None, None]
    eve = omega[:, 0, 0].sum(axis=(1, 2))
    tests = sandwiched((omega * weights).sum(axis=4), eve[:, None, None], alpha).mean(axis=(1, 2))
    return (1 - gamma) * alice_q(omega, alpha).mean(axis=1) + gamma * tests


def assert_theorem_b(omega, name):
    for delta, phi in ORDERS:
        alpha, smallest = 1 + delta, np.inf
        value = total_q(omega, alpha, phi).max()
        for rho in (0.76, 13 / 16, 0.9, 1.1):
            bound = two_bases_bound(rho, alpha, GAMMA, phi, certified_r)
            smallest = min(smallest, (np.log2(bound) - np.log2(value)) / delta)
        print(f"{name}: delta {delta:.5f}: Theorem B {smallest:.3e} bit")
        assert smallest > -ROUNDING / delta


def families(seed, count):
    rng = np.random.default_rng(seed)
    return {
        "anywhere": haar_blocks(rng, count),
        "best for one basis": extremal_blocks(rng, count),
        "best for two bases": werner_blocks(rng, count),
    }


def test_some_blocks():
    blocks = families(1, 100)
    for name, block in blocks.items():
        list(assert_theorem_a(block, name))
    omega = eve_operators(*joined(*blocks.values()))
    list(assert_functional(omega, "300 blocks"))
    assert_theorem_b(omega, "300 blocks")


@pytest.mark.slow
def test_four_thousand_blocks_of_each_family():
    """docs/proofs/two_bases.md, section 5, has these figures."""
    print()
    for name, block in families(20261126, 4000).items():
        found = list(assert_theorem_a(block, name))
        functional = list(assert_functional(eve_operators(*block), name))
        assert_theorem_b(eve_operators(*block), name)
        if name == "best for two bases":
            assert max(slack for slack, _ in found) < 1e-3, "Theorem A is attained"
            assert max(functional) < 1e-3, "and so is the functional"


def test_no_block_beats_what_the_rule_certifies():
    """The rule's own certificate, at random delta, phi, rho and gamma, against all families; the smallest slack."""
    from fractions import Fraction

    from postprocess.security.rules.two_bases import certified_bound

    rng, omega = np.random.default_rng(8), eve_operators(*joined(*families(8, 100).values()))
    smallest = np.inf
    for _ in range(12):
        delta, k = float(np.exp(rng.uniform(np.log(1e-3), 0))), int(rng.integers(1, 128))
        phi, rho = float(rng.uniform(0, min(200, 8 / delta))), float(rng.uniform(0.6, 1.5))
        certified = float(certified_bound(Fraction(k, 256), delta, phi, rho, 64).b)
        value = total_q(omega, 1 + delta, phi, k / 256).max()
        smallest = min(smallest, (np.log2(certified) - np.log2(value)) / delta)
    print(f"certificate: {smallest:.3e} bit")
    assert smallest > -1e-8


def test_larger_devices():
    """Blocks in superposition: the functional is linear, so blocks at once."""
    omega = eve_operators(*superposed_blocks(np.random.default_rng(2), 60))
    list(assert_functional(omega, "superposed"))
    assert_theorem_b(omega, "superposed")


def test_symmetrising_does_not_help_alice():
    """Step 1: the uniform mixture of rho, YY rho YY and their conjugates has the same S and no smaller Q_x."""
    psi, a, b = haar_blocks(np.random.default_rng(3), 100)
    rho = np.einsum("npqel,nPQel->npqPQ", psi, psi.conj()).reshape(100, 4, 4)
    vectors_a, vectors_b = directions(a), directions(b)
    flat_a, flat_b = (
        np.einsum("nxj,jik->nxik", v @ np.linalg.qr(v.swapaxes(1, 2))[0], PAULI[[2, 0]]) for v in (vectors_a, vectors_b)
    )
    a, b = effects(flat_a), effects(flat_b)
    yy = np.kron(PAULI[1], PAULI[1])
    copies = [rho, yy @ rho @ yy, rho.conj(), yy @ rho.conj() @ yy]
    played = [eve_operators(purified(copy), a, b) for copy in (*copies, sum(copies) / 4)]
    assert np.ptp([winning(omega) for omega in played], axis=0).max() < 1e-12
    for alpha in (2.0, 1.1):
        values = [alice_q(omega, alpha) for omega in played]
        assert np.ptp(values[:4], axis=0).max() < 1e-10
        assert np.all(values[4] >= values[0] - 1e-10)
        assert (values[4] - values[0]).max() > 1e-3


def purified(rho):
    values, vectors = np.linalg.eigh(rho)
    root = vectors * np.sqrt(np.clip(values, 0, None))[:, None, :]
    return root.reshape(-1, 2, 2, 4, 1)


def test_exact_formula_of_bell_diagonal_blocks():
    """Step 2: Q_u = 2 4^-alpha ((c0 + f)^alpha + (c0 - f)^alpha), convex in f^2, between Q_Z and Q_X."""
    rng = np.random.default_rng(4)
    bell = np.array([[1, 0, 0, 1], [1, 0, 0, -1], [0, 1, 1, 0], [0, 1, -1, 0]]) / np.sqrt(2)
    for _ in range(30):
        weights = rng.dirichlet([0.5] * 4)
        psi = np.einsum("k,kj->jk", np.sqrt(weights), bell).reshape(1, 2, 2, 4, 1)
        for alpha in (2.0, 1.5, 1.05):
            root = weights ** (1 / alpha)
            c0, c1, c2 = root.sum(), root @ [1, 1, -1, -1], root @ [1, -1, 1, -1]
            for u in rng.uniform(0, np.pi, size=4):
                a = effects(np.array([[np.cos(u + j) * PAULI[2] + np.sin(u + j) * PAULI[0] for j in (0, 1)]]))
                f = np.hypot(c1 * np.cos(u), c2 * np.sin(u))
                found = alice_q(eve_operators(psi, a, a), alpha)[0, 0]
                assert found == pytest.approx(2 * 4**-alpha * ((c0 + f) ** alpha + (c0 - f) ** alpha), rel=1e-9)
                q_z, q_x = (2 * 4**-alpha * ((c0 + c) ** alpha + (c0 - abs(c)) ** alpha) for c in (abs(c1), abs(c2)))
                assert found <= np.cos(u) ** 2 * q_z + np.sin(u) ** 2 * q_x + 1e-12
                assert q_z <= g(weights @ [1, -1, 1, -1], alpha) + 1e-12
                assert q_x <= g(weights @ [1, 1, -1, -1], alpha) + 1e-12


def test_the_best_attacks_attain_r():
    """Local block (S = 2, Qbar = 1) and Werner block (t1 = t2): the functional equals the certificate but its pad."""
    for alpha, _ in [(1 + d, phi) for d, phi in ORDERS]:
        delta = alpha - 1
        for t in (0.9, 0.98):
            psi, a, b = werner(t)
            omega = eve_operators(psi, a, b)
            qbar, score = qbar_and_score(omega, alpha)
            assert score[0] == pytest.approx(2 * np.sqrt(2) * t, abs=1e-12)
            assert qbar[0] == pytest.approx(g(t, alpha), abs=1e-12)
        k = min(distance_to_one(t, alpha) / (np.sqrt(2) * t - 1) for t in np.linspace(0.9, 1, 4001))
        for mu in (0.5 * k, k, 2 * k):
            gap = (certified_r(mu, alpha) - r_searched(mu, alpha)) / (delta * np.log(2))
            pad = (np.sqrt(2) * mu + 2 * distance_to_one(1.0, alpha)) * (np.pi / 256) ** 2 / 8 / (delta * np.log(2))
            assert gap == pytest.approx(pad, rel=1e-3), "no psi in between is worse"


def werner(t):
    """Bell-diagonal with t1 = t2 = t and no weight on the state that both would share: (1 + t)^2/4 and so on."""
    weights = np.array([(1 + t) ** 2, 1 - t * t, 1 - t * t, (1 - t) ** 2]) / 4
    bell = np.array([[1, 0, 0, 1], [1, 0, 0, -1], [0, 1, 1, 0], [0, 1, -1, 0]]) / np.sqrt(2)
    psi = np.einsum("k,kj->jk", np.sqrt(weights), bell).reshape(1, 2, 2, 4, 1)
    z, x = PAULI[2], PAULI[0]
    return psi, effects(np.array([[z, x]])), effects(np.array([[(z + x), (z - x)]]) / np.sqrt(2))


@pytest.mark.parametrize(("delta", "phi"), ORDERS)
def test_theorem_b_supports_phi(delta, phi):
    """Phi(Q, w) <= p Q + q w for every rho, with equality at w / Q = rho."""
    rng, alpha = np.random.default_rng(6), 1 + delta
    q, w = rng.uniform(0.2, 1, size=500), rng.uniform(0.1, 1, size=500)
    phi_value = (1 - GAMMA) * q + GAMMA * mixed_mean(q, w, weight(alpha, phi), alpha)
    for rho in (0.4, 13 / 16, 1.0, 1.7):
        slope_q, slope_w = slopes(rho, alpha, GAMMA, phi)
        assert np.all(phi_value <= slope_q * q + slope_w * w + 1e-13)
        exact = (1 - GAMMA) + GAMMA * mixed_mean(1.0, rho, weight(alpha, phi), alpha)
        assert exact == pytest.approx(slope_q + slope_w * rho, abs=1e-13)


def test_published_points():
    """Test vectors of the rule, in floats."""
    alpha = 1 + 2**-11
    assert g(0.75, alpha) == pytest.approx(0.9998455803163178, abs=1e-14)
    p, q = slopes(13 / 16, alpha, GAMMA, 194)
    assert (p, q) == (pytest.approx(0.9967740830365086, abs=1e-14), pytest.approx(0.0032259468978316446, abs=1e-14))
    assert inner_maximum(np.sqrt(2) * q / (4 * p), 1.0, alpha) == pytest.approx(0.00081033710283843, abs=1e-14)
    assert two_bases_bound(13 / 16, alpha, GAMMA, 194, r_searched) == pytest.approx(0.9991947795080567, abs=1e-13)
    assert two_bases_bound(13 / 16, 1 + 2**-4, GAMMA, 16, r_searched) == pytest.approx(0.9938918787877215, abs=1e-13)
    ratio = -maximum(lambda t: -distance_to_one(t, alpha) / (np.sqrt(2) * t - 1), 0.8, 0.99999)
    assert ratio == pytest.approx(0.0008059010394175851, abs=1e-13)


def test_theorem_c_is_the_minimum():
    """E of the closed form against a grid over (psi, m1, m2) with m1 cos psi + m2 sin psi >= s."""
    psi, m1 = np.meshgrid(np.linspace(1e-3, np.pi / 2 - 1e-3, 1201), np.linspace(0, 1, 601), indexing="ij")
    for x in np.linspace(2.001, 2.6, 7):
        s = (4 * x - x * x - 2) / np.sqrt(x)
        closed = (3 * x - x * x - 1) * (x * x - 2 * x + 2) / x
        m2 = np.maximum((s - m1 * np.cos(psi)) / np.sin(psi), 0)
        value = np.where(m2 <= 1, np.sin(psi) ** 2 * m1**2 + np.cos(psi) ** 2 * m2**2, np.inf).min()
        assert closed - 1e-12 <= value <= closed + 2e-3
        step = 1e-5
        slope = np.diff([(3 * y - y * y - 1) * (y * y - 2 * y + 2) / y for y in (x - step, x + step)])
        slope /= np.diff([(4 * y - y * y - 2) / np.sqrt(y) for y in (x - step, x + step)])
        assert slope[0] == pytest.approx(2 * (x - 1) ** 2 / np.sqrt(x), rel=1e-6), "E is concave in s"


def test_critical_error_rate():
    """alpha -> 1, S = 2 sqrt2 (1 - 2 Q): no key above Q = 8.4447 %; with one basis (Lemma 2) 7.149 %."""
    alpha = 1 + 1e-6

    def entropy(score):
        mus = np.linspace(1.0, 4.0, 601) * (alpha - 1)
        return max(mu * score / 2 - r_searched(mu, alpha) for mu in mus) / np.log(2) / (alpha - 1)

    def h(q):
        return -q * np.log2(q) - (1 - q) * np.log2(1 - q)

    for q, sign in ((0.0844, 1), (0.0845, -1)):
        assert np.sign(entropy(2 * np.sqrt(2) * (1 - 2 * q)) - h(q)) == sign
    for q, sign in ((0.0714, 1), (0.0716, -1)):
        one = (1 - big_g(0.5 + np.sqrt(2) / 4 * (1 - 2 * q), alpha)) / np.log(2) / (alpha - 1)
        assert np.sign(one - h(q)) == sign
