"""From a bound kappa on Alice's Renyi entropy per round to a length: what `renyi` and `two-bases` share.

    B = n kappa - phi k - m - 258 - (J_max + 2 m_Z + 64)
    toeplitz:  ell = floor(B - (alpha/delta) log(1/eps_PA) + 2),                eps_PA = eps_snd - 4 eps_h
    trevisan:  ell + 4 log ell <= B - theta(eps_s)/delta - 5 log(1/eps_PA) - 6,  eps_PA + 2 eps_s = eps_snd - 4 eps_h

with delta = alpha - 1 in (0, 1] and phi >= 0 fixed beforehand (docs/proofs/renyi.md). For fixed delta, B is concave in
phi: the search is nested one-dimensional, over blocks of one winning probability w inside.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from typing import Any

from postprocess.errors import InvalidInput
from postprocess.security.chsh_entropy import LN2, OMEGA_LOCAL
from postprocess.security.optimise import maximise
from postprocess.security.rules.rule import (
    DISCLOSED_BITS,
    EPS_HASH,
    Free,
    Problem,
    longest_with_chain_rule,
    require_covered,
    require_names,
    rounded,
    rounded_down,
)

LOG_DELTA = (math.log(1e-7), 0.0)
ACCURACY = 1e-6


class RenyiBound(ABC):
    """A rule whose kappa comes from one round's worst block."""

    name: str
    label: str
    source: str
    hypotheses: str
    zeroing_proven: bool
    bases: tuple[int, ...]
    extractors: tuple[str, ...] = ("toeplitz", "trevisan")
    own_parameters: tuple[str, ...] = ()
    """Free parameters besides delta and phi."""

    @abstractmethod
    def worst_block(self, delta: float, phi: float, gamma: float) -> tuple[float, float]:
        """Winning probability of the block that says least, and kappa there, in floats."""

    @abstractmethod
    def certified_kappa(self, problem: Problem, free: Free) -> Any:
        """Interval whose lower end is not above kappa; None where nothing is certified."""

    def own(self, problem: Problem, delta: float, phi: float) -> Free:
        """The rule's own free parameters."""
        return {}

    def estimate(self, problem: Problem) -> float:
        """See Rule; the chain rule's 4 log ell left aside."""
        found = self._best_delta(problem)
        return -math.inf if found is None else found[1]

    def search(self, problem: Problem) -> Free | None:
        """Delta, phi, the rule's own and (for trevisan) the division of the error of the longest key."""
        found = self._best_delta(problem)
        if found is None:
            return None
        delta = rounded(found[0])
        phi = rounded(self._best_phi(problem, delta)[0])
        free = {"delta": delta, "phi": phi, **self.own(problem, delta, phi)}
        if problem.extractor == "trevisan":
            eps_pa, eps_s = _error_shares(problem, delta)
            free |= {"eps_pa": rounded_down(eps_pa), "eps_s": rounded_down(eps_s)}
        return free

    def certify(self, problem: Problem, free: Free) -> int:
        """See Rule."""
        from postprocess.security.intervals import exact, log2, lower, smoothing_cost

        require_covered(self, problem.extractor, problem.bases)
        shares = ("eps_pa", "eps_s") if problem.extractor == "trevisan" else ()
        require_names(self.name, free, ("delta", "phi", *self.own_parameters, *shares))
        delta, phi = free["delta"], free["phi"]
        if not 0 < delta <= 1 or phi < 0:
            raise InvalidInput(f"free parameters delta = {delta}, phi = {phi}: delta in (0, 1], phi not negative")
        kappa = self.certified_kappa(problem, free)
        if kappa is None:
            return 0
        bits = problem.rounds * kappa - exact(phi) * problem.bell_limit
        bits -= problem.syndrome_bits + DISCLOSED_BITS + problem.zeroing_bits
        budget = exact(problem.eps_snd) - 4 * exact(EPS_HASH)
        if not budget.a > 0:
            return 0
        if problem.extractor == "toeplitz":
            found = lower(bits + (1 + exact(delta)) / exact(delta) * log2(budget) + 2)
            return max(0, math.floor(found))
        eps_pa, eps_s = exact(free["eps_pa"]), exact(free["eps_s"])
        if not (free["eps_pa"] > 0 and free["eps_s"] > 0 and (eps_pa + 2 * eps_s).b <= budget.a):
            raise InvalidInput("free parameters eps_pa + 2 eps_s: must be positive and not exceed eps_snd - 4 eps_h")
        return longest_with_chain_rule(lower(bits - smoothing_cost(eps_s) / exact(delta) + 5 * log2(eps_pa) - 6))

    def _best_delta(self, problem: Problem) -> tuple[float, float] | None:
        if problem.omega_thr <= OMEGA_LOCAL or problem.eps_snd <= 4 * EPS_HASH:
            return None

        def bits(log_delta: float) -> float:
            delta = math.exp(log_delta)
            return self._best_phi(problem, delta)[1] - _extraction_cost(problem, delta)

        log_delta, best = maximise(bits, *LOG_DELTA, tolerance=1e-5)
        return (min(math.exp(log_delta), 1.0), best) if math.isfinite(best) else None

    def _best_phi(self, problem: Problem, delta: float) -> tuple[float, float]:
        """phi and B for a fixed delta."""
        gamma, n, k = float(problem.gamma), problem.rounds, problem.bell_limit
        fixed = problem.syndrome_bits + DISCLOSED_BITS + problem.zeroing_bits

        def bits(phi: float) -> float:
            return n * self.worst_block(delta, phi, gamma)[1] - phi * k - fixed

        # Where tests are rare the best phi grows like 1/gamma; beyond 60/delta v is 0 to the last bit.
        most = min(60 * (1 + delta) / delta, 60 / gamma)
        phi, best = maximise(bits, 0.0, most, tolerance=ACCURACY * most)
        return phi, best


