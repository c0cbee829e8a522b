"""AD53xx DACs: artiq.coredevice.ad53xx, emulated as voltages over time."""

from __future__ import annotations

from testbed.drivers.cpu_time import READ_SPI_MU, SPI_CONFIG_MU, SPI_WORD_MU, TTL_MU
from testbed.drivers.linkable import linkable
from testbed.drivers.spi2 import transfer_mu

BUSY_MU = 1500
WORD_BITS = 24
CHANNELS = 40


def voltage_to_mu(voltage, offset_dacs=0x2000, vref=5.0):
    """Register value for a voltage; ValueError outside the range."""
    code = round((1 << 16) * (voltage / (4.0 * vref)) + offset_dacs * 0x4)
    if not 0x0 <= code <= 0xFFFF:
        raise ValueError("Invalid DAC voltage!")
    return code


class AD53xx:
    """DAC whose outputs all change when LDAC is pulsed; `listener(time_mu, volts by channel)` hears of it."""

    kernel_invariants = {  # noqa: RUF012
        "bus", "ldac", "clr", "chip_select", "div_write", "div_read", "vref", "core",
    }  # fmt: skip

    def __init__(self, dmgr, spi_device, ldac_device=None, clr_device=None, chip_select=1, div_write=4, div_read=16,
                 vref=5.0, offset_dacs=8192, core="core"):  # fmt: skip
        self.bus = dmgr.get(spi_device)
        self.bus.update_xfer_duration_mu(div_write, WORD_BITS)
        self.ldac = dmgr.get(ldac_device) if ldac_device is not None else None
        self.clr = dmgr.get(clr_device) if clr_device is not None else None
        self.chip_select, self.div_write, self.div_read = chip_select, div_write, div_read
        self.vref, self.offset_dacs = vref, offset_dacs
        self.core = dmgr.get(core)
        self.xfer_mu = transfer_mu(WORD_BITS, div_write, self.bus.ref_period_mu)
        self.registers = [voltage_to_mu(0.0, offset_dacs, vref)] * CHANNELS
        self.outputs = list(self.registers)
        self.listener = None

    def init(self, blind=False):
        self._spend(60_000 if not blind else 5_000)
        if not blind:
            self.core.cpu.wait(self.core.timeline.now, READ_SPI_MU)

    def _spend(self, duration_mu):
        timeline = self.core.timeline
        self.core.cpu.submit_words(timeline.now, self.bus.channel, SPI_CONFIG_MU + SPI_WORD_MU, 2)
        timeline.take_time_mu(duration_mu)

    def read_reg(self, channel=0, op=0x008 << 7):
        self._spend(8_000)
        self.core.cpu.wait(self.core.timeline.now, READ_SPI_MU)
        return self.registers[channel]

    def write_offset_dacs_mu(self, value):
        self.offset_dacs = value & 0x3FFF
        self._spend(2 * self.xfer_mu)

    def write_gain_mu(self, channel, gain=0xFFFF):
        self._spend(self.xfer_mu)

    def write_offset_mu(self, channel, offset=0x8000):
        self._spend(self.xfer_mu)

    def write_offset(self, channel, voltage):
        self.write_offset_mu(channel, self.voltage_to_mu(voltage))

    @linkable
    def write_dac_mu(self, channel, value):
        self.registers[channel] = int(value)
        self.core.cpu.submit(self.core.timeline.now, self.bus.channel, SPI_WORD_MU)
        self.core.timeline.take_time_mu(self.xfer_mu)

    def write_dac(self, channel, voltage):
        self.write_dac_mu(channel, self.voltage_to_mu(voltage))

    @linkable
    def load(self):
        self._load(self.core.timeline.now)
        self.core.timeline.take_time_mu(2 * self.bus.ref_period_mu)

    @linkable
    def _load(self, time):
        self.core.cpu.submit_pair(time, time + 2 * self.bus.ref_period_mu, self.bus.channel, TTL_MU)
        if self.registers != self.outputs:
            self.outputs = list(self.registers)
            if self.listener is not None:
                self.listener(time, self.outputs)
        if self.core.log is not None:
            self.core.log.add(time, self.core.name(self.bus.channel), "load", tuple(self.outputs))

    @linkable
    def set_dac_mu(self, values, channels=list(range(40))):  # noqa: B006
        """The outputs change at the cursor: the writes are scheduled before it."""
        now = self.core.timeline.now
        self.core.cpu.submit_words(
            now - BUSY_MU - self.xfer_mu, self.bus.channel, len(values) * SPI_WORD_MU, len(values)
        )
        registers = self.registers
        for channel, value in zip(channels, values, strict=False):
            registers[channel] = value
        self._load(now)

    def set_dac(self, voltages, channels=list(range(40))):  # noqa: B006
        self.set_dac_mu([self.voltage_to_mu(voltage) for voltage in voltages], channels)

    def calibrate(self, channel, vzs, vfs):
        self.core.break_realtime()
        self._spend(2 * self.xfer_mu)

    def voltage_to_mu(self, voltage):
        return voltage_to_mu(voltage, self.offset_dacs, self.vref)
