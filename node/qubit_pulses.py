"""The 674 nm pulses of a round: mapping to the optical qubit, analysis, shelving, with phases that count from the
herald."""

import math

from artiq.coredevice.ad9910 import PHASE_MODE_TRACKING
from artiq.experiment import HasEnvironment, TInt32, TInt64, at_mu, delay, kernel, ms

from contract.patterns import PATTERNS
from node.settings import NodeSettings
from node.units import to_coarse_mu, to_mu

PROGRAMMING_MU = 3600  # three SPI transfers and the IO update of set_mu take 2.6 us of the time line
SETTINGS = 4
HERALDS = len(PATTERNS)


class QubitPulses(HasEnvironment):
    """Pulses on one AD9910, coherent with the time line.

    Mapping and analysis address transitions 14 MHz apart; their beat fixes the analysis phase relative to the herald,
    so every pulse tracks phases from the herald's timestamp (PHASE_MODE_TRACKING). Phases are issued by the CPU on
    the 8 ns grid: replayed through DMA they could be off by 4 ns. Every round has the same three pulses at the same
    times; a pulse that the setting does not want has amplitude 0.
    """

    kernel_invariants = {
        "frequency",
        "analysis_turns",
        "analysis_amplitude",
        "shelving_amplitude",
        "attenuation",
        "mapping_at_mu",
        "mapping_mu",
        "analysis_at_mu",
        "analysis_mu",
        "shelving_at_mu",
        "shelving_mu",
    }

    def build(self, settings: NodeSettings, analysis_at: float):
        """`analysis_at`: start of this node's analysis pulse in s after the herald."""
        self.setattr_device("core")
        self.setattr_device("urukul0_cpld")
        self.setattr_device("dds_qubit")
        self.mapping_ftw = 0
        self.analysis_ftw = 0
        self.shelving_ftw = 0
        self.full_asf = 0
        self.analysis_pow = [0] * (SETTINGS * HERALDS)
        self.analysis_asf = [0] * SETTINGS
        self.shelving_asf = [0] * SETTINGS
        self.analysis_at_mu = to_coarse_mu(analysis_at)
        self.configure(settings)

    def configure(self, settings: NodeSettings):
        qubit = settings.qubit
        self.frequency = [line.frequency for line in (qubit.mapping, qubit.analysis, qubit.shelving)]
        self.analysis_turns = [qubit.turns(s, p) for s in range(SETTINGS) for p in range(HERALDS)]
        self.analysis_amplitude = list(qubit.amplitude)
        self.shelving_amplitude = [1.0 - amplitude for amplitude in qubit.amplitude]
        self.attenuation = settings.qubit_attenuation
        self.mapping_at_mu = settings.schedule.mu("mapping")
        self.mapping_mu = to_mu(qubit.mapping.pi_time)
        self.analysis_mu = to_mu(qubit.analysis.pi_time * qubit.angle / math.pi)
        self.shelving_at_mu = self.analysis_at_mu + settings.schedule.mu("pulse_slot")
        self.shelving_mu = to_mu(qubit.shelving.pi_time)

    @kernel
    def initialise(self):
        """Set up the Urukul and convert frequencies, phases and amplitudes to tuning words."""
        self.core.break_realtime()
        self.urukul0_cpld.init()
        delay(1 * ms)
        self.dds_qubit.init()
        self.dds_qubit.sw.off()
        delay(1 * ms)
        self.dds_qubit.set_att(self.attenuation)
        self.mapping_ftw = self.dds_qubit.frequency_to_ftw(self.frequency[0])
        self.analysis_ftw = self.dds_qubit.frequency_to_ftw(self.frequency[1])
        self.shelving_ftw = self.dds_qubit.frequency_to_ftw(self.frequency[2])
        self.full_asf = self.dds_qubit.amplitude_to_asf(1.0)
        for i in range(len(self.analysis_pow)):
            self.analysis_pow[i] = self.dds_qubit.turns_to_pow(self.analysis_turns[i])
        for s in range(SETTINGS):
            self.analysis_asf[s] = self.dds_qubit.amplitude_to_asf(self.analysis_amplitude[s])
            self.shelving_asf[s] = self.dds_qubit.amplitude_to_asf(self.shelving_amplitude[s])

    @kernel
    def stop(self):
        """Dark at the cursor, whatever was going on."""
        self.dds_qubit.sw.off()

    @kernel
    def map_to_optical(self, herald_mu: TInt64):
        """Pi pulse S1/2(+1/2) -> D5/2(-3/2), the same on every herald."""
        self._pulse(herald_mu, self.mapping_at_mu, self.mapping_mu, self.mapping_ftw, 0, self.full_asf)

    @kernel
    def rotate_to_basis(self, herald_mu: TInt64, setting: TInt32, pattern_index: TInt32):
        """Analysis pulse, then the shelving pulse; one of the two has amplitude 0, by the setting."""
        pow_ = self.analysis_pow[setting * HERALDS + pattern_index]
        asf = self.analysis_asf[setting]
        self._pulse(herald_mu, self.analysis_at_mu, self.analysis_mu, self.analysis_ftw, pow_, asf)
        asf = self.shelving_asf[setting]
        self._pulse(herald_mu, self.shelving_at_mu, self.shelving_mu, self.shelving_ftw, 0, asf)

    @kernel
    def _pulse(self, herald_mu: TInt64, after_mu: TInt64, duration_mu: TInt64, ftw: TInt32, pow_: TInt32, asf: TInt32):
        at_mu(herald_mu + after_mu - PROGRAMMING_MU)
        self.dds_qubit.set_mu(ftw, pow_, asf, PHASE_MODE_TRACKING, herald_mu)
        at_mu(herald_mu + after_mu)
        self.dds_qubit.sw.pulse_mu(duration_mu)
