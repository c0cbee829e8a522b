"""What a key-length rule is: a name, what its proof rests on, the best free parameters, and a certified length."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Protocol

from postprocess.errors import InvalidInput

PUBLISHED = "published bound (Nadlinger 2022, Proposition 2)"
OWN_COUNTING = "published entropy accumulation, own counting step, not peer-reviewed"
OWN_PROOF = "own proof, not peer-reviewed"
ZEROING_NOT_PROVEN = "not proven for an allowance"
LOSS_HYPOTHESIS = "no round is zeroed because of its type or outcome (docs/proofs/counting.md, section 4)"

EPS_HASH = 2.0**-61
DISCLOSED_BITS = 258  # what the messages besides M disclose: four tags, C and F
UNCOUNTED_PUBLIC_BITS = 64  # for public data that nobody counted
DIGITS = 8  # of a free parameter: machines whose libraries differ in a last bit still agree on it

Free = Mapping[str, float]


@dataclass(frozen=True)
class Problem:
    """The session whose key length is asked for.

    Attributes:
        rounds: n. gamma: probability of a Bell-test round, k/256. omega_thr: threshold on the winning probability.
        syndrome_bits: m. eps_snd: soundness error.
        extractor: "trevisan" or "toeplitz".
        allowance: J_max, most rounds zeroed at Alice. list_bits: m_Z, length of her list of them.
        uncounted_bits: for public data that nobody counted; the reference table of the proofs has 0.
        bases: announced key bases, 1 or 2.
    """

    rounds: int
    gamma: Fraction
    omega_thr: float
    syndrome_bits: int
    eps_snd: float
    extractor: str = "trevisan"
    allowance: int = 0
    list_bits: int = 0
    uncounted_bits: int = UNCOUNTED_PUBLIC_BITS
    bases: int = 1

    def __post_init__(self) -> None:
        checks = (
            (self.rounds >= 1, "rounds", "1 or more"),
            (0 < self.gamma < 1, "gamma", "between 0 and 1"),
            (0 <= self.omega_thr <= (2 + math.sqrt(2)) / 4, "omega_thr", "between 0 and (2 + sqrt 2)/4"),
            (self.syndrome_bits >= 0, "syndrome_bits", "0 or more"),
            (0 < self.eps_snd < 1, "eps_snd", "between 0 and 1"),
            (self.allowance >= 0, "allowance", "0 or more"),
            (self.bases in (1, 2), "bases", "1 or 2"),
        )
        for fits, name, allowed in checks:
            if not fits:
                raise InvalidInput(f"{name} = {getattr(self, name)}: must be {allowed}")

    @property
    def bell_limit(self) -> int:
        """k = floor(n gamma (1 - omega_thr)): lost test rounds that still pass."""
        return math.floor(self.rounds * self.gamma * (1 - Fraction(self.omega_thr)))

    @property
    def zeroing_bits(self) -> int:
        """J_max + 2 m_Z + what nobody counted: subtracted from the entropy."""
        return self.allowance + 2 * self.list_bits + self.uncounted_bits


@dataclass(frozen=True)
class Plan:
    """Best choice of a rule's free parameters, and the length that they certify (0: none)."""

    ell: int
    free: Free


class Rule(Protocol):
    """One rule of key length; `certify` never trusts `search`."""

    @property
    def name(self) -> str:
        """What session parameters and commands call it."""
        ...

    @property
    def label(self) -> str:
        """Status of its proof; every print of a key names it."""
        ...

    @property
    def source(self) -> str:
        """Where the proof stands."""
        ...

    @property
    def hypotheses(self) -> str:
        """What the proof assumes, in one sentence."""
        ...

    @property
    def zeroing_proven(self) -> bool:
        """Whether the proof covers rounds that are zeroed for any reason; without an allowance there are none."""
        ...

    @property
    def extractors(self) -> tuple[str, ...]:
        """Extractors it has a proof for, the usual one first."""
        ...

    @property
    def bases(self) -> tuple[int, ...]:
        """Numbers of announced key bases it has a proof for."""
        ...

    def search(self, problem: Problem) -> Free | None:
        """Good free parameters, in floats rounded to DIGITS; None where there is no key whatever they are."""
        ...

    def estimate(self, problem: Problem) -> float:
        """Bits of key of the best free parameters, in floats, negative where there is none; never a promise."""
        ...

    def certify(self, problem: Problem, free: Free) -> int:
        """Key length in bits that these free parameters prove, by interval arithmetic; 0 where they prove none.

        Raises:
            InvalidInput: parameters missing, unknown or out of range, or a session that the proof does not cover.
        """
        ...


def label_of(rule: Rule, allowance: int) -> str:
    """Status of a rule's proof for a session with that allowance (J_max)."""
    return rule.label if rule.zeroing_proven or not allowance else f"{rule.label}; {ZEROING_NOT_PROVEN}"


def hypotheses_of(rule: Rule, allowance: int) -> str:
    """What the proof assumes for a session with that allowance (J_max)."""
    return rule.hypotheses if rule.zeroing_proven or not allowance else f"{rule.hypotheses}; {LOSS_HYPOTHESIS}"


def require_covered(rule: Rule, extractor: str, bases: int) -> None:
    """Refuse a session that a rule's proof says nothing about: another extractor or number of key bases."""
    if extractor not in rule.extractors:
        raise InvalidInput(
            f"rule {rule.name}: no proof for the extractor {extractor}; choose {' or '.join(rule.extractors)}"
        )
    if bases not in rule.bases:
        what, remedy = {
            1: ("one key basis", "take two (bases = 2), or another rule"),
            2: ("two key bases", "choose two-bases or renyi"),
        }[bases]
        raise InvalidInput(f"rule {rule.name}: no proof for sessions with {what}; {remedy}")


def require_names(rule: str, free: Free, names: tuple[str, ...]) -> None:
    """Refuse free parameters that are not those of a rule."""
    if set(free) != set(names):
        raise InvalidInput(f"free parameters {sorted(free)}: the rule {rule} has {', '.join(names)}")
    for name, value in free.items():
        if not isinstance(value, float) or not math.isfinite(value):
            raise InvalidInput(f"free parameter {name} = {value!r}: must be a finite number")


def rounded(value: float) -> float:
    """A float of DIGITS significant digits."""
    return float(f"{value:.{DIGITS - 1}e}")


def rounded_down(value: float) -> float:
    """A float of DIGITS significant digits, not above the value."""
    near = rounded(value)
    return near if near <= value else rounded(value * (1 - 10.0 ** (1 - DIGITS)))


def longest_with_chain_rule(bits: float) -> int:
    """Largest integer ell > 0 with ell + 4 log2 ell <= bits, for `bits` a float below the true value; 0 if none."""
    if not bits >= 1:
        return 0
    ell = math.floor(bits)
    for _ in range(60):
        following = math.floor(bits - 4 * math.log2(max(ell, 1)))
        if following == ell:
            break
        ell = max(following, 1)
    while ell > 0 and ell + 4 * math.log2(ell) > bits - 1e-6:
        ell -= 1
    return ell
