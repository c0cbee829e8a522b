"""The list of zeroed rounds: ranges, their fixed form on the wire, and nothing else that could pass for it."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from postprocess.errors import InvalidInput
from postprocess.rounds.zeroed import NONE_ZEROED, ZeroedRanges, exceeds

BITS = 768
numbers = st.sets(st.integers(0, 400), max_size=60)


@given(numbers)
def test_ranges_against_the_set(rounds):
    zeroed = ZeroedRanges.of_rounds(list(rounds))
    assert {i for first, end in zeroed.spans for i in range(first, end)} == rounds
    assert len(zeroed) == len(rounds)
    assert zeroed.ranges == sum(1 for i in rounds if i - 1 not in rounds)
    assert set(np.flatnonzero(zeroed.mask(401))) == rounds


@given(numbers)
def test_the_wire_has_one_form_of_fixed_length(rounds):
    zeroed = ZeroedRanges.of_rounds(list(rounds))
    if zeroed.ranges > 16:
        with pytest.raises(InvalidInput, match="ranges do not fit"):
            zeroed.to_bytes(BITS)
        return
    payload = zeroed.to_bytes(BITS)
    assert len(payload) == 96
    assert ZeroedRanges.from_bytes(payload, BITS, 401) == zeroed


@given(st.binary(min_size=96, max_size=96))
def test_any_other_bytes_are_refused(payload):
    try:
        zeroed = ZeroedRanges.from_bytes(payload, BITS, 1_000_000)
    except InvalidInput:
        return
    assert zeroed.to_bytes(BITS) == payload


def test_known_bytes():
    """First round in 28 bits, count in 20, big-endian."""
    assert ZeroedRanges(((5, 8),)).to_bytes(96) == bytes.fromhex("000000500003") + bytes(6)
    assert NONE_ZEROED.to_bytes(0) == b""


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        bytes(95),
        bytes.fromhex("000000500003") * 2 + bytes(84),  # twice the same
        bytes.fromhex("000000500003000000800001") + bytes(84),  # two that touch
        bytes.fromhex("000003e80001") + bytes(90),  # beyond the last round
        bytes(6) + bytes.fromhex("000000500003") + bytes(84),  # a gap
        bytes.fromhex("000000500000") + bytes(90),  # an empty range that is not zero
    ],
)
def test_malformed_lists(payload):
    with pytest.raises(InvalidInput, match="the peer's list is not one"):
        ZeroedRanges.from_bytes(payload, BITS, 1000 if payload[:4] != b"\0\0\3\xe8" else 62)


def test_long_ranges_are_split():
    zeroed = ZeroedRanges(((10, 3_000_000),))
    assert zeroed.ranges == 3
    assert ZeroedRanges.from_bytes(zeroed.to_bytes(BITS), BITS, 3_000_000) == zeroed


@pytest.mark.parametrize(
    ("zeroed", "ranges", "allowance", "too_many"),
    [(0, 0, 0, False), (1, 1, 0, True), (5, 1, 5, False), (6, 1, 5, True), (17, 17, 100, True), (16, 16, 100, False)],
)
def test_limits(zeroed, ranges, allowance, too_many):
    assert exceeds(zeroed, ranges, allowance) is too_many
