"""What a figure shows as numbers, and how much work may go into it."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from postprocess.errors import InvalidInput
from postprocess.storage.whole_files import write_whole

if TYPE_CHECKING:
    import numpy as np

FEWEST_ROUNDS = 20_000

Progress = Callable[[float, str], None]
"""Called with the fraction done, 0 to 1, and what is being worked on."""


@dataclass(frozen=True)
class Settings:
    """How finely a figure is made; raises InvalidInput where that makes no figure.

    Attributes:
        points: points per computed curve.
        samples: Monte-Carlo samples per measured point.
        rounds: n of a measured figure, the largest n where it has several; None takes the figure's own.
        trials: folder for the counts of measured points, from which an interrupted figure continues; None keeps none.
        workers: local processes for Monte-Carlo; None takes one per core.
    """

    points: int = 60
    samples: int = 20
    rounds: int | None = None
    trials: Path | None = None
    workers: int | None = None

    def __post_init__(self) -> None:
        if self.points < 2:
            raise InvalidInput(f"points = {self.points}: a curve needs at least 2")
        if self.rounds is not None and self.rounds < FEWEST_ROUNDS:
            raise InvalidInput(f"rounds = {self.rounds}: the figures on reconciliation begin at {FEWEST_ROUNDS}")


@dataclass(frozen=True)
class Table:
    """Columns of one panel, all equally long, named with units; `note` says what is computed and what measured."""

    note: str
    columns: Mapping[str, np.ndarray]

    def __post_init__(self) -> None:
        lengths = {name: len(column) for name, column in self.columns.items()}
        if len(set(lengths.values())) != 1:
            raise ValueError(f"columns of one table must be equally long, not {lengths}")

    def __getitem__(self, name: str) -> np.ndarray:
        return self.columns[name]

    def write_csv(self, path: Path) -> None:
        """The note as a comment line, a line of names, then the rows; missing values (nan) are empty."""
        lines = io.StringIO()
        lines.write(f"# {self.note}\n")
        writer = csv.writer(lines, lineterminator="\n")
        writer.writerow(self.columns)
        for row in zip(*self.columns.values(), strict=True):
            writer.writerow(["" if value != value else value for value in row])
        write_whole(path, lines.getvalue().encode())
