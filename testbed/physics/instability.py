"""What an emulated laboratory does not keep by itself: calibrations drift, ions get lost."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

FASTEST_DRIFT = 1000.0
SHORTEST_S, LONGEST_S = 1.0, 1e8


@dataclass(frozen=True)
class Instability:
    """How a laboratory changes; times are laboratory time, which passes with heralds.

    Attributes:
        drift: so many times as fast as testbed.physics.truth says; 0: nothing drifts.
        ion_lifetime_s: mean time until an ion gets lost, per node; None: ions stay.

    Raises:
        ValueError: out of range.
    """

    drift: float = 0.0
    ion_lifetime_s: float | None = None

    def __post_init__(self) -> None:
        if not 0 <= self.drift <= FASTEST_DRIFT:
            raise ValueError(f"drift: from 0 (none) to {FASTEST_DRIFT:g} times as fast, not {self.drift:g}")
        if self.ion_lifetime_s is not None and not SHORTEST_S <= self.ion_lifetime_s <= LONGEST_S:
            raise ValueError(f"ion lifetime: from {SHORTEST_S:g} to {LONGEST_S:g} s, not {self.ion_lifetime_s:g} s")

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


STABLE = Instability()
