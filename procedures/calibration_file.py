"""The calibration file of a node: measured values that override single default settings, with date and source.

JSON object, one entry per setting, named by its place in NodeSettings:
    {"readout.threshold": {"value": 6, "error": 0.08, "measured": "2026-05-04T12:00:00+00:00", "by": "CalibrateReadout",
                           "goodness": {"reduced_chi_square": 1.02, "degrees": 37, "p_value": 0.44},
                           "rid": 17, "revision": "...", "history": [...]}, ...}
Only "value" must be there: an entry made by hand or by an older version has less. "error" is the standard error of the
value, "rid" the run that measured it, "history" what the entry was before, newest first, at most MOST_HISTORY times.
Numbers are in the units of node.settings (SI, rad). The schedule of a round is no calibration: both nodes rely on it.
"""

import json
from dataclasses import fields, is_dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from node.node_errors import CalibrationError
from node.settings import NodeSettings
from postprocess.errors import InvalidInput
from postprocess.storage.bounded_files import MissingFile, read_object
from postprocess.storage.private_files import changing, write_private

MOST_HISTORY = 100
NOT_CALIBRATED = ("schedule", "key_bases")  # both nodes rely on them


def calibrated(defaults: NodeSettings, path: Path) -> NodeSettings:
    """`defaults` with the values of the calibration file at `path`; unchanged if there is no such file.

    Raises:
        CalibrationError: the file does not read as JSON of this form, or a value does not fit its setting.
    """
    return _applied(defaults, path, read(path))


def _applied(defaults: NodeSettings, path: Path, entries: dict[str, Any]) -> NodeSettings:
    settings = defaults
    for name, entry in entries.items():
        try:
            settings = _override(settings, name.split("."), entry["value"])
        except (KeyError, TypeError, ValueError, OverflowError) as problem:
            raise CalibrationError(f"{path}: {name}: {_reason(problem)}; correct or delete this entry") from None
    return settings


def read(path: Path) -> dict[str, dict[str, Any]]:
    """Entries of the calibration file, name -> {"value", "measured", "by"}; empty if there is no file."""
    try:
        return read_object(path, "correct or delete it")
    except MissingFile:
        return {}
    except InvalidInput as problem:
        raise CalibrationError(str(problem)) from None


def write(
    defaults: NodeSettings,
    path: Path,
    values: dict[str, Any],
    by: str,
    errors: dict[str, Any] | None = None,
    goodness: dict[str, float] | None = None,
    rid: int | None = None,
    revision: str = "",
) -> NodeSettings:
    """Add or replace calibrated values, all or none, durably (0600); returns the settings that follow.

    Args:
        values: name of the setting -> value, e.g. {"qubit.mapping.frequency": 200.01e6}.
        by: what measured them, for the log book.
        errors: standard errors of those that have one, in the unit of the value.
        goodness: of the fit behind them, postprocess.calibration.curve_fit.goodness_of.
        rid: of the run; revision: of this software.
    """
    with changing(Path(path).parent):
        entries = read(path)
        now = datetime.now(UTC).isoformat(timespec="seconds")
        for name, value in values.items():
            told = {"error": (errors or {}).get(name), "goodness": goodness, "rid": rid, "revision": revision or None}
            new = {"value": value, "measured": now, "by": by} | {key: of for key, of in told.items() if of is not None}
            entries[name] = new | {"history": _earlier(entries.get(name))}
        settings = _applied(defaults, path, entries)
        write_private(Path(path), json.dumps(entries, indent=1, sort_keys=True).encode())
    return settings


def _earlier(entry: dict[str, Any] | None) -> list[dict[str, Any]]:
    """What an entry that is replaced leaves to its successor."""
    if entry is None:
        return []
    old = entry.get("history")
    bare = {key: of for key, of in entry.items() if key != "history"}
    return [bare, *(old if isinstance(old, list) else [])][:MOST_HISTORY]


def _override(settings: Any, path: list[str], value: Any) -> Any:
    head, rest = path[0], path[1:]
    names = [field.name for field in fields(settings) if field.name not in NOT_CALIBRATED]
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
