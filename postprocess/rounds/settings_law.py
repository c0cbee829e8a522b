"""Whether settings are distributed as their law says: a source that is stuck or biased, or a file of something else.

Counts of values are binomial; beyond two tails of 1e-12 together they are refused. What is refused is told without
numbers, for settings are private.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from contract.round_settings import KEY_SETTING
from postprocess.plans.measurement_plan import BASES, RoundsPlan

TAILS = 1e-12


def follow_law(node: str, parameters: RoundsPlan, settings: NDArray[np.uint8]) -> bool:
    """Whether what a node drew (X of every round, with a barrier X + 2 * its bit; or Y) is as frequent as it must be;
    uint8 (n,)."""
    if parameters.scheme == BASES:
        law = [1 / 4] * 4 if node == "alice" else [1 / 2] * 2
    else:
        gamma = float(parameters.gamma)
        keys = parameters.key_bases
        alice = [1 / 4] * 4 if parameters.barrier else [1 / 2] * 2
        law = alice if node == "alice" else [gamma / 2] * 2 + [(1 - gamma) / keys] * keys
    return _likely(settings, law)


def bell_settings_follow_law(x: NDArray[np.uint8], y: NDArray[np.uint8]) -> bool:
    """Whether the test rounds' X, and pairs of X and Y, are as frequent as they must be; uint8 (n,) each."""
    test = y < KEY_SETTING
    return _likely(x[test], [1 / 2] * 2) and _likely(2 * x[test] + y[test], [1 / 4] * 4)


def _likely(values: NDArray[np.uint8], law: list[float]) -> bool:
    counts = np.bincount(values, minlength=len(law))
    if len(counts) > len(law):
        return False
    return all(2 * tail(int(count), len(values), p) >= TAILS for count, p in zip(counts, law, strict=True))


def tail(count: int, n: int, p: float) -> float:
    """Probability of a binomial count (n, p) at least as far from its mean as this one, on this one's side.

    Written out, as importing scipy's takes longer than everything else that a node computes before it decodes.
    """
    if count < n * p:
        count, p = n - count, 1 - p
    ways = math.lgamma(n + 1) - math.lgamma(count + 1) - math.lgamma(n - count + 1)
    first = math.exp(ways + count * math.log(p) + (n - count) * math.log1p(-p))
    k = np.arange(count, min(n, count + 20 * math.isqrt(n) + 100))  # terms from there on are nothing
    return first * (1 + float(np.cumprod((n - k) / (k + 1) * (p / (1 - p))).sum()))
