"""What a node's calibration file remembers: every value of each setting, newest first."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from postprocess.calibration.running_order import REMEDY, SETTINGS
from postprocess.errors import InvalidInput
from postprocess.storage.bounded_files import MissingFile, read_object


@dataclass(frozen=True)
class CalibratedValue:
    """One value of a setting as it was written, SI; `goodness` see curve_fit.goodness_of. What was not told is None, or
    empty."""

    setting: str
    value: Any
    error: Any
    goodness: dict[str, float]
    measured: str
    by: str
    rid: int | None
    revision: str


def history(home: Path, setting: str = "") -> list[CalibratedValue]:
    """All values of a node's calibration file, by setting and newest first, or those of one setting.

    Args:
        home: of the node.

    Raises:
        InvalidInput: the file is damaged, or has no such setting.
    """
    path = Path(home) / SETTINGS
    try:
        entries = read_object(path, REMEDY)
    except MissingFile:
        entries = {}
    if setting and setting not in entries:
        known = ", ".join(sorted(entries)) or "nothing yet"
        raise InvalidInput(f"{path}: has no value of '{setting}'; there are {known}")
    return [
        _value(name, entry, path)
        for name in sorted(entries)
        if setting in ("", name)
        for entry in (entries[name], *_earlier(entries[name], path))
    ]


def _earlier(entry: Any, path: Path) -> list[Any]:
    found = entry.get("history", []) if isinstance(entry, dict) else []
    if not isinstance(found, list):
        raise InvalidInput(f"{path}: a history is no list; {REMEDY}")
    return found


def _value(name: str, entry: Any, path: Path) -> CalibratedValue:
    if not isinstance(entry, dict) or "value" not in entry:
        raise InvalidInput(f"{path}: {name}: an entry has no value; {REMEDY}")
    goodness, rid = entry.get("goodness"), entry.get("rid")
    return CalibratedValue(
        name,
        entry["value"],
        entry.get("error"),
        goodness if isinstance(goodness, dict) else {},
        str(entry.get("measured", "")),
        str(entry.get("by", "")),
        rid if isinstance(rid, int) else None,
        str(entry.get("revision", "")),
    )
