"""Statistical tests of random bits: intervals as published, a slow count of runs, and generators that must fail."""

from itertools import groupby

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from postprocess.errors import InvalidInput
from postprocess.randomness import SeededSource
from postprocess.randomness.fips_tests import SAMPLE_BITS, failed_tests, long_run, monobit, poker, run_lengths


def healthy(label="sample"):
    return SeededSource(11, label).bits(SAMPLE_BITS)


def test_false_alarms_are_rare():
    failing = [failed_tests(healthy(f"sample {number}")) for number in range(200)]
    assert sum(map(bool, failing)) <= 3


@pytest.mark.parametrize(("ones", "passes"), [(9_725, False), (9_726, True), (10_274, True), (10_275, False)])
def test_monobit_interval(ones, passes):
    bits = np.zeros(SAMPLE_BITS, np.uint8)
    bits[:ones] = 1
    assert monobit(bits) is passes


def test_poker_statistic_by_hand():
    even = np.unpackbits(np.arange(16, dtype=np.uint8)[:, None], axis=1)[:, 4:]
    almost = np.tile(even, (313, 1))[:5_000].ravel()  # eight patterns 313 times, eight 312 times: statistic 0.0128
    assert not poker(almost)
    assert poker(healthy())


@given(st.lists(st.integers(0, 1), min_size=1, max_size=200))
def test_runs_like_the_slow_way(values):
    lengths, which = run_lengths(np.array(values, np.uint8))
    slow = [(len(list(group)), value) for value, group in groupby(values)]
    assert list(zip(lengths.tolist(), which.tolist(), strict=True)) == slow


@pytest.mark.parametrize(("length", "passes"), [(25, True), (26, False)])
def test_longest_run(length, passes):
    bits = np.tile(np.array([0, 1], np.uint8), SAMPLE_BITS // 2)
    bits[101 : 101 + length] = 1
    bits[100], bits[101 + length] = 0, 0
    assert long_run(bits) is passes


def test_broken_generators():
    bits = healthy()
    assert set(failed_tests(np.zeros_like(bits))) == {"monobit", "poker", "runs", "long run"}
    assert "runs" in failed_tests(np.repeat(bits[: SAMPLE_BITS // 2], 2))  # each bit twice
    biased = bits | healthy("other") & healthy("third")
    assert "monobit" in failed_tests(biased)
    byte_twice = np.tile(bits[:8], SAMPLE_BITS // 8)
    assert "poker" in failed_tests(byte_twice)


def test_another_number_of_bits_is_refused():
    with pytest.raises(InvalidInput, match="19999 bits given"):
        failed_tests(healthy()[:-1])
