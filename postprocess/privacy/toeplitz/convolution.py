"""Convolution of bit strings modulo 2, exactly, by a Fourier transform in double precision.

The convolution over the integers counts pairs of ones; its entries are rounded and their parity is taken. Rounding is
right while every computed entry is within 1/2 of its count. For strings a, b and a transform of N points

    |computed - exact| <= c u log2(N) |a| |b|,    c = 64, u = 2^-53, |a| <= sqrt(len a) the Euclidean norm,

to first order in u (the second order is below 10^-12 of it), from three terms:

* A pass of radix 2 to 5 forms each output from r inputs. One product with a twiddle factor (error sqrt(5) u, and 1 u
  for the factor itself) and at most five roundings of sums with coefficients below sqrt(2) keep its error under 16 u
  times the sum of its inputs' moduli. In the Euclidean norm this is a relative error of 16 sqrt(r) u, per factor 2 of
  length below 23 u; a forward transform has 23 u log2 N.
* The product of the transforms adds sqrt(5) u. By Cauchy and Schwarz an error that is relative in the Euclidean norm
  costs every entry of the convolution at most that times |a| |b|.
* In the inverse transform every error reaches an entry with weight at most 1/N, so an entry is off by at most
  16 u log2(N) (1/N) sum |A_k B_k| <= 16 u log2(N) |a| |b|.

23 + 23 + 16 < 64 leaves room for the product. The margin is 2e-7 at 1.5e6 bits and 2e-5 at 1e8 bits. Sources: Higham,
Accuracy and Stability of Numerical Algorithms, 2nd edition, section 24.1; Brent, Percival, Zimmermann, Math. Comp. 76
(2007) 1469, for the complex product.
"""

from __future__ import annotations

import math

import numpy as np
from scipy.fft import irfft, next_fast_len, rfft

from postprocess.errors import InvalidInput

MARGIN = 1 / 8
"""Largest deviation from an integer that is taken, by the bound and in each result; 1/2 would be the limit."""

_PIECE = 1 << 18


def rounding_error_bound(long: int, short: int) -> float:
    """Bound on the error of any count for strings of these lengths; see the module's text."""
    size = next_fast_len(long, real=True)
    return 64 * 2.0**-53 * math.log2(size) * math.sqrt(long * short)


def parity_of_convolution(long: np.ndarray, short: np.ndarray) -> np.ndarray:
    """The convolution modulo 2 where the strings overlap fully: entry i is sum_j long[i - j + len(short) - 1] short[j].

    Args:
        long, short: uint8 of 0/1, neither empty, `short` not the longer one.

    Returns:
        uint8 (len(long) - len(short) + 1,) of 0/1.

    Raises:
        InvalidInput: strings so long that rounding is not proven right (beyond 10^11 bits).
        ArithmeticError: a count further from an integer than the bound allows, which a sound processor never gives.
    """
    if rounding_error_bound(len(long), len(short)) > MARGIN:
        raise InvalidInput(f"convolution of {len(long)} bits: too long for exact rounding in double precision")
    # Entries where the strings overlap fully are free of wrap-around as soon as the transform holds the longer one.
    size = next_fast_len(len(long), real=True)
    spectrum = rfft(_padded(long, size), overwrite_x=True)
    spectrum *= rfft(_padded(short, size), overwrite_x=True)
    counts = irfft(spectrum, size, overwrite_x=True)[len(short) - 1 : len(long)]
    del spectrum
    parity = np.empty(len(counts), dtype=np.uint8)
    for start in range(0, len(counts), _PIECE):
        piece = counts[start : start + _PIECE]
        nearest = np.rint(piece)
        if not np.abs(piece - nearest).max() <= MARGIN:
            raise ArithmeticError("convolution: a count is not an integer; memory or processor at fault")
        parity[start : start + _PIECE] = nearest.astype(np.int64) & 1
    return parity


def _padded(bits: np.ndarray, size: int) -> np.ndarray:
    padded = np.zeros(size)
    padded[: len(bits)] = bits
    return padded
