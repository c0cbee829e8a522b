"""Photon numbers: Poissonian, repeatable, drawn in bulk."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import count

import numpy as np

from testbed.physics import truth

CHUNK = 4096
MAX_GATES = 1000


class PhotonCounts:
    """Fluorescence counted in gates of one detector, and other numbers from the same stream."""

    def __init__(self, random: np.random.Generator, power: Callable[[], float]) -> None:
        self._random, self._power = random, power
        self._of_gate: dict[tuple[int, int], Iterator[int]] = {}
        self._saturation: float | None = None

    def light_changed(self) -> None:
        """Beam powers may be others from now on."""
        self._saturation = None
        self._of_gate.clear()

    def of_gate(self, lit: int, length: int) -> int:
        """Counts in a gate of `length` ns with a bright ion for `lit` ns."""
        numbers = self._of_gate.get((lit, length))
        if numbers is None:
            if self._saturation is None:
                self._saturation = self._power()
            mean = lit * truth.BRIGHT_RATE * self._saturation + length * truth.DARK_RATE
            if len(self._of_gate) > MAX_GATES:
                self._of_gate.clear()
            numbers = self._of_gate[lit, length] = self._poisson(mean * 1e-9)
        return next(numbers)

    def number(self, mean: float) -> int:
        """A Poissonian number."""
        return int(self._random.poisson(mean))

    def successes(self, trials: int, probability: float) -> int:
        """A binomial number."""
        return int(self._random.binomial(trials, probability))

    def chance(self, probability: float) -> bool:
        """Whether something of this probability happens."""
        return bool(self._random.random() < probability)

    def _poisson(self, mean: float) -> Iterator[int]:
        for size in count(2):
            yield from self._random.poisson(mean, min(CHUNK, 4**size)).tolist()
