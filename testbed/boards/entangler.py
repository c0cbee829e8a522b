"""The heralding gateware's registers (OxfordIonTrapGroup/entangler-core); the attempt loop itself is physics
(testbed.physics.attempts)."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from testbed.boards.rtio import ARRIVED, TIMED_OUT, InputEvent
from testbed.drivers.entangler import READ_MU

if TYPE_CHECKING:
    from testbed.physics.attempts import AttemptLoop

CONFIG, RUN, CYCLE, HERALDS, TIMINGS = 0, 1, 2, 3, range(8, 16)  # addresses written
COUNTER_PATTERNS = range(16, 20)
READS = 0x20  # from this address on a write asks for an input event
CYCLES, REMAINING, TRIGGERS, TIMESTAMPS, INPUT_COUNTS, PATTERN_COUNTS = 0x21, 0x22, 0x23, 0x28, 0x30, 0x34
ENABLE, STANDALONE = 1, 4
GATE0 = 12
CYCLE_NS, COUNTER_MASK = 8, 0x3FFF


class EntanglerRegisters:
    """One core's registers; the attributes are what `AttemptLoop` reads."""

    def __init__(self) -> None:
        self.loop: AttemptLoop | None = None
        self._asked: deque[tuple[int, int, int]] = deque()  # (time, address, data)
        self.reset(0)

    def reset(self, time: int) -> None:
        self.enabled = self.standalone = False
        self.cycle_mu = 0
        self.heralds: list[int] = []
        self.timings: dict[int, tuple[int, int]] = {}
        self.changed = True
        self._asked.clear()

    def event(self, time: int, address: int, data: int) -> None:
        if address == RUN or address >= READS:
            self._asked.append((time, address, data))
            return
        self.changed = True
        if address == CONFIG:
            self.enabled, self.standalone = bool(data & ENABLE), bool(data & STANDALONE)
        elif address == CYCLE:
            self.cycle_mu = data * CYCLE_NS
        elif address == HERALDS:
            self.heralds = [data >> 4 * i & 0xF for i in range(4) if data >> 16 + i & 1]
        elif address in TIMINGS:
            self.timings[address] = self._times(address, data)
        elif address in COUNTER_PATTERNS and self.loop is not None:
            patterns = {data >> 4 * i & 0xF for i in range(4)}
            self.loop.counter_patterns[address - COUNTER_PATTERNS.start] = patterns

    @staticmethod
    def _times(address: int, data: int) -> tuple[int, int]:
        """(start, stop) in ns: outputs count coarse cycles and gates ns; the driver adds one to both."""
        start, stop = (data & 0xFFFF) - 1, (data >> 16) - 1
        return (start * CYCLE_NS, stop * CYCLE_NS) if address < GATE0 else (start, stop)

    def input(self, timeout: int) -> InputEvent:
        if not self._asked:
            return TIMED_OUT, 0, 0
        time, address, data = self._asked.popleft()
        assert self.loop is not None
        if address == RUN:  # it runs on the coarse clock
            return ARRIVED, *self.loop.run((time & ~7) + CYCLE_NS, data * CYCLE_NS)
        return ARRIVED, time + READ_MU, self._read(self.loop, address)

    @staticmethod
    def _read(loop: AttemptLoop, address: int) -> int:
        if address >= PATTERN_COUNTS:
            return loop.pattern_count(address - PATTERN_COUNTS)
        if address >= INPUT_COUNTS:
            return loop.input_count(address - INPUT_COUNTS)
        if address >= TIMESTAMPS:
            return loop.timestamp(address - TIMESTAMPS)
        counters = {CYCLES: loop.cycles, TRIGGERS: loop.cycles, REMAINING: loop.remaining_mu >> 3}
        return counters.get(address, 0) & COUNTER_MASK
