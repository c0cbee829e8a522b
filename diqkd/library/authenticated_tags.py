"""Tags of messages: VHASH under one-time pads (Nadlinger 2022, steps 7, 10, 11 and S9 A)."""

from __future__ import annotations

import secrets

from postprocess.authentication.vhash import KEY_BYTES, is_tag_of, is_valid_key, tag

__all__ = ["is_tag_of", "tag", "tag_key"]


def tag_key() -> bytes:
    """A fresh key for `tag`, 160 bytes of the system's random source; both nodes need the same one, secret."""
    while not is_valid_key(key := secrets.token_bytes(KEY_BYTES)):
        pass
    return key
