"""Rule `renyi`: Alice's Renyi entropy given everything Eve sees, round by round (docs/proofs/renyi.md).

With delta = alpha - 1 in (0, 1], phi >= 0, v = 2^(-delta phi / alpha), S = 8 w - 4, p = (1 + sqrt(S^2/4 - 1))/2:

    G(w) = 2^(1-alpha) (p^(1/alpha) + (1-p)^(1/alpha))^alpha for w > 3/4, else 1
    F(w) = (1-gamma) G(w) + gamma (v G(w)^(1/alpha) + (1-v) w^(1/alpha))^alpha
    kappa = -(1/delta) log max_w F(w)        B = n kappa - phi k - m - 258 - (J_max + 2 m_Z + 64)
    toeplitz:  ell = floor(B - (alpha/delta) log(1/eps_PA) + 2),              eps_PA = eps_snd - 4 eps_h
    trevisan:  ell + 4 log ell <= B - theta(eps_s)/delta - 5 log(1/eps_PA) - 6,  eps_PA + 2 eps_s = eps_snd - 4 eps_h

F is concave in w (Lemma 4), so three points certify its maximum: if F(b) is not below F(b - s) and F(b + s), then
max F <= 2 F(b) - min F(b -+ s). For fixed delta, B is concave in phi: the search is nested one-dimensional.
"""

from __future__ import annotations

import math

from postprocess.errors import InvalidInput
from postprocess.security.optimise import maximise
from postprocess.security.rules.rule import (
    DISCLOSED_BITS,
    EPS_HASH,
    OWN_PROOF,
    Free,
    Problem,
    longest_with_chain_rule,
    require_names,
    rounded,
    rounded_down,
)

OMEGA_LOCAL, OMEGA_MAX = 0.75, (2 + math.sqrt(2)) / 4
STEP = 2.0**-20
LOG_DELTA = (math.log(1e-7), 0.0)
ACCURACY = 1e-6


class Renyi:
    """The rule; see the module."""

    name = "renyi"
    label = OWN_PROOF
    source = "docs/proofs/renyi.md"
    hypotheses = (
        "Alice's device does not see the round type before it has answered; B, C and the reason of an abort stay "
        "secret; lengths and the extractor's seed are fixed or drawn as the message order says"
    )
    zeroing_proven = True
    extractors = ("toeplitz", "trevisan")

    def estimate(self, problem: Problem) -> float:
        """See Rule; the chain rule's 4 log ell left aside."""
        found = self._best_delta(problem)
        return -math.inf if found is None else found[1]

    def _best_delta(self, problem: Problem) -> tuple[float, float] | None:
        if problem.omega_thr <= OMEGA_LOCAL or problem.eps_snd <= 4 * EPS_HASH:
            return None

        def bits(log_delta: float) -> float:
            delta = math.exp(log_delta)
            return _best_phi(problem, delta)[1] - _extraction_cost(problem, delta)

        log_delta, best = maximise(bits, *LOG_DELTA, tolerance=1e-5)
        return (min(math.exp(log_delta), 1.0), best) if math.isfinite(best) else None

    def search(self, problem: Problem) -> Free | None:
        """Delta and phi (and, for trevisan, the division of the error) of the longest key."""
        found = self._best_delta(problem)
        if found is None:
            return None
        delta = rounded(found[0])
        free = {"delta": delta, "phi": rounded(_best_phi(problem, delta)[0])}
        if problem.extractor == "trevisan":
            eps_pa, eps_s = _error_shares(problem, delta)
            free |= {"eps_pa": rounded_down(eps_pa), "eps_s": rounded_down(eps_s)}
        return free

    def certify(self, problem: Problem, free: Free) -> int:
        """See Rule."""
        from postprocess.security.intervals import exact, log2, lower, smoothing_cost

        names = ("delta", "phi", "eps_pa", "eps_s") if problem.extractor == "trevisan" else ("delta", "phi")
        require_names(self.name, free, names)
        delta, phi = free["delta"], free["phi"]
        if not 0 < delta <= 1 or phi < 0:
            raise InvalidInput(f"free parameters delta = {delta}, phi = {phi}: delta in (0, 1], phi not negative")
        kappa = certified_kappa(problem, delta, phi)
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