def log_g(t: float, delta: float) -> float:
    """ln g(t) = (1-alpha) ln 2 + alpha ln(p^(1/alpha) + (1-p)^(1/alpha)), p = (1+t)/2, without cancellation."""
    c = delta / (1 + delta)
    mean = (1 + t) / 2 * math.expm1(c * (LN2 - math.log1p(t)))
    if t < 1:
        mean += (1 - t) / 2 * math.expm1(c * (LN2 - math.log1p(-t)))
    return (1 + delta) * math.log1p(mean) - delta * LN2


def block_value(omega: float, log_q: float, delta: float, v: float, gamma: float) -> float:
    """(1-gamma) Q + gamma (v Q^(1/alpha) + (1-v) w^(1/alpha))^alpha, less 1, in floats without cancellation."""
    alpha = 1 + delta
    inner = v * math.expm1(log_q / alpha) + (1 - v) * math.expm1(math.log(omega) / alpha)
    return (1 - gamma) * math.expm1(log_q) + gamma * math.expm1(alpha * math.log1p(inner))


def block_kappa(value: float, delta: float) -> float:
    """kappa from a value less 1."""
    return -math.log1p(value) / (delta * LN2)


def lost_test_weight(delta: float, phi: float) -> float:
    """v = 2^(-delta phi / alpha)."""
    return 2 ** (-delta * phi / (1 + delta))


def _error_shares(problem: Problem, delta: float) -> tuple[float, float]:
    """eps_PA and eps_s that cost least: shares in proportion to their weights 5 and 2/delta."""
    budget = (problem.eps_snd - 4 * EPS_HASH) * (1 - 1e-9)
    share = 5 / (5 + 2 / delta)
    return budget * share, budget * (1 - share) / 2


def _extraction_cost(problem: Problem, delta: float) -> float:
    budget = problem.eps_snd - 4 * EPS_HASH
    if problem.extractor == "toeplitz":
        return -(1 + delta) / delta * math.log2(budget) - 2
    eps_pa, eps_s = _error_shares(problem, delta)
    return (1 - 2 * math.log2(eps_s)) / delta - 5 * math.log2(eps_pa) + 6
