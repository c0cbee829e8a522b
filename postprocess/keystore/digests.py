"""Local digests of secrets: what finds a flipped bit in the ledger's file. As private as what they cover.

They are erased with the secret: 64 bits of a pad can be searched for, given their digest.
"""

from __future__ import annotations

import hashlib
import hmac

from postprocess.errors import InvalidInput


class LedgerDamaged(InvalidInput):
    """A secret in the ledger is not the one that was stored."""


def digest_of(name: str, data: bytes) -> bytes:
    """SHA-256 of a secret and its name, 32 bytes."""
    return hashlib.sha256(f"diqkd ledger/{name}/".encode() + data).digest()


def require_intact(name: str, data: bytes, digest: bytes | None) -> bytes:
    """The secret itself; LedgerDamaged when it is not the one that was stored under this digest."""
    if digest is None or not hmac.compare_digest(digest, digest_of(name, data)):
        raise LedgerDamaged(
            f"ledger: {name} has changed since it was stored (a bad disk?); do not use it: look at `diqkd keys verify`,"
            " abandon its sessions on both nodes, provision new homes"
        )
    return data
