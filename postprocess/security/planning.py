"""Planning by rule: what a link of given score and error rate would yield, with the best share of test rounds."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from fractions import Fraction

from postprocess.errors import InvalidInput
from postprocess.security.chsh_entropy import eta
from postprocess.security.key_length import acceptance_threshold
from postprocess.security.rules import Plan, Problem, Rule, best_plan, require_covered

MOST_ROUNDS = 1e12  # beyond, planning says never
LEAST_ROUNDS = 1e3
FIRST_GUESS = 26  # k of gamma = k/256 where the search for the fewest rounds begins
THRESHOLD_DIGITS = 10  # machines whose libraries differ in a logarithm's last bit still agree on the parameters


class NoThreshold(InvalidInput):
    """The acceptance threshold would not lie above the local bound: S is too low, or tests are too few."""


@dataclass(frozen=True)
class PlannedLink:
    """What decides the length of a key but rounds and gamma.

    Attributes:
        score, qber: expected S and Q (Q_0). syndrome: rule for m, "paper" or "tight". extractor, eps_snd, allowance,
        list_bits, bases: see Problem. qber2: expected Q_1 where there are two key bases. leakage: bits that a round
        leaks beside the protocol, which the key pays for like published ones; of a plan only, no session knows it.
    """

    score: float
    qber: float
    rule: Rule
    extractor: str
    syndrome: str = "paper"
    eps_snd: float = 1e-10
    allowance: int = 0
    list_bits: int = 0
    bases: int = 1
    qber2: float | None = None
    leakage: float = 0.0

    def problem(self, rounds: int, gamma: Fraction) -> Problem:
        """The session of so many rounds.

        Raises:
            NoThreshold: S so low, or tests so few, that the threshold is not above the local bound.
            InvalidInput: the rule has no proof for this extractor or number of key bases.
        """
        from postprocess.reconciliation import syndrome_length_by

        require_covered(self.rule, self.extractor, self.bases)
        omega_thr = round(acceptance_threshold(rounds, gamma, self.score), THRESHOLD_DIGITS)
        if omega_thr <= 0.75:
            if self.score <= 2:
                raise NoThreshold(f"S = {self.score:g}: no threshold of such a link lies above the local bound, S = 2")
            raise NoThreshold(
                f"rounds = {rounds}, gamma = {gamma}: {float(rounds * gamma):.0f} test rounds are too few for a "
                f"threshold above the local bound at S = {self.score:g}"
            )
        syndrome_bits = syndrome_length_by(self.syndrome, rounds, gamma, self.score, self.qber, self.qber2)
        return Problem(
            rounds,
            gamma,
            omega_thr,
            min(syndrome_bits, int(0.9 * rounds)),
            self.eps_snd,
            self.extractor,
            self.allowance,
            self.list_bits,
            bases=self.bases,
        )

    def leaked(self, rounds: int) -> int:
        """Bits that so many rounds leak."""
        return math.ceil(rounds * self.leakage)

    def paying_problem(self, rounds: int, gamma: Fraction) -> Problem:
        """The same with what leaks among the published bits."""
        problem = self.problem(rounds, gamma)
        return replace(problem, syndrome_bits=problem.syndrome_bits + self.leaked(rounds))

    def bits(self, rounds: int, gamma: Fraction) -> float:
        """Estimated bits of key, in floats; negative where there is none."""
        least = -float(rounds) - 1 / float(gamma)
        try:
            found = self.rule.estimate(self.paying_problem(rounds, gamma))
        except NoThreshold:
            return least
        return found if math.isfinite(found) else least

    def plan(self, rounds: int, gamma: Fraction) -> Plan | None:
        """The certified key of so many rounds; None where there is none."""
        try:
            return best_plan(self.rule, self.paying_problem(rounds, gamma))
        except NoThreshold:
            return None

    def with_statistics(self, score: float, qber: float) -> PlannedLink:
        """The same with another S and Q; Q_1 in proportion to Q, where it is not 0."""
        qber2 = self.qber2
        if qber2 is not None and self.qber > 0:
            qber2 = min(qber2 * qber / self.qber, 0.5)
        return replace(self, score=score, qber=qber, qber2=qber2)

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

    def fewest_rounds(self, most: float = MOST_ROUNDS) -> int | None:
        """Fewest rounds with a key, gamma free; None where no number up to `most` gives one; see fewest_rounds."""
        fewest = fewest_rounds(lambda rounds: self, most)
        return None if fewest is None else fewest.rounds


@dataclass(frozen=True)
class FewestRounds:
    """The shortest session with a key: n, rounded up to three digits, and the gamma that needs so few."""

    rounds: int
    gamma: Fraction


def fewest_rounds(link_at: Callable[[int], PlannedLink], most: float = MOST_ROUNDS) -> FewestRounds | None:
    """Fewest rounds with a certified key, to one per cent, gamma free.

    Args:
        link_at: the link planned with, for a number of rounds; an allowance may depend on it.
        most: rounds beyond which nobody will go.

    Returns:
        None where no number of rounds up to `most` gives a key.
    """

    def bits(rounds: float, k: int) -> float:
        return link_at(round(rounds)).bits(round(rounds), Fraction(k, 256))

    k = FIRST_GUESS
    if bits(most, k) <= 0:
        gamma, longest = link_at(round(most)).best_gamma(round(most))
        if longest <= 0:
            return None
        k = int(256 * gamma)
    rounds = _first_above_zero(lambda n: bits(n, k), LEAST_ROUNDS, most)
    shorter = True
    while shorter:
        before = rounds
        k = _uphill(lambda k: bits(before, k), k)  # noqa: B023  (called at once)
        rounds = _first_above_zero(lambda n: bits(n, k), LEAST_ROUNDS, before * 1.01)  # noqa: B023
        shorter = rounds < 0.997 * before
    for _ in range(50):
        rounded = _three_digits_up(rounds)
        if link_at(rounded).plan(rounded, Fraction(k, 256)) is not None:
            return FewestRounds(rounded, Fraction(k, 256)) if rounded <= most * 1.01 else None
        rounds = rounded * 1.002
    return None


def _first_above_zero(bits: Callable[[float], float], low: float, high: float) -> float:
    """The n at which bits become positive, given that they are at `high`, to two per mille."""
    from scipy.optimize import brentq

    if bits(low) > 0:
        return low
    found = brentq(lambda log_n: max(bits(math.exp(log_n)) / math.exp(log_n), -1.0), math.log(low), math.log(high),
                   xtol=2e-3)  # fmt: skip
    return math.exp(found)


def _uphill(bits: Callable[[int], float], k: int) -> int:
    """The k from 1 to 255 with the most bits, climbing from a guess."""
    known = {k: bits(k)}
    step = max(1, k // 4)
    while step:
        for other in (k - step, k + step):
            if 1 <= other <= 255 and other not in known:
                known[other] = bits(other)
        best = max(known, key=lambda each: known[each])
        if best == k:
            step //= 2
        k = best
    return k


def _three_digits_up(rounds: float) -> int:
    unit = 10 ** max(0, math.floor(math.log10(rounds)) - 2)
    return unit * math.ceil(rounds / unit)


def iid_ceiling(problem: Problem) -> float:
    """Bits that no rule with this threshold can exceed asymptotically: n eta(omega_thr) - m - 258."""
    return problem.rounds * eta(problem.omega_thr) - problem.syndrome_bits - 258
