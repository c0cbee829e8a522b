"""EEPROM of an EEM board: artiq.coredevice.kasli_i2c, emulated as never programmed (all ones)."""


class KasliEEPROM:
    """Reads as -1; AD9910 drivers then leave their SYNC delays untuned, which an emulated clock tree does not need."""

    def __init__(self, dmgr, port, address=0xA0, busno=0, core_device="core", sw0_device="i2c_switch0",
                 sw1_device="i2c_switch1"):  # fmt: skip
        self.core = dmgr.get(core_device)
        self.port = port
        self.address = address
        self.busno = busno
        self._words: dict[int, int] = {}

    def read_i32(self, addr):
        return self._words.get(addr, -1)

    def write_i32(self, addr, value):
        self._words[addr] = value
