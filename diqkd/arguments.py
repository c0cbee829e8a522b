"""Argument types that several subcommands share; each failure is one line that says what to write instead."""

from __future__ import annotations

import argparse
from fractions import Fraction


def gamma(text: str) -> Fraction:
    """Probability of a Bell-test round, k/256, written as a fraction or a decimal number."""
    try:
        value = Fraction(text)
    except (ValueError, ZeroDivisionError):
        raise argparse.ArgumentTypeError(f"{text!r} is not a fraction; write k/256, for instance 13/256") from None
    if not 0 < value < 1 or (value * 256).denominator != 1:
        nearest = min(255, max(1, round(float(value) * 256)))
        raise argparse.ArgumentTypeError(f"{text} is not k/256 with k from 1 to 255; the nearest is {nearest}/256")
    return value


BEST = "best"


def gamma_or_best(text: str) -> Fraction | str:
    """k/256, or 'best' for the one with the longest key."""
    return BEST if text == BEST else gamma(text)


def count_or_zero(text: str) -> int:
    """A whole number, 0 or more."""
    return 0 if text.strip() == "0" else count(text)


def count(text: str) -> int:
    """A positive whole number; 1e6 and 1_500_000 are understood."""
    try:
        value = float(text.replace("_", ""))
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number; write for instance 1500000 or 1.5e6") from None
    if value != value or value < 1 or value > 1e9 or value != int(value):
        raise argparse.ArgumentTypeError(f"{text} is not a whole number from 1 to 1e9")
    return int(value)
