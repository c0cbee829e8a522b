"""Binary entropy."""

from __future__ import annotations

import math

from postprocess.errors import InvalidInput


def binary_entropy(p: float) -> float:
    """h(p) = -p log2 p - (1 - p) log2 (1 - p) in bits; InvalidInput for p outside [0, 1]."""
    if not 0.0 <= p <= 1.0:
        raise InvalidInput(f"binary entropy needs a probability, not {p}")
    if p in (0.0, 1.0):
        return 0.0
    return -(p * math.log(p) + (1.0 - p) * math.log1p(-p)) / math.log(2.0)
