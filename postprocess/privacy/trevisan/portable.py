"""One-bit extractors without special instructions: products by table, on any processor numba knows.

p(alpha) is evaluated in J blocks of K coefficients (baby steps, giant steps): each block is an inner product with the
powers alpha^(K-1) .. 1, summed without reduction and reduced once. A product c * y is eight bits of c at a time: a
table of the 256 multiples of y serves all J blocks.
"""

from __future__ import annotations

import math

import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from postprocess.privacy.trevisan.words import field_words, parity, reduce_product
from postprocess.support.compile_cache import njit

GROUP = 4
"""Powers of alpha whose tables are in use together: 4 x 8 KiB stay in the first-level cache."""


class PortablePath:
    """The source, laid out for lookups, and the evaluation of its polynomial (any processor).

    Args:
        coefficients: uint64 (s, 3), coefficient i of p in row i, highest power first, least significant word first.
        degree: l of the field GF(2^l).
    """

    name = "portable"

    def __init__(self, coefficients: np.ndarray, degree: int) -> None:
        s, data = len(coefficients), -(-degree // 8)
        self.field = field_words(degree)
        self.powers = GROUP * math.ceil(math.sqrt(s) / GROUP)
        giants = -(-s // self.powers)
        padded = np.zeros((giants * self.powers, 3), dtype="<u8")
        padded[len(padded) - s :] = coefficients
        digits = padded.view(np.uint8).reshape(giants, self.powers // GROUP, GROUP, 24)[..., :data]
        self.digits = np.ascontiguousarray(digits.transpose(1, 0, 3, 2))

    def evaluate(self, alpha: np.ndarray, beta: np.ndarray) -> np.ndarray:
        """Output bits parity(p(alpha) AND beta).

        Args:
            alpha, beta: uint64 (rows, 3).

        Returns:
            uint8 (rows,) of 0/1.
        """
        output = np.empty(len(alpha), dtype=np.uint8)
        _evaluate(self.digits, self.field, self.powers, alpha, beta, output)
        return output


@njit(cache=True, nogil=True)
def _evaluate(digits, field, powers, alpha, beta, output):
    giants, data = digits.shape[1], digits.shape[2]
    y = np.empty((powers, 3), dtype=np.uint64)
    table = np.empty((256, 4), dtype=np.uint64)
    tables = np.empty((GROUP, 256, 4), dtype=np.uint64)
    sums = np.empty((giants, data, 4), dtype=np.uint64)
    zero = np.uint64(0)
    for row in range(alpha.shape[0]):
        _powers(alpha[row], y, table, field)
        sums[:] = zero
        for group in range(digits.shape[0]):
            for k in range(GROUP):
                _multiples(y[GROUP * group + k, 0], y[GROUP * group + k, 1], y[GROUP * group + k, 2], tables[k])
            _add_products(digits[group], tables, sums)
        a0, a1, a2 = _horner(sums, y[0], alpha[row], table, field)
        output[row] = parity((a0 & beta[row, 0]) ^ (a1 & beta[row, 1]) ^ (a2 & beta[row, 2]))


@njit(cache=True, nogil=True)
def _multiples(a0, a1, a2, table):
    """All products of `a` with a polynomial of eight bits, unreduced."""
    a3 = np.uint64(0)
    table[0] = a3
    size = 1
    while size < 256:
        for i in range(size):
            table[size + i, 0] = table[i, 0] ^ a0
            table[size + i, 1] = table[i, 1] ^ a1
            table[size + i, 2] = table[i, 2] ^ a2
            table[size + i, 3] = table[i, 3] ^ a3
        a3 = (a3 << np.uint64(1)) | (a2 >> np.uint64(63))
        a2 = (a2 << np.uint64(1)) | (a1 >> np.uint64(63))
        a1 = (a1 << np.uint64(1)) | (a0 >> np.uint64(63))
        a0 = a0 << np.uint64(1)
        size *= 2


@intrinsic
def _add_four_rows(typingctx, tables, i, j, k, m, sums, place):
    """sums[place : place + 4] += the four rows of `tables` (both flat) that start at i, j, k and m.

    A row of four words is one value to LLVM, which takes whatever registers the processor has; numba alone goes word
    by word.
    """
    row = ir.VectorType(ir.IntType(64), 4)

    def codegen(context, builder, signature, arguments):
        tables, sums = (context.make_array(signature.args[a])(context, builder, arguments[a]).data for a in (0, 5))
        target = builder.bitcast(builder.gep(sums, [arguments[6]]), row.as_pointer())
        total = builder.load(target, align=8)
        for start in arguments[1:5]:
            source = builder.bitcast(builder.gep(tables, [start]), row.as_pointer())
            total = builder.xor(total, builder.load(source, align=8))
        builder.store(total, target, align=8)
        return context.get_dummy_value()

    index = types.int64
    return types.void(tables, index, index, index, index, sums, index), codegen


@njit(cache=True, nogil=True)
def _add_products(digits, tables, sums):
    """sums[j, b] += digit b of the coefficients of block j times the powers of this group."""
    flat_tables, flat_sums, place = tables.reshape(tables.size), sums.reshape(sums.size), 0
    for j in range(digits.shape[0]):
        for b in range(digits.shape[1]):
            first = np.int64(4) * digits[j, b, 0]
            second = np.int64(4) * digits[j, b, 1] + 1024
            third = np.int64(4) * digits[j, b, 2] + 2048
            fourth = np.int64(4) * digits[j, b, 3] + 3072
            _add_four_rows(flat_tables, first, second, third, fourth, flat_sums, place)
            place += 4


@njit(cache=True, nogil=True)
def _up_eight(p0, p1, p2, p3, p4, p5):
    """Six words shifted up by one byte."""
    eight, down = np.uint64(8), np.uint64(56)
    return (
        p0 << eight,
        (p1 << eight) | (p0 >> down),
        (p2 << eight) | (p1 >> down),
        (p3 << eight) | (p2 >> down),
        (p4 << eight) | (p3 >> down),
        (p5 << eight) | (p4 >> down),
    )


@njit(cache=True, nogil=True)
def _times(a0, a1, a2, table, field):
    """Product with the element whose multiples stand in `table`."""
    data = (field[0] + np.uint64(7)) >> np.uint64(3)
    p0 = p1 = p2 = p3 = p4 = p5 = np.uint64(0)
    for b in range(data - 1, -1, -1):
        word = a0 if b < 8 else a1 if b < 16 else a2
        digit = (word >> np.uint64(8 * (b & 7))) & np.uint64(255)
        p0, p1, p2, p3, p4, p5 = _up_eight(p0, p1, p2, p3, p4, p5)
        p0 ^= table[digit, 0]
        p1 ^= table[digit, 1]
        p2 ^= table[digit, 2]
        p3 ^= table[digit, 3]
    return reduce_product(p0, p1, p2, p3, p4, p5, field)


@njit(cache=True, nogil=True)
def _powers(alpha, y, table, field):
    """y[k] = alpha^(K-1-k), by the table of multiples of alpha."""
    _multiples(alpha[0], alpha[1], alpha[2], table)
    a0, a1, a2 = np.uint64(1), np.uint64(0), np.uint64(0)
    for k in range(y.shape[0] - 1, -1, -1):
        y[k, 0], y[k, 1], y[k, 2] = a0, a1, a2
        if k:
            a0, a1, a2 = _times(a0, a1, a2, table, field)


@njit(cache=True, nogil=True)
def _horner(sums, highest, alpha, table, field):
    """Value of the polynomial from its blocks: the giant step is highest * alpha = alpha^K."""
    g0, g1, g2 = _times(highest[0], highest[1], highest[2], table, field)
    _multiples(g0, g1, g2, table)
    a0, a1, a2 = np.uint64(0), np.uint64(0), np.uint64(0)
    for j in range(sums.shape[0]):
        a0, a1, a2 = _times(a0, a1, a2, table, field)
        p0 = p1 = p2 = p3 = p4 = p5 = np.uint64(0)
        for b in range(sums.shape[1] - 1, -1, -1):
            p0, p1, p2, p3, p4, p5 = _up_eight(p0, p1, p2, p3, p4, p5)
            p0 ^= sums[j, b, 0]
            p1 ^= sums[j, b, 1]
            p2 ^= sums[j, b, 2]
            p3 ^= sums[j, b, 3]
        r0, r1, r2 = reduce_product(p0, p1, p2, p3, p4, p5, field)
        a0, a1, a2 = a0 ^ r0, a1 ^ r1, a2 ^ r2
    return a0, a1, a2
