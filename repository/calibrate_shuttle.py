"""Isolation of the quantum link against the time since the shuttle's step (figure S5 left)."""

import numpy as np
from artiq.experiment import *

from procedures.laser_turn import laser_turn, turn_arguments
from procedures.node_calibration import Calibration
from procedures.scans.scan_argument import points_of
from procedures.scans.scan_display import with_error


class CalibrateShuttle(Calibration, EnvExperiment):
    """Measure the isolation of the link after shuttling (uses the pulsed laser)

    Clicks per attempt of this node's ion in the focus, at delays after the step out of it, and from the moment on when
    a round counts the link as cut. Nothing is written: fails if the link is not suppressed ten-thousandfold, then the
    voltages in shuttle.disconnected must change.
    """

    MAX_COUPLING = 1e-4
    WINDOW, LONG_WINDOW = 5, 10_000  # attempts

    def build(self):
        self.build_node()
        self.build_counter()
        group = "Scan"
        self.scan_argument(
            "delay",
            "Delays after the step, 0 among them",
            *(0 * us, 40 * us, 21),
            unit="us",
            least=0.0,
            most=1 * ms,
            step=1 * us,
            precision=3,
        )
        self.number_argument("windows", 4000, 1, 1_000_000, 100, group, "Windows of 5 attempts per delay")
        self.number_argument(
            "long_windows", 2500, 1, 1_000_000, 100, group, "Windows of 10 000 attempts with the link cut"
        )
        turn_arguments(self)

    def calibrate(self):
        """Measure in this node's turn with the laser, fit, judge."""
        self.begin("Isolation of the link", "Delay after the step (us)", "Clicks per attempt", 1 * us)
        with laser_turn(self.home, "isolation", self.take_turns, self.peer_timeout, self.display.status):
            self._measure()

    def _measure(self):
        from node.shots.attempt_counter import ATTEMPTS, window_words
        from postprocess.calibration.curve_fit import require
        from postprocess.calibration.link_light import isolation

        rate, coupling, limit = self._coupling_when_cut()
        require(rate > 0, "isolation of the link", "no clicks from the ion in the focus; is the pulsed laser on?")
        self.publish("calibration.coupling", coupling)
        self.publish("calibration.coupling_limit", limit)
        delays = points_of(self.delay, grid=1 * ns)
        found = self.count_clicks(
            delays,
            lambda index: window_words(
                index, self.windows, self.WINDOW, self.settings.attempts, delay=float(delays[index])
            ),
        )
        require(
            limit < self.MAX_COUPLING,
            "isolation of the link",
            f"coupling {coupling:.1e}, only known to be below {limit:.1e}, not {self.MAX_COUPLING:.0e}: take more "
            "long windows, or move the ion further (shuttle.disconnected)",
        )
        clicks, attempts = found[:, :ATTEMPTS].sum(1), found[:, ATTEMPTS]
        fit = isolation(delays, clicks, attempts, self.WINDOW * self.settings.attempts.cycle, coupling)
        self.display.fit(fit, delays)
        self.conclude(
            f"coupling of 1 % after {with_error(fit.value, fit.standard_error, 'us', 1 * us)}; with the link cut "
            f"{coupling:.1e}, below {limit:.1e} at 95 %"
        )

    def _coupling_when_cut(self):
        """(clicks per attempt in the focus, coupling from electrode_wait on after the step, its 95 % upper limit)."""
        from node.shots.attempt_counter import ATTEMPTS, window_words
        from postprocess.calibration.link_light import suppression

        settings = self.settings
        focus, cut = self.count_clicks(
            np.zeros(2),
            lambda index: (
                window_words(0, self.windows, self.LONG_WINDOW // 10, settings.attempts)
                if index == 0
                else window_words(
                    1, self.long_windows, self.LONG_WINDOW, settings.attempts, delay=settings.schedule.electrode_wait
                )
            ),
            show=False,
        )
        rate = float(focus[:ATTEMPTS].sum() / focus[ATTEMPTS])
        return rate, *(suppression(int(cut[:ATTEMPTS].sum()), int(cut[ATTEMPTS]), rate) if rate > 0 else (0.0, 0.0))
