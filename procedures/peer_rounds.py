"""Rounds measured together with the peer, and what the dashboard sees of them: for every experiment that needs both
nodes.
"""

from contextlib import closing

from contract.nodes import other_node
from procedures.node_experiment import PATIENCE, NodeExperiment


class PeerExperiment(NodeExperiment):
    """Measures all rounds of a plan with the peer, pausing and recovering in between.

    Public facts go to the datasets diqkd.rounds.*; post-processing, which may overlap the next run, has its own.
    """

    needs_peer = True
    _upkeep = None

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
        import numpy as np

        from postprocess.rounds.herald_times import herald_times
        from postprocess.rounds.pause_log import pause_causes

        times = herald_times(self.home.rounds_folder(plan.store_folder, plan.session_id))
        pauses = pause_causes(self.home.rounds_folder(plan.store_folder, plan.session_id))
        for name, value in (
            ("timeline_rounds", times.rounds),
            ("timeline_s", times.seconds),
            ("pause_rounds", np.array([pause.after_round for pause in pauses], np.int64)),
            ("pause_causes", "\n".join(pause.cause for pause in pauses)),
        ):
            self.publish("rounds." + name, value)

    def patience_arguments(self):
        """What is this node's alone."""
        self.seconds_argument("peer_timeout", 120, 1, 10, PATIENCE, "Longest wait for a message of the peer")
        self.recovery_argument(3600, "Longest wait for the ion or the laser to come back, here or at the peer")

    def measure_rounds(self, plan, strings=None, vary=None, ledger_id="", k0_id="", ended=""):
        """Measure all rounds of a plan, or those that an interrupted run has left.

        Args:
            plan: what both nodes agree on, postprocess.plans.session_parameters.SessionParameters or
                postprocess.plans.measurement_plan.MeasurementPlan.
            strings: procedures.live_strings.LiveStrings of a characterisation, updated after each block.
            vary: what these rounds change of the calibrated settings, NodeSettings -> NodeSettings.
            ledger_id, k0_id: names of ledger and K0 that a key is to be made with.

        Raises:
            SessionAborted, PeerLost, OperatorNeeded: see postprocess.acquisition.
            InvalidInput: others may read the node's home; outcomes are to be told (`strings`) in the middle of a key
                session's rounds.
        """
        from node.assembly import unvaried
        from node.node_errors import NodeProblem
        from postprocess.acquisition import Acquisition
        from postprocess.acquisition.measurement_loop import OperatorNeeded, measure_all_rounds
        from postprocess.link import open_link
        from postprocess.rounds.opening import open_rounds, rounds_to_come
        from postprocess.rounds.pause_log import note_pause
        from postprocess.session.mailbox import peer_waits_in_post_processing
        from postprocess.session.under_way import await_leave_to_tell_outcomes
        from procedures.kernel_session import KernelSession
        from procedures.node_check import NodeCheck
        from procedures.upkeep_arguments import require_fresh_calibrations, upkeep_of

        home = self.home
        home.require_private()  # also where no ledger is opened: settings, random source and link keys lie there
        if strings is not None:
            await_leave_to_tell_outcomes(home, self.peer_timeout)
        upkeep = self._upkeep or upkeep_of(self)
        if self._upkeep is None and not ended and rounds_to_come(home, plan):
            require_fresh_calibrations(self, upkeep)
            self._upkeep = upkeep
        kernels = KernelSession(
            self.node,
            self.scheduler,
            home.calibration,
            self.recovery_timeout,
            self.show_status,
            upkeep,
            NodeCheck(self).is_good,
        )
        self.node.vary = vary or unvaried
        kernels.read_calibration()
        store = open_rounds(home, plan, ledger_id)
        shown = self.rounds_shown
        earlier = shown.done_before
        with (
            closing(store),
            closing(open_link(home.folder, home.node, plan.link_name, "rounds", self.peer_timeout)) as link,
        ):

            def block_done(progress):
                shown.block_done(progress)
                upkeep.block_done(earlier + progress.rounds_done, progress.herald_rate_hz, progress.pattern_counts)
                if strings is not None:
                    await_leave_to_tell_outcomes(home, self.peer_timeout)  # a key session may have had its turn
                    strings.update(store, link)

            acquisition = Acquisition(
                store,
                link,
                pause_for=upkeep.pause_for,
                silent=lambda: self.show_status(f"waiting for {other_node(home.node)}"),
                paused=lambda after_round, cause: note_pause(store.folder, after_round, cause),
                progress=block_done,
                timeout_s=self.peer_timeout,
                recovery_timeout_s=self.recovery_timeout,
                k0_id=k0_id,
                ended=ended,
                peer_went_on=lambda: peer_waits_in_post_processing(home, plan.link_name),
            )
            progress, rates_hz = acquisition.report()
            shown.begin_part(plan, progress, rates_hz)
            upkeep.begin_at(earlier + progress.rounds_done, progress.pattern_counts)
            self.node.blocks.allocate(plan.block_rounds)
            self.node.blocks.host = acquisition
            try:
                measure_all_rounds(acquisition, kernels)
            except NodeProblem as problem:
                raise OperatorNeeded(str(problem)) from problem
            shown.end_part(acquisition.report()[0])
            if strings is not None:
                await_leave_to_tell_outcomes(home, self.peer_timeout)
                strings.finish(store, link)
        if shown.complete:
            self.show_status("rounds complete")

    def describe_rounds(self, *plans, name=""):
        """Public facts of the rounds, for the results file and for the dashboard.

        Args:
            plans: of all parts that will be measured.
            name: of the whole, where it has several parts.
        """
        from procedures.rounds_display import RoundsDisplay

        self.rounds_shown = RoundsDisplay(self, plans, name or plans[0].session_id)
        self.rounds_shown.begin("looking for the peer")

    def show_status(self, status):
        """One public line on what is going on."""
        self.rounds_shown.say(status)
