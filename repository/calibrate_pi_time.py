"""Pi time of a 674 nm line from its Rabi flops."""

import numpy as np
from artiq.experiment import *

from procedures.node_calibration import Calibration
from procedures.qubit_transitions import LINES, prepared, transferred, transition
from procedures.scans.scan_display import with_error


class CalibratePiTime(Calibration, EnvExperiment):
    """Calibrate the pi time of a 674 nm line

    Scans the length of a pulse at full amplitude. Writes qubit.<line>.pi_time.
    """

    def build(self):
        self.build_node()
        self.build_probe()
        group = "Scan"
        self.setattr_argument(
            "line", EnumerationValue(list(LINES), default="mapping"), group, "Line of the 674 nm laser"
        )
        self.setattr_argument(
            "longest",
            NumberValue(20e-6, unit="us", precision=2, step=1e-6, min=1e-6, max=1e-3),
            group,
            "Longest pulse; two pi times or more",
        )
        self.scan_arguments(points=41, shots=100)
        self.write_argument("the line's pi time")

    def calibrate(self):
        """Scan, fit, write."""
        from postprocess.calibration.rabi import rabi_flops

        self.begin(f"Rabi flops of the {self.line} line", "Pulse length (us)", "Transfer probability", 1 * us)
        x = np.round(np.linspace(0, self.longest, self.points), 9)
        successes = self.scan_shots(
            x,
            lambda at: prepared(self.settings, self.line).pulse(transition(self.settings, self.line).frequency, at),
            lambda counts: transferred(self.settings, self.line, counts),
        )
        fit = rabi_flops(x, successes, self.shots)
        self.display.fit(fit, x)
        found = with_error(fit.value, fit.standard_error, "us", 1 * us)
        name = f"qubit.{self.line}.pi_time"
        self.conclude(
            f"pi time of the {self.line} line {found}", {name: round(fit.value, 12)}, {name: fit.standard_error}
        )
