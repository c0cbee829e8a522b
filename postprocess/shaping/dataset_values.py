"""Datasets as they come: what is missing or of another kind is None, what is ahead of the rest is cut."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

import numpy as np

Values = Mapping[str, Any]
MOST = 2.0**53
"""Larger whole numbers are no longer exact as float64, and no number of anything here."""


def text(values: Values, name: str) -> str | None:
    """A string, None if there is none."""
    value = values.get(name)
    return value if isinstance(value, str) else None


def number(values: Values, name: str) -> float | None:
    """A finite number, None if there is none; NaN says 'unknown'."""
    value = values.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float | np.integer | np.floating):
        return None
    return float(value) if -sys.float_info.max <= value <= sys.float_info.max else None


def whole(values: Values, name: str) -> int | None:
    """A number of things, None if there is none."""
    value = number(values, name)
    return int(value) if value is not None and 0 <= value <= MOST else None


def flag(values: Values, name: str) -> bool:
    """Whether a dataset is there and true."""
    return isinstance(value := values.get(name), bool | np.bool_) and bool(value)


def column(values: Values, name: str) -> np.ndarray | None:
    """A list or array as float64 of shape (n,), None if there is none."""
    value = values.get(name)
    if value is None or isinstance(value, str | bytes):
        return None
    try:
        found = np.asarray(value, dtype=np.float64)
    except (TypeError, ValueError, OverflowError):
        return None
    return found if found.ndim == 1 else None


def tally(values: Values, name: str) -> np.ndarray | None:
    """Numbers of things as float64 of shape (n,); None if there are none, or if one of them cannot be such a number."""
    found = column(values, name)
    return found if found is not None and ((found >= 0) & (found <= MOST)).all() else None


def columns(values: Values, *names: str) -> list[np.ndarray] | None:
    """Equally long float64 arrays, None if one is missing.

    An experiment appends to its datasets one after the other, so the first may be a point ahead: cut to the shortest.
    """
    found = [column(values, name) for name in names]
    if any(each is None for each in found):
        return None
    length = min(len(each) for each in found if each is not None)
    return [each[:length] for each in found if each is not None]
