"""Doppler cooling, with a look at the fluorescence: is the ion still there?"""

from artiq.experiment import HasEnvironment, TBool, TInt32, delay_mu, kernel

from node.beams import Beams
from node.settings import NodeSettings
from node.units import to_coarse_mu


class Cooling(HasEnvironment):
    """Cool before every attempt window; every so often count the fluorescence meanwhile."""

    kernel_invariants = {"beams", "gate_mu", "duration_mu", "ion_counts", "low_limit"}

    def build(self, beams: Beams, settings: NodeSettings):
        self.setattr_device("core")
        self.setattr_device("pmt_counter")
        self.beams = beams
        self.low_in_a_row = 0
        self.configure(settings)

    def configure(self, settings: NodeSettings):
        cooling = settings.cooling
        self.gate_mu = to_coarse_mu(cooling.gate)
        self.duration_mu = to_coarse_mu(cooling.duration)
        self.ion_counts = cooling.ion_counts
        self.low_limit = cooling.low_limit

    @kernel
    def run(self):
        """Schedule one cooling pulse."""
        self.beams.cooling_on()
        delay_mu(self.duration_mu)
        self.beams.cooling_off()

    @kernel
    def run_and_count(self):
        """Schedule one cooling pulse and a counting gate over its first part; `sees_ion` then reads the counts.

        Deshelving light helps: an ion that scrambling left in D5/2 (in 3e-7 of all rounds) would stay dark for its
        lifetime of 0.39 s and look lost.
        """
        self.beams.deshelving_on()
        self.beams.cooling_on()
        self.pmt_counter.gate_rising_mu(self.gate_mu)
        delay_mu(self.duration_mu - self.gate_mu)
        self.beams.cooling_off()
        self.beams.deshelving_off()

    @kernel
    def counts(self) -> TInt32:
        """Photons counted in the gate of `run_and_count`; waits for its end."""
        return self.pmt_counter.fetch_count()

    @kernel
    def sees_ion(self) -> TBool:
        """Whether the gate of `run_and_count` counted enough; waits for its end."""
        return self.pmt_counter.fetch_count() >= self.ion_counts

    @kernel
    def ion_is_lost(self) -> TBool:
        """Whether the fluorescence has now stayed low for too many gates in a row.

        Waits for the end of the counting gate; the rest of the cooling pulse is the slack that remains.
        """
        if self.sees_ion():
            self.low_in_a_row = 0
        else:
            self.low_in_a_row += 1
        return self.low_in_a_row >= self.low_limit

    @kernel
    def forget(self):
        """Start counting low gates anew (a kernel begins, or the ion was reloaded)."""
        self.low_in_a_row = 0
