"""Rule `renyi`: Alice's Renyi entropy given everything Eve sees, round by round (docs/proofs/renyi.md).

With delta = alpha - 1 in (0, 1], phi >= 0, v = 2^(-delta phi / alpha), S = 8 w - 4, p = (1 + sqrt(S^2/4 - 1))/2:

    G(w) = 2^(1-alpha) (p^(1/alpha) + (1-p)^(1/alpha))^alpha for w > 3/4, else 1
    F(w) = (1-gamma) G(w) + gamma (v G(w)^(1/alpha) + (1-v) w^(1/alpha))^alpha
    kappa = -(1/delta) log max_w F(w)

and the length from kappa as `renyi_bound` says. F is concave in w (Lemma 4), so three points certify its maximum: if
F(b) is not below F(b - s) and F(b + s), then max F <= 2 F(b) - min F(b -+ s).
"""

from __future__ import annotations

import math
from typing import Any

from postprocess.security.chsh_entropy import OMEGA_LOCAL, OMEGA_MAX
from postprocess.security.optimise import maximise
from postprocess.security.rules.renyi_bound import RenyiBound, block_kappa, block_value, log_g, lost_test_weight
from postprocess.security.rules.rule import OWN_PROOF, Free, Problem

STEP = 2.0**-20


class Renyi(RenyiBound):
    """The rule; see the module. With two announced key bases its length is sound, and shorter than need be."""

    name = "renyi"
    label = OWN_PROOF
    source = "docs/proofs/renyi.md"
    hypotheses = (
        "Alice's device does not see the round type before it has answered; B, C and the reason of an abort stay "
        "secret; lengths and the extractor's seed are fixed or drawn as the message order says"
    )
    zeroing_proven = True
    bases = (1, 2)

    def worst_block(self, delta: float, phi: float, gamma: float) -> tuple[float, float]:
        """See RenyiBound."""
        return worst_block(delta, phi, gamma)

    def certified_kappa(self, problem: Problem, free: Free) -> Any:
        """See RenyiBound."""
        return certified_kappa(problem, free["delta"], free["phi"])


def log_big_g(omega: float, delta: float) -> float:
    """ln G(w)."""
    return log_g(min(math.sqrt(max(0.0, (4 * omega - 2) ** 2 - 1)), 1.0), delta) if omega > OMEGA_LOCAL else 0.0


def worst_block(delta: float, phi: float, gamma: float) -> tuple[float, float]:
    """The w of the largest F, and kappa there."""
    v = lost_test_weight(delta, phi)

    def value(omega: float) -> float:
        return block_value(omega, log_big_g(omega, delta), delta, v, gamma)

    omega, largest = maximise(value, OMEGA_LOCAL, OMEGA_MAX, tolerance=1e-9)
    return omega, block_kappa(largest, delta)


def certified_kappa(problem: Problem, delta: float, phi: float) -> Any:
    """Interval whose lower end is not above kappa; None where three points do not certify the maximum of F."""
    from mpmath import mp, mpf

    from postprocess.security.intervals import exact, log2, power

    gamma, d = exact(problem.gamma), exact(delta)
    alpha = 1 + d
    v = power(exact(2), -d * exact(phi) / alpha)

    def value(omega):
        r = ((4 * omega - 2) ** 2 - 1) ** 0.5
        b = 1 / alpha
        g = power(exact(2), -d) * power(power((1 + r) / 2, b) + power((1 - r) / 2, b), alpha)
        return (1 - gamma) * g + gamma * power(v * power(g, b) + (1 - v) * power(omega, b), alpha)

    mp.prec = 200
    place = worst_block(delta, phi, float(problem.gamma))[0]
    for _ in range(3):  # the top of a parabola, in more digits than a float has
        place = min(max(place, OMEGA_LOCAL + 9 * STEP), OMEGA_MAX - 9 * STEP)
        left, middle, right = (mpf(value(exact(place + i * 8 * STEP)).mid) for i in (-1, 0, 1))
        bend = left - 2 * middle + right
        if bend >= 0:
            break
        place += float(8 * STEP * (left - right) / (2 * bend))
    if not OMEGA_LOCAL + 2 * STEP < place < OMEGA_MAX - 2 * STEP:
        return None
    left, middle, right = (value(exact(place) + i * exact(STEP)) for i in (-1, 0, 1))
    if middle.a < left.b or middle.a < right.b:
        return None
    top = 2 * middle - exact(0) - (left if left.a < right.a else right)
    return -log2(top) / d
