"""Zeroed rounds: those whose outcome is not the one that the kernel measured, as a short list of ranges.

A round is zeroed when it was burned without a record after a crash, or when its record carries a flag. Its outcome
counts as 0. Zeroing can depend on what the devices remember, so the number of Alice's zeroed rounds is limited
beforehand, and her list travels in her authenticated message.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from postprocess.errors import InvalidInput
from postprocess.plans.session_parameters import MOST_RANGES, RANGE_BITS

LENGTH_BITS = 20  # of a range on the wire: its first round in 28 bits, then how many; a longer range is split
_LONGEST = (1 << LENGTH_BITS) - 1


@dataclass(frozen=True)
class ZeroedRanges:
    """Ranges of zeroed rounds.

    Attributes:
        spans: (first, end) of each range, in order, neither empty nor touching.
    """

    spans: tuple[tuple[int, int], ...] = ()

    @classmethod
    def of_rounds(cls, rounds: ArrayLike) -> ZeroedRanges:
        """Ranges of round numbers, int64, in any order."""
        numbers = np.unique(np.asarray(rounds, dtype=np.int64))
        if not len(numbers):
            return cls()
        breaks = np.flatnonzero(np.diff(numbers) != 1)
        firsts, lasts = numbers[np.r_[0, breaks + 1]], numbers[np.r_[breaks, len(numbers) - 1]]
        return cls(tuple((int(first), int(last) + 1) for first, last in zip(firsts, lasts, strict=True)))

    def __len__(self) -> int:
        """Number of zeroed rounds."""
        return sum(end - first for first, end in self.spans)

    @property
    def ranges(self) -> int:
        """Number of ranges that the list needs on the wire."""
        return sum(-(-(end - first) // _LONGEST) for first, end in self.spans)

    def union(self, other: ZeroedRanges) -> ZeroedRanges:
        """Rounds of either list."""
        spans: list[tuple[int, int]] = []
        for first, end in sorted(self.spans + other.spans):
            if spans and first <= spans[-1][1]:
                spans[-1] = (spans[-1][0], max(end, spans[-1][1]))
            else:
                spans.append((first, end))
        return ZeroedRanges(tuple(spans))

    def mask(self, rounds: int) -> NDArray[np.bool_]:
        """Which of `rounds` rounds are zeroed, bool (rounds,)."""
        zeroed = np.zeros(rounds, dtype=bool)
        for first, end in self.spans:
            zeroed[first:end] = True
        return zeroed

    def to_bytes(self, bits: int) -> bytes:
        """The list padded to `bits` bits with empty ranges; big-endian, 48 bits a range.

        Raises:
            InvalidInput: it does not fit; a session aborts before that.
        """
        if self.ranges * RANGE_BITS > bits:
            raise InvalidInput(f"zeroed rounds: {self.ranges} ranges do not fit {bits} bits")
        words = [(first << LENGTH_BITS) | count for first, count in _pieces(self.spans)]
        packed = b"".join(word.to_bytes(RANGE_BITS // 8, "big") for word in words)
        return packed.ljust(bits // 8, b"\0")

    @classmethod
    def from_bytes(cls, payload: bytes, bits: int, rounds: int) -> ZeroedRanges:
        """A list from `to_bytes`, and nothing else that means the same.

        Raises:
            InvalidInput: another length, ranges out of order or out of range.
        """
        step = RANGE_BITS // 8
        words = [int.from_bytes(payload[i : i + step], "big") for i in range(0, len(payload), step)]
        spans: list[tuple[int, int]] = []
        in_order = True
        for word in filter(None, words):
            first, count = word >> LENGTH_BITS, word & _LONGEST
            if spans and first == spans[-1][1]:  # the rest of a long range
                spans[-1] = (spans[-1][0], first + count)
            else:
                in_order = in_order and (not spans or first > spans[-1][1])
                spans.append((first, first + count))
        found = cls(tuple(spans))
        fits = len(payload) == bits // 8 and in_order and all(end <= rounds for _, end in spans)
        if not fits or found.to_bytes(bits) != payload:
            raise InvalidInput(
                "zeroed rounds: the peer's list is not one; both nodes must run the same version of diqkd"
            )
        return found


NONE_ZEROED = ZeroedRanges()


def _pieces(spans: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    return [(start, min(_LONGEST, end - start)) for first, end in spans for start in range(first, end, _LONGEST)]


def exceeds(zeroed: int, ranges: int, allowance: int) -> bool:
    """Whether so many zeroed rounds at Alice, in so many ranges, are more than a session allows."""
    return zeroed > allowance or ranges > MOST_RANGES
