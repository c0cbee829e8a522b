"""The processor (rv32.c) and its memory."""

from __future__ import annotations

import ctypes as ct
from pathlib import Path

from testbed.c_library import built_library

BASE, SIZE = 0x45060000, 1 << 23  # where a Kasli's firmware loads kernels
DOORS = 0xF0000000  # code that goes there has called the firmware
AT_A_DOOR, EXHAUSTED, ILLEGAL, OUTSIDE = range(4)
AT_ONCE = 50_000_000  # instructions between two looks at signals
RETURN_ADDRESS, STACK_POINTER, ARGUMENTS = 1, 2, 10  # registers; arguments from a0 on, those of doubles from fa0 on


class _Machine(ct.Structure):
    _fields_ = (
        ("x", ct.c_uint32 * 32),
        ("f", ct.c_uint64 * 32),
        ("pc", ct.c_uint32),
        ("base", ct.c_uint32),
        ("size", ct.c_uint32),
        ("doors", ct.c_uint32),
        ("instructions", ct.c_uint64),
        ("memory", ct.c_void_p),
    )


class BadInstruction(RuntimeError):
    """The code did what this processor cannot."""


class Processor:
    """RV32IMFD with memory from BASE on; in the place of a KernelMemory for values.

    Attributes:
        x, f: registers, f as 64 bits. pc: of the next instruction. instructions: executed so far.
    """

    pointer = 4

    def __init__(self) -> None:
        self._library = ct.CDLL(str(built_library("rv32", [Path(__file__).with_name("rv32.c")])))
        self._library["run"].argtypes = [ct.c_void_p, ct.c_uint64]
        self._memory = ct.create_string_buffer(SIZE)
        self._view = memoryview(self._memory).cast("B")
        self._machine = _Machine(base=BASE, size=SIZE, doors=DOORS, memory=ct.addressof(self._memory))
        self.x, self.f = self._machine.x, self._machine.f

    @property
    def pc(self) -> int:
        return self._machine.pc

    @pc.setter
    def pc(self, address: int) -> None:
        self._machine.pc = address & 0xFFFFFFFF

    @property
    def instructions(self) -> int:
        return self._machine.instructions

    def run(self) -> None:
        """Execute until the code stands at a door.

        Raises:
            BadInstruction: an unknown instruction, or an address outside of the memory.
        """
        while True:
            status = self._library["run"](ct.byref(self._machine), AT_ONCE)
            if status == AT_A_DOOR:
                return
            if status != EXHAUSTED:
                what = "no instruction this processor knows" if status == ILLEGAL else "an address outside of memory"
                raise BadInstruction(f"kernel at {self.pc - BASE:#x}: {what}")

    def read(self, address: int, length: int) -> bytes:
        start = self._place(address, length)
        return bytes(self._view[start : start + length])

    def write(self, address: int, content: bytes) -> None:
        start = self._place(address, len(content))
        self._view[start : start + len(content)] = content

    @staticmethod
    def _place(address: int, length: int) -> int:
        if not BASE <= address <= BASE + SIZE - length:
            raise BadInstruction(f"{length} bytes at {address:#x} are outside of memory")
        return address - BASE
