"""How likely a session with honest devices passes: the Bell check, and the decoder.

Every round of honest devices is a lost test with probability gamma (1 - omega), whatever the others are, so the number
of lost tests is binomial; a random number of tests with binomial losses among them is the same.
"""

from __future__ import annotations

from dataclasses import dataclass

from postprocess.reconciliation.syndrome_length import decoding_failure
from postprocess.security.rules import Problem


@dataclass(frozen=True)
class HonestSession:
    """Probabilities of an honest session.

    Attributes:
        bell_check: that no more tests are lost than the threshold allows, no round zeroed; exact.
        bell_check_all_zeroed: the same with as many rounds zeroed as the allowance bears; each zeroed test is lost.
        decoding: that the decoder finds Alice's string, by the fitted waterfall (docs/reconciliation.md).
    """

    bell_check: float
    bell_check_all_zeroed: float
    decoding: float

    @property
    def passes(self) -> float:
        """Bell check and decoding; fewer errors help both, so that the product is not too high."""
        return self.bell_check * self.decoding


def honest_session(problem: Problem, score: float, qber: float, qber2: float | None = None) -> HonestSession:
    """Probabilities for a link that really has this S and Q (and Q_1), at the threshold and syndrome of `problem`."""
    failure = decoding_failure(problem.rounds, problem.gamma, score, qber, problem.syndrome_bits, qber2)
    return HonestSession(
        bell_check_passes(problem, score), bell_check_passes(problem, score, problem.allowance), 1.0 - failure
    )


def bell_check_passes(problem: Problem, score: float, zeroed: int = 0) -> float:
    """Probability that at most k = floor(n gamma (1 - omega_thr)) tests are lost, `zeroed` rounds among the n."""
    import numpy as np
    from scipy.stats import binom

    gamma, zeroed = float(problem.gamma), min(zeroed, problem.rounds)
    lost = gamma * (4.0 - score) / 8.0
    if not zeroed:
        return float(binom.cdf(problem.bell_limit, problem.rounds, lost))
    tests = np.arange(zeroed + 1)
    left = binom.cdf(problem.bell_limit - tests, problem.rounds - zeroed, lost)
    return float(np.sum(binom.pmf(tests, zeroed, gamma) * left))
