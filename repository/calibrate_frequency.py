"""Frequency of a 674 nm line from its Rabi line shape."""

import numpy as np
from artiq.experiment import *

from procedures.node_calibration import Calibration
from procedures.qubit_transitions import LINES, prepared, transferred, transition
from procedures.scans.scan_display import with_error


class CalibrateFrequency(Calibration, EnvExperiment):
    """Calibrate the frequency of a 674 nm line

    Scans a pulse of one pi time over the line. A weaker pulse is longer and its line narrower: scan wide at full
    amplitude first, then narrow at a small one. Writes qubit.<line>.frequency.
    """

    def build(self):
        self.build_node()
        self.build_probe()
        group = "Scan"
        self.setattr_argument(
            "line", EnumerationValue(list(LINES), default="mapping"), group, "Line of the 674 nm laser"
        )
        self.setattr_argument(
            "span",
            NumberValue(400e3, unit="kHz", precision=1, step=10e3, min=100.0, max=3e6),
            group,
            "Width of the scan around the calibrated frequency",
        )
        self.setattr_argument(
            "amplitude",
            NumberValue(1.0, precision=3, step=0.1, min=0.01, max=1.0),
            group,
            "Amplitude of the pulse, 1 for that of the pi time; the pulse is as much longer",
        )
        self.scan_arguments(points=41, shots=100)
        self.write_argument("the line's frequency")

    def calibrate(self):
        """Scan, fit, write."""
        from postprocess.calibration.rabi import rabi_line

        self.begin(f"Frequency of the {self.line} line", "AOM frequency (MHz)", "Transfer probability", 1 * MHz)
        old = transition(self.settings, self.line)
        duration = old.pi_time / self.amplitude
        x = old.frequency + np.linspace(-self.span / 2, self.span / 2, self.points)
        successes = self.scan_shots(
            x,
            lambda at: prepared(self.settings, self.line).pulse(at, duration, amplitude=self.amplitude),
            lambda counts: transferred(self.settings, self.line, counts),
        )
        fit = rabi_line(x, successes, self.shots, duration)
        self.display.fit(fit, x)
        found = with_error(fit.value, fit.standard_error, "MHz", 1 * MHz)
        name = f"qubit.{self.line}.frequency"
        self.conclude(f"{self.line} line at {found}", {name: round(fit.value, 1)}, {name: fit.standard_error})
