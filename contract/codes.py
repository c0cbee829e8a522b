"""Why the real-time loop hands control back to the host (int32 in kernels)."""

from enum import IntEnum

LEFT_BY_HOST = 0
NO_HERALD = 1
ION_LOST = 2
LASER_UNLOCKED = 3
UNDERFLOW = 4
OVERFLOW = 5
ROUND_TYPE_FAULT = 6
BARRIER_FAULT = 7

DESCRIPTIONS = {
    LEFT_BY_HOST: "the host ended the block loop",
    NO_HERALD: "no herald in many attempt windows; the peer may be paused",
    ION_LOST: "cooling fluorescence stays low: reload the ion",
    LASER_UNLOCKED: "the 674 nm laser is not locked",
    UNDERFLOW: "RTIO underflow: the kernel was late",
    OVERFLOW: "RTIO overflow: an input was not read in time",
    ROUND_TYPE_FAULT: "not exactly one edge on the round-type lines: check their wiring, and Bob's barrier lines",
    BARRIER_FAULT: "not exactly one edge on the two barrier lines: check their wiring",
}


class KernelLeft(IntEnum):
    """The same codes for the host; kernels cannot hold an enumeration."""

    LEFT_BY_HOST = LEFT_BY_HOST
    NO_HERALD = NO_HERALD
    ION_LOST = ION_LOST
    LASER_UNLOCKED = LASER_UNLOCKED
    UNDERFLOW = UNDERFLOW
    OVERFLOW = OVERFLOW
    ROUND_TYPE_FAULT = ROUND_TYPE_FAULT
    BARRIER_FAULT = BARRIER_FAULT
