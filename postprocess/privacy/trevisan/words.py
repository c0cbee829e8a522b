"""Field elements as three 64-bit words (least significant first), shared by every path of the extractor (numba).

A product of two elements of GF(2^l), l <= 191, has at most 381 bits: six words. Because the middle exponents of the
field polynomial never exceed l/2, two foldings of the upper part reduce any product.
"""

from __future__ import annotations

import numpy as np

from postprocess.privacy.trevisan.field import middle_exponents
from postprocess.support.compile_cache import njit


def field_words(degree: int) -> np.ndarray:
    """The field as kernels take it.

    Args:
        degree: l, from 2 to 191.

    Returns:
        uint64 array (7,): l, three middle exponents (k, 0, 0 for a trinomial: the two zeros cancel), three words of l
        ones.
    """
    middle = middle_exponents(degree)
    ones = (1 << degree) - 1
    masks = [ones >> 64 * word & (1 << 64) - 1 for word in range(3)]
    return np.array([degree, *(middle if len(middle) == 3 else (*middle, 0, 0)), *masks], dtype=np.uint64)


@njit(cache=True, nogil=True)
def shift_left(a0, a1, a2, places):
    """Three words shifted up by 0 to 127 places, five words out."""
    bits = places & np.uint64(63)
    down = np.uint64(63) - bits
    one = np.uint64(1)
    b0 = a0 << bits
    b1 = (a1 << bits) | ((a0 >> one) >> down)
    b2 = (a2 << bits) | ((a1 >> one) >> down)
    b3 = (a2 >> one) >> down
    if places < np.uint64(64):
        return b0, b1, b2, b3, np.uint64(0)
    return np.uint64(0), b0, b1, b2, b3


@njit(cache=True, nogil=True)
def upper_part(p0, p1, p2, p3, p4, p5, degree):
    """Bits from `degree` on of six words; the result fits three words."""
    if degree >= np.uint64(128):
        p0, p1, p2, p3 = p2, p3, p4, p5
    elif degree >= np.uint64(64):
        p0, p1, p2, p3 = p1, p2, p3, p4
    bits = degree & np.uint64(63)
    up = np.uint64(63) - bits
    one = np.uint64(1)
    return (
        (p0 >> bits) | ((p1 << one) << up),
        (p1 >> bits) | ((p2 << one) << up),
        (p2 >> bits) | ((p3 << one) << up),
    )


@njit(cache=True, nogil=True)
def fold(h0, h1, h2, field):
    """h * (x^a + x^b + x^c + 1), five words: what x^l * h equals modulo the field polynomial."""
    a0, a1, a2, a3, a4 = shift_left(h0, h1, h2, field[1])
    b0, b1, b2, b3, b4 = shift_left(h0, h1, h2, field[2])
    c0, c1, c2, c3, c4 = shift_left(h0, h1, h2, field[3])
    return h0 ^ a0 ^ b0 ^ c0, h1 ^ a1 ^ b1 ^ c1, h2 ^ a2 ^ b2 ^ c2, a3 ^ b3 ^ c3, a4 ^ b4 ^ c4


@njit(cache=True, nogil=True)
def reduce_product(p0, p1, p2, p3, p4, p5, field):
    """Six words modulo the field polynomial, three words."""
    zero = np.uint64(0)
    h0, h1, h2 = upper_part(p0, p1, p2, p3, p4, p5, field[0])
    f0, f1, f2, f3, f4 = fold(h0, h1, h2, field)
    f0, f1, f2 = f0 ^ (p0 & field[4]), f1 ^ (p1 & field[5]), f2 ^ (p2 & field[6])
    h0, h1, h2 = upper_part(f0, f1, f2, f3, f4, zero, field[0])
    g0, g1, g2, _, _ = fold(h0, h1, h2, field)
    return g0 ^ (f0 & field[4]), g1 ^ (f1 & field[5]), g2 ^ (f2 & field[6])


@njit(cache=True, nogil=True)
def parity(word):
    """Parity of the bits of one word."""
    for shift in (32, 16, 8, 4, 2, 1):
        word ^= word >> np.uint64(shift)
    return word & np.uint64(1)


@njit(cache=True, nogil=True)
def one_bit_seeds(seed_block, t_plus, first, alpha, beta, degree):
    """Seeds (alpha, beta) of consecutive rows of one block of the weak design.

    Row j with digits d of j in base t_plus takes column x from row q(x) = sum_e d_e x^e mod t_plus of the block's seed,
    read as a square of side t_plus. The lowest digit only adds a constant, so q is evaluated once per t_plus rows.

    Args:
        seed_block: uint8 (t_plus^2,), bits of this block's seed.
        t_plus: prime side of the square.
        first: first row.
        alpha, beta: uint64 (rows, 3), zeroed; filled here.
        degree: l; columns 0..l-1 make alpha, l..2l-1 beta, least significant bit first.
    """
    high = np.empty(2 * degree, dtype=np.int64)
    for row in range(alpha.shape[0]):
        lowest = (first + row) % t_plus
        if row == 0 or lowest == 0:
            for x in range(2 * degree):
                digits = (first + row) // t_plus
                power, value = x, 0
                while digits:
                    value = (value + digits % t_plus * power) % t_plus
                    power = power * x % t_plus
                    digits //= t_plus
                high[x] = value
        for x in range(degree):
            word, bit = x >> 6, np.uint64(x & 63)
            q = high[x] + lowest
            q -= t_plus * (q >= t_plus)
            alpha[row, word] |= np.uint64(seed_block[x + t_plus * q]) << bit
            x += degree
            q = high[x] + lowest
            q -= t_plus * (q >= t_plus)
            beta[row, word] |= np.uint64(seed_block[x + t_plus * q]) << bit
