"""One-bit extractors with carry-less multiplication: the paths for x86 processors of the last fifteen years.

p(alpha) is evaluated in J blocks of K coefficients (baby steps, giant steps). A block is an inner product with the
powers alpha^(K-1) .. 1, and the same powers serve all blocks, so for many rows this is a product of matrices. Three
savings:

* No product is reduced before its block is summed up.
* A product of two elements of three words is six products of words (Karatsuba). The sums over words that it needs are
  made once per coefficient and once per power, not once per product.
* x1 y1 + x2 y2 = (x1 + y2)(x2 + y1) + x1 x2 + y1 y2 (Winograd, 1968): two products become one, because the x-part is
  summed once per source and the y-part once per row.
"""

from __future__ import annotations

import math

import numpy as np

from postprocess.privacy.trevisan.carryless import POINTS, carryless_product, sums_128, sums_256, sums_512
from postprocess.privacy.trevisan.words import field_words, parity, reduce_product
from postprocess.support.compile_cache import njit

ROWS_AT_A_TIME = 32
POWERS_PER_BLOCK = 1.4
"""K / sqrt(s); a power costs less than a giant step."""


class ClmulPath:
    """The source, laid out for vector products, and the evaluation of its polynomial; arguments as `PortablePath`."""

    name = "clmul"
    lanes = 1
    sums = staticmethod(sums_128)

    def __init__(self, coefficients: np.ndarray, degree: int) -> None:
        self.field = field_words(degree)
        s, step = len(coefficients), 2 * self.lanes
        self.powers = step * math.ceil(POWERS_PER_BLOCK * math.sqrt(s) / step)
        giants = -(-s // self.powers)
        padded = np.zeros((giants * self.powers, 3), dtype=np.uint64)
        padded[len(padded) - s :] = coefficients
        self.x = _laid_out(padded.reshape(giants, self.powers, 3), self.lanes)
        self.nothing = np.zeros((1, *self.x.shape[1:]), dtype=np.uint64)
        self.x_part = np.empty((1, giants, POINTS, 2), dtype=np.uint64)
        self.sums(self.x, self.nothing, self.x_part)

    def evaluate(self, alpha: np.ndarray, beta: np.ndarray) -> np.ndarray:
        """Output bits parity(p(alpha) AND beta), uint8 (rows,); alpha, beta: uint64 (rows, 3)."""
        output = np.empty(len(alpha), dtype=np.uint8)
        y = np.empty((ROWS_AT_A_TIME, *self.x.shape[1:]), dtype=np.uint64)
        giant = np.empty((ROWS_AT_A_TIME, 3), dtype=np.uint64)
        sums = np.empty((ROWS_AT_A_TIME, len(self.x), POINTS, 2), dtype=np.uint64)
        y_part = np.empty((ROWS_AT_A_TIME, 1, POINTS, 2), dtype=np.uint64)
        chunk = np.zeros((ROWS_AT_A_TIME, 3), dtype=np.uint64)
        for start in range(0, len(alpha), ROWS_AT_A_TIME):
            rows = alpha[start : start + ROWS_AT_A_TIME]
            chunk[: len(rows)] = rows
            _lay_out_powers(chunk, self.field, y, giant)
            self.sums(self.x, y, sums)
            self.sums(self.nothing, y, y_part)
            _combine(sums, self.x_part[0], y_part, giant, self.field, beta[start:], output[start : start + len(rows)])
        return output


class Vpclmul256Path(ClmulPath):
    """Two products per instruction."""

    name = "vpclmul-256"
    lanes = 2
    sums = staticmethod(sums_256)


class Vpclmul512Path(ClmulPath):
    """Four products per instruction."""

    name = "vpclmul-512"
    lanes = 4
    sums = staticmethod(sums_512)


def _laid_out(elements: np.ndarray, lanes: int) -> np.ndarray:
    """uint64 (blocks, K, 3) -> (blocks, K / 2 / lanes, POINTS, 2 * lanes): pairs side by side, at every point."""
    a0, a1, a2 = elements[..., 0], elements[..., 1], elements[..., 2]
    points = np.stack([a0, a1, a2, a0 ^ a1, a0 ^ a2, a1 ^ a2], axis=-1)
    blocks, powers, _ = elements.shape
    points = points.reshape(blocks, powers // (2 * lanes), 2 * lanes, POINTS)
    return np.ascontiguousarray(points.transpose(0, 1, 3, 2))


@njit(cache=True, nogil=True)
def _six_words(p0, p1, p2, p01, p02, p12):
    """Six words of a product from its values (low, high) at the six points."""
    p0_low, p0_high = p0
    p1_low, p1_high = p1
    p2_low, p2_high = p2
    p01_low, p01_high = p01
    p02_low, p02_high = p02
    p12_low, p12_high = p12
    sum_low, sum_high = p0_low ^ p1_low, p0_high ^ p1_high
    tail_low, tail_high = p1_low ^ p2_low, p1_high ^ p2_high
    return (
        p0_low,
        p0_high ^ p01_low ^ sum_low,
        p01_high ^ sum_high ^ p02_low ^ sum_low ^ p2_low,
        p02_high ^ sum_high ^ p2_high ^ p12_low ^ tail_low,
        p12_high ^ tail_high ^ p2_low,
        p2_high,
    )


@njit(cache=True, nogil=True)
def _product(a0, a1, a2, b0, b1, b2):
    """Unreduced product of two elements, six words."""
    return _six_words(
        carryless_product(a0, b0),
        carryless_product(a1, b1),
        carryless_product(a2, b2),
        carryless_product(a0 ^ a1, b0 ^ b1),
        carryless_product(a0 ^ a2, b0 ^ b2),
        carryless_product(a1 ^ a2, b1 ^ b2),
    )


@njit(cache=True, nogil=True)
def _lay_out_powers(alpha, field, y, giant):
    """y[row]: the powers alpha^(K-1) .. 1 as `_laid_out` puts them, but each pair swapped; giant[row] = alpha^K.

    Rows are the inner loop: their chains of multiplications are independent and overlap in the processor.
    """
    rows, groups, width = y.shape[0], y.shape[1], y.shape[3]
    for row in range(rows):
        giant[row, 0], giant[row, 1], giant[row, 2] = np.uint64(1), np.uint64(0), np.uint64(0)
    for k in range(groups * width - 1, -1, -1):
        group, place = k // width, (k % width) ^ 1
        for row in range(rows):
            a0, a1, a2 = giant[row, 0], giant[row, 1], giant[row, 2]
            y[row, group, 0, place] = a0
            y[row, group, 1, place] = a1
            y[row, group, 2, place] = a2
            y[row, group, 3, place] = a0 ^ a1
            y[row, group, 4, place] = a0 ^ a2
            y[row, group, 5, place] = a1 ^ a2
            p0, p1, p2, p3, p4, p5 = _product(a0, a1, a2, alpha[row, 0], alpha[row, 1], alpha[row, 2])
            giant[row, 0], giant[row, 1], giant[row, 2] = reduce_product(p0, p1, p2, p3, p4, p5, field)


@njit(cache=True, nogil=True)
def _at(sums, x_part, y_part, point):
    """Value of a block at one Karatsuba point, both corrections applied."""
    return sums[point, 0] ^ x_part[point, 0] ^ y_part[point, 0], sums[point, 1] ^ x_part[point, 1] ^ y_part[point, 1]


@njit(cache=True, nogil=True)
def _combine(sums, x_part, y_part, giant, field, beta, output):
    """Horner over the blocks in powers of `giant`, then the Hadamard code's bit."""
    rows, blocks = output.size, sums.shape[1]
    value = np.zeros((rows, 3), dtype=np.uint64)
    for j in range(blocks):
        for row in range(rows):
            s, xp, yp = sums[row, j], x_part[j], y_part[row, 0]
            b0, b1, b2, b3, b4, b5 = _six_words(
                _at(s, xp, yp, 0),
                _at(s, xp, yp, 1),
                _at(s, xp, yp, 2),
                _at(s, xp, yp, 3),
                _at(s, xp, yp, 4),
                _at(s, xp, yp, 5),
            )
            p0, p1, p2, p3, p4, p5 = _product(
                value[row, 0], value[row, 1], value[row, 2], giant[row, 0], giant[row, 1], giant[row, 2]
            )
            value[row, 0], value[row, 1], value[row, 2] = reduce_product(
                p0 ^ b0, p1 ^ b1, p2 ^ b2, p3 ^ b3, p4 ^ b4, p5 ^ b5, field
            )
    for row in range(rows):
        v0, v1, v2 = value[row, 0], value[row, 1], value[row, 2]
        output[row] = parity((v0 & beta[row, 0]) ^ (v1 & beta[row, 1]) ^ (v2 & beta[row, 2]))
