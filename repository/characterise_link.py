"""Characterisation of the link with the peer node: S, Q and the probabilities of every setting."""

from artiq.experiment import *


class CharacteriseLink(EnvExperiment):
    """Characterise the link with the peer (makes no key)

    Half of the rounds are Bell tests, and both nodes exchange all settings and outcomes while they are measured: S and
    Q with moving averages (Nadlinger 2022, figure 3), P(A, B | X, Y) (table S4). Submit it on both nodes with the same
    arguments; submitting an interrupted one again resumes it. Rounds of a characterisation never become a key.
    """

    def build(self):
        from procedures.peer_rounds import PeerRounds

        self.peer_rounds = PeerRounds(self)
        group = "Characterisation"
        self.peer_rounds.name_argument(self, group, "link-1")
        self.setattr_argument(
            "rounds",
            NumberValue(200_000, precision=0, scale=1, step=10_000, min=100, max=100_000_000, type="int"),
            group,
            "Heralded rounds",
        )
        self.setattr_argument(
            "window",
            NumberValue(100_000, precision=0, scale=1, step=10_000, min=100, max=100_000_000, type="int"),
            group,
            "Rounds of a moving average; 100 000 in the paper",
        )
        self.peer_rounds.block_argument(self, group)
        self.peer_rounds.patience_arguments(self)

    def prepare(self):
        """Both nodes must come to the same public plan."""
        from postprocess.plans.measurement_plan import MeasurementPlan
        from postprocess.storage.node_home import NodeHome

        self.home = NodeHome(self.peer_rounds.node_name)
        self.plan = MeasurementPlan(self.name, self.peer_rounds.apparatus, self.rounds, block_rounds=self.block_rounds)

    def run(self):
        """Measure all rounds with the peer; S and Q are shown as the strings come in."""
        from procedures.live_strings import LiveStrings

        self.peer_rounds.describe(self.plan)
        self.strings = LiveStrings(self._show_averages, self.peer_timeout)
        self.peer_rounds.measure(self.home, self.plan, self.peer_timeout, self.recovery_timeout, self.strings.update)

    def analyze(self):
        """S, Q and the probabilities of every setting; the last averages."""
        from postprocess.characterisation.link import link_quality, report

        quality = link_quality(self.strings.joint)
        self._show_averages(self.strings.joint)
        for name, value in (
            ("total_score", quality.score.value),
            ("total_score_error", quality.score.standard_error),
            ("total_qber", quality.qber.value),
            ("total_qber_error", quality.qber.standard_error),
            ("score_of_pattern", [estimate.value for estimate in quality.score_of]),
            ("qber_of_pattern", [estimate.value for estimate in quality.qber_of]),
            ("probabilities", quality.probabilities),
            ("counts", quality.counts),
        ):
            self.set_dataset("diqkd.characterisation." + name, value, broadcast=True)
        print(report(quality))

    def _show_averages(self, joint):
        """What is known so far, with the apparatus it comes from."""
        from dataclasses import asdict

        from postprocess.characterisation.link import averages

        self.set_dataset("diqkd.characterisation.apparatus", self.plan.apparatus, broadcast=True)
        self.set_dataset("diqkd.characterisation.window_rounds", min(self.window, len(joint)), broadcast=True)
        for name, values in asdict(averages(joint, self.window)).items():
            self.set_dataset("diqkd.characterisation." + name, values, broadcast=True)
