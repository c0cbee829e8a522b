"""Light that leaves this node during readout although its link is cut (table S5)."""

from artiq.experiment import *

from node.shots.leak_counter import LeakCounter
from node.shots.point_loop import PointLoop
from procedures.laser_turn import laser_turn, turn_arguments
from procedures.leak_counts import CONDITIONS, LeakCounts, clicks_per_window
from procedures.node_calibration import Calibration


class MeasureLeakage(Calibration, EnvExperiment):
    """Measure what leaks during readout with the link cut (uses the pulsed laser)

    Clicks at the heralding station while this node's ion is read out, prepared bright and dark, stepped out of the
    focus and not, and without light. Nothing is written: fails if the link is not cut, or if the bound on the leak is
    above what is tolerated. Until its turn, and after Bob's, the node's own ion waits out of the focus.
    """

    BATCH, IN_FOCUS = 1000, 50  # windows of a point, with the link cut and connected

    def build(self):
        self.build_node()
        self.counter = LeakCounter(self, self.node.station, self.node.defaults)
        self.loop = PointLoop(self, self.node.station, self.counter, self.node.defaults)
        group = "Counting"
        self.number_argument("windows", 300_000, 1000, 10_000_000, 1000, group, "Windows per preparation, link cut")
        self.number_argument(
            "readouts", 1, 1, 100, 1, group, "Length of a window in readouts; more count faster, but start like one"
        )
        self._share("coupling_loss", 0.25, 0.0, 0.99, "Photons lost between link and detectors")
        self._share("detector_efficiency", 0.7, 0.01, 1.0, "Photons at a detector that click")
        self._share(
            "level", 0.975, 0.5, 0.999999, "Confidence of the bound, one-sided; both nodes' hold at twice 1 - level"
        )
        self._share("tolerated", 0.02, 1e-6, 1.0, "Fail if the bound on a bright readout's leak is above this")
        turn_arguments(self)

    def _share(self, name, default, low, high, tooltip):
        self.setattr_argument(
            name, NumberValue(default, precision=6, step=0.01, min=low, max=high), "Evaluation", tooltip
        )

    def calibrate(self):
        """Measure in this node's turn, the peer's ion out of the focus; evaluate, judge."""
        self.begin("Leak during readout", "Batch", "Clicks per window, link cut, prepared bright")
        if self.take_turns:
            self.counter.stand_aside()
        with laser_turn(self.home, "leakage", self.take_turns, self.peer_timeout, self.display.status):
            try:
                self._measure()
            finally:
                if self.take_turns:
                    self.counter.stand_aside()
        self._judge()

    def _measure(self):
        from node.shots.leak_counter import leak_words
        from node.shots.shot import Shot
        from postprocess.calibration.curve_fit import poisson_interval

        self.found = LeakCounts(self.settings.readout.gate)

        def words_of(index):
            condition, settings = CONDITIONS[index % len(CONDITIONS)], self.settings
            shot = Shot(settings)
            if not condition.bright:
                shot.pump().pi(settings.qubit.mapping).pi(settings.qubit.shelving)
            return leak_words(
                index,
                self.BATCH if condition.shuttled else self.IN_FOCUS,
                shot,
                self.counter.probe.dds_qubit,
                self.readouts * settings.readout.gate,
                shuttled=condition.shuttled,
                lit=condition.lit,
            )

        def keep(index, counts):
            self.found.add(index % len(CONDITIONS), counts)
            if index % len(CONDITIONS) == 0:
                clicks, windows = clicks_per_window(counts)
                low, high = poisson_interval(clicks)
                self.display.point(1 + index // len(CONDITIONS), clicks / windows, low / windows, high / windows)

        self.measure_points(-(-self.windows // self.BATCH) * len(CONDITIONS), words_of, keep)

    def _judge(self):
        from postprocess.calibration.leakage import efficiency_of

        for name, value in self.found.datasets().items():
            self.publish(f"calibration.leak.{name}", value)
        found = self.found.evaluate(efficiency_of(self.coupling_loss, self.detector_efficiency), self.level)
        for name, value in found.datasets().items():
            self.publish(f"calibration.leak.{name}", value)
        found.require_cut(self.tolerated)
        self.conclude(found.words())
