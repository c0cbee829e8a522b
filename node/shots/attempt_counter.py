"""Counting the APDs' clicks from this node's ion alone: standalone windows of the attempt loop. For calibrations that
use the shared picosecond laser (gates of the APDs, isolation of the link)."""

import numpy as np
from artiq.experiment import HasEnvironment, TInt32, TList, at_mu, delay_mu, kernel, now_mu

from contract.codes import ION_LOST, LEFT_BY_HOST
from node.heralding import GATE_APD0
from node.node_errors import NodeProblem
from node.settings import AttemptSettings, NodeSettings
from node.shots.point_loop import FIRST_WORD, REPETITIONS
from node.station import Station
from node.units import to_coarse_mu, to_mu

# Places among a point's words, all but STEPPED in machine units.
WINDOW_MU, GATE_START_MU, GATE_STOP_MU, STEPPED, DELAY_MU = range(FIRST_WORD, FIRST_WORD + 5)
ATTEMPTS = 4  # place in `counts`; before it the clicks of APD 0 to 3
MAX_ATTEMPTS = 16_383  # per window: the gateware's counter of cycles has 14 bits
ALL_APDS = 0b1111


class WindowError(NodeProblem, ValueError):
    """A window that cannot be counted."""


def window_words(
    index: int, windows: int, attempts: int, settings: AttemptSettings, delay: float | None = None
) -> list[int]:
    """A point of so many windows of `attempts` attempts each, gates and cycle as in `settings`.

    `delay`: step the ion out of the focus so long before each window begins, in s; None leaves it there.

    Raises:
        WindowError: more attempts than the gateware can count.
    """
    if not 0 < attempts <= MAX_ATTEMPTS:
        raise WindowError(f"window of {attempts} attempts: the gateware counts 1 to {MAX_ATTEMPTS}")
    start, stop = (int(to_mu(edge)) for edge in settings.gate)
    stepped = [0, 0] if delay is None else [1, int(to_coarse_mu(delay))]
    return [index, windows, attempts * int(to_coarse_mu(settings.cycle)), start, stop, *stepped]


class AttemptCounter(HasEnvironment):
    """Sums over the windows of a point, `counts`: clicks of APD 0 to 3 within their gates, and attempts made."""

    kernel_invariants = {"station", "counts", "lead_mu", "settle_mu", "turnaround_mu", "impossible"}

    def build(self, station: Station, settings: NodeSettings):
        self.setattr_device("core")
        self.setattr_device("entangler")
        self.station = station
        self.counts = [0] * (ATTEMPTS + 1)
        self.impossible = [ALL_APDS]
        self.configure(settings)

    def configure(self, settings: NodeSettings):
        self.lead_mu = to_coarse_mu(settings.probe.lead)
        self.turnaround_mu = to_coarse_mu(settings.attempts.turnaround)
        self.settle_mu = to_coarse_mu(settings.probe.settle)

    @kernel
    def measure_point(self, point: TList(TInt32)) -> TInt32:
        """All windows of a point; returns one of contract.codes, `counts` is complete only if that is LEFT_BY_HOST."""
        station = self.station
        station.cooling.forget()
        self._configure(point)
        for i in range(len(self.counts)):
            self.counts[i] = 0
        code = LEFT_BY_HOST
        window = 0
        while code == LEFT_BY_HOST and window < point[REPETITIONS]:
            station.cooling.run_and_count()
            if station.cooling.ion_is_lost():
                code = ION_LOST
            elif station.cooling.low_in_a_row == 0:
                self._window(point)
                window += 1
        return code

    @kernel
    def _configure(self, point: TList(TInt32)):
        """Attempts without the peer; the pattern that ends a window early is one that a single ion cannot give."""
        for apd in range(4):
            self.entangler.set_timing_mu(GATE_APD0 + apd, point[GATE_START_MU], point[GATE_STOP_MU])
        self.entangler.set_heralds(self.impossible)
        self.entangler.set_config(True, True)
        delay_mu(self.lead_mu)

    @kernel
    def _window(self, point: TList(TInt32)):
        """One window, the ion stepped out before and back after it if the point wants that."""
        shuttle = self.station.shuttle
        delay_mu(self.lead_mu)
        if point[STEPPED] != 0:
            shuttle.disconnect(now_mu() - shuttle.disconnect_at_mu)
            delay_mu(np.int64(point[DELAY_MU]))
        end_mu, _ = self.entangler.run_mu(point[WINDOW_MU])
        at_mu(end_mu + self.turnaround_mu)
        self.counts[ATTEMPTS] += self.entangler.get_ncycles()
        for apd in range(4):
            delay_mu(self.turnaround_mu)
            self.counts[apd] += self.entangler.get_input_count(apd)
        self.core.break_realtime()
        if point[STEPPED] != 0:
            shuttle.reconnect(now_mu() - shuttle.reconnect_at_mu)
            delay_mu(self.settle_mu)
