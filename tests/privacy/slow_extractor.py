"""Trevisan's extractor straight from its definition, with Python integers; the reference for every fast path."""

from __future__ import annotations

import hashlib

import numpy as np


def shake_bits(label: str, count: int) -> np.ndarray:
    """Deterministic test bits: byte i // 8, least significant bit first, of SHAKE-256 of the label."""
    digest = hashlib.shake_256(label.encode()).digest(-(-count // 8))
    return np.unpackbits(np.frombuffer(digest, np.uint8), bitorder="little")[:count]


def field_product(a: int, b: int, polynomial: int, degree: int) -> int:
    """Product in GF(2^degree), one bit at a time."""
    product = 0
    for bit in range(degree):
        if b >> bit & 1:
            product ^= a << bit
    for bit in range(2 * degree - 2, degree - 1, -1):
        if product >> bit & 1:
            product ^= polynomial << (bit - degree)
    return product


def as_integer(bits) -> int:
    return sum(int(bit) << place for place, bit in enumerate(bits))


def seed_positions(block: int, row: int, t: int, t_plus: int) -> list[int]:
    positions = []
    for x in range(t):
        digits, power, q = row, 1, 0
        while digits:
            q += digits % t_plus * power
            power *= x
            digits //= t_plus
        positions.append(block * t_plus**2 + x + t_plus * (q % t_plus))
    return positions


def one_bit(source, alpha: int, beta: int, exponents: tuple[int, ...]) -> int:
    degree = exponents[0]
    polynomial = sum(1 << e for e in exponents)
    value = 0
    for start in range(0, len(source), degree):
        value = field_product(value, alpha, polynomial, degree) ^ as_integer(source[start : start + degree])
    return (value & beta).bit_count() & 1


def extract(source, seed, exponents: tuple[int, ...], t_plus: int, block_sizes) -> np.ndarray:
    degree = exponents[0]
    output = []
    for block, rows in enumerate(block_sizes):
        for row in range(rows):
            y = [int(seed[position]) for position in seed_positions(block, row, 2 * degree, t_plus)]
            output.append(one_bit(source, as_integer(y[:degree]), as_integer(y[degree:]), exponents))
    return np.array(output, dtype=np.uint8)
