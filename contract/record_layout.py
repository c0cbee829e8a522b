"""Layout of the two buffers that cross between kernel and host, in int32 words.

Settings block: sequence number, first round, count (0: leave the kernel), reserved; then two bits per round, the
choice of round j of the block in (word[HEADER_WORDS + j // 16] >> 2 * (j % 16)) & 3: a setting, or with a barrier at
Alice X + 2 * barrier bit.

Record of a round, RECORD_WORDS words:
    word 0, 1   herald timestamp in machine units, low and high half (as unsigned halves)
    word 2      attempts since the last herald
    word 3      bits 0-3 herald pattern, bit 4 outcome (Alice's already inverted), bits 5-6 setting used (X or Y; in a
                key round X is the announced key basis, 0 with one), bit 7 round type T, bits 8-12 flags, bit 13 barrier
                bit (sent by Alice, seen by Bob; 0 without a barrier), bits 14-15 free, bits 16-30 photon counts of the
                readout, saturating

In a round with a flag other than FLAG_LOST the outcome is 0; with any of the others Alice's setting and T bits carry
no information.
"""

HEADER_WORDS = 4
SETTINGS_PER_WORD = 16

RECORD_WORDS = 4
PATTERN_MASK = 0xF
OUTCOME_SHIFT = 4
SETTING_SHIFT = 5
TYPE_SHIFT = 7
FLAG_SHIFT = 8
FLAG_MASK = 0x1F
BARRIER_SHIFT = 13
COUNT_SHIFT = 16
MOST_COUNTS = 0x7FFF

FLAG_UNDERFLOW = 1
FLAG_OVERFLOW = 2
FLAG_ROUND_TYPE = 4
FLAG_LOST = 8  # set by the host alone: the kernel never said what it did
FLAG_BARRIER = 16  # Bob: not exactly one pulse on the barrier's two lines, so that no round type left
