"""Why the real-time loop hands control back, and what may be wrong with a single round (int32 in kernels and
records)."""

LEFT_BY_HOST = 0
NO_HERALD = 1
ION_LOST = 2
LASER_UNLOCKED = 3
UNDERFLOW = 4
OVERFLOW = 5
ROUND_TYPE_FAULT = 6

DESCRIPTIONS = {
    LEFT_BY_HOST: "the host ended the block loop",
    NO_HERALD: "no herald in many attempt windows; the peer may be paused",
    ION_LOST: "cooling fluorescence stays low: reload the ion",
    LASER_UNLOCKED: "the 674 nm laser is not locked",
    UNDERFLOW: "RTIO underflow: the kernel was late",
    OVERFLOW: "RTIO overflow: an input was not read in time",
    ROUND_TYPE_FAULT: "not exactly one edge on the two round-type lines: check their wiring",
}

FLAG_UNDERFLOW = 1
FLAG_OVERFLOW = 2
FLAG_ROUND_TYPE = 4
FLAG_LOST = 8
