"""Counting at the heralding station while this node's ion is read out: the light that leaves a node although its link
is cut (Nadlinger 2022, table S5).

The gateware gates the APDs against the 422 ps reference edge and keeps the gates of the last edge. One attempt with a
laser pulse, before the ion moves, opens them for the rest of every later cycle; then cycles without any pulse count
under the readout's own light. An APD counts at most once per cycle.
"""

import numpy as np
from artiq.experiment import HasEnvironment, TInt32, TInt64, TList, at_mu, delay_mu, kernel, now_mu

from contract.codes import ION_LOST, LEFT_BY_HOST
from node.heralding import GATE_APD0, SEQUENCER_EXCITATION, SEQUENCER_PUMP, SEQUENCER_REPUMP
from node.node_errors import NodeProblem
from node.settings import NodeSettings
from node.shots.point_loop import POINT_WORDS, REPETITIONS
from node.shots.probe import Probe
from node.shots.shot import Shot
from node.station import Station
from node.units import to_coarse_mu

CYCLE_MU = 8184  # the gateware's longest
GATE_OPENS_MU = 8  # after the reference edge, the gateware's shortest
LONGEST_WINDOW_MU = 16_383 * CYCLE_MU  # its counter of cycles has 14 bits
REFERENCE_EDGE = 0b101100  # register of the reference edge's time in its cycle

# Places among a point's words, behind those of a shot of two pulses.
SHUTTLED, LIT, WINDOW_MU = range(POINT_WORDS - 3, POINT_WORDS)

# Places in `counts`, dark first and then bright: clicks of APD 0 to 3, cycles, windows, windows with 0, 1, 2, 3 and
# more clicks. Behind both: the times of the reference edges, ns, summed over all windows.
CYCLES, WINDOWS, HISTOGRAM = range(4, 7)
COLUMNS = 5
PER_OUTCOME = HISTOGRAM + COLUMNS
EDGES = 2 * PER_OUTCOME


class LeakWindowError(NodeProblem, ValueError):
    """A window that cannot be counted."""


