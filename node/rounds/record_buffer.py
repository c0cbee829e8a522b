"""The buffer of records that goes to the host once per block (contract.record_layout)."""

import numpy as np
from artiq.experiment import HasEnvironment, TInt32, TInt64, kernel, portable

from contract.record_layout import (
    BARRIER_SHIFT,
    COUNT_SHIFT,
    FLAG_SHIFT,
    MOST_COUNTS,
    OUTCOME_SHIFT,
    RECORD_WORDS,
    SETTING_SHIFT,
    TYPE_SHIFT,
)


class RecordBuffer(HasEnvironment):
    """The preallocated buffer and the kernel that writes one round into it."""

    kernel_invariants = {"words"}

    def build(self, block_rounds: int):
        self.setattr_device("core")
        self.allocate(block_rounds)

    def allocate(self, block_rounds: int):
        """Make room for blocks of so many rounds."""
        self.words = [0] * (RECORD_WORDS * block_rounds)

    @kernel
    def keep(self, place: TInt32, herald_mu: TInt64, attempts: TInt32, pattern: TInt32, bits: TInt32, counts: TInt32):
        """Write round `place` of the block; `bits` holds outcome, setting, T, flags and barrier bit, in w3."""
        base = place * RECORD_WORDS
        self.words[base] = np.int32(herald_mu)
        self.words[base + 1] = np.int32(herald_mu >> 32)
        self.words[base + 2] = attempts
        saturated = counts if counts < MOST_COUNTS else MOST_COUNTS
        self.words[base + 3] = pattern | bits | (saturated << COUNT_SHIFT)


@portable
def record_bits(outcome: TInt32, setting: TInt32, test: TInt32, flags: TInt32, barrier_bit: TInt32) -> TInt32:
    """Outcome, setting, round type, flags and barrier bit at their places in a record's last word."""
    bits = (outcome << OUTCOME_SHIFT) | (setting << SETTING_SHIFT) | (test << TYPE_SHIFT)
    return bits | (flags << FLAG_SHIFT) | (barrier_bit << BARRIER_SHIFT)
