"""The min-tradeoff function f_t of the entropy accumulation theorem and what a finite number of rounds costs under it.

g_t(w) = eta(t) + (w - t) eta'(t) is the tangent of the entropy bound at t. f_t spreads it over the outcomes of one
round: a lost test scores g_t(0)/gamma + (1 - 1/gamma) g_t(1), a won test or no test g_t(1), so that its mean is g_t(w)
(Nadlinger 2022, S10, equations 61 to 70).
"""

from __future__ import annotations

import math

from postprocess.security.chsh_entropy import (
    LN2,
    OMEGA_LOCAL,
    OMEGA_MAX,
    OMEGA_MIN,
    eta,
    eta_of,
    eta_slope,
    slope_of,
    winning_probability,
)

_LOG_33 = math.log2(33)


class Tradeoff:
    """f_t in rounds tested with probability gamma.

    Args:
        a: rapidity of t (see `entropy`), above 0.
        gamma: probability of a test round.
    """

    def __init__(self, a: float, gamma: float) -> None:
        self.a, self.gamma = a, gamma
        self.t = winning_probability(a)
        self.height = eta_of(a)
        self.slope = slope_of(a)

    def g(self, omega: float) -> float:
        """The tangent g_t(omega)."""
        return self.height + (omega - self.t) * self.slope

    def variance(self, omega: float) -> float:
        """Variance of f_t, which is eta'(t)/gamma lower in a lost test (probability gamma (1 - omega))."""
        return self.slope**2 * (1 - omega) * (1 - self.gamma * (1 - omega)) / self.gamma

    def dispersion(self, omega: float) -> float:
        """V(f_t, q(omega)), the second-order cost."""
        return LN2 / 2 * (_LOG_33 + math.sqrt(2 + self.variance(omega))) ** 2

    def dispersion_slope(self, omega: float) -> float:
        """Derivative of V with respect to omega."""
        root = math.sqrt(2 + self.variance(omega))
        return -LN2 / 2 * (_LOG_33 / root + 1) * self.slope**2 * (1 - 2 * self.gamma * (1 - omega)) / self.gamma

    def third_order(self, delta: float, from_zero: bool = False) -> float:
        """(a' - 1)^2 K_a'(f_t) for a' = 1 + delta; infinite where it leaves the floats.

        `from_zero`: K at g_t(0) instead of g_t(w_min), for rounds that may be zeroed.
        """
        exponent = 2 + (1.0 if from_zero else OMEGA_MAX) * self.slope  # g_t(1) - g_t(w_min) = w_max eta'(t)
        if delta * exponent > 1000:
            return math.inf
        logarithm = exponent * LN2 + math.log1p(math.exp(2 - exponent * LN2))
        return delta**2 * 2 ** (delta * exponent) * logarithm**3 / (6 * (1 - delta) ** 3 * LN2)

    def worst_case(self, delta: float) -> float:
        """inf over w of Delta(f_t, w) - delta V(f_t, q(w)), where Delta(f_t, w) = eta(w) - g_t(w).

        eta is convex and V concave in w, so the root of the derivative is the minimum. It lies below t and, unless
        delta is far from optimal, above the local bound.
        """
        from scipy.optimize import brentq

        def derivative(a: float) -> float:
            return slope_of(a) - self.slope - delta * self.dispersion_slope(winning_probability(a))

        if derivative(0.0) >= 0:
            omega = self._worst_below_local_bound(delta)
            return eta(omega) - self.g(omega) - delta * self.dispersion(omega)
        a = float(brentq(derivative, 0.0, self.a, xtol=1e-12))
        omega = winning_probability(a)
        return eta_of(a) - self.g(omega) - delta * self.dispersion(omega)

    def _worst_below_local_bound(self, delta: float) -> float:
        from scipy.optimize import brentq

        def derivative(omega: float) -> float:
            return eta_slope(omega) - self.slope - delta * self.dispersion_slope(omega)

        if derivative(OMEGA_MIN) >= 0:
            return OMEGA_MIN
        if derivative(OMEGA_LOCAL) <= 0:  # eta has its kink there
            return OMEGA_LOCAL
        return float(brentq(derivative, OMEGA_MIN, OMEGA_LOCAL, xtol=1e-12))