def block_value(omega: float, delta: float, v: float, gamma: float) -> float:
    """F(w) - 1 in floats, without the difference that cancels."""
    alpha = 1 + delta
    r = math.sqrt(max(0.0, (4 * omega - 2) ** 2 - 1))
    # log G = (1 - alpha) ln 2 + alpha ln(p^b + q^b)
    p, q = (1 + r) / 2, (1 - r) / 2
    b = 1 / alpha
    mean = p**b + (q**b if q > 0 else 0.0)
    log_g = alpha * math.log(mean) - delta * math.log(2) if omega > OMEGA_LOCAL else 0.0
    inner = v * math.expm1(b * log_g) + (1 - v) * math.expm1(b * math.log(omega))
    return (1 - gamma) * math.expm1(log_g) + gamma * math.expm1(alpha * math.log1p(inner))


def _worst_block(delta: float, phi: float, gamma: float) -> tuple[float, float]:
    """The w of the largest F, and kappa there."""
    v = 2 ** (-delta * phi / (1 + delta))
    omega, value = maximise(lambda w: block_value(w, delta, v, gamma), OMEGA_LOCAL, OMEGA_MAX, tolerance=1e-9)
    return omega, -math.log1p(value) / (delta * math.log(2))


def _best_phi(problem: Problem, delta: float) -> tuple[float, float]:
    """phi and B for a fixed delta."""
    gamma, n, k = float(problem.gamma), problem.rounds, problem.bell_limit
    fixed = problem.syndrome_bits + DISCLOSED_BITS + problem.zeroing_bits

    def bits(phi: float) -> float:
        return n * _worst_block(delta, phi, gamma)[1] - phi * k - fixed

    # Where tests are rare the best phi grows like 1/gamma; beyond 60/delta v is 0 to the last bit.
    most = min(60 * (1 + delta) / delta, 60 / gamma)
    phi, best = maximise(bits, 0.0, most, tolerance=ACCURACY * most)
    return phi, best


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


def certified_kappa(problem: Problem, delta: float, phi: float):
    """Interval whose lower end is not above kappa; None where three points do not certify the maximum of F."""
    from mpmath import mp, mpf

    from postprocess.security.intervals import exact, log2, power

    gamma, d = exact(problem.gamma), exact(delta)
    alpha = 1 + d
    v = power(exact(2), -d * exact(phi) / alpha)

    def value(omega):
        r = ((4 * omega - 2) ** 2 - 1) ** 0.5
        b = 1 / alpha
        g = power(exact(2), -d) * power(power((1 + r) / 2, b) + power((1 - r) / 2, b), alpha)
        return (1 - gamma) * g + gamma * power(v * power(g, b) + (1 - v) * power(omega, b), alpha)

    mp.prec = 200
    place = _worst_block(delta, phi, float(problem.gamma))[0]
    for _ in range(3):  # the top of a parabola, in more digits than a float has
        place = min(max(place, OMEGA_LOCAL + 9 * STEP), OMEGA_MAX - 9 * STEP)
        left, middle, right = (mpf(value(exact(place + i * 8 * STEP)).mid) for i in (-1, 0, 1))
        bend = left - 2 * middle + right
        if bend >= 0:
            break
        place += float(8 * STEP * (left - right) / (2 * bend))
    if not OMEGA_LOCAL + 2 * STEP < place < OMEGA_MAX - 2 * STEP:
        return None
    left, middle, right = (value(exact(place) + i * exact(STEP)) for i in (-1, 0, 1))
    if middle.a < left.b or middle.a < right.b:
        return None
    top = 2 * middle - exact(0) - (left if left.a < right.a else right)
    return -log2(top) / d
