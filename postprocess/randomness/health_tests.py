"""Health tests of random bytes where they are drawn: what is stuck, biased, text or a repeated pattern is refused.

The repetition count and adaptive proportion tests of NIST SP 800-90B, section 4.4, on bytes and on bits; the monobit,
poker and runs statistics of FIPS 140-2 on blocks of 20 000 bits, each as counts whose law is exactly binomial; and no
word of 16 bytes may come twice. The limits are far wider than the published ones: of a good source all these tests
together refuse 10^9 bits, a session of 10^8 rounds, with a probability below 1e-13. They show that a source is broken,
never that its bits are unpredictable.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from functools import cache

import numpy as np
from numpy.typing import NDArray

BLOCK_BYTES = 2_500
WORD_BYTES = 16
LAGS = 32
ALPHA = 2.0**-80  # of each single comparison; SP 800-90B recommends 2^-20 to 2^-40 where an alarm may be repeated
WINDOWS = {1: 1024, 8: 512}  # samples per window of the adaptive proportion test, by bits per sample


def fault_of(data: bytes) -> str | None:
    """What shows that bytes are not random, in words for an operator; None where nothing does.

    Short data are tested as far as they go: BLOCK_BYTES suffice for every kind of fault named above.
    """
    byte_values = np.frombuffer(data, np.uint8)
    bits = np.unpackbits(byte_values)
    return (
        _repetition(byte_values, 8, "byte")
        or _repetition(bits, 1, "bit")
        or _proportion(byte_values, 8, "byte")
        or _proportion(bits, 1, "bit")
        or _statistics(byte_values, bits)
        or _repeated_words(byte_values)
    )


@cache
def repetition_cutoff(sample_bits: int) -> int:
    """Equal samples in a row that fail the repetition count test (SP 800-90B, 4.4.1), for full entropy."""
    return 1 + math.ceil(-math.log2(ALPHA) / sample_bits)


@cache
def proportion_cutoff(sample_bits: int) -> int:
    """Equal samples in a window that fail the adaptive proportion test (SP 800-90B, 4.4.2), for full entropy."""
    return 1 + binomial_limits(WINDOWS[sample_bits], 2.0**-sample_bits)[1]


@cache
def binomial_limits(trials: int, probability: float) -> tuple[int, int]:
    """Least and greatest count that pass: each tail beyond has at most the probability ALPHA."""
    from scipy.special import bdtr, bdtrc  # scipy.stats.binom finds no quantiles so far out

    counts = range(trials + 1)
    least = bisect_left(counts, True, key=lambda count: bool(bdtr(count, trials, probability) > ALPHA))
    return least, bisect_left(counts, True, key=lambda count: bool(bdtrc(count, trials, probability) <= ALPHA))


def _repetition(samples: NDArray[np.uint8], sample_bits: int, name: str) -> str | None:
    cutoff = repetition_cutoff(sample_bits)
    ends = np.flatnonzero(np.concatenate((samples[1:] != samples[:-1], [True])))
    longest = int(np.diff(ends, prepend=-1).max()) if len(samples) else 0
    return f"one {name} value {longest} times in a row" if longest >= cutoff else None


def _proportion(samples: NDArray[np.uint8], sample_bits: int, name: str) -> str | None:
    """Stricter than the standard, which counts the first value of a window only: here the most frequent one counts."""
    values, window = 2**sample_bits, WINDOWS[sample_bits]
    most = max((int(counts.max()) for counts in _counts(samples, window, values)), default=0)
    return f"one {name} value {most} times in {window}" if most >= proportion_cutoff(sample_bits) else None


def _statistics(byte_values: NDArray[np.uint8], bits: NDArray[np.uint8]) -> str | None:
    nibbles = np.stack((byte_values >> 4, byte_values & 15), axis=1).reshape(-1)
    cases = [
        ("zeros and ones are unequally frequent", bits, 2),
        ("patterns of 4 bits are unequally frequent", nibbles, 16),
    ]
    cases += [(f"bits depend on those {lag} before", bits[lag:] ^ bits[:-lag], 2) for lag in range(1, LAGS + 1)]
    for name, samples, values in cases:
        size = 8 * BLOCK_BYTES if values == 2 else 2 * BLOCK_BYTES
        low, high = binomial_limits(min(size, len(samples)), 1 / values)
        if any(counts.min() < low or counts.max() > high for counts in _counts(samples, size, values)):
            return name
    return None


def _repeated_words(byte_values: NDArray[np.uint8]) -> str | None:
    words = np.ascontiguousarray(byte_values[: len(byte_values) // WORD_BYTES * WORD_BYTES]).view(f"V{WORD_BYTES}")
    again = len(words) - len(set(words.tolist()))
    return f"{again} of {len(words)} words of {WORD_BYTES} bytes come a second time" if again else None


def _counts(samples: NDArray[np.uint8], size: int, values: int) -> list[NDArray[np.int64]]:
    """How often each value comes, per consecutive piece; a shorter rest is made whole from the piece before it."""
    starts = list(range(0, max(len(samples) - size, 0) + 1, size)) if len(samples) else []
    if len(samples) > size and len(samples) % size:
        starts.append(len(samples) - size)
    return [np.bincount(samples[start : start + size], minlength=values) for start in starts]
