"""The bytes under each tag, and how bits travel."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from postprocess.errors import InvalidInput
from postprocess.rounds.zeroed import NONE_ZEROED, ZeroedRanges

if TYPE_CHECKING:
    from postprocess.plans.session_parameters import SessionParameters

TAG_BYTES = 8


class TagInputs:
    """The bytes under each tag: session, sender, kind and digest of the parameters, then what the tag covers."""

    def __init__(self, parameters: SessionParameters) -> None:
        self._session_id, self._digest = parameters.session_id, parameters.digest()
        self._rounds, self._list_bits = parameters.rounds, parameters.zeroed_list_bits

    def round_types(
        self,
        announced: np.ndarray,
        reusable_digest: bytes,
        barrier: np.ndarray | None = None,
        without: ZeroedRanges = NONE_ZEROED,
    ) -> bytes:
        """Under G_B: what was announced in every round, and the digest of the reusable secrets, which is never sent:
        both nodes hold the same.

        Args:
            announced: T, uint8 (n,), or with two key bases r and T, (2n,). With a barrier always two bits a round.
            barrier: with a barrier its bits, uint8 (n,). without: rounds whose bit Bob lacks, which counts as 0.
        """
        if barrier is None:
            return self._encode("bob", "G_B", announced, reusable_digest)
        if len(announced) == self._rounds:
            announced = np.stack((np.zeros_like(announced), announced), axis=1).reshape(-1)
        seen = barrier * ~without.mask(self._rounds)
        return self._encode("bob", "G_B", announced, reusable_digest, seen, without.to_bytes(self._list_bits))

    def error_correction(self, alice_outcomes: np.ndarray) -> bytes:
        """Under G_EC: A."""
        return self._encode("alice", "G_EC", alice_outcomes)

    def revelation(self, *fields: bytes) -> bytes:
        """Under G_A: X, M, G_EC, Z_A, C and the public seed, as they travel."""
        return self._encode("alice", "G_A", *fields)

    def activation(self, f: bytes) -> bytes:
        """Under G_F: F (one byte)."""
        return self._encode("bob", "G_F", f)

    def _encode(self, sender: str, kind: str, *fields: bytes | np.ndarray) -> bytes:
        from postprocess.authentication import encode

        return encode(self._session_id, sender, kind, self._digest, *fields)


def pack(bits: np.ndarray) -> bytes:
    """uint8 bits as bytes, most significant bit first, the last byte padded with zeros."""
    return np.packbits(bits, bitorder="big").tobytes()


def unpack(data: bytes, count: int) -> np.ndarray | None:
    """`count` bits from bytes; None when the length or the padding is not that of `pack`."""
    bits = np.unpackbits(np.frombuffer(data, np.uint8), bitorder="big")
    if len(data) != -(-count // 8) or bits[count:].any():
        return None
    return bits[:count]


def split_flag(payload: bytes) -> tuple[bytes, bytes] | None:
    """One byte 0 or 1 and the tag that follows; None for anything else."""
    flag, tag = payload[:1], payload[1:]
    return (flag, tag) if flag in (b"\0", b"\1") and len(tag) == TAG_BYTES else None


def split_round_types(payload: bytes, parameters: SessionParameters) -> tuple[ZeroedRanges, bytes] | None:
    """With a barrier the list of rounds whose bit Bob lacks, and G_B, which is all of the message without one; None for
    anything else."""
    if not parameters.barrier:
        return NONE_ZEROED, payload
    without, tag = payload[:-TAG_BYTES], payload[-TAG_BYTES:]
    try:
        return ZeroedRanges.from_bytes(without, parameters.zeroed_list_bits, parameters.rounds), tag
    except InvalidInput:
        return None
