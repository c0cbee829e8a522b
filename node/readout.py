"""State detection by fluorescence: bright means that the ion was found in S1/2."""

from artiq.experiment import HasEnvironment, TInt32, TInt64, at_mu, kernel

from node.beams import Beams
from node.settings import NodeSettings
from node.units import to_coarse_mu


class Readout(HasEnvironment):
    """A counting gate of fixed length under cooling light, at a fixed time after the herald."""

    kernel_invariants = {"beams", "start_at_mu", "gate_mu", "threshold"}

    def build(self, beams: Beams, settings: NodeSettings, analysis: str):
        """`analysis`: name of this node's analysis pulse in the schedule; readout follows its two pulse slots."""
        self.setattr_device("core")
        self.setattr_device("pmt_counter")
        self.beams = beams
        self.analysis = analysis
        self.counts = 0
        self.configure(settings)

    def configure(self, settings: NodeSettings):
        schedule = settings.schedule
        self.start_at_mu = to_coarse_mu(getattr(schedule, self.analysis) + 2 * schedule.pulse_slot)
        self.gate_mu = to_coarse_mu(settings.readout.gate)
        self.threshold = settings.readout.threshold

    @kernel
    def collect(self, herald_mu: TInt64):
        """Schedule light and gate; `is_bright` reads the result once the rest of the round is scheduled too."""
        at_mu(herald_mu + self.start_at_mu)
        self.beams.cooling_on()
        self.pmt_counter.gate_rising_mu(self.gate_mu)
        self.beams.cooling_off()

    @kernel
    def is_bright(self) -> TInt32:
        """1 for bright, 0 for dark; the photon count stays in `counts`."""
        self.counts = self.pmt_counter.fetch_count()
        return 1 if self.counts > self.threshold else 0
