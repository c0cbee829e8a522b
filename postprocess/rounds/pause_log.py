"""Why the rounds of a session paused, and where: public words, beside its records, those of interrupted runs included.

pauses.json: JSON object {"pauses": [[rounds that were over, cause], ...]}.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from postprocess.errors import InvalidInput
from postprocess.storage.bounded_files import MissingFile, read_object
from postprocess.storage.private_files import write_private

FILE = "pauses.json"
MOST_PAUSES = 5000
REMEDY = "delete it: only the causes of pauses are lost"


@dataclass(frozen=True)
class PauseCause:
    """A pause that both nodes agreed on: after how many rounds, and who or what asked for it."""

    after_round: int
    cause: str


def pause_causes(folder: Path) -> tuple[PauseCause, ...]:
    """All of them, in order; empty when there were none.

    Raises:
        InvalidInput: a damaged file.
    """
    try:
        entries = read_object(folder / FILE, REMEDY).get("pauses")
        return tuple(PauseCause(int(after_round), str(cause)) for after_round, cause in entries or ())
    except MissingFile:
        return ()
    except (TypeError, ValueError) as problem:
        if isinstance(problem, InvalidInput):
            raise
        raise InvalidInput(f"{folder / FILE}: damaged; {REMEDY}") from None


def note_pause(folder: Path, after_round: int, cause: str) -> None:
    """Add one; the same pause agreed on again, after a restart, stays one. A damaged file begins anew."""
    try:
        known = pause_causes(folder)
    except InvalidInput:
        known = ()
    pause = PauseCause(after_round, cause)
    if pause in known or len(known) >= MOST_PAUSES:
        return
    entries = [[each.after_round, each.cause] for each in (*known, pause)]
    write_private(folder / FILE, json.dumps({"pauses": entries}).encode())
