"""Calibration of Bob's analysis phase per herald pattern, with the peer node."""

from artiq.experiment import *

from procedures.basis_legs import BasisExperiment
from procedures.calibrated_datasets import CalibratedDatasets


class CalibrateHeraldPhase(BasisExperiment, CalibratedDatasets, EnvExperiment):
    """Calibrate the analysis phase per herald pattern with the peer

    Both nodes measure in equatorial bases and exchange settings and outcomes; on Bob's node the phases that give the
    largest S are written to the calibration file. Submit it on both nodes with the same arguments.
    """

    def build(self):
        self.build_node()
        group = "Calibration"
        self.name_argument(group, "phase-1")
        self.rounds_argument(2000, 500, group, pairs=8)
        self.setattr_argument(
            "write", BooleanValue(True), group, "Write the phases to the calibration file (on Bob's node)"
        )
        self.block_argument(group)
        self.patience_arguments()

    def run(self):
        """Measure all pairs of bases with the peer, then keep the phases: the next run reads them as it begins."""
        from contract.patterns import PATTERNS
        from postprocess.characterisation.bases import EQUATORIAL_PAIRS, basis_counts, herald_phase

        self.measure_legs(EQUATORIAL_PAIRS)
        counts = basis_counts(self.legs)
        found = [herald_phase(counts[pattern]) for pattern in PATTERNS]
        for name in ("phase", "standard_error", "contrast"):
            self.publish("herald_phase." + name, [getattr(each, name) for each in found])
        for pattern, each in zip(PATTERNS, found, strict=True):
            error = each.standard_error
            self.log_result(f"{pattern:04b}  phase {each.phase:.4f} +- {error:.4f} rad, contrast {each.contrast:.3f}")
        if self.write and self.is_bob:
            self._keep(found)

    def _keep(self, found):
        from postprocess.calibration.curve_fit import goodness_of
        from procedures.calibration_log import keep_result

        name = "qubit.pattern_phase"
        phases = ", ".join("{:.3f} +- {:.3f}".format(each.phase, each.standard_error) for each in found)
        keep_result(self.home.folder, "calibrate_herald_phase", f"phases {phases} rad")
        values, errors = {name: [each.phase for each in found]}, {name: [each.standard_error for each in found]}
        self.keep_calibrated(values, errors, goodness_of(*(each.goodness for each in found)))
        self.log_result("written to the calibration file of this node")
