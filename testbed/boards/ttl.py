"""Logic outputs and inputs: artiq.gateware.rtio.phy.ttl_simple and ttl_serdes_generic, as registers."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Protocol

from testbed.boards.rtio import ARRIVED, RAN_OVER, TIMED_OUT, InputEvent
from testbed.drivers.line import Line

LEVEL, ENABLE, SENSITIVITY, SAMPLE = range(4)  # addresses
RISING, FALLING = 1, 2
FIFO_DEPTH = 64


class Signal(Protocol):
    """What arrives at an input."""

    def edges(self, start: int, stop: int) -> list[tuple[int, int]]: ...

    def level(self, time: int) -> int: ...


class Output:
    """An output, and whoever listens to its wire at once."""

    def __init__(self, line: Line, heard: Callable[[int, int], None] | None = None) -> None:
        self.line, self.heard = line, heard

    def reset(self, time: int) -> None:
        self.line.drive(time, 0)

    def event(self, time: int, address: int, data: int) -> None:
        if address == LEVEL:
            self.line.drive(time, data)
            if self.heard is not None:
                self.heard(time, data)

    def input(self, timeout: int) -> InputEvent:
        return TIMED_OUT, 0, 0


class Input:
    """An input: gates (edges) and samples (levels). The signal is asked only when the CPU reads, as what arrives may
    depend on what another node puts out meanwhile."""

    def __init__(self, signal: Signal) -> None:
        self.signal = signal
        self._asked: deque[tuple[int, int | None, int]] = deque()  # (start, stop or None for a sample, sensitivity)
        self._arrived: deque[tuple[int, int]] = deque()
        self._opened, self._sensitivity = 0, 0
        self._overflow = False

    def reset(self, time: int) -> None:
        self._asked.clear()
        self._arrived.clear()
        self._sensitivity, self._overflow = 0, False

    def event(self, time: int, address: int, data: int) -> None:
        if address == SAMPLE:
            self._asked.append((time, None, 0))
        elif address == SENSITIVITY:
            if self._sensitivity:
                self._asked.append((self._opened, time, self._sensitivity))
            self._opened, self._sensitivity = time, data & 3

    def input(self, timeout: int) -> InputEvent:
        while self._asked:
            self._collect(*self._asked.popleft())
        if self._overflow:
            self._overflow = False
            self._arrived.clear()
            return RAN_OVER, 0, 0
        if self._arrived and self._arrived[0][0] <= timeout:
            return ARRIVED, *self._arrived.popleft()
        return TIMED_OUT, 0, 0

    def _collect(self, start: int, stop: int | None, sensitivity: int) -> None:
        if stop is None:
            found = [(start, self.signal.level(start))]
        else:
            found = [edge for edge in self.signal.edges(start, stop) if sensitivity & (RISING if edge[1] else FALLING)]
        for arrived in found:
            if len(self._arrived) == FIFO_DEPTH:
                self._overflow = True
                return
            self._arrived.append(arrived)


class Silent:
    """An output channel whose wire nobody listens to: a clock, a chip's clear pin."""

    def reset(self, time: int) -> None: ...

    def event(self, time: int, address: int, data: int) -> None: ...

    def input(self, timeout: int) -> InputEvent:
        return TIMED_OUT, 0, 0
