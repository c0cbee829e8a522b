"""The 674 nm pulses of a round: mapping to the optical qubit, analysis, shelving, with phases that count from the
herald."""

import math

import numpy as np
from artiq.experiment import HasEnvironment, TInt32, TInt64, at_mu, delay, delay_mu, kernel, ms

from contract.patterns import PATTERNS
from contract.round_settings import KEY_SETTING
from node.settings import NodeSettings
from node.units import to_mu

PROGRAMMING_MU = 3600  # three SPI transfers and the IO update of set_mu take 2.6 us of the time line
UPDATE_MU = 1000  # from the IO update that starts a tone to the pulse
LOAD_MU = 22_000  # from the words of the analysis tone, which no T decides, to the analysis pulse
WORDS_MU = 2000  # for the three SPI transfers of a tone (1.2 us), and some
PROFILE_REGISTER = 0x0E + 7  # of the AD9910, the profile that ARTIQ's driver selects
SETTINGS = 4
HERALDS = len(PATTERNS)


class QubitPulses(HasEnvironment):
    """Pulses on one AD9910, coherent with the time line.

    Mapping and analysis address transitions 14 MHz apart; their beat fixes the analysis phase relative to the herald.
    Every IO update clears the phase accumulator (CFR1, written once), and comes at a fixed time after the herald on the
    8 ns grid: so the phase word of each tone is a constant, and its three SPI transfers can be sent long before. The
    mapping tone waits in the chip's buffer before the herald; the analysis tone runs, and the shelving tone waits
    there, before the round type is known. What a setting decides then is whether the RF switch opens: every round has
    the same three tones, and the switch the same six edges at the same times, of which an unwanted pulse's say closed.
    Bob's second key basis takes twice the analysis pulse: with two of them one edge more, halfway, says whether it goes
    on.
    """

    kernel_invariants = {
        "frequency",
        "analysis_turns",
        "rotates",
        "shelves",
        "goes_on",
        "has_second_half",
        "attenuation",
        "mapping_at_mu",
        "mapping_mu",
        "analysis_at_mu",
        "analysis_mu",
        "shelving_at_mu",
        "shelving_mu",
    }

    def build(self, settings: NodeSettings, analysis: str):
        """`analysis`: name of this node's analysis pulse in the schedule."""
        self.setattr_device("core")
        self.setattr_device("urukul0_cpld")
        self.setattr_device("ttl_urukul0_io_update")
        self.setattr_device("dds_qubit")
        self.mapping_ftw = 0
        self.analysis_ftw = 0
        self.shelving_ftw = 0
        self.mapping_high = 0
        self.shelving_high = 0
        self.analysis_high = [0] * (SETTINGS * HERALDS)
        self.update_delay_mu = np.int64(0)
        self.analysis = analysis
        self.configure(settings)

    def configure(self, settings: NodeSettings):
        qubit = settings.qubit
        self.frequency = [line.frequency for line in (qubit.mapping, qubit.analysis, qubit.shelving)]
        self.rotates = [amplitude > 0 for amplitude in qubit.amplitude]
        self.shelves = [not rotates for rotates in self.rotates]
        self.has_second_half = settings.doubles
        self.goes_on = [setting == KEY_SETTING + 1 for setting in range(SETTINGS)]
        # The announcement may change a setting that does not rotate for one that does, after its tone was loaded.
        rotating = self.rotates.index(True) if True in self.rotates else 0
        shown = [s if self.rotates[s] else rotating for s in range(SETTINGS)]
        self.analysis_turns = [qubit.turns(s, p) for s in shown for p in range(HERALDS)]
        self.attenuation = settings.qubit_attenuation
        self.mapping_at_mu = settings.schedule.mu("mapping")
        self.mapping_mu = to_mu(qubit.mapping.pi_time)
        self.analysis_at_mu = settings.schedule.mu(self.analysis)
        self.analysis_mu = to_mu(qubit.analysis.pi_time * qubit.angle / math.pi)
        self.shelving_at_mu = self.analysis_at_mu + settings.schedule.mu("pulse_slot")
        self.shelving_mu = to_mu(qubit.shelving.pi_time)

    @kernel
    def initialise(self):
        """Set up the Urukul, convert frequencies and phases to words, and load the first round's mapping tone."""
        self.core.break_realtime()
        self.urukul0_cpld.init()
        delay(1 * ms)
        self.dds_qubit.init()
        self.dds_qubit.sw.off()
        delay(1 * ms)
        self.dds_qubit.set_att(self.attenuation)
        self.update_delay_mu = np.int64(self.dds_qubit.sync_data.io_update_delay)
        self.mapping_ftw = self.dds_qubit.frequency_to_ftw(self.frequency[0])
        self.analysis_ftw = self.dds_qubit.frequency_to_ftw(self.frequency[1])
        self.shelving_ftw = self.dds_qubit.frequency_to_ftw(self.frequency[2])
        full = self.dds_qubit.amplitude_to_asf(1.0) << 16
        self.mapping_high = full | self._turned(self.mapping_ftw, self.mapping_at_mu - UPDATE_MU)
        self.shelving_high = full | self._turned(self.shelving_ftw, self.shelving_at_mu - UPDATE_MU)
        update_mu = self.analysis_at_mu - LOAD_MU + WORDS_MU
        for i in range(len(self.analysis_high)):
            pow_ = self.dds_qubit.turns_to_pow(self.analysis_turns[i])
            self.analysis_high[i] = full | ((pow_ + self._turned(self.analysis_ftw, update_mu)) & 0xFFFF)
        self.core.break_realtime()
        self.dds_qubit.set_cfr1(phase_autoclear=1)
        self._load(self.mapping_high, self.mapping_ftw)
        delay(1 * ms)

    @kernel
    def _turned(self, ftw: TInt32, update_mu: TInt64) -> TInt32:
        """Phase word of a tone that has phase 0 at the herald and starts anew so long after it."""
        return np.int32(((update_mu * ftw * self.dds_qubit.sysclk_per_mu) >> 16) & 0xFFFF)

    @kernel
    def _load(self, high: TInt32, ftw: TInt32):
        """Send a tone to the chip, where it waits for the next IO update."""
        self.dds_qubit.write64(PROFILE_REGISTER, high, ftw)

    @kernel
    def _update(self, at: TInt64):
        """Start the tone that waits; the delay aligns the edge with the chip's own clock, the same for all tones."""
        at_mu(at + self.update_delay_mu)
        self.ttl_urukul0_io_update.pulse_mu(8)

    @kernel
    def stop(self):
        """Dark at the cursor, whatever was going on."""
        self.dds_qubit.sw.off()

    @kernel
    def map_to_optical(self, herald_mu: TInt64):
        """Pi pulse S1/2(+1/2) -> D5/2(-3/2), the same on every herald."""
        self._update(herald_mu + self.mapping_at_mu - UPDATE_MU)
        at_mu(herald_mu + self.mapping_at_mu)
        self.dds_qubit.sw.pulse_mu(self.mapping_mu)

    @kernel
    def load_analysis(self, herald_mu: TInt64, choice: TInt32, pattern_index: TInt32):
        """Start the analysis tone of a setting behind the closed switch, and load the shelving tone."""
        at_mu(herald_mu + self.analysis_at_mu - LOAD_MU)
        self._load(self.analysis_high[choice * HERALDS + pattern_index], self.analysis_ftw)
        self._update(herald_mu + self.analysis_at_mu - LOAD_MU + WORDS_MU)
        delay_mu(UPDATE_MU)
        self._load(self.shelving_high, self.shelving_ftw)

    @kernel
    def rotate_to_basis(self, herald_mu: TInt64, setting: TInt32):
        """Open the switch for the analysis pulse or for the shelving pulse, by the setting; then load the tone of the
        next round's mapping.

        `setting`: the one whose tone was loaded, or one that does not rotate.
        """
        at_mu(herald_mu + self.analysis_at_mu)
        self.dds_qubit.sw.set_o(self.rotates[setting])
        delay_mu(self.analysis_mu)
        if self.has_second_half:
            self.dds_qubit.sw.set_o(self.goes_on[setting])
            delay_mu(self.analysis_mu)
        self.dds_qubit.sw.off()
        self._update(herald_mu + self.shelving_at_mu - UPDATE_MU)
        at_mu(herald_mu + self.shelving_at_mu)
        self.dds_qubit.sw.set_o(self.shelves[setting])
        delay_mu(self.shelving_mu)
        self.dds_qubit.sw.off()
        self._load(self.mapping_high, self.mapping_ftw)
