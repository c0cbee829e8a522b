"""Kinds of sweeps, run in turns within a time budget; what was tried is kept, so that the next start goes on.

A kind has a name, a target (how many tries) and `case(number)`, which gives the faults found in that case: the number
alone decides what happens in it. A case that is several tries says so by `tries_per_case`.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Protocol

SLICE_S = 2.0
MOST_FAULTS_KEPT = 50


class Kind(Protocol):
    """A kind of sweep."""

    name: str
    target: int

    def case(self, number: int) -> list[str]:
        """Faults found in a case; empty when everything held."""


@dataclass
class Tally:
    """What one shard has tried of one kind: cases done, tries, tries that held, first faults with their numbers."""

    cases: int = 0
    tried: int = 0
    held: int = 0
    seconds: float = 0.0
    faults: list[tuple[int, str]] = field(default_factory=list)

    def add(self, number: int, found: list[str], tries: int, seconds: float) -> None:
        """Count one case."""
        self.cases += 1
        self.tried += tries
        self.held += tries - min(len(found), tries)
        self.seconds += seconds
        self.faults = [*self.faults, *((number, line[:600]) for line in found)][:MOST_FAULTS_KEPT]


class Shard:
    """One part of n of all cases, with its state on disk."""

    def __init__(self, folder: Path, part: int, parts: int) -> None:
        self.part, self.parts = part, parts
        self._file = folder / f"shard-{part}-of-{parts}.json"
        folder.mkdir(parents=True, exist_ok=True)
        self.tallies = {name: Tally(**values) for name, values in _read(self._file).items()}

    def save(self) -> None:
        """Replace the state as a whole."""
        new = self._file.with_suffix(".new")
        new.write_text(json.dumps({name: asdict(tally) for name, tally in self.tallies.items()}))
        new.replace(self._file)

    def share(self, kind: Kind) -> int:
        """Tries of a kind that fall to this shard."""
        return -(-kind.target // self.parts)

    def run(self, kinds: list[Kind], budget_s: float, say: Callable[[str], None]) -> None:
        """Every kind in turns, the one that lacks most first, until all are done or the time is over."""
        end, said = time.monotonic() + budget_s, 0.0
        for kind in kinds:
            self.tallies.setdefault(kind.name, Tally())
        while (now := time.monotonic()) < end:
            open_ = [kind for kind in kinds if self.tallies[kind.name].tried < self.share(kind)]
            if not open_:
                break
            kind = min(open_, key=lambda kind: self.tallies[kind.name].tried / self.share(kind))
            self._slice(kind, min(now + SLICE_S, end))
            self.save()
            if now - said > 10 * SLICE_S:
                said = now
                say(self._progress(kinds, end - time.monotonic()))

    def _slice(self, kind: Kind, until: float) -> None:
        tally = self.tallies[kind.name]
        while True:
            number, start = self.part - 1 + tally.cases * self.parts, time.monotonic()
            found = kind.case(number)
            tally.add(number, found, getattr(kind, "tries_per_case", 1), time.monotonic() - start)
            if time.monotonic() > until or tally.tried >= self.share(kind):
                return

    def _progress(self, kinds: list[Kind], budget_s: float) -> str:
        parts, needed = [], 0.0
        for kind in kinds:
            tally = self.tallies[kind.name]
            parts.append(f"{kind.name} {tally.tried}/{self.share(kind)}")
            if tally.tried:
                needed += tally.seconds / tally.tried * max(self.share(kind) - tally.tried, 0)
        faults = sum(tally.tried - tally.held for tally in self.tallies.values())
        end = time.strftime("%H:%M:%S", time.localtime(time.time() + min(needed, budget_s)))
        whole = "" if needed <= budget_s else f" (all of it would take {needed / 60:.0f} min more)"
        return f"{', '.join(parts)}; {faults} faults; ends about {end}{whole}"


def merge(folder: Path) -> dict[str, Tally]:
    """All shards of a folder together; also written to soak.json there."""
    whole: dict[str, Tally] = {}
    for file in sorted(folder.glob("shard-*-of-*.json")):
        for name, values in _read(file).items():
            part, sum_ = Tally(**values), whole.setdefault(name, Tally())
            for count in ("cases", "tried", "held", "seconds"):
                setattr(sum_, count, getattr(sum_, count) + getattr(part, count))
            sum_.faults = [*sum_.faults, *part.faults][:MOST_FAULTS_KEPT]
    (folder / "soak.json").write_text(json.dumps({name: asdict(tally) for name, tally in whole.items()}, indent=1))
    return whole


def table(tallies: dict[str, Tally]) -> str:
    """Kind, tried, held."""
    rows = [("kind", "tried", "held"), *((name, str(t.tried), str(t.held)) for name, t in tallies.items())]
    return "\n".join(f"{name:<14}{tried:>10}{held:>10}" for name, tried, held in rows)


def _read(file: Path) -> dict:
    return json.loads(file.read_text()) if file.exists() else {}
