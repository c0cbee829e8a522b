"""When ions get lost by themselves: exponential lifetime, decided by the number of the herald."""

from __future__ import annotations

from bisect import bisect_right

from testbed.physics.heralds import CHUNK, generator


class IonLosses:
    """Heralds at which a node's ion gets lost, the same for the same seed whatever the processes do.

    Args:
        per_herald: probability of a loss, 0 for ions that stay.
    """

    def __init__(self, seed: int, node: str, per_herald: float) -> None:
        self._seed, self._node, self._per_herald = seed, node, per_herald
        self._chunk = -1
        self._found: list[int] = []

    def _of(self, chunk: int) -> list[int]:
        if chunk != self._chunk:
            uniform = generator(self._seed, f"losses-{self._node}", chunk).random(CHUNK)
            self._found = [chunk * CHUNK + int(place) for place in (uniform < self._per_herald).nonzero()[0]]
            self._chunk = chunk
        return self._found

    def at(self, herald: int) -> bool:
        """Whether the ion gets lost on the way to a herald."""
        return self._per_herald > 0 and herald in self._of(herald // CHUNK)

    def none_until(self, herald: int, last: int) -> int:
        """The last herald up to `last`, of the same chunk, to which no loss lies on the way from another."""
        if self._per_herald <= 0:
            return last
        found = self._of(herald // CHUNK)
        place = bisect_right(found, herald)
        return min(last, found[place] - 1) if place < len(found) else last
