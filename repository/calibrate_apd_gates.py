"""Gates of the APDs from the arrival of the photons."""

import numpy as np
from artiq.experiment import *

from procedures.laser_turn import laser_turn, turn_arguments
from procedures.node_calibration import Calibration
from procedures.scans.scan_display import with_error


class CalibrateApdGates(Calibration, EnvExperiment):
    """Calibrate the APD gates (uses the pulsed laser)

    Scans the beginning of the gates in attempts of this node alone. Writes attempts.gate: from 2 ns before the first
    photon of any APD to seven lifetimes after that of the last.
    """

    ATTEMPTS_PER_WINDOW = 500
    EARLIEST, LEAD, LIFETIMES = 8e-9, 2e-9, 7

    def build(self):
        self.build_node()
        self.build_counter()
        group = "Scan"
        self.setattr_argument(
            "latest",
            NumberValue(60e-9, unit="ns", precision=0, step=1e-9, min=20e-9, max=400e-9),
            group,
            "Latest beginning of the gate after the reference edge; the first is 8 ns",
        )
        self.setattr_argument(
            "step",
            NumberValue(2e-9, unit="ns", precision=0, step=1e-9, min=1e-9, max=20e-9),
            group,
            "From one beginning to the next",
        )
        self.setattr_argument(
            "windows",
            NumberValue(200, precision=0, scale=1, step=10, min=1, max=1_000_000, type="int"),
            group,
            "Windows of 500 attempts per point",
        )
        turn_arguments(self)
        self.write_argument("the gates")

    def calibrate(self):
        """Scan in this node's turn with the laser, fit, write."""
        self.begin("Arrival of the photons", "Beginning of the gate (ns)", "Clicks per attempt", 1 * ns)
        with laser_turn(self.home, "APD gates", self.take_turns, self.peer_timeout, self.display.status):
            self._measure()

    def _measure(self):
        from dataclasses import replace

        from node.shots.attempt_counter import ATTEMPTS, window_words
        from postprocess.calibration.link_light import photon_arrival

        x = np.arange(self.EARLIEST, self.latest, self.step)
        stop = 2 * self.latest

        def words_of(index):
            gates = replace(self.settings.attempts, gate=(float(x[index]), stop))
            return window_words(index, self.windows, self.ATTEMPTS_PER_WINDOW, gates)

        found = self.count_clicks(x, words_of)
        attempts = found[:, ATTEMPTS]
        fits = [photon_arrival(x, found[:, apd], attempts, stop) for apd in range(ATTEMPTS)]
        self.display.curve(x, lambda at: sum(fit.curve(at) for fit in fits))
        self.display.numbers(fits)
        start = max(self.EARLIEST, min(fit.value for fit in fits) - self.LEAD)
        end = max(fit.value + self.LIFETIMES * fit.parameters["lifetime"][0] for fit in fits)
        arrivals = ", ".join(with_error(fit.value, fit.standard_error, "", 1 * ns) for fit in fits)
        gate = [round(edge, 9) for edge in (float(np.floor(start / ns)) * ns, float(np.ceil(end / ns)) * ns)]
        self.conclude(f"photons arrive {arrivals} ns after the reference edge", {"attempts.gate": gate})
