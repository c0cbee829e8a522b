"""SPI bus master: artiq.gateware.rtio.phy.spi2, as registers; transfers up to the end of a transaction are one word."""

from __future__ import annotations

from collections import deque
from typing import Protocol

from testbed.boards.rtio import ARRIVED, TIMED_OUT, InputEvent

DATA, CONFIG = range(2)  # addresses
END, INPUT = 0x02, 0x04  # flags
CYCLE_NS = 8


class Slave(Protocol):
    """The chips on the bus; `select` is the chip select word, `bits` the `count` bits sent so far."""

    def transaction(self, time: int, select: int, bits: int, count: int) -> None: ...

    def answer(self, select: int, bits: int, count: int, length: int) -> int: ...


class SpiBus:
    """One bus and its slaves."""

    def __init__(self, slave: Slave) -> None:
        self.slave = slave
        self._flags, self._length, self._div, self._select = 0, 1, 2, 0
        self._bits = self._count = 0
        self._read: deque[tuple[int, int]] = deque()

    def reset(self, time: int) -> None:
        self._read.clear()
        self._bits = self._count = 0

    def event(self, time: int, address: int, data: int) -> None:
        if address == CONFIG:
            self._flags, self._length = data & 0xFF, (data >> 8 & 0x1F) + 1
            self._div, self._select = (data >> 16 & 0xFF) + 2, data >> 24 & 0xFF
            return
        length = self._length
        end = time + CYCLE_NS * ((length + 1) * self._div + 1)
        self._bits = self._bits << length | data >> 32 - length
        self._count += length
        if self._flags & INPUT:
            self._read.append((end, self.slave.answer(self._select, self._bits, self._count, length)))
        if self._flags & END:
            self.slave.transaction(end, self._select, self._bits, self._count)
            self._bits = self._count = 0

    def input(self, timeout: int) -> InputEvent:
        if self._read and self._read[0][0] <= timeout:
            return ARRIVED, *self._read.popleft()
        return TIMED_OUT, 0, 0
