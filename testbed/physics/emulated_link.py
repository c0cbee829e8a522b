"""What the emulated quantum link delivers: the published states, or states of a chosen S and Q, at a chosen rate.

A chosen state has the populations of Q and one coherence, between |01> and |10> (Alice's qubit first), of the size that
gives S and the phase that Bob's default settings expect: S = sqrt 2 (1 - 2 Q + v) with v twice that coherence.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from postprocess.characterisation.state_tomography import Matrix, published_states
from testbed.physics import truth

FASTEST_HZ, SLOWEST_HZ = 500.0, 0.1
# Heralds per second of machine time: one round, and one attempt with its share of cooling, take so long (s).
ROUND_S, ATTEMPT_S = 0.6e-3, 1.62e-6


@dataclass(frozen=True)
class EmulatedLink:
    """The link of a laboratory; None: as published.

    Attributes:
        score, qber: S and Q of the states that a herald leaves, both or neither.
        herald_rate_hz: mean heralds per second of machine time.

    Raises:
        ValueError: no two-qubit state of this kind has such S and Q, or the rate is out of range.
    """

    score: float | None = None
    qber: float | None = None
    herald_rate_hz: float | None = None

    def __post_init__(self) -> None:
        if (self.score is None) != (self.qber is None):
            raise ValueError("the link: give both S and Q, or neither")
        if self.score is not None and self.qber is not None:
            low, high = scores_at(self.qber)
            if not low - 1e-9 <= self.score <= high + 1e-9:
                raise ValueError(
                    f"the link: with Q = {100 * self.qber:g} % S lies from {low:.4f} to {high:.4f}, not {self.score:g}"
                )
        if self.herald_rate_hz is not None and not SLOWEST_HZ <= self.herald_rate_hz <= FASTEST_HZ:
            raise ValueError(f"the link: the herald rate lies from {SLOWEST_HZ:g} to {FASTEST_HZ:g} Hz")

    @classmethod
    def of_visibility(cls, visibility: float, herald_rate_hz: float | None = None) -> EmulatedLink:
        """The published link's noise made white: S = 2 sqrt 2 V, Q = (1 - V) / 2, as of a Werner state."""
        return cls(2 * math.sqrt(2) * visibility, (1 - visibility) / 2, herald_rate_hz)

    @property
    def success_per_attempt(self) -> float:
        """Probability of a herald per attempt."""
        if self.herald_rate_hz is None:
            return truth.SUCCESS_PER_ATTEMPT
        return ATTEMPT_S / (1 / self.herald_rate_hz - ROUND_S)

    @property
    def herald_s(self) -> float:
        """Mean machine time from herald to herald, s."""
        return ROUND_S + ATTEMPT_S / self.success_per_attempt

    def states(self) -> Mapping[int, Matrix]:
        """Two-qubit state per herald pattern, complex128 (4, 4)."""
        published = published_states()
        if self.score is None or self.qber is None:
            return published
        from postprocess.characterisation.prediction import best_analysis_phase

        visibility = min(1 - self.qber, max(0.0, self.score / math.sqrt(2) - 1 + 2 * self.qber))
        found: dict[int, Matrix] = {}
        for pattern, state in published.items():
            matrix = np.zeros((4, 4), np.complex128)
            np.fill_diagonal(matrix, np.array([self.qber, 1 - self.qber, 1 - self.qber, self.qber]) / 2)
            matrix[1, 2] = visibility / 2 * np.exp(1j * (best_analysis_phase(state) - math.pi))
            matrix[2, 1] = np.conj(matrix[1, 2])
            found[pattern] = matrix
        return found

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


PUBLISHED = EmulatedLink()


def scores_at(qber: float) -> tuple[float, float]:
    """Smallest and largest S that a state with this Q can be given."""
    low, high = math.sqrt(2) * (1 - 2 * qber), math.sqrt(2) * (2 - 3 * qber)
    return low, high
