"""Two-qubit state tomography of the remote entanglement: maximum-likelihood states per heralding pattern.

Each ion is measured in one of the Pauli bases X, Y, -X, -Y, Z of its optical qubit, |0> = S1/2 (bright, eigenvalue +1
of Z) and |1> = D5/2 (dark). A basis other than Z is reached by Rxy(pi/2, k pi/2) before readout. The state that makes
the counts most likely is found by the diluted R rho R iteration (Rehacek, Hradil, Knill, Lvovsky, PRA 75, 042108
(2007)), stopped by the bound of Glancy, Knill, Girard, New J. Phys. 14, 095017 (2012): what is missing to the maximum
of ln L is at most N (lambda_max(R) - 1).

Source of the counts: Nadlinger 2022, Supplement, table S2; 0101 96.1 %, 1010 96.4 %, 0011 95.8 %, 1100 95.8 % there.
Matrices are complex128 (4, 4) in the order |00>, |01>, |10>, |11>, Alice's qubit first.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib import resources
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from postprocess.errors import InvalidInput

Matrix = NDArray[np.complex128]
Counts = Mapping[tuple[str, str], NDArray[np.int64]]

BASES = ("X", "Y", "-X", "-Y", "Z")

_ROUNDING = 1e-13  # of ln L per event: smaller differences are float64's, not the state's
_PAULI = {
    "X": np.array([[0, 1], [1, 0]], complex),
    "Y": np.array([[0, -1j], [1j, 0]]),
    "Z": np.array([[1, 0], [0, -1]], complex),
}
_MAGIC = np.array([[1, 0, 0, 1], [-1j, 0, 0, 1j], [0, -1j, -1j, 0], [0, 1, -1, 0]]) / np.sqrt(2)


def read_counts(path: Path | None = None) -> dict[int, Counts]:
    """Joint outcome counts per herald pattern and pair of bases.

    Args:
        path: CSV with columns pattern, alice_basis, bob_basis, n_pp, n_pm, n_mp, n_mm; '#' starts a comment and '+'
            is bright. None reads the published counts of table S2.

    Returns:
        pattern (bit k = APD k) -> (Alice's basis, Bob's basis) -> int64 (4,) in the order ++, +-, -+, --.

    Raises:
        InvalidInput: the file is missing or a line does not read as such a row.
    """
    source = (
        path if path is not None else resources.files("postprocess.characterisation") / "data" / "tomography_counts.csv"
    )
    try:
        lines = source.read_text().splitlines()
    except OSError as problem:
        raise InvalidInput(f"{source}: cannot be read ({problem.strerror})") from problem
    found: dict[int, dict[tuple[str, str], NDArray[np.int64]]] = {}
    for number, line in enumerate(lines, 1):
        if not line.strip() or line.startswith(("#", "pattern,")):
            continue
        try:
            pattern, alice, bob, *counts = line.split(",")
            row = np.array([int(count) for count in counts], np.int64)
            if alice not in BASES or bob not in BASES or row.shape != (4,) or np.any(row < 0):
                raise ValueError("a basis or a count is out of range")
            found.setdefault(int(pattern, 2), {})[alice, bob] = row
        except ValueError as problem:
            message = f"{source}, line {number}: 'pattern,alice_basis,bob_basis' and four counts are needed ({problem})"
            raise InvalidInput(message) from problem
    return dict(found)


def projectors(alice: str, bob: str) -> Matrix:
    """Projectors onto the outcomes ++, +-, -+, -- of two Pauli bases, complex128 (4, 4, 4)."""
    return np.array([np.kron(_projector(alice, a), _projector(bob, b)) for a in (1, -1) for b in (1, -1)])


def _projector(basis: str, eigenvalue: int) -> Matrix:
    sign = -1 if basis.startswith("-") else 1
    return (np.eye(2) + sign * eigenvalue * _PAULI[basis.lstrip("-")]) / 2


def maximum_likelihood_state(counts: Counts, *, tolerance: float = 0.1, max_steps: int = 100_000) -> Matrix:
    """Density matrix under which the observed counts are most likely (diluted R rho R).

    Args:
        counts: joint counts per pair of bases, as from `read_counts`.
        tolerance: largest remaining deficit of ln L; 0.1 is far below the statistical scale of 1.
        max_steps: give up after so many steps.

    Raises:
        InvalidInput: no counts, or the iteration has not converged (bases that do not determine the state are fine).
    """
    operators = np.concatenate([projectors(*bases) for bases in counts]) if counts else np.empty((0, 4, 4), complex)
    observed = np.concatenate(list(counts.values())) if counts else np.empty(0)
    total = observed.sum()
    if total == 0:
        raise InvalidInput("tomography: no counts")
    operators, frequencies = operators[observed > 0], observed[observed > 0] / total
    vectors = operators.reshape(len(operators), 16)
    conjugate = vectors.conj()  # operators are Hermitian: tr(P rho) = sum conj(P) * rho

    state: Matrix = np.eye(4, dtype=np.complex128) / 4
    probabilities = (conjugate @ state.ravel()).real
    likelihood = frequencies @ np.log(probabilities)
    step = 1e3
    for _ in range(max_steps):
        gradient = ((frequencies / probabilities) @ vectors).reshape(4, 4)
        if total * (np.linalg.eigvalsh(gradient)[-1] - 1) <= tolerance:
            return state
        while True:
            map_ = np.eye(4) + step * gradient
            trial = map_ @ state @ map_
            trial /= np.trace(trial).real
            trial_probabilities = (conjugate @ trial.ravel()).real
            trial_likelihood = frequencies @ np.log(np.maximum(trial_probabilities, 1e-300))
            if trial_likelihood >= likelihood - _ROUNDING or step < 1e-6:
                break
            step /= 2
        state, probabilities, likelihood = trial, trial_probabilities, trial_likelihood
    raise InvalidInput(f"tomography: no convergence of the maximum-likelihood state within {max_steps} steps")


def fully_entangled_fraction(state: Matrix) -> float:
    """Largest overlap with any maximally entangled state, 0.25 to 1.

    In the magic basis maximally entangled states are the real vectors, so the fraction is the largest eigenvalue of
    the real part of the density matrix (Bennett, DiVincenzo, Smolin, Wootters, PRA 54, 3824 (1996)).
    """
    return float(np.linalg.eigvalsh((_MAGIC.conj() @ state @ _MAGIC.T).real)[-1])


def bootstrap_fraction(counts: Counts, samples: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """Fully entangled fractions of `samples` parametric resamplings of a tomography, float64 (samples,).

    Each sample redraws every pair of bases, with its number of events, from the maximum-likelihood state (figure S3).
    """
    state = maximum_likelihood_state(counts)
    fractions = np.empty(samples)
    for i in range(samples):
        fractions[i] = fully_entangled_fraction(maximum_likelihood_state(simulate_counts(state, counts, rng)))
    return fractions


def simulate_counts(state: Matrix, like: Counts, rng: np.random.Generator) -> Counts:
    """Counts that a tomography of `state` would give, with the pairs of bases and numbers of events of `like`."""
    drawn = {}
    for bases, row in like.items():
        expected = np.einsum("kij,ji->k", projectors(*bases), state).real.clip(0)
        drawn[bases] = rng.multinomial(int(row.sum()), expected / expected.sum())
    return drawn


@cache
def published_states() -> Mapping[int, Matrix]:
    """Maximum-likelihood states of the published counts, pattern -> read-only matrix; readout and local errors are in
    them."""
    states = {}
    for pattern, counts in read_counts().items():
        states[pattern] = maximum_likelihood_state(counts, tolerance=0.001)
        states[pattern].setflags(write=False)
    return states
