"""Exceptions of a kernel on the processor: every landing pad on the way is entered, as ARTIQ's firmware does."""

from __future__ import annotations

import struct
from typing import Any

from testbed.compiled.rpc import ExceptionImage, Raised
from testbed.compiled.values import KernelValues
from testbed.counted.processor import ARGUMENTS, BASE, RETURN_ADDRESS, STACK_POINTER, Processor
from testbed.counted.program import Program

SLOTS, SLOT_SIZE = 16, 128
SAVED_DOUBLES = (8, 9, *range(18, 28))
DOUBLES_FROM = 32  # DWARF's number of f0


class Uncaught(Exception):
    """No landing pad is left."""


class Unwinder:
    """Exceptions in flight.

    Args:
        at: memory for their images.

    Attributes:
        trace: places in the file that the last exception came through, the innermost first.
    """

    def __init__(self, processor: Processor, program: Program, values: KernelValues, at: int) -> None:
        self.processor, self.program, self.values, self.at = processor, program, values, at
        self.image = ExceptionImage(processor.pointer)
        self.trace: list[int] = []
        self._flight: list[int] = []  # slots, the innermost last
        self._caught_in = dict.fromkeys(range(SLOTS), 0)

    @property
    def in_flight(self) -> list[Raised]:
        """The outermost first."""
        return [self.image.read(self._address(slot), self.values) for slot in self._flight]

    def _address(self, slot: int) -> int:
        return self.at + SLOT_SIZE * slot

    def raise_new(self, raised: Raised) -> None:
        """One that the firmware or the host raises."""
        self._begin(self.image.packed(raised, self.values.embedding_map))

    def raise_at(self, address: int) -> None:
        """One that the kernel describes; one already in flight is raised again, and becomes the innermost."""
        slot, inside = divmod(address - self.at, SLOT_SIZE)
        if inside == 0 and slot in self._flight:
            self._flight.remove(slot)
            self._flight.append(slot)
            self.go_on()
        else:
            self._begin(self.processor.read(address, self.image.size))

    def _begin(self, image: bytes) -> None:
        free = next(slot for slot in range(SLOTS) if slot not in self._flight)
        self.processor.write(self._address(free), image)
        self._flight.append(free)
        self.trace = []
        self.go_on()

    def end_catch(self) -> None:
        """The innermost handler has ended, and with it handlers that it was called from."""
        frame = self._caught_in[self._flight.pop()]
        while self._flight and self._caught_in[self._flight[-1]] < frame:
            self._flight.pop()

    def go_on(self) -> None:
        """Unwind to the next landing pad and set the processor there.

        Raises:
            Uncaught: there is none.
        """
        processor = self.processor
        x = list(processor.x)
        doubles = {number: processor.f[number] for number in SAVED_DOUBLES}
        pc = x[RETURN_ADDRESS]
        while True:
            self.trace.append(pc - BASE)
            place = pc - 1 - BASE
            frame = self.program.frame_at(place)
            if frame is None:
                raise Uncaught
            pad = self.program.landing_pad(frame, place)
            if pad:
                self._enter(pad, x, doubles)
                return
            cfa = self._restore(self.program.rules_at(frame, place), x, doubles)
            pc, x[STACK_POINTER] = x[RETURN_ADDRESS], cfa

    def _restore(self, rules: dict[Any, Any], x: list[int], doubles: dict[int, int]) -> int:
        """Registers of the caller; returns the stack pointer there."""
        cfa = (x[rules["cfa"].reg] + rules["cfa"].offset) & 0xFFFFFFFF
        for register, rule in rules.items():
            if isinstance(register, int) and rule.type == "OFFSET":
                if register < DOUBLES_FROM:
                    x[register] = self.values.word(cfa + rule.arg)
                else:
                    (doubles[register - DOUBLES_FROM],) = struct.unpack("<Q", self.processor.read(cfa + rule.arg, 8))
        return cfa

    def _enter(self, pad: int, x: list[int], doubles: dict[int, int]) -> None:
        slot = self._flight[-1]
        self._caught_in[slot] = x[STACK_POINTER]
        x[ARGUMENTS], x[ARGUMENTS + 1] = self.at + SLOT_SIZE * SLOTS, self._address(slot)
        for number, value in enumerate(x):
            self.processor.x[number] = value
        for number, value in doubles.items():
            self.processor.f[number] = value
        self.processor.pc = pad
