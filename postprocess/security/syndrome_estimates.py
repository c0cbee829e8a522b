"""How long a syndrome must be: what codes of finite length could reach, and what earlier proofs allowed for
(Nadlinger 2022, S6).

The decoder sees two binary symmetric channels: gamma n test rounds that err with probability (4 - S) / 8 and (1 -
gamma) n key rounds that err with probability Q. The paper's own rule, equation 23, is
`postprocess.reconciliation.syndrome_length.paper_syndrome_length`.
"""

from __future__ import annotations

import math
from statistics import NormalDist

from postprocess.errors import InvalidInput
from postprocess.reconciliation.syndrome_length import conditional_entropy
from postprocess.security.optimise import maximise
from postprocess.support.entropy import binary_entropy


def bsc_syndrome_length(n: float, error: float, failure: float) -> float:
    """Shortest syndrome for one binary symmetric channel in the normal approximation (equations 9 and 10).

    Args:
        n: bits.
        error: probability of a flip, in [0, 1/2].
        failure: probability that decoding fails, in (0, 1).

    Returns:
        m_BSC = n h(d) + sqrt(n d (1 - d)) log((1 - d) / d) Q^-1(failure) - log(n) / 2, in bits.
    """
    _check_failure(failure)
    if not 0 <= error <= 0.5:
        raise InvalidInput(f"channel error = {error}: must lie between 0 and 0.5")
    if error == 0:
        return 0.0
    quantile = -NormalDist().inv_cdf(failure)
    dispersion = math.sqrt(n * error * (1 - error)) * math.log2((1 - error) / error)
    return n * binary_entropy(error) + dispersion * quantile - math.log2(n) / 2


def ideal_syndrome_length(n: float, gamma: float, score: float, qber: float, failure: float = 1e-3) -> float:
    """Shortest syndrome when test and key rounds are coded apart (equation 18); divided by n, equation 19."""
    test = bsc_syndrome_length(gamma * n, (4 - score) / 8, failure)
    return test + bsc_syndrome_length((1 - gamma) * n, qber, failure)


def afrv_syndrome_length(n: float, gamma: float, score: float, qber: float, failure: float = 1e-3) -> float:
    """Bound of Arnon-Friedman, Renner and Vidick (equation 21), for codes without a known fast decoder."""

    def excess(part: float) -> float:
        smoothing = 8 / part**2
        spread = 4 * math.log2(2 * math.sqrt(2) + 1) * math.sqrt(2 * n * math.log2(smoothing))
        return spread + math.log2(smoothing + 2 / (2 - part)) - math.log2(failure - part)

    return n * conditional_entropy(gamma, score, qber)[0] + _least(excess, failure)


def tsbsrsl_syndrome_length(n: float, gamma: float, score: float, qber: float, failure: float = 1e-3) -> float:
    """Bound of Tan, Sekatski, Bancal, Schwonnek, Renner, Sangouard and Lim (equation 22)."""

    def excess(part: float) -> float:
        return 2 * math.log2(5) * math.sqrt(n * math.log2(2 / part**2)) - 2 * math.log2(failure - part) + 4

    return n * conditional_entropy(gamma, score, qber)[0] + _least(excess, failure)


def _least(excess, failure: float) -> float:
    """Least excess over the ways to divide the failure probability."""
    _check_failure(failure)
    _, best = maximise(lambda logit: -excess(failure / (1 + math.exp(-logit))), -12.0, 30.0)
    return -best


def _check_failure(failure: float) -> None:
    if not 0 < failure < 1:
        raise InvalidInput(f"failure probability = {failure}: must lie between 0 and 1")
