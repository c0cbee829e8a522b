"""Handing a key out without a file."""

import numpy as np


def hand_out(keystore, key_id, *, allow_emulated=True, allow_insecure=True) -> np.ndarray:
    """The key's bits, delivered and erased, as `postprocess.keystore.delivery` does it with a file."""
    shelf = keystore.shelf
    shelf.require_deliverable(key_id, "test", allow_emulated=allow_emulated, allow_insecure=allow_insecure)
    bits = shelf.bits(key_id)
    shelf.begin_delivery(key_id, "test")
    shelf.finish_delivery(key_id)
    return bits
