"""The interface of an extractor, and the extractors by name.

| name | seed | where the seed comes from |
|---|---|---|
| trevisan | secret, reusable | part of the initial secret K0 |
| toeplitz | public, n - 1 bits, for one session only | drawn by Alice after the rounds, sent with a tag |

An extractor belongs to one output length: fewer bits of a longer output are not the output of a shorter extractor.
"""

from __future__ import annotations

from typing import ClassVar, Protocol

import numpy as np

from postprocess.errors import InvalidInput
from postprocess.privacy.toeplitz import ToeplitzExtractor
from postprocess.privacy.trevisan import TrevisanExtractor


class Extractor(Protocol):
    """Seeded extractor of `ell` bits from `n`.

    Attributes:
        name: what session parameters and commands call it.
        seed_is_public: True for a seed that is drawn fresh for each session, sent openly and never used again; False
            for a seed that stays secret and may be used again.
        n: bits of the source.
        ell: bits of the key.
    """

    name: ClassVar[str]
    seed_is_public: ClassVar[bool]
    n: int
    ell: int

    @classmethod
    def for_key(cls, n: int, ell: int, eps_pa: float) -> Extractor:
        """The extractor for a key of `ell` bits from `n` bits with error `eps_pa` of the privacy amplification.

        Raises:
            InvalidInput: lengths or an error that no such extractor has.
        """
        ...

    @property
    def seed_bits(self) -> int:
        """Length of the seed in bits."""
        ...

    def extract(self, source: np.ndarray, seed: np.ndarray) -> np.ndarray:
        """The key.

        Args:
            source: uint8 (n,) of 0/1.
            seed: uint8 (seed_bits,) of 0/1.

        Returns:
            uint8 (ell,) of 0/1.

        Raises:
            InvalidInput: wrong lengths, or values other than 0 and 1.
        """
        ...


EXTRACTORS: dict[str, type[Extractor]] = {kind.name: kind for kind in (TrevisanExtractor, ToeplitzExtractor)}
"""Extractors by name; the paper's first."""


def extractor_named(name: str) -> type[Extractor]:
    """The extractor of that name; raises InvalidInput for a name that none has."""
    if name not in EXTRACTORS:
        raise InvalidInput(f"extractor {name!r}: choose one of {', '.join(EXTRACTORS)}")
    return EXTRACTORS[name]
