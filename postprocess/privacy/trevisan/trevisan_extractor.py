"""Trevisan's extractor: a short uniform seed turns a long, partly secret string into a key (privacy amplification).

Every output bit is a one-bit extractor (a Reed-Solomon code over GF(2^l) concatenated with the Hadamard code) applied
to the whole source with t = 2 l bits of the seed; a block weak design decides which. Strong: the seed stays secret and
is used again. Sources: Nadlinger 2022, S9 B; Mauerer, Portmann, Scholz, arXiv:1212.0520; Ma, Zhang, Tan,
arXiv:1109.6147.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import ClassVar

import numpy as np

from postprocess.privacy.bit_strings import checked_bits
from postprocess.privacy.trevisan.field import middle_exponents
from postprocess.privacy.trevisan.weak_design import WeakDesign

ROWS_PER_TASK = 256


class TrevisanExtractor:
    """Seeded extractor of `ell` bits from `n`, error ell * eps1 (block weak design, Reed-Solomon and Hadamard code).

    Computing the parameters is cheap; the first extraction compiles the kernels.

    Args:
        n: bits of the source.
        ell: bits of the output.
        eps1: error per output bit, eps_PA / ell.

    Raises:
        InvalidInput: sizes that fit no extractor, or an eps1 so small that the field would exceed GF(2^191).
    """

    name: ClassVar[str] = "trevisan"
    seed_is_public: ClassVar[bool] = False

    def __init__(self, n: int, ell: int, eps1: float) -> None:
        self.design = WeakDesign.for_extractor(n, ell, eps1)
        self.n, self.ell, self.eps1 = n, ell, eps1
        middle_exponents(self.degree)  # refuses fields that are too large, now rather than with the rounds in hand

    @classmethod
    def for_key(cls, n: int, ell: int, eps_pa: float) -> TrevisanExtractor:
        """The extractor whose `ell` output bits have the error `eps_pa` together, each eps_pa / ell."""
        return cls(n, ell, eps_pa / max(ell, 1))

    def __repr__(self) -> str:
        return f"TrevisanExtractor(n={self.n}, ell={self.ell}, eps1={self.eps1!r})"

    @property
    def degree(self) -> int:
        """Degree l of the field GF(2^l) of the one-bit extractor."""
        return self.design.t // 2

    @property
    def t(self) -> int:
        """Seed bits per output bit."""
        return self.design.t

    @property
    def t_plus(self) -> int:
        """Prime on which the weak design stands."""
        return self.design.t_plus

    @property
    def blocks(self) -> int:
        """Blocks of the weak design."""
        return self.design.blocks

    @property
    def block_sizes(self) -> tuple[int, ...]:
        """Output bits per block."""
        return self.design.block_sizes

    @property
    def seed_bits(self) -> int:
        """Length of the seed in bits."""
        return self.design.seed_bits

    def extract(
        self, source: np.ndarray, seed: np.ndarray, *, path: str | None = None, threads: int | None = None
    ) -> np.ndarray:
        """The key: `ell` bits of the source, chosen by the seed.

        Args:
            source: uint8 (n,) of 0/1; bit i * l + b is the coefficient of x^b in c_i, p(alpha) = sum_i c_i
                alpha^(s-1-i).
            seed: uint8 (seed_bits,) of 0/1; block k owns t_plus^2 bits, read as rows of t_plus.
            path: name of one of `paths.available()`; default the fastest this processor has. All give the same bits.
            threads: worker threads; default one per processor this process may use.

        Returns:
            uint8 (ell,) of 0/1.

        Raises:
            InvalidInput: wrong lengths, or values other than 0 and 1.
        """
        from postprocess.privacy.trevisan.paths import choose

        source = checked_bits(source, self.n, self.name, "source")
        seed = checked_bits(seed, self.seed_bits, self.name, "seed").reshape(self.blocks, -1)
        prepared = choose(path)(self._coefficients(source), self.degree)
        output = np.empty(self.ell, dtype=np.uint8)

        def extract_rows(task: tuple[int, int, slice]) -> None:
            block, first, where = task
            output[where] = self._rows(prepared, seed[block], first, where.stop - where.start)

        with ThreadPoolExecutor(threads or len(os.sched_getaffinity(0))) as pool:
            for _ in pool.map(extract_rows, self._tasks()):
                pass
        return output

    def index_sets(self, block: int, rows: range) -> np.ndarray:
        """Seed bits that feed the given rows of a block: int64 (len(rows), t), absolute positions in the seed."""
        x = np.arange(self.t)
        digits: np.ndarray = np.asarray(rows, dtype=np.int64)[:, None]
        power = np.ones_like(x)
        q: np.ndarray = np.zeros((len(rows), self.t), dtype=np.int64)
        while digits.any():
            q = (q + digits % self.t_plus * power) % self.t_plus
            power = power * x % self.t_plus
            digits = digits // self.t_plus
        return block * self.t_plus**2 + x + self.t_plus * q

    def _coefficients(self, source: np.ndarray) -> np.ndarray:
        """The source as uint64 (s, 3) field elements, zero padded at the end."""
        count = -(-self.n // self.degree)
        padded = np.zeros((count, 192), dtype=np.uint8)
        whole = self.n // self.degree
        padded[:whole, : self.degree] = source[: whole * self.degree].reshape(whole, self.degree)
        rest = source[whole * self.degree :]
        padded[whole:, : len(rest)] = rest
        return np.packbits(padded, axis=1, bitorder="little").view("<u8").astype(np.uint64, copy=False)

    def _tasks(self) -> Iterator[tuple[int, int, slice]]:
        start = 0
        for block, size in enumerate(self.block_sizes):
            for first in range(0, size, ROWS_PER_TASK):
                yield block, first, slice(start + first, start + min(first + ROWS_PER_TASK, size))
            start += size

    def _rows(self, prepared, seed_block: np.ndarray, first: int, rows: int) -> np.ndarray:
        from postprocess.privacy.trevisan.words import one_bit_seeds

        alpha = np.zeros((rows, 3), dtype=np.uint64)
        beta = np.zeros_like(alpha)
        one_bit_seeds(seed_block, self.t_plus, first, alpha, beta, self.degree)
        return prepared.evaluate(alpha, beta)
