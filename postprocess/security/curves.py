"""Data of the paper's figures on the key length (4, S15, S16), as arrays, without drawing anything.

Every curve uses the paper's rules for threshold (equations 24 and 25) and syndrome length (equation 23) and optimises
all free parameters; where the figure leaves gamma open, it is optimised as well.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from fractions import Fraction

import numpy as np

from postprocess.reconciliation.syndrome_length import MARGIN_BITS
from postprocess.security.chsh_entropy import eta
from postprocess.security.entropy_accumulation import net_entropy
from postprocess.security.key_length import KeyLength, acceptance_threshold, key_length
from postprocess.security.models import depolarising
from postprocess.security.optimise import best_free_parameters, maximise
from postprocess.support.entropy import binary_entropy

EPS_SND = 1e-10
PAPER_GAMMA = Fraction(13, 256)
FIGURE_4_LINKS = ((2.73, 0.018), (2.64, 0.018), (2.64, 0.033))
"""(S, Q) of the three curves of figure 4; the middle one is the paper's run."""
_LOG_GAMMA = (math.log(1e-7), math.log(0.9))


def key_rates(
    rounds: Iterable[float],
    score: float,
    qber: float,
    gamma: float | Fraction = PAPER_GAMMA,
    eps_snd: float = EPS_SND,
) -> np.ndarray:
    """Key rate against the number of rounds (figure 4).

    Args:
        rounds: n, any positive numbers, rounded to integers.
        score, qber: expected S and Q.
        gamma: probability of a test round.
        eps_snd: soundness error.

    Returns:
        float64 array of ell / n, one per n.
    """
    return np.array([key_length(round(n), gamma, score, qber, eps_snd).ell / round(n) for n in rounds])


def key_rates_by_error(
    errors: Iterable[float], n: int, score: float, qber: float, gamma: float | Fraction = PAPER_GAMMA
) -> np.ndarray:
    """Key rate ell / n against the soundness error (figure S16 a), float64 array."""
    return np.array([key_length(n, gamma, score, qber, eps).ell / n for eps in errors])


def best_gamma(
    n: int, score: float, qber: float, eps_snd: float = EPS_SND, steps: int | None = None
) -> tuple[float | Fraction, KeyLength]:
    """Testing probability that gives the longest key (figure S16 b).

    Args:
        n: rounds.
        score, qber: expected S and Q.
        eps_snd: soundness error.
        steps: take the best multiple of 1/steps (256 for a session) instead of any real number.

    Returns:
        gamma, as a Fraction where `steps` is given, and the key length there.
    """

    def bits(log_gamma: float) -> float:
        length = key_length(n, math.exp(log_gamma), score, qber, eps_snd)
        return net_entropy(n, math.exp(log_gamma), length.omega_thr, length.syndrome_bits, length.free)

    gamma = math.exp(maximise(bits, *_LOG_GAMMA, tolerance=1e-4)[0])
    if steps is None:
        return gamma, key_length(n, gamma, score, qber, eps_snd)
    below = min(max(1, math.floor(gamma * steps)), steps - 2)
    choices = [Fraction(k, steps) for k in (below, below + 1)]
    lengths = {choice: key_length(n, choice, score, qber, eps_snd) for choice in choices}
    best = max(choices, key=lambda choice: lengths[choice].bound)
    return best, lengths[best]


def optimal_gammas(rounds: Iterable[float], score: float, qber: float, eps_snd: float = EPS_SND) -> np.ndarray:
    """Best gamma for each number of rounds (figure S16 b), float64; nan where there is no key at all."""
    found = (best_gamma(round(n), score, qber, eps_snd) for n in rounds)
    return np.array([gamma if length.ell > 0 else math.nan for gamma, length in found], dtype=np.float64)


def depolarising_key_rates(visibilities: Iterable[float], n: float, eps_snd: float = EPS_SND) -> np.ndarray:
    """Key rate ell / n against the visibility of a Bell state in white noise, gamma optimised (figure S15 a),
    float64."""
    links = (depolarising(visibility) for visibility in visibilities)
    return np.array([best_gamma(round(n), *link, eps_snd)[1].ell / round(n) for link in links])


def tolerated_qbers(scores: Iterable[float], n: float, eps_snd: float = EPS_SND) -> np.ndarray:
    """Largest Q with a positive key against S, one line of figure S15 b: every point (S, Q) below it has a key from n
    rounds.

    Q enters only through the (1 - gamma) n h(Q) bits of the syndrome, so the best gamma and the largest Q follow
    together.

    Args:
        scores: expected CHSH scores S.
        n: rounds; infinity gives the asymptotic limit eta(w) = h(Q).
        eps_snd: soundness error.

    Returns:
        float64 array, nan where even Q = 0 gives no key.
    """
    return np.array([_tolerated_qber(score, n, eps_snd) for score in scores])


def _tolerated_qber(score: float, n: float, eps_snd: float) -> float:
    if math.isinf(n):
        return _inverse_entropy(eta((4 + score) / 8))
    rounds = round(n)

    def spare_bits(log_gamma: float) -> float:
        """Bits per key round left for h(Q) when all else is paid."""
        gamma = math.exp(log_gamma)
        omega_thr = acceptance_threshold(rounds, gamma, score)
        free = best_free_parameters(rounds, gamma, omega_thr, eps_snd)
        paid = rounds * gamma * binary_entropy((4 - score) / 8) + MARGIN_BITS * math.sqrt(rounds)
        return net_entropy(rounds, gamma, omega_thr, paid, free) / (rounds * (1 - gamma))

    return _inverse_entropy(maximise(spare_bits, *_LOG_GAMMA, tolerance=1e-4)[1])


def _inverse_entropy(bits: float) -> float:
    """p in [0, 1/2] with h(p) = bits; nan for negative bits."""
    from scipy.optimize import brentq

    if not bits > 0:
        return math.nan
    return 0.5 if bits >= 1 else float(brentq(lambda p: binary_entropy(p) - bits, 0.0, 0.5, xtol=1e-15))
