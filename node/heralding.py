"""Synchronised attempts until both nodes see one of the four heralding patterns (Nadlinger 2022, S2 and figure S2)."""

import numpy as np
from artiq.experiment import HasEnvironment, TBool, TInt32, at_mu, kernel, now_mu

from contract.codes import ION_LOST, LASER_UNLOCKED, NO_HERALD
from contract.patterns import PATTERNS
from node.cooling import Cooling
from node.laser_lock import LaserLock
from node.settings import NodeSettings
from node.units import to_coarse_mu, to_mu

# Register numbers of the entangler's outputs and gates, its public interface (set_timing).
SEQUENCER_PUMP = 8
SEQUENCER_REPUMP = 9
SEQUENCER_EXCITATION = 10
SEQUENCER_AUX = 11
GATE_APD0 = 12

TIMED_OUT = 0x3FFF


class Heralding(HasEnvironment):
    """The attempt loop around the entangler gateware: cool, attempt for one window, again until a herald.

    Attributes for the round that follows: `pattern_index` (place of the pattern in PATTERNS), `herald_mu` (time of
    the herald on this node's time line, on the 8 ns grid) and `attempts` (derived from timestamps: the gateware's own
    counter wraps at 16 384).
    """

    kernel_invariants = {
        "cooling",
        "laser_lock",
        "patterns",
        "timings_mu",
        "gate_start_mu",
        "gate_stop_mu",
        "cycle_mu",
        "window_mu",
        "windows",
        "count_every",
        "turnaround_mu",
    }

    def build(self, cooling: Cooling, laser_lock: LaserLock, settings: NodeSettings):
        self.setattr_device("core")
        self.setattr_device("entangler")
        self.cooling = cooling
        self.laser_lock = laser_lock
        self.patterns = list(PATTERNS)
        self.pattern_index = 0
        self.attempts = 0
        self.attempting_mu = np.int64(0)
        self.herald_mu = np.int64(0)
        self.configure(settings)

    def configure(self, settings: NodeSettings):
        attempts = settings.attempts
        outputs = (attempts.pump, attempts.repump, attempts.excitation)
        self.timings_mu = [int(to_coarse_mu(edge)) for pulse in outputs for edge in pulse]
        self.gate_start_mu, self.gate_stop_mu = (int(to_mu(edge)) for edge in attempts.gate)
        self.cycle_mu = int(to_coarse_mu(attempts.cycle))
        self.window_mu = int(to_coarse_mu(attempts.window))
        self.windows = attempts.windows
        self.count_every = settings.cooling.count_every
        self.turnaround_mu = to_coarse_mu(attempts.turnaround)

    @kernel
    def initialise(self):
        """Write timings, patterns and enable; a reset of the core clears them all."""
        self.core.break_realtime()
        self.entangler.init()
        self.entangler.set_cycle_length_mu(self.cycle_mu)
        self.entangler.set_timing_mu(SEQUENCER_PUMP, self.timings_mu[0], self.timings_mu[1])
        self.entangler.set_timing_mu(SEQUENCER_REPUMP, self.timings_mu[2], self.timings_mu[3])
        self.entangler.set_timing_mu(SEQUENCER_EXCITATION, self.timings_mu[4], self.timings_mu[5])
        self.entangler.set_timing_mu(SEQUENCER_AUX, self.cycle_mu, self.cycle_mu)  # starts at the end: no pulse
        for apd in range(4):
            self.entangler.set_timing_mu(GATE_APD0 + apd, self.gate_start_mu, self.gate_stop_mu)
        self.entangler.set_heralds(self.patterns)
        self.entangler.set_config(True, False)
        self.cooling.forget()

    @kernel
    def until_herald(self) -> TInt32:
        """Cool and attempt until a herald; returns 0, or the code of what ended the search first.

        After a herald the cursor stands where the round may begin; after anything else no round has begun.
        """
        self.attempting_mu = np.int64(0)
        for window in range(self.windows):
            counts = window % self.count_every == 0
            self.laser_lock.sample()
            if counts:
                self.cooling.run_and_count()
            else:
                self.cooling.run()
            locked = self.laser_lock.was_locked()
            if counts and self.cooling.ion_is_lost():
                return ION_LOST
            if not locked:
                return LASER_UNLOCKED
            if self._window():
                return 0
        return NO_HERALD

    @kernel
    def _window(self) -> TBool:
        start_mu = now_mu()
        end_mu, reason = self.entangler.run_mu(self.window_mu)
        self.attempting_mu += end_mu - start_mu
        at_mu(end_mu + self.turnaround_mu)
        if reason == TIMED_OUT:
            return False
        self.attempts = np.int32(self.attempting_mu // self.cycle_mu)
        self.herald_mu = end_mu & ~7
        index = 0
        while index < 3 and (reason >> index) & 1 == 0:
            index += 1
        self.pattern_index = index
        return True
