"""Time constant of deshelving at 1033 nm (figure S5 right)."""

import numpy as np
from artiq.experiment import *

from procedures.node_calibration import Calibration
from procedures.scans.scan_argument import points_of
from procedures.scans.scan_display import with_error


class CalibrateDeshelving(Calibration, EnvExperiment):
    """Measure how fast 1033 nm light deshelves the ion

    Shelves the ion in D5/2(-3/2) and scans the length of a 1033 nm pulse. Nothing is written: fails if the scrambling
    of a round would leave more of D5/2 than a millionth, then more light is needed.
    """

    LEFT_OVER = 1e-6

    def build(self):
        self.build_node()
        self.build_probe()
        self.scan_argument(
            "duration",
            "Lengths of the pulse; up to several time constants",
            *(0 * us, 30 * us, 31),
            unit="us",
            least=0.0,
            most=1 * ms,
            step=1 * us,
            precision=3,
        )
        self.shots_argument(200)

    def calibrate(self):
        """Scan, fit, compare with the time that a round has for it."""
        from postprocess.calibration.curve_fit import require
        from postprocess.calibration.decay import WHAT, decay

        self.begin("Deshelving at 1033 nm", "Pulse length (us)", "Probability of S1/2", 1 * us)
        x = points_of(self.duration, grid=8 * ns)
        successes = self.scan_shots(x, self._shelve_and_deshelve, self._bright)
        fit = decay(x, successes, self.shots)
        self.display.fit(fit, x)
        schedule = self.settings.schedule
        left = float(np.exp(-(schedule.reconnect - schedule.scramble) / fit.value))
        self.conclude(f"{WHAT} {with_error(fit.value, fit.standard_error, 'us', 1 * us)}, scrambling leaves {left:.1e}")
        require(
            left < self.LEFT_OVER, WHAT, f"scrambling would leave {left:.1e} of D5/2; give the 1033 nm beam more power"
        )

    def _shelve_and_deshelve(self, duration):
        from node.shots.shot import Shot

        return Shot(self.settings).pump().pi(self.settings.qubit.mapping).deshelve(duration)

    def _bright(self, counts):
        return sum(count > self.settings.readout.threshold for count in counts)
