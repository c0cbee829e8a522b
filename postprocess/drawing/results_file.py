"""A results file (HDF5) as ARTIQ's master or `diqkd run` writes it: public datasets by name, and their origin."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from postprocess.errors import InvalidInput
from postprocess.shaping.apparatus_marks import data_marks
from postprocess.shaping.dataset_values import text

if TYPE_CHECKING:
    import h5py

RUNS = ("diqkd.calibration", "diqkd.characterisation", "diqkd.rounds")
MOST_NUMBERS = 1 << 28
LONGEST_NAME = 120
LARGEST = 1e100


@dataclass(frozen=True)
class Results:
    """What is drawn.

    Attributes:
        name: of the file or the session, for captions and names of files.
        origin: experiment, node, date, as far as they are known.
        values: dataset name -> str, number or numpy array.
    """

    name: str
    origin: str
    values: dict[str, Any]

    @property
    def below_title(self) -> str:
        """What stands below the title of each drawing: origin, and that the ions were none where they were not."""
        marks = dict.fromkeys(mark for run in RUNS for mark in data_marks(self.values, run))
        return "; ".join((self.origin, *marks))


def read_results(path: Path) -> Results:
    """All public datasets of a results file; what cannot be drawn (objects, giants) is left out.

    Raises:
        InvalidInput: no such file, no HDF5, or no datasets in it.
    """
    import h5py

    try:
        with h5py.File(path, "r") as file:
            group = file.get("datasets")
            if not isinstance(group, h5py.Group):
                raise InvalidInput(f"{path}: no group 'datasets'; name a results file (.h5) of an ARTIQ experiment")
            values = {name: value for name in group if (value := _value(group, name)) is not None}
            return Results(path.stem, _origin(file, path, values), values)
    except (OSError, RuntimeError) as problem:  # what HDF5 raises for files that are damaged, inside as at the door
        why = "no such file" if not path.exists() else "cannot be read as HDF5"
        raise InvalidInput(f"{path}: {why}; name a results file (.h5) of an experiment") from problem


def _value(group: h5py.Group, name: str) -> Any:
    import h5py

    found = group.get(name)
    if not isinstance(found, h5py.Dataset) or found.shape is None or found.size > MOST_NUMBERS:
        return None
    value = found[()]
    if isinstance(value, bytes):
        return value.decode(errors="replace")
    if isinstance(value, str):
        return value
    return drawable(value) if isinstance(value, np.generic | np.ndarray) and value.dtype.kind in "biuf" else None


def drawable(value: Any) -> Any:
    """Numbers as they are, but NaN (unknown) where one is infinite or larger than anything that is measured."""
    if not np.issubdtype(value.dtype, np.floating):
        return value
    return np.where(np.abs(value) < LARGEST, value, np.nan)[()]


def _origin(file: h5py.File, path: Path, values: dict[str, Any]) -> str:
    told = _described(values)
    experiment = told.get("experiment") or _experiment(file) or path.stem
    parts = [experiment, told.get("node") or text(values, "diqkd.rounds.node"), _day(file)]
    return ", ".join(part[:LONGEST_NAME] for part in parts if part)


def _described(values: dict[str, Any]) -> dict[str, str]:
    """What a file says of itself, where it does."""
    try:
        content = json.loads(text(values, "diqkd.description") or "{}")
    except (ValueError, RecursionError):
        return {}
    return {name: told for name, told in content.items() if isinstance(told, str)} if isinstance(content, dict) else {}


def _experiment(file: h5py.File) -> str | None:
    """Class of the experiment, from `expid` (PYON, of which a class name is as in JSON)."""
    stored = file.get("expid")
    content = stored[()] if stored is not None else b""
    found = re.search(r'"class_name": ("(?:[^"\\]|\\.)*")', content.decode(errors="replace")) if content else None
    return str(json.loads(found[1])) if found else None


def _day(file: h5py.File) -> str:
    stored = file.get("start_time")
    try:
        return "" if stored is None else datetime.fromtimestamp(float(stored[()])).strftime("%d %b %Y, %H:%M")
    except (ValueError, OverflowError, TypeError, OSError):
        return ""
