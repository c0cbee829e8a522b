"""Block weak design: which seed bits feed which output bit.

A basic design over GF(t_plus) gives every row t seed bits such that two rows share few of them (their polynomials agree
in few points); its overlap is e times the number of rows. Mauerer, Portmann and Scholz (arXiv:1212.0520, III.B.2) chain
such designs over disjoint pieces of the seed, each serving a falling share of the rows, so that the overall overlap is
r = 1 and no entropy is lost. The bound e for the basic design is the tight one of Ma, Zhang and Tan (arXiv:1109.6147).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction

from postprocess.errors import InvalidInput


def is_prime(number: int) -> bool:
    """Whether a small number is prime, by trial division."""
    return number >= 2 and all(number % divisor for divisor in range(2, math.isqrt(number) + 1))


def prime_from(lower: int) -> int:
    """The first prime at or above `lower`."""
    candidate = max(lower, 2)
    while not is_prime(candidate):
        candidate += 1
    return candidate


def field_degree(n: int, eps1: float) -> int:
    """Degree l of the one-bit extractor's field: ceil(log n + 2 log(2 / eps_1)), computed exactly.

    Args:
        n: bits of the source.
        eps1: error of the one-bit extractor, as the exact value of the float.
    """
    least = 4 * n / Fraction(eps1) ** 2
    return (math.ceil(least) - 1).bit_length()


def block_rows(ell: int, t_plus: int) -> tuple[int, ...]:
    """Rows served by each block of the design; they add up to `ell`.

    Args:
        ell: rows in all, one per output bit.
        t_plus: prime that the basic design is built on.
    """
    blocks = 2
    if ell > math.e:
        steps = (math.log(ell - math.e) - math.log(t_plus - math.e)) / (1 - math.log(math.e - 1))
        blocks = max(2, math.ceil(steps) + 1)
    sizes: list[int] = []
    wanted, share = 0.0, ell / math.e - 1
    for _ in range(blocks - 1):
        wanted += share
        share *= 1 - 1 / math.e
        sizes.append(max(0, math.ceil(wanted) - sum(sizes)))
    sizes.append(ell - sum(sizes))
    return tuple(sizes)


@dataclass(frozen=True)
class WeakDesign:
    """Parameters of the extractor's design, cheap to compute (Nadlinger 2022, S9 B, equations 50 and 51).

    Attributes:
        ell: output bits.
        t: seed bits per output bit, 2 * l.
        t_plus: first prime >= t.
        block_sizes: rows per block.
    """

    ell: int
    t: int
    t_plus: int
    block_sizes: tuple[int, ...]

    @classmethod
    def for_extractor(cls, n: int, ell: int, eps1: float) -> WeakDesign:
        """The design for `ell` bits from `n`, each with error `eps1`; raises InvalidInput for impossible sizes."""
        if not 1 <= ell <= n:
            raise InvalidInput(f"trevisan extractor: ell = {ell} must lie between 1 and the n = {n} bits of the source")
        if not 0 < eps1 < 1:
            raise InvalidInput(f"trevisan extractor: eps1 = {eps1} must lie between 0 and 1")
        t = 2 * field_degree(n, eps1)
        t_plus = prime_from(t)
        return cls(ell, t, t_plus, block_rows(ell, t_plus))

    @property
    def blocks(self) -> int:
        """Number of blocks, each owning t_plus^2 bits of the seed."""
        return len(self.block_sizes)

    @property
    def seed_bits(self) -> int:
        """Length of the seed."""
        return self.blocks * self.t_plus**2
