"""AD9910 DDS on a Urukul: artiq.coredevice.ad9910, emulated as frequency, phase and amplitude over time.

What the beam path sees is a list of `Tone`s. The phase of a tone at a time t is, in units of 2**-32 turns,
phase + ftw * (t - origin). In tracking mode the output lags its reference, as on the board: the driver computes the
phase for the time at which it begins to write the profile, 1.25 us before the IO update that clears the accumulator.
Tones that a round starts itself, by `write64` and an IO update at a known time, have no lag.
"""

from __future__ import annotations

from types import SimpleNamespace
from typing import NamedTuple

import numpy as np

from testbed.drivers.cpu_time import READ_SPI_MU, SPI_CONFIG_MU, SPI_WORD_MU, TTL_MU
from testbed.drivers.linkable import linkable
from testbed.drivers.urukul import DEFAULT_PROFILE

PHASE_MODE_CONTINUOUS, PHASE_MODE_ABSOLUTE, PHASE_MODE_TRACKING = 0, 1, 2
_PHASE_MODE_DEFAULT = -1
NO_REFERENCE = np.int64(-1)

# SPI transfers of one register write at the clock divider 2, with an 8 ns RTIO period.
CFR1_MU = 704
PROFILE_MU = 1248
IO_UPDATE_MU = 8
SPI_PAIR_MU = SPI_CONFIG_MU + SPI_WORD_MU  # CPU time
CFR1_PAIRS, PROFILE_PAIRS = 2, 3
PROFILE_CPU_MU = PROFILE_PAIRS * SPI_PAIR_MU
LAST_WORD_MU = 712  # from the first word of a profile to the last
PROFILE0 = 0x0E  # register
TRANSMITTED = tuple(10 ** (-(255 - register) / 8 / 20) for register in range(256))  # of the amplitude, by attenuator


class Tone(NamedTuple):
    """What the DDS puts out from time `since` on."""

    since: int
    ftw: int
    origin: int
    phase: int
    amplitude: float

    def phase_at(self, time: int) -> int:
        return (self.phase + self.ftw * (time - self.origin)) & 0xFFFFFFFF


SILENT = Tone(0, 0, 0, 0, 0.0)


