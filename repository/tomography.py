"""State tomography of the ion-ion entanglement with the peer node, per herald pattern."""

from artiq.experiment import *

from procedures.basis_legs import BasisExperiment
from procedures.upkeep_arguments import upkeep_arguments


class Tomography(BasisExperiment, EnvExperiment):
    """Tomography of the entangled ions with the peer

    Both nodes measure in all pairs of the bases X, Y, -X, -Y, Z and exchange settings and outcomes: maximum-likelihood
    states and fully entangled fractions per herald pattern (Nadlinger 2022, S3, table S2, figure S3). Submit it on both
    nodes with the same arguments; submitting an interrupted one again resumes it.
    """

    def build(self):
        self.build_node()
        group = "Tomography"
        self.name_argument(group, "tomography-1")
        self.rounds_argument(4000, 500, group, pairs=25)
        self.setattr_argument(
            "resamplings",
            NumberValue(100, precision=0, scale=1, step=50, min=10, max=10_000, type="int"),
            group,
            "Parametric resamplings for the errors of the fractions",
        )
        self.block_argument(group)
        self.patience_arguments()
        upkeep_arguments(self)

    def run(self):
        """Measure all pairs of bases with the peer."""
        from postprocess.characterisation.bases import ALL_PAIRS

        self.measure_legs(ALL_PAIRS)

    def analyze(self):
        """States, fully entangled fractions with bootstrap errors, and Bob's analysis phases."""
        from contract.patterns import PATTERNS
        from postprocess.characterisation.bases import basis_counts
        from postprocess.characterisation.states import report, states_of

        counts = basis_counts(self.legs)
        states = states_of(counts, self.resamplings)
        for name, value in (
            ("bases", " ".join(",".join(pair) for pair in sorted(counts[PATTERNS[0]]))),
            ("counts", [[row for _, row in sorted(counts[pattern].items())] for pattern in PATTERNS]),
            ("states_real", [state.matrix.real for state in states]),
            ("states_imag", [state.matrix.imag for state in states]),
            ("fractions", [state.fraction for state in states]),
            ("fraction_errors", [state.standard_error for state in states]),
            ("analysis_phases", [state.analysis_phase for state in states]),
            ("key_errors", [state.key_errors for state in states]),
        ):
            self.publish("tomography." + name, value)
        self.log_result(report(states))
