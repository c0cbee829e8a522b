"""Proposition 2: the key length that is secure for given free parameters (Nadlinger 2022, S10, equations 61 to 73).

The entropy that Bell violation certifies over n rounds, less what the finite number of rounds costs, what error
correction and authentication told, and what smoothing and privacy amplification take, is the key.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, fields

from postprocess.errors import InvalidInput
from postprocess.security.chsh_entropy import LN2, OMEGA_LOCAL, OMEGA_MAX, rapidity, smoothing_cost
from postprocess.security.tradeoff import Tradeoff

EPS_HASH = 2.0**-61
"""Collision bound of the 64-bit VHASH; four tags are sent."""
DELTA_2_MAX = 1 / math.log2(5)
OVERHEAD_BITS = 264
CHAIN_RULE = 4 / LN2
"""b of Y_b, the inverse of y + b ln y: the four log ell of the proof."""
LOG_5_SQUARED = math.log2(5) ** 2


@dataclass(frozen=True)
class FreeParameters:
    """What an optimiser may choose; any choice gives a sound bound.

    Attributes:
        t: point where g_t touches eta, in (3/4, (2+sqrt 2)/4).
        delta_1: alpha' - 1, in (0, 1).
        delta_2: alpha'' - 1, in (0, 1/log 5).
        eps_ea: error of the entropy accumulation.
        eps_pa: error of the privacy amplification.
        eps_s1, eps_s2: smoothing parameters eps_s' and eps_s''.
        eps_s3: what is left of the smoothing, eps_s - eps_s' - 2 eps_s''.
    """

    t: float
    delta_1: float
    delta_2: float
    eps_ea: float
    eps_pa: float
    eps_s1: float
    eps_s2: float
    eps_s3: float

    def check(self) -> None:
        """Raise InvalidInput when a value lies outside its range."""
        upper = {"t": OMEGA_MAX, "delta_2": DELTA_2_MAX}
        lower = {"t": OMEGA_LOCAL}
        for field in fields(self):
            value, low, high = getattr(self, field.name), lower.get(field.name, 0.0), upper.get(field.name, 1.0)
            if not low < value < high:
                raise InvalidInput(f"free parameter {field.name} = {value}: must lie between {low} and {high}")

    @property
    def alpha_1(self) -> float:
        """Renyi order alpha'."""
        return 1 + self.delta_1

    @property
    def alpha_2(self) -> float:
        """Renyi order alpha''."""
        return 1 + self.delta_2

    @property
    def eps_s(self) -> float:
        """Smoothing parameter eps_s."""
        return self.eps_s1 + 2 * self.eps_s2 + self.eps_s3

    @property
    def soundness(self) -> float:
        """Soundness error of the key: max(eps_EA, eps_PA + 2 eps_s) + 4 eps_h."""
        return max(self.eps_ea, self.eps_pa + 2 * self.eps_s) + 4 * EPS_HASH


def smoothing_and_order_cost(free: FreeParameters, n: float) -> float:
    """Bits lost to errors and Renyi orders: all but those of the tradeoff function, the tests and the messages."""
    log_ea = -math.log2(free.eps_ea)
    return (
        n * free.delta_2 * LOG_5_SQUARED
        + (smoothing_cost(free.eps_s1) + free.alpha_1 * log_ea) / free.delta_1
        + (smoothing_cost(free.eps_s2) + free.alpha_2 * log_ea) / free.delta_2
        + 3 * smoothing_cost(free.eps_s3)
        - 5 * math.log2(free.eps_pa)
    )


def certified_entropy(tradeoff: Tradeoff, delta_1: float, n: float, omega_thr: float) -> float:
    """Bits certified by n rounds that win with omega_thr, first- to third-order terms."""
    per_round = tradeoff.g(omega_thr) + tradeoff.worst_case(delta_1) - tradeoff.third_order(delta_1)
    return n * per_round


def finite_key_bound(n: int, gamma: float, omega_thr: float, syndrome_bits: float, free: FreeParameters) -> float:
    """Secure key length in bits, before rounding down, for given free parameters (Proposition 2).

    Args:
        n: rounds.
        gamma: probability of a test round, in (0, 1).
        omega_thr: acceptance threshold on the CHSH winning probability.
        syndrome_bits: m, bits of the error-correction syndrome.
        free: the free parameters.

    Returns:
        Key length; tiny and positive where nothing is proven.

    Raises:
        InvalidInput: a free parameter outside its range.
    """
    free.check()
    return chain_rule_inverse(net_entropy(n, gamma, omega_thr, syndrome_bits, free))


def net_entropy(n: int, gamma: float, omega_thr: float, syndrome_bits: float, free: FreeParameters) -> float:
    """What Proposition 2 puts under Y_b: entropy certified less all costs, negative where nothing is proven."""
    entropy = certified_entropy(Tradeoff(rapidity(free.t), gamma), free.delta_1, n, omega_thr)
    cost = smoothing_and_order_cost(free, n) + n * gamma + syndrome_bits + OVERHEAD_BITS
    return entropy - cost


def chain_rule_inverse(z: float) -> float:
    """Y_b(z): the y > 0 with y + b ln y = z, b = 4 / ln 2; y / b is Wright's omega function of z / b - ln b."""
    from scipy.special import wrightomega

    return CHAIN_RULE * float(wrightomega(z / CHAIN_RULE - math.log(CHAIN_RULE)))
