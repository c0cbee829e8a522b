"""The four switched beams of cooling, repumping, deshelving and pumping: set once, then only switched by their TTLs."""

from artiq.experiment import HasEnvironment, delay, kernel, ms

from node.settings import Beam, NodeSettings


class Beams(HasEnvironment):
    """Beams at 422 nm (cooling, pump), 1092 nm (repump) and 1033 nm (deshelve) on the second Urukul.

    The entangler's sequencer outputs and the TTLs here are ORed in front of the AOM drivers, so that the attempt loop
    can gate pump and repump by itself.
    """

    kernel_invariants = {"frequency", "amplitude", "attenuation"}

    def build(self, settings: NodeSettings):
        self.setattr_device("core")
        self.setattr_device("urukul1_cpld")
        self.setattr_device("dds_cooling")
        self.setattr_device("dds_repump")
        self.setattr_device("dds_deshelve")
        self.setattr_device("dds_pump")
        self.configure(settings)

    def configure(self, settings: NodeSettings):
        beams: tuple[Beam, ...] = (
            settings.cooling_beam,
            settings.repump_beam,
            settings.deshelve_beam,
            settings.pump_beam,
        )
        self.frequency = [beam.frequency for beam in beams]
        self.amplitude = [beam.amplitude for beam in beams]
        self.attenuation = [beam.attenuation for beam in beams]

    @kernel
    def initialise(self):
        """Set up the Urukul and leave all four beams ready but dark."""
        self.core.break_realtime()
        self.urukul1_cpld.init()
        delay(1 * ms)
        self._prepare(self.dds_cooling, 0)
        self._prepare(self.dds_repump, 1)
        self._prepare(self.dds_deshelve, 2)
        self._prepare(self.dds_pump, 3)

    @kernel
    def _prepare(self, dds, index):
        dds.init()
        dds.sw.off()
        delay(1 * ms)
        dds.set_att(self.attenuation[index])
        delay(1 * ms)
        dds.set(self.frequency[index], amplitude=self.amplitude[index])
        delay(1 * ms)

    @kernel
    def cooling_on(self):
        self.dds_cooling.sw.on()
        self.dds_repump.sw.on()

    @kernel
    def cooling_off(self):
        self.dds_cooling.sw.off()
        self.dds_repump.sw.off()

    @kernel
    def pumping_on(self):
        """Optical pumping to S1/2(+1/2), outside of the attempt loop, which switches pump and repump by itself."""
        self.dds_pump.sw.on()
        self.dds_repump.sw.on()

    @kernel
    def pumping_off(self):
        self.dds_pump.sw.off()
        self.dds_repump.sw.off()

    @kernel
    def deshelving_on(self):
        self.dds_deshelve.sw.on()

    @kernel
    def deshelving_off(self):
        self.dds_deshelve.sw.off()
