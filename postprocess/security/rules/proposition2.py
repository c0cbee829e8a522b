"""Rule `proposition-2`: the paper's (Nadlinger 2022, S10, equations 61 to 73), certified by interval arithmetic.

With J_max = 0 it is the paper's to the bit. With J_max > 0 the entropy is less by J_max + 2 m_Z + 64, and K is taken at
g_t(0) instead of g_t(w_min).
"""

from __future__ import annotations

import math
from dataclasses import asdict

from postprocess.errors import InvalidInput
from postprocess.security.chsh_entropy import eta
from postprocess.security.entropy_accumulation import DELTA_2_MAX, OVERHEAD_BITS, FreeParameters, net_entropy
from postprocess.security.optimise import best_free_parameters
from postprocess.security.rules.accumulation import certified_accumulation
from postprocess.security.rules.rule import (
    EPS_HASH,
    PUBLISHED,
    Free,
    Problem,
    longest_with_chain_rule,
    require_covered,
    require_names,
    rounded,
    rounded_down,
)

NAMES = ("t", "delta_1", "delta_2", "eps_ea", "eps_pa", "eps_s1", "eps_s2", "eps_s3")


class Proposition2:
    """The rule; see the module."""

    name = "proposition-2"
    label = PUBLISHED
    source = "Nadlinger et al., Nature 607, 682 (2022), Supplement S10"
    hypotheses = "the paper's: isolated nodes while settings and outcomes exist, trusted random bits, no memory attack"
    zeroing_proven = False
    extractors = ("trevisan",)
    bases = (1,)

    def search(self, problem: Problem) -> Free | None:
        """The eight free parameters of the longest key."""
        if problem.omega_thr <= 0.75 or problem.eps_snd <= 4 * EPS_HASH:
            return None
        best = best_free_parameters(problem.rounds, float(problem.gamma), problem.omega_thr, problem.eps_snd)
        errors = {name: rounded_down(value * (1 - 1e-9)) for name, value in asdict(best).items() if name[:3] == "eps"}
        orders = {name: rounded(getattr(best, name)) for name in ("t", "delta_1", "delta_2")}
        return orders | errors

    def estimate(self, problem: Problem) -> float:
        """See Rule."""
        if problem.omega_thr <= 0.75 or problem.eps_snd <= 4 * EPS_HASH:
            return -math.inf
        gained = problem.rounds * (eta(problem.omega_thr) - float(problem.gamma)) - OVERHEAD_BITS
        if gained <= 0:  # no choice proves anything; rising towards the gamma that does
            return gained - problem.syndrome_bits
        best = best_free_parameters(problem.rounds, float(problem.gamma), problem.omega_thr, problem.eps_snd)
        entropy = net_entropy(problem.rounds, float(problem.gamma), problem.omega_thr, problem.syndrome_bits, best)
        return entropy - (problem.zeroing_bits if problem.allowance else 0)

    def with_eps_pa(self, free: Free, eps_pa: float) -> Free:
        """The same with another error of the privacy amplification; the smoothing takes or gives what it needs."""
        spare = (free["eps_pa"] - eps_pa) / 2
        return {**free, "eps_pa": eps_pa, "eps_s3": rounded_down((free["eps_s3"] + spare) * (1 - 1e-9))}

    def certify(self, problem: Problem, free: Free) -> int:
        """See Rule."""
        from postprocess.security.intervals import exact, log2, lower, smoothing_cost

        require_covered(self, problem.extractor, problem.bases)
        require_names(self.name, free, NAMES)
        FreeParameters(**free).check()
        eps = {name: exact(free[name]) for name in NAMES if name.startswith("eps")}
        budget = exact(problem.eps_snd) - 4 * exact(EPS_HASH)
        smoothing = eps["eps_s1"] + 2 * eps["eps_s2"] + eps["eps_s3"]
        if max(eps["eps_ea"].b, (eps["eps_pa"] + 2 * smoothing).b) > budget.a:
            raise InvalidInput("free parameters eps_EA and eps_PA + 2 eps_s: must not exceed eps_snd - 4 eps_h")
        if not free["delta_2"] < DELTA_2_MAX:
            return 0
        zeroed = problem.allowance > 0
        entropy = certified_accumulation(
            problem.rounds, problem.gamma, problem.omega_thr, free["t"], free["delta_1"], zeroed
        )
        if entropy is None:
            return 0
        d1, d2 = exact(free["delta_1"]), exact(free["delta_2"])
        log_ea = -log2(eps["eps_ea"])
        cost = problem.rounds * d2 * log2(exact(5)) ** 2
        cost += (smoothing_cost(eps["eps_s1"]) + (1 + d1) * log_ea) / d1
        cost += (smoothing_cost(eps["eps_s2"]) + (1 + d2) * log_ea) / d2
        cost += 3 * smoothing_cost(eps["eps_s3"]) - 5 * log2(eps["eps_pa"])
        cost += problem.rounds * exact(problem.gamma) + problem.syndrome_bits + OVERHEAD_BITS
        if zeroed:
            cost += problem.zeroing_bits
        return longest_with_chain_rule(lower(entropy - cost))
