"""Whether settings are distributed as their law says: a source that is stuck or biased, or a file of something else.

Counts of values are binomial; beyond two tails of 1e-12 together they are refused. What is refused is told without
numbers, for settings are private.
"""

from __future__ import annotations

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
        alice = [1 / 4] * 4 if parameters.barrier else [1 / 2] * 2
        law = alice if node == "alice" else [gamma / 2, gamma / 2, 1 - gamma]
    return _likely(settings, law)


def bell_settings_follow_law(x: NDArray[np.uint8], y: NDArray[np.uint8]) -> bool:
    """Whether the test rounds' X, and pairs of X and Y, are as frequent as they must be; uint8 (n,) each."""
    test = y != KEY_SETTING
    return _likely(x[test], [1 / 2] * 2) and _likely(2 * x[test] + y[test], [1 / 4] * 4)


def _likely(values: NDArray[np.uint8], law: list[float]) -> bool:
    from scipy.stats import binom

    counts = np.bincount(values, minlength=len(law))
    if len(counts) > len(law):
        return False
    tails = np.minimum(binom.cdf(counts, len(values), law), binom.sf(counts - 1, len(values), law))
    return bool((2 * tails >= TAILS).all())
