"""I2C switch: artiq.coredevice.i2c, emulated without anything behind it."""


class I2CSwitch:
    """Remembers the selected channel."""

    def __init__(self, dmgr, busno=0, address=0xE8, core_device="core"):
        self.core = dmgr.get(core_device)
        self.busno = busno
        self.address = address
        self.channel = -1

    def set(self, channel):
        self.channel = channel

    def unset(self):
        self.channel = -1
