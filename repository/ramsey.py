"""Frequency and coherence time of a 674 nm line from Ramsey fringes."""

from artiq.experiment import *

from procedures.node_calibration import Calibration
from procedures.qubit_transitions import LINES, prepared, transferred, transition
from procedures.scans.scan_argument import points_of
from procedures.scans.scan_display import with_error


class Ramsey(Calibration, EnvExperiment):
    """Measure Ramsey fringes of a 674 nm line

    Scans the wait between two pi/2 pulses; gives the frequency to some hertz, and the coherence time. On the analysis
    line that is the optical qubit's. Writes qubit.<line>.frequency.
    """

    def build(self):
        self.build_node()
        self.build_probe()
        group = "Scan"
        self.setattr_argument(
            "line", EnumerationValue(list(LINES), default="analysis"), group, "Line of the 674 nm laser"
        )
        self.scan_argument(
            "wait",
            "Waits between the two pulses; up to about the coherence time",
            *(0.01 * ms, 8.01 * ms, 81),
            unit="ms",
            least=0.001 * ms,
            most=200 * ms,
            step=0.1 * ms,
            precision=3,
        )
        self.setattr_argument(
            "beat",
            NumberValue(1000, unit="Hz", precision=0, scale=1, step=100, min=1, max=1_000_000, type="int"),
            group,
            "Advance of the second pulse's phase; the frequency must be known to this",
        )
        self.shots_argument(100)
        self.write_argument("the line's frequency")

    def calibrate(self):
        """Scan, fit, write."""
        from postprocess.calibration.ramsey import ramsey

        self.begin(f"Ramsey fringes of the {self.line} line", "Wait (ms)", "Transfer probability", 1 * ms)
        frequency = transition(self.settings, self.line).frequency
        x = points_of(self.wait, grid=8 * ns)
        successes = self.scan_shots(
            x,
            lambda wait: self._two_pulses(frequency, wait),
            lambda counts: transferred(self.settings, self.line, counts),
        )
        fit = ramsey(x, successes, self.shots, self.beat)
        self.display.fit(fit, x)
        coherence = with_error(*fit.parameters["coherence_s"], "ms", 1 * ms)
        found = with_error(frequency + fit.value, fit.standard_error, "MHz", 1 * MHz)
        name = f"qubit.{self.line}.frequency"
        self.conclude(
            f"{self.line} line at {found}, coherence time {coherence}",
            {name: round(frequency + fit.value, 1)},
            {name: fit.standard_error},
            fit.goodness,
        )

    def _two_pulses(self, frequency, wait):
        half = transition(self.settings, self.line).pi_time / 2
        shot = prepared(self.settings, self.line).pulse(frequency, half)
        return shot.pulse(frequency, half, turns=self.beat * wait, after=wait)
