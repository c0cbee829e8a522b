"""Rule `counting`: the entropy accumulation of Proposition 2 on (A, C), with C removed by counting
(docs/proofs/counting.md).

    ell + 4 log ell <= n g_t(omega_thr) + n inf_w [Delta - delta V] - n delta^2 K
                       - (theta(eps_s) + alpha log(1/eps_EA))/delta - N h(k/N) - 5 log(1/eps_PA)
                       - m - 264 - (J_max + 2 m_Z + 64)

with N the least integer with P[Bin(n, gamma) > N] <= eps_n = 1e-13, k <= N/2, and
max(eps_EA, eps_PA + 2 eps_s) + eps_n + 4 eps_h = eps_snd.
"""

from __future__ import annotations

import math

from postprocess.errors import InvalidInput
from postprocess.security.optimise import maximise
from postprocess.security.rules.accumulation import accumulated, certified_accumulation
from postprocess.security.rules.rule import (
    EPS_HASH,
    OWN_COUNTING,
    Free,
    Problem,
    longest_with_chain_rule,
    require_covered,
    require_names,
    rounded,
    rounded_down,
)

EPS_TESTS = 1e-13
MESSAGE_BITS = 264
NAMES = ("t", "delta", "eps_ea", "eps_pa", "eps_s")
RAPIDITY = (1e-3, 17.0)
LOG_DELTA = (math.log(1e-8), math.log(0.5))


class Counting:
    """The rule; see the module."""

    name = "counting"
    label = OWN_COUNTING
    source = "docs/proofs/counting.md"
    hypotheses = "those of Proposition 2; B, C and the reason of an abort stay secret, so that C can be counted out"
    zeroing_proven = False
    extractors = ("trevisan",)
    bases = (1,)

    def estimate(self, problem: Problem) -> float:
        """See Rule."""
        free = self.search(problem)
        bits = None if free is None else self._certified_bits(problem, free)
        if bits is None:
            return -math.inf
        return float(longest_with_chain_rule(bits)) if bits >= 1 else bits

    def search(self, problem: Problem) -> Free | None:
        """Tangent, Renyi order and division of the error of the longest key."""
        from postprocess.security.chsh_entropy import winning_probability

        if problem.omega_thr <= 0.75 or _budget(problem) <= 0 or _most_tests(problem) is None:
            return None

        def at(a: float) -> tuple[float, float]:
            t = winning_probability(a)

            def bits(log_delta: float) -> float:
                delta = math.exp(log_delta)
                return accumulated(problem, t, delta, problem.allowance > 0) - _error_cost(problem, delta)

            return maximise(bits, *LOG_DELTA, tolerance=1e-5)

        a, best = maximise(lambda a: at(a)[1], *RAPIDITY, tolerance=1e-5)
        if not math.isfinite(best):
            return None
        delta = rounded(math.exp(at(a)[0]))
        eps_ea, eps_pa, eps_s = _shares(problem, delta)
        return {
            "t": rounded(winning_probability(a)),
            "delta": delta,
            "eps_ea": rounded_down(eps_ea),
            "eps_pa": rounded_down(eps_pa),
            "eps_s": rounded_down(eps_s),
        }

    def certify(self, problem: Problem, free: Free) -> int:
        """See Rule."""
        require_covered(self, problem.extractor, problem.bases)
        bits = self._certified_bits(problem, free)
        return 0 if bits is None else longest_with_chain_rule(bits)

    def _certified_bits(self, problem: Problem, free: Free) -> float | None:
        """Bits before the extractor's own cost, rounded down; negative where there is no key, None without a bound."""
        from postprocess.security.intervals import binary_entropy, exact, log2, lower, smoothing_cost

        require_names(self.name, free, NAMES)
        if not (0.75 < free["t"] < (2 + math.sqrt(2)) / 4 and 0 < free["delta"] < 1):
            raise InvalidInput(f"free parameters t = {free['t']}, delta = {free['delta']}: t in (3/4, (2+sqrt 2)/4)")
        eps_ea, eps_pa, eps_s = (exact(free[name]) for name in ("eps_ea", "eps_pa", "eps_s"))
        budget = exact(problem.eps_snd) - 4 * exact(EPS_HASH) - exact(EPS_TESTS)
        if (
            not min(free["eps_ea"], free["eps_pa"], free["eps_s"]) > 0
            or max(eps_ea.b, (eps_pa + 2 * eps_s).b) > budget.a
        ):
            raise InvalidInput(
                "free parameters eps_EA and eps_PA + 2 eps_s: must be positive and within the error left"
            )
        tests = _most_tests(problem)
        if tests is None:
            return None
        entropy = certified_accumulation(
            problem.rounds, problem.gamma, problem.omega_thr, free["t"], free["delta"], problem.allowance > 0
        )
        if entropy is None:
            return None
        d = exact(free["delta"])
        bits = entropy - (smoothing_cost(eps_s) - (1 + d) * log2(eps_ea)) / d + 5 * log2(eps_pa)
        bits -= tests * binary_entropy(exact(problem.bell_limit) / tests) if problem.bell_limit else 0
        bits -= problem.syndrome_bits + MESSAGE_BITS + problem.zeroing_bits
        return lower(bits)


def _budget(problem: Problem) -> float:
    return problem.eps_snd - 4 * EPS_HASH - EPS_TESTS


def _most_tests(problem: Problem) -> int | None:
    """N; one more than the library's quantile, whose rounding is not certified. None where k > N/2."""
    from scipy.stats import binom

    tests = int(binom.isf(EPS_TESTS, problem.rounds, float(problem.gamma)))
    while binom.sf(tests, problem.rounds, float(problem.gamma)) > EPS_TESTS * (1 - 1e-6):
        tests += 1
    return tests if 2 * problem.bell_limit <= tests else None


def _shares(problem: Problem, delta: float) -> tuple[float, float, float]:
    budget = _budget(problem) * (1 - 1e-9)
    share = 5 / (5 + 2 / delta)
    return budget, budget * share, budget * (1 - share) / 2


def _error_cost(problem: Problem, delta: float) -> float:
    eps_ea, eps_pa, eps_s = _shares(problem, delta)
    return (1 - 2 * math.log2(eps_s) - (1 + delta) * math.log2(eps_ea)) / delta - 5 * math.log2(eps_pa)
