"""How old calibrations were when a session began."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from postprocess.reports.session_facts import Calibrated
from postprocess.shaping.worded_numbers import duration


def calibration_rows(entries: Iterable[Calibrated], opened: str, made: datetime) -> list[tuple[str, str, str, str]]:
    """Setting, what measured it, when, and its age when the session was opened; values are not told.

    Args:
        opened: UTC in ISO 8601, as the ledger has it. made: serves where that does not read.
    """
    try:
        began = datetime.fromisoformat(opened)
    except ValueError:
        began = made
    return [(entry.name, entry.by, _date(entry.measured), _age(entry.measured, began)) for entry in entries]


def _date(measured: datetime | None) -> str:
    return "unknown" if measured is None else f"{measured:%Y-%m-%d %H:%M}"


def _age(measured: datetime | None, began: datetime) -> str:
    if measured is None:
        return "unknown"
    seconds = (began - measured).total_seconds()
    return duration(seconds) if seconds >= 0 else f"measured {duration(-seconds)} after"
