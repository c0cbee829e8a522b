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
        settings: X (where T = 0 the announced key basis r, 0 with one basis) or Y.
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

    @property
    def key_basis(self) -> NDArray[np.uint8]:
        """r of each key round as this node knows it: X, or Y - 2; 0 in test rounds and with one basis. uint8 (n,)."""
        return np.where(self.test == 1, 0, self.settings & 1).astype(np.uint8)

    def announced(self, bases: int) -> NDArray[np.uint8]:
        """What Bob announced, as bits: T; with two key bases r and T, two bits a round. uint8 (n,) or (2n,)."""
        return self.test if bases == 1 else np.stack((self.key_basis, self.test), axis=1).reshape(-1)

    def revealed(self, bases: int) -> NDArray[np.uint8]:
        """X as Alice reveals it: 0 in key rounds with one basis, r with two. uint8 (n,)."""
        return self.settings & self.test if bases == 1 else self.settings

    def __len__(self) -> int:
        return len(self.outcomes)
