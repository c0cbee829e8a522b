"""A Urukul with AD9910s: CPLD (protocol 8) and four DDSs, behind one SPI bus."""

from __future__ import annotations

from collections.abc import Sequence

from testbed.boards.ad9910 import READ, Ad9910

SELECT_CFG, SELECT_ATT, SELECT_ALL, SELECT_DDS0 = 1, 2, 3, 4
PROTOCOL = 8
PLL_LOCKED = 0xF
PROFILE_AT, SWITCHES = 8, 0xF  # in the configuration register


class Urukul:
    """Slave of the bus; `io_update` hears the IO_UPDATE line."""

    def __init__(self, outputs: Sequence[Ad9910 | None]) -> None:
        self.outputs = outputs
        self.configuration = 0
        self.attenuators = 0xFFFFFFFF

    def answer(self, select: int, bits: int, count: int, length: int) -> int:
        """What the CPU reads back during its last `length` bits."""
        if select == SELECT_CFG:
            return PROTOCOL << 16 | PLL_LOCKED << 8 | self.configuration & SWITCHES
        if select == SELECT_ATT:
            return self.attenuators
        dds = self.outputs[select - SELECT_DDS0] if select >= SELECT_DDS0 else None
        if dds is None:
            return 0
        value = dds.read(bits >> count - 8 & 0x7F)
        return value if count - 8 <= length else value >> 32

    def transaction(self, time: int, select: int, bits: int, count: int) -> None:
        """A complete word has arrived."""
        if select == SELECT_CFG:
            self.configuration = bits
        elif select == SELECT_ATT:
            self._attenuate(time, bits)
        elif select >= SELECT_ALL and not bits >> count - 8 & READ:
            chosen = self.outputs if select == SELECT_ALL else (self.outputs[select - SELECT_DDS0],)
            for dds in chosen:
                if dds is not None:
                    dds.write(bits >> count - 8 & 0x7F, bits & (1 << count - 8) - 1)

    def _attenuate(self, time: int, registers: int) -> None:
        self.attenuators = registers & 0xFFFFFFFF
        for i, dds in enumerate(self.outputs):
            if dds is not None:
                dds.attenuate(time, registers >> 8 * i & 0xFF)

    def io_update(self, time: int, level: int) -> None:
        """An edge on the line that makes written registers active."""
        if level:
            for dds in self.outputs:
                if dds is not None:
                    dds.io_update(time, self.configuration >> PROFILE_AT & 7)
