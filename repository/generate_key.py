"""Device-independent key generation with the peer node (Nadlinger et al., Nature 607, 682 (2022))."""

from artiq.experiment import *


class GenerateKey(EnvExperiment):
    """Generate a key with the peer

    Submit it on both nodes with the same arguments; they find each other by the session id. Submitting an interrupted
    session again resumes it. Everything private stays in the node's home (DIQKD_HOME); datasets are public.
    """

    def build(self):
        import node_alice
        import node_bob
        from node.apparatus import describe

        self.setattr_device("core")
        self.setattr_device("scheduler")
        self.node_name, self.apparatus = describe(self.get_device_db())
        self.node = {"alice": node_alice, "bob": node_bob}[self.node_name].Node(self)
        self._session_arguments()
        self._custom_arguments()
        self._patience_arguments()

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
            EnumerationValue(["paper", "custom"], default="paper"),
            group,
            "paper: 1 500 000 rounds, 95 884 bits; custom: planned from the arguments below",
        )
        self.setattr_argument(
            "block_rounds",
            NumberValue(1000, precision=0, scale=1, step=100, min=1, max=100_000, type="int"),
            group,
            "Rounds between two meetings with the peer",
        )

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
            NumberValue(13, unit="1/256", precision=0, scale=1, step=1, min=1, max=255, type="int"),
            group,
            "Probability of a Bell-test round",
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
            NumberValue(1e-10, precision=15, step=1e-11, min=1e-15, max=1e-3),
            group,
            "Soundness error of the key",
        )

    def _patience_arguments(self):
        group = "Patience"
        self.setattr_argument(
            "peer_timeout",
            NumberValue(120.0, unit="s", precision=0, step=10.0, min=5.0, max=86400.0),
            group,
            "Longest wait for a message of the peer",
        )
        self.setattr_argument(
            "recovery_timeout",
            NumberValue(3600.0, unit="s", precision=0, step=60.0, min=1.0, max=86400.0),
            group,
            "Longest wait for the ion or the laser to come back, here or at the peer",
        )

        self.setattr_argument(
            "judgement",
            NumberValue(15.0, unit="s", precision=0, step=5.0, min=0.0, max=86400.0),
            group,
            "Bob answers no sooner; more than decoding ever takes, or its duration shows how many errors there were",
        )

    def prepare(self):
        """Load the public parameters; pads, settings and calibrations come in run, as this overlaps another session."""
        from postprocess.node_home import NodeHome, session_parameters

        self.home = NodeHome(self.node_name)
        self.parameters = session_parameters(
            self.home,
            self.apparatus,
            self.session,
            preset=self.preset,
            block_rounds=self.block_rounds,
            rounds=self.rounds,
            gamma_256=self.gamma_256,
            score=self.score,
            qber=self.qber,
            eps_snd=self.eps_snd,
        )

    def run(self):
        """Reserve pads, draw settings, measure all rounds with the peer."""
        from node.errors import NodeProblem
        from postprocess.acquisition.run import OperatorNeeded
        from postprocess.errors import SessionAborted

        self._describe_session()
        try:
            self._ask_peer()
            with self.home.keystore() as keystore:
                keystore.reserve(self.session, self.parameters)
            self._measure_rounds()
        except SessionAborted as problem:
            self.home.close_session(self.session, problem)
            raise
        except NodeProblem as problem:
            raise OperatorNeeded(str(problem)) from problem
        self._show_status("rounds complete")

    def _ask_peer(self):
        from node.peer_master import ask_peer

        if self.ask_peer:
            ask_peer(self.scheduler, self.ask_peer)

    def _measure_rounds(self):
        from contextlib import closing

        from node.attendant import Attendant
        from postprocess.acquisition import Acquisition
        from postprocess.acquisition.run import measure_all_rounds

        attendant = Attendant(
            self.node, self.scheduler, self.home.calibration, self.recovery_timeout, self._show_status
        )
        attendant.read_calibration()
        store = self.home.open_rounds(self.parameters)
        with closing(store), closing(self.home.link(self.session, "rounds", self.peer_timeout)) as link:
            acquisition = Acquisition(
                store,
                link,
                should_pause=self.scheduler.check_pause,
                progress=self._show_progress,
                timeout_s=self.peer_timeout,
                recovery_timeout_s=self.recovery_timeout,
            )
            self.node.blocks.allocate(self.parameters.block_rounds)
            self.node.blocks.host = acquisition
            measure_all_rounds(acquisition, attendant)

    def analyze(self):
        """Post-process the rounds with the peer to a key, or to a named abort, and close the ledger's page."""
        from postprocess.node_home import require_key

        result = self.home.post_process(
            self.session,
            timeout_s=self.peer_timeout + self.judgement,
            judgement_s=self.judgement,
            progress=self._show_status,
        )
        self.set_dataset("diqkd.accepted", result.accepted, broadcast=True)
        self.set_dataset("diqkd.abort_reason", str(result.abort_reason or ""), broadcast=True)
        self.set_dataset("diqkd.key_bits", result.ell, broadcast=True)
        self._show_status("key accepted" if result.accepted else f"aborted: {result.abort_reason}")
        require_key(result, self.session)

    def _describe_session(self):
        """Public facts of the session, for the results file and for the dashboard."""
        from postprocess.revision import source_revision

        self.set_dataset("diqkd.session", self.session, broadcast=True)
        self.set_dataset("diqkd.node", self.node_name)
        self.set_dataset("diqkd.apparatus", self.apparatus, broadcast=True)
        self.set_dataset("diqkd.insecure_because", "; ".join(self.parameters.insecure_because), broadcast=True)
        self.set_dataset("diqkd.parameters", self.parameters.to_json())
        self.set_dataset("diqkd.parameter_digest", self.parameters.digest().hex())
        self.set_dataset("diqkd.revision", source_revision())
        self.set_dataset("diqkd.herald_rate_hz", [], broadcast=True)
        self._show_status("looking for the peer")

    def _show_progress(self, progress):
        """Public numbers after each block: position, herald rate, balance of the herald patterns."""
        from node.settings import PATTERNS

        if self.status != "measuring":
            self._show_status("measuring")
        self.set_dataset("diqkd.rounds", progress.rounds, broadcast=True)
        self.set_dataset("diqkd.rounds_done", progress.rounds_done, broadcast=True)
        self.set_dataset("diqkd.rounds_lost", progress.rounds_lost, broadcast=True)
        remaining = progress.remaining_s if progress.remaining_s is not None else float("nan")
        self.set_dataset("diqkd.remaining_s", remaining, broadcast=True)
        self.append_to_dataset("diqkd.herald_rate_hz", progress.herald_rate_hz)
        counts = [progress.pattern_counts[pattern] for pattern in PATTERNS]
        self.set_dataset("diqkd.pattern_counts", counts, broadcast=True)

    def _show_status(self, status):
        self.status = status
        self.set_dataset("diqkd.status", status, broadcast=True)
