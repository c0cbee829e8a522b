"""Public parameters of a session: equal on both nodes, fixed before round one, bound into every tag by their digest."""

from __future__ import annotations

import hashlib
import json
import math
import re
from dataclasses import asdict, dataclass, fields
from fractions import Fraction
from typing import Any

from contract.nodes import KINDS_FOR_KEYS
from postprocess.errors import InvalidInput
from postprocess.estimation.priors import Priors, TwoKeyPriors
from postprocess.security.rules import Problem, require_covered, rule_named

BELL = "bell"  # settings as in a key session, see rounds.settings
MIN_ROUNDS, MOST_SESSION_ROUNDS = 1000, 100_000_000
PROPOSITION_2, TREVISAN, TOEPLITZ = "proposition-2", "trevisan", "toeplitz"
MIN_RESPONSE_S = 15.0  # longer than decoding ever takes
MOST_RESPONSE_S = 86_400.0
MOST_RANGES = 16  # of zeroed rounds, each RANGE_BITS long on the wire
RANGE_BITS = 48
SESSION_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


@dataclass(frozen=True)
class SessionParameters:
    """Everything both nodes must agree on, validated once, here (Nadlinger 2022, S3 and S6).

    Attributes:
        session_id: name of the session, letters, digits, '.', '_' and '-'.
        apparatus: "kasli" or "emulated"; a key inherits it.
        rounds: n, heralded rounds.
        gamma: probability of a Bell-test round, k/256.
        score, qber: expected CHSH score S and quantum bit error rate Q.
        eps_snd: soundness error.
        omega_thr: acceptance threshold on the CHSH winning probability.
        syndrome_bits: m, bits of the error-correction syndrome.
        ell: length of the new key in bits.
        eps_pa: error of the privacy amplification; the extractor takes eps_1 = eps_pa / ell.
        code_seed: public seed of code and shuffle.
        priors: decoder priors, with a table for each key basis.
        block_rounds: rounds per block of the real-time loop.
        allowance: most rounds that may be zeroed at Alice (J_max); 0 makes no room for any.
        min_response_s: minimum response time of Bob in s: his decision leaves exactly so long after Alice's message was
            complete. 0 only on the emulated apparatus.
        rule: name of the key-length rule. extractor: "trevisan" or "toeplitz".
        bases: announced key bases, 1 or 2. qber2: expected error rate Q_1 of the second one; None without it.
        barrier: whether Bob waits in each round for a pulse that Alice sends once she is isolated, a fresh random bit
            that G_B covers. Written down only where there is one.
        free: the rule's free parameters, (name, value) in order of the names; each node certifies ell from them.
        insecure_because: why a key made with these parameters must not be trusted; empty for a sound session.

    Raises:
        InvalidInput: a value is out of range, or `ell` exceeds what the rule certifies without being marked insecure.
    """

    session_id: str
    apparatus: str
    rounds: int
    gamma: Fraction
    score: float
    qber: float
    eps_snd: float
    omega_thr: float
    syndrome_bits: int
    ell: int
    eps_pa: float
    code_seed: int
    priors: Priors
    block_rounds: int = 1000
    allowance: int = 0
    min_response_s: float = MIN_RESPONSE_S
    rule: str = PROPOSITION_2
    extractor: str = TREVISAN
    free: tuple[tuple[str, float], ...] = ()
    bases: int = 1
    qber2: float | None = None
    insecure_because: tuple[str, ...] = ()
    barrier: bool = False

    def __post_init__(self) -> None:
        checks = (
            (SESSION_ID.fullmatch(self.session_id) is not None, "session_id", "1 to 64 letters, digits, '.', '_', '-'"),
            (self.apparatus in KINDS_FOR_KEYS, "apparatus", "'kasli' or 'emulated'"),
            (MIN_ROUNDS <= self.rounds <= MOST_SESSION_ROUNDS, "rounds", "1000 to 100 000 000"),
            (0 < self.gamma < 1 and (256 * self.gamma).denominator == 1, "gamma", "k/256 with k from 1 to 255"),
            (2 < self.score <= 2 * math.sqrt(2), "score", "above 2, at most 2*sqrt(2)"),
            (0 <= self.qber < 0.5, "qber", "0 to below 0.5"),
            (0 < self.eps_snd < 1, "eps_snd", "between 0 and 1"),
            (
                0.75 < self.omega_thr < (2 + math.sqrt(2)) / 4,
                "omega_thr",
                "between 3/4 and (2+sqrt 2)/4; take more test rounds or a better link",
            ),
            (0 < self.syndrome_bits < self.rounds, "syndrome_bits", "between 0 and the number of rounds"),
            (0 < self.ell < self.rounds, "ell", "between 0 and the number of rounds"),
            (0 < self.eps_pa < 1, "eps_pa", "between 0 and 1"),
            (0 <= self.code_seed < 1 << 63, "code_seed", "0 to 2^63 - 1"),
            (1 <= self.block_rounds <= 1_000_000, "block_rounds", "1 to 1 000 000"),
            (0 <= self.allowance < self.rounds, "allowance", "0 to below the number of rounds"),
            (self.extractor in (TREVISAN, TOEPLITZ), "extractor", "trevisan or toeplitz"),
            (self.bases in (1, 2), "bases", "1 or 2"),
            (
                self.qber2 is None if self.bases == 1 else self.qber2 is not None and 0 <= self.qber2 < 0.5,
                "qber2",
                "0 to below 0.5 with two bases, and left out with one",
            ),
            (len(self.priors.tables) == 1 + self.bases, "priors", "one table for tests and one for each key basis"),
            (
                (0 if self.apparatus == "emulated" else 1e-3) <= self.min_response_s <= MOST_RESPONSE_S,
                "min_response_s",
                "at most a day; 0 only on the emulated apparatus",
            ),
        )
        for name in ("rounds", "syndrome_bits", "ell", "code_seed", "block_rounds", "allowance", "bases"):
            if type(getattr(self, name)) is not int:
                raise InvalidInput(f"{name} = {getattr(self, name)!r:.100}: must be a whole number")
        if type(self.barrier) is not bool:
            raise InvalidInput(f"barrier = {self.barrier!r:.100}: must be true or false")
        for fits, name, allowed in checks:
            if not fits:
                raise InvalidInput(f"{name} = {getattr(self, name)!s:.100}: must be {allowed}")
        if not self.insecure:
            self._require_proven_length()

    def _require_proven_length(self) -> None:
        rule = rule_named(self.rule)
        require_covered(rule, self.extractor, self.bases)
        free = dict(self.free)
        if self.extractor == TREVISAN and free.get("eps_pa") != self.eps_pa:
            raise InvalidInput(f"eps_pa = {self.eps_pa}: the free parameters of the rule have {free.get('eps_pa')}")
        proven = rule.certify(self.problem, free)
        if self.ell > proven:
            raise InvalidInput(
                f"ell = {self.ell}: the rule {self.rule} certifies at most {proven} bits for these parameters; shorten "
                "the key, take more rounds, or mark the session insecure for a rehearsal"
            )

    @property
    def insecure(self) -> bool:
        """Whether a key made with these parameters must never be used."""
        return bool(self.insecure_because)

    scheme = BELL
    store_folder = "sessions"

    @property
    def link_name(self) -> str:
        """What the two nodes call these rounds on their link."""
        return self.session_id

    @property
    def key_bases(self) -> int:
        """What rounds of any purpose call the number of announced key bases."""
        return self.bases

    @property
    def bell_limit(self) -> int:
        """Largest number of lost test rounds that still passes: floor(n gamma (1 - omega_thr)), step 8."""
        return math.floor(self.rounds * self.gamma * (1 - Fraction(self.omega_thr)))

    @property
    def zeroed_list_bits(self) -> int:
        """Length of Alice's list of zeroed rounds in her message (m_Z): MOST_RANGES ranges, none without allowance."""
        return MOST_RANGES * RANGE_BITS if self.allowance else 0

    @property
    def public_seed_bits(self) -> int:
        """Length of the extractor's public seed; 0 where the seed is a reusable secret."""
        return self.rounds - 1 if self.extractor == TOEPLITZ else 0

    @property
    def problem(self) -> Problem:
        """What the rule's certificate is about."""
        return Problem(
            self.rounds,
            self.gamma,
            self.omega_thr,
            self.syndrome_bits,
            self.eps_snd,
            self.extractor,
            self.allowance,
            self.zeroed_list_bits,
            bases=self.bases,
        )

    @property
    def blocks(self) -> int:
        """Number of blocks; the last one may be shorter."""
        return -(-self.rounds // self.block_rounds)

    def to_json(self) -> str:
        """Canonical JSON: sorted keys, no spaces, floats by their shortest exact form."""
        values = asdict(self)
        values["gamma"] = f"{self.gamma.numerator}/{self.gamma.denominator}"
        if self.bases == 1:
            del values["bases"], values["qber2"]  # as sessions were written before there were two
        if not self.barrier:
            del values["barrier"]  # as sessions were written before there was one
        return json.dumps(values, sort_keys=True, separators=(",", ":"))

    @classmethod
    def from_json(cls, text: str) -> SessionParameters:
        """Parameters from `to_json`; raises InvalidInput when a field is missing, unknown or out of range."""
        try:
            values: dict[str, Any] = json.loads(text)
            values["gamma"] = read_gamma(values["gamma"])
            priors = {name: tuple(tuple(row) for row in table) for name, table in values["priors"].items()}
            values["priors"] = (TwoKeyPriors if "key2" in priors else Priors)(**priors)  # type: ignore[arg-type]
            values["insecure_because"] = tuple(values["insecure_because"])
            values["free"] = tuple((name, value) for name, value in values["free"])
            if values.get("bases", 2) == 1:
                raise ValueError("bases is left out where there is one")
            if values.get("barrier") is False:
                raise ValueError("barrier is left out where there is none")
            return cls(**values)
        except InvalidInput:
            raise
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as problem:
            raise InvalidInput(f"session parameters: not what diqkd writes ({problem!s:.200})") from problem

    def digest(self) -> bytes:
        """SHA-256 of the canonical JSON, 32 bytes; stands inside every authenticated message."""
        return hashlib.sha256(self.to_json().encode()).digest()

    def differences(self, other: Any) -> list[str]:
        """Names of the fields in which two sets of parameters differ."""
        if not isinstance(other, SessionParameters):
            return ["purpose"]
        return [f.name for f in fields(self) if getattr(self, f.name) != getattr(other, f.name)]


def read_gamma(text: Any) -> Fraction:
    """Gamma as plans write it, numerator/denominator; ValueError for anything else, before it is computed."""
    if not isinstance(text, str) or not re.fullmatch(r"[0-9]{1,3}/[1-9][0-9]{0,2}", text):
        raise ValueError("gamma must be written k/256, in lowest terms")
    return Fraction(text)
