"""What is hashed under a tag: one unambiguous byte string binding session, direction, kind, parameters and contents.

VHASH binds a message only as bytes. So everything that must not be exchanged or reinterpreted stands inside: a
protocol label, the session, who sends, which message of the protocol, the digest of the public parameters, and every
field with its length in bits. The encoding can be parsed back, hence different messages never collide.
"""

from __future__ import annotations

from itertools import chain

import numpy as np

from postprocess.errors import InvalidInput

LABEL = b"diqkd authenticated message, version 1\0"
DIGEST_BYTES = 32

Bits = np.ndarray
"""Bit string: uint8 array of 0/1."""


def encode(session_id: str, sender: str, kind: str, parameters_digest: bytes, *fields: bytes | Bits) -> bytes:
    """Canonical bytes of a protocol message.

    Args:
        session_id: name of the session.
        sender: "alice" or "bob".
        kind: which message of the protocol.
        parameters_digest: SHA-256 of the public parameters, 32 bytes.
        fields: contents in order, each bytes or a bit string (uint8 of 0/1, packed most significant bit first).

    Returns:
        Label, number of items (8 bytes), then per item its length in bits (8 bytes, big-endian) and its bytes.

    Raises:
        InvalidInput: a digest of another length, or a field that is neither bytes nor bits.
    """
    if len(parameters_digest) != DIGEST_BYTES:
        raise InvalidInput(f"message {kind!r}: the digest has {len(parameters_digest)} bytes, not {DIGEST_BYTES}")
    names = (name.encode() for name in (session_id, sender, kind))
    items = [_item(kind, content) for content in chain(names, (parameters_digest,), fields)]
    return b"".join([LABEL, len(items).to_bytes(8, "big"), *items])


def _item(kind: str, content: bytes | Bits) -> bytes:
    if isinstance(content, bytes | bytearray | memoryview):
        data = bytes(content)
        return (8 * len(data)).to_bytes(8, "big") + data
    if not isinstance(content, np.ndarray) or content.dtype != np.uint8 or content.ndim != 1:
        raise InvalidInput(f"message {kind!r}: a field must be bytes or a one-dimensional uint8 array of bits")
    if content.size and content.max() > 1:
        raise InvalidInput(f"message {kind!r}: a bit string holds values other than 0 and 1")
    return content.size.to_bytes(8, "big") + np.packbits(content, bitorder="big").tobytes()
