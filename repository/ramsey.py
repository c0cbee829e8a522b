"""Frequency and coherence time of a 674 nm line from Ramsey fringes."""

import numpy as np
from artiq.experiment import *

from procedures.node_calibration import Calibration
from procedures.qubit_transitions import LINES, prepared, transferred, transition
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
        self.setattr_argument(
            "longest",
            NumberValue(8e-3, unit="ms", precision=3, step=1e-4, min=1e-5, max=0.2),
            group,
            "Longest wait; about the coherence time",
        )
        self.setattr_argument(
            "beat",
            NumberValue(1000, unit="Hz", precision=0, scale=1, step=100, min=1, max=1_000_000, type="int"),
            group,
            "Advance of the second pulse's phase; the frequency must be known to this",
        )
        self.scan_arguments(points=81, shots=100)
        self.write_argument("the line's frequency")

    def calibrate(self):
        """Scan, fit, write."""
        from postprocess.calibration.ramsey import ramsey

        self.begin(f"Ramsey fringes of the {self.line} line", "Wait (ms)", "Transfer probability", 1 * ms)
        frequency = transition(self.settings, self.line).frequency
        x = 10 * us + np.round(np.linspace(0, self.longest, self.points) / 8e-9) * 8e-9
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
        )

    def _two_pulses(self, frequency, wait):
        half = transition(self.settings, self.line).pi_time / 2
        shot = prepared(self.settings, self.line).pulse(frequency, half)
        return shot.pulse(frequency, half, turns=self.beat * wait, after=wait)
