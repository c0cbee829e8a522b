"""Characterisation of the link with the peer node: S, Q and the probabilities of every setting."""

from artiq.experiment import *

from procedures.peer_rounds import PeerExperiment
from procedures.upkeep_arguments import upkeep_arguments


class CharacteriseLink(PeerExperiment, EnvExperiment):
    """Characterise the link with the peer (makes no key)

    Half of the rounds are Bell tests, and both nodes exchange all settings and outcomes while they are measured: S and
    Q with moving averages (Nadlinger 2022, figure 3), P(A, B | X, Y) (table S4). Submit it on both nodes with the same
    arguments; submitting an interrupted one again resumes it. Rounds of a characterisation never become a key.
    """

    def build(self):
        self.build_node()
        group = "Characterisation"
        self.name_argument(group, "link-1")
        self.number_argument("rounds", 200_000, 100, 100_000_000, 10_000, group, "Heralded rounds")
        self.number_argument(
            "window", 100_000, 100, 100_000_000, 10_000, group, "Rounds of a moving average; 100 000 in the paper"
        )
        self.number_argument("bases", 1, 1, 2, 1, group, "Announced key bases; with two Q_1 is measured, too")
        self.block_argument(group)
        self.patience_arguments()
        upkeep_arguments(self)

    def prepare(self):
        """Both nodes must come to the same public plan."""
        from postprocess.plans.measurement_plan import MeasurementPlan

        super().prepare()
        self.plan = MeasurementPlan(
            self.name, self.apparatus, self.rounds, block_rounds=self.block_rounds, key_bases=self.bases
        )

    def run(self):
        """Measure all rounds with the peer; S and Q are shown as the strings come in."""
        from node.settings import with_two_bases
        from procedures.live_strings import LiveStrings

        self.describe_rounds(self.plan)
        self.strings = LiveStrings(self._show_averages, self.peer_timeout)
        self.measure_rounds(self.plan, self.strings, with_two_bases if self.bases == 2 else None)

    def analyze(self):
        """S, Q and the probabilities of every setting; the last averages; counts and times of the blocks."""
        from postprocess.characterisation.block_counts import counts_of_blocks
        from postprocess.characterisation.link import link_quality, report

        quality = link_quality(self.strings.joint)
        self._show_averages(self.strings.joint)
        for name, value in (
            ("total_score", quality.score.value),
            ("total_score_error", quality.score.standard_error),
            ("total_qber", quality.qber.value),
            ("total_qber_error", quality.qber.standard_error),
            ("score_of_pattern", [estimate.value for estimate in quality.score_of]),
            ("score_of_pattern_error", [estimate.standard_error for estimate in quality.score_of]),
            ("qber_of_pattern", [estimate.value for estimate in quality.qber_of]),
            ("qber_of_pattern_error", [estimate.standard_error for estimate in quality.qber_of]),
            ("probabilities", quality.probabilities),
            ("counts", quality.counts),
        ):
            self.publish("characterisation." + name, value)
        if self.bases == 2:
            self.publish("characterisation.total_qber2", quality.qber2.value)
            self.publish("characterisation.total_qber2_error", quality.qber2.standard_error)
            self.publish("characterisation.qber2_of_pattern", [each.value for each in quality.qber2_of])
            self.publish("characterisation.qber2_of_pattern_error", [each.standard_error for each in quality.qber2_of])
        blocks = counts_of_blocks(self.strings.joint, self.block_rounds)
        self.publish("characterisation.block_counts", blocks, broadcast=False)
        self.keep_timeline(self.plan)
        self.log_result(report(quality))

    def _show_averages(self, joint):
        """What is known so far, with the apparatus it comes from."""
        from dataclasses import asdict

        from postprocess.characterisation.link import averages

        self.publish("characterisation.apparatus", self.plan.apparatus)
        self.publish("characterisation.window_rounds", min(self.window, len(joint)))
        for name, values in asdict(averages(joint, self.window)).items():
            if self.bases == 2 or not name.startswith("qber2"):
                self.publish("characterisation." + name, values)
