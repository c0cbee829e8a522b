"""Readout threshold from histograms of photon counts."""

import numpy as np
from artiq.experiment import *

from procedures.node_calibration import Calibration


class CalibrateReadout(Calibration, EnvExperiment):
    """Calibrate the readout threshold

    Histograms of the photon counts of ions prepared dark (pumped, then shelved by both pi pulses) and bright. Writes
    readout.threshold.
    """

    BATCH = 100

    def build(self):
        self.build_node()
        self.build_probe()
        self.number_argument("shots", 2000, 100, 1_000_000, 100, "Scan", "Shots per preparation, in steps of 100")
        self.write_argument("the threshold")

    def calibrate(self):
        """Measure both preparations in turns, fit, write."""
        from postprocess.calibration.curve_fit import goodness_of
        from postprocess.calibration.threshold import poissonian_threshold

        self.begin("Readout histograms", "Counts", "Shots")
        self.histograms = [np.zeros(0, np.int64), np.zeros(0, np.int64)]
        self.probe.allocate(self.BATCH)
        self.measure_points(2 * -(-self.shots // self.BATCH), self._words, self._keep)
        found = poissonian_threshold(*self.histograms)
        self.display.threshold(found, *self.histograms)
        self.conclude(
            f"threshold {found.value} (likelihoods equal at {found.crossing:.2f} +- {found.standard_error:.2f}), dark "
            f"{found.mean_dark:.2f}, bright {found.mean_bright:.1f} counts, readout error {found.error:.1e}",
            {"readout.threshold": found.value},
            {"readout.threshold": found.standard_error},
            goodness_of(found.goodness[:2]),
        )

    def _words(self, index):
        from node.shots.shot import Shot

        shot, qubit = Shot(self.settings), self.settings.qubit
        if index % 2 == 0:
            shot.pump().pi(qubit.mapping).pi(qubit.shelving)
        return shot.words(index, self.BATCH, self.probe.dds_qubit)

    def _keep(self, index, counts):
        old = self.histograms[index % 2]
        new = np.bincount(counts, minlength=len(old))
        new[: len(old)] += old
        self.histograms[index % 2] = new
        self.display.histograms(*self.histograms, self.settings.readout.threshold)
