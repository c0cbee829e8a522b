"""The record of a round as the kernel writes it: four int32 words, fixed width, private.

word 0, 1   herald timestamp in machine units, low and high half
word 2      attempts since the round began
word 3      bits 0-3 herald pattern (bit k = APD k), bit 4 outcome (Alice's already inverted), bits 5-6 setting
used (X or Y),
            bit 7 T (1 = Bell test), bits 8-11 flags, bits 16-30 photon counts of the readout (saturating)
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntFlag

import numpy as np
from numpy.typing import ArrayLike, NDArray

WORDS = 4
MOST_COUNTS = (1 << 15) - 1


class Flag(IntFlag):
    """What went wrong in a round. A flagged round counts with outcome 0, and Alice takes its T from Bob."""

    UNDERFLOW = 1
    OVERFLOW = 2
    ROUND_TYPE = 4
    LOST = 8


@dataclass(frozen=True)
class Records:
    """Records of consecutive rounds, each field an array of shape (count,); outcomes and settings are private.

    Attributes:
        timestamps_mu: int64, herald time in machine units.
        attempts: int64.
        patterns: uint8, 1 to 15; 0 only where the round is lost.
        outcomes, settings, types, flags: uint8.
        counts: int32, photon counts of the readout.
    """

    timestamps_mu: NDArray[np.int64]
    attempts: NDArray[np.int64]
    patterns: NDArray[np.uint8]
    outcomes: NDArray[np.uint8] = field(repr=False)
    settings: NDArray[np.uint8] = field(repr=False)
    types: NDArray[np.uint8]
    flags: NDArray[np.uint8]
    counts: NDArray[np.int32] = field(repr=False)

    def __len__(self) -> int:
        return len(self.patterns)

    @classmethod
    def from_words(cls, words: ArrayLike) -> Records:
        """Records from int32 words, shape (count, 4) or (4 * count,)."""
        unsigned = np.ascontiguousarray(words, dtype=np.int32).reshape(-1, WORDS).view(np.uint32).astype(np.int64)
        last = unsigned[:, 3]
        return cls(
            timestamps_mu=(unsigned[:, 1] << 32) | unsigned[:, 0],
            attempts=unsigned[:, 2],
            patterns=(last & 15).astype(np.uint8),
            outcomes=(last >> 4 & 1).astype(np.uint8),
            settings=(last >> 5 & 3).astype(np.uint8),
            types=(last >> 7 & 1).astype(np.uint8),
            flags=(last >> 8 & 15).astype(np.uint8),
            counts=(last >> 16 & MOST_COUNTS).astype(np.int32),
        )

    def to_words(self) -> NDArray[np.int32]:
        """int32 words, shape (count, 4); counts saturate at 32767."""
        unsigned = np.zeros((len(self), WORDS), dtype=np.int64)
        unsigned[:, 0] = self.timestamps_mu & 0xFFFFFFFF
        unsigned[:, 1] = self.timestamps_mu >> 32 & 0xFFFFFFFF
        unsigned[:, 2] = self.attempts
        counts = np.minimum(self.counts.astype(np.int64), MOST_COUNTS)
        fields = (
            (self.patterns, 0),
            (self.outcomes, 4),
            (self.settings, 5),
            (self.types, 7),
            (self.flags, 8),
            (counts, 16),
        )
        for values, shift in fields:
            unsigned[:, 3] |= values.astype(np.int64) << shift
        return unsigned.astype(np.uint32).view(np.int32)
