"""Calibration of Bob's analysis phase per herald pattern, with the peer node."""

from artiq.experiment import *


class CalibrateHeraldPhase(EnvExperiment):
    """Calibrate the analysis phase per herald pattern with the peer

    Both nodes measure in equatorial bases and exchange settings and outcomes; on Bob's node the phases that give the
    largest S are written to the calibration file. Submit it on both nodes with the same arguments.
    """

    def build(self):
        from procedures.peer_rounds import PeerRounds

        self.peer_rounds = PeerRounds(self)
        group = "Calibration"
        self.peer_rounds.name_argument(self, group, "phase-1")
        self.setattr_argument(
            "pair_rounds",
            NumberValue(2000, precision=0, scale=1, step=500, min=10, max=1_000_000, type="int"),
            group,
            "Heralded rounds per pair of bases, of all four patterns; there are 8 pairs",
        )
        self.setattr_argument(
            "write", BooleanValue(True), group, "Write the phases to the calibration file (on Bob's node)"
        )
        self.peer_rounds.block_argument(self, group)
        self.peer_rounds.patience_arguments(self)

    def prepare(self):
        """Both nodes must come to the same public plan."""
        from postprocess.characterisation.bases import EQUATORIAL_PAIRS, leg_plans
        from postprocess.storage.node_home import NodeHome
        from procedures.basis_legs import BasisLegs

        self.home = NodeHome(self.peer_rounds.node_name)
        plans = leg_plans(self.name, self.peer_rounds.apparatus, self.pair_rounds, self.block_rounds, EQUATORIAL_PAIRS)
        self.measurement = BasisLegs(self.peer_rounds, plans)

    def run(self):
        """Measure all pairs of bases with the peer, then keep the phases: the next run reads them as it begins."""
        from contract.patterns import PATTERNS
        from postprocess.characterisation.bases import basis_counts, herald_phase

        self.measurement.measure(self.home, self.peer_timeout, self.recovery_timeout)
        counts = basis_counts(self.measurement.legs)
        found = [herald_phase(counts[pattern]) for pattern in PATTERNS]
        for name in ("phase", "standard_error", "contrast"):
            self.set_dataset("diqkd.herald_phase." + name, [getattr(each, name) for each in found], broadcast=True)
        for pattern, each in zip(PATTERNS, found, strict=True):
            error = each.standard_error
            print(f"{pattern:04b}  phase {each.phase:.4f} +- {error:.4f} rad, contrast {each.contrast:.3f}")
        if self.write and self.peer_rounds.node_name == "bob":
            self._keep([each.phase for each in found])

    def _keep(self, phases):
        from procedures.calibration_file import write

        values = {"qubit.pattern_phase": phases}
        write(self.peer_rounds.node.defaults, self.home.calibration, values, by="CalibrateHeraldPhase")
        print(f"written to {self.home.calibration}")
