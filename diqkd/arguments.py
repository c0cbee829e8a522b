"""Argument types that several subcommands share; each failure is one line that says what to write instead."""

from __future__ import annotations

import argparse
import math
import re
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

from diqkd.quantities import quantity

SHOWN = 40
MOST_SEED = (1 << 63) - 1


def shown(text: str) -> str:
    """An argument as part of a message: printable, and not longer than a line bears."""
    quoted = ascii(text)
    return quoted if len(quoted) <= SHOWN else f"{quoted[:SHOWN]}..."


def gamma(text: str) -> Fraction:
    """Probability of a Bell-test round, k/256, written as a fraction or a decimal number."""
    try:
        # Fraction("1e999999") would be computed to its last digit.
        if not re.fullmatch(r"[0-9]{1,20}(/[0-9]{1,20})?|[0-9]{0,20}\.?[0-9]{1,20}([eE][+-]?[0-9]{1,3})?", text):
            raise ValueError
        value = Fraction(text)
    except (ValueError, ZeroDivisionError):
        raise argparse.ArgumentTypeError(
            f"{shown(text)} is not a fraction; write k/256 with k from 1 to 255, for instance 13/256"
        ) from None
    if not 0 < value < 1 or (value * 256).denominator != 1:
        nearest = min(255, max(1, round(value * 256)))
        raise argparse.ArgumentTypeError(f"{text} is not k/256 with k from 1 to 255; the nearest is {nearest}/256")
    return value


BEST = "best"


def gamma_or_best(text: str) -> Fraction | str:
    """k/256, or 'best' for the one with the longest key."""
    return BEST if text == BEST else gamma(text)


def whole(least: int, most: int) -> Callable[[str], int]:
    """Argument type: a whole number between two bounds; 1e6 and 1_500_000 are understood."""

    def read(text: str) -> int:
        try:
            value = int(text) if re.fullmatch(r"[+-]?[0-9]{1,19}", text.strip()) else float(text.replace("_", ""))
            whole_value = int(value)
        except (ValueError, OverflowError):
            raise argparse.ArgumentTypeError(
                f"{shown(text)} is not a number; write for instance {max(least, min(1_500_000, most))}"
            ) from None
        if whole_value != value or not least <= whole_value <= most:
            raise argparse.ArgumentTypeError(
                f"{shown(text)} is not a whole number from {_short(least)} to {_short(most)}"
            )
        return whole_value

    return read


def real(least: float, most: float, base: str = "") -> Callable[[str], float]:
    """Argument type: a number between two bounds, in the base unit; 20 ms or 40 kHz are understood where they fit."""

    def read(text: str) -> float:
        try:
            value = quantity(text, base)
        except ValueError:
            value = math.nan
        if not least <= value <= most:
            unit = f" {base}" if base else ""
            raise argparse.ArgumentTypeError(f"{shown(text)} is not a number from {least:g} to {most:g}{unit}")
        return value

    return read


def _short(number: int) -> str:
    if number == MOST_SEED:
        return "2^63 - 1"
    return f"{number:g}" if float(f"{number:g}") == number else str(number)


count = whole(1, 1_000_000_000)
count_or_zero = whole(0, 1_000_000_000)
rounds = whole(1, 100_000_000)
block_rounds = whole(1, 1_000_000)
sessions = whole(1, 10_000)
processes = whole(1, 4096)
seed = whole(0, MOST_SEED)
priority = whole(-1000, 1000)
score = real(0, 2 * math.sqrt(2))
probability = real(1e-300, 1)
seconds = real(0, 1e7, "s")
herald_rate = real(1e-3, 1e5, "Hz")


def duration(text: str) -> float:
    """A time in seconds, from 1 s to some years."""
    try:
        return real(1, 1e8, "s")(text)
    except argparse.ArgumentTypeError:
        raise argparse.ArgumentTypeError(
            f"{shown(text)} is not a time from 1 s to 27000 h; write for instance '8 h'"
        ) from None


def qber(text: str) -> float:
    """An error rate: a probability, or per cent with the sign written."""
    try:
        return real(0, 0.5)(text)
    except argparse.ArgumentTypeError:
        raise argparse.ArgumentTypeError(f"{shown(text)} is not an error rate up to 0.5; write 0.018 or 1.8%") from None


def path(text: str) -> Path:
    """A file or folder with a name that a disk can hold."""
    try:
        encoded = text.encode()
    except UnicodeEncodeError:
        raise argparse.ArgumentTypeError(f"{shown(text)} is not a name in UTF-8; rename the file or folder") from None
    if not text or "\0" in text:
        raise argparse.ArgumentTypeError(f"{shown(text)} is not the name of a file or folder")
    if len(encoded) > 4000 or any(len(part) > 230 for part in encoded.split(b"/")):
        raise argparse.ArgumentTypeError(f"{shown(text)} is too long; write at most 230 bytes between two slashes")
    return Path(text)


def word(text: str) -> str:
    """A name or address: printable ASCII."""
    if not re.fullmatch(r"[ -~]{1,4000}", text):
        raise argparse.ArgumentTypeError(f"{shown(text)} has characters that no name here has, or too many")
    return text
