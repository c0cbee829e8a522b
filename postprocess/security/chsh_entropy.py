"""Entropies of the security proof, free of cancellation at both ends (Nadlinger 2022, S10).

The proof's lower bound on Alice's entropy, eta(w) = 1 - h(1/2 + 1/2 sqrt(16 w (w - 1) + 3)), depends on the winning
probability w through r = sqrt(16 w (w - 1) + 3) = sqrt(S^2/4 - 1). Everything here is written in the rapidity a =
artanh(r): a = 0 at the local bound w = 3/4, a = infinity at Tsirelson's bound, and

    eta ln 2 = r a - ln cosh a,    eta' ln 2 = 4 sqrt(1 + r^2) a / r,    w = 1/2 + sqrt(1 + r^2) / 4.
"""

from __future__ import annotations

import math

LN2 = math.log(2)
OMEGA_MAX = (2 + math.sqrt(2)) / 4
"""Tsirelson's bound on the CHSH winning probability."""
OMEGA_MIN = (2 - math.sqrt(2)) / 4
OMEGA_LOCAL = 0.75
_SMALL = 0.05
_SQRT2_REST = -9.667293313452913e-17  # sqrt 2 less its nearest float, which matters next to Tsirelson's bound


def rapidity(omega: float) -> float:
    """a = artanh(sqrt(S^2/4 - 1)) of a winning probability in [3/4, OMEGA_MAX)."""
    half_score = 4 * omega - 2
    r = math.sqrt(max(0.0, (half_score - 1) * (half_score + 1)))
    if r < 0.5:
        return math.atanh(r)
    below_tsirelson = (math.sqrt(2) - half_score) + _SQRT2_REST
    return math.log1p(r) - math.log(below_tsirelson * (math.sqrt(2) + half_score)) / 2


def winning_probability(a: float) -> float:
    """Winning probability of rapidity a."""
    return 0.5 + math.sqrt(1 + math.tanh(a) ** 2) / 4


def eta_of(a: float) -> float:
    """eta at rapidity a >= 0, in bits."""
    if a < _SMALL:
        square = a * a
        return square * (1 / 2 - square * (1 / 4 - square * (1 / 9 - square * (17 / 360 - square * 31 / 1575)))) / LN2
    exponential = math.exp(-2 * a)
    return (LN2 - math.log1p(exponential) - 2 * a * exponential / (1 + exponential)) / LN2


def slope_of(a: float) -> float:
    """d eta / d w at rapidity a >= 0, in bits; the right-hand slope at the local bound is 4 / ln 2."""
    r = math.tanh(a)
    ratio = a / r if a > 1e-9 else 1.0
    return 4 * math.sqrt(1 + r * r) * ratio / LN2


def eta(omega: float) -> float:
    """Entropy bound eta(w) per round, in bits, for w in [OMEGA_MIN, OMEGA_MAX]: 0 between 1/4 and 3/4."""
    omega = max(omega, 1 - omega)
    if omega <= OMEGA_LOCAL:
        return 0.0
    return 1.0 if omega >= OMEGA_MAX else eta_of(rapidity(omega))


def eta_slope(omega: float) -> float:
    """Derivative of eta; at the kinks 1/4 and 3/4 the value towards the middle, 0."""
    if omega < 0.5:
        return -eta_slope(1 - omega)
    if omega <= OMEGA_LOCAL:
        return 0.0
    return math.inf if omega >= OMEGA_MAX else slope_of(rapidity(omega))


def smoothing_cost(epsilon: float) -> float:
    """theta_epsilon = -log(1 - sqrt(1 - epsilon^2)), in bits, written without the difference that cancels."""
    return -2 * math.log2(epsilon) + math.log2(1 + math.sqrt((1 - epsilon) * (1 + epsilon)))
