"""The calibration file of a node: measured values that override single default settings, with date and source.

JSON object, one entry per setting, named by its place in NodeSettings:
    {"readout.threshold": {"value": 6, "measured": "2026-05-04T12:00:00+00:00", "by": "ReadoutHistogram"}, ...}
Numbers are in the units of node.settings (SI, rad). The schedule of a round is no calibration: both nodes rely on it.
"""

import json
import os
from dataclasses import fields, is_dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from node.node_errors import CalibrationError
from node.settings import NodeSettings


def calibrated(defaults: NodeSettings, path: Path) -> NodeSettings:
    """`defaults` with the values of the calibration file at `path`; unchanged if there is no such file.

    Raises:
        CalibrationError: the file does not read as JSON of this form, or a value does not fit its setting.
    """
    settings = defaults
    for name, entry in read(path).items():
        try:
            settings = _override(settings, name.split("."), entry["value"])
        except (KeyError, TypeError, ValueError) as problem:
            raise CalibrationError(f"{path}: {name}: {_reason(problem)}; correct or delete this entry") from None
    return settings


def read(path: Path) -> dict[str, dict[str, Any]]:
    """Entries of the calibration file, name -> {"value", "measured", "by"}; empty if there is no file."""
    try:
        entries = json.loads(Path(path).read_text())
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as problem:
        raise CalibrationError(f"{path}: not a calibration file ({problem}); correct or delete it") from None
    if not isinstance(entries, dict):
        raise CalibrationError(f"{path}: a JSON object with one entry per setting is needed; correct or delete it")
    return entries


def write(defaults: NodeSettings, path: Path, values: dict[str, Any], by: str) -> NodeSettings:
    """Add or replace calibrated values, all or none, durably (0600); returns the settings that follow.

    Args:
        values: name of the setting -> value, e.g. {"qubit.mapping.frequency": 200.01e6}.
        by: what measured them, for the log book.
    """
    entries = read(path)
    now = datetime.now(UTC).isoformat(timespec="seconds")
    entries.update({name: {"value": value, "measured": now, "by": by} for name, value in values.items()})
    temporary = Path(f"{path}.new")
    with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        json.dump(entries, file, indent=1, sort_keys=True)
        file.flush()
        os.fsync(file.fileno())
    try:
        settings = calibrated(defaults, temporary)
    except CalibrationError:
        temporary.unlink()
        raise
    temporary.replace(path)
    return settings


def changes(before: Any, after: Any, prefix: str = "") -> list[str]:
    """One line per setting that differs, "readout.threshold: 5 -> 6"."""
    lines = []
    for field in fields(before):
        old, new, name = getattr(before, field.name), getattr(after, field.name), prefix + field.name
        if is_dataclass(old):
            lines += changes(old, new, f"{name}.")
        elif old != new:
            lines.append(f"{name}: {old} -> {new}")
    return lines


def _override(settings: Any, path: list[str], value: Any) -> Any:
    head, rest = path[0], path[1:]
    names = [field.name for field in fields(settings) if field.name != "schedule"]
    if head not in names:
        raise ValueError(f"no setting '{head}' here, only {', '.join(names)}")
    old = getattr(settings, head)
    if is_dataclass(old):
        if not rest:
            raise ValueError(f"name one of its values, {', '.join(field.name for field in fields(old))}")
        return replace(settings, **{head: _override(old, rest, value)})
    if rest:
        raise ValueError(f"'{head}' has no parts")
    return replace(settings, **{head: _like(old, value)})


def _like(old: Any, value: Any) -> Any:
    """`value` as the type of the default it replaces."""
    if isinstance(old, tuple):
        if not isinstance(value, list | tuple) or len(value) != len(old):
            raise ValueError(f"a list of {len(old)} numbers is needed")
        return tuple(_like(a, b) for a, b in zip(old, value, strict=True))
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError("a number is needed")
    if isinstance(old, int):
        if value != int(value):
            raise ValueError("a whole number is needed")
        return int(value)
    return float(value)


def _reason(problem: Exception) -> str:
    return "no 'value'" if isinstance(problem, KeyError | TypeError) else str(problem)
