"""The statistical tests of FIPS 140-2 (with change notice 1, 10 October 2001, section 4.9.1) on 20 000 random bits.

Monobit, poker, runs and longest run: a healthy source fails one of them about once in 1 000 samples. They find a
generator that is stuck, biased or correlated from bit to bit; they cannot show that its bits are unpredictable.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from postprocess.errors import InvalidInput

SAMPLE_BITS = 20_000
ONES = (9_725, 10_275)
POKER = (2.16, 46.17)
RUNS = ((2_315, 2_685), (1_114, 1_386), (527, 723), (240, 384), (103, 209), (103, 209))
LONG_RUN = 26


def failed_tests(bits: NDArray[np.uint8]) -> list[str]:
    """Names of the tests that a sample fails; empty for a sample that passes.

    Args:
        bits: uint8 0/1, (20000,).

    Raises:
        InvalidInput: another number of bits.
    """
    if bits.shape != (SAMPLE_BITS,):
        raise InvalidInput(f"statistical tests: {bits.size} bits given, they are defined for {SAMPLE_BITS}")
    tests = {"monobit": monobit, "poker": poker, "runs": runs, "long run": long_run}
    return [name for name, passes in tests.items() if not passes(bits)]


def monobit(bits: NDArray[np.uint8]) -> bool:
    """Whether ones are neither too many nor too few."""
    return ONES[0] < int(bits.sum()) < ONES[1]


def poker(bits: NDArray[np.uint8]) -> bool:
    """Whether the sixteen patterns of four bits are about equally frequent."""
    nibbles = bits.reshape(-1, 4) @ np.array([8, 4, 2, 1])
    counts = np.bincount(nibbles, minlength=16)
    statistic = 16 / len(nibbles) * float((counts**2).sum()) - len(nibbles)
    return POKER[0] < statistic < POKER[1]


def runs(bits: NDArray[np.uint8]) -> bool:
    """Whether runs of 1, 2, 3, 4, 5, and 6 or more equal bits are as frequent as they should be, for both values."""
    lengths, values = run_lengths(bits)
    for value in (0, 1):
        counts = np.bincount(np.minimum(lengths[values == value], len(RUNS)), minlength=len(RUNS) + 1)[1:]
        if any(not low <= count <= high for count, (low, high) in zip(counts, RUNS, strict=True)):
            return False
    return True


def long_run(bits: NDArray[np.uint8]) -> bool:
    """Whether no run is of 26 bits or more."""
    return int(run_lengths(bits)[0].max()) < LONG_RUN


def run_lengths(bits: NDArray[np.uint8]) -> tuple[NDArray[np.int64], NDArray[np.uint8]]:
    """(length, value) of every run of equal bits, in order."""
    ends = np.flatnonzero(np.diff(bits, append=1 - bits[-1]))
    return np.diff(ends, prepend=-1), bits[ends]
