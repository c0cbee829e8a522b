"""What Bob knows about Alice's bits: priors and log-likelihood ratios.

All joint distributions are P(A, B) with Alice first. Bob's outcome is flipped for X = Y = 1, where the Bell state
anticorrelates the outcomes, so one distribution serves all four Bell-test settings (Nadlinger 2022, step 5 and S6). In
key rounds nothing is flipped: Bob's setting 2 + r is the one that agrees with A_r, also for r = 1.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, fields

import numpy as np

from contract.round_settings import KEY_SETTING
from postprocess.errors import InvalidInput

Joint = tuple[tuple[float, float], tuple[float, float]]
LEAST_ERROR = 1e-3


@dataclass(frozen=True)
class Priors:
    """Joint distributions P(A, B) of Bell-test and key rounds.

    Each is ((P00, P01), (P10, P11)), first index Alice, second Bob (flipped for X = Y = 1). All entries are positive
    and sum to 1 within 2e-3 (published tables are rounded). Raises InvalidInput otherwise.
    """

    test: Joint
    key: Joint

    def __post_init__(self) -> None:
        for name in (field.name for field in fields(self)):
            table = np.asarray(getattr(self, name), dtype=np.float64)
            if table.shape != (2, 2) or not np.all(table > 0.0) or not math.isclose(table.sum(), 1.0, abs_tol=2e-3):
                raise InvalidInput(
                    f"decoder prior '{name}' must be 2x2 positive P(A,B) that sum to 1, not {table.tolist()!s:.100}"
                )
            object.__setattr__(self, name, tuple(tuple(float(p) for p in row) for row in table))

    @property
    def tables(self) -> tuple[Joint, ...]:
        """The joint distributions of Bell-test rounds and of each key basis."""
        return (self.test, self.key)


@dataclass(frozen=True)
class TwoKeyPriors(Priors):
    """Priors of a session with two announced key bases: `key` is that of A_0 with B_2, `key2` that of A_1 with B_3."""

    key2: Joint

    @property
    def tables(self) -> tuple[Joint, ...]:
        """See Priors."""
        return (self.test, self.key, self.key2)


def with_second_key(priors: Priors, qber2: float) -> TwoKeyPriors:
    """The same priors with a second key basis, symmetric; a decoder that expects no error at all is never right."""
    return TwoKeyPriors(priors.test, priors.key, _symmetric(max(qber2, LEAST_ERROR), "qber2"))


def priors_from_score(score: float, qber: float) -> Priors:
    """Symmetric priors for an expected CHSH score and QBER.

    Outcomes are uniform; they differ with probability (4 - S)/8 in test rounds (Bob flipped for X = Y = 1) and Q in key
    rounds.
    """
    return Priors(test=_symmetric((4.0 - score) / 8.0, "score"), key=_symmetric(qber, "qber"))


def _symmetric(error: float, origin: str) -> Joint:
    if not 0.0 < error < 1.0:
        raise InvalidInput(f"decoder priors need an error probability strictly between 0 and 1, {origin} gives {error}")
    return ((1.0 - error) / 2.0, error / 2.0), (error / 2.0, (1.0 - error) / 2.0)


KNOWN = 40.0  # log-likelihood ratio of a bit that is known


def with_zeroed_rounds(
    ratios: np.ndarray, y: np.ndarray, priors: Priors, alice: np.ndarray, bob: np.ndarray
) -> np.ndarray:
    """Log-likelihood ratios where zeroed rounds say what they say; float64 (n,), a copy.

    Args:
        ratios: of `log_likelihood_ratios`.
        y: Bob's settings, uint8 (n,).
        alice: bool (n,), rounds in which Alice's outcome is known to be 0.
        bob: bool (n,), rounds in which Bob's outcome is an erasure: only Alice's marginal is left.
    """
    found = np.array(ratios)
    marginals = np.array([math.log(sum(joint[0]) / sum(joint[1])) for joint in priors.tables])
    found[bob] = marginals[_table_of(y[bob])]
    found[alice] = KNOWN
    return found


def log_likelihood_ratios(bob_bits: np.ndarray, x: np.ndarray, y: np.ndarray, priors: Priors) -> np.ndarray:
    """Log-likelihood ratios ln P(A=0|B,X,Y) / P(A=1|B,X,Y), float64 (n,), natural order of rounds.

    `bob_bits` uint8 (n,) are Bob's outcomes as recorded (not yet flipped), `x` uint8 (n,) Alice's settings 0/1, `y`
    uint8 (n,) Bob's settings: 0/1, or 2 + r in a key round (r = 1 only where there are priors for it). Raises
    InvalidInput for other values or lengths.
    """
    bits, settings_x, settings_y = (np.asarray(part) for part in (bob_bits, x, y))
    if not bits.ndim == settings_x.ndim == settings_y.ndim == 1 or not bits.size == settings_x.size == settings_y.size:
        raise InvalidInput(
            f"outcomes, X and Y must be equally long vectors, not {bits.shape}, {settings_x.shape}, {settings_y.shape}"
        )
    for name, values, top in (("Bob's outcomes", bits, 1), ("X", settings_x, 1), ("Y", settings_y, len(priors.tables))):
        if values.size and (values.min() < 0 or values.max() > top):
            raise InvalidInput(f"{name} must lie in 0..{top}, found {values.min()}..{values.max()}")
    both_one = ((settings_x == 1) & (settings_y == 1)).astype(np.uint8)
    flipped = bits.astype(np.uint8) ^ both_one
    ratio = np.array([[math.log(joint[0][b] / joint[1][b]) for b in (0, 1)] for joint in priors.tables])
    return ratio.ravel()[2 * _table_of(settings_y) + flipped]


def _table_of(y: np.ndarray) -> np.ndarray:
    """Which of the priors' tables serves each of Bob's settings."""
    return np.where(y < KEY_SETTING, 0, y - np.uint8(KEY_SETTING - 1)).astype(np.intp)
