"""Plans of sessions: threshold, syndrome, key length by each rule, and how likely an honest session passes."""

from __future__ import annotations

from fractions import Fraction

from postprocess.errors import InvalidInput
from postprocess.estimation.priors import Priors
from postprocess.plans.paper import PAPER_PRIORS
from postprocess.plans.presets import Choice, fewest_of, planned, remedy
from postprocess.plans.session_parameters import MOST_RANGES, RANGE_BITS, SessionParameters
from postprocess.security import acceptance_threshold as threshold_of
from postprocess.security.honest_session import honest_session
from postprocess.security.key_length import as_probability
from postprocess.security.rules import RULES, Problem, best_plan, label_of, rule_named

Gamma = Fraction | str | float


def plan(
    *,
    rounds: int,
    score: float,
    qber: float,
    gamma: Gamma | None = None,
    rule: str = "proposition-2",
    extractor: str = "",
    syndrome: str = "paper",
    eps_snd: float = 1e-10,
    allowance: int = 0,
    session_id: str = "plan",
    apparatus: str = "emulated",
    bases: int = 1,
    qber2: float | None = None,
    priors: Priors | None = None,
    rehearsal: bool = False,
) -> SessionParameters:
    """Parameters of a session on a link of expected score and error rate, with the key that a rule certifies.

    Args:
        rounds: n, heralded rounds, 1000 to 1e8.
        score: expected CHSH score S, 0 to 2 sqrt 2.
        qber: expected quantum bit error rate Q, 0 to 0.5.
        gamma: probability of a Bell-test round, k/256 as "13/256", Fraction or float; None for the best.
        rule: name of the key-length rule, one of `key_length_rules()`; "two-bases" needs bases = 2.
        extractor: "trevisan" or "toeplitz"; "" for the rule's usual one.
        syndrome: rule for its length m, "paper" or "tight".
        eps_snd: soundness error.
        allowance: J_max, most rounds that may be zeroed at Alice.
        session_id: name of the session, 1 to 64 letters, digits, '.', '_', '-'.
        apparatus: "emulated" or "kasli", where the rounds come from; a key inherits it.
        bases: announced key bases, 1 or 2. qber2: expected error rate Q_1 of the second; None for a model's.
        priors: decoder priors (`Priors`); None for the paper's.
        rehearsal: where no key is proven, return parameters marked insecure, with ell = n // 20, instead of an error.

    Returns:
        What both nodes must agree on: `ell` key length in bits, `omega_thr`, `syndrome_bits`, `eps_pa`, ...

    Raises:
        InvalidInput: a value out of range, or no key is proven; the message says how many rounds would give one.

    Source: Nadlinger 2022, S6, S7 and S10 for "proposition-2"; docs/proofs for the other rules.
    """
    choice = Choice(
        rounds=rounds,
        gamma=None if gamma is None else _gamma(gamma),
        score=score,
        qber=qber,
        eps_snd=eps_snd,
        syndrome=syndrome,
        rule=rule,
        extractor=extractor,
        allowance=allowance,
        bases=bases,
        qber2=qber2,
    )
    parameters = planned(session_id, apparatus, choice, priors=priors or PAPER_PRIORS)
    if parameters.insecure and not rehearsal:
        raise InvalidInput(f"rounds = {rounds}: no key is proven; {remedy(fewest_of(choice))}")
    return parameters


def key_length(
    *,
    rounds: int,
    gamma: Gamma,
    omega_thr: float,
    syndrome_bits: int,
    rule: str = "proposition-2",
    extractor: str = "",
    eps_snd: float = 1e-10,
    allowance: int = 0,
    bases: int = 1,
) -> int:
    """Key length ell in bits that a rule certifies for a session, by interval arithmetic; 0 where it proves none.

    Args:
        rounds: n.
        gamma: probability of a Bell-test round, in (0, 1); k/256 in sessions.
        omega_thr: acceptance threshold on the CHSH winning probability omega = (4 + S) / 8.
        syndrome_bits: m, bits that the syndrome discloses.
        rule: one of `key_length_rules()`.
        extractor: "trevisan" or "toeplitz"; "" for the rule's usual one.
        eps_snd: soundness error.
        allowance: J_max, most rounds that may be zeroed at Alice.
        bases: announced key bases, 1 or 2 ("two-bases" needs 2).

    Raises:
        InvalidInput: a value out of range, an unknown rule, or a session that its proof does not cover.

    Source: Nadlinger 2022, Proposition 2, for "proposition-2"; docs/proofs for the others.
    """
    found = rule_named(rule)
    problem = Problem(
        rounds,
        _exact(gamma),
        omega_thr,
        syndrome_bits,
        eps_snd,
        extractor or found.extractors[0],
        allowance,
        MOST_RANGES * RANGE_BITS if allowance else 0,
        bases=bases,
    )
    best = best_plan(found, problem)
    return 0 if best is None else best.ell


def key_length_rules() -> dict[str, str]:
    """Rules of key length: name -> status of the proof, as every print of a key says it."""
    return {name: label_of(rule, 0) for name, rule in RULES.items()}


def acceptance_threshold(*, rounds: int, gamma: Gamma, score: float) -> float:
    """Threshold omega_thr on the CHSH winning probability, three standard deviations below what S promises.

    Args:
        rounds: n. gamma: probability of a Bell-test round. score: expected S.

    Raises:
        InvalidInput: a value out of range.

    Source: Nadlinger 2022, S7, equations 24 and 25.
    """
    return threshold_of(rounds, _exact(gamma), score)


def syndrome_length(*, rounds: int, gamma: Gamma, score: float, qber: float, syndrome: str = "paper") -> int:
    """Syndrome length m in bits for expected S and Q.

    Args:
        rounds: n. gamma: probability of a Bell-test round. score: expected S. qber: expected Q.
        syndrome: "paper", n H + 50 sqrt n; or "tight", fitted for one failure in a thousand (docs/reconciliation.md).

    Raises:
        InvalidInput: a value out of range, or an unknown rule.

    Source: Nadlinger 2022, S6.
    """
    from postprocess.reconciliation import syndrome_length_by

    return syndrome_length_by(syndrome, rounds, _exact(gamma), score, qber)


def passing_probability(
    parameters: SessionParameters, *, score: float | None = None, qber: float | None = None
) -> float:
    """Probability that an honest session passes Bell check and decoding on a link that really has this S and Q.

    Args:
        parameters: of the session, from `plan`.
        score, qber: true S and Q; None for those planned with.

    The Bell check is exact (binomial); decoding is fitted to trials (docs/reconciliation.md).
    """
    s = parameters.score if score is None else score
    q = parameters.qber if qber is None else qber
    return honest_session(parameters.problem, s, q, parameters.qber2).passes


def _exact(gamma: Gamma) -> Fraction:
    as_probability(gamma)
    return Fraction(gamma)


def _gamma(gamma: Gamma) -> Fraction:
    value = _exact(gamma)
    if (256 * value).denominator != 1:
        near = min(255, max(1, round(256 * value)))
        raise InvalidInput(f"gamma = {gamma}: must be k/256 with k from 1 to 255; the nearest is '{near}/256'")
    return value
