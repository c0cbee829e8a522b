"""K0: the parts in their order, a valid hash key, and nothing that does not fit."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from ledger_cases import small, source

from postprocess.authentication import is_valid_key
from postprocess.errors import InvalidInput
from postprocess.keystore import Keystore, Pad, draw_k0, k0_bits
from postprocess.keystore.initial_secret import take_apart
from postprocess.keystore.k0_file import HEADER_BYTES, CarriedK0, read_k0_file


def test_k0_is_its_parts_in_the_paper_s_order():
    k0 = draw_k0(source(), small(), 2)
    bits = np.unpackbits(np.frombuffer(k0[HEADER_BYTES:], np.uint8))
    secret = take_apart(k0, small())
    length = k0_bits(small(), 2)
    pads = b"".join(pads[pad] for pads in secret.pads for pad in (Pad.EC, Pad.ALICE, Pad.BOB, Pad.ACTIVATION))
    rest = np.unpackbits(np.frombuffer(secret.vhash_key + pads, np.uint8))
    assert np.array_equal(np.concatenate((secret.seed, rest)), bits[:length]) and secret.bits == length
    assert not bits[length:].any() and is_valid_key(secret.vhash_key)
    assert np.array_equal(secret.seed, source().bits(len(secret.seed)))


def test_vhash_words_that_are_too_large_are_drawn_again():
    class Biased:
        insecure, description = True, "ones first"

        def __init__(self):
            self.calls = 0

        def random_bytes(self, count):
            self.calls += 1
            return b"\xff" * count if self.calls < 3 else bytes(count)

        def bits(self, count):
            return np.zeros(count, np.uint8)

    biased = Biased()
    secret = take_apart(draw_k0(biased, small()), small())
    assert is_valid_key(secret.vhash_key) and biased.calls == 5
    assert secret.vhash_key == b"\xff" * 144 + bytes(16)


@pytest.mark.parametrize(
    ("change", "line"),
    [
        ("seed", "its extractor seed has 5 bits, these parameters need"),
        ("vhash", "its extractor seed has"),
        ("pads", "100 bits of pads, a session takes 256"),
        ("padding", "unused bits of the last byte are not zero"),
        ("key", "VHASH key is not a valid one"),
        ("body", "bytes where its header says"),
    ],
)
def test_k0_that_does_not_fit_is_refused(tmp_path, change, line):
    """Files whose checksum is right, made for something else."""
    right = read_k0_file(draw_k0(source(), small()))
    length, k0 = right.bits, right.k0
    values = vars(right)
    if change in ("seed", "vhash", "pads"):
        values = values | {f"{change}_bits": {"seed": 5, "vhash": 1000, "pads": 100}[change]}
        total = values["seed_bits"] + values["vhash_bits"] + values["pads_bits"]
        values["k0"] = bytes(-(-total // 8))
    elif change == "padding":
        assert length % 8, "the case needs unused bits"
        values["k0"] = k0[:-1] + bytes([k0[-1] | 1])
    elif change == "key":
        bits = np.unpackbits(np.frombuffer(k0, np.uint8))
        bits[length - 256 - 128 : length - 256] = 1
        values["k0"] = np.packbits(bits).tobytes()
    else:
        values["k0"] = k0 + b"\0"
    with (
        Keystore.create(tmp_path / "keystore.sqlite", "bob") as keystore,
        pytest.raises(InvalidInput, match=f"K0: .*{line}"),
    ):
        keystore.provision(CarriedK0(**values).to_bytes(), small())


@given(st.data())
def test_a_k0_file_with_one_wrong_bit_is_refused(data):
    """Case C4: a bad sector of the stick, anywhere in the file; or a file that is too short or too long."""
    content = bytearray(K0)
    kind = data.draw(st.sampled_from(["flip", "cut", "more"]))
    if kind == "flip":
        place = data.draw(st.integers(0, 8 * len(content) - 1))
        content[place // 8] ^= 1 << place % 8
    elif kind == "cut":
        del content[data.draw(st.integers(0, len(content) - 1)) :]
    else:
        content += data.draw(st.binary(min_size=1, max_size=40))
    with pytest.raises(InvalidInput, match="K0: "):
        take_apart(bytes(content), small())


def test_the_id_names_the_draw():
    """Two draws of equal parameters have different ids; the id is no part of K0."""
    first, second = (read_k0_file(draw_k0(source(label), small())) for label in ("K0", "another"))
    assert first.k0_id != second.k0_id and first.k0_id not in first.k0
    assert read_k0_file(K0).k0_id == first.k0_id


K0 = draw_k0(source(), small())
