"""Photon counting in gateware: artiq.gateware.rtio.phy.edge_counter, as its register."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from testbed.boards.rtio import ARRIVED, RAN_OVER, TIMED_OUT, InputEvent

COUNT_RISING, COUNT_FALLING, SEND, RESET_TO_ZERO = 1, 2, 4, 8
FIFO_DEPTH = 64

Interval = tuple[int, int, int]  # (start, stop, edges counted per pulse)


class EdgeCounter:
    """`counts(start, stop)` gives the pulses of an interval, asked for when the CPU reads the count."""

    def __init__(self, counts: Callable[[int, int], int]) -> None:
        self.counts = counts
        self._requested: deque[tuple[int, tuple[Interval, ...]]] = deque()
        self._intervals: list[Interval] = []
        self._since, self._edges = 0, 0

    def reset(self, time: int) -> None:
        self._requested.clear()
        self._intervals.clear()
        self._edges = 0

    def event(self, time: int, address: int, data: int) -> None:
        if self._edges:
            self._intervals.append((self._since, time, self._edges))
        if data & SEND:
            self._requested.append((time, tuple(self._intervals)))
        if data & RESET_TO_ZERO:
            self._intervals.clear()
        self._since, self._edges = time, bool(data & COUNT_RISING) + bool(data & COUNT_FALLING)

    def input(self, timeout: int) -> InputEvent:
        if len(self._requested) > FIFO_DEPTH:
            self._requested.clear()
            return RAN_OVER, 0, 0
        if not self._requested or self._requested[0][0] > timeout:
            return TIMED_OUT, 0, 0
        time, intervals = self._requested.popleft()
        return ARRIVED, time, sum(edges * self.counts(start, stop) for start, stop, edges in intervals)
