"""Pi time of a 674 nm line from its Rabi flops."""

from artiq.experiment import *

from procedures.node_calibration import Calibration
from procedures.qubit_transitions import LINES, prepared, transferred, transition
from procedures.scans.scan_argument import points_of
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
        self.scan_argument(
            "duration",
            "Lengths of the pulse; up to two pi times or more",
            *(0 * us, 20 * us, 41),
            unit="us",
            least=0.0,
            most=1 * ms,
            step=0.5 * us,
            precision=3,
        )
        self.shots_argument(100)
        self.write_argument("the line's pi time")

    def calibrate(self):
        """Scan, fit, write."""
        from postprocess.calibration.rabi import rabi_flops

        self.begin(f"Rabi flops of the {self.line} line", "Pulse length (us)", "Transfer probability", 1 * us)
        x = points_of(self.duration, grid=1 * ns)
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
            f"pi time of the {self.line} line {found}",
            {name: round(fit.value, 12)},
            {name: fit.standard_error},
            fit.goodness,
        )
