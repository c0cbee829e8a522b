"""VHASH: the almost-delta-universal hash under every tag, with a 64-bit result (Nadlinger 2022, S9 A).

Blocks of 128 bytes are compressed by NH, a sum of products of key-shifted words; the block values are the coefficients
of a polynomial over GF(2^127 - 1), evaluated at a key K; a last inner product modulo p64 = 2^64 - 257 brings 127 bits
to 64. Two messages differ in hash by a given value with probability at most about 2^-61, whatever the computing power
of the forger. Conventions are those of the public-domain UVMAC library: T. Krovetz and W. Dai, "VMAC",
draft-krovetz-vmac-01.
"""

from __future__ import annotations

import hmac

import numpy as np

from postprocess.errors import InvalidInput

KEY_BYTES = 160
TAG_BYTES = 8
BLOCK_BYTES = 128
P64 = (1 << 64) - 257
P127 = (1 << 127) - 1
_POLY_MASK = 0x1FFFFFFF1FFFFFFF
_L3_DIVISOR = (1 << 64) - (1 << 32)


def is_valid_key(key: bytes) -> bool:
    """Whether 160 bytes make a VHASH key: the last two words must lie below p64.

    Random words do, but for 3 in 10^17. Redraw those two words (the last 16 bytes) of a random key until it is valid.
    """
    return len(key) == KEY_BYTES and all(word < P64 for word in _words(key)[18:])


def vhash(key: bytes, message: bytes) -> int:
    """VHASH of a message.

    Args:
        key: 160 bytes, twenty big-endian words: sixteen for NH, two for the polynomial, two below p64 for the last
            step.
        message: any bytes, read as little-endian words. Only the number of bytes is bound: put lengths in bits,
            direction and kind into the message (see `message.encode`).

    Returns:
        Integer below 2^64.

    Raises:
        InvalidInput: the key has the wrong length or a last word not below p64.
    """
    from postprocess.authentication.hash_kernels import polynomial_of_blocks

    if not is_valid_key(key):
        raise InvalidInput("VHASH key: 160 bytes are needed, the last two words below 2^64 - 257; draw a new key")
    words = _words(key)
    k_high, k_low = words[16] & _POLY_MASK, words[17] & _POLY_MASK
    padded = message + bytes(-len(message) % 16)
    high, low = polynomial_of_blocks(
        np.frombuffer(padded, dtype="<u8").astype(np.uint64, copy=False),
        np.array(words[:16], dtype=np.uint64),
        np.uint64(k_high),
        np.uint64(k_low),
    )
    value = (int(high) << 64 | int(low)) if message else k_high << 64 | k_low
    value = (value + (8 * (len(message) % BLOCK_BYTES) << 64)) % P127
    p1, p2 = divmod(value, _L3_DIVISOR)
    return ((p1 + words[18]) % P64) * ((p2 + words[19]) % P64) % P64


def tag(key: bytes, message: bytes, pad: bytes) -> bytes:
    """Tag of a message: (VHASH + pad) mod 2^64, information-theoretically secure while the pad is used for it alone.

    The paper writes xor; addition is the group in which VHASH is almost delta-universal, as in UVMAC.

    Args:
        key: 160 bytes, reusable.
        message: bytes.
        pad: 8 bytes, a big-endian word, never used for another message.

    Returns:
        8 bytes, big-endian.
    """
    if len(pad) != TAG_BYTES:
        raise InvalidInput(f"tag: the pad has {len(pad)} bytes, it must have {TAG_BYTES}")
    return ((vhash(key, message) + int.from_bytes(pad, "big")) % (1 << 64)).to_bytes(TAG_BYTES, "big")


def is_tag_of(received: bytes, key: bytes, message: bytes, pad: bytes) -> bool:
    """Whether a received tag is that of a message; takes the same time wherever it differs."""
    return hmac.compare_digest(received, tag(key, message, pad))


def _words(key: bytes) -> list[int]:
    return [int.from_bytes(key[i : i + 8], "big") for i in range(0, len(key), 8)]
