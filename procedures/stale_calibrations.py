"""How old the calibrated settings are, and which are too old to begin with."""

from dataclasses import fields, is_dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from node.node_errors import NodeNotReady
from node.settings import NodeSettings
from procedures.calibration_file import NOT_CALIBRATED, read

REMEDY = "calibrate them, or submit with max_age 0"


def ages_h(path: Path, now: datetime | None = None) -> dict[str, float]:
    """Setting -> hours since it was measured, for those of the calibration file; infinite without a readable date.

    Raises:
        CalibrationError: the file does not read.
    """
    now = now or datetime.now(UTC)
    return {name: _age_h(entry, now) for name, entry in read(path).items()}


def stale(ages: dict[str, float], max_age_h: float) -> list[str]:
    """Settings older than `max_age_h`, oldest first; none for 0."""
    old = [name for name, age in ages.items() if max_age_h and age > max_age_h]
    return sorted(old, key=lambda name: (-ages[name], name))


def require_fresh(ages: dict[str, float], max_age_h: float, besides: frozenset[str] = frozenset()) -> None:
    """Refuse stale calibrations by name, apart from those that will be measured `besides`.

    Raises:
        NodeNotReady: names them with their ages.
    """
    named = [f"{name} ({_told(ages[name])})" for name in stale(ages, max_age_h) if name not in besides]
    if named:
        raise NodeNotReady(f"calibrations older than {max_age_h:g} h: {', '.join(named)}; {REMEDY}")


def summary(defaults: NodeSettings, ages: dict[str, float]) -> str:
    """One public line: how many settings are calibrated, the oldest of them, and how many never were."""
    never = len(_names(defaults) - ages.keys())
    untouched = f"{never} settings never calibrated: the operator's defaults"
    if not ages:
        return untouched
    oldest = max(ages, key=lambda name: ages[name])
    return f"{len(ages)} settings calibrated, oldest {oldest} ({_told(ages[oldest])}); {untouched}"


def _told(age_h: float) -> str:
    if age_h == float("inf"):
        return "no date"
    return f"{60 * age_h:.0f} min" if age_h < 1 else f"{age_h:.0f} h"


def _age_h(entry: Any, now: datetime) -> float:
    try:
        measured = datetime.fromisoformat(entry["measured"])
    except (KeyError, TypeError, ValueError):
        return float("inf")
    measured = measured if measured.tzinfo else measured.replace(tzinfo=UTC)
    return max(0.0, (now - measured).total_seconds() / 3600)


def _names(settings: Any, prefix: str = "") -> set[str]:
    found = set()
    for field in fields(settings):
        value = getattr(settings, field.name)
        if field.name not in NOT_CALIBRATED:
            found |= _names(value, f"{prefix}{field.name}.") if is_dataclass(value) else {prefix + field.name}
    return found
