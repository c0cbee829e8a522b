"""Public parameters of a session: equal on both nodes, fixed before round one, bound into every tag by their digest."""

from __future__ import annotations

import hashlib
import json
import math
import re
from dataclasses import asdict, dataclass, fields, replace
from fractions import Fraction
from typing import Any

from postprocess.errors import InvalidInput

Joint = tuple[tuple[float, float], tuple[float, float]]

BELL = "bell"  # settings as in a key session, see rounds.settings
MIN_ROUNDS = 1000
PAPER_ROUNDS = 1_500_000
PAPER_GAMMA = Fraction(13, 256)
PAPER_ELL = 95_884
PAPER_SYNDROME_BITS = 296_517
PAPER_EPS_PA = 1.3e-13
THRESHOLD_DIGITS = (
    10  # two machines whose libraries differ in the last bit of a logarithm still agree on the parameters
)
SESSION_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


@dataclass(frozen=True)
class Priors:
    """Joint distributions P(A, B) the decoder assumes; first index Alice, Bob flipped where X = Y = 1 (table S6).

    The paper prints the two off-diagonal entries the other way round; see docs/conventions.md.
    """

    test: Joint
    key: Joint

    def __post_init__(self) -> None:
        for name, table in (("test", self.test), ("key", self.key)):
            entries = [p for row in table for p in row]
            if len(entries) != 4 or not all(0 < p < 1 for p in entries) or abs(sum(entries) - 1) > 2e-3:
                raise InvalidInput(f"priors.{name}: four probabilities in (0, 1) that sum to 1 are needed, got {table}")


