"""Bit strings at the door of an extractor."""

from __future__ import annotations

import numpy as np

from postprocess.errors import InvalidInput


def checked_bits(values: np.ndarray, length: int, extractor: str, name: str) -> np.ndarray:
    """Contiguous uint8 (length,) of 0/1, the same memory where it fits already.

    Args:
        values: array of bools or integers.
        length: bits it must have.
        extractor, name: whose string, and which; for the message, which never shows the bits.

    Raises:
        InvalidInput: another shape, another kind of number, or values other than 0 and 1.
    """
    values = np.asarray(values)
    if values.shape != (length,):
        raise InvalidInput(f"{extractor} extractor: the {name} has shape {values.shape}, it must be ({length},)")
    if values.dtype.kind not in "bui" or (values.size and (values.min() < 0 or values.max() > 1)):
        raise InvalidInput(f"{extractor} extractor: the {name} must hold bits, integers 0 and 1")
    return np.ascontiguousarray(values, dtype=np.uint8)