class AD9910:
    """One DDS channel; `tones` are its settings over time since `forget`, the first one already active."""

    linked_invariants = frozenset(("_timeline",))

    def __init__(self, dmgr, chip_select, cpld_device, sw_device=None, pll_n=40, pll_cp=7, pll_vco=5,
                 sync_delay_seed=-1, io_update_delay=0, pll_en=1):  # fmt: skip
        self.kernel_invariants = {
            "cpld", "core", "bus", "chip_select", "pll_en", "pll_n", "pll_vco", "pll_cp", "ftw_per_hz", "sysclk_per_mu",
            "sysclk",
        }  # fmt: skip
        self.cpld = dmgr.get(cpld_device)
        self.core = self.cpld.core
        self.bus = self.cpld.bus
        if not 3 <= chip_select <= 7:
            raise ValueError(f"chip_select {chip_select}: must be 3 to 7")
        self.chip_select = chip_select
        if sw_device:
            self.sw = dmgr.get(sw_device)
            self.kernel_invariants.add("sw")
        clock = self.cpld.refclk / [4, 1, 2, 4][self.cpld.clk_div]
        self.pll_en, self.pll_n, self.pll_vco, self.pll_cp = pll_en, pll_n, pll_vco, pll_cp
        self.sysclk = clock * pll_n if pll_en else clock
        if self.sysclk > 1e9:
            raise ValueError(f"AD9910 system clock of {self.sysclk} Hz: at most 1 GHz")
        self.ftw_per_hz = (1 << 32) / self.sysclk
        self.sysclk_per_mu = round(self.sysclk * self.core.ref_period)
        self.sync_delay_seed, self.io_update_delay = sync_delay_seed, io_update_delay
        self.phase_mode = PHASE_MODE_CONTINUOUS
        self.ram = None
        self.sync_data = SimpleNamespace(io_update_delay=0)
        self._waiting: tuple[int, int, int, int] | None = None  # a profile and its words, sent and not updated
        self._clears_phase = False
        self.tones = [SILENT]
        self._profiles: dict[int, tuple[int, int, int]] = {}
        self._offset = 0
        self.on_set = None
        self._timeline = self.core.timeline
        self.cpld.channels[chip_select - 4] = self

    def set_phase_mode(self, phase_mode):
        self.phase_mode = phase_mode

    def init(self, blind=False, dds_channel_idx=0):
        """Takes its time; the tone that was on goes off."""
        self.cpld._spend(50_000_000 + 5_000_000)
        if not blind:
            self.core.cpu.wait(self._timeline.now, READ_SPI_MU)
            self._timeline.take_time_mu(1_000_000)
        self.tones.append(SILENT._replace(since=self._timeline.now))

    def power_down(self, bits=0b1111):
        self.cpld._spend(CFR1_MU + 1000, CFR1_PAIRS)
        if bits:
            self.tones.append(SILENT._replace(since=self._timeline.now))

    def set_mu(self, ftw=0, pow_=0, asf=0x3FFF, phase_mode=_PHASE_MODE_DEFAULT, ref_time_mu=NO_REFERENCE,
               profile=DEFAULT_PROFILE, ram_destination=-1):  # fmt: skip
        core = self.core
        if self.on_set is not None:
            self.on_set()
        if ram_destination != -1:
            raise NotImplementedError("the emulated AD9910 has no RAM modes")
        if phase_mode == _PHASE_MODE_DEFAULT:
            phase_mode = self.phase_mode
        now = self._timeline.now
        start = now & ~7
        ftw, pow_, reference = int(ftw) & 0xFFFFFFFF, int(pow_), int(ref_time_mu)
        turned = ftw * self.sysclk_per_mu
        if phase_mode == PHASE_MODE_CONTINUOUS:
            self._submit(start + LAST_WORD_MU, PROFILE_PAIRS)
            update = start + PROFILE_MU
            duration = PROFILE_MU + IO_UPDATE_MU
            before = self.tones[-1]
            origin = update
            phase = before.phase_at(update) - (self._offset << 16) + (pow_ << 16)
        else:
            self._submit(start + CFR1_MU + LAST_WORD_MU, CFR1_PAIRS + PROFILE_PAIRS)
            self._clears_phase = False
            update = start + CFR1_MU + PROFILE_MU
            duration = 2 * CFR1_MU + PROFILE_MU + IO_UPDATE_MU
            if phase_mode == PHASE_MODE_TRACKING and reference < 0:
                reference = 0
            if reference >= 0:
                origin = reference + PROFILE_MU
                phase = pow_ << 16
                pow_ += (start + CFR1_MU - reference) * turned >> 16  # as the driver: from after set_cfr1 on
            else:
                origin = update
                phase = pow_ << 16
        core.cpu.submit_pair(update, update + IO_UPDATE_MU, self.bus.channel, TTL_MU)
        if phase_mode != PHASE_MODE_CONTINUOUS:
            self._submit(update + IO_UPDATE_MU, CFR1_PAIRS)
        self._profiles[profile] = (ftw, pow_, int(asf))
        if profile == self.cpld.profiles[self.chip_select - 4]:
            self._offset = pow_ & 0xFFFF
            self.tones.append(Tone(update, turned, origin, phase & 0xFFFFFFFF, self._amplitude(asf)))
        if core.log is not None:
            core.log.add(update, f"{core.name(self.bus.channel)}:{self.chip_select}", "tone", (ftw, pow_, asf))
        self._timeline.take_time_mu(start - now + duration)
        return pow_ & 0xFFFF

    def _submit(self, time, pairs):
        """Words of the bus, each with its configuration, the last of them at `time`."""
        self.core.cpu.submit_words(time, self.bus.channel, pairs * SPI_PAIR_MU, 2 * pairs)

    def _amplitude(self, asf):
        """Amplitude in units of full scale at no attenuation."""
        return asf / 0x3FFF * TRANSMITTED[self.cpld.attenuators[self.chip_select - 4]]

    def profile_changed(self, time):
        """The CPLD's profile pins select another stored tone; the accumulator runs on."""
        stored = self._profiles.get(self.cpld.profiles[self.chip_select - 4])
        if stored is None:
            self.tones.append(SILENT._replace(since=time))
            return
        ftw, pow_, asf = stored
        phase = self.tones[-1].phase_at(time) - (self._offset << 16) + (pow_ << 16)
        self._offset = pow_ & 0xFFFF
        self.tones.append(Tone(time, ftw * self.sysclk_per_mu, time, phase & 0xFFFFFFFF, self._amplitude(asf)))

    def forget(self, before):
        """Drop tones that ended before a time."""
        tones = self.tones
        while len(tones) > 1 and tones[1].since <= before:
            del tones[0]

    def set(self, frequency=0.0, phase=0.0, amplitude=1.0, phase_mode=_PHASE_MODE_DEFAULT, ref_time_mu=NO_REFERENCE,
            profile=DEFAULT_PROFILE, ram_destination=-1):  # fmt: skip
        words = self.frequency_to_ftw(frequency), self.turns_to_pow(phase), self.amplitude_to_asf(amplitude)
        return self.pow_to_turns(self.set_mu(*words, phase_mode, ref_time_mu, profile, ram_destination))

    def get_mu(self, profile=DEFAULT_PROFILE):
        self.cpld._spend(5_000)
        self.core.cpu.wait(self._timeline.now, READ_SPI_MU)
        return self._profiles.get(profile, (0, 0, 0))

    def get(self, profile=DEFAULT_PROFILE):
        ftw, pow_, asf = self.get_mu(profile)
        return self.ftw_to_frequency(ftw), self.pow_to_turns(pow_), self.asf_to_amplitude(asf)

    def frequency_to_ftw(self, frequency):
        return (round(self.ftw_per_hz * frequency) + (1 << 31) & 0xFFFFFFFF) - (1 << 31)

    def ftw_to_frequency(self, ftw):
        return (int(ftw) & 0xFFFFFFFF) / self.ftw_per_hz

    def turns_to_pow(self, turns):
        return round(turns * 0x10000) & 0xFFFF

    def pow_to_turns(self, pow_):
        return pow_ / 0x10000

    def amplitude_to_asf(self, amplitude):
        code = round(amplitude * 0x3FFF)
        if not 0 <= code <= 0x3FFF:
            raise ValueError("Invalid AD9910 fractional amplitude!")
        return code

    def asf_to_amplitude(self, asf):
        return asf / 0x3FFF

    def set_att_mu(self, att):
        self.cpld.set_att_mu(self.chip_select - 4, att)
        self._reattenuate()

    def set_att(self, att):
        self.set_att_mu(self.cpld.att_to_mu(att))

    def _reattenuate(self):
        """Attenuators act on all four channels' running tones."""
        for channel in self.cpld.channels.values():
            stored = channel._profiles.get(self.cpld.profiles[channel.chip_select - 4])
            if stored is not None:
                last = channel.tones[-1]
                channel.tones.append(last._replace(since=self._timeline.now, amplitude=channel._amplitude(stored[2])))
                if channel.on_set is not None:
                    channel.on_set()

    def get_att_mu(self):
        return self.cpld.get_channel_att_mu(self.chip_select - 4)

    def get_att(self):
        return self.cpld.get_channel_att(self.chip_select - 4)

    def cfg_sw(self, state):
        self.cpld.cfg_sw(self.chip_select - 4, state)

    def set_cfr1(self, power_down=0b0000, phase_autoclear=0, drg_load_lrr=0, drg_autoclear=0, phase_clear=0,
                 internal_profile=0, ram_destination=0, ram_enable=0, manual_osk_external=0, osk_enable=0,
                 select_auto_osk=0):  # fmt: skip
        self.cpld._spend(CFR1_MU, CFR1_PAIRS)
        self._clears_phase = bool(phase_autoclear)

    @linkable
    def write64(self, addr, data_high, data_low):
        """Words of a profile; they wait for `update`."""
        if not PROFILE0 <= addr < PROFILE0 + 8:
            raise NotImplementedError(f"the emulated AD9910 takes profiles only, not register {addr:#x}")
        if self.on_set is not None:
            self.on_set()
        timeline = self._timeline
        self.core.cpu.submit_words(timeline.now + LAST_WORD_MU, self.bus.channel, PROFILE_CPU_MU, 2 * PROFILE_PAIRS)
        timeline.take_time_mu(PROFILE_MU)
        high, low = int(data_high), int(data_low) & 0xFFFFFFFF
        self._waiting = addr - PROFILE0, low, high & 0xFFFF, high >> 16 & 0x3FFF

    def update(self, time):
        """IO_UPDATE: what waits becomes active."""
        if self._waiting is None:
            return
        profile, ftw, pow_, asf = self._waiting
        self._waiting = None
        self._profiles[profile] = (ftw, pow_, asf)
        if profile == self.cpld.profiles[self.chip_select - 4]:
            phase = pow_ << 16
            if not self._clears_phase:
                phase += self.tones[-1].phase_at(time) - (self._offset << 16)
            self._offset = pow_
            amplitude = self._amplitude(asf)
            self.tones.append(Tone(time, ftw * self.sysclk_per_mu, time, phase & 0xFFFFFFFF, amplitude))
        core = self.core
        if core.log is not None:
            core.log.add(time, f"{core.name(self.bus.channel)}:{self.chip_select}", "tone", (ftw, pow_, asf))
