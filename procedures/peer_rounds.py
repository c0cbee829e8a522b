"""Rounds measured together with the peer, and what the dashboard sees of them: the same for every experiment that
needs both nodes."""

from contextlib import closing

from artiq.experiment import HasEnvironment, NumberValue, StringValue


class PeerRounds(HasEnvironment):
    """This node with its host's hands: measures all rounds of a plan with the peer, pausing and recovering in between.

    Public facts go to the datasets diqkd.rounds.*; post-processing, which may overlap the next run, has its own.
    """

    def build(self):
        import node_alice
        import node_bob
        from node.apparatus import describe

        self.setattr_device("core")
        self.setattr_device("scheduler")
        self.node_name, self.apparatus = describe(self.get_device_db())
        self.node = {"alice": node_alice, "bob": node_bob}[self.node_name].Node(self)

    @staticmethod
    def name_argument(experiment, group, default):
        """Give a characterisation, while it is built, the name by which the nodes find each other."""
        experiment.setattr_argument(
            "name", StringValue(default), group, "Name of the measurement, the same on both nodes; never used twice"
        )

    @staticmethod
    def block_argument(experiment, group):
        """Give an experiment, while it is built, the argument that both nodes must choose alike."""
        experiment.setattr_argument(
            "block_rounds",
            NumberValue(1000, precision=0, scale=1, step=100, min=1, max=100_000, type="int"),
            group,
            "Rounds between two meetings with the peer, the same on both nodes",
        )

    @staticmethod
    def patience_arguments(experiment, group="Patience"):
        """Give an experiment, while it is built, the arguments of `measure` that are this node's alone."""
        experiment.setattr_argument(
            "peer_timeout",
            NumberValue(120, unit="s", precision=0, scale=1, step=10, min=5, max=86_400, type="int"),
            group,
            "Longest wait for a message of the peer",
        )
        experiment.setattr_argument(
            "recovery_timeout",
            NumberValue(3600, unit="s", precision=0, scale=1, step=60, min=1, max=86_400, type="int"),
            group,
            "Longest wait for the ion or the laser to come back, here or at the peer",
        )

    def measure(self, home, plan, peer_timeout, recovery_timeout, on_block=None, vary=None):
        """Measure all rounds of a plan, or those that an interrupted run has left.

        Args:
            home: postprocess.storage.node_home.NodeHome of this node.
            plan: what both nodes agree on, postprocess.plans.session_parameters.SessionParameters or
                postprocess.plans.measurement_plan.MeasurementPlan.
            peer_timeout: longest wait for a message of the peer, s.
            recovery_timeout: longest wait for the ion or the laser, here or at the peer, s.
            on_block: called with (store, link) at the beginning, after each block, and at the end with all rounds
                stored on both nodes.
            vary: what these rounds change of the calibrated settings, NodeSettings -> NodeSettings.

        Raises:
            SessionAborted, PeerLost, OperatorNeeded: see postprocess.acquisition.
        """
        from node.assembly import unvaried
        from node.errors import NodeProblem
        from postprocess.acquisition import Acquisition
        from postprocess.acquisition.measurement_loop import OperatorNeeded, measure_all_rounds
        from postprocess.link import open_link
        from postprocess.rounds.opening import open_rounds
        from procedures.kernel_session import KernelSession

        kernel_session = KernelSession(self.node, self.scheduler, home.calibration, recovery_timeout, self.show_status)
        self.node.vary = vary or unvaried
        kernel_session.read_calibration()
        store = open_rounds(home, plan)
        with closing(store), closing(open_link(home.folder, home.node, plan.link_name, "rounds", peer_timeout)) as link:

            def block_done(progress):
                self._show_progress(progress)
                if on_block is not None:
                    on_block(store, link)

            acquisition = Acquisition(
                store,
                link,
                should_pause=self.scheduler.check_pause,
                progress=block_done,
                timeout_s=peer_timeout,
                recovery_timeout_s=recovery_timeout,
            )
            self.node.blocks.allocate(plan.block_rounds)
            self.node.blocks.host = acquisition
            try:
                measure_all_rounds(acquisition, kernel_session)
            except NodeProblem as problem:
                raise OperatorNeeded(str(problem)) from problem
            if on_block is not None:
                on_block(store, link)
        self.show_status("rounds complete")

    def describe(self, plan):
        """Public facts of the rounds, for the results file and for the dashboard."""
        from postprocess.support.revision import source_revision

        self.set_dataset("diqkd.rounds.session", plan.session_id, broadcast=True)
        self.set_dataset("diqkd.rounds.node", self.node_name)
        self.set_dataset("diqkd.rounds.apparatus", plan.apparatus, broadcast=True)
        self.set_dataset("diqkd.rounds.insecure_because", "; ".join(plan.insecure_because), broadcast=True)
        self.set_dataset("diqkd.rounds.plan", plan.to_json())
        self.set_dataset("diqkd.rounds.plan_digest", plan.digest().hex())
        self.set_dataset("diqkd.rounds.revision", source_revision())
        self.set_dataset("diqkd.rounds.total", plan.rounds, broadcast=True)
        self.set_dataset("diqkd.rounds.done", 0, broadcast=True)
        self.set_dataset("diqkd.rounds.lost", 0, broadcast=True)
        self.set_dataset("diqkd.rounds.remaining_s", float("nan"), broadcast=True)
        self.set_dataset("diqkd.rounds.herald_rate_hz", [], broadcast=True)
        self.set_dataset("diqkd.rounds.pattern_counts", [0, 0, 0, 0], broadcast=True)
        self.show_status("looking for the peer")

    def show_status(self, status):
        """One public line on what is going on."""
        self.status = status
        self.set_dataset("diqkd.rounds.status", status, broadcast=True)

    def _show_progress(self, progress):
        """Public numbers after each block: position, herald rate, balance of the herald patterns."""
        from contract.patterns import PATTERNS

        if self.status != "measuring":
            self.show_status("measuring")
        self.set_dataset("diqkd.rounds.done", progress.rounds_done, broadcast=True)
        self.set_dataset("diqkd.rounds.lost", progress.rounds_lost, broadcast=True)
        remaining = progress.remaining_s if progress.remaining_s is not None else float("nan")
        self.set_dataset("diqkd.rounds.remaining_s", remaining, broadcast=True)
        self.append_to_dataset("diqkd.rounds.herald_rate_hz", progress.herald_rate_hz)
        counts = [progress.pattern_counts[pattern] for pattern in PATTERNS]
        self.set_dataset("diqkd.rounds.pattern_counts", counts, broadcast=True)
