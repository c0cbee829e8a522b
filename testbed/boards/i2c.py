"""The crate's I2C bus: two switches, and an EEPROM on every EEM port."""

from __future__ import annotations

START, RESTART, STOP, WRITE, READ, SELECT = range(6)  # testbed/compiled/runtime/services.c
SWITCHES = (0x70, 0x71)  # 7-bit addresses
EEPROM = 0xA0
BYTES = 256
NOBODY = -1


class I2cBus:
    """One bus.

    Attributes:
        eeproms: content by (switch, mask of its port); what is not there yet was never programmed and reads as ones.
    """

    def __init__(self) -> None:
        self.eeproms: dict[tuple[int, int], bytearray] = {}
        self._selected = dict.fromkeys(SWITCHES, 0)
        self._addressed: int | None = None  # address byte of this transfer
        self._pointer: int | None = None

    def __call__(self, what: int, bus: int, a: int, b: int) -> int:
        """Answer a call of the runtime; NOBODY makes it an I2CError."""
        if what == SELECT:
            if a not in self._selected:
                return NOBODY
            self._selected[a] = b
        elif what == START:
            self._addressed = self._pointer = None
        elif what in (RESTART, STOP):
            self._addressed = None
        elif what == WRITE:
            return self._write(a)
        elif what == READ:
            return self._read()
        return 0

    def _memory(self) -> bytearray | None:
        """The EEPROM that the switches connect."""
        for switch, mask in self._selected.items():
            if mask:
                return self.eeproms.setdefault((switch, mask), bytearray(b"\xff" * BYTES))
        return None

    def _write(self, byte: int) -> int:
        """1 if somebody acknowledges."""
        memory = self._memory()
        if memory is None:
            return 0
        if self._addressed is None:
            self._addressed = byte
            return int(byte & 0xFE == EEPROM)
        if self._pointer is None:
            self._pointer = byte
        else:
            memory[self._pointer % BYTES] = byte & 0xFF
            self._pointer += 1
        return 1

    def _read(self) -> int:
        memory = self._memory()
        if memory is None or self._pointer is None:
            return 0xFF
        byte = memory[self._pointer % BYTES]
        self._pointer += 1
        return byte
