"""How long a syndrome is: the paper's rule, and a tighter one for coupled codes.

Every syndrome bit saved is a key bit. With the entropy H of Alice's bit given Bob's knowledge and its variance V per
round, a chain of L positions pays ~ 1/L for its ends, and each stretch of n/L bits must bear its own fluctuations, of
relative size sqrt(V L / n) / H. The best L leaves an overhead m / (n H) - 1 proportional to s = (V / (n H^2))^(1/3),
and its scatter from run to run follows the same law. Very long codes come up against what belief propagation and the
halved ends of the chain cost whatever the length: there the overhead falls more slowly. All constants below are fitted
to Monte-Carlo trials of `make_code`'s codes, the first two at the paper's point (n = 1.5e6, S = 2.64, Q = 1.8 %, gamma
= 13/256, s = 2.5 %), the last two at n = 5e6 (s = 1.7 %). docs/reconciliation.md has the counts, there and elsewhere.
"""

from __future__ import annotations

import math
from fractions import Fraction
from statistics import NormalDist

from postprocess.errors import InvalidInput
from postprocess.support.entropy import binary_entropy

MARGIN_BITS = 50  # the paper's margin is 50 sqrt(n), S6
_HALF_FAIL = 4.4  # overhead where half of all runs would fail, in units of s = (V / (n H^2))^(1/3)
_SCATTER = 0.5  # one standard deviation of the waterfall, same units
_LONG_FLOOR, _LONG_SLOPE = 0.032, 3.1  # the same overhead for long codes, where it is larger: floor + slope * s


def conditional_entropy(
    gamma: float | Fraction, score: float, qber: float, qber2: float | None = None
) -> tuple[float, float]:
    """Entropy H of Alice's bit given Bob's knowledge, in bits per round, and its variance V (Nadlinger 2022, S6).

    H = (1 - gamma) h(Q) + gamma h((4 - S)/8), and V likewise from v(d) = d (1 - d) log2((1 - d)/d)^2. With two key
    bases, where `qber` is Q_0 and `qber2` is Q_1, (h(Q_0) + h(Q_1))/2 stands for h(Q).
    """
    key = 1.0 - float(gamma)
    keys = ((key, qber),) if qber2 is None else ((key / 2, qber), (key / 2, qber2))
    kinds = (*keys, (float(gamma), (4.0 - score) / 8.0))
    entropy = sum(share * binary_entropy(error) for share, error in kinds)
    variance = sum(share * _varentropy(error) for share, error in kinds)
    return entropy, variance


def paper_syndrome_length(
    n: int, gamma: float | Fraction, score: float, qber: float, qber2: float | None = None
) -> int:
    """Syndrome length m in bits by the paper's rule (Nadlinger 2022, S6).

    m = floor(n ((1 - gamma) h(Q) + gamma h((4 - S)/8)) + 50 sqrt(n)), with the expected CHSH score S and QBER Q. For
    short runs the margin alone exceeds n: such a syndrome reveals the whole string, and `make_code` refuses it.
    """
    if n < 1:
        raise InvalidInput(f"number of rounds must be positive, not {n}")
    if not 0.0 <= gamma <= 1.0:
        raise InvalidInput(f"gamma must be a probability, not {gamma}")
    return math.floor(n * conditional_entropy(gamma, score, qber, qber2)[0] + MARGIN_BITS * math.sqrt(n))


def tight_syndrome_length(
    n: int,
    gamma: float | Fraction,
    score: float,
    qber: float,
    failure: float = 1e-3,
    qber2: float | None = None,
) -> int:
    """Shortest advisable syndrome in bits for a coupled code that fails with probability `failure`.

    m = ceil(n H (1 + max(4.4 s, 0.032 + 3.1 s) + 0.5 z s)), s = (V / (n H^2))^(1/3), z the normal quantile of
    `failure`. At failure probabilities of 1e-3 and below the waterfall's shape is extrapolated. The statistics are
    taken as expected values: leave room when they may drift. Raises InvalidInput for probabilities outside their range.
    """
    if n < 1:
        raise InvalidInput(f"number of rounds must be positive, not {n}")
    if not 0.0 <= gamma <= 1.0:
        raise InvalidInput(f"gamma must be a probability, not {gamma}")
    if not 0.0 < failure < 1.0:
        raise InvalidInput(f"failure probability must lie strictly between 0 and 1, not {failure}")
    entropy, variance = conditional_entropy(gamma, score, qber, qber2)
    if entropy == 0.0:
        raise InvalidInput("without noise there is nothing to reconcile: the expected error rates are all zero")
    half_fail, scatter = waterfall(n, entropy, variance)
    quantile = -NormalDist().inv_cdf(failure)
    return math.ceil(n * entropy * (1.0 + half_fail + quantile * scatter))


def decoding_failure(
    n: int,
    gamma: float | Fraction,
    score: float,
    qber: float,
    syndrome_bits: int,
    qber2: float | None = None,
) -> float:
    """Probability that a coupled code with so long a syndrome fails, by the waterfall of `tight_syndrome_length`.

    Below 1e-3, and for n outside 2e5 to 1e7, the waterfall is extrapolated; 1 where m is below the entropy n H.
    """
    entropy, variance = conditional_entropy(gamma, score, qber, qber2)
    if entropy == 0.0:
        return 0.0
    overhead = syndrome_bits / (n * entropy) - 1.0
    if overhead < 0.0:
        return 1.0
    half_fail, scatter = waterfall(n, entropy, variance)
    if scatter == 0.0:
        return 0.0 if overhead > half_fail else 1.0
    return NormalDist().cdf((half_fail - overhead) / scatter)


def waterfall(n: int, entropy: float, variance: float) -> tuple[float, float]:
    """Overhead at which half of all runs would fail, and its standard deviation."""
    scale = (variance / (n * entropy**2)) ** (1.0 / 3.0)
    return max(_HALF_FAIL * scale, _LONG_FLOOR + _LONG_SLOPE * scale), _SCATTER * scale


SYNDROME_RULES = ("paper", "tight")


def syndrome_length_by(
    rule: str, n: int, gamma: float | Fraction, score: float, qber: float, qber2: float | None = None
) -> int:
    """Syndrome length m by a rule of SYNDROME_RULES: the paper's, or this project's for one failure in a thousand."""
    if rule not in SYNDROME_RULES:
        raise InvalidInput(f"syndrome = {rule}: must be {' or '.join(SYNDROME_RULES)}")
    length = tight_syndrome_length if rule == "tight" else paper_syndrome_length
    return length(n, gamma, score, qber, qber2=qber2)


def _varentropy(error: float) -> float:
    if error in (0.0, 1.0):
        return 0.0
    return error * (1.0 - error) * math.log2((1.0 - error) / error) ** 2
