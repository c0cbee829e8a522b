"""The part of VHASH that sees every byte: NH and the polynomial over GF(2^127 - 1) (numba)."""

from __future__ import annotations

import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from postprocess.support.compile_cache import njit

_U64 = types.uint64


@intrinsic
def wide_product(typingctx, a, b):
    """Both halves (high, low) of the 128-bit product of two words."""

    def codegen(context, builder, signature, arguments):
        wide = ir.IntType(128)
        product = builder.mul(*(builder.zext(argument, wide) for argument in arguments))
        high = builder.trunc(builder.lshr(product, ir.Constant(wide, 64)), ir.IntType(64))
        return cgutils.pack_array(builder, [high, builder.trunc(product, ir.IntType(64))])

    return types.UniTuple(_U64, 2)(_U64, _U64), codegen


@njit(cache=True, nogil=True)
def add_wide(a_high, a_low, b_high, b_low):
    """Sum of two double words modulo 2^128."""
    low = a_low + b_low
    return a_high + b_high + np.uint64(low < a_low), low


@njit(cache=True, nogil=True)
def times_point_plus(high, low, k_high, k_low, nh_high, nh_low):
    """value * K + nh modulo 2^127 - 1, for value <= 2^127, K < 2^125, nh < 2^126; the result is at most 2^127."""
    one, zero = np.uint64(1), np.uint64(0)
    w1, w0 = wide_product(low, k_low)
    cross_high, cross_low = wide_product(low, k_high)
    other_high, other_low = wide_product(high, k_low)
    w3, w2 = wide_product(high, k_high)
    carry, w1 = add_wide(zero, w1, zero, cross_low)
    carry, w1 = add_wide(carry, w1, zero, other_low)
    w3, w2 = add_wide(w3, w2, zero, cross_high)
    w3, w2 = add_wide(w3, w2, zero, other_high)
    w3, w2 = add_wide(w3, w2, zero, carry)
    sixty_three = np.uint64(63)
    below = (one << sixty_three) - one
    high, low = add_wide((w3 << one) | (w2 >> sixty_three), (w2 << one) | (w1 >> sixty_three), w1 & below, w0)
    high, low = add_wide(high, low, nh_high, nh_low)
    return add_wide(high & below, low, zero, high >> sixty_three)


@njit(cache=True, nogil=True)
def polynomial_of_blocks(message, nh_key, k_high, k_low):
    """1 * K^B + NH_1 K^(B-1) + ... + NH_B modulo 2^127 - 1, not fully reduced.

    Args:
        message: uint64, little-endian words, an even number; sixteen make a block, the last block may be shorter.
        nh_key: uint64 (16,).
        k_high, k_low: the point K.

    Returns:
        (high, low) words, at most 2^127; (0, 1) for an empty message.
    """
    high, low = np.uint64(0), np.uint64(1)
    two_bits_off = (np.uint64(1) << np.uint64(62)) - np.uint64(1)
    for start in range(0, message.size, 16):
        nh_high, nh_low = np.uint64(0), np.uint64(0)
        for i in range(0, min(16, message.size - start), 2):
            product_high, product_low = wide_product(
                message[start + i] + nh_key[i], message[start + i + 1] + nh_key[i + 1]
            )
            nh_high, nh_low = add_wide(nh_high, nh_low, product_high, product_low)
        high, low = times_point_plus(high, low, k_high, k_low, nh_high & two_bits_off, nh_low)
    return high, low
