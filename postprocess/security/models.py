"""What a link would yield: models of its state, and the limit of many rounds (Nadlinger 2022, S10)."""

from __future__ import annotations

import math
from fractions import Fraction

from postprocess.errors import InvalidInput
from postprocess.security.chsh_entropy import eta
from postprocess.security.key_length import as_probability
from postprocess.support.entropy import binary_entropy


def depolarising(visibility: float) -> tuple[float, float]:
    """CHSH score and quantum bit error rate of a Bell state mixed with white noise: S = 2 sqrt2 V, Q = (1 - V) / 2.

    Args:
        visibility: V in [0, 1].

    Returns:
        (S, Q).
    """
    if not 0 <= visibility <= 1:
        raise InvalidInput(f"visibility = {visibility}: must lie between 0 and 1")
    return 2 * math.sqrt(2) * visibility, (1 - visibility) / 2


def expected_second_qber(score: float, qber: float) -> float:
    """Q_1 of a Bell-diagonal state at ideal CHSH angles: S = sqrt2 (t_z + t_x) with t_z = 1 - 2 Q_0, t_x = 1 - 2 Q_1.

    What a link shows whose S and Q_0 are known and whose second key basis has not been measured; within [0, 0.5].
    """
    return min(max(1 - score / math.sqrt(8) - qber, 0.0), 0.5)


def asymptotic_key_rate(score: float, qber: float, gamma: float | Fraction | str | None = None) -> float:
    """Key bits per round as n grows without limit, not below 0.

    Args:
        score: CHSH score S.
        qber: quantum bit error rate Q.
        gamma: fixed probability of a test round; None lets it vanish as n grows, which gives eta(w) - h(Q).
    """
    omega = (4 + score) / 8
    if gamma is None:
        return max(0.0, eta(omega) - binary_entropy(qber))
    test = as_probability(gamma)
    leak = (1 - test) * binary_entropy(qber) + test * binary_entropy(1 - omega)
    return max(0.0, eta(omega) - test - leak)
