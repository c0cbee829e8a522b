"""Frequency of a 674 nm line from its Rabi line shape."""

from artiq.experiment import *

from procedures.node_calibration import Calibration
from procedures.qubit_transitions import LINES, prepared, transferred, transition
from procedures.scans.scan_argument import points_of
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
        self.scan_argument(
            "detuning",
            "Offsets from the calibrated frequency",
            *(-200 * kHz, 200 * kHz, 41),
            unit="kHz",
            least=-1.5 * MHz,
            most=1.5 * MHz,
            step=1 * kHz,
            precision=3,
        )
        self.setattr_argument(
            "amplitude",
            NumberValue(1.0, precision=3, step=0.1, min=0.01, max=1.0),
            group,
            "Amplitude of the pulse, 1 for that of the pi time; the pulse is as much longer",
        )
        self.shots_argument(100)
        self.write_argument("the line's frequency")

    def calibrate(self):
        """Scan, fit, write."""
        from postprocess.calibration.rabi import rabi_line

        self.begin(f"Frequency of the {self.line} line", "AOM frequency (MHz)", "Transfer probability", 1 * MHz)
        old = transition(self.settings, self.line)
        duration = old.pi_time / self.amplitude
        x = old.frequency + points_of(self.detuning)
        successes = self.scan_shots(
            x,
            lambda at: prepared(self.settings, self.line).pulse(at, duration, amplitude=self.amplitude),
            lambda counts: transferred(self.settings, self.line, counts),
        )
        fit = rabi_line(x, successes, self.shots, duration)
        self.display.fit(fit, x)
        found = with_error(fit.value, fit.standard_error, "MHz", 1 * MHz)
        name = f"qubit.{self.line}.frequency"
        self.conclude(
            f"{self.line} line at {found}", {name: round(fit.value, 1)}, {name: fit.standard_error}, fit.goodness
        )
