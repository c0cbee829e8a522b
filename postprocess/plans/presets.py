"""Sessions by name: the paper's, the longest key that this project's rules prove, or one planned from its numbers."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cache

from postprocess.errors import InvalidInput
from postprocess.estimation.priors import Priors, with_second_key
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
from postprocess.plans.session_parameters import (
    MIN_RESPONSE_S,
    MIN_ROUNDS,
    MOST_RANGES,
    PROPOSITION_2,
    RANGE_BITS,
    TOEPLITZ,
    SessionParameters,
)
from postprocess.randomness.choice import insecure_because as reasons_of
from postprocess.security.models import expected_second_qber
from postprocess.security.planning import THRESHOLD_DIGITS, FewestRounds, NoThreshold, PlannedLink, fewest_rounds
from postprocess.security.rules.rule import EPS_HASH
from postprocess.storage.node_home import NodeHome

PRESETS = ("paper", "long", "longest", "custom")
CODE_SEED = 2022
ALLOWED_BEYOND_A_BLOCK = 64


@dataclass(frozen=True)
class Choice:
    """What an operator chooses of a session; `gamma` None takes the best k/256, `extractor` "" the rule's first.

    With two key bases, `qber2` None takes what the model of `expected_second_qber` says.

    Attributes: see SessionParameters; `syndrome` names the rule for m, "paper" or "tight".

    Raises:
        InvalidInput: too few rounds, S or Q that no link can have, or an eps_snd that the tags alone exceed.
    """

    rounds: int = PAPER_ROUNDS
    gamma: Fraction | None = PAPER_GAMMA
    score: float = PAPER_SCORE
    qber: float = PAPER_QBER
    eps_snd: float = PAPER_EPS_SND
    syndrome: str = "paper"
    rule: str = PROPOSITION_2
    extractor: str = ""
    allowance: int = 0
    block_rounds: int = 1000
    barrier: bool = False
    bases: int = 1
    qber2: float | None = None

    def __post_init__(self) -> None:
        if self.rounds < MIN_ROUNDS:
            raise InvalidInput(f"rounds = {self.rounds}: must be at least {MIN_ROUNDS}")
        if not 0 <= self.score <= 2 * math.sqrt(2):
            raise InvalidInput(
                f"score = {self.score:g}: S lies between 0 and 2 sqrt 2 = 2.8284; write for instance 2.64"
            )
        if not 0 <= self.qber <= 0.5:
            percent = f"; write {self.qber / 100:g} for {self.qber:g} %" if 0.5 < self.qber <= 50 else ""
            raise InvalidInput(f"qber = {self.qber:g}: Q is a probability from 0 to 0.5{percent}")
        if self.bases not in (1, 2):
            raise InvalidInput(f"bases = {self.bases}: there are sessions with one announced key basis and with two")
        if self.bases == 1 and self.qber2 is not None:
            raise InvalidInput(f"qber2 = {self.qber2:g}: only a session with two key bases has it; give bases = 2")
        if self.bases == 2 and self.qber2 is None:
            object.__setattr__(self, "qber2", expected_second_qber(self.score, self.qber))
        if self.qber2 is not None and not 0 <= self.qber2 <= 0.5:
            raise InvalidInput(f"qber2 = {self.qber2:g}: Q_1 is a probability from 0 to 0.5")
        if not 4 * EPS_HASH < self.eps_snd < 1:
            raise InvalidInput(f"eps_snd = {self.eps_snd:g}: must be above 4 * 2^-61, which the tags take, and below 1")


def long_choice(
    rounds: int = PAPER_ROUNDS,
    score: float = PAPER_SCORE,
    qber: float = PAPER_QBER,
    eps_snd: float = PAPER_EPS_SND,
    gamma: Fraction | None = None,
) -> Choice:
    """The preset `long`: rule renyi, Toeplitz, tight syndrome, best gamma, barrier, one crash in a block borne."""
    block_rounds = max(1, min(1000, rounds // 1000))
    return Choice(
        rounds,
        gamma,
        score,
        qber,
        eps_snd,
        syndrome="tight",
        rule="renyi",
        extractor=TOEPLITZ,
        allowance=block_rounds + ALLOWED_BEYOND_A_BLOCK,
        block_rounds=block_rounds,
        barrier=True,
    )


def longest_choice(
    rounds: int = PAPER_ROUNDS,
    score: float = PAPER_SCORE,
    qber: float = PAPER_QBER,
    eps_snd: float = PAPER_EPS_SND,
    gamma: Fraction | None = None,
    qber2: float | None = None,
) -> Choice:
    """The preset `longest`: as `long`, with two announced key bases and the rule two-bases."""
    return replace(long_choice(rounds, score, qber, eps_snd, gamma), rule="two-bases", bases=2, qber2=qber2)


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
    from postprocess.security.rules import Problem
    from postprocess.security.rules.proposition2 import Proposition2

    omega_thr = round(acceptance_threshold(PAPER_ROUNDS, PAPER_GAMMA, PAPER_SCORE), THRESHOLD_DIGITS)
    rule = Proposition2()
    free = rule.search(Problem(PAPER_ROUNDS, PAPER_GAMMA, omega_thr, PAPER_SYNDROME_BITS, PAPER_EPS_SND))
    assert free is not None
    return SessionParameters(
        session_id=session_id,
        apparatus=apparatus,
        rounds=PAPER_ROUNDS,
        gamma=PAPER_GAMMA,
        score=PAPER_SCORE,
        qber=PAPER_QBER,
        eps_snd=PAPER_EPS_SND,
        omega_thr=omega_thr,
        syndrome_bits=PAPER_SYNDROME_BITS,
        ell=PAPER_ELL,
        eps_pa=PAPER_EPS_PA,
        code_seed=CODE_SEED,
        priors=PAPER_PRIORS,
        block_rounds=block_rounds,
        min_response_s=min_response_s,
        free=tuple(sorted(rule.with_eps_pa(free, PAPER_EPS_PA).items())),
        insecure_because=insecure_because,
    )


def planned(
    session_id: str,
    apparatus: str,
    choice: Choice,
    *,
    priors: Priors = PAPER_PRIORS,
    syndrome_bits: int | None = None,
    min_response_s: float = MIN_RESPONSE_S,
    insecure_because: tuple[str, ...] = (),
) -> SessionParameters:
    """Parameters of any size by a rule; where it certifies no key they become an insecure rehearsal.

    A rehearsal extracts ell = n // 20 bits, which no proof covers; `insecure_because` says so.
    """
    from postprocess.security.rules import best_plan

    link = link_of(choice)
    gamma = gamma_of(choice) or PAPER_GAMMA
    try:
        problem = link.problem(choice.rounds, gamma)
    except NoThreshold as found:
        raise NoThreshold(f"{found}; {remedy(fewest_of(choice))}") from found
    if syndrome_bits is not None:
        problem = replace(problem, syndrome_bits=syndrome_bits)
    plan = best_plan(link.rule, problem)
    if plan is None:
        ell, eps_pa, free = max(1, choice.rounds // 20), PAPER_EPS_PA, {}
        insecure_because = (*insecure_because, "below the proof's threshold: no key length is proven for so few rounds")
    else:
        ell, free = plan.ell, dict(plan.free)
        eps_pa = free.get("eps_pa", choice.eps_snd)
    return SessionParameters(
        session_id=session_id,
        apparatus=apparatus,
        rounds=choice.rounds,
        gamma=gamma,
        score=choice.score,
        qber=choice.qber,
        eps_snd=choice.eps_snd,
        omega_thr=problem.omega_thr,
        syndrome_bits=problem.syndrome_bits,
        ell=ell,
        eps_pa=eps_pa,
        code_seed=CODE_SEED,
        priors=priors if choice.qber2 is None else with_second_key(priors, choice.qber2),
        block_rounds=choice.block_rounds,
        allowance=choice.allowance,
        min_response_s=min_response_s,
        rule=choice.rule,
        extractor=link.extractor,
        free=tuple(sorted(free.items())),
        bases=choice.bases,
        qber2=choice.qber2,
        insecure_because=insecure_because,
        barrier=choice.barrier,
    )


def link_of(choice: Choice) -> PlannedLink:
    """What the rule of a choice plans with."""
    from postprocess.security.rules import rule_named

    rule = rule_named(choice.rule)
    return PlannedLink(
        choice.score,
        choice.qber,
        rule,
        choice.extractor or rule.extractors[0],
        choice.syndrome,
        choice.eps_snd,
        choice.allowance,
        MOST_RANGES * RANGE_BITS if choice.allowance else 0,
        choice.bases,
        choice.qber2,
    )


def gamma_of(choice: Choice) -> Fraction | None:
    """The gamma chosen, or the best: with the longest key, or where these rounds give none, the one that needs fewest
    rounds for a key; None where no number of rounds gives one."""
    if choice.gamma is not None:
        return choice.gamma
    gamma, bits = link_of(choice).best_gamma(choice.rounds)
    if bits > 0:
        return gamma
    fewest = fewest_of(choice)
    return None if fewest is None else fewest.gamma


@cache
def fewest_of(choice: Choice, leakage: float = 0.0) -> FewestRounds | None:
    """The shortest session with a key that this choice allows, rounds and gamma left free; None where there is none.

    `leakage`: bits that a round leaks, see PlannedLink."""
    link_at = _link_at(choice)
    return fewest_rounds(lambda rounds: replace(link_at(rounds), leakage=leakage))


def remedy(fewest: FewestRounds | None) -> str:
    """What would give a key: so many rounds, or nothing but a better link."""
    if fewest is None:
        return "this link never gives a key, whatever the number of rounds: improve S or Q"
    return f"this link needs about {fewest.rounds:,} rounds (gamma = {fewest.gamma}) for a key".replace(",", " ")


def _link_at(choice: Choice) -> Callable[[int], PlannedLink]:
    """What would be planned with for another number of rounds; the allowance of `long` and `longest` follows it."""
    link = (choice.score, choice.qber, choice.eps_snd, None)
    if choice == long_choice(choice.rounds, *link[:3], choice.gamma):
        return lambda rounds: link_of(long_choice(rounds, *link))
    if choice == longest_choice(choice.rounds, *link[:3], choice.gamma, choice.qber2):
        return lambda rounds: link_of(longest_choice(rounds, *link, choice.qber2))
    return lambda rounds: link_of(choice)


def session_parameters(
    home: NodeHome,
    apparatus: str,
    session_id: str,
    *,
    preset: str,
    choice: Choice,
    min_response_s: float = MIN_RESPONSE_S,
) -> SessionParameters:
    """Public parameters of a session from what an operator chooses; both nodes must come to the same ones.

    Args:
        preset: "paper" takes everything but `block_rounds` from the paper's run; "long" takes rounds, S, Q and eps_snd
            from the choice, "longest" Q_1 too; "custom" takes all of it.

    Raises:
        InvalidInput: an unknown preset.
    """
    reasons, response = reasons_of(home), float(min_response_s)
    if preset == "paper":
        return paper(
            session_id,
            apparatus,
            block_rounds=choice.block_rounds,
            min_response_s=response,
            insecure_because=reasons,
        )
    if preset == "long":
        choice = long_choice(choice.rounds, choice.score, choice.qber, choice.eps_snd)
    elif preset == "longest":
        choice = longest_choice(choice.rounds, choice.score, choice.qber, choice.eps_snd, None, choice.qber2)
    elif preset != "custom":
        raise InvalidInput(f"preset = {preset}: must be {', '.join(PRESETS)}")
    return planned(session_id, apparatus, choice, min_response_s=response, insecure_because=reasons)
