"""The encoding under a tag can be read back, so no two messages share one."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from postprocess.authentication.message import LABEL, encode
from postprocess.errors import InvalidInput

DIGEST = bytes(range(32))
bit_strings = st.lists(st.integers(0, 1), max_size=40).map(lambda bits: np.array(bits, dtype=np.uint8))
contents = st.binary(max_size=12) | bit_strings


def decode(data: bytes) -> list[tuple[int, ...]]:
    """Items as tuples of bits."""
    assert data.startswith(LABEL)
    rest = data[len(LABEL) :]
    count, rest = int.from_bytes(rest[:8], "big"), rest[8:]
    items = []
    for _ in range(count):
        bits, rest = int.from_bytes(rest[:8], "big"), rest[8:]
        length = -(-bits // 8)
        items.append(tuple(np.unpackbits(np.frombuffer(rest[:length], np.uint8))[:bits].tolist()))
        rest = rest[length:]
    assert rest == b""
    return items


def as_bits(content) -> tuple[int, ...]:
    if isinstance(content, str):
        content = content.encode()
    if isinstance(content, bytes):
        content = np.unpackbits(np.frombuffer(content, np.uint8))
    return tuple(content.tolist())


names = st.text(max_size=8)
arguments = st.tuples(names, names, names, st.binary(min_size=32, max_size=32), st.lists(contents, max_size=4))


@given(arguments)
def test_every_item_can_be_read_back(message):
    *header, fields = message
    assert decode(encode(*header, *fields)) == [as_bits(item) for item in (*header, *fields)]


@given(arguments, arguments)
def test_different_messages_differ(one, other):
    same = [as_bits(i) for i in (*one[:4], *one[4])] == [as_bits(i) for i in (*other[:4], *other[4])]
    assert (encode(*one[:4], *one[4]) == encode(*other[:4], *other[4])) == same


def test_boundaries_between_fields_count():
    assert encode("s", "alice", "G_A", DIGEST, b"ab", b"c") != encode("s", "alice", "G_A", DIGEST, b"a", b"bc")
    assert encode("s1", "alice", "G_A", DIGEST) != encode("s", "1alice", "G_A", DIGEST)
    assert encode("s", "alice", "G_A", DIGEST) != encode("s", "alice", "G_A", DIGEST, b"")


def test_trailing_zero_bits_count():
    short, long = np.ones(3, dtype=np.uint8), np.array([1, 1, 1, 0], dtype=np.uint8)
    assert encode("s", "bob", "G_B", DIGEST, short) != encode("s", "bob", "G_B", DIGEST, long)


@pytest.mark.parametrize("field", [np.array([0, 2], np.uint8), np.zeros(3), np.zeros((2, 2), np.uint8), "text", None])
def test_other_contents_are_refused(field):
    with pytest.raises(InvalidInput, match="'G_B'"):
        encode("s", "bob", "G_B", DIGEST, field)


def test_digest_of_wrong_length_is_refused():
    with pytest.raises(InvalidInput, match="digest"):
        encode("s", "bob", "G_B", DIGEST[:-1])
