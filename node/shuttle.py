"""Moving the ion 3 um out of the focus of the link optics and back: the switch that cuts the quantum link."""

from artiq.experiment import HasEnvironment, TInt64, at_mu, delay, kernel, us

from node.settings import NodeSettings


class Shuttle(HasEnvironment):
    """Steps of the electrodes Q15, Q16, Q23 and Q24 by a Zotino, at fixed times after the herald.

    The words of the step out are in the DAC before the herald: whoever steps the ion back sends them for the next time.
    """

    kernel_invariants = {"channels", "connected_volts", "disconnected_volts", "disconnect_at_mu", "reconnect_at_mu"}

    def build(self, settings: NodeSettings):
        self.setattr_device("core")
        self.setattr_device("zotino0")
        self.connected_mu = [0] * len(settings.shuttle.channels)
        self.disconnected_mu = [0] * len(settings.shuttle.channels)
        self.configure(settings)

    def configure(self, settings: NodeSettings):
        self.channels = list(settings.shuttle.channels)
        self.connected_volts = list(settings.shuttle.connected)
        self.disconnected_volts = list(settings.shuttle.disconnected)
        self.disconnect_at_mu = settings.schedule.mu("disconnect")
        self.reconnect_at_mu = settings.schedule.mu("reconnect")

    @kernel
    def initialise(self):
        """Set up the DAC and bring the ion into the focus."""
        self.core.break_realtime()
        self.zotino0.init()
        for i in range(len(self.channels)):
            self.connected_mu[i] = self.zotino0.voltage_to_mu(self.connected_volts[i])
            self.disconnected_mu[i] = self.zotino0.voltage_to_mu(self.disconnected_volts[i])
        self.bring_home()

    @kernel
    def bring_home(self):
        """Put the ion into the focus now, outside of any round."""
        self.core.break_realtime()
        delay(50 * us)
        self.zotino0.set_dac_mu(self.connected_mu, self.channels)
        self._prepare()
        delay(100 * us)

    @kernel
    def _prepare(self):
        """Send the voltages of the next step out to the DAC, where they wait for its LDAC."""
        delay(1 * us)
        for i in range(len(self.channels)):
            self.zotino0.write_dac_mu(self.channels[i], self.disconnected_mu[i])

    @kernel
    def disconnect(self, herald_mu: TInt64):
        """Step the ion out; the link is cut one electrode_wait later, whatever follows."""
        at_mu(herald_mu + self.disconnect_at_mu)
        self.zotino0.load()
        at_mu(herald_mu + self.disconnect_at_mu)

    @kernel
    def reconnect(self, herald_mu: TInt64):
        """Step the ion back; the cursor stands at the end of the round."""
        at_mu(herald_mu + self.reconnect_at_mu)
        self.zotino0.set_dac_mu(self.connected_mu, self.channels)
        self._prepare()
        at_mu(herald_mu + self.reconnect_at_mu)
