"""SPI bus master: artiq.coredevice.spi2, emulated as far as transfers take time; devices on the bus are emulated as a
whole."""

from __future__ import annotations

from testbed.drivers.cpu_time import READ_SPI_MU, SPI_CONFIG_MU, SPI_WORD_MU

SPI_DATA_ADDR, SPI_CONFIG_ADDR = 0, 1
SPI_OFFLINE, SPI_END, SPI_INPUT, SPI_CS_POLARITY = 0x01, 0x02, 0x04, 0x08
SPI_CLK_POLARITY, SPI_CLK_PHASE, SPI_LSB_FIRST, SPI_HALF_DUPLEX = 0x10, 0x20, 0x40, 0x80


def transfer_mu(length: int, div: int, ref_period_mu: int) -> int:
    """Duration of one transfer of `length` bits."""
    return ((length + 1) * div + 1) * ref_period_mu


class SPIMaster:
    """One SPI bus; reads give zeros."""

    kernel_invariants = {"core", "ref_period_mu", "channel"}  # noqa: RUF012

    def __init__(self, dmgr, channel, div=0, length=0, core_device="core"):
        self.core = dmgr.get(core_device)
        self.ref_period_mu = int(self.core.ref_multiplier)
        self.channel = channel
        self.update_xfer_duration_mu(div, length)

    @staticmethod
    def get_rtio_channels(channel, **kwargs):
        return [(channel, None)]

    def frequency_to_div(self, f):
        return round(1 / (f * self.core.mu_to_seconds(self.ref_period_mu)))

    def set_config(self, flags, length, freq, cs):
        self.set_config_mu(flags, length, self.frequency_to_div(freq), cs)

    def set_config_mu(self, flags, length, div, cs):
        if not 1 <= length <= 32 or not 2 <= div <= 257:
            raise ValueError("Invalid SPI transfer length or divider")
        self.core.cpu.submit(self.core.timeline.now, self.channel, SPI_CONFIG_MU)
        self.update_xfer_duration_mu(div, length)
        self.core.timeline.take_time_mu(self.ref_period_mu)

    def update_xfer_duration_mu(self, div, length):
        self.xfer_duration_mu = transfer_mu(length, div, self.ref_period_mu)

    def write(self, data):
        self.core.cpu.submit(self.core.timeline.now, self.channel, SPI_WORD_MU)
        self.core.timeline.take_time_mu(self.xfer_duration_mu)

    def read(self):
        self.core.cpu.wait(self.core.timeline.now, READ_SPI_MU)
        return 0
