"""State tomography against the published fractions, known states and a brute-force search."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize

from contract.patterns import PATTERNS
from postprocess.characterisation.prediction import rxy
from postprocess.characterisation.state_tomography import (
    BASES,
    bootstrap_fraction,
    fully_entangled_fraction,
    maximum_likelihood_state,
    projectors,
    published_states,
    read_counts,
    simulate_counts,
)
from postprocess.errors import InvalidInput

ALL_BASES = [(a, b) for a in BASES for b in BASES]


def random_state(seed: int, rank: int = 4) -> np.ndarray:
    rng = np.random.default_rng(seed)
    root = rng.normal(size=(4, rank)) + 1j * rng.normal(size=(4, rank))
    state = root @ root.conj().T
    return state / np.trace(state).real


def expected_counts(state: np.ndarray, events: float) -> dict:
    return {bases: np.einsum("kij,ji->k", projectors(*bases), state).real * events for bases in ALL_BASES}


@pytest.mark.parametrize(
    ("pattern", "fraction"), [(0b0011, 0.9577), (0b0101, 0.9611), (0b1010, 0.9644), (0b1100, 0.9580)]
)
def test_published_counts_give_the_published_fractions(pattern, fraction):
    assert fully_entangled_fraction(published_states()[pattern]) == pytest.approx(fraction, abs=1e-4)


def test_published_counts_are_complete():
    counts = read_counts()
    assert set(counts) == set(PATTERNS)
    assert all(set(table) == set(ALL_BASES) for table in counts.values())
    assert sum(int(row.sum()) for table in counts.values() for row in table.values()) == 180_000


@given(st.integers(0, 2**32 - 1), st.integers(1, 4))
@settings(max_examples=15)
def test_exact_frequencies_give_the_state_back(seed, rank):
    state = random_state(seed, rank)
    found = maximum_likelihood_state(expected_counts(state, 1e4), tolerance=1e-3)
    assert np.abs(found - state).max() < 2e-3
    assert np.linalg.eigvalsh(found)[0] > -1e-12
    assert np.trace(found).real == pytest.approx(1, abs=1e-12)


def test_no_other_state_is_more_likely():
    """A general optimiser over rho = T T^dagger, started at the result, finds nothing better."""
    counts = read_counts()[0b0101]
    operators = np.concatenate([projectors(*bases) for bases in counts])
    observed = np.concatenate(list(counts.values()))

    def deficit(x):
        root = (x[:16] + 1j * x[16:]).reshape(4, 4)
        state = root @ root.conj().T
        state /= np.trace(state).real
        return -observed @ np.log(np.einsum("kij,ji->k", operators, state).real)

    state = maximum_likelihood_state(counts, tolerance=0.01)
    values, vectors = np.linalg.eigh(state)
    root = vectors * np.sqrt(values.clip(0))
    start = np.concatenate([root.real.ravel(), root.imag.ravel()])
    found = minimize(deficit, start, method="L-BFGS-B", options={"maxiter": 200})
    assert deficit(start) - found.fun < 0.02


@given(st.integers(0, 2**32 - 1), st.integers(1, 4))
@settings(max_examples=10)
def test_fraction_is_the_best_overlap_with_a_maximally_entangled_state(seed, rank):
    state = random_state(seed, rank)
    bell = np.array([1, 0, 0, 1]) / np.sqrt(2)

    def overlap(angles):
        turn = rxy(angles[0], angles[1]) @ np.diag([np.exp(1j * angles[2]), np.exp(-1j * angles[2])])
        vector = np.kron(np.eye(2), turn) @ bell
        return -(vector.conj() @ state @ vector).real

    rng = np.random.default_rng(seed)
    best = -min(minimize(overlap, rng.uniform(0, 2 * np.pi, 3)).fun for _ in range(8))
    assert fully_entangled_fraction(state) == pytest.approx(best, abs=1e-5)


def test_fraction_of_known_states():
    singlet = np.array([0, 1, -1, 0]) / np.sqrt(2)
    assert fully_entangled_fraction(np.outer(singlet, singlet)) == pytest.approx(1)
    assert fully_entangled_fraction(np.eye(4) / 4) == pytest.approx(0.25)
    assert fully_entangled_fraction(np.diag([1, 0, 0, 0])) == pytest.approx(0.5)


def test_bootstrap_scatters_around_the_fraction():
    counts = read_counts()[0b1010]
    fractions = bootstrap_fraction(counts, 20, np.random.default_rng(5))
    assert fractions.std() < 0.003
    assert fractions.mean() == pytest.approx(0.9644, abs=0.002)
    redrawn = simulate_counts(published_states()[0b1010], counts, np.random.default_rng(5))
    assert all(redrawn[bases].sum() == row.sum() for bases, row in counts.items())


def test_bad_counts_are_named(tmp_path):
    with pytest.raises(InvalidInput, match="no counts"):
        maximum_likelihood_state({})
    broken = tmp_path / "counts.csv"
    broken.write_text("pattern,alice_basis,bob_basis,n_pp,n_pm,n_mp,n_mm\n0011,X,Q,1,2,3,4\n")
    with pytest.raises(InvalidInput, match="line 2"):
        read_counts(broken)
    with pytest.raises(InvalidInput, match="cannot be read"):
        read_counts(tmp_path / "absent.csv")
