"""The crate's I2C bus: two switches, and an EEPROM on every EEM port."""

from __future__ import annotations

START, RESTART, STOP, WRITE, READ, SELECT = range(6)  # testbed/compiled/runtime/services.c
SWITCHES = (0x70, 0x71)  # 7-bit addresses
EEPROM = 0xA0
OCTETS = 256
NOBODY = -1


class I2cBus:
    """One bus.

    Attributes:
        eeproms: content by (switch, mask of its port); what is not there yet was never programmed and reads as ones.
    """

    def __init__(self) -> None:
        self.eeproms: dict[tuple[int, int], bytearray] = {}
        self._selected = dict.fromkeys(SWITCHES, 0)
        self._addressed: int | None = None  # address octet of this transfer
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
                return self.eeproms.setdefault((switch, mask), bytearray(b"\xff" * OCTETS))
        return None

    def _write(self, octet: int) -> int:
        """1 if somebody acknowledges."""
        memory = self._memory()
        if memory is None:
            return 0
        if self._addressed is None:
            self._addressed = octet
            return int(octet & 0xFE == EEPROM)
        if self._pointer is None:
            self._pointer = octet
        else:
            memory[self._pointer % OCTETS] = octet & 0xFF
            self._pointer += 1
        return 1

    def _read(self) -> int:
        memory = self._memory()
        if memory is None or self._pointer is None:
            return 0xFF
        octet = memory[self._pointer % OCTETS]
        self._pointer += 1
        return octet
