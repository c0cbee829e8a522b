"""One ion outside of rounds: in which level the last look has left it."""

from __future__ import annotations

import math

from testbed.physics.ion import Ion
from testbed.physics.lock_state import LockState
from testbed.physics.optical_fields import OpticalFields
from testbed.physics.photon_counts import PhotonCounts
from testbed.physics.truth import NodeTruth

SURELY = 1 - 1e-9


class IonState:
    """Projected by every look with light on; in between, light acts on the levels as programmed.

    Attributes:
        shelved: whether the last look found it in D5/2.
    """

    def __init__(self, ion: Ion, truth: NodeTruth, beams: OpticalFields, lock: LockState, counts: PhotonCounts) -> None:
        self._ion, self._truth, self._beams, self._lock, self._counts = ion, truth, beams, lock, counts
        self.shelved = False
        self._since = 0  # time of the last preparation or projection

    def look(self, start: int, lit: int) -> bool:
        """Whether the ion is found bright by light from `start` on for `lit` ns."""
        beams = self._beams
        if not self.shelved and beams.qubit_was_off():
            if lit:
                self._since = start
            return True  # in S1/2 since the last look, and no 674 nm light since
        if beams.qubit_was_off() and beams.was_off("pump", self._since, start):
            p = 1 - math.exp(-beams.time_on("deshelve", self._since, start) * 1e-9 / self._truth.deshelving_s)
            bright = p > SURELY or self._counts.chance(p)
        else:
            populations = [0.0, 0.0, 1.0, 0.0] if self.shelved else [0.5, 0.5, 0.0, 0.0]
            programme = beams.programme(self._since, start, self._lock.is_unlocked(start))
            bright = self._counts.chance(float(self._ion.effect(programme).diagonal().real @ populations))
        if lit:
            self.project(start, bright)
        return bright

    def project(self, time: int, bright: bool) -> None:
        """A look has found the ion bright or dark."""
        self.shelved, self._since = not bright, time
        self._beams.forget_qubit_light(time)
