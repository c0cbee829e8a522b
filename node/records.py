"""What a round leaves behind, four int32 words in a buffer that goes to the host once per block.

w0, w1: herald timestamp in machine units, low and high 32 bits (as unsigned halves). w2: attempts since the last
herald. w3: bits 0-3 herald pattern (bit k = APD k), bit 4 outcome, bits 5-6 setting used, bit 7 round type T, bits
8-11 flags (node.codes.FLAG_*), bits 16-30 photon counts of the readout, saturating. In a round with a flag other than
FLAG_LOST the outcome is 0; with FLAG_ROUND_TYPE, FLAG_UNDERFLOW or FLAG_OVERFLOW Alice's setting and T bits carry no
information.
"""

import numpy as np
from artiq.experiment import *

WORDS_PER_ROUND = 4
MAX_COUNTS = 0x7FFF


class Records(HasEnvironment):
    """The preallocated buffer and the kernel that writes one round into it."""

    kernel_invariants = {"words"}

    def build(self, block_rounds: int):
        self.setattr_device("core")
        self.allocate(block_rounds)

    def allocate(self, block_rounds: int):
        """Make room for blocks of so many rounds."""
        self.words = [0] * (WORDS_PER_ROUND * block_rounds)

    @kernel
    def keep(self, place: TInt32, herald_mu: TInt64, attempts: TInt32, pattern: TInt32, bits: TInt32, counts: TInt32):
        """Write round `place` of the block; `bits` holds outcome, setting, T and flags at their places in w3."""
        base = place * WORDS_PER_ROUND
        self.words[base] = np.int32(herald_mu)
        self.words[base + 1] = np.int32(herald_mu >> 32)
        self.words[base + 2] = attempts
        saturated = counts if counts < MAX_COUNTS else MAX_COUNTS
        self.words[base + 3] = pattern | bits | (saturated << 16)


@portable
def record_bits(outcome: TInt32, setting: TInt32, test: TInt32, flags: TInt32) -> TInt32:
    """Outcome, setting, round type and flags at their places in a record's last word."""
    return (outcome << 4) | (setting << 5) | (test << 7) | (flags << 8)
