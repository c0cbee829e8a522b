"""Health tests of random bytes: limits from exact arithmetic, good bytes pass, broken ones never do."""

import base64
import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from postprocess.randomness import SeededSource
from postprocess.randomness.health_tests import (
    BLOCK_BYTES,
    binomial_limits,
    fault_of,
    proportion_cutoff,
    repetition_cutoff,
)

ALPHA = Fraction(1, 2**80)
GOOD = SeededSource(2022, "good bytes").random_bytes(1 << 20)
HALF = BLOCK_BYTES // 2


def bits_of(data):
    return np.unpackbits(np.frombuffer(data, np.uint8))


def doubled(data):
    return np.packbits(np.repeat(bits_of(data), 2)).tobytes()


BROKEN = {
    "zeros": bytes(BLOCK_BYTES),
    "ones": b"\xff" * BLOCK_BYTES,
    "one byte": b"\x5a" * BLOCK_BYTES,
    "text of zeros and ones": "".join(map(str, bits_of(GOOD)[:BLOCK_BYTES])).encode(),
    "bytes 0 and 1": bits_of(GOOD)[:BLOCK_BYTES].tobytes(),
    "hexadecimal": GOOD[:HALF].hex().encode(),
    "hexadecimal in words": GOOD.hex(" ", 4).upper().encode()[:BLOCK_BYTES],
    "decimal": " ".join(map(str, GOOD[:2000])).encode()[:BLOCK_BYTES],
    "base64": base64.b64encode(GOOD[:2000])[:BLOCK_BYTES],
    "base64 in lines": base64.encodebytes(GOOD[:2000])[:BLOCK_BYTES],
    "seven bits a byte": bytes(byte & 127 for byte in GOOD[:BLOCK_BYTES]),
    "every bit twice": doubled(GOOD[:HALF]),
    "every byte twice": np.repeat(np.frombuffer(GOOD[:HALF], np.uint8), 2).tobytes(),
    "a counter": np.arange(BLOCK_BYTES // 4, dtype=">u4").tobytes(),
    "all bytes in turn": (bytes(range(256)) * 10)[:BLOCK_BYTES],
    "ten zeros for seven ones": np.packbits(np.random.default_rng(1).random(8 * BLOCK_BYTES) < 7 / 17).tobytes(),
}


def binomial_tail(least, trials, probability):
    """P(count >= least), exactly."""
    p, q = Fraction(probability).numerator, Fraction(probability).denominator
    ways = sum(math.comb(trials, k) * p**k * (q - p) ** (trials - k) for k in range(least, trials + 1))
    return Fraction(ways, q**trials)


@pytest.mark.parametrize(("sample_bits", "cutoff"), [(1, 81), (8, 11)])
def test_repetition_count(sample_bits, cutoff):
    """SP 800-90B, 4.4.1: C = 1 + ceil(-log2(alpha) / H)."""
    assert repetition_cutoff(sample_bits) == cutoff
    assert Fraction(1, 2 ** (sample_bits * (cutoff - 1))) <= ALPHA < Fraction(1, 2 ** (sample_bits * (cutoff - 2)))


@pytest.mark.parametrize(("sample_bits", "window", "cutoff"), [(1, 1024, 675), (8, 512, 30)])
def test_adaptive_proportion(sample_bits, window, cutoff):
    """SP 800-90B, 4.4.2: C = 1 + critbinom(W, 2^-H, 1 - alpha), that is the least k with P(count > k) <= alpha."""
    probability = Fraction(1, 2**sample_bits)
    assert proportion_cutoff(sample_bits) == cutoff
    assert binomial_tail(cutoff, window, probability) <= ALPHA < binomial_tail(cutoff - 1, window, probability)


@given(st.integers(1, 400), st.sampled_from([Fraction(1, 2), Fraction(1, 16), Fraction(1, 256)]))
def test_limits_of_counts_are_exact(trials, probability):
    least, most = binomial_limits(trials, float(probability))
    assert binomial_tail(most + 1, trials, probability) <= ALPHA
    assert most == 0 or binomial_tail(most, trials, probability) > ALPHA
    assert 1 - binomial_tail(least, trials, probability) <= ALPHA < 1 - binomial_tail(least + 1, trials, probability)


def test_limits_of_a_block_of_bits_are_exact():
    least, most = binomial_limits(20_000, 0.5)
    assert least + most == 20_000
    ways, tails = 1, [1]  # of at most 0, 1, 2, ... ones
    for ones in range(least):
        ways = ways * (20_000 - ones) // (ones + 1)
        tails.append(tails[-1] + ways)
    assert Fraction(tails[least - 1], 2**20_000) <= ALPHA < Fraction(tails[least], 2**20_000)


def test_good_samples_are_never_refused():
    source = SeededSource(90, "samples")
    assert [fault for _ in range(2000) if (fault := fault_of(source.random_bytes(BLOCK_BYTES)))] == []


@given(st.integers(0, 9000), st.integers(0, 6000))
def test_good_bytes_of_any_length_pass(start, count):
    assert fault_of(GOOD[start : start + count]) is None


@pytest.mark.parametrize("kind", BROKEN)
def test_broken_sources_are_found(kind):
    """Case C3."""
    assert len(BROKEN[kind]) == BLOCK_BYTES
    assert fault_of(BROKEN[kind])


@given(st.sampled_from(sorted(BROKEN)), st.integers(0, 30_000), st.integers(0, 30_000))
def test_a_broken_block_is_found_wherever_it_lies(kind, before, after):
    """Two blocks in a row contain a whole one wherever the tests cut."""
    again = BROKEN[kind] if kind not in ("a counter",) else np.arange(625, 1250, dtype=">u4").tobytes()
    assert fault_of(GOOD[:before] + BROKEN[kind] + again + GOOD[40_000 : 40_000 + after])


@given(st.integers(0, 1 << 19), st.integers(1, 600))
def test_every_short_pattern_repeated_is_found(start, period):
    assert fault_of((GOOD[start : start + period] * BLOCK_BYTES)[: 16 * BLOCK_BYTES])


def test_what_is_found_is_said_without_the_bytes():
    assert fault_of(bytes(BLOCK_BYTES)) == "one byte value 2500 times in a row"
    assert fault_of(b"\x12\x34" * HALF) == "one byte value 256 times in 512"
    assert fault_of(BROKEN["base64"]) == "patterns of 4 bits are unequally frequent"
    assert fault_of(GOOD[:1000] * 3) == "62 of 187 words of 16 bytes come a second time"
