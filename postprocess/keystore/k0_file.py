"""K0 as it is carried from one node to the other: a header that names this draw and shows damage, then the bits.

    "diqkdK0\\x01" | id, 16 bytes | bits of S_Trev, of S_VHASH, of all pads, uint64 each, big endian
                  | SHA-256 of all the rest, 32 bytes | K0, packed

The id is random and public: nodes compare it when they greet. The checksum is as secret as K0.
"""

from __future__ import annotations

import hashlib
import struct
from dataclasses import dataclass, field

from postprocess.errors import InvalidInput

MAGIC = b"diqkdK0\x01"
ID_BYTES = 16
_HEADER = struct.Struct(">8s16sQQQ")
_CHECKSUM_BYTES = 32
HEADER_BYTES = _HEADER.size + _CHECKSUM_BYTES


@dataclass(frozen=True)
class CarriedK0:
    """K0 with what names it: `k0_id` 16 public bytes; lengths in bits; `k0` packed, most significant bit first."""

    k0_id: bytes
    seed_bits: int
    vhash_bits: int
    pads_bits: int
    k0: bytes = field(repr=False)

    @property
    def bits(self) -> int:
        """|K0|."""
        return self.seed_bits + self.vhash_bits + self.pads_bits

    def to_bytes(self) -> bytes:
        """The file's content."""
        head = _HEADER.pack(MAGIC, self.k0_id, self.seed_bits, self.vhash_bits, self.pads_bits)
        return head + _checksum(head, self.k0) + self.k0


def read_k0_file(content: bytes) -> CarriedK0:
    """K0 from a file's content; InvalidInput when it is none, or a single bit of it has changed."""
    if len(content) < HEADER_BYTES or not content.startswith(MAGIC):
        raise InvalidInput("K0: not a file that `diqkd keys provision --draw` writes; give that file")
    head, checksum, k0 = content[: _HEADER.size], content[_HEADER.size : HEADER_BYTES], content[HEADER_BYTES:]
    _, k0_id, seed, vhash, pads = _HEADER.unpack(head)
    if checksum != _checksum(head, k0):
        raise InvalidInput(
            "K0: its checksum is wrong, the file was damaged on the way; carry it again, or draw a new K0 in a new home"
        )
    carried = CarriedK0(k0_id, seed, vhash, pads, k0)
    if len(k0) != -(-carried.bits // 8):
        raise InvalidInput(f"K0: {len(k0)} bytes where its header says {carried.bits} bits; draw it anew")
    return carried


def _checksum(head: bytes, k0: bytes) -> bytes:
    return hashlib.sha256(head + k0).digest()
