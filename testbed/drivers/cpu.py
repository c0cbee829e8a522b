"""The core device's CPU, as far as it takes time: a counter that its work advances, and the output queue that it fills.

This is what in_c/cpu.c does, in Python (see testbed.drivers.native).
"""

from __future__ import annotations

from collections import deque
from typing import Any

from testbed.drivers.linkable import linkable

QUEUE_DEPTH = 1024  # eight lanes of 128


class Cpu:
    """The counter moves when the CPU works, waits for an input, or finds the output queue full.

    Attributes:
        wall: the counter, in machine units.
        log: the core device's event log, or None.
    """

    linked_invariants = frozenset(("core", "queue"))

    def __init__(self, core: Any) -> None:
        self.core = core
        self.wall = 0
        self.log: Any = None
        self.queue = deque([0] * QUEUE_DEPTH, QUEUE_DEPTH)  # times of the outputs handed over last

    @linkable
    def submit(self, time: int, channel: int, cost_mu: int) -> None:
        """Hand an event at `time` to the RTIO queue, which takes the CPU `cost_mu`; raises RTIOUnderflow if that is
        past."""
        wall = self.wall + cost_mu
        if self.queue[0] > wall:  # full of events that are not due yet
            wall = self.queue[0]
        self.wall = wall
        if time < wall:
            self.core.underflow(time, channel)
        self.queue.append(time)

    @linkable
    def submit_pair(self, start: int, stop: int, channel: int, cost_mu: int) -> None:
        """The same with two events."""
        self.submit(start, channel, cost_mu)
        self.submit(stop, channel, cost_mu)

    @linkable
    def submit_words(self, time: int, channel: int, cost_mu: int, words: int) -> None:
        """The same with words of a bus, the last of them at `time`: the CPU is slower than the bus, so that the last
        is late before another is. `cost_mu` is that of all."""
        self.submit(time, channel, cost_mu)
        self.queue.extend((time,) * (words - 1))

    @linkable
    def wait(self, until: int, cost_mu: int) -> None:
        """The CPU blocks until an input event of time `until` has been read, which takes it `cost_mu`."""
        wall = self.wall
        self.wall = (until if until > wall else wall) + cost_mu

    def times(self) -> list[int]:
        """Of the outputs handed over last, the oldest first."""
        return list(self.queue)

    def reset(self) -> None:
        """Empty the queue."""
        self.queue.extend([0] * QUEUE_DEPTH)
