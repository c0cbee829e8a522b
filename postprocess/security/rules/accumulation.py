"""Entropy accumulation with the tangent g_t, in interval arithmetic: what `proposition-2` and `counting` share.

With f_t spread over the outcomes of a round, n rounds that pass at omega_thr certify

    n (g_t(omega_thr) + inf_w [Delta(f_t, w) - delta V(f_t, q(w))] - delta^2 K(f_t))     (Nadlinger 2022, S10)

Why three points bound the infimum: eta is convex and g_t linear, so Delta = eta - g_t is convex in w. The variance of
f_t is concave in w, and V grows with it and is a concave function of it (V = (ln 2 / 2)(log 33 + sqrt(2 + Var))^2), so
V is concave in w and Delta - delta V convex. If its value at b is not above those at b - s and b + s, its infimum is at
least 2 f(b) - max f(b -+ s).
"""

from __future__ import annotations

import math
from fractions import Fraction

from postprocess.security.chsh_entropy import OMEGA_MAX, OMEGA_MIN

STEP = 2.0**-24


def certified_accumulation(rounds: int, gamma: Fraction, omega_thr: float, t: float, delta: float, zeroed: bool):
    """Interval whose lower end is not above the bits that `rounds` rounds certify; None where the points do not.

    Args:
        t: where the tangent touches, above 3/4. delta: alpha - 1.
        zeroed: whether rounds may be zeroed; K is then taken at g_t(0) instead of g_t(w_min).
    """
    from mpmath import iv

    from postprocess.security.intervals import eta, eta_slope, exact

    g, d, touch = exact(gamma), exact(delta), exact(t)
    height, slope = eta(touch), eta_slope(touch)
    ln2, log33 = iv.log(iv.mpf(2)), iv.log(iv.mpf(33)) / iv.log(iv.mpf(2))

    def tangent(omega):
        return height + (omega - touch) * slope

    def cost(omega):
        variance = slope**2 * (1 - omega) * (1 - g * (1 - omega)) / g
        return eta(omega) - tangent(omega) - d * ln2 / 2 * (log33 + iv.sqrt(2 + variance)) ** 2

    place = _worst_place(t, float(gamma), delta)
    if not OMEGA_MIN + 2 * STEP < place < OMEGA_MAX - 2 * STEP:
        return None
    left, middle, right = (cost(exact(place) + i * exact(STEP)) for i in (-1, 0, 1))
    if middle.b > left.a or middle.b > right.a:
        return None
    infimum = 2 * middle - (left if left.b > right.b else right)
    exponent = 2 + (slope if zeroed else (2 + iv.sqrt(iv.mpf(2))) / 4 * slope)
    logarithm = exponent * ln2 + iv.log(1 + iv.exp(2 - exponent * ln2))
    third = d**2 * iv.exp(d * exponent * ln2) * logarithm**3 / (6 * (1 - d) ** 3 * ln2)
    return rounds * (tangent(exact(omega_thr)) + infimum - third)


def _worst_place(t: float, gamma: float, delta: float) -> float:
    from postprocess.security.chsh_entropy import eta, rapidity
    from postprocess.security.optimise import maximise
    from postprocess.security.tradeoff import Tradeoff

    tradeoff = Tradeoff(rapidity(t), gamma)

    def gain(omega: float) -> float:
        return tradeoff.g(omega) + delta * tradeoff.dispersion(omega) - eta(omega)

    return maximise(gain, OMEGA_MIN, OMEGA_MAX, tolerance=1e-10)[0]


def accumulated(problem, free_t: float, delta: float, zeroed: bool) -> float:
    """The same in floats, for searching."""
    from postprocess.security.chsh_entropy import rapidity
    from postprocess.security.tradeoff import Tradeoff

    tradeoff = Tradeoff(rapidity(free_t), float(problem.gamma))
    per_round = tradeoff.g(problem.omega_thr) + tradeoff.worst_case(delta)
    return problem.rounds * (per_round - tradeoff.third_order(delta, from_zero=zeroed)) if math.isfinite(delta) else 0.0
