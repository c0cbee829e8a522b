"""What every calibration of one node does: node and arguments, scan point by point, fit, and the calibration file.

Fits bring scipy with them, and are imported where they are needed: scanning the repository builds every experiment.
"""

import re
from collections.abc import Callable
from typing import Any

import numpy as np
from artiq.experiment import BooleanValue

from node.node_errors import CalibrationError, NodeProblem
from node.settings import NodeSettings
from node.shots.attempt_counter import ATTEMPTS, AttemptCounter
from node.shots.point_loop import PointLoop
from node.shots.probe import Probe
from node.shots.shot import Shot
from postprocess.errors import DiqkdError, PeerLost
from procedures.calibrated_datasets import CalibratedDatasets
from procedures.calibration_log import keep_result
from procedures.kernel_session import KernelSession
from procedures.node_experiment import PATIENCE
from procedures.scans.point_scan import PointScan
from procedures.scans.scan_argument import scan_value
from procedures.scans.scan_display import Display
from procedures.upkeep import Upkeep, UpkeepPlan


class CalibrationStopped(DiqkdError):
    """Ion, laser or calibration file need the operator; nothing was written."""


class Calibration(CalibratedDatasets):
    """Base of the calibrations in repository/; theirs is `calibrate`.

    They measure, fit and write the calibration file in `run`: the next experiment reads that file at the beginning of
    its own run, which overlaps this one's `analyze`.
    """

    def build_node(self, patience: str = "Longest wait for the ion or the laser to come back", reloads: bool = True):
        """The node, how long to wait for its ion and laser, and who sees to a lost ion."""
        super().build_node()
        self.recovery_argument(600, patience)
        self.reload = reloads
        if reloads:
            self.setattr_argument("reload", BooleanValue(True), PATIENCE, "Submit ReloadIon when the ion is lost")
        self.display = Display(self)

    def build_probe(self):
        """For calibrations with pulses on the ion."""
        self.probe = Probe(self, self.node.station, self.node.defaults)
        self.loop = PointLoop(self, self.node.station, self.probe, self.node.defaults)

    def build_counter(self):
        """For calibrations with the pulsed laser."""
        self.counter = AttemptCounter(self, self.node.station, self.node.defaults)
        self.loop = PointLoop(self, self.node.station, self.counter, self.node.defaults)

    def write_argument(self, what: str):
        """Whether `what` goes to the calibration file."""
        self.setattr_argument(
            "write", BooleanValue(True), "Result", f"Write {what} to the calibration file, if the fit is good"
        )

    def scan_argument(self, name: str, tooltip: str, start: float, stop: float, points: int, unit: str, **limits):
        """The axis that is scanned; see procedures.scans.scan_argument.scan_value."""
        self.setattr_argument(name, scan_value(start, stop, points, unit, **limits), "Scan", tooltip)

    def shots_argument(self, shots: int):
        """Repetitions of each point with pulses on the ion."""
        self.number_argument("shots", shots, 10, 1000, 10, "Scan", "Shots per point")

    def run(self):
        """Measure, fit, write; a result of a fit that failed is never written.

        Raises:
            CalibrationStopped: see there.
            FitFailed: the data give no value, or not the one that a round needs.
            PeerLost: the peer did not come for its turn with the pulsed laser.
        """
        try:
            self.calibrate()
        except (NodeProblem, DiqkdError) as problem:
            told = isinstance(problem, NodeProblem | PeerLost) and not isinstance(problem, CalibrationError)
            if self.withheld_for and not told:  # it may name what was found
                keep_result(self.home.folder, f"{self.log_name()} failed", str(problem))
                self._done()
            elif isinstance(problem, NodeProblem):
                raise CalibrationStopped(str(problem)) from problem
            else:
                raise

    @property
    def settings(self) -> NodeSettings:
        """The node's settings as calibrated now."""
        return self.node.settings

    def log_name(self) -> str:
        """Under which the result is kept: the experiment's file, and its line where it has one."""
        name = re.sub(r"(?<!^)(?=[A-Z])", "_", type(self).__name__).lower()
        return f"{name} {self.line}" if hasattr(self, "line") else name

    def begin(self, title: str, x_label: str, y_label: str, unit: float = 1.0) -> None:
        """Empty datasets, and the calibration file as it is now.

        While a key session is under way, results stay in the node's home: calibration file and log.
        """
        self._withhold()
        self.publish("calibration.apparatus", self.apparatus)
        self.display.begin(f"{title} ({self.node_name})", x_label, y_label, unit)
        self.kernel_session = KernelSession(
            self.node,
            self.scheduler,
            self.home.calibration,
            self.recovery_timeout,
            self._show,
            Upkeep(self.scheduler, UpkeepPlan(self.reload), self.home.folder, self.recovery_timeout),
        )
        self.kernel_session.read_calibration()
        self.display.status("")
        if self.withheld_for:
            self.log_result(f"{self.log_name()}: session {self.withheld_for} is under way, results stay in its home")

    def _withhold(self) -> None:
        """Show nothing from here on if a key session is under way: it may have begun while this one was paused."""
        from postprocess.session.under_way import sessions_under_way

        self.withheld_for = self.withheld_for or ", ".join(sessions_under_way(self.home))

    def _show(self, line: str) -> None:
        self._withhold()
        self.display.status(line)

    def measure_points(self, points: int, words_of: Callable, keep: Callable) -> None:
        """See procedures.scans.point_scan.PointScan.measure."""
        PointScan(self.loop, self.kernel_session, self.scheduler.check_pause).measure(points, words_of, keep)

    def scan_shots(
        self, x: np.ndarray, shot_of: Callable[[float], Shot], success: Callable[[list[int]], int]
    ) -> np.ndarray:
        """Measure `shots` shots at every x, and show each point; returns the successes, (len(x),).

        Args:
            shot_of: the shot at an x, from the settings that hold when its turn comes.
            success: number of successes among photon counts.
        """
        from postprocess.calibration.curve_fit import binomial_interval

        successes = np.zeros(len(x), np.int64)
        self.probe.allocate(self.shots)

        def words_of(index):
            return shot_of(float(x[index])).words(index, self.shots, self.probe.dds_qubit)

        def keep(index, counts):
            successes[index] = success(counts)
            low, high = binomial_interval(int(successes[index]), self.shots)
            self.display.point(x[index], successes[index] / self.shots, low, high)

        self.measure_points(len(x), words_of, keep)
        return successes

    def count_clicks(self, x: np.ndarray, words_of: Callable[[int], list[int]], show: bool = True) -> np.ndarray:
        """Measure clicks and attempts at every x; shows all four APDs' clicks per attempt.

        Returns:
            int64 (len(x), 5): clicks of APD 0 to 3, attempts.
        """
        from postprocess.calibration.curve_fit import poisson_interval

        found = np.zeros((len(x), ATTEMPTS + 1), np.int64)

        def keep(index, counts):
            found[index] = counts
            clicks, attempts = int(found[index, :ATTEMPTS].sum()), int(found[index, ATTEMPTS])
            if show:
                low, high = poisson_interval(clicks)
                self.display.point(x[index], clicks / attempts, low / attempts, high / attempts)

        self.measure_points(len(x), words_of, keep)
        return found

    def conclude(
        self,
        line: str,
        values: dict[str, Any] | None = None,
        errors: dict[str, Any] | None = None,
        goodness: dict[str, float] | None = None,
    ) -> None:
        """Show the result, and write calibrated values if the operator wants that; the old ones stand beside them.

        The line also goes to the node's log of calibrations, which `diqkd calibrate` shows.

        Args:
            values: name of the setting -> value; errors: their standard errors; goodness: of the fit.
        """
        found = line
        if values and self.write:
            before = {name: _setting(self.settings, name) for name in values}
            self.keep_calibrated(values, errors, goodness)
            self.kernel_session.read_calibration()
            written = "; ".join(f"{name}: {before[name]} -> {_setting(self.settings, name)}" for name in values)
            line = f"{line}; wrote {written}"
        keep_result(self.home.folder, self.log_name(), found)  # now: a session takes it for a sign that all went well
        self.display.result(line)
        if self.withheld_for:
            self._done()
        else:
            self.log_result(line)

    def _done(self) -> None:
        """All that is said while a key session is under way, whatever came out."""
        self.display.status("done")
        self.log_result(f"{self.log_name()}: done")


def _setting(settings: NodeSettings, name: str) -> Any:
    value: Any = settings
    for part in name.split("."):
        value = getattr(value, part)
    return value
