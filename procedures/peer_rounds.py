"""Rounds measured together with the peer, and what the dashboard sees of them: for every experiment that needs both
nodes.
"""

from contextlib import closing

from contract.patterns import PATTERNS
from procedures.node_experiment import PATIENCE, NodeExperiment


class PeerExperiment(NodeExperiment):
    """Measures all rounds of a plan with the peer, pausing and recovering in between.

    Public facts go to the datasets diqkd.rounds.*; post-processing, which may overlap the next run, has its own.
    """

    def block_argument(self, group: str):
        """What both nodes must choose alike."""
        self.number_argument(
            "block_rounds",
            1000,
            1,
            100_000,
            100,
            group,
            "Rounds between two meetings with the peer, the same on both nodes",
        )

    def keep_timeline(self, plan):
        """Rounds against machine time, with their pauses: public as herald times are, whole after resuming, too."""
        from postprocess.rounds.herald_times import herald_times

        times = herald_times(self.home.rounds_folder(plan.store_folder, plan.session_id))
        for name, value in (("timeline_rounds", times.rounds), ("timeline_s", times.seconds)):
            self.set_dataset("diqkd.rounds." + name, value, broadcast=True)

    def patience_arguments(self):
        """What is this node's alone."""
        self.seconds_argument("peer_timeout", 120, 5, 10, PATIENCE, "Longest wait for a message of the peer")
        self.recovery_argument(3600, "Longest wait for the ion or the laser to come back, here or at the peer")

    def measure_rounds(self, plan, strings=None, vary=None, ledger_id="", k0_id=""):
        """Measure all rounds of a plan, or those that an interrupted run has left.

        Args:
            plan: what both nodes agree on, postprocess.plans.session_parameters.SessionParameters or
                postprocess.plans.measurement_plan.MeasurementPlan.
            strings: procedures.live_strings.LiveStrings of a characterisation, updated after each block.
            vary: what these rounds change of the calibrated settings, NodeSettings -> NodeSettings.
            ledger_id, k0_id: names of ledger and K0 that a key is to be made with.

        Raises:
            SessionAborted, PeerLost, OperatorNeeded: see postprocess.acquisition.
        """
        from node.assembly import unvaried
        from node.node_errors import NodeProblem
        from postprocess.acquisition import Acquisition
        from postprocess.acquisition.measurement_loop import OperatorNeeded, measure_all_rounds
        from postprocess.link import open_link
        from postprocess.rounds.opening import open_rounds
        from postprocess.session.mailbox import peer_waits_in_post_processing
        from procedures.kernel_session import KernelSession

        home = self.home
        kernels = KernelSession(self.node, self.scheduler, home.calibration, self.recovery_timeout, self.show_status)
        self.node.vary = vary or unvaried
        kernels.read_calibration()
        store = open_rounds(home, plan, ledger_id)
        with (
            closing(store),
            closing(open_link(home.folder, home.node, plan.link_name, "rounds", self.peer_timeout)) as link,
        ):

            def block_done(progress):
                self._show_progress(progress)
                if strings is not None:
                    strings.update(store, link)

            acquisition = Acquisition(
                store,
                link,
                should_pause=self.scheduler.check_pause,
                progress=block_done,
                timeout_s=self.peer_timeout,
                recovery_timeout_s=self.recovery_timeout,
                k0_id=k0_id,
                peer_went_on=lambda: peer_waits_in_post_processing(home, plan.link_name),
            )
            self.node.blocks.allocate(plan.block_rounds)
            self.node.blocks.host = acquisition
            try:
                measure_all_rounds(acquisition, kernels)
            except NodeProblem as problem:
                raise OperatorNeeded(str(problem)) from problem
            if strings is not None:
                strings.finish(store, link)
        self.show_status("rounds complete")

    def describe_rounds(self, plan):
        """Public facts of the rounds, for the results file and for the dashboard."""
        from postprocess.support.revision import source_revision

        self.set_dataset("diqkd.rounds.node", self.node_name)
        self.set_dataset("diqkd.rounds.plan", plan.to_json())
        self.set_dataset("diqkd.rounds.plan_digest", plan.digest().hex())
        self.set_dataset("diqkd.rounds.revision", source_revision())
        for name, value in (
            ("session", plan.session_id),
            ("apparatus", plan.apparatus),
            ("insecure_because", "; ".join(plan.insecure_because)),
            ("total", plan.rounds),
            ("done", 0),
            ("lost", 0),
            ("remaining_s", float("nan")),
            ("herald_rate_hz", []),
            ("pattern_counts", [0, 0, 0, 0]),
        ):
            self.publish("rounds." + name, value)
        self.show_status("looking for the peer")

    def show_status(self, status):
        """One public line on what is going on."""
        self.status = status
        self.publish("rounds.status", status)

    def _show_progress(self, progress):
        """Public numbers after each block: position, herald rate, balance of the herald patterns."""
        if self.status != "measuring":
            self.show_status("measuring")
        self.publish("rounds.done", progress.rounds_done)
        self.publish("rounds.lost", progress.rounds_lost)
        self.publish("rounds.remaining_s", float("nan") if progress.remaining_s is None else progress.remaining_s)
        self.append_to_dataset("diqkd.rounds.herald_rate_hz", progress.herald_rate_hz)
        self.publish("rounds.pattern_counts", [progress.pattern_counts[pattern] for pattern in PATTERNS])
