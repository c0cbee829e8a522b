"""VHASH and tags: known answers of the public-domain library, the slow reference, keys that are refused, speed."""

import hashlib
import json
import re
from pathlib import Path

import pytest
import slow_vhash
from hypothesis import given
from hypothesis import strategies as st

from postprocess.authentication import is_tag_of, is_valid_key, tag, vhash
from postprocess.errors import InvalidInput

VECTORS = json.loads((Path(__file__).parent.parent / "data" / "vhash_vectors.json").read_text())
P64 = 2**64 - 257


def shake(text: str) -> bytes:
    label, count = re.fullmatch(r"shake_256\(b'(.*)'\)\.digest\((\d+)\)", text).groups()
    return hashlib.shake_256(label.encode()).digest(int(count))


def key_from(front: bytes, last: tuple[int, int] = (5, 7)) -> bytes:
    return front + b"".join(word.to_bytes(8, "big") for word in last)


keys = st.builds(
    key_from,
    st.binary(min_size=144, max_size=144) | st.just(b"\xff" * 144),
    st.tuples(st.integers(0, P64 - 1), st.integers(0, P64 - 1)),
)
messages = st.binary(max_size=600) | st.integers(0, 600).map(lambda count: b"\xff" * count)


@pytest.mark.parametrize("vector", VECTORS["vectors"], ids=lambda vector: str(vector["msg_len"]))
def test_known_answers(vector):
    key, message, pad = shake(vector["key"]), shake(vector["msg"]), shake(vector["pad"])
    assert f"{vhash(key, message):016x}" == vector["vhash"][0]
    assert tag(key, message, pad).hex() == vector["uvmac"][0]


@pytest.mark.parametrize("vector", VECTORS["special"], ids=lambda vector: vector["name"])
def test_special_answers(vector):
    key, message = bytes.fromhex(vector["key_hex"]), bytes.fromhex(vector["msg_hex"])
    assert f"{vhash(key, message):016x}" == vector["vhash"][0]
    assert f"{slow_vhash.vhash(key, message):016x}" == vector["vhash"][0]


def test_self_test_of_the_library():
    assert tag(b"abcdefgh" * 20, b"abc" * 16, b"abcdefgh").hex().upper() == "C92F7FC29A334AF6"


@given(keys, messages)
def test_slow_reference(key, message):
    assert vhash(key, message) == slow_vhash.vhash(key, message)


@given(keys, messages, st.binary(min_size=8, max_size=8))
def test_tag_is_a_sum(key, message, pad):
    expected = (vhash(key, message) + int.from_bytes(pad, "big")) % 2**64
    received = tag(key, message, pad)
    assert int.from_bytes(received, "big") == expected
    assert is_tag_of(received, key, message, pad)


@given(st.integers(0, 2**32), st.binary(min_size=1, max_size=300), st.data())
def test_a_flipped_bit_is_noticed(label, message, data):
    """A random key lets a given forgery pass with probability 2^-61."""
    key = key_from(hashlib.shake_256(f"flip/{label}".encode()).digest(144))
    place = data.draw(st.integers(0, 8 * len(message) - 1))
    forged = bytearray(message)
    forged[place // 8] ^= 1 << place % 8
    assert not is_tag_of(tag(key, message, bytes(8)), key, bytes(forged), bytes(8))


@pytest.mark.parametrize("word", [0, 1])
@pytest.mark.parametrize("value", [P64, P64 + 1, 2**64 - 1])
def test_last_words_not_below_p64_are_refused(word, value):
    last = [P64 - 1, P64 - 1]
    assert is_valid_key(key_from(b"k" * 144, tuple(last)))
    last[word] = value
    key = key_from(b"k" * 144, tuple(last))
    assert not is_valid_key(key)
    with pytest.raises(InvalidInput, match="2\\^64 - 257"):
        vhash(key, b"message")


@pytest.mark.parametrize("length", [0, 159, 161])
def test_keys_of_wrong_length_are_refused(length):
    assert not is_valid_key(bytes(length))
    with pytest.raises(InvalidInput, match="160"):
        vhash(bytes(length), b"")


@pytest.mark.parametrize("length", [0, 7, 9])
def test_pads_of_wrong_length_are_refused(length):
    with pytest.raises(InvalidInput, match="pad"):
        tag(bytes(160), b"", bytes(length))


def test_refusals_do_not_show_the_key():
    key = b"\xab" * 144 + b"\xff" * 16
    with pytest.raises(InvalidInput) as refusal:
        vhash(key, b"")
    assert "ab" * 4 not in str(refusal.value) and "\\xab" not in repr(refusal.value)
