"""What every maker of a drawing gives back."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from contract.patterns import PATTERNS
from postprocess.figures.table import Table
from postprocess.shaping.dataset_values import MOST

if TYPE_CHECKING:
    from matplotlib.figure import Figure

PATTERN_NAMES = tuple(f"{pattern:04b}" for pattern in PATTERNS)


@dataclass(frozen=True)
class Drawing:
    """A picture and its numbers: `name` is the end of its files' names, `tables` one CSV per panel ("" for one)."""

    name: str
    tables: Mapping[str, Table]
    draw: Callable[[], Figure]


def array_of(values: Mapping[str, object], name: str, *shape: int | None) -> np.ndarray | None:
    """A dataset as float64 if it is an array of this shape (None: any length), else None."""
    found = values.get(name)
    if not isinstance(found, np.ndarray) or found.dtype.kind not in "biuf" or found.ndim != len(shape):
        return None
    fits = all(wanted is None or wanted == length for wanted, length in zip(shape, found.shape, strict=True))
    return found.astype(np.float64) if fits else None


def counts_of(values: Mapping[str, object], name: str, *shape: int | None) -> np.ndarray | None:
    """Numbers of rounds of this shape as float64, with at least one round; else None."""
    found = array_of(values, name, *shape)
    return found if found is not None and ((found >= 0) & (found <= MOST)).all() and found.any() else None


def share_errors(counts: np.ndarray, axis: int | tuple[int, ...]) -> tuple[np.ndarray, np.ndarray]:
    """Shares of the sum along `axis` and their multinomial standard errors; an outcome that was never, or always, found
    has that of half a count, for its share is not known exactly. NaN where nothing was counted.
    """
    total = counts.sum(axis=axis, keepdims=True)
    with np.errstate(invalid="ignore", divide="ignore"):
        shares = counts / total
        likely = np.clip(shares, 0.5 / total, 1 - 0.5 / total)
        return shares, np.sqrt(likely * (1 - likely) / total)
