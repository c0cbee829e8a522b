"""All parts of a node that do not differ between Alice and Bob, and their common start."""

from artiq.experiment import HasEnvironment, kernel

from node.beams import Beams
from node.cooling import Cooling
from node.heralding import Heralding
from node.laser_lock import LaserLock
from node.qubit_pulses import QubitPulses
from node.readout import Readout
from node.scramble import Scramble
from node.settings import NodeSettings
from node.shuttle import Shuttle


class Station(HasEnvironment):
    """One ion with its beams, electrodes and detectors."""

    kernel_invariants = {
        "beams",
        "cooling",
        "laser_lock",
        "heralding",
        "shuttle",
        "qubit",
        "readout",
        "scramble",
    }

    def build(self, settings: NodeSettings, analysis: str):
        """`analysis`: name of this node's analysis pulse in the schedule."""
        self.setattr_device("core")
        self.beams = Beams(self, settings)
        self.cooling = Cooling(self, self.beams, settings)
        self.laser_lock = LaserLock(self)
        self.heralding = Heralding(self, self.cooling, self.laser_lock, settings)
        self.shuttle = Shuttle(self, settings)
        self.qubit = QubitPulses(self, settings, analysis)
        self.readout = Readout(self, self.beams, settings, analysis)
        self.scramble = Scramble(self, self.beams, settings)

    def configure(self, settings: NodeSettings):
        """Take over settings that changed after build (calibrations); before a kernel starts, never while one runs."""
        for part in (self.beams, self.cooling, self.heralding, self.shuttle, self.qubit, self.readout, self.scramble):
            part.configure(settings)

    @kernel
    def initialise(self):
        """Reset the core and set up everything; a reset clears the entangler's timings, patterns and enable."""
        self.core.reset()
        self.beams.initialise()
        self.qubit.initialise()
        self.shuttle.initialise()
        self.laser_lock.initialise()
        self.heralding.initialise()
        self.core.break_realtime()

    @kernel
    def stand_by(self):
        """Leave the ion in the focus under cooling light, the qubit laser dark."""
        self.core.break_realtime()
        self.qubit.stop()
        self.scramble.stop()
        self.shuttle.bring_home()
        self.beams.cooling_on()
