"""How long a key a session may extract, and the threshold it must pass (Nadlinger 2022, S7 and S10)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction

from postprocess.errors import InvalidInput
from postprocess.security.chsh_entropy import OMEGA_MAX
from postprocess.security.entropy_accumulation import FreeParameters, finite_key_bound
from postprocess.security.optimise import best_free_parameters

THRESHOLD_SIGMAS = 3
"""Standard deviations between the expected and the threshold score."""


@dataclass(frozen=True)
class KeyLength:
    """A secure key length and the choices behind it.

    Attributes:
        ell: key length in bits, 0 where nothing is proven.
        omega_thr: acceptance threshold on the CHSH winning probability.
        syndrome_bits: m, bits of the error-correction syndrome.
        bound: Proposition 2's bound before rounding down.
        free: the optimised free parameters.
    """

    ell: int
    omega_thr: float
    syndrome_bits: int
    bound: float
    free: FreeParameters

    @property
    def eps_pa(self) -> float:
        """Error of the privacy amplification; the extractor takes eps_1 = eps_pa / ell."""
        return self.free.eps_pa


def key_length(
    n: int,
    gamma: float | Fraction | str,
    score: float,
    qber: float,
    eps_snd: float = 1e-10,
    syndrome_bits: int | None = None,
    omega_thr: float | None = None,
) -> KeyLength:
    """Longest key that Proposition 2 proves secure for a planned session.

    Args:
        n: rounds.
        gamma: probability of a test round, as float, Fraction or text such as "13/256".
        score: expected CHSH score S.
        qber: expected quantum bit error rate Q.
        eps_snd: soundness error.
        syndrome_bits: m; default the paper's rule for the expected S and Q.
        omega_thr: acceptance threshold; default three standard deviations below the expected score.

    Returns:
        The length with threshold, syndrome length and free parameters.

    Raises:
        InvalidInput: a value outside its range.
    """
    gamma = as_probability(gamma)
    _check(n, score, qber)
    if omega_thr is None:
        omega_thr = acceptance_threshold(n, gamma, score)
    elif not 0 <= omega_thr <= OMEGA_MAX:
        raise InvalidInput(f"omega_thr = {omega_thr}: must lie between 0 and Tsirelson's bound {OMEGA_MAX:.6f}")
    if syndrome_bits is None:
        from postprocess.reconciliation.syndrome_length import paper_syndrome_length

        syndrome_bits = paper_syndrome_length(n, gamma, score, qber)
    elif syndrome_bits < 0:
        raise InvalidInput(f"syndrome_bits = {syndrome_bits}: must not be negative")
    free = best_free_parameters(n, gamma, omega_thr, eps_snd)
    bound = finite_key_bound(n, gamma, omega_thr, syndrome_bits, free)
    return KeyLength(math.floor(bound), omega_thr, syndrome_bits, bound, free)


def acceptance_threshold(n: int, gamma: float | Fraction | str, score: float) -> float:
    """Acceptance threshold on the CHSH winning probability, three standard deviations below what is expected.

    With omega = (4 + S) / 8 a round is a lost test with probability q = gamma (1 - omega);
    q_thr = q + 3 sqrt(q (1 - q) / n) and omega_thr = 1 - q_thr / gamma (Nadlinger 2022, S7, equations 24 and 25).

    Raises:
        InvalidInput: a value outside its range.
    """
    gamma = as_probability(gamma)
    _check(n, score, 0.0)
    lost = gamma * (4 - score) / 8
    return 1 - (lost + THRESHOLD_SIGMAS * math.sqrt(lost * (1 - lost) / n)) / gamma


def as_probability(gamma: float | Fraction | str) -> float:
    """gamma as a float in (0, 1), from a number or from text such as "13/256"."""
    try:
        value = float(Fraction(gamma))
    except (ValueError, TypeError, ZeroDivisionError, OverflowError) as problem:
        raise InvalidInput(f"gamma = {gamma!r}: not a number; write 13/256 or 0.0508") from problem
    if not 0 < value < 1:
        raise InvalidInput(f"gamma = {gamma}: must lie between 0 and 1")
    return value


def _check(n: int, score: float, qber: float) -> None:
    if not n >= 1:
        raise InvalidInput(f"n = {n}: at least one round is needed")
    if not -1e-12 <= score <= 2 * math.sqrt(2) + 1e-12:
        raise InvalidInput(f"score = {score}: S lies between 0 and 2 sqrt 2 = 2.828427")
    if not 0 <= qber <= 0.5:
        raise InvalidInput(f"qber = {qber}: Q lies between 0 and 0.5")
