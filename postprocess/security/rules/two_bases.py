"""Rule `two-bases`: Renyi entropy with two announced key bases (docs/proofs/two_bases.md).

In key rounds Bob announces a private bit r with the round type; Alice measures A_r. With D(t) = 1 - g(t),

    g(t) = 2^(1-alpha) (((1+t)/2)^(1/alpha) + ((1-t)/2)^(1/alpha))^alpha,  v = 2^(-delta phi / alpha),

and for any rho > 0, M = v + (1-v) rho^(1/alpha) (Theorem B):

    p = 1 - gamma + gamma v M^delta,  q = gamma (1-v) (M / rho^(1/alpha))^delta,  mu = q / 4p
    R(mu) = max_{0 <= psi <= pi/4} { max_t [mu cos psi t - sin^2 psi D(t)] + max_t [mu sin psi t - cos^2 psi D(t)] }
    kappa = -(1/delta) log (p + q/2 + p R(mu))

and the length from kappa as `renyi_bound` says. The search believes that R is attained by the two best attacks, local
rounds and a Werner state; the certificate does not: what it computes bounds R whatever the search found.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from fractions import Fraction
from functools import lru_cache
from typing import Any

from postprocess.errors import InvalidInput
from postprocess.security.chsh_entropy import LN2, OMEGA_LOCAL, OMEGA_MAX
from postprocess.security.optimise import maximise
from postprocess.security.rules.renyi_bound import RenyiBound, block_kappa, block_value, log_g, lost_test_weight
from postprocess.security.rules.rule import OWN_PROOF, Free, Problem, rounded

NODES = 1024
"""The finest grid in psi has this many cells; a power of 2. It costs 4e-7 bits a round."""
ALMOST_ONE = 1 - 2.0**-53
MOST_RAPIDITY = 18.7


class TwoBases(RenyiBound):
    """The rule; see the module."""

    name = "two-bases"
    label = OWN_PROOF
    source = "docs/proofs/two_bases.md"
    hypotheses = (
        "Alice's device sees neither the round type nor r before it has answered: r is as secret as T until her device "
        "is isolated; T, r and Y are drawn independently; her device sees X and nothing else, so that a key round is "
        "to it a test; B, C and the reason of an abort stay secret; lengths and the extractor's seed are fixed or "
        "drawn as the message order says"
    )
    zeroing_proven = True
    bases = (2,)
    own_parameters = ("rho",)

    def worst_block(self, delta: float, phi: float, gamma: float) -> tuple[float, float]:
        """See RenyiBound: in Eve's mixture where mu can be its slope, else at one of its ends or beyond."""
        from scipy.optimize import brentq

        slope, touch = mixing(delta)
        werner, v = 0.5 + touch / math.sqrt(8), lost_test_weight(delta, phi)
        end = werner / math.exp(log_g(touch, delta))

        def value(omega: float) -> float:
            return block_value(omega, log_best_q(omega, delta), delta, v, gamma)

        def above_mixture(rho: float) -> float:
            return _mu(rho, delta, v, gamma) - slope

        if above_mixture(OMEGA_LOCAL) <= 0:
            omega = OMEGA_LOCAL
        elif above_mixture(end) < 0:
            rho = brentq(above_mixture, OMEGA_LOCAL, end, xtol=1e-14)
            omega = rho * (1 + 3 * slope) / (1 + 4 * slope * rho)  # where w / Q = rho
        else:
            omega, largest = maximise(value, werner, OMEGA_MAX, tolerance=1e-9)
            return omega, block_kappa(largest, delta)
        return omega, block_kappa(value(omega), delta)

    def own(self, problem: Problem, delta: float, phi: float) -> Free:
        """rho: w / Q of the worst block, where the tangent of Phi touches."""
        omega = self.worst_block(delta, phi, float(problem.gamma))[0]
        return {"rho": rounded(omega / math.exp(log_best_q(omega, delta)))}

    def certified_kappa(self, problem: Problem, free: Free) -> Any:
        """See RenyiBound."""
        if not free["rho"] > 0:
            raise InvalidInput(f"free parameter rho = {free['rho']}: must be positive")
        return certified_kappa(problem.gamma, free["delta"], free["phi"], free["rho"])


@lru_cache(maxsize=256)
def mixing(delta: float) -> tuple[float, float]:
    """k' = min_t D(t) / (sqrt2 t - 1), the slope of Eve's best mixture from (S = 2, Q = 1), and the t where it touches
    the Werner states."""

    def falls(t: float) -> bool:
        return distance_slope(t, delta) * (math.sqrt(2) * t - 1) < -math.sqrt(2) * math.expm1(log_g(t, delta))

    touch = _last_t(falls, math.atanh(math.sqrt(0.5)))
    return -math.expm1(log_g(touch, delta)) / (math.sqrt(2) * touch - 1), touch


