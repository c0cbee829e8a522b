"""Names of the files of a session's rounds, and what is left of them after they were erased."""

from __future__ import annotations

from pathlib import Path

from postprocess.errors import InvalidInput

PARAMETERS_FILE = "parameters.json"
SETTINGS_FILE = "settings.bin"
MARKS_FILE = "marks.log"
RECORDS_FILE = "records.log"
ERASED = "erased.json"


def require_not_erased(folder: Path) -> None:
    """Refuse rounds whose strings were erased after their key was delivered; they are never drawn anew."""
    if (folder / ERASED).exists():
        raise InvalidInput(
            f"{folder}: settings and outcomes were erased after the key had left; choose another session id"
        )
