"""Choosing the free parameters of Proposition 2 for the longest key.

The problem falls apart. Given alpha' - 1, errors and alpha'' have (nearly) closed forms; in alpha' - 1 the bound is
concave, and in t it has one maximum. So two nested one-dimensional searches find what a blind search in eight
dimensions only approaches.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from postprocess.errors import InvalidInput
from postprocess.security.chsh_entropy import eta, smoothing_cost, winning_probability
from postprocess.security.entropy_accumulation import (
    DELTA_2_MAX,
    EPS_HASH,
    LOG_5_SQUARED,
    OVERHEAD_BITS,
    FreeParameters,
    certified_entropy,
    smoothing_and_order_cost,
)
from postprocess.security.tradeoff import Tradeoff

_LOG_DELTA = (math.log(1e-9), math.log(0.98))
_SMOOTHING_BITS = 10.0
_RAPIDITY = (1e-3, 17.0)  # beyond 17, t is Tsirelson's bound to the last bit


def best_free_parameters(n: int, gamma: float, omega_thr: float, eps_snd: float) -> FreeParameters:
    """The free parameters that give the longest key; the syndrome length does not matter for the choice.

    Args:
        n: rounds.
        gamma: probability of a test round.
        omega_thr: acceptance threshold.
        eps_snd: soundness error to keep.

    Raises:
        InvalidInput: eps_snd is not above the tags' share 4 eps_h, or not below 1.
    """
    eps = eps_snd - 4 * EPS_HASH
    if not 0 < eps < 1:
        raise InvalidInput(f"eps_snd = {eps_snd}: must be above 4 * 2^-61, which the tags take, and below 1")

    def at_best_order(a: float) -> tuple[float, float]:
        tradeoff = Tradeoff(a, gamma)

        def bits(log_delta: float) -> float:
            delta = math.exp(log_delta)
            free = error_budget(n, eps, delta, tradeoff.t)
            return certified_entropy(tradeoff, delta, n, omega_thr) - smoothing_and_order_cost(free, n)

        # Were V the only cost, sqrt would be optimal; the true optimum lies below, seldom far.
        guess = math.log((_SMOOTHING_BITS - 3 * math.log2(eps)) / (n * tradeoff.dispersion(tradeoff.t))) / 2
        low, high = max(_LOG_DELTA[0], guess - 3), min(_LOG_DELTA[1], guess + 0.5)
        if low < high:
            best = maximise(bits, low, high)
            if low + 0.01 < best[0] < high - 0.01:
                return best
        return maximise(bits, *_LOG_DELTA)

    if n * (eta(omega_thr) - gamma) <= OVERHEAD_BITS:
        return error_budget(n, eps, math.exp(_LOG_DELTA[1]))  # nothing can be proven, whatever the choice
    a, _ = maximise(lambda a: at_best_order(a)[1], *_RAPIDITY)
    return error_budget(n, eps, math.exp(at_best_order(a)[0]), winning_probability(a))


def error_budget(n: int, eps: float, delta_1: float, t: float = 0.8) -> FreeParameters:
    """Best division of the error eps = max(eps_EA, eps_PA + 2 eps_s), and best alpha'', for given alpha' - 1.

    Each error x costs w log(1/x) bits with a weight w, so Lagrange's condition gives it a share of eps in proportion to
    w; theta's departure from a pure logarithm enters the weights, and alpha'' follows from its own error: iterate.
    """
    eps_s1 = eps_s2 = eps_s3 = 1e-3 * eps
    delta_2, log_ea = 0.0, -math.log2(eps)
    eps_pa = eps
    for _ in range(50):
        before = eps_pa
        delta_2 = min(math.sqrt((smoothing_cost(eps_s2) + log_ea) / (n * LOG_5_SQUARED)), 0.999 * DELTA_2_MAX)
        weights = (_weight(eps_s1) / delta_1, _weight(eps_s2) / delta_2, 3 * _weight(eps_s3), 5.0)
        share = eps / sum(weights)
        eps_s1, eps_s2, eps_s3 = weights[0] * share / 2, weights[1] * share / 4, weights[2] * share / 2
        eps_pa = weights[3] * share
        if abs(eps_pa - before) <= 1e-10 * eps_pa:
            break
    return FreeParameters(t, delta_1, delta_2, eps, eps_pa, eps_s1, eps_s2, eps_s3)


def _weight(eps: float) -> float:
    """-d theta / d log eps: 2 for small errors."""
    return 1 + 1 / math.sqrt((1 - eps) * (1 + eps))


def maximise(
    function: Callable[[float], float], low: float, high: float, tolerance: float = 1e-8
) -> tuple[float, float]:
    """Maximum of a function with one maximum: the place, to within `tolerance`, and the value there."""
    from scipy.optimize import minimize_scalar

    options = {"xatol": tolerance}
    found = minimize_scalar(lambda x: -function(x), bounds=(low, high), method="bounded", options=options)
    return float(found.x), -float(found.fun)
