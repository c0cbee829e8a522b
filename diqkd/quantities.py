"""Numbers with their units, as people write them: 40 kHz, 1.8 %, 20 us, 1_500_000."""

from __future__ import annotations

import math
import re
from typing import Any

PREFIXES = {"n": 1e-9, "u": 1e-6, "µ": 1e-6, "μ": 1e-6, "m": 1e-3, "": 1.0, "k": 1e3, "M": 1e6, "G": 1e9}
BASES = ("Hz", "s", "V", "W", "A", "m", "rad")
PLAIN = {"": (1.0, ""), "%": (1e-2, ""), "min": (60.0, "s"), "h": (3600.0, "s"), "/s": (1.0, "Hz"), "1/s": (1.0, "Hz")}
UNITS = PLAIN | {prefix + base: (factor, base) for base in BASES for prefix, factor in PREFIXES.items()}
NUMBER = re.compile(r"([+-]?(?:[0-9][0-9_]*\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]{1,3})?)\s*(\S*)")
EXAMPLES = {"Hz": "40 kHz", "s": "20 us", "": "1.8 %"}


def base_of(unit: str) -> str:
    """The base unit behind a unit: Hz behind kHz; empty for a plain number, and for a unit that is none of these."""
    return UNITS.get(unit.strip(), (1.0, ""))[1]


def quantity(text: str, base: str = "") -> float:
    """A number in the base unit; without a unit it is taken to be in it.

    Raises:
        ValueError: no finite number, or a unit of something else; the message completes 'X is ...'.
    """
    found = NUMBER.fullmatch(text.strip())
    if not found or len(text) > 60:
        raise ValueError("not a number")
    unit = found[2]
    if unit and (unit not in UNITS or (UNITS[unit][1] != base)):
        known = f", write for instance {EXAMPLES[base]}" if base in EXAMPLES else ""
        raise ValueError(f"not a number of {base or 'no unit'}{known}")
    # '1.8 %' is 0.018 to the last digit, which 1.8 * 0.01 is not.
    factor = UNITS[unit][0] if unit else 1.0
    power = round(math.log10(factor))
    number = found[1].replace("_", "")
    mantissa, _, exponent = number.lower().partition("e")
    if math.isclose(10.0**power, factor):
        value = float(f"{mantissa}e{int(exponent or 0) + power}")
    else:
        value = float(number) * factor
    if not math.isfinite(value):
        raise ValueError("not a finite number")
    return value


def in_unit(value: float, unit: str, scale: Any = None) -> str:
    """A value with its unit, as an argument's description names it: 40000.0 in kHz is '40 kHz'."""
    if unit not in UNITS:  # none that is known here: numbers as they are
        unit, scale = "", None
    shown = value / (float(scale) if scale else UNITS[unit][0])
    number = f"{shown:.10g}" if abs(shown) < 1e10 else f"{shown:g}"
    return f"{number} {unit}".strip()
