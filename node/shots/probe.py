"""Shots on this node's ion outside of rounds: cool, pump, 674 nm pulses, deshelve, read out. For calibrations."""

import numpy as np
from artiq.coredevice.ad9910 import PHASE_MODE_TRACKING
from artiq.experiment import HasEnvironment, TBool, TInt32, TInt64, TList, at_mu, delay_mu, kernel, now_mu

from contract.codes import ION_LOST, LASER_UNLOCKED, LEFT_BY_HOST
from node.qubit_pulses import PROGRAMMING_MU
from node.settings import NodeSettings
from node.shots.point_loop import REPETITIONS
from node.shots.shot import DESHELVE_AT, DESHELVE_MU, FIRST_PULSE, PULSES, PUMP_MU, READOUT_AT, WORDS_PER_PULSE
from node.station import Station
from node.units import to_coarse_mu


class Probe(HasEnvironment):
    """Repeats the shot of a point (node.shots.shot) and keeps the photon count of each repetition in `counts`.

    All pulses of a shot track their phases from one reference time, as those of a round do from the herald. The ion is
    looked at before every shot, and a shot for which it was dark is not taken.
    """

    kernel_invariants = {"station", "counts", "lead_mu"}

    def build(self, station: Station, settings: NodeSettings, shots: int = 1):
        self.setattr_device("core")
        self.setattr_device("dds_qubit")
        self.station = station
        self.allocate(shots)
        self.configure(settings)

    def configure(self, settings: NodeSettings):
        self.lead_mu = to_coarse_mu(settings.probe.lead)

    def allocate(self, shots: int):
        """Room for so many shots per point; call it before the kernel starts."""
        self.counts = [0] * shots

    @kernel
    def measure_point(self, point: TList(TInt32)) -> TInt32:
        """All shots of a point; returns one of contract.codes, `counts` is complete only if that is LEFT_BY_HOST."""
        station = self.station
        station.cooling.forget()
        code = LEFT_BY_HOST
        shot = 0
        while code == LEFT_BY_HOST and shot < point[REPETITIONS]:
            station.cooling.run_and_count()
            if station.cooling.ion_is_lost():
                code = ION_LOST
            elif not self._laser_is_locked():
                code = LASER_UNLOCKED
            elif station.cooling.low_in_a_row == 0:
                self.counts[shot] = self._shot(point)
                shot += 1
        return code

    @kernel
    def _laser_is_locked(self) -> TBool:
        """Whether the laser is locked now; waits for the answer and leaves `lead` on the time line for what follows."""
        self.station.laser_lock.sample()
        locked = self.station.laser_lock.was_locked()
        delay_mu(self.lead_mu)
        return locked

    @kernel
    def _shot(self, point: TList(TInt32)) -> TInt32:
        """One shot, from the cursor on; returns its photon count, the cursor stands where the ion is in S1/2 again."""
        station = self.station
        ready_mu = self.prepare(point)
        # Readout and scrambling as in a round whose herald came that much earlier.
        station.readout.collect(ready_mu - station.readout.start_at_mu)
        station.scramble.reset_qubit(now_mu() - station.scramble.start_at_mu)
        station.readout.is_bright()
        return station.readout.counts

    @kernel
    def prepare(self, point: TList(TInt32)) -> TInt64:
        """A shot's pumping, pulses and deshelving from the cursor on; returns when its readout may begin."""
        station = self.station
        start_mu = (now_mu() + 7) & ~7
        at_mu(start_mu)
        if point[PUMP_MU] > 0:
            station.beams.pumping_on()
            delay_mu(np.int64(point[PUMP_MU]))
            station.beams.pumping_off()
        for i in range(point[PULSES]):
            self._pulse(start_mu, point, FIRST_PULSE + WORDS_PER_PULSE * i)
        if point[DESHELVE_MU] > 0:
            at_mu(start_mu + point[DESHELVE_AT])
            station.beams.deshelving_on()
            delay_mu(np.int64(point[DESHELVE_MU]))
            station.beams.deshelving_off()
        return start_mu + point[READOUT_AT]

    @kernel
    def _pulse(self, start_mu: TInt64, point: TList(TInt32), place: TInt32):
        at_mu(start_mu + point[place + 3] - PROGRAMMING_MU)
        self.dds_qubit.set_mu(point[place], point[place + 1], point[place + 2], PHASE_MODE_TRACKING, start_mu)
        at_mu(start_mu + point[place + 3])
        self.dds_qubit.sw.pulse_mu(np.int64(point[place + 4]))
