"""Formulas of the key-length rules in interval arithmetic (mpmath.iv): every rounding outwards.

Arguments are exact (int, Fraction, or a float taken as the number it is) or intervals; results are intervals that hold
the true value. Logarithms are base 2.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from mpmath import iv

PRECISION_BITS = 200

Interval = Any


def exact(number: int | float | Fraction) -> Interval:
    """The interval around a number."""
    iv.prec = PRECISION_BITS
    if isinstance(number, Fraction):
        return iv.mpf(number.numerator) / iv.mpf(number.denominator)
    return iv.mpf(number)


def log2(x: Interval) -> Interval:
    """log x, x > 0."""
    return iv.log(x) / iv.log(iv.mpf(2))


def power(x: Interval, exponent: Interval) -> Interval:
    """x^exponent for x > 0."""
    return iv.exp(iv.log(x) * exponent)


def binary_entropy(p: Interval) -> Interval:
    """h(p) for p strictly between 0 and 1."""
    return -(p * log2(p) + (1 - p) * log2(1 - p))


def smoothing_cost(epsilon: Interval) -> Interval:
    """theta(eps) = -log(1 - sqrt(1 - eps^2)), as 2 log(1/eps) + log(1 + sqrt(1 - eps^2))."""
    return -2 * log2(epsilon) + log2(1 + iv.sqrt(1 - epsilon**2))


def excess_score(omega: Interval) -> Interval:
    """r = sqrt(S^2/4 - 1) with S = 8 w - 4, for w > 3/4."""
    return iv.sqrt((4 * omega - 2) ** 2 - 1)


def eta(omega: Interval) -> Interval:
    """Entropy bound eta(w): 0 up to w = 3/4."""
    if omega.b <= 0.75:
        return iv.mpf(0)
    r = excess_score(omega)
    return 1 - binary_entropy((1 + r) / 2)


def eta_slope(omega: Interval) -> Interval:
    """eta'(w) for w > 3/4: 4 sqrt(1 + r^2) artanh(r) / (r ln 2)."""
    r = excess_score(omega)
    artanh = (iv.log(1 + r) - iv.log(1 - r)) / 2
    return 4 * iv.sqrt(1 + r**2) * artanh / (r * iv.log(iv.mpf(2)))


def lower(x: Interval) -> float:
    """A float not above the interval."""
    from mpmath import mpf

    value = float(x.a)
    while mpf(value) > x.a:
        value -= abs(value) * 2**-52 + 5e-324
    return value
