"""Logic inputs of a node: the laser-lock line and, at Alice, the two T lines."""

from __future__ import annotations

from typing import TYPE_CHECKING

from testbed.physics import truth

if TYPE_CHECKING:
    from testbed.physics.bench import Bench


class LaserLockInput:
    """High while the 674 nm laser is locked."""

    def __init__(self, bench: Bench):
        self.bench = bench

    def level(self, time: int) -> int:
        return 0 if self.bench.is_unlocked(time) else 1

    def edges(self, start: int, stop: int) -> list[tuple[int, int]]:
        before, after = self.level(start), self.level(stop)
        return [] if before == after else [(stop, after)]


class RoundTypeInput:
    """One of the two T lines at Alice."""

    def __init__(self, bench: Bench, number: int):
        self.bench, self.number = bench, number
        self._herald = 0

    def edges(self, start: int, stop: int) -> list[tuple[int, int]]:
        bench = self.bench
        found = []
        for line, after in bench.partner.edges(bench.herald) if bench.herald else ():
            time = (start + stop) // 2 if after < 0 else bench.herald_mu + after + truth.CABLE_NS
            if line == self.number and start <= time < stop:
                found.append((time, 1))
        return found

    def level(self, time: int) -> int:
        return 0
