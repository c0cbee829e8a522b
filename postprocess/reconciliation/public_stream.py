"""The public random numbers behind a code: the same for ever, on every machine and numpy version.

A stream is the raw output of Philox-4x64-10 (Salmon et al., SC11), keyed by the first 128 bits of SHAKE-256 over the
label and the integers it belongs to. Only raw 64-bit words are used: numpy guarantees these for a named bit generator,
but not the methods of `Generator` (NEP 19). Nothing here is secret.
"""

from __future__ import annotations

import hashlib

import numpy as np


class PublicStream:
    """Public random words named by a label and integers.

    Words come in order, so the sequence of calls is part of a code's definition.
    """

    def __init__(self, label: str, *numbers: int) -> None:
        name = "/".join([f"diqkd-reconciliation-1/{label}", *(str(int(number)) for number in numbers)])
        key = int.from_bytes(hashlib.shake_256(name.encode()).digest(16), "little")
        self._philox = np.random.Philox(key=key)

    def words(self, count: int) -> np.ndarray:
        """Next raw words, uint64 (count,)."""
        return np.asarray(self._philox.random_raw(count), dtype=np.uint64)

    def below(self, bound: int, count: int) -> np.ndarray:
        """Integers in [0, bound), int64 (count,); bias below bound / 2^32."""
        if not 0 < bound < 2**32:
            raise ValueError(f"bound must lie in 1 .. 2^32-1, not {bound}")
        return ((self.words(count) >> np.uint64(32)) * np.uint64(bound) >> np.uint64(32)).astype(np.int64)

    def permutation(self, count: int) -> np.ndarray:
        """Permutation of 0 .. count-1, int32 (count,): the order of random words whose low bits hold the index.

        The words sorted are distinct, hence any sorting algorithm gives the same answer.
        """
        if not 0 < count < 2**31:
            raise ValueError(f"a permutation needs 1 .. 2^31-1 elements, not {count}")
        index_bits = np.uint64(max(1, (count - 1).bit_length()))
        index_mask = (np.uint64(1) << index_bits) - np.uint64(1)
        tagged = self.words(count)
        tagged &= ~index_mask
        tagged |= np.arange(count, dtype=np.uint32)
        tagged.sort()
        tagged &= index_mask
        return tagged.astype(np.int32)
