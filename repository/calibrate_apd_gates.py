"""Gates of the APDs from the arrival of the photons."""

import math

import numpy as np
from artiq.experiment import *

from procedures.laser_turn import laser_turn, turn_arguments
from procedures.node_calibration import Calibration
from procedures.scans.scan_argument import points_of
from procedures.scans.scan_display import with_error


class CalibrateApdGates(Calibration, EnvExperiment):
    """Calibrate the APD gates (uses the pulsed laser)

    Scans the beginning of the gates in attempts of this node alone. Writes attempts.gate: from 2 ns before the first
    photon of any APD to seven lifetimes after that of the last.
    """

    ATTEMPTS_PER_WINDOW = 500
    EARLIEST, LEAD, LIFETIMES = 8 * ns, 2 * ns, 7

    def build(self):
        self.build_node()
        self.build_counter()
        self.scan_argument(
            "opening",
            "Beginnings of the gate after the reference edge, some of them before the photons",
            *(self.EARLIEST, 58 * ns, 26),
            unit="ns",
            least=self.EARLIEST,
            most=400 * ns,
            step=1 * ns,
            precision=0,
        )
        self.number_argument("windows", 200, 1, 1_000_000, 10, "Scan", "Windows of 500 attempts per point")
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
        from postprocess.calibration.curve_fit import goodness_of
        from postprocess.calibration.link_light import photon_arrival

        x = points_of(self.opening, grid=1 * ns)
        stop = 2 * float(x.max())

        def words_of(index):
            gates = replace(self.settings.attempts, gate=(float(x[index]), stop))
            return window_words(index, self.windows, self.ATTEMPTS_PER_WINDOW, gates)

        found = self.count_clicks(x, words_of)
        attempts = found[:, ATTEMPTS]
        fits = [photon_arrival(x, found[:, apd], attempts, stop) for apd in range(ATTEMPTS)]
        self.display.curve(x, lambda at: sum(fit.curve(at) for fit in fits))
        self.display.numbers(fits)
        earliest = min(fits, key=lambda fit: fit.value)
        start = max(self.EARLIEST, earliest.value - self.LEAD)
        latest = max(fits, key=lambda fit: fit.value + self.LIFETIMES * fit.parameters["lifetime"][0])
        end = latest.value + self.LIFETIMES * latest.parameters["lifetime"][0]
        arrivals = ", ".join(with_error(fit.value, fit.standard_error, "", 1 * ns) for fit in fits)
        gate = [round(edge, 9) for edge in (float(np.floor(start / ns)) * ns, float(np.ceil(end / ns)) * ns)]
        error = math.hypot(latest.standard_error, self.LIFETIMES * latest.parameters["lifetime"][1])
        self.conclude(
            f"photons arrive {arrivals} ns after the reference edge",
            {"attempts.gate": gate},
            {"attempts.gate": [earliest.standard_error, error]},
            goodness_of(*((fit.chi_square, fit.degrees) for fit in fits)),
        )
