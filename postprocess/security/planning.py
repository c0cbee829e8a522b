"""Planning by rule: what a link of given score and error rate would yield, with the best share of test rounds."""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction

from postprocess.errors import InvalidInput
from postprocess.security.chsh_entropy import eta
from postprocess.security.key_length import acceptance_threshold
from postprocess.security.rules import Problem, Rule

THRESHOLD_DIGITS = 10  # machines whose libraries differ in a logarithm's last bit still agree on the parameters


@dataclass(frozen=True)
class PlannedLink:
    """What decides the length of a key but rounds and gamma.

    Attributes:
        score, qber: expected S and Q. syndrome: rule for m, "paper" or "tight". extractor, eps_snd, allowance,
        list_bits: see Problem.
    """

    score: float
    qber: float
    rule: Rule
    extractor: str
    syndrome: str = "paper"
    eps_snd: float = 1e-10
    allowance: int = 0
    list_bits: int = 0

    def problem(self, rounds: int, gamma: Fraction) -> Problem:
        """The session of so many rounds.

        Raises:
            InvalidInput: so few tests that the threshold is not above the local bound.
        """
        from postprocess.reconciliation import syndrome_length_by

        omega_thr = round(acceptance_threshold(rounds, gamma, self.score), THRESHOLD_DIGITS)
        if omega_thr <= 0.75:
            raise InvalidInput(
                f"rounds = {rounds}, gamma = {gamma}: {float(rounds * gamma):.0f} test rounds are too few for a "
                "threshold above the local bound; take more rounds or a larger gamma"
            )
        syndrome_bits = syndrome_length_by(self.syndrome, rounds, gamma, self.score, self.qber)
        return Problem(
            rounds,
            gamma,
            omega_thr,
            min(syndrome_bits, int(0.9 * rounds)),
            self.eps_snd,
            self.extractor,
            self.allowance,
            self.list_bits,
        )

    def bits(self, rounds: int, gamma: Fraction) -> float:
        """Estimated bits of key, in floats; negative where there is none."""
        try:
            return self.rule.estimate(self.problem(rounds, gamma))
        except InvalidInput:
            return -float(rounds) - 1 / float(gamma)

    def best_gamma(self, rounds: int) -> tuple[Fraction, float]:
        """The k/256 with the longest key, by ternary search, and the bits there."""
        known: dict[int, float] = {}

        def bits(k: int) -> float:
            if k not in known:
                known[k] = self.bits(rounds, Fraction(k, 256))
            return known[k]

        low, high = 1, 255
        while high - low > 3:
            third = (high - low) // 3
            if bits(low + third) < bits(high - third):
                low += third
            else:
                high -= third
        best = max(range(low, high + 1), key=bits)
        return Fraction(best, 256), bits(best)

    def fewest_rounds(self, most: float = 1e12) -> int | None:
        """Fewest rounds with a key, to half a per cent, gamma free; None where no number up to `most` gives one."""
        low, high = math.log(1e3), math.log(most)
        if self.best_gamma(round(math.exp(high)))[1] <= 0:
            return None
        while high - low > 5e-3:
            middle = (low + high) / 2
            low, high = (low, middle) if self.best_gamma(round(math.exp(middle)))[1] > 0 else (middle, high)
        return math.ceil(math.exp(high))


def iid_ceiling(problem: Problem) -> float:
    """Bits that no rule with this threshold can exceed asymptotically: n eta(omega_thr) - m - 258."""
    return problem.rounds * eta(problem.omega_thr) - problem.syndrome_bits - 258
