"""After a fault: kernels that look whether the ion, or the laser, has come back."""

from artiq.experiment import HasEnvironment, TBool, TInt32, kernel

from node.station import Station

GOOD_GATES = 3


class Recovery(HasEnvironment):
    """Short stays on the core device between blocks; reloading itself is the operator's, or another experiment's."""

    kernel_invariants = {"station"}

    def build(self, station: Station):
        self.setattr_device("core")
        self.station = station

    @kernel
    def ion_is_back(self, tries: TInt32) -> TBool:
        """Cool with the deshelving light on; whether three of `tries` fluorescence gates in a row see an ion."""
        station = self.station
        station.initialise()
        station.beams.deshelving_on()
        good = 0
        while tries > 0 and good < GOOD_GATES:
            tries -= 1
            self.core.break_realtime()
            station.cooling.run_and_count()
            if station.cooling.sees_ion():
                good += 1
            else:
                good = 0
        station.stand_by()
        return good == GOOD_GATES

    @kernel
    def laser_is_locked(self) -> TBool:
        """Whether the 674 nm laser is locked now; leaves the ion under cooling light."""
        station = self.station
        station.initialise()
        station.laser_lock.sample()
        locked = station.laser_lock.was_locked()
        station.stand_by()
        return locked
