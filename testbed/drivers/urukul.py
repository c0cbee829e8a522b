"""Urukul CPLD: artiq.coredevice.urukul (both releases), emulated: attenuators, RF switches, profile pins."""

from __future__ import annotations

from typing import Any

import numpy as np

from testbed.drivers.cpu_time import READ_SPI_MU, SPI_CONFIG_MU, SPI_WORD_MU

DEFAULT_PROFILE = 7


class CPLD:
    """Shared part of a Urukul.

    The attenuators power up at 0 dB; as on the board, writing one channel writes the driver's idea of all four, which
    starts from the argument `att`.
    """

    kernel_invariants = {"refclk", "bus", "core", "io_update", "clk_div", "proto_rev"}  # noqa: RUF012

    def __init__(self, dmgr, spi_device, io_update_device=None, dds_reset_device=None, sync_device=None, sync_sel=0,
                 clk_sel=0, clk_div=0, rf_sw=0, refclk=125e6, att=0x00000000, sync_div=None, proto_rev=0x09,
                 core_device="core"):  # fmt: skip
        self.core = dmgr.get(core_device)
        self.refclk = refclk
        if not 0 <= clk_div <= 3:
            raise ValueError(f"clk_div {clk_div}: must be 0 to 3")
        self.clk_div = clk_div
        self.proto_rev = proto_rev
        self.bus = dmgr.get(spi_device)
        self.io_update = dmgr.get(io_update_device) if io_update_device is not None else None
        if self.io_update is not None:
            self.core.line(self.io_update.channel).listener = self._io_update
        if dds_reset_device is not None:
            self.dds_reset = dmgr.get(dds_reset_device)
        self.sync = dmgr.get(sync_device) if sync_device is not None else None
        self.sync_div = (sync_div or 2) if sync_device is not None else 0
        self.cfg_reg = np.int64(rf_sw)
        self.att_reg = np.int32(np.int64(att))
        self.attenuators = [255] * 4
        self.profiles = [DEFAULT_PROFILE] * 4
        self.channels: dict[int, Any] = {}

    def _io_update(self, time, level):
        """The pin that all four channels share."""
        if level:
            for channel in self.channels.values():
                channel.update(time)

    def init(self, blind=False):
        self._spend(100_000 + 1_000_000)

    def _spend(self, duration_mu, words=1):
        """So many words of the bus, each with its configuration."""
        timeline = self.core.timeline
        self.core.cpu.submit_words(timeline.now, self.bus.channel, words * (SPI_CONFIG_MU + SPI_WORD_MU), 2 * words)
        timeline.take_time_mu(duration_mu)

    def cfg_write(self, cfg):
        self._spend(424)
        self.cfg_reg = np.int64(cfg)

    def sta_read(self):
        self._spend(3_400)
        self.core.cpu.wait(self.core.timeline.now, READ_SPI_MU)
        return 0xF << 8

    def io_rst(self):
        self._spend(848, 2)

    def cfg_sw(self, channel, on):
        bit = 1 << channel
        self.cfg_write(self.cfg_reg | bit if on else self.cfg_reg & ~bit)

    def cfg_switches(self, state):
        self.cfg_write((self.cfg_reg & ~0xF) | state)

    def mu_to_att(self, att_mu):
        return (255 - (att_mu & 0xFF)) / 8

    def att_to_mu(self, att):
        code = 255 - round(att * 8)
        if not 0 <= code <= 255:
            raise ValueError("Invalid urukul.CPLD attenuation!")
        return code

    def set_att_mu(self, channel, att):
        registers = int(self.att_reg) & ~(0xFF << (8 * channel)) | (att << (8 * channel))
        self.set_all_att_mu(registers)

    def set_all_att_mu(self, att_reg):
        self._spend(1_600)
        self.att_reg = np.int32(np.int64(att_reg & 0xFFFFFFFF).astype(np.int32))
        self.attenuators = [(att_reg >> (8 * i)) & 0xFF for i in range(4)]

    def set_att(self, channel, att):
        self.set_att_mu(channel, self.att_to_mu(att))

    def get_att_mu(self):
        self._spend(14_000, 2)
        self.core.cpu.wait(self.core.timeline.now, READ_SPI_MU)
        self.att_reg = np.int32(np.int64(sum(a << (8 * i) for i, a in enumerate(self.attenuators))).astype(np.int32))
        return self.att_reg

    def get_channel_att_mu(self, channel):
        self.get_att_mu()
        return self.attenuators[channel]

    def get_channel_att(self, channel):
        return self.mu_to_att(self.get_channel_att_mu(channel))

    def set_sync_div(self, div):
        if 16 % div:
            raise ValueError(f"sync_div {div}: must divide 16")
        if self.sync is not None:
            self.sync.set_mu(16 // div)

    def set_profile(self, channel, profile=None):
        """ARTIQ 9: set_profile(channel, profile); release-8: set_profile(profile), for all four channels."""
        self._spend(424)
        for i in range(4) if profile is None else (channel,):
            self.profiles[i] = (channel if profile is None else profile) & 7
            if i in self.channels:
                self.channels[i].profile_changed(self.core.timeline.now)
