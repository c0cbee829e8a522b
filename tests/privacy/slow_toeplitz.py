"""Modified Toeplitz hashing straight from its definition, and for long strings by exact integers."""

from __future__ import annotations

import decimal

import numpy as np


def matrix(seed, n: int, ell: int) -> list[list[int]]:
    """[I | T], entry by entry."""
    k = n - ell
    identity = [[int(i == j) for j in range(ell)] for i in range(ell)]
    toeplitz = [[int(seed[i - j + k - 1]) for j in range(k)] for i in range(ell)]
    return [left + right for left, right in zip(identity, toeplitz, strict=True)]


def dense_product(source, seed, ell: int) -> list[int]:
    """The matrix times the source, one row after the other."""
    bits = [int(bit) for bit in source]
    return [sum(entry & bit for entry, bit in zip(row, bits, strict=True)) % 2 for row in matrix(seed, len(bits), ell)]


def by_decimal(source: np.ndarray, seed: np.ndarray, ell: int) -> np.ndarray:
    """The key by one product of two decimal numbers, whose digits in groups are the counts of the convolution.

    libmpdec multiplies long numbers by number-theoretic transforms with integers: nothing is rounded.
    """
    k = len(source) - ell
    width = len(str(k))
    context = decimal.Context(prec=decimal.MAX_PREC, Emax=decimal.MAX_EMAX, Emin=decimal.MIN_EMIN)
    product = context.multiply(_spread(seed, width), _spread(source[ell:], width))
    digits = np.frombuffer(f"{product:f}".zfill((len(seed) + k) * width).encode(), np.uint8)
    lowest = digits[::-1][::width] & 1  # the digit '1' has code 49
    return source[:ell] ^ lowest[k - 1 : k - 1 + ell]


def _spread(bits: np.ndarray, width: int) -> decimal.Decimal:
    """The number with bit i as its decimal digit of place i * width."""
    digits = np.full(len(bits) * width, ord("0"), np.uint8)
    digits[width - 1 :: width] = bits[::-1] + ord("0")
    return decimal.Decimal(digits.tobytes().decode())
