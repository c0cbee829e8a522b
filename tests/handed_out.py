"""Handing a key out without a file."""

import numpy as np


def hand_out(keystore, key_id, *, allow_emulated=True, allow_insecure=True) -> np.ndarray:
    """The key's bits, delivered and erased, as `postprocess.keystore.delivery` does it with a file."""
    records = keystore.key_records
    records.require_deliverable(key_id, "test", allow_emulated=allow_emulated, allow_insecure=allow_insecure)
    bits = records.bits(key_id)
    records.intend_delivery(key_id, "test")
    records.begin_delivery(key_id, "test")
    records.finish_delivery(key_id)
    return bits
