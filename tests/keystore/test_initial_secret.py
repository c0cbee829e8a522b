"""K0: the parts in their order, a valid hash key, and nothing that does not fit."""

import numpy as np
import pytest
from ledger_cases import small, source

from postprocess.authentication import is_valid_key
from postprocess.errors import InvalidInput
from postprocess.keystore import Keystore, Pad, draw_k0, k0_bits
from postprocess.keystore.initial_secret import take_apart


def test_k0_is_its_parts_in_the_paper_s_order():
    k0 = draw_k0(source(), small(), 2)
    bits = np.unpackbits(np.frombuffer(k0, np.uint8))
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
    assert is_valid_key(secret.vhash_key) and biased.calls == 4
    assert secret.vhash_key == b"\xff" * 144 + bytes(16)


@pytest.mark.parametrize("change", ["short", "long", "padding", "key"])
def test_k0_that_does_not_fit_is_refused(tmp_path, change):
    k0 = draw_k0(source(), small())
    bits = np.unpackbits(np.frombuffer(k0, np.uint8))
    length = k0_bits(small())
    if change == "short":
        k0 = k0[:-1]
    elif change == "long":
        k0 += b"\0"
    elif change == "padding":
        assert length % 8, "the case needs unused bits"
        k0 = k0[:-1] + bytes([k0[-1] | 1])
    else:
        bits[length - 256 - 128 : length - 256] = 1
        k0 = np.packbits(bits).tobytes()
    with (
        Keystore.create(tmp_path / "keystore.sqlite", "bob") as keystore,
        pytest.raises(InvalidInput, match="K0: "),
    ):
        keystore.provision(k0, small())
