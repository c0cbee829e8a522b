"""Lemma 7 of docs/proofs/renyi.md (smoothing) and the counting step of docs/proofs/counting.md, on examples."""

from fractions import Fraction
from math import comb

import numpy as np
import pytest
from proof_formulas import dagger, power, sandwiched, theta, trace_norm
from random_strategies import gaussian


def cq_state(rng, n, d):
    """Normalised (n, d, d) with weights of very different sizes."""
    root = gaussian(rng, (n, d, d)) * (rng.uniform(size=(n, 1, 1)) ** rng.integers(0, 6))
    x = root @ dagger(root)
    return x / np.trace(x.sum(axis=0)).real


def smoothed(x, tau, lam):
    """Lambda X Lambda^+ of the proof, and Tr Sigma."""
    values, vectors = np.linalg.eigh(x - lam * tau)
    sigma = (vectors * np.clip(values, 0, None)[..., None, :]) @ dagger(vectors)
    squeeze = power(lam * tau, 0.5) @ power(lam * tau + sigma, -0.5)
    return squeeze @ x @ dagger(squeeze), np.trace(sigma, axis1=-2, axis2=-1).sum().real


def fidelity(x, y):
    """Generalised fidelity of a normalised and a subnormalised classical-quantum state."""
    return trace_norm(power(x, 0.5) @ power(y, 0.5)).sum()


def heavy_tailed(rng, alpha, eps):
    """A state with a part of weight below 1 - sqrt(1 - eps^2) where the reference has next to nothing."""
    share = (1 - np.sqrt(1 - eps**2)) / 2
    most, rest = (1 - share) * cq_state(rng, 4, 2), cq_state(rng, 1, 2)[0]
    ratio = (8 * sandwiched(most, rest, alpha) / share) ** (1 / (alpha - 1))
    x, eve = np.zeros((4, 3, 3), dtype=complex), np.zeros((3, 3), dtype=complex)
    x[:, :2, :2], eve[:2, :2], eve[2, 2] = most, rest, share / ratio
    vector = np.append(1e-4 * gaussian(rng, 2), 1)
    x[0] += share * np.outer(vector, vector.conj())
    return x / np.trace(x.sum(axis=0)).real, eve / np.trace(eve).real


@pytest.mark.parametrize(("alpha", "eps"), [(2.0, 0.5), (2.0, 0.1), (2.0, 0.03), (1.5, 0.5), (1.5, 0.1), (1.2, 0.5)])
def test_smoothing(alpha, eps):
    """rho~ <= lambda tau within purified distance eps, for lambda = 2^(D + theta/delta)."""
    rng, allowed = np.random.default_rng(int(alpha * 100)), 1 - np.sqrt(1 - eps**2)
    for _ in range(40):
        x, eve = heavy_tailed(rng, alpha, eps)
        lam = 2 ** ((np.log2(sandwiched(x, eve, alpha)) + theta(eps)) / (alpha - 1))
        near, cut = smoothed(x, eve, lam)
        assert allowed / 100 < cut <= allowed, "something is cut, and no more than allowed"
        assert fidelity(x, near) >= 1 - cut - 1e-9
        assert np.linalg.eigvalsh(lam * eve - near).min() >= -1e-9


@pytest.mark.parametrize("alpha", [2.0, 1.5, 1.1, 1.02])
def test_smoothing_where_weight_is_cut(alpha):
    """The same at every lambda: Tr Sigma <= lambda^-delta Q, and the fidelity holds whatever is cut."""
    rng, tight = np.random.default_rng(11), 0.0
    for _ in range(40):
        x, eve = cq_state(rng, 4, 3), cq_state(rng, 1, 3)
        q = sandwiched(x, eve[0], alpha)
        for lam in np.linalg.eigvalsh(power(eve, -0.5) @ x @ power(eve, -0.5)).max() * np.array([0.1, 0.5, 0.9]):
            near, cut = smoothed(x, eve, lam)
            assert cut <= lam ** (1 - alpha) * q + 1e-12
            assert fidelity(x, near) >= 1 - cut - 1e-9
            assert np.linalg.eigvalsh(lam * eve - near).min() >= -1e-9 * lam
            tight = max(tight, cut / (lam ** (1 - alpha) * q))
    assert tight > 0.05
    print(f"alpha {alpha}: Tr Sigma up to {tight:.3f} of lambda^-delta Q")


def test_normalising_costs_nothing():
    """theta(eps/p) <= theta(eps) - 2 log(1/p), so (alpha log(1/p) + theta(eps/p))/delta <= theta(eps)/delta."""
    for eps in (1e-15, 1e-11, 1e-3, 0.3):
        for p in np.geomspace(eps * 1.0001, 1, 50):
            scaled, full = theta(min(eps / p, 1.0)), theta(eps)
            assert scaled <= full - 2 * np.log2(1 / p) + 1e-9
            for delta in (1.0, 0.1, 1e-3):
                assert (1 + delta) * np.log2(1 / p) + scaled <= full + 1e-9


def test_number_of_records():
    """sum_{j <= k} C(N, j) <= 2^(N h(k/N)) for k <= N/2, in integers: sum * k^k (N-k)^(N-k) <= N^N."""
    closest = Fraction(0)
    for n in range(1, 61):
        for k in range(n // 2 + 1):
            left = sum(comb(n, j) for j in range(k + 1)) * k**k * (n - k) ** (n - k)
            assert left <= n**n
            if k > 0:
                closest = max(closest, Fraction(left, n**n))
    assert closest == Fraction(3, 4), "N = 2, k = 1; k = 0 is exact"


def test_counting_removes_the_record():
    """Project a smoothed state on the allowed (c, t), sum over c: distance no larger, operator bound times #{c}."""
    rng, k = np.random.default_rng(3), 1
    tests = np.array([[0, 0, 0], [1, 0, 1], [1, 1, 1], [0, 1, 0]])  # T of four patterns, three rounds
    records = np.array([[c >> 2 & 1, c >> 1 & 1, c & 1] for c in range(8)])  # 1: lost
    allowed = np.array([[np.all(c <= t) and c.sum() <= k for t in tests] for c in records])
    assert allowed.sum(axis=0).max() == 4 == sum(comb(3, j) for j in range(k + 1))
    for _ in range(20):  # axes c, t, a
        x = cq_state(rng, 8 * 4 * 2, 2).reshape(8, 4, 2, 2, 2) * allowed[:, :, None, None, None]
        x /= np.einsum("ctaee->", x).real
        near = x + 0.02 * cq_state(rng, 64, 2).reshape(x.shape)  # any state nearby, leaking out of the allowed part
        near /= np.einsum("ctaee->", near).real
        eve = near.sum(axis=(0, 2))
        lam = np.linalg.eigvalsh(power(eve, -0.5)[None, :, None] @ near @ power(eve, -0.5)[None, :, None]).max()
        cut = near * allowed[:, :, None, None, None]

        def distance(y, x=x):
            overlap = trace_norm(power(x, 0.5) @ power(y, 0.5)).sum()
            return np.sqrt(max(0.0, 1 - overlap**2))

        assert distance(cut) <= distance(near) + 1e-9
        without = cut.sum(axis=0)
        assert np.linalg.eigvalsh(4 * lam * eve[:, None] - without).min() >= -1e-9 * lam
        overlap = trace_norm(power(x.sum(axis=0), 0.5) @ power(without, 0.5)).sum()
        assert np.sqrt(max(0.0, 1 - overlap**2)) <= distance(cut) + 1e-9
