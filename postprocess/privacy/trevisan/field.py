"""Binary fields GF(2^l): which polynomial, and how a polynomial is proven irreducible.

Elements and polynomials over GF(2) are Python integers here, bit b being the coefficient of x^b. This module only
chooses the field; arithmetic on whole strings is done by the kernels beside it.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

from postprocess.errors import InvalidInput

MAX_DEGREE = 191
"""Largest field degree: an element fits three 64-bit words and an unreduced product six."""


def remainder(dividend: int, divisor: int) -> int:
    """Remainder of a division of polynomials over GF(2)."""
    degree = divisor.bit_length()
    while (excess := dividend.bit_length() - degree) >= 0:
        dividend ^= divisor << excess
    return dividend


def greatest_common_divisor(a: int, b: int) -> int:
    """Greatest common divisor of two polynomials over GF(2)."""
    while b:
        a, b = b, remainder(a, b)
    return a


def square(a: int) -> int:
    """Square of a polynomial over GF(2): its bits move to the even places."""
    return int(f"{a:b}", 4)  # binary digits read in base 4 stand two bits apart


def is_irreducible(polynomial: int) -> bool:
    """Whether a polynomial over GF(2) is irreducible (Ben-Or: it shares no factor with x^(2^i) - x, i <= degree/2)."""
    degree = polynomial.bit_length() - 1
    if degree < 1 or not polynomial & 1:
        return polynomial == 0b10
    power = 0b10
    for _ in range(degree // 2):
        power = remainder(square(power), polynomial)
        if greatest_common_divisor(polynomial, power ^ 0b10) != 1:
            return False
    return True


def _candidates(degree: int) -> Iterator[tuple[int, ...]]:
    """Middle exponents of trinomials, then pentanomials, smallest first."""
    for k in range(1, degree):
        yield (k,)
    for a in range(3, degree):
        for b in range(2, a):
            for c in range(1, b):
                yield (a, b, c)


@lru_cache(maxsize=256)
def middle_exponents(degree: int) -> tuple[int, ...]:
    """Middle exponents of the field polynomial x^degree + ... + 1.

    The trinomial x^l + x^k + 1 of smallest k or, where no trinomial is irreducible, the pentanomial
    x^l + x^a + x^b + x^c + 1 with the smallest (a, b, c), a > b > c.

    Args:
        degree: l, from 2 to 191.

    Returns:
        (k,) or (a, b, c); never above l/2, so two foldings reduce any product.

    Raises:
        InvalidInput: the degree is outside the supported range.
    """
    if not 2 <= degree <= MAX_DEGREE:
        raise InvalidInput(f"field GF(2^{degree}): degrees from 2 to {MAX_DEGREE} are supported; choose a larger eps1")
    for middle in _candidates(degree):
        if is_irreducible(sum(1 << e for e in (degree, *middle, 0))):
            return middle
    raise AssertionError(f"no irreducible trinomial or pentanomial of degree {degree}")  # none is known up to 10 000
