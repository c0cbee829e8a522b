"""One AD9910 as its registers, and as the tones a beam path sees (testbed.drivers.ad9910.Tone)."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from testbed.drivers.ad9910 import SILENT, Tone

CFR1, AUX_DAC, PROFILE0 = 0x00, 0x03, 0x0E
CLEAR_PHASE = 1 << 13  # of CFR1: the accumulator starts at zero with each IO_UPDATE
POWER_DOWN = 0xF0  # of CFR1: digital part, DAC, clock input, auxiliary DAC
READ = 0x80  # of the instruction byte
AFTER_RESET = {AUX_DAC: 0x7F}


class Switch(NamedTuple):
    """The output's RF switch: its RTIO channel."""

    channel: int


class Ad9910:
    """Registers are written over SPI and act from IO_UPDATE on.

    Args:
        switch: of this output.
        sysclk_per_mu: cycles of the system clock in 1 ns.

    Attributes:
        tones: what is put out over time since `forget`, the first one already active.
        on_set: called before the output changes.
    """

    def __init__(self, switch: Switch, sysclk_per_mu: int) -> None:
        self.sw = switch
        self.sysclk_per_mu = sysclk_per_mu
        self.tones: list[Tone] = [SILENT]
        self.on_set: Callable[[], None] | None = None
        self.attenuation = 255  # register of the step attenuator; 255 is none
        self._written: dict[int, int] = dict(AFTER_RESET)
        self._active: tuple[int, int] | None = None  # (profile register, offset of the phase)

    def write(self, register: int, value: int) -> None:
        """Over SPI; acts at the next IO_UPDATE."""
        self._written[register] = value

    def read(self, register: int) -> int:
        """Over SPI."""
        return self._written.get(register, 0)

    def io_update(self, time: int, profile: int) -> None:
        """What was written becomes active; `profile` is what the CPLD's pins select."""
        word, control = self._written.get(PROFILE0 + profile), self._written.get(CFR1, 0)
        if word is None or control & POWER_DOWN:
            if self._active is not None:
                self._active = None
                self._put(SILENT._replace(since=time))
            return
        cleared = control & CLEAR_PHASE
        if not cleared and self._active is not None and self._active[0] == word:
            return
        ftw, offset = (word & 0xFFFFFFFF) * self.sysclk_per_mu, word >> 32 & 0xFFFF
        if cleared:
            tone = Tone(time, ftw, time, offset << 16, self._amplitude(word))
        else:
            before = self._active[1] if self._active is not None else 0
            phase = self.tones[-1].phase_at(time) + (offset - before << 16)
            tone = Tone(time, ftw, time, phase & 0xFFFFFFFF, self._amplitude(word))
        self._active = word, offset
        self._put(tone)

    def attenuate(self, time: int, register: int) -> None:
        """The step attenuator behind the chip."""
        if register == self.attenuation:
            return
        self.attenuation = register
        if self._active is not None:
            self._put(self.tones[-1]._replace(since=time, amplitude=self._amplitude(self._active[0])))

    def _amplitude(self, word: int) -> float:
        """In units of full scale at no attenuation."""
        return (word >> 48) / 0x3FFF * 10 ** (-(255 - self.attenuation) / 160)

    def _put(self, tone: Tone) -> None:
        if self.on_set is not None:
            self.on_set()
        self.tones.append(tone)

    def forget(self, before: int) -> None:
        """Drop tones that ended before a time."""
        tones = self.tones
        while len(tones) > 1 and tones[1].since <= before:
            del tones[0]
