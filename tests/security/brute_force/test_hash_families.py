"""Lemma 6 of docs/proofs/renyi.md on tiny instances: every seed, exact trace distances, both families."""

import itertools

import numpy as np
import pytest
from proof_formulas import power, sandwiched, trace_norm
from random_strategies import gaussian

DELTAS = (1.0, 0.5, 0.1, 0.01)


def strings(n):
    """All bit strings (2^n, n), the first bit most significant."""
    return np.array(list(itertools.product((0, 1), repeat=n)))


def toeplitz(rows, columns):
    """Every Toeplitz matrix of rows x columns, from rows + columns - 1 bits."""
    index = np.arange(columns) - np.arange(rows)[:, None] + rows - 1
    return strings(rows + columns - 1)[:, index]


def full_family(n, ell):
    return toeplitz(ell, n)


def modified_family(n, ell):
    """[I | T]: n - 1 bits of seed."""
    matrices = toeplitz(ell, n - ell)
    return np.concatenate([np.broadcast_to(np.eye(ell, dtype=int), (len(matrices), ell, ell)), matrices], axis=2)


FAMILIES = (full_family, modified_family)


def hashed(matrices, n):
    """Values of all hashes on all strings: (seeds, 2^n), the value as a number."""
    ell = matrices.shape[1]
    return np.einsum("sln,an->sal", matrices, strings(n)) % 2 @ (1 << np.arange(ell)[::-1])


def distance(values, ell, x):
    """Mean over seeds of || f_s(X) - 2^-ell 1 (x) X_E ||_1."""
    ideal = x.sum(axis=0) / 2**ell
    keys = np.arange(2**ell)[None, :, None]
    sums = np.einsum("szn,nef->szef", (values[:, None, :] == keys).astype(float), x)
    return trace_norm(sums - ideal).sum(axis=1).mean()


def bound(x, sigma, ell, alpha):
    """2^(2/alpha - 1) 2^((delta/alpha) ell) Q^(1/alpha)."""
    return 2 ** (2 / alpha - 1 + (alpha - 1) / alpha * ell) * sandwiched(x, sigma, alpha) ** (1 / alpha)


def good_reference(x, alpha, steps=60):
    """A state sigma with small Q(X || 1 (x) sigma), of full rank on X_E: damped fixed-point iteration from X_E."""
    eve = x.sum(axis=0) / np.trace(x.sum(axis=0)).real
    sigma, best, value = eve, eve, sandwiched(x, eve, alpha)
    for _ in range(steps):
        s = power(sigma, (1 - alpha) / (2 * alpha))
        found = power(s @ x @ s, alpha).sum(axis=0)
        sigma = sigma / 2 + 0.499 * found / np.trace(found).real + 0.001 * eve
        now = sandwiched(x, sigma, alpha)
        best, value = (sigma, now) if now < value else (best, value)
    return best


def sources(rng, n, d):
    """Subnormalised X_a: generic; pure and nearly parallel; few strings; one string; all of Eve's states equal."""
    generic = gaussian(rng, (2**n, d, d))
    parallel = gaussian(rng, (d, 1)) + 0.2 * gaussian(rng, (2**n, d, 1))
    few = np.where(rng.uniform(size=(2**n, 1, 1)) < 0.3, gaussian(rng, (2**n, d, 1)), 0)
    few[0] = gaussian(rng, (d, 1))
    single = np.zeros((2**n, d, 1))
    single[rng.integers(2**n), 0] = 1
    equal = np.broadcast_to(gaussian(rng, (d, d)), (2**n, d, d)) * rng.uniform(0.5, 1, size=(2**n, 1, 1))
    for root in (generic, parallel, few, single, equal):
        x = root @ root.conj().swapaxes(-1, -2)
        yield x * rng.uniform(0.1, 1) / np.trace(x.sum(axis=0)).real


