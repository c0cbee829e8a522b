"""Modified Toeplitz hashing: the key is [I | T] times the source over GF(2).

T is a Toeplitz matrix of ell rows and n - ell columns, one seed bit per diagonal. Two sources with equal last n - ell
bits never collide, any two others collide for a fraction 2^-ell of the seeds. With the seed uniform and independent of
source and adversary, key and seed together are secret to within the leftover-hash bound; the version for the Renyi
entropies of order 1 < alpha <= 2 is what the rule `renyi` uses. The seed may be public when it is drawn after
everything else is fixed, and then serves one session only.

The bound holds for the matrix built for this ell. Rows 1 to ell' of a longer [I | T] are another family: they ignore
ell - ell' bits of the source, and a source whose secret is in those gives a constant.

Sources: Hayashi, Tsurumaru, arXiv:1311.5322 (the modified Toeplitz matrix); Dupuis, arXiv:2105.05342 (Renyi entropies).
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from postprocess.errors import InvalidInput
from postprocess.privacy.bit_strings import checked_bits


class ToeplitzExtractor:
    """Seeded extractor of `ell` bits from `n` by modified Toeplitz hashing, with a public seed of n - 1 bits.

    Conventions, indices from 0, sums modulo 2, k = n - ell:

        key[i] = source[i] + sum over j < k of T[i, j] source[ell + j],    T[i, j] = seed[i - j + k - 1].

    So the identity takes the first ell bits of the source, column 0 of T is the last ell bits of the seed from top to
    bottom, row 0 is the first k bits of the seed from right to left, and T times the tail is the part of the
    convolution of seed and tail where they overlap fully.

    Args:
        n: bits of the source.
        ell: bits of the output, fewer than n.

    Raises:
        InvalidInput: lengths that leave no Toeplitz matrix.
    """

    name: ClassVar[str] = "toeplitz"
    seed_is_public: ClassVar[bool] = True

    def __init__(self, n: int, ell: int) -> None:
        if not 1 <= ell < n:
            raise InvalidInput(
                f"toeplitz extractor: ell = {ell} must lie between 1 and {n - 1}, below the n = {n} of the source"
            )
        self.n, self.ell = n, ell

    @classmethod
    def for_key(cls, n: int, ell: int, eps_pa: float) -> ToeplitzExtractor:
        """The extractor for these lengths. The matrix does not depend on `eps_pa`, which ell already accounts for."""
        if not 0 < eps_pa < 1:
            raise InvalidInput(f"toeplitz extractor: eps_pa = {eps_pa} must lie between 0 and 1")
        return cls(n, ell)

    def __repr__(self) -> str:
        return f"ToeplitzExtractor(n={self.n}, ell={self.ell})"

    @property
    def seed_bits(self) -> int:
        """Length of the seed in bits: n - 1, the diagonals of T."""
        return self.n - 1

    def extract(self, source: np.ndarray, seed: np.ndarray) -> np.ndarray:
        """The key: `ell` bits of the source, mixed as the seed says.

        Args:
            source: uint8 (n,) of 0/1.
            seed: uint8 (n - 1,) of 0/1.

        Returns:
            uint8 (ell,) of 0/1.

        Raises:
            InvalidInput: wrong lengths, or values other than 0 and 1.
        """
        from postprocess.privacy.toeplitz.convolution import parity_of_convolution

        source = checked_bits(source, self.n, self.name, "source")
        seed = checked_bits(seed, self.seed_bits, self.name, "seed")
        return source[: self.ell] ^ parity_of_convolution(seed, source[self.ell :])
