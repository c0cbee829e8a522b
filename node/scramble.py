"""Erasing the qubit before the link is restored: 1033 nm and cooling light return any state to S1/2 and mix it."""

from artiq.experiment import HasEnvironment, TInt64, at_mu, kernel

from node.beams import Beams
from node.settings import NodeSettings


class Scramble(HasEnvironment):
    """Deshelving, cooling and repump light from a fixed time after the herald until the ion moves back."""

    kernel_invariants = {"beams", "start_at_mu", "stop_at_mu"}

    def build(self, beams: Beams, settings: NodeSettings):
        self.setattr_device("core")
        self.beams = beams
        self.configure(settings)

    def configure(self, settings: NodeSettings):
        self.start_at_mu = settings.schedule.mu("scramble")
        self.stop_at_mu = settings.schedule.mu("reconnect")

    @kernel
    def reset_qubit(self, herald_mu: TInt64):
        """Light on, wait, light off: nothing of setting and outcome is left in the ion."""
        at_mu(herald_mu + self.start_at_mu)
        self.beams.deshelving_on()
        self.beams.cooling_on()
        at_mu(herald_mu + self.stop_at_mu)
        self.beams.deshelving_off()
        self.beams.cooling_off()

    @kernel
    def stop(self):
        """Deshelving light off at the cursor, whatever was going on."""
        self.beams.deshelving_off()
