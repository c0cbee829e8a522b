"""An AD53xx DAC behind its SPI bus: X1A registers, taken over at the falling edge of LDAC."""

from __future__ import annotations

from collections.abc import Callable

from testbed.drivers.ad53xx import CHANNELS, voltage_to_mu

SPECIAL, WRITE_DATA = 0, 3  # modes, the upper two bits
WRITE_CONTROL, READ_BACK = 1, 5  # special functions
CONTROL_REGISTER = 0x101  # of what can be read back
FIRST_CHANNEL = 8  # address of channel 0


class Ad53xx:
    """Slave of the bus; `ldac` hears the LDAC line. `listener(time_mu, registers)` is told of new outputs."""

    def __init__(self) -> None:
        self.registers = [voltage_to_mu(0.0)] * CHANNELS
        self.outputs = list(self.registers)
        self.listener: Callable[[int, list[int]], None] | None = None
        self._control = self._wanted = 0

    def answer(self, select: int, bits: int, count: int, length: int) -> int:
        """What was asked for by the word before."""
        address = self._wanted >> 7
        if address == CONTROL_REGISTER:
            return self._control
        channel = address - FIRST_CHANNEL
        return self.registers[channel] if 0 <= channel < CHANNELS else 0

    def transaction(self, time: int, select: int, bits: int, count: int) -> None:
        """A complete word of 24 bits has arrived."""
        mode, address, value = bits >> 22 & 3, bits >> 16 & 0x3F, bits & 0xFFFF
        if mode == WRITE_DATA:
            if 0 <= address - FIRST_CHANNEL < CHANNELS:
                self.registers[address - FIRST_CHANNEL] = value
        elif mode == SPECIAL and address == WRITE_CONTROL:
            self._control = value & 0xFF
        elif mode == SPECIAL and address == READ_BACK:
            self._wanted = value

    def ldac(self, time: int, level: int) -> None:
        """An edge on the line that makes registers outputs."""
        if not level and self.registers != self.outputs:
            self.outputs = list(self.registers)
            if self.listener is not None:
                self.listener(time, self.outputs)