def log_best_q(omega: float, delta: float) -> float:
    """ln Q of the best attacks: local rounds mixed with the touching Werner state, beyond its S Werner states alone."""
    slope, touch = mixing(delta)
    half_score = 4 * omega - 2
    if half_score < math.sqrt(2) * touch:
        return math.log1p(-slope * max(half_score - 1, 0.0))
    return log_g(min(half_score / math.sqrt(2), 1.0), delta)


def distance_slope(t: float, delta: float) -> float:
    """D'(t) for t below 1, in floats without cancellation."""
    c = delta / (1 + delta)
    scale = math.exp(c * (log_g(t, delta) + delta * LN2) - (1 + delta) * LN2)
    return scale * (math.expm1(c * (LN2 - math.log1p(-t))) - math.expm1(c * (LN2 - math.log1p(t))))


def _last_t(holds: Callable[[float], bool], low: float = 0.0) -> float:
    """The last t below 1 for which something still holds, by bisection in its rapidity; ALMOST_ONE where always."""
    high = MOST_RAPIDITY
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if holds(min(math.tanh(middle), ALMOST_ONE)) else (low, middle)
    return min(math.tanh(low), ALMOST_ONE)


def _mu(rho: float, delta: float, v: float, gamma: float) -> float:
    ratio = rho ** (1 / (1 + delta))
    m = v + (1 - v) * ratio
    return gamma * (1 - v) * (m / ratio) ** delta / (4 * (1 - gamma + gamma * v * m**delta))


@lru_cache(maxsize=256)
def certified_kappa(gamma: Fraction, delta: float, phi: float, rho: float, nodes: int = NODES) -> Any:
    """Interval whose lower end is not above kappa."""
    from postprocess.security.intervals import exact, log2

    return -log2(certified_bound(gamma, delta, phi, rho, nodes)) / exact(delta)


def certified_bound(gamma: Fraction, delta: float, phi: float, rho: float, nodes: int = NODES) -> Any:
    """Interval whose upper end is not below F*: p + q/2 + p R(mu)."""
    from postprocess.security.intervals import exact, power

    g, d = exact(gamma), exact(delta)
    v = power(exact(2), -d * exact(phi) / (1 + d))
    ratio = power(exact(rho), 1 / (1 + d))
    m = v + (1 - v) * ratio
    p = 1 - g + g * v * power(m, d)
    q = g * (1 - v) * power(m / ratio, d)
    return p + q / 2 + p * certified_r(q / (4 * p), delta, nodes)


def certified_r(mu: Any, delta: float, nodes: int = NODES) -> Any:
    """A number not below R(mu), for an interval mu.

    R_psi + L psi^2/2 is convex (L = sqrt2 mu + 2 D(1)), so on any cell of width h R is at most L h^2/8 above its larger
    end. Cells are halved only where they reach above the largest value seen and the pad of the finest grid.
    """
    from mpmath import iv

    from postprocess.security.intervals import exact

    d = exact(delta)
    bend = iv.sqrt(iv.mpf(2)) * mu + 2 * (1 - iv.exp(-d * iv.log(iv.mpf(2))))
    step = iv.pi / 4 / nodes

    def pad(width: int) -> Any:
        return (bend * (width * step) ** 2 / 8).b

    values = {place: _at_psi(place * step, mu, delta).b for place in (0, nodes)}
    top, open_cells = max(values.values()), [(0, nodes)]
    while open_cells:
        low, high = open_cells.pop()
        if high - low == 1 or (max(values[low], values[high]) + pad(high - low)).b <= (top + pad(1)).a:
            continue
        middle = (low + high) // 2
        values[middle] = _at_psi(middle * step, mu, delta).b
        top = max(top, values[middle])
        open_cells += [(low, middle), (middle, high)]
    return (top + pad(1)).b


def _at_psi(psi: Any, mu: Any, delta: float) -> Any:
    """Upper bound on the bracket of R(mu) at one psi, an interval."""
    from mpmath import iv

    c, s = iv.cos(psi), iv.sin(psi)
    return _inner_maximum(mu * c, s**2, delta) + _inner_maximum(mu * s, c**2, delta)


def _inner_maximum(x: Any, y: Any, delta: float) -> Any:
    """Upper bound on max_t [x t - y D(t)], by one tangent of the convex D; best where D' is x/y, sound anywhere."""
    from mpmath import iv

    from postprocess.security.intervals import exact

    slope = float(x.mid) / float(y.mid) if y.mid > 0 else math.inf
    touch = _last_t(lambda t: distance_slope(t, delta) < slope)  # not beyond: next to 1 floats are far apart in D'
    t, alpha = exact(touch), 1 + exact(delta)
    p, q = (1 + t) / 2, (1 - t) / 2
    root_p, root_q = iv.exp(iv.log(p) / alpha), iv.exp(iv.log(q) / alpha)
    total = root_p + root_q
    g = iv.exp(alpha * iv.log(total) - exact(delta) * iv.log(iv.mpf(2)))
    rise = g / (2 * total) * (root_q / q - root_p / p)
    beyond = (x - y * rise).b
    return y * (t * rise - (1 - g)) + (beyond if beyond > 0 else 0)
