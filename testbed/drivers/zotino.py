"""Zotino 32-channel DAC: artiq.coredevice.zotino, emulated."""

from testbed.drivers.ad53xx import AD53xx

_CHIP_SELECT = 1


class Zotino(AD53xx):
    """AD5372 and eight user LEDs."""

    def __init__(self, dmgr, spi_device, ldac_device=None, clr_device=None, div_write=4, div_read=16, vref=5.0,
                 core="core"):  # fmt: skip
        super().__init__(dmgr, spi_device, ldac_device, clr_device, _CHIP_SELECT, div_write, div_read, vref, core=core)

    def set_leds(self, leds):
        self._spend(2 * self.xfer_mu)
