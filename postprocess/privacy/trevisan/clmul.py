"""One-bit extractors with carry-less multiplication: the paths for x86 processors of the last fifteen years.

p(alpha) is evaluated in J blocks of K coefficients (baby steps, giant steps). A block is an inner product with the
powers alpha^(K-1) .. 1, and the same powers serve all blocks, so for many rows this is a product of matrices. Four
savings:

* No product is reduced before its block is summed up.
* A product of two elements of three words is six products of words (Karatsuba). The sums over words that it needs are
  made once per coefficient and once per power, not once per product.
* x1 y1 + x2 y2 = (x1 + y2)(x2 + y1) + x1 x2 + y1 y2 (Winograd, 1968): two products become one, because the x-part is
  summed once per source and the y-part once per row.
* What is left, a product in the field per power and per block, is done for many rows in one vector.
"""

from __future__ import annotations

import math

import numpy as np

from postprocess.privacy.trevisan.carryless import (
    POINTS,
    TOGETHER,
    products_128,
    products_256,
    products_512,
    sums_128,
    sums_256,
    sums_512,
)
from postprocess.privacy.trevisan.processor_features import widest_lanes
from postprocess.privacy.trevisan.words import field_words, parity
from postprocess.support.compile_cache import njit

products_of_rows = {4: products_512, 2: products_256}.get(widest_lanes(), products_128)

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
        nothing = np.zeros((TOGETHER, *self.x.shape[1:]), dtype=np.uint64)
        self.nothing = nothing[:1]
        x_part = np.empty((giants, POINTS, 2, TOGETHER), dtype=np.uint64)
        self.sums(self.x, nothing, x_part)
        self.x_part = x_part[..., 0].copy()

    def evaluate(self, alpha: np.ndarray, beta: np.ndarray) -> np.ndarray:
        """Output bits parity(p(alpha) AND beta), uint8 (rows,); alpha, beta: uint64 (rows, 3)."""
        rows = ROWS_AT_A_TIME
        output = np.empty(len(alpha), dtype=np.uint8)
        y = np.empty((rows, *self.x.shape[1:]), dtype=np.uint64)
        giant = np.empty((3, rows), dtype=np.uint64)
        sums = np.empty((len(self.x), POINTS, 2, rows), dtype=np.uint64)
        y_part = np.empty((1, POINTS, 2, rows), dtype=np.uint64)
        chunk = np.zeros((3, rows), dtype=np.uint64)
        for start in range(0, len(alpha), rows):
            some = slice(start, start + rows)
            chunk[:, : len(alpha[some])] = alpha[some].T
            _lay_out_powers(chunk, self.field, y, giant)
            self.sums(self.x, y, sums)
            self.sums(self.nothing, y, y_part)
            _combine(sums, self.x_part, y_part[0], giant, self.field, beta[some], output[some])
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
def _lay_out_powers(alpha, field, y, giant):
    """y[row]: the powers alpha^(K-1) .. 1 as `_laid_out` puts them, but each pair swapped; giant = alpha^K.

    alpha, giant: uint64 (3, rows).
    """
    rows, groups, width = y.shape[0], y.shape[1], y.shape[3]
    nothing = np.zeros((6, rows), dtype=np.uint64)
    giant[:] = np.uint64(0)
    giant[0] = np.uint64(1)
    for k in range(groups * width - 1, -1, -1):
        group, place = k // width, (k % width) ^ 1
        for row in range(rows):
            a0, a1, a2 = giant[0, row], giant[1, row], giant[2, row]
            y[row, group, 0, place] = a0
            y[row, group, 1, place] = a1
            y[row, group, 2, place] = a2
            y[row, group, 3, place] = a0 ^ a1
            y[row, group, 4, place] = a0 ^ a2
            y[row, group, 5, place] = a1 ^ a2
        products_of_rows(giant, alpha, nothing, field, giant)


@njit(cache=True, nogil=True)
def _combine(sums, x_part, y_part, giant, field, beta, output):
    """Horner over the blocks in powers of `giant`, then the Hadamard code's bit.

    A block's value at the six points of Karatsuba's products, both corrections applied, gives the six words to add.
    """
    blocks, rows = sums.shape[0], sums.shape[3]
    value = np.zeros((3, rows), dtype=np.uint64)
    plus = np.empty((6, rows), dtype=np.uint64)
    points = np.empty((POINTS, 2, rows), dtype=np.uint64)
    for j in range(blocks):
        for point in range(POINTS):
            for half in range(2):
                part = x_part[j, point, half]
                for row in range(rows):
                    points[point, half, row] = sums[j, point, half, row] ^ y_part[point, half, row] ^ part
        for row in range(rows):
            low, high = points[:, 0, row], points[:, 1, row]
            first, last = low[0] ^ low[1], low[1] ^ low[2]
            first_high, last_high = high[0] ^ high[1], high[1] ^ high[2]
            plus[0, row] = low[0]
            plus[1, row] = high[0] ^ low[3] ^ first
            plus[2, row] = high[3] ^ first_high ^ low[4] ^ first ^ low[2]
            plus[3, row] = high[4] ^ first_high ^ high[2] ^ low[5] ^ last
            plus[4, row] = high[5] ^ last_high ^ low[2]
            plus[5, row] = high[2]
        products_of_rows(value, giant, plus, field, value)
    for row in range(output.size):
        found = np.uint64(0)
        for word in range(3):
            found ^= value[word, row] & beta[row, word]
        output[row] = parity(found)
