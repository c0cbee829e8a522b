"""What the protocol's measurements give on a known two-qubit state: P(A, B | X, Y), S, Q and the best analysis phase.

The pulses are Rxy(theta, phi) = exp(-i theta/2 (cos phi X + sin phi Y)) on the optical qubit, |0> = S1/2 (bright),
|1> = D5/2 (dark): Alice X = 0 computational basis, X = 1 Rxy(pi/2, 0); Bob Y = 0, 1 Rxy(+-pi/4, phi), Y = 2
computational basis, Y = 3 (the second key basis) Rxy(pi/2, phi). Bob's outcome is 1 for bright, Alice's is inverted, 0
for bright (Nadlinger 2022, Methods and S2). Sign conventions and the orientation of tables S4 and S6 are those of the
two no-signalling marginals: rows of the printed tables are Bob's.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar

from postprocess.characterisation.state_tomography import Matrix

SETTINGS = ((0, 0), (0, 1), (1, 0), (1, 1), (0, 2))
CHSH_SETTINGS = SETTINGS[:4]


def rxy(theta: float, phi: float) -> Matrix:
    """Rotation by `theta` rad about the equatorial axis at `phi` rad, complex128 (2, 2)."""
    off_diagonal = -1j * np.sin(theta / 2)
    return np.array(
        [
            [np.cos(theta / 2), off_diagonal * np.exp(-1j * phi)],
            [off_diagonal * np.exp(1j * phi), np.cos(theta / 2)],
        ]
    )


def alice_pulse(x: int, phi: float = 0.0) -> Matrix:
    """Alice's analysis for her setting 0 or 1."""
    return np.eye(2, dtype=complex) if x == 0 else rxy(np.pi / 2, phi)


def bob_pulse(y: int, phi: float) -> Matrix:
    """Bob's analysis for his setting 0 to 3; `phi` is his phase for the herald pattern of the round."""
    return np.eye(2, dtype=complex) if y == 2 else rxy(np.pi / 4 * (1, -1, 0, 2)[y], phi)


def joint_bright(state: Matrix, alice: Matrix, bob: Matrix) -> NDArray[np.float64]:
    """Probabilities (2, 2) of finding the ions in |0> (bright) or |1> after the two rotations; first index Alice."""
    both = np.kron(alice, bob)
    return np.diagonal(both @ state @ both.conj().T).real.reshape(2, 2)


def outcome_probabilities(state: Matrix, x: int, y: int, phi: float, alice_phi: float = 0.0) -> NDArray[np.float64]:
    """P(A, B | X, Y) as (2, 2), first index Alice; Alice's bright is 0, Bob's bright is 1."""
    return joint_bright(state, alice_pulse(x, alice_phi), bob_pulse(y, phi))[:, ::-1]


def chsh_score(state: Matrix, phi: float) -> float:
    """S = E00 + E01 + E10 - E11 for Bob's analysis phase `phi` in rad."""
    score = 0.0
    for x, y in CHSH_SETTINGS:
        p = outcome_probabilities(state, x, y, phi)
        score += (1 - 2 * x * y) * (p[0, 0] + p[1, 1] - p[0, 1] - p[1, 0])
    return float(score)


def qber(state: Matrix) -> float:
    """Q = P(A != B | X = 0, Y = 2)."""
    p = outcome_probabilities(state, 0, 2, 0.0)
    return float(p[0, 1] + p[1, 0])


def second_qber(state: Matrix, phi: float) -> float:
    """Q_1 = P(A != B | X = 1, Y = 3) for Bob's analysis phase `phi` in rad."""
    p = outcome_probabilities(state, 1, 3, phi)
    return float(p[0, 1] + p[1, 0])


def best_analysis_phase(state: Matrix) -> float:
    """Bob's analysis phase in rad, in [0, 2 pi), that gives the largest S on `state`."""
    coarse = np.linspace(0, 2 * np.pi, 64, endpoint=False)
    start = coarse[np.argmax([chsh_score(state, phi) for phi in coarse])]
    nearby = (start - 0.2, start + 0.2)
    options = {"xatol": 1e-9}
    found = minimize_scalar(lambda phi: -chsh_score(state, phi), bounds=nearby, method="bounded", options=options)
    return float(found.x % (2 * np.pi))
