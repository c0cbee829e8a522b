"""Loading an ion: ablation or oven, photo-ionisation, cooling, and a look at how bright the trap is."""

import numpy as np
from artiq.experiment import HasEnvironment, TInt32, at_mu, delay, delay_mu, kernel, now_mu, us

from node.settings import NodeSettings
from node.station import Station
from node.units import to_coarse_mu


class Reloading(HasEnvironment):
    """Short stays on the core device; what follows from the counts is the host's.

    Both lines' falling edges are with the gateware before anything is fired, so that they close also if the CPU or the
    PC dies meanwhile.
    """

    kernel_invariants = {
        "station",
        "channels",
        "expel_volts",
        "gates",
        "pulse_mu",
        "interval_mu",
        "opening_mu",
        "capture_mu",
        "expel_mu",
    }

    def build(self, station: Station, settings: NodeSettings):
        self.setattr_device("core")
        self.setattr_device("zotino0")
        self.setattr_device("ttl_ablation")
        self.setattr_device("ttl_photo_ionisation")
        self.station = station
        self.expel_words = [0] * len(settings.shuttle.channels)
        self.configure(settings)

    def configure(self, settings: NodeSettings):
        loading = settings.loading
        self.channels = list(settings.shuttle.channels)
        self.expel_volts = list(loading.expel)
        self.gates = loading.gates
        self.pulse_mu = to_coarse_mu(loading.pulse)
        self.interval_mu = to_coarse_mu(loading.interval)
        self.opening_mu = to_coarse_mu(loading.opening)
        self.capture_mu = to_coarse_mu(loading.capture)
        self.expel_mu = to_coarse_mu(loading.expel_time)

    @kernel
    def look(self) -> TInt32:
        """Photons counted in all gates; leaves what there is under cooling light."""
        self.station.initialise()
        total = self._count()
        self.station.stand_by()
        return total

    @kernel
    def load(self, pulses: TInt32) -> TInt32:
        """Empty the trap, fire so many pulses, cool; returns the photons counted then."""
        self.station.initialise()
        self._expel()
        self._fire(pulses)
        total = self._count()
        self.station.stand_by()
        return total

    @kernel
    def close(self):
        """Drop pulses that are still to come and close both lines, whatever state the crate is in."""
        self.core.reset()
        self.ttl_ablation.off()
        delay(1 * us)
        self.ttl_photo_ionisation.off()
        self.station.initialise()
        self.station.stand_by()

    @kernel
    def _expel(self):
        """Voltages that hold no ion, and back."""
        self.core.break_realtime()
        for i in range(len(self.channels)):
            self.expel_words[i] = self.zotino0.voltage_to_mu(self.expel_volts[i])
        self.core.break_realtime()
        delay(50 * us)
        self.zotino0.set_dac_mu(self.expel_words, self.channels)
        delay_mu(self.expel_mu)
        self.station.shuttle.bring_home()

    @kernel
    def _fire(self, pulses: TInt32):
        """Shutter open, pulses, shutter closed, under cooling light; the cursor stands where the look may begin."""
        self.core.break_realtime()
        self.station.beams.cooling_on()
        first_mu = now_mu() + self.opening_mu
        closed_mu = first_mu + self.interval_mu * np.int64(pulses)
        self.ttl_photo_ionisation.on()
        at_mu(closed_mu)
        self.ttl_photo_ionisation.off()  # long before its time, see the class
        for i in range(pulses):
            at_mu(first_mu + self.interval_mu * np.int64(i))
            self.ttl_ablation.pulse_mu(self.pulse_mu)
        at_mu(closed_mu + self.capture_mu)

    @kernel
    def _count(self) -> TInt32:
        cooling = self.station.cooling
        total = 0
        for _ in range(self.gates):
            self.core.break_realtime()
            cooling.run_and_count()
            total += cooling.counts()
        return total
