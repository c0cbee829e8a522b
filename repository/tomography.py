"""State tomography of the ion-ion entanglement with the peer node, per herald pattern."""

from artiq.experiment import *


class Tomography(EnvExperiment):
    """Tomography of the entangled ions with the peer

    Both nodes measure in all pairs of the bases X, Y, -X, -Y, Z and exchange settings and outcomes: maximum-likelihood
    states and fully entangled fractions per herald pattern (Nadlinger 2022, S3, table S2, figure S3). Submit it on both
    nodes with the same arguments; submitting an interrupted one again resumes it.
    """

    def build(self):
        from procedures.peer_rounds import PeerRounds

        self.peer_rounds = PeerRounds(self)
        group = "Tomography"
        self.peer_rounds.name_argument(self, group, "tomography-1")
        self.setattr_argument(
            "pair_rounds",
            NumberValue(4000, precision=0, scale=1, step=500, min=10, max=1_000_000, type="int"),
            group,
            "Heralded rounds per pair of bases, of all four patterns; there are 25 pairs",
        )
        self.setattr_argument(
            "resamplings",
            NumberValue(100, precision=0, scale=1, step=50, min=10, max=10_000, type="int"),
            group,
            "Parametric resamplings for the errors of the fractions",
        )
        self.peer_rounds.block_argument(self, group)
        self.peer_rounds.patience_arguments(self)

    def prepare(self):
        """Both nodes must come to the same public plans."""
        from postprocess.characterisation.bases import ALL_PAIRS, leg_plans
        from postprocess.storage.node_home import NodeHome
        from procedures.basis_legs import BasisLegs

        self.home = NodeHome(self.peer_rounds.node_name)
        plans = leg_plans(self.name, self.peer_rounds.apparatus, self.pair_rounds, self.block_rounds, ALL_PAIRS)
        self.measurement = BasisLegs(self.peer_rounds, plans)

    def run(self):
        """Measure all pairs of bases with the peer."""
        self.measurement.measure(self.home, self.peer_timeout, self.recovery_timeout)

    def analyze(self):
        """States, fully entangled fractions with bootstrap errors, and Bob's analysis phases."""
        from contract.patterns import PATTERNS
        from postprocess.characterisation.bases import basis_counts
        from postprocess.characterisation.states import report, states_of

        counts = basis_counts(self.measurement.legs)
        states = states_of(counts, self.resamplings)
        for name, value in (
            ("counts", [[row for _, row in sorted(counts[pattern].items())] for pattern in PATTERNS]),
            ("states_real", [state.matrix.real for state in states]),
            ("states_imag", [state.matrix.imag for state in states]),
            ("fractions", [state.fraction for state in states]),
            ("fraction_errors", [state.standard_error for state in states]),
            ("analysis_phases", [state.analysis_phase for state in states]),
        ):
            self.set_dataset("diqkd.tomography." + name, value, broadcast=True)
        print(report(states))
