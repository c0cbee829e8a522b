"""The heralding station during readout: photons that reach the APDs although the link is cut (table S5)."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from testbed.physics import truth
from testbed.physics.optics import Electrodes, coupling, photons

if TYPE_CHECKING:
    from testbed.physics.partner import Outcome

FOUND = ("dark", "bright")
COLUMNS = 5  # 0, 1, 2, 3 photons, more
MAX_KEYS = 1000


class StationPhotons:
    """What one node's ion sends there, and, where both ions are known, the histogram of photons per round.

    Attributes:
        counts: "ALICE_BOB" (each dark or bright) -> rounds with 0, 1, 2, 3 and more photons.
    """

    def __init__(self, electrodes: Electrodes, isolation: float):
        self.electrodes = electrodes
        self.isolation = isolation
        self.counts = {f"{alice}_{bob}": [0] * COLUMNS for alice in FOUND for bob in FOUND}
        self._means: dict[tuple, float] = {}

    def take(self) -> dict[str, list[int]]:
        """The histogram since the last call; empty on Bob's side, which knows only its own ion."""
        taken, self.counts = self.counts, {name: [0] * COLUMNS for name in self.counts}
        return {name: row for name, row in taken.items() if any(row)}

    def light_changed(self) -> None:
        self._means.clear()

    def leak(self, start: int, stop: int, lit: int, power: Callable[[], float]) -> float:
        """Expected photons into the link from a gate with the light on for `lit` ns, if the ion is bright."""
        steps = self.electrodes.steps
        key = (start - steps[-1][0], stop - start, lit, steps[-1][1], len(steps))
        mean = self._means.get(key)
        if mean is None:
            if len(self._means) > MAX_KEYS:
                self._means.clear()
            mean = self._means[key] = self._reach(start, stop) * lit * 1e-9 * truth.STATION_PHOTONS_PER_S * power()
        return mean

    def _reach(self, start: int, stop: int) -> float:
        """Mean coupling during a gate; it falls fast at its beginning if at all."""
        points = (start, start + (stop - start) // 8, (start + stop) // 2, stop)
        reach = [coupling(self.electrodes.displacement(time), self.isolation) for time in points]
        return (reach[0] + 2 * reach[1] + 3 * reach[2] + 2 * reach[3]) / 8

    def count(self, bright: bool, theirs: Outcome, leaked: float, uniform: float) -> None:
        """Enter one round: Alice's finding and expected leak, Bob's outcome with his."""
        sent = theirs.leaked + (leaked if bright else 0.0)
        mean = truth.STATION_BACKGROUND + truth.STATION_DETECTION * sent
        row = self.counts[f"{FOUND[bright]}_{FOUND[theirs.bright > 0]}"]
        row[min(photons(mean, uniform), COLUMNS - 1)] += 1
