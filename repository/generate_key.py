"""Device-independent key generation with the peer node (Nadlinger et al., Nature 607, 682 (2022))."""

from artiq.experiment import *

from procedures.peer_rounds import PeerExperiment
from procedures.upkeep_arguments import upkeep_arguments


class GenerateKey(PeerExperiment, EnvExperiment):
    """Generate a key with the peer

    Submit it on both nodes with the same arguments; they find each other by the session id. Submitting an interrupted
    session again resumes it. Everything private stays in the node's home (DIQKD_HOME); datasets are public.
    """

    def build(self):
        self.build_node()
        self._session_arguments()
        self._custom_arguments()
        self.patience_arguments()
        upkeep_arguments(self)
        self._response_argument()

    def _session_arguments(self):
        group = "Session"
        self.setattr_argument(
            "session", StringValue("session-1"), group, "Name of the session, the same on both nodes; never used twice"
        )
        self.setattr_argument(
            "ask_peer",
            StringValue(""),
            group,
            "Submit it to the peer's master, too: its control port, forwarded here by ssh, as 127.0.0.1:PORT",
        )
        self.setattr_argument(
            "preset",
            EnumerationValue(["paper", "long", "longest", "custom"], default="paper"),
            group,
            "paper: 1 500 000 rounds, 95 884 bits; long: own rule, with rounds, S, Q and eps from below; longest: the "
            "same with two announced key bases; custom: all arguments below",
        )
        self.block_argument(group)

    def _custom_arguments(self):
        group = "Custom session"
        self.setattr_argument(
            "rounds",
            NumberValue(1_500_000, precision=0, scale=1, step=1000, min=1000, max=100_000_000, type="int"),
            group,
            "Heralded rounds n",
        )
        self.setattr_argument(
            "gamma_256",
            NumberValue(13, precision=0, scale=1, step=1, min=1, max=255, type="int"),
            group,
            "Bell-test rounds among 256 on average: 13 means gamma = 13/256, the paper's",
        )
        self.setattr_argument(
            "score", NumberValue(2.64, precision=4, step=0.01, min=2.0, max=2.8284), group, "Expected CHSH score S"
        )
        self.setattr_argument(
            "qber",
            NumberValue(0.018, unit="%", scale=0.01, precision=2, step=0.001, min=0.0, max=0.49),
            group,
            "Expected quantum bit error rate Q",
        )
        self.setattr_argument(
            "eps_snd",
            # More decimals, and the dashboard shows 1.00000000000000004e-10.
            NumberValue(1e-10, precision=12, step=1e-10, min=1e-12, max=1e-3),
            group,
            "Soundness error of the key, a plain number such as 1e-10",
        )
        self.setattr_argument(
            "syndrome",
            EnumerationValue(["paper", "tight"], default="paper"),
            group,
            "Rule for the syndrome length: the paper's, or 1.15 times the entropy, which leaves more key",
        )
        self.setattr_argument(
            "rule",
            EnumerationValue(["proposition-2", "counting", "renyi", "two-bases"], default="proposition-2"),
            group,
            "Proof that the key length rests on; only the first is published",
        )
        self.setattr_argument(
            "extractor",
            EnumerationValue(["usual", "trevisan", "toeplitz"], default="usual"),
            group,
            "Privacy amplification; usual: the one that the rule is mostly used with",
        )
        self.number_argument(
            "allowance",
            0,
            0,
            1_000_000,
            100,
            group,
            "Most rounds that a crash or fault may zero at Alice; 0: one such round ends the session",
        )
        self.setattr_argument(
            "barrier",
            BooleanValue(False),
            group,
            "Bob waits in each round until Alice has said that she is isolated; the preset long always does",
        )

        self.number_argument(
            "bases", 1, 1, 2, 1, group, "Announced key bases; the paper has one, the preset longest two"
        )
        self.setattr_argument(
            "qber2",
            NumberValue(0.0, unit="%", scale=0.01, precision=2, step=0.001, min=0.0, max=0.49),
            group,
            "Expected error rate of the second key basis; 0: what a Bell-diagonal state of this S and Q has",
        )

    def _response_argument(self):
        self.setattr_argument(
            "min_response",
            NumberValue(15, unit="s", precision=0, scale=1, step=5, min=0, max=86_400, type="int"),
            "Patience",
            "Minimum response time of Bob; longer than decoding ever takes, or its duration tells of errors",
        )

    def prepare(self):
        """Load the public parameters; pads, settings and calibrations come in run, as this overlaps another session."""
        from fractions import Fraction

        from contract.nodes import KINDS_FOR_KEYS
        from postprocess.errors import InvalidInput
        from postprocess.plans.presets import Choice, session_parameters

        super().prepare()
        if self.apparatus not in KINDS_FOR_KEYS:
            raise InvalidInput(
                f"apparatus {self.apparatus}: its analyzer and monitoring show settings and counts, so no key is made; "
                "start master and controllers again with DIQKD_APPARATUS=kasli"
            )
        bases = 2 if self.preset == "longest" else self.bases
        choice = Choice(
            self.rounds,
            Fraction(self.gamma_256, 256),
            self.score,
            self.qber,
            self.eps_snd,
            self.syndrome,
            self.rule,
            "" if self.extractor == "usual" else self.extractor,
            self.allowance,
            self.block_rounds,
            barrier=self.barrier,
            bases=bases,
            qber2=self.qber2 or None,
        )
        self.parameters = session_parameters(
            self.home,
            self.apparatus,
            self.session,
            preset=self.preset,
            choice=choice,
            min_response_s=self.min_response,
        )

    def run(self):
        """Reserve pads, draw settings, measure all rounds with the peer."""
        from postprocess.errors import SessionAborted
        from postprocess.keystore import ACCEPTED, open_ledger
        from postprocess.session.post_processing import close_session

        self.describe_rounds(self.parameters)
        try:
            self._ask_peer()
            with open_ledger(self.home) as keystore:
                outcome = keystore.reserve(self.session, self.parameters).outcome
                names = {"ledger_id": keystore.ledger_id, "k0_id": keystore.k0_id}
                names["ended"] = "" if outcome in (None, ACCEPTED) else outcome
            self.measure_rounds(self.parameters, vary=self._settings_of_rounds, **names)
        except SessionAborted as problem:
            close_session(self.home, self.session, problem)
            raise

    def _settings_of_rounds(self, settings):
        from node.settings import with_barrier, with_two_bases

        if self.parameters.barrier:
            settings = with_barrier(settings)
        return with_two_bases(settings) if self.parameters.bases == 2 else settings

    def _ask_peer(self):
        from node.node_errors import NodeProblem
        from postprocess.acquisition.measurement_loop import OperatorNeeded
        from procedures.peer_master import ask_peer

        if self.ask_peer:
            try:
                ask_peer(self.scheduler, self.ask_peer)
            except NodeProblem as problem:
                raise OperatorNeeded(str(problem)) from problem

    def analyze(self):
        """Post-process the rounds with the peer to a key, or to a named abort, and close the ledger's page.

        This overlaps the next run, so what it shows has datasets of its own.
        """
        from postprocess.session.post_processing import post_process, require_key

        self.keep_timeline(self.parameters)
        self._describe_key()
        result = post_process(
            self.home,
            self.session,
            timeout_s=self.peer_timeout,
            progress=self._show_status,
        )
        self._show_reasons(result.insecure_because)
        self.publish("key.accepted", result.accepted)
        self.publish("key.abort_reason", str(result.abort_reason or ""))
        self.publish("key.bits", result.ell)
        self._show_status("key accepted" if result.accepted else f"aborted: {result.abort_reason}")
        require_key(result, self.session)

    def _describe_key(self):
        """Whose key is being made; what the datasets say of the key before goes first."""
        from postprocess.security.rules import label_of, rule_named

        for name, value in (("status", "post-processing"), ("accepted", False), ("abort_reason", ""), ("bits", 0)):
            self.publish("key." + name, value)
        self._show_reasons(self.parameters.insecure_because)
        self.publish("key.apparatus", self.parameters.apparatus)
        self.publish("key.session", self.session)
        rule = self.parameters.rule
        self.publish("key.rule", rule)
        self.publish("key.label", label_of(rule_named(rule), self.parameters.allowance))

    def _show_reasons(self, insecure_because):
        self.publish("key.insecure_because", "; ".join(insecure_because))

    def _show_status(self, status):
        self.publish("key.status", status)
