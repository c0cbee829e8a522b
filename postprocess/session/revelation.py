"""Alice's one message: X, M, G_EC, Z_A, C, the public seed if the extractor has one, and G_A over all of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from postprocess.link import codec
from postprocess.rounds.zeroed import ZeroedRanges
from postprocess.session.tag_inputs import TAG_BYTES, pack, unpack

if TYPE_CHECKING:
    from postprocess.plans.session_parameters import SessionParameters

REVELATION = "revelation"
AGREES = b"\1"  # C is the constant 1: Alice sends nothing unless G_B was right


@dataclass(frozen=True)
class Revelation:
    """The message as it travels; each field has a length that the parameters fix.

    Attributes:
        x: X, 0 wherever T = 0 (with two key bases the announced r), packed most significant bit first. m: the
            syndrome, packed likewise.
        tag_ec: G_EC. zeroed: Z_A. c: C. seed: public seed of the extractor, packed; empty without one.
    """

    x: bytes
    m: bytes
    tag_ec: bytes
    zeroed: bytes
    c: bytes
    seed: bytes

    @property
    def fields(self) -> tuple[bytes, ...]:
        """What G_A covers, in this order."""
        return (self.x, self.m, self.tag_ec, self.zeroed, self.c, self.seed)

    def to_payload(self, tag: bytes) -> bytes:
        """Bytes for the link."""
        return codec.encode({**vars(self), "tag": tag})

    @classmethod
    def from_payload(cls, payload: bytes, parameters: SessionParameters) -> tuple[Revelation, bytes] | None:
        """The message and G_A; None when a field is missing or has another length than these parameters give it."""
        lengths = {
            "x": -(-parameters.rounds // 8),
            "m": -(-parameters.syndrome_bits // 8),
            "tag_ec": TAG_BYTES,
            "zeroed": parameters.zeroed_list_bits // 8,
            "c": 1,
            "seed": -(-parameters.public_seed_bits // 8),
            "tag": TAG_BYTES,
        }
        try:
            message = codec.decode(
                REVELATION, payload, {name: codec.byte_string(most) for name, most in lengths.items()}
            )
        except codec.NotUnderstood:
            return None
        if any(len(message[name]) != length for name, length in lengths.items()):
            return None
        tag = message.pop("tag")
        return cls(**message), tag

    def settings(self, test: np.ndarray, key_basis: np.ndarray) -> np.ndarray | None:
        """X, uint8 (n,); None when it is not the announced basis, 0 with one, in every key round."""
        x = unpack(self.x, len(test))
        return None if x is None or (x != key_basis)[test == 0].any() else x

    def zeroed_rounds(self, parameters: SessionParameters) -> ZeroedRanges:
        """Z_A; InvalidInput when it is no such list."""
        return ZeroedRanges.from_bytes(self.zeroed, parameters.zeroed_list_bits, parameters.rounds)


def revelation(
    x: np.ndarray, syndrome: np.ndarray, tag_ec: bytes, zeroed: bytes, seed: np.ndarray | None
) -> Revelation:
    """Alice's message from what she knows; bits are uint8 arrays."""
    return Revelation(pack(x), pack(syndrome), tag_ec, zeroed, AGREES, b"" if seed is None else pack(seed))