def leak_words(index: int, windows: int, shot: Shot, dds, length: float, *, shuttled: bool, lit: bool) -> list[int]:
    """A point of so many windows with the ion prepared by `shot` (at most two pulses).

    Args:
        dds: the qubit laser's AD9910.
        length: of a window, s, rounded up to whole cycles of the gateware.
        shuttled: step the ion out of the focus first, as long before as in a round; lit: under cooling light.

    Raises:
        LeakWindowError: longer than the gateware can count, or too many pulses.
    """
    words = shot.words(index, windows, dds)
    window = -(-int(to_coarse_mu(length)) // CYCLE_MU) * CYCLE_MU
    if not 0 < window <= LONGEST_WINDOW_MU:
        raise LeakWindowError(f"window of {length * 1e3:g} ms: the gateware counts up to {LONGEST_WINDOW_MU / 1e6:.0f}")
    if len(words) > SHUTTLED:
        raise LeakWindowError("the ion is prepared by at most two pulses")
    return [*words, *[0] * (SHUTTLED - len(words)), int(shuttled), int(lit), window]


class LeakCounter(HasEnvironment):
    """Sums over the windows of a point by this ion's outcome, `counts`."""

    kernel_invariants = {
        "station",
        "probe",
        "counts",
        "no_patterns",
        "pulse_mu",
        "lead_mu",
        "turnaround_mu",
        "settle_mu",
    }

    def build(self, station: Station, settings: NodeSettings):
        self.setattr_device("core")
        self.setattr_device("entangler")
        self.setattr_device("pmt_counter")
        self.station = station
        self.probe = Probe(self, station, settings)
        self.counts = [0] * (EDGES + 1)
        self.no_patterns = [0][:0]  # nothing ends a window early
        self.configure(settings)

    def configure(self, settings: NodeSettings):
        self.probe.configure(settings)
        start, stop = settings.attempts.excitation
        self.pulse_mu = int(to_coarse_mu(stop - start))
        self.lead_mu = to_coarse_mu(settings.probe.lead)
        self.turnaround_mu = to_coarse_mu(settings.attempts.turnaround)
        self.settle_mu = to_coarse_mu(settings.probe.settle)

    @kernel
    def measure_point(self, point: TList(TInt32)) -> TInt32:
        """All windows of a point; returns one of contract.codes, `counts` is complete only if that is LEFT_BY_HOST.

        Leaves the gateware configured for attempts again.
        """
        station = self.station
        station.cooling.forget()
        self._configure()
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
        station.heralding.initialise()
        return code

    @kernel
    def stand_aside(self):
        """Leave the ion out of the focus under cooling light, so that it does not blind the peer's counting.

        The next kernel brings it back."""
        self.station.initialise()
        shuttle = self.station.shuttle
        delay_mu(self.lead_mu)
        shuttle.disconnect(now_mu() - shuttle.disconnect_at_mu)
        self.station.beams.cooling_on()

    @kernel
    def _configure(self):
        """Longest cycles without any pulse, the peer not asked, gates open for the rest of a cycle."""
        self.entangler.set_cycle_length_mu(CYCLE_MU)
        self.entangler.set_timing_mu(SEQUENCER_PUMP, CYCLE_MU, CYCLE_MU)
        self.entangler.set_timing_mu(SEQUENCER_REPUMP, CYCLE_MU, CYCLE_MU)
        for apd in range(4):
            self.entangler.set_timing_mu(GATE_APD0 + apd, GATE_OPENS_MU, CYCLE_MU)
        self.entangler.set_heralds(self.no_patterns)
        self.entangler.set_config(True, True)
        delay_mu(self.lead_mu)

    @kernel
    def _window(self, point: TList(TInt32)):
        """Open the gates, prepare the ion, step it out if the point wants that, count, and bring it back."""
        shuttle = self.station.shuttle
        self._open_gates()
        ready_mu = self.probe.prepare(point)
        if point[SHUTTLED] != 0:
            shuttle.disconnect(ready_mu - shuttle.disconnect_at_mu)
        end_mu = self._light(ready_mu + self.station.readout.start_at_mu - shuttle.disconnect_at_mu, point)
        self._keep(end_mu, self.station.readout.is_bright() * PER_OUTCOME)
        self.core.break_realtime()
        if point[SHUTTLED] != 0:
            shuttle.reconnect(now_mu() - shuttle.reconnect_at_mu)
            delay_mu(self.settle_mu)

    @kernel
    def _open_gates(self):
        """One attempt with a laser pulse: the gates hold from its reference edge on."""
        delay_mu(self.lead_mu)
        self.entangler.set_timing_mu(SEQUENCER_EXCITATION, 0, self.pulse_mu)
        end_mu, _ = self.entangler.run_mu(CYCLE_MU)
        at_mu(end_mu + self.turnaround_mu)
        self.counts[EDGES] += self.entangler.get_timestamp_mu(REFERENCE_EDGE)
        delay_mu(self.turnaround_mu)
        self.entangler.set_timing_mu(SEQUENCER_EXCITATION, CYCLE_MU, CYCLE_MU)
        delay_mu(self.lead_mu)

    @kernel
    def _light(self, start_mu: TInt64, point: TList(TInt32)) -> TInt64:
        """Readout light and cycles that count; the ion's own outcome comes from the readout gate at the beginning."""
        at_mu(start_mu)
        if point[LIT] != 0:
            self.station.beams.cooling_on()
        self.pmt_counter.gate_rising_mu(self.station.readout.gate_mu)
        at_mu(start_mu + np.int64(point[WINDOW_MU]))
        if point[LIT] != 0:
            self.station.beams.cooling_off()
        at_mu(start_mu)
        end_mu, _ = self.entangler.run_mu(point[WINDOW_MU])
        return end_mu

    @kernel
    def _keep(self, end_mu: TInt64, first: TInt32):
        """Add the window's counts to those of its outcome."""
        at_mu(end_mu + self.turnaround_mu)
        self.counts[first + CYCLES] += self.entangler.get_ncycles()
        self.counts[first + WINDOWS] += 1
        total = 0
        for apd in range(4):
            delay_mu(self.turnaround_mu)
            clicks = self.entangler.get_input_count(apd)
            self.counts[first + apd] += clicks
            total += clicks
        self.counts[first + HISTOGRAM + min(total, COLUMNS - 1)] += 1
