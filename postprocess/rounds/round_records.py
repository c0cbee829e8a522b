"""Records of rounds as the host reads them: the fields of contract.record_layout as arrays; private."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntFlag

import numpy as np
from numpy.typing import ArrayLike, NDArray

from contract import record_layout as layout
from contract.round_settings import ANNOUNCED_TEST, KEY_SETTING
from postprocess.errors import InvalidInput


class Flag(IntFlag):
    """What went wrong in a round. A flagged round counts with outcome 0, and Alice takes its T from Bob."""

    UNDERFLOW = layout.FLAG_UNDERFLOW
    OVERFLOW = layout.FLAG_OVERFLOW
    ROUND_TYPE = layout.FLAG_ROUND_TYPE
    LOST = layout.FLAG_LOST
    BARRIER = layout.FLAG_BARRIER


@dataclass(frozen=True)
class RoundRecords:
    """Records of consecutive rounds, each field an array of shape (count,); outcomes and settings are private.

    Attributes:
        timestamps_mu: int64, herald time in machine units.
        attempts: int64.
        patterns: uint8, 1 to 15; 0 only where the round is lost.
        outcomes, settings, types, flags: uint8.
        counts: int32, photon counts of the readout.
        barrier: uint8, the barrier's bit, sent by Alice or seen by Bob; 0 without a barrier, and in flagged rounds.
    """

    timestamps_mu: NDArray[np.int64]
    attempts: NDArray[np.int64]
    patterns: NDArray[np.uint8]
    outcomes: NDArray[np.uint8] = field(repr=False)
    settings: NDArray[np.uint8] = field(repr=False)
    types: NDArray[np.uint8]
    flags: NDArray[np.uint8]
    counts: NDArray[np.int32] = field(repr=False)
    barrier: NDArray[np.uint8] = field(default_factory=lambda: np.zeros(1, np.uint8), repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "barrier", np.broadcast_to(self.barrier, np.shape(self.flags)))

    def __len__(self) -> int:
        return len(self.patterns)

    @classmethod
    def from_words(cls, words: ArrayLike) -> RoundRecords:
        """Records from int32 words, shape (count, RECORD_WORDS) or (RECORD_WORDS * count,)."""
        rows = np.ascontiguousarray(words, dtype=np.int32).reshape(-1, layout.RECORD_WORDS)
        unsigned = rows.view(np.uint32).astype(np.int64)
        last = unsigned[:, 3]
        return cls(
            timestamps_mu=(unsigned[:, 1] << 32) | unsigned[:, 0],
            attempts=unsigned[:, 2],
            patterns=(last & layout.PATTERN_MASK).astype(np.uint8),
            outcomes=(last >> layout.OUTCOME_SHIFT & 1).astype(np.uint8),
            settings=(last >> layout.SETTING_SHIFT & 3).astype(np.uint8),
            types=(last >> layout.TYPE_SHIFT & 1).astype(np.uint8),
            flags=(last >> layout.FLAG_SHIFT & layout.FLAG_MASK).astype(np.uint8),
            counts=(last >> layout.COUNT_SHIFT & layout.MOST_COUNTS).astype(np.int32),
            barrier=(last >> layout.BARRIER_SHIFT & 1).astype(np.uint8),
        )

    def to_words(self) -> NDArray[np.int32]:
        """int32 words, shape (count, RECORD_WORDS); counts saturate at 32767."""
        unsigned = np.zeros((len(self), layout.RECORD_WORDS), dtype=np.int64)
        unsigned[:, 0] = self.timestamps_mu & 0xFFFFFFFF
        unsigned[:, 1] = self.timestamps_mu >> 32 & 0xFFFFFFFF
        unsigned[:, 2] = self.attempts
        counts = np.minimum(self.counts.astype(np.int64), layout.MOST_COUNTS)
        fields = (
            (self.patterns, 0),
            (self.outcomes, layout.OUTCOME_SHIFT),
            (self.settings, layout.SETTING_SHIFT),
            (self.types, layout.TYPE_SHIFT),
            (self.flags, layout.FLAG_SHIFT),
            (self.barrier, layout.BARRIER_SHIFT),
            (counts, layout.COUNT_SHIFT),
        )
        for values, shift in fields:
            unsigned[:, 3] |= values.astype(np.int64) << shift
        return unsigned.astype(np.uint32).view(np.int32)


def announced_by(y: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """What Bob announces with his settings (contract.round_settings), uint8 of the same shape."""
    return np.where(y < KEY_SETTING, ANNOUNCED_TEST, 2 * (y & 1)).astype(np.uint8)


def require_faithful_records(
    node: str,
    first: int,
    records: RoundRecords,
    drawn: NDArray[np.uint8],
    barrier_bits: NDArray[np.uint8],
    key_bases: int,
) -> None:
    """Refuse records that contradict what was drawn for their rounds, uint8; InvalidInput names the first.

    Args:
        drawn: X or Y. barrier_bits: those that Alice sends; not looked at for Bob. key_bases: where there are two,
            Alice's setting in a key round is the one that was announced.
    """
    clean = records.flags == 0
    if node == "alice":
        wrong = (records.types == 1) & (records.settings != drawn) | (records.barrier != barrier_bits)
        wrong |= (records.types == 0) & (records.settings >= key_bases)
    else:
        wrong = (records.settings != drawn) | (records.types != announced_by(drawn) & 1)
    for bad, what in (
        (clean & wrong, "the setting, type or barrier bit used is not the stored one"),
        ((records.patterns == 0) & clean, "no herald pattern"),
        ((records.flags & Flag.LOST) != 0, "the flag 'lost' is the host's to set"),
    ):
        if bad.any():
            raise InvalidInput(
                f"record of round {first + int(np.argmax(bad))}: {what}; the node's real-time code is at fault"
            )
