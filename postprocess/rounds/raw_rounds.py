"""What one node knows of its rounds: the input of post-processing."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from postprocess.rounds.zeroed import NONE_ZEROED, ZeroedRanges


@dataclass(frozen=True)
class RawRounds:
    """One node's private strings, the input of post-processing: uint8 arrays of shape (n,).

    Attributes:
        settings: X (0 where T = 0) or Y.
        test: T, 1 for a Bell-test round.
        outcomes: A or B; 0 in every zeroed round.
        zeroed: this node's zeroed rounds: Z_A at Alice, Z_B at Bob.
        barrier: the barrier's bits: those that Alice drew, those that Bob saw; None without a barrier. In Z_B he has
            none.
    """

    settings: NDArray[np.uint8] = field(repr=False)
    test: NDArray[np.uint8] = field(repr=False)
    outcomes: NDArray[np.uint8] = field(repr=False)
    zeroed: ZeroedRanges = NONE_ZEROED
    barrier: NDArray[np.uint8] | None = field(default=None, repr=False)

    def __len__(self) -> int:
        return len(self.outcomes)