def smallest_ratio(seed, repeats, sizes):
    """Smallest bound / distance; each comparison asserted."""
    rng, smallest = np.random.default_rng(seed), np.inf
    for family, (n, ell), _ in itertools.product(FAMILIES, sizes, range(repeats)):
        values, d = hashed(family(n, ell), n), int(rng.integers(1, 4))
        for x in sources(rng, n, d):
            found = distance(values, ell, x)
            for delta in DELTAS:
                right = bound(x, good_reference(x, 1 + delta), ell, 1 + delta)
                assert found <= right * (1 + 1e-9)
                smallest = min(smallest, right / max(found, 1e-300))
    print(f"smallest bound / distance {smallest:.4f}")
    return smallest


def test_distances_below_the_bound():
    assert smallest_ratio(1, 1, [(3, 1), (4, 2)]) < 3


@pytest.mark.slow
def test_many_distances_below_the_bound():
    """docs/proofs/renyi.md, section 5."""
    assert smallest_ratio(20261126, 10, [(2, 1), (3, 1), (3, 2), (4, 1), (4, 2), (4, 3), (5, 2)]) < 1.5


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize(("n", "ell"), [(3, 1), (4, 2), (5, 2), (5, 3), (6, 4)])
def test_collision_operator(family, n, ell):
    """P - 2^-ell J, exactly as in the proof: (1 - 2^-ell) 1 and 1 - a projector."""
    values = hashed(family(n, ell), n)
    operator = (values[:, :, None] == values[:, None, :]).mean(axis=0) - 2.0**-ell
    if family is full_family:
        expected = (1 - 2.0**-ell) * np.eye(2**n)
    else:
        classes = np.arange(2**n) % 2 ** (n - ell)
        expected = np.eye(2**n) - (classes[:, None] == classes) / 2.0**ell
    assert np.array_equal(operator, expected)
    assert np.linalg.eigvalsh(operator).max() <= 1 + 1e-12


@pytest.mark.parametrize("delta", DELTAS)
def test_both_lines_of_the_interpolation(delta):
    """E||T(G)||_1 <= 2 Q where Re z = 0 and <= 2^(ell/2) Q^(1/2) where Re z = 1; X between them."""
    rng, alpha, n, ell = np.random.default_rng(5), 1 + delta, 4, 2
    for family, x in itertools.product(FAMILIES, sources(rng, n, 3)):
        sigma = good_reference(x, alpha)
        s = power(sigma, (1 - alpha) / (2 * alpha))
        z = s @ x @ s
        q = sandwiched(x, sigma, alpha)
        values = hashed(family(n, ell), n)

        def at(point, sigma=sigma, z=z, alpha=alpha):
            side = power(sigma, point / 4)
            return side @ power(z, alpha * (1 - point / 2)) @ side

        for height in (0.0, 0.7, -3.0):
            assert distance(values, ell, at(1j * height)) <= 2 * q * (1 + 1e-9)
            assert distance(values, ell, at(1 + 1j * height)) <= 2 ** (ell / 2) * np.sqrt(q) * (1 + 1e-9)
        assert at(2 * delta / alpha) == pytest.approx(x, abs=1e-9)


def test_a_matrix_cut_to_fewer_rows_breaks_the_lemma():
    """[I | T] made for ell = 4 and cut to one row: eigenvalue 2^3, and a source with distance twice the bound."""
    n, made, kept = 6, 4, 1
    values = hashed(modified_family(n, made)[:, :kept], n)
    operator = (values[:, :, None] == values[:, None, :]).mean(axis=0) - 2.0**-kept
    assert np.linalg.eigvalsh(operator).max() == pytest.approx(2 ** (made - kept))
    source = np.zeros((2**n, 1, 1))
    source[[0b000000, 0b000100, 0b001000, 0b001100, 0b010000, 0b010100, 0b011000, 0b011100]] = 1 / 8
    one = np.ones((1, 1))
    assert distance(values, kept, source) == pytest.approx(1.0)
    assert bound(source, one, kept, 2.0) == pytest.approx(0.5)
    right = hashed(modified_family(n, kept), n)
    assert distance(right, kept, source) <= bound(source, one, kept, 2.0)
