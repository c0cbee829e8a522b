"""Why the rounds of a session paused, and where: public words, beside its records, those of interrupted runs included.

pauses.json: JSON object {"pauses": [[rounds that were over, cause], ...]}.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from postprocess.errors import InvalidInput
from postprocess.storage.bounded_files import MissingFile, read_object
from postprocess.storage.private_files import write_private

FILE = "pauses.json"
MOST_PAUSES = 5000
NO_HERALD = "no herald"
REMEDY = "delete it: only the causes of pauses are lost"


@dataclass(frozen=True)
class PauseCause:
    """A pause that both nodes agreed on: after how many rounds, and who or what asked for it."""

    after_round: int
    cause: str

    @property
    def kinds(self) -> tuple[str, ...]:
        """What it was for, without who asked: "bob: ion lost" is "ion lost". That no herald came says little beside."""
        words = [part.partition(": ")[2].partition(":")[0] or part for part in self.cause.split(", ")]
        return tuple(dict.fromkeys(word for word in words if word != NO_HERALD)) or (NO_HERALD,)


@dataclass(frozen=True)
class PauseSpan:
    """A pause on the time line of the heralds: when it began, when the next herald came, and what it was for."""

    after_round: int
    start_s: float
    end_s: float
    what: str

    @property
    def seconds(self) -> float:
        """How long no herald came."""
        return self.end_s - self.start_s


def pause_spans(
    rounds: NDArray[np.int64], seconds: NDArray[np.float64], causes: Iterable[PauseCause]
) -> list[PauseSpan]:
    """Pauses with their times; those before the first herald, after the last, or too short to be seen, are left out.

    Args:
        rounds, seconds: of postprocess.rounds.herald_times.HeraldTimes, (k,).
    """
    kinds: dict[int, list[str]] = {}
    for pause in causes:
        kinds.setdefault(pause.after_round, []).extend(pause.kinds)
    spans = []
    for after_round, words in sorted(kinds.items()):
        here, following = np.flatnonzero(rounds == after_round), np.flatnonzero(rounds == after_round + 1)
        if len(here) and len(following) and seconds[following[0]] > seconds[here[-1]]:
            what = ", ".join(dict.fromkeys(words))
            spans.append(PauseSpan(after_round, float(seconds[here[-1]]), float(seconds[following[0]]), what))
    return spans


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
