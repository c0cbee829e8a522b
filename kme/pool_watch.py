"""Warns when the pool runs low, with the time to empty at the present rate."""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Callable

logger = logging.getLogger("diqkd.kme")

WINDOW_S = 3600.0
AGAIN_S = 600.0


class PoolWatch:
    """Remembers what was delivered in the last hour.

    Args:
        low_bits: warn below this. clock: monotonic seconds.
    """

    def __init__(self, low_bits: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._low_bits, self._clock = low_bits, clock
        self._delivered: deque[tuple[float, int]] = deque()
        self._sum, self._begun, self._warned = 0, clock(), -AGAIN_S

    def delivered(self, bits: int, free_bits: int) -> None:
        """Note a delivery, after which so many bits are left."""
        now = self._clock()
        self._delivered.append((now, bits))
        self._sum += bits
        while self._delivered[0][0] < now - WINDOW_S:
            self._sum -= self._delivered.popleft()[1]
        if free_bits < self._low_bits:
            rate = self._sum / max(1.0, min(WINDOW_S, now - self._begun))
            left = _duration(free_bits / rate)
            self._warn(f"the pool has {free_bits} bits left, {left} at the present rate of {rate:.3g} bits per second")

    def empty(self) -> None:
        """A request could not be served."""
        self._warn("the pool has not enough keys for a request; run another session")

    def _warn(self, line: str) -> None:
        if self._clock() - self._warned >= AGAIN_S:
            self._warned = self._clock()
            logger.warning("%s", line)


def _duration(seconds: float) -> str:
    for unit, name in ((86_400, "days"), (3600, "hours"), (60, "minutes")):
        if seconds >= 2 * unit:
            return f"{seconds / unit:.0f} {name}"
    return f"{seconds:.0f} seconds"