PAPER_PRIORS = Priors(test=((0.411, 0.0842), (0.0813, 0.4237)), key=((0.5017, 0.011), (0.0034, 0.4839)))


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
        priors: decoder priors.
        block_rounds: rounds per block of the real-time loop.
        insecure_because: why a key made with these parameters must not be trusted; empty for a sound session.

    Raises:
        InvalidInput: a value is out of range, or `ell` exceeds the proven bound without being marked insecure.
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
    insecure_because: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        checks = (
            (SESSION_ID.fullmatch(self.session_id) is not None, "session_id", "1 to 64 letters, digits, '.', '_', '-'"),
            (self.apparatus in ("kasli", "emulated"), "apparatus", "'kasli' or 'emulated'"),
            (MIN_ROUNDS <= self.rounds <= 100_000_000, "rounds", "1000 to 100 000 000"),
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
        )
        for fits, name, allowed in checks:
            if not fits:
                raise InvalidInput(f"{name} = {getattr(self, name)}: must be {allowed}")
        if not self.insecure:
            self._require_proven_length()

    def _require_proven_length(self) -> None:
        proven = proven_length(
            self.rounds,
            self.gamma,
            self.score,
            self.qber,
            self.eps_snd,
            self.syndrome_bits,
            self.omega_thr,
            self.eps_pa,
        )
        if self.ell > proven:
            raise InvalidInput(
                f"ell = {self.ell}: Proposition 2 proves at most {proven} bits for these parameters; shorten the "
                "key, take more rounds, or mark the session insecure for a rehearsal"
            )

    @property
    def insecure(self) -> bool:
        """Whether a key made with these parameters must never be used."""
        return bool(self.insecure_because)

    scheme = BELL
    shelf = "sessions"

    @property
    def link_name(self) -> str:
        """What the two nodes call these rounds on their link."""
        return self.session_id

    @property
    def bell_limit(self) -> int:
        """Largest number of lost test rounds that still passes: floor(n gamma (1 - omega_thr)), step 8."""
        return math.floor(self.rounds * self.gamma * (1 - Fraction(self.omega_thr)))

    @property
    def blocks(self) -> int:
        """Number of blocks; the last one may be shorter."""
        return -(-self.rounds // self.block_rounds)

    def to_json(self) -> str:
        """Canonical JSON: sorted keys, no spaces, floats by their shortest exact form."""
        values = asdict(self)
        values["gamma"] = f"{self.gamma.numerator}/{self.gamma.denominator}"
        return json.dumps(values, sort_keys=True, separators=(",", ":"))

    @classmethod
    def from_json(cls, text: str) -> SessionParameters:
        """Parameters from `to_json`; raises InvalidInput when a field is missing, unknown or out of range."""
        try:
            values: dict[str, Any] = json.loads(text)
            values["gamma"] = Fraction(values["gamma"])
            priors = {name: tuple(tuple(row) for row in table) for name, table in values["priors"].items()}
            values["priors"] = Priors(**priors)  # type: ignore[arg-type]
            values["insecure_because"] = tuple(values["insecure_because"])
            return cls(**values)
        except InvalidInput:
            raise
        except (ValueError, KeyError, TypeError, AttributeError) as problem:
            raise InvalidInput(f"session parameters: not what diqkd writes ({problem})") from problem

    def digest(self) -> bytes:
        """SHA-256 of the canonical JSON, 32 bytes; stands inside every authenticated message."""
        return hashlib.sha256(self.to_json().encode()).digest()

    def differences(self, other: Any) -> list[str]:
        """Names of the fields in which two sets of parameters differ."""
        if not isinstance(other, SessionParameters):
            return ["purpose"]
        return [f.name for f in fields(self) if getattr(self, f.name) != getattr(other, f.name)]


def paper(
    session_id: str, apparatus: str, *, block_rounds: int = 1000, insecure_because: tuple[str, ...] = ()
) -> SessionParameters:
    """The paper's run: n = 1 500 000, gamma = 13/256, m = 296 517, ell = 95 884 (Nadlinger 2022, table I)."""
    from postprocess.security import acceptance_threshold

    return SessionParameters(
        session_id=session_id,
        apparatus=apparatus,
        rounds=PAPER_ROUNDS,
        gamma=PAPER_GAMMA,
        score=2.64,
        qber=0.018,
        eps_snd=1e-10,
        omega_thr=round(acceptance_threshold(PAPER_ROUNDS, PAPER_GAMMA, 2.64), THRESHOLD_DIGITS),
        syndrome_bits=PAPER_SYNDROME_BITS,
        ell=PAPER_ELL,
        eps_pa=PAPER_EPS_PA,
        code_seed=2022,
        priors=PAPER_PRIORS,
        block_rounds=block_rounds,
        insecure_because=insecure_because,
    )


def planned(
    session_id: str,
    apparatus: str,
    rounds: int,
    gamma: Fraction,
    *,
    score: float = 2.64,
    qber: float = 0.018,
    eps_snd: float = 1e-10,
    syndrome: str = "paper",
    priors: Priors = PAPER_PRIORS,
    block_rounds: int = 1000,
    insecure_because: tuple[str, ...] = (),
) -> SessionParameters:
    """Parameters for any size by the paper's rules; too small for a positive key, they become an insecure rehearsal.

    `syndrome` names the rule for m: "paper", or "tight", which leaves more key (postprocess.reconciliation.overhead).

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
    ell = proven_length(rounds, gamma, score, qber, eps_snd, syndrome_bits, omega_thr, eps_pa)
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
        insecure_because=insecure_because,
    )


def proven_length(
    rounds: int,
    gamma: Fraction,
    score: float,
    qber: float,
    eps_snd: float,
    syndrome_bits: int,
    omega_thr: float,
    eps_pa: float,
) -> int:
    """Key length that Proposition 2 proves for a fixed error of the privacy amplification; 0 where nothing is proven.

    What it takes more or less than the optimum is the smoothing's loss or gain, so the soundness error stays eps_snd.
    """
    from postprocess.security import finite_key_bound, key_length

    free = key_length(rounds, gamma, score, qber, eps_snd, syndrome_bits, omega_thr).free
    rounded = replace(free, eps_pa=eps_pa, eps_s3=free.eps_s3 + (free.eps_pa - eps_pa) / 2)
    return math.floor(finite_key_bound(rounds, float(gamma), omega_thr, syndrome_bits, rounded))
