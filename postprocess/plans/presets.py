"""Sessions by name: the paper's, or one planned from what an operator chooses."""

from __future__ import annotations

from fractions import Fraction

from postprocess.errors import InvalidInput
from postprocess.estimation.priors import Priors
from postprocess.plans.paper import (
    PAPER_ELL,
    PAPER_EPS_PA,
    PAPER_EPS_SND,
    PAPER_GAMMA,
    PAPER_PRIORS,
    PAPER_QBER,
    PAPER_ROUNDS,
    PAPER_SCORE,
    PAPER_SYNDROME_BITS,
)
from postprocess.plans.session_parameters import MIN_RESPONSE_S, MIN_ROUNDS, SessionParameters, proven_length
from postprocess.randomness.choice import insecure_because as reasons_of
from postprocess.storage.node_home import NodeHome

THRESHOLD_DIGITS = 10  # machines whose libraries differ in a logarithm's last bit still agree on the parameters


def paper(
    session_id: str,
    apparatus: str,
    *,
    block_rounds: int = 1000,
    min_response_s: float = MIN_RESPONSE_S,
    insecure_because: tuple[str, ...] = (),
) -> SessionParameters:
    """The paper's run: n = 1 500 000, gamma = 13/256, m = 296 517, ell = 95 884 (Nadlinger 2022, table I)."""
    from postprocess.security import acceptance_threshold

    return SessionParameters(
        session_id=session_id,
        apparatus=apparatus,
        rounds=PAPER_ROUNDS,
        gamma=PAPER_GAMMA,
        score=PAPER_SCORE,
        qber=PAPER_QBER,
        eps_snd=PAPER_EPS_SND,
        omega_thr=round(acceptance_threshold(PAPER_ROUNDS, PAPER_GAMMA, PAPER_SCORE), THRESHOLD_DIGITS),
        syndrome_bits=PAPER_SYNDROME_BITS,
        ell=PAPER_ELL,
        eps_pa=PAPER_EPS_PA,
        code_seed=2022,
        priors=PAPER_PRIORS,
        block_rounds=block_rounds,
        min_response_s=min_response_s,
        insecure_because=insecure_because,
    )


def planned(
    session_id: str,
    apparatus: str,
    rounds: int,
    gamma: Fraction,
    *,
    score: float = PAPER_SCORE,
    qber: float = PAPER_QBER,
    eps_snd: float = PAPER_EPS_SND,
    syndrome: str = "paper",
    priors: Priors = PAPER_PRIORS,
    block_rounds: int = 1000,
    allowance: int = 0,
    min_response_s: float = MIN_RESPONSE_S,
    insecure_because: tuple[str, ...] = (),
) -> SessionParameters:
    """Parameters for any size by the paper's rules; too small for a positive key, they become an insecure rehearsal.

    `syndrome` names the rule for m: "paper", or "tight", which leaves more key.

    A rehearsal extracts ell = n // 20 bits, which no proof covers; `insecure_because` says so.
    """
    from postprocess.reconciliation import syndrome_length_by
    from postprocess.security import acceptance_threshold, key_length

    if rounds < MIN_ROUNDS:
        raise InvalidInput(f"rounds = {rounds}: must be at least {MIN_ROUNDS}")
    omega_thr = round(acceptance_threshold(rounds, gamma, score), THRESHOLD_DIGITS)
    if omega_thr <= 0.75:
        raise InvalidInput(
            f"rounds = {rounds}, gamma = {gamma}: {float(rounds * gamma):.0f} test rounds are too few for a threshold "
            "above the local bound; take more rounds or a larger gamma"
        )
    syndrome_bits = min(syndrome_length_by(syndrome, rounds, gamma, score, qber), int(0.9 * rounds))
    eps_pa = float(f"{key_length(rounds, gamma, score, qber, eps_snd, syndrome_bits, omega_thr).eps_pa:.3g}")
    ell = proven_length(rounds, gamma, score, qber, eps_snd, syndrome_bits, omega_thr, eps_pa, allowance)
    if ell <= 0:
        ell, eps_pa = max(1, rounds // 20), PAPER_EPS_PA
        insecure_because = (*insecure_because, "below the proof's threshold: no key length is proven for so few rounds")
    return SessionParameters(
        session_id=session_id,
        apparatus=apparatus,
        rounds=rounds,
        gamma=gamma,
        score=score,
        qber=qber,
        eps_snd=eps_snd,
        omega_thr=omega_thr,
        syndrome_bits=syndrome_bits,
        ell=ell,
        eps_pa=eps_pa,
        code_seed=2022,
        priors=priors,
        block_rounds=block_rounds,
        allowance=allowance,
        min_response_s=min_response_s,
        insecure_because=insecure_because,
    )


def session_parameters(
    home: NodeHome,
    apparatus: str,
    session_id: str,
    *,
    preset: str,
    block_rounds: int,
    rounds: int,
    gamma_256: int,
    score: float,
    qber: float,
    eps_snd: float,
    syndrome: str = "paper",
    allowance: int = 0,
    min_response_s: float = MIN_RESPONSE_S,
) -> SessionParameters:
    """Public parameters of a session from what an operator chooses; both nodes must come to the same ones.

    Args:
        preset: "paper" takes everything but `block_rounds` from the paper's run, "custom" plans it from the rest.
    """
    reasons = reasons_of(home)
    if preset == "paper":
        return paper(
            session_id,
            apparatus,
            block_rounds=block_rounds,
            min_response_s=float(min_response_s),
            insecure_because=reasons,
        )
    if preset != "custom":
        raise InvalidInput(f"preset = {preset}: must be 'paper' or 'custom'")
    return planned(
        session_id,
        apparatus,
        rounds,
        Fraction(gamma_256, 256),
        score=score,
        qber=qber,
        eps_snd=eps_snd,
        syndrome=syndrome,
        block_rounds=block_rounds,
        allowance=allowance,
        min_response_s=float(min_response_s),
        insecure_because=reasons,
    )
