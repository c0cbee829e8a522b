"""A node's log of calibrations: the newest result of each in words, also of those that write no setting.

calibrations.json in the node's home, JSON object:
    {"calibrate_deshelving": {"result": "...", "measured": "2026-05-04T12:00:00+00:00"}, ...}
"""

import json
from datetime import UTC, datetime
from pathlib import Path

from postprocess.errors import InvalidInput
from postprocess.storage.bounded_files import MissingFile, read_object
from postprocess.storage.private_files import changing, write_private

FILE = "calibrations.json"


def times(folder: Path) -> dict[str, str]:
    """When each result was measured, as written; empty if there is no log that reads."""
    try:
        entries = read_object(Path(folder) / FILE, "delete it")
    except InvalidInput:
        return {}
    return {name: str(entry.get("measured", "")) for name, entry in entries.items() if isinstance(entry, dict)}


def keep_result(folder: Path, name: str, line: str) -> None:
    """Add or replace the newest result of a calibration; a log that cannot be read begins anew."""
    with changing(folder):
        path = Path(folder) / FILE
        try:
            entries = read_object(path, "delete it")
        except (MissingFile, InvalidInput):
            entries = {}
        entries[name] = {"result": line, "measured": datetime.now(UTC).isoformat(timespec="milliseconds")}
        write_private(path, json.dumps(entries, indent=1, sort_keys=True).encode())
